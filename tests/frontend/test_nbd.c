// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_nbd - a disk at an NBD server: good ones, failing ones, ones that vanish
 *
 * nbdkit serves, "pvbackend blk --store=nbd" is its client (nbd_server.h).
 */
#include "ctl.h"
#include "nbd_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOOL TOP "/build/frontend/pvfe-blk"

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct nbd_server server;

static int teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < DISKS_MAX; i++)
		if (fx.open[i])
			disk_close(fx.open[i]);
	nbd_server_close(&server);
	return 0;
}

static struct disk *open_disk(void)
{
	return disk_open(server.disk, NULL);
}

static int write_byte(struct disk *disk, u64 sector)
{
	return disk_io(disk, 0, VIRTIO_BLK_T_OUT, sector, disk->buf, 4096);
}

static int read_back(struct disk *disk, u64 sector)
{
	return disk_io(disk, 0, VIRTIO_BLK_T_IN, sector, disk->buf, 4096);
}

static int flush(struct disk *disk)
{
	return disk_io(disk, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
}

static pid_t tool_start(const char *const *opts)
{
	const char *argv[12] = { TOOL, "--rw=verify" };
	char socket[128];
	unsigned int n = 2;
	pid_t pid;

	snprintf(socket, sizeof(socket), "--socket=%s", server.disk);
	argv[n++] = socket;
	while (*opts)
		argv[n++] = *opts++;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(TOOL, (char **)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static void expect_success(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("the load ended with status 0x%x; the daemon: %s",
			 (unsigned int)status, daemon_log_text(&server.daemon));
}

static void touch(const char *name)
{
	assert_int_equal(daemon_file(&server.daemon, name, 0), 0);
}

static void erase(const char *name)
{
	assert_int_equal(unlink(daemon_path(&server.daemon, name)), 0);
}

/* How often @what stands in nbdkit's log filter's file */
static unsigned int logged(const char *what, const char *with)
{
	FILE *f = fopen(daemon_path(&server.daemon, "requests"), "re");
	unsigned int n = 0;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, what) && strstr(line, with) &&
		    !strstr(line, "return="))
			n++;
	fclose(f);
	return n;
}

/* nbdkit's memory plugin says CAN_MULTI_CONN: a connection a worker. */
static void verified_load(void **state)
{
	(void)state;
	nbd_server_open(&server, ARGS("memory", "64M"));
	nbd_server_daemon(&server, ARGS("--workers=2"));
	expect_success(tool_start(ARGS("--queues=4", "--iodepth=16",
				       "--ios=1500", "--segments=8")));
}

static void verified_load_one_connection(void **state)
{
	(void)state;
	nbd_server_open(&server, ARGS("--filter=multi-conn", "file", "@/img",
				      "multi-conn-mode=disable"));
	nbd_server_daemon(&server, ARGS("--workers=2"));
	expect_success(tool_start(ARGS("--queues=4", "--iodepth=16",
				       "--ios=1500", "--segments=8")));
}

static void verified_load_on_threads(void **state)
{
	(void)state;
	nbd_server_open(&server, ARGS("memory", "64M"));
	nbd_server_daemon(&server, ARGS("--workers=2", "--io-engine=threads"));
	expect_success(tool_start(ARGS("--queues=2", "--iodepth=16",
				       "--ios=1000", "--wait=event")));
}

/* Segments that are no multiple of the server's block, through bounce memory. */
static void verified_load_of_odd_segments(void **state)
{
	(void)state;
	nbd_server_open(&server, ARGS("--filter=blocksize-policy", "memory",
				      "64M", "blocksize-minimum=512",
				      "blocksize-preferred=4096",
				      "blocksize-maximum=64K",
				      "blocksize-error-policy=error"));
	nbd_server_daemon(&server, NULL);
	expect_success(
		tool_start(ARGS("--queues=2", "--iodepth=8", "--ios=500",
				"--segments=8", "--misalign", "--bs=65536")));
}

static void large_transfers(void **state)
{
	struct disk *disk;

	(void)state;
	nbd_server_open(&server,
			ARGS("--filter=blocksize-policy", "memory", "64M",
			     "blocksize-minimum=1", "blocksize-preferred=4096",
			     "blocksize-maximum=64K",
			     "blocksize-error-policy=error"));
	nbd_server_daemon(&server, NULL);
	disk = open_disk();
	disk_fill(disk, disk->buf, 1u << 20, 5);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 64, disk->buf,
				 1u << 20),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 64,
				 disk->buf + (1u << 20), 1u << 20),
			 VIRTIO_BLK_S_OK);
	disk_expect(disk, disk->buf + (1u << 20), 1u << 20, 5);
}

static void block_size_of_the_server(void **state)
{
	struct disk *disk;
	u32 size;

	(void)state;
	nbd_server_open(&server,
			ARGS("--filter=blocksize-policy", "memory", "64M",
			     "blocksize-minimum=4096",
			     "blocksize-preferred=4096", "blocksize-maximum=1M",
			     "blocksize-error-policy=error"));
	nbd_server_daemon(&server, NULL);
	disk = open_disk();
	fe_ok(&disk->dev.fe,
	      vu_fe_get_config(&disk->dev.fe,
			       offsetof(struct virtio_blk_config, blk_size),
			       sizeof(size), &size));
	assert_int_equal(size, 4096);
	disk_works(disk);
	/* Finer than the server can, and than the disk says. */
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 1, disk->buf, 512),
			 VIRTIO_BLK_S_IOERR);
	disk_works(disk);
}

static void zeroes_and_discard(void **state)
{
	static const u32 flags[] = { 0, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP };
	struct disk *disk;

	(void)state;
	nbd_server_open(&server, ARGS("--filter=log", "memory", "64M",
				      "logfile=@/requests"));
	nbd_server_daemon(&server, NULL);
	disk = open_disk();
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		disk_fill(disk, disk->buf, 4096, i);
		assert_int_equal(write_byte(disk, 128), VIRTIO_BLK_S_OK);
		assert_int_equal(disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES,
					    128, 8, flags[i]),
				 VIRTIO_BLK_S_OK);
		assert_int_equal(read_back(disk, 128), VIRTIO_BLK_S_OK);
		disk_expect_byte(disk, disk->buf, 4096, 0);
	}
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_DISCARD, 128, 8, 0),
			 VIRTIO_BLK_S_OK);
	/* Without unmap the space stays allocated: NBD_CMD_FLAG_NO_HOLE. */
	assert_int_equal(logged("Zero", "trim=0"), 1);
	assert_int_equal(logged("Zero", "trim=1"), 1);
	assert_int_equal(logged("Trim", "offset=0x10000 count=0x1000"), 1);
}

/* virtio 1.3, 5.2.6.2: with writeback off, a write is durable when complete. */
static void writeback_off_is_fua(void **state)
{
	const u32 wce = offsetof(struct virtio_blk_config, wce);
	struct disk *disk;
	u8 value = 0;

	(void)state;
	nbd_server_open(&server, ARGS("--filter=log", "memory", "64M",
				      "logfile=@/requests"));
	nbd_server_daemon(&server, NULL);
	disk = open_disk();
	/* Until it was read, a driver may think that there is no cache. */
	fe_ok(&disk->dev.fe, vu_fe_get_config(&disk->dev.fe, wce, 1, &value));
	assert_int_equal(value, 1);
	value = 0;
	assert_int_equal(write_byte(disk, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(logged("Write", "fua=0"), 1);
	assert_int_equal(logged("Flush", ""), 0);
	assert_int_equal(flush(disk), VIRTIO_BLK_S_OK);
	assert_int_equal(logged("Flush", ""), 1);

	/* Turning it off makes durable what was written until then. */
	fe_ok(&disk->dev.fe, vu_fe_set_config(&disk->dev.fe, wce, 1, &value));
	fe_ok(&disk->dev.fe, vu_fe_get_config(&disk->dev.fe, wce, 1, &value));
	assert_int_equal(logged("Flush", ""), 2);
	assert_int_equal(write_byte(disk, 8), VIRTIO_BLK_S_OK);
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(logged("Write", "fua=1"), 1);
	assert_int_equal(logged("Zero", "fua=1"), 1);

	value = 1;
	fe_ok(&disk->dev.fe, vu_fe_set_config(&disk->dev.fe, wce, 1, &value));
	assert_int_equal(write_byte(disk, 16), VIRTIO_BLK_S_OK);
	assert_int_equal(logged("Write", "fua=0"), 2);
}

/* A server without FUA is asked to flush before the write is complete. */
static void flush_stands_in_for_fua(void **state)
{
	const u32 wce = offsetof(struct virtio_blk_config, wce);
	struct disk *disk;
	u8 value = 0;

	(void)state;
	nbd_server_open(&server, ARGS("--filter=fua", "--filter=log", "file",
				      "@/img", "logfile=@/requests"));
	nbd_server_daemon(&server, NULL);
	disk = open_disk();
	fe_ok(&disk->dev.fe, vu_fe_set_config(&disk->dev.fe, wce, 1, &value));
	assert_int_equal(write_byte(disk, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(logged("Write", ""), 1);
	assert_int_equal(logged("Flush", ""), 1);
}

static void read_only(void **state)
{
	struct disk *disk;

	(void)state;
	nbd_server_open(&server, ARGS("-r", "memory", "64M"));
	nbd_server_daemon(&server, ARGS("--read-only"));
	disk = open_disk();
	assert_int_equal(read_back(disk, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(write_byte(disk, 0), VIRTIO_BLK_S_IOERR);
}

struct failure {
	const char *error;
	const char *args[6];
};

static const struct failure failures[] = {
	{ "EIO", { "error=EIO", "error-rate=100%" } },
	{ "ENOSPC", { "error-pwrite=ENOSPC", "error-pwrite-rate=100%" } },
	/* Does not mean that one request failed, but that it is going. */
	{ "ESHUTDOWN", { "error-pwrite=ESHUTDOWN", "error-pwrite-rate=100%" } },
};

/* The request fails, the device lives, and works when the cause is gone. */
static void server_fails(void **state)
{
	const struct failure *f = *state;
	struct disk *disk;

	nbd_server_open(&server,
			ARGS("--filter=error", "memory", "64M",
			     "error-file=@/fail", f->args[0], f->args[1]));
	nbd_server_daemon(&server, ARGS("--nbd-timeout=1"));
	disk = open_disk();
	disk_works(disk);
	touch("fail");
	assert_int_equal(write_byte(disk, 0), VIRTIO_BLK_S_IOERR);
	erase("fail");
	disk_works(disk);
}

static json_int_t counter(const char *name)
{
	json_t *answer = ctl_ask(server.control, "{\"command\":\"stats\"}");
	json_t *dev = json_object_get(json_object_get(answer, "result"),
				      "devices");
	json_t *value;
	json_int_t n;

	dev = json_array_get(dev, 0);
	value = json_object_get(json_object_get(dev, "counters"), name);
	assert_true(json_is_integer(value));
	n = json_integer_value(value);
	json_decref(answer);
	return n;
}

static void wait_log(const char *text)
{
	for (unsigned int ms = 0;
	     !strstr(daemon_log_text(&server.daemon), text); ms++) {
		if (ms >= 5000)
			fail_msg("\"%s\" is not in: %s", text,
				 daemon_log_text(&server.daemon));
		usleep(1000);
	}
}

/* Where operators look, each says how the connection fared. */
static void expect_lost_once(void)
{
	const char *text;
	int status;

	assert_int_equal(counter("nbd_connects"), 2);
	assert_int_equal(counter("nbd_losses"), 1);
	assert_int_equal(counter("nbd_interrupted"), 1);
	assert_int_equal(counter("nbd_timeouts"), 1);
	text = PVCTL(server.control, &status, "stats");
	assert_int_equal(status, 0);
	if (!strstr(text, "blk: nbd_connects=2 nbd_losses=1 "))
		fail_msg("%s", text);
	kill(server.daemon.pid, SIGUSR1);
	wait_log("stats device=blk nbd_connects=2 nbd_losses=1 "
		 "nbd_interrupted=1 nbd_timeouts=1\n");
}

/* One that never answers must not keep a request, nor answer it later. */
static void server_hangs(void **state)
{
	struct disk *disk;

	(void)state;
	nbd_server_open(&server, ARGS("--filter=delay", "memory", "64M",
				      "rdelay=1200ms"));
	nbd_server_daemon(&server, ARGS("--nbd-timeout=1"));
	disk = open_disk();
	disk_fill(disk, disk->buf, 4096, 1);
	assert_int_equal(write_byte(disk, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(read_back(disk, 0), VIRTIO_BLK_S_IOERR);
	/* Memory that the guest has back stays as it is. */
	disk_fill(disk, disk->buf, 4096, 2);
	assert_int_equal(write_byte(disk, 8), VIRTIO_BLK_S_OK);
	usleep(400000);
	disk_expect(disk, disk->buf, 4096, 2);
	assert_int_equal(write_byte(disk, 16), VIRTIO_BLK_S_OK);
	expect_lost_once();
}

static void server_gone_and_back(void **state)
{
	struct disk *disk;

	(void)state;
	nbd_server_open(&server, ARGS("file", "@/img"));
	nbd_server_daemon(&server, ARGS("--nbd-timeout=1"));
	disk = open_disk();
	disk_works(disk);
	nbd_server_kill(&server);
	assert_int_equal(write_byte(disk, 0), VIRTIO_BLK_S_IOERR);
	assert_true(daemon_alive(&server.daemon));
	assert_non_null(strstr(daemon_log_text(&server.daemon), "wait up to"));
	nbd_server_start(&server);
	/* It may be between two attempts. */
	for (unsigned int i = 0; i < 5; i++)
		if (write_byte(disk, 0) == VIRTIO_BLK_S_OK)
			break;
	disk_works(disk);
	assert_non_null(
		strstr(daemon_log_text(&server.daemon), "connected again"));
}

/* Requests wait for it: no error, no lost and no wrong byte. */
static void server_killed_under_load(void **state)
{
	pid_t pid;

	(void)state;
	nbd_server_open(&server, ARGS("file", "@/img"));
	nbd_server_daemon(&server, ARGS("--workers=2"));
	pid = tool_start(ARGS("--queues=4", "--iodepth=16", "--runtime=2",
			      "--size=32m"));
	for (unsigned int round = 0; round < 4; round++) {
		usleep(200000 + round * 37000);
		nbd_server_kill(&server);
		usleep(50000 * round);
		nbd_server_start(&server);
	}
	expect_success(pid);
}

/* Another export must not take the place of the one that the guest knows. */
static void server_comes_back_smaller(void **state)
{
	struct disk *disk;

	(void)state;
	nbd_server_open(&server, ARGS("file", "@/img"));
	nbd_server_daemon(&server, ARGS("--nbd-timeout=1"));
	disk = open_disk();
	nbd_server_kill(&server);
	assert_int_equal(truncate(daemon_path(&server.daemon, "img"), 4096), 0);
	nbd_server_start(&server);
	assert_int_equal(flush(disk), VIRTIO_BLK_S_IOERR);
	assert_int_equal(
		truncate(daemon_path(&server.daemon, "img"), DISK_SIZE), 0);
	for (unsigned int i = 0; i < 5; i++)
		if (read_back(disk, 0) == VIRTIO_BLK_S_OK)
			break;
	disk_works(disk);
}

static void grows(void **state)
{
	struct disk *disk;
	u64 bytes = 0;

	(void)state;
	nbd_server_open(&server, ARGS("file", "@/img"));
	nbd_server_daemon(&server, NULL);
	disk = open_disk();
	disk_works(disk);
	assert_int_equal(
		truncate(daemon_path(&server.daemon, "img"), 2 * DISK_SIZE), 0);
	kill(server.daemon.pid, SIGHUP);
	for (unsigned int ms = 0; bytes != 2 * DISK_SIZE; ms++) {
		assert_true(ms < 5000);
		usleep(1000);
		assert_int_equal(drv_blk_capacity(&disk->dev, &bytes), 0);
	}
	assert_int_equal(write_byte(disk, (2 * DISK_SIZE >> 9) - 8),
			 VIRTIO_BLK_S_OK);
	disk_works(disk);
}

/* The end does not wait for a server that is away. */
static void ends_without_the_server(void **state)
{
	(void)state;
	nbd_server_open(&server, ARGS("memory", "64M"));
	nbd_server_daemon(&server, NULL);
	disk_works(open_disk());
	nbd_server_kill(&server);
	/* teardown() wants a clean end. */
}

struct refusal {
	const char *name;
	const char *nbdkit[6];
	const char *args[4];
	const char *says[2];
};

static const struct refusal refusals[] = {
	{ "no server",
	  { "-r", "memory", "1M" },
	  { "--nbd-uri=nbd+unix:///?socket=/nonexistent/s" },
	  { "nbd-uri", "No such file" } },
	{ "no URI",
	  { "-r", "memory", "1M" },
	  { "--nbd-uri=10.0.0.1:10809" },
	  { "nbd-uri", "10.0.0.1:10809" } },
	{ "read-only export",
	  { "-r", "memory", "1M" },
	  { NULL },
	  { "nbd-uri", "read-only" } },
	{ "block size",
	  { "--filter=blocksize-policy", "memory", "1M",
	    "blocksize-minimum=4096", "blocksize-error-policy=error" },
	  { "--block-size=512" },
	  { "block-size", "4096" } },
	{ "no option",
	  { "memory", "1M" },
	  { "--blk-file=/dev/null" },
	  { "blk-file", "store=nbd" } },
};

static void refused(void **state)
{
	const struct refusal *r = *state;
	const char *argv[8] = { "blk", "--store=nbd" };
	char path[128], uri[160];
	unsigned int n = 2;
	int status;

	nbd_server_open(&server, r->nbdkit);
	snprintf(path, sizeof(path), "--socket-path=%s", server.disk);
	snprintf(uri, sizeof(uri), "--nbd-uri=nbd+unix:///?socket=%s/nbd.sock",
		 server.daemon.dir);
	argv[n++] = path;
	for (unsigned int i = 0; r->args[i]; i++)
		argv[n++] = r->args[i];
	if (!r->args[0] || strncmp(r->args[0], "--nbd-uri", 9))
		argv[n++] = uri;
	assert_int_equal(daemon_start(&server.daemon, argv), 0);
	status = daemon_wait(&server.daemon, 5000);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	for (unsigned int i = 0; i < 2 && r->says[i]; i++)
		if (!strstr(daemon_log_text(&server.daemon), r->says[i]))
			fail_msg("\"%s\" is not in: %s", r->says[i],
				 daemon_log_text(&server.daemon));
}

static bool built_without(void)
{
	const char *const args[] = { "blk", "--store=nbd", "--nbd-uri=nbd://",
				     "--socket-path=/nonexistent/s", NULL };
	struct daemon d = { 0 };
	bool without;

	if (daemon_dir(&d) || daemon_start(&d, args))
		return true;
	daemon_wait(&d, 15000);
	without = strstr(daemon_log_text(&d), "built without");
	daemon_remove(&d);
	return without;
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	static const struct CMUnitTest first[] = {
		TEST(verified_load),
		TEST(verified_load_one_connection),
		TEST(verified_load_on_threads),
		TEST(verified_load_of_odd_segments),
		TEST(large_transfers),
		TEST(block_size_of_the_server),
		TEST(zeroes_and_discard),
		TEST(writeback_off_is_fua),
		TEST(flush_stands_in_for_fua),
		TEST(read_only),
		TEST(server_hangs),
		TEST(server_gone_and_back),
		TEST(server_killed_under_load),
		TEST(server_comes_back_smaller),
		TEST(grows),
		TEST(ends_without_the_server),
	};
	struct CMUnitTest tests[ARRAY_SIZE(first) + ARRAY_SIZE(failures) +
				ARRAY_SIZE(refusals)];
	unsigned int n = ARRAY_SIZE(first), i;

	if (!nbd_server_installed() || built_without()) {
		printf("1..1\nok 1 - nbd # SKIP without nbdkit or libnbd\n");
		printf("# reason: apt-get install nbdkit libnbd-dev\n");
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	memcpy(tests, first, sizeof(first));
	for (i = 0; i < ARRAY_SIZE(failures); i++)
		tests[n++] = (struct CMUnitTest){
			failures[i].error,
			server_fails,
			NULL,
			teardown,
			(void *)(uintptr_t)&failures[i],
		};
	for (i = 0; i < ARRAY_SIZE(refusals); i++)
		tests[n++] = (struct CMUnitTest){
			refusals[i].name,
			refused,
			NULL,
			teardown,
			(void *)(uintptr_t)&refusals[i],
		};
	if (getenv("PVTEST_FILTER"))
		cmocka_set_test_filter(getenv("PVTEST_FILTER"));
	return cmocka_run_group_tests_name("nbd", tests, NULL, NULL);
}
