// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fixture - what the tests of a running daemon share
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SETTLE_MS 3000
#define CHUNK	  (64u << 10)

struct fixture fx;

static int write_config(void)
{
	const char *engine = getenv("PVTEST_ENGINE");
	const char *dir = fx.daemon.dir;
	char text[4096];

	snprintf(text, sizeof(text),
		 "[daemon]\ncontrol = %s/control.sock\nio-engine = %s\n"
		 "[blk disk]\nsocket-path = %s/disk.sock\n"
		 "blk-file = %s/disk.img\nnum-queues = %u\nserial = %s\n"
		 "[blk witness]\nsocket-path = %s/witness.sock\n"
		 "blk-file = %s/witness.img\n"
		 "[blk ro]\nsocket-path = %s/ro.sock\n"
		 "blk-file = %s/ro.img\nread-only = yes\n"
		 "[blk null]\nsocket-path = %s/null.sock\n"
		 "store = null\nsize = %llu\nnum-queues = %u\n"
		 "[net echo]\nsocket-path = %s/echo.sock\nport = echo\n"
		 "num-queues = 2\n",
		 dir, engine ? engine : "auto", dir, dir, DISK_QUEUES,
		 DISK_SERIAL, dir, dir, dir, dir, dir,
		 (unsigned long long)NULL_SIZE, DISK_QUEUES, dir);
	return daemon_write(&fx.daemon, "conf", text);
}

static int prepare_files(void)
{
	static const char *const images[] = { "disk.img", "witness.img",
					      "ro.img" };
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(images); i++) {
		err = daemon_file(&fx.daemon, images[i], DISK_SIZE);
		if (err)
			return err;
	}
	strcpy(fx.disk, daemon_path(&fx.daemon, "disk.sock"));
	strcpy(fx.ro, daemon_path(&fx.daemon, "ro.sock"));
	strcpy(fx.null, daemon_path(&fx.daemon, "null.sock"));
	strcpy(fx.echo, daemon_path(&fx.daemon, "echo.sock"));
	strcpy(fx.image, daemon_path(&fx.daemon, "disk.img"));
	strcpy(fx.control, daemon_path(&fx.daemon, "control.sock"));
	return write_config();
}

static int start_daemon(void)
{
	char arg[128];
	const char *const args[] = { "run", arg, NULL };
	int err;

	snprintf(arg, sizeof(arg), "--config=%s",
		 daemon_path(&fx.daemon, "conf"));
	err = daemon_start(&fx.daemon, args);
	if (err)
		return err;
	err = daemon_wait_socket(&fx.daemon, fx.disk);
	if (err)
		print_error("%s did not start: %s\n", daemon_program(),
			    daemon_log_text(&fx.daemon));
	return err;
}

static int start_witness(void)
{
	const struct drv_dev_conf conf = {
		.path = daemon_path(&fx.daemon, "witness.sock"),
		.features = DRV_BLK_FEATURES,
		.layout = { .regions = 1, .size = 4u << 20 },
	};
	int err;

	err = drv_dev_open(&fx.witness, &conf);
	if (err) {
		print_error("witness: %s\n", fx.witness.fe.err);
		return err;
	}
	fx.witness_buf = vu_mem_alloc_any(&fx.witness.mem, 4096, 4096);
	return drv_blk_req_alloc(&fx.witness_req, &fx.witness.mem);
}

unsigned int fixture_seed(void)
{
	const char *seed = getenv("PVTEST_SEED");

	return seed ? (unsigned int)strtoul(seed, NULL, 0) : 1;
}

int fixture_restart(void)
{
	if (start_daemon() || start_witness())
		return -1;
	return 0;
}

int fixture_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (daemon_dir(&fx.daemon) || prepare_files() || fixture_restart())
		return -1;
	/* What probed the socket has to be let go of first. */
	usleep(20000);
	fx.fds = daemon_count_fds(&fx.daemon);
	fx.threads = daemon_count_threads(&fx.daemon);
	return 0;
}

int fixture_teardown(void **state)
{
	int status;

	(void)state;
	drv_dev_close(&fx.witness);
	status = daemon_stop(&fx.daemon, SIGTERM, 5000);
	if (status)
		print_error("SIGTERM: status 0x%x: %s\n", (unsigned int)status,
			    daemon_log_text(&fx.daemon));
	if (!getenv("PVTEST_KEEP"))
		daemon_remove(&fx.daemon);
	return status ? -1 : 0;
}

static int witness_io(u32 type)
{
	struct drv_blk_req *req = &fx.witness_req;

	req->type = type;
	req->sector = fx.witness_seq % 1000 * 8;
	req->data[0] = (struct drv_sg){ fx.witness_buf, 4096 };
	req->num_data = 1;
	return drv_blk_do(&fx.witness, 0, req, NULL);
}

static void witness_works(void)
{
	u64 *buf = vu_mem_hva(&fx.witness.mem, fx.witness_buf, 4096);
	const u64 mark = ++fx.witness_seq * 0x9e3779b97f4a7c15ull;

	buf[0] = mark;
	buf[511] = ~mark;
	assert_int_equal(witness_io(VIRTIO_BLK_T_OUT), VIRTIO_BLK_S_OK);
	memset(buf, 0, 4096);
	assert_int_equal(witness_io(VIRTIO_BLK_T_IN), VIRTIO_BLK_S_OK);
	assert_true(buf[0] == mark && buf[511] == ~mark);
}

bool fixture_settled(void)
{
	/* $PVTEST_FOREIGN: another back end, whose thread pool may vary. */
	const bool foreign = getenv("PVTEST_FOREIGN");
	int threads = 0;
	int fds = 0;
	int ms;

	for (ms = 0; ms < SETTLE_MS; ms += 5) {
		fds = daemon_count_fds(&fx.daemon);
		threads = daemon_count_threads(&fx.daemon);
		if (fds == fx.fds && (foreign || threads == fx.threads))
			return true;
		usleep(5000);
	}
	print_error("left behind: %d descriptors instead of %d, %d threads instead of %d\n",
		    fds, fx.fds, threads, fx.threads);
	return false;
}

static void give_up(const char *why)
{
	/* cmocka's own printing cuts long texts. */
	fprintf(stderr, "%s; its log:\n%s", why, daemon_log_text(&fx.daemon));
	daemon_stop(&fx.daemon, SIGKILL, 1000);
	if (!getenv("PVTEST_KEEP"))
		daemon_remove(&fx.daemon);
	exit(EXIT_FAILURE);
}

int fixture_after(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < DISKS_MAX; i++)
		if (fx.open[i])
			disk_close(fx.open[i]);
	if (!daemon_alive(&fx.daemon))
		give_up("the daemon is gone");
	witness_works();
	if (!fixture_settled())
		give_up("the daemon is stuck or leaks");
	return 0;
}

int fixture_run(const char *name, const struct CMUnitTest *tests, size_t count)
{
	const char *filter = getenv("PVTEST_FILTER");

	if (filter)
		cmocka_set_test_filter(filter);
	return _cmocka_run_group_tests(name, tests, count, fixture_setup,
				       fixture_teardown);
}

static struct disk *disk_new(void)
{
	struct disk *disk;
	unsigned int i;

	for (i = 0; i < DISKS_MAX && fx.open[i]; i++)
		;
	assert_in_range(i, 0, DISKS_MAX - 1);
	disk = calloc(1, sizeof(*disk));
	assert_non_null(disk);
	fx.open[i] = disk;
	return disk;
}

struct disk *disk_connect(const char *path, const struct drv_dev_conf *conf)
{
	struct drv_dev_conf c = { 0 };
	struct disk *disk = disk_new();

	if (conf)
		c = *conf;
	c.path = path;
	c.features |= DRV_BLK_FEATURES;
	fe_ok(&disk->dev.fe, drv_dev_connect(&disk->dev, &c));
	assert_int_equal(drv_blk_req_alloc(&disk->req, &disk->dev.mem), 0);
	disk->buf = vu_mem_alloc_any(&disk->dev.mem, DISK_BUF, 4096);
	return disk;
}

void disk_start(struct disk *disk)
{
	fe_ok(&disk->dev.fe, drv_dev_start(&disk->dev));
}

struct disk *disk_open(const char *path, const struct drv_dev_conf *conf)
{
	struct disk *disk = disk_connect(path, conf);

	disk_start(disk);
	return disk;
}

void disk_close(struct disk *disk)
{
	unsigned int i;

	for (i = 0; i < DISKS_MAX; i++)
		if (fx.open[i] == disk)
			fx.open[i] = NULL;
	drv_dev_close(&disk->dev);
	free(disk);
}

int disk_io(struct disk *disk, unsigned int queue, u32 type, u64 sector,
	    u64 gpa, u32 len)
{
	disk->req.type = type;
	disk->req.sector = sector;
	disk->req.num_data = len ? 1 : 0;
	disk->req.data[0] = (struct drv_sg){ gpa, len };
	return drv_blk_do(&disk->dev, queue, &disk->req, NULL);
}

int disk_range(struct disk *disk, u32 type, u64 sector, u32 num, u32 flags)
{
	disk->req.type = type;
	drv_blk_set_range(&disk->req, sector, num, flags);
	return drv_blk_do(&disk->dev, 0, &disk->req, NULL);
}

static u8 pattern(u32 seed, u32 i)
{
	u32 z = (seed + 1) * 2654435761u ^ i * 40503u;

	return (u8)(z ^ z >> 11 ^ z >> 23) | 1;
}

void disk_fill(struct disk *disk, u64 gpa, u32 len, u32 seed)
{
	u8 *buf = malloc(len);
	u32 i;

	assert_non_null(buf);
	for (i = 0; i < len; i++)
		buf[i] = pattern(seed, i);
	assert_int_equal(vu_mem_write(&disk->dev.mem, gpa, buf, len), 0);
	free(buf);
}

void disk_expect(struct disk *disk, u64 gpa, u32 len, u32 seed)
{
	u8 *buf = malloc(len);
	u32 i;

	assert_non_null(buf);
	assert_int_equal(vu_mem_read(&disk->dev.mem, gpa, buf, len), 0);
	for (i = 0; i < len; i++)
		if (buf[i] != pattern(seed, i))
			break;
	free(buf);
	if (i < len)
		fail_msg("byte %u of %u differs from pattern %u", i, len, seed);
}

void disk_expect_byte(struct disk *disk, u64 gpa, u32 len, u8 byte)
{
	u8 *buf = malloc(len);
	u32 i;

	assert_non_null(buf);
	assert_int_equal(vu_mem_read(&disk->dev.mem, gpa, buf, len), 0);
	for (i = 0; i < len; i++)
		if (buf[i] != byte)
			break;
	free(buf);
	if (i < len)
		fail_msg("byte %u of %u is not 0x%02x", i, len, byte);
}

void disk_works(struct disk *disk)
{
	static u32 seed;
	unsigned int q;
	u64 sector;

	for (q = 0; q < disk->dev.conf.num_queues; q++) {
		sector = 8192 + q * 1024;
		disk_fill(disk, disk->buf, CHUNK, ++seed);
		assert_int_equal(disk_io(disk, q, VIRTIO_BLK_T_OUT, sector,
					 disk->buf, CHUNK),
				 VIRTIO_BLK_S_OK);
		assert_int_equal(disk_io(disk, q, VIRTIO_BLK_T_IN, sector,
					 disk->buf + CHUNK, CHUNK),
				 VIRTIO_BLK_S_OK);
		disk_expect(disk, disk->buf + CHUNK, CHUNK, seed);
	}
}
