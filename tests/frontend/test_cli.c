// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_cli - the table of bad input: one clear line, non-zero exit, no crash
 *
 * In arguments and configurations "@" stands for the test's own directory.  It
 * holds: disk (1 MiB), small (100 bytes), odd (1000 bytes), empty,
 * busy.sock (somebody listens), text, dir/.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 8

static struct daemon d;
static int busy_sock;

/** struct bad - a command line that must be refused */
struct bad {
	const char *name;
	const char *args[ARGS_MAX];
	const char *config;	/* written to @/conf */
	const char *says[3];	/* all of these are in the line */
};

#define BLK "blk", "--socket-path=@/s"
#define A32	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A512	  A32 A32 A32 A32 A32 A32 A32 A32 A32 A32 A32 A32 A32 A32 A32 A32
#define LONG_PATH "--socket-path=@/" A32 A32 A32 A32
#define RUN "run", "--config=@/conf"

static const struct bad bads[] = {
	{ "no command", { NULL }, NULL, { "blk" } },
	{ "unknown command", { "block" }, NULL, { "block", "blk" } },
	{ "unknown option", { BLK, "--blk-fil=@/disk" }, NULL,
	  { "blk-fil", "blk-file" } },
	{ "option of another command", { BLK, "--tap=tap0" }, NULL, { "tap" } },
	{ "argument without dashes", { BLK, "--blk-file=@/disk", "extra" },
	  NULL, { "extra" } },
	{ "option without value", { "blk", "--socket-path" }, NULL,
	  { "socket-path" } },
	{ "empty value", { BLK, "--blk-file=" }, NULL, { "blk-file" } },
	{ "no socket", { "blk", "--blk-file=@/disk" }, NULL,
	  { "socket-path" } },
	{ "no file", { BLK }, NULL, { "blk-file" } },
	{ "no config", { "run" }, NULL, { "config" } },
	{ "config that is not there", { "run", "--config=@/none" }, NULL,
	  { "@/none", "No such file" } },
	{ "config that is a directory", { "run", "--config=@/dir" }, NULL,
	  { "@/dir", "directory" } },
	{ "file that is not there", { BLK, "--blk-file=@/none" }, NULL,
	  { "@/none", "No such file" } },
	{ "file that is a directory", { BLK, "--blk-file=@/dir" }, NULL,
	  { "@/dir", "directory" } },
	{ "file that is a socket", { BLK, "--blk-file=@/busy.sock" }, NULL,
	  { "@/busy.sock" } },
	{ "file that is a character device", { BLK, "--blk-file=/dev/null" },
	  NULL, { "/dev/null" } },
	{ "empty file", { BLK, "--blk-file=@/empty" }, NULL, { "@/empty" } },
	{ "file too small", { BLK, "--blk-file=@/small" }, NULL,
	  { "@/small", "512" } },
	{ "file of no whole sectors", { BLK, "--blk-file=@/odd" }, NULL,
	  { "@/odd", "1000", "512" } },
	{ "no queues", { BLK, "--blk-file=@/disk", "--num-queues=0" }, NULL,
	  { "num-queues", "0", "1" } },
	{ "too many queues", { BLK, "--blk-file=@/disk", "--num-queues=1000" },
	  NULL, { "num-queues", "1000" } },
	{ "queues that are no number",
	  { BLK, "--blk-file=@/disk", "--num-queues=four" }, NULL,
	  { "num-queues", "four" } },
	{ "negative queues", { BLK, "--blk-file=@/disk", "--num-queues=-1" },
	  NULL, { "num-queues", "-1" } },
	{ "number with a tail", { BLK, "--blk-file=@/disk", "--num-queues=4x" },
	  NULL, { "num-queues", "4x" } },
	{ "number beyond 64 bits",
	  { BLK, "--blk-file=@/disk", "--num-queues=18446744073709551617" },
	  NULL, { "num-queues" } },
	{ "ring size no power of two",
	  { BLK, "--blk-file=@/disk", "--queue-size=100" }, NULL,
	  { "queue-size", "100" } },
	{ "block size", { BLK, "--blk-file=@/disk", "--block-size=777" }, NULL,
	  { "block-size", "777" } },
	{ "unknown store", { BLK, "--store=tape" }, NULL,
	  { "--store=tape", "file", "null" } },
	{ "socket twice", { BLK, "--blk-file=@/disk", "--fd=3" }, NULL,
	  { "--fd=3", "socket-path" } },
	{ "descriptor that is not there",
	  { "blk", "--blk-file=@/disk", "--fd=77" }, NULL,
	  { "--fd=77", "Bad file descriptor" } },
	{ "standard output as a socket",
	  { "blk", "--blk-file=@/disk", "--fd=1" }, NULL, { "--fd=1", "3" } },
	{ "unknown mode", { BLK, "--blk-file=@/disk", "--mode=clint" }, NULL,
	  { "--mode=clint", "server or client" } },
	{ "client of a descriptor",
	  { "blk", "--blk-file=@/disk", "--fd=3", "--mode=client" }, NULL,
	  { "--mode=client", "socket-path" } },
	{ "socket mode", { BLK, "--blk-file=@/disk", "--socket-mode=0888" },
	  NULL, { "--socket-mode=0888", "octal" } },
	{ "socket owner", { BLK, "--blk-file=@/disk", "--socket-owner=nobody9" },
	  NULL, { "socket-path", "socket-owner" } },
	{ "option twice",
	  { BLK, "--blk-file=@/disk", "--read-only", "--read-only" }, NULL,
	  { "--read-only: given twice", "command line has it" } },
	{ "null store without size", { BLK, "--store=null" }, NULL,
	  { "size" } },
	{ "size too large", { BLK, "--store=null", "--size=99999999999T" },
	  NULL, { "size" } },
	{ "serial too long",
	  { BLK, "--blk-file=@/disk", "--serial=123456789012345678901" }, NULL,
	  { "serial", "20" } },
	{ "switch", { BLK, "--blk-file=@/disk", "--read-only=perhaps" }, NULL,
	  { "read-only", "perhaps", "no" } },
	{ "socket in no directory",
	  { "blk", "--blk-file=@/disk", "--socket-path=@/no/dir/s" }, NULL,
	  { "@/no/dir/s" } },
	{ "socket path in use",
	  { "blk", "--blk-file=@/disk", "--socket-path=@/busy.sock" }, NULL,
	  { "@/busy.sock" } },
	{ "socket path is a file",
	  { "blk", "--blk-file=@/disk", "--socket-path=@/text" }, NULL,
	  { "@/text" } },
	{ "socket path is a directory",
	  { "blk", "--blk-file=@/disk", "--socket-path=@/dir" }, NULL,
	  { "@/dir" } },
	{ "socket path too long",
	  { "blk", "--blk-file=@/disk",
	    LONG_PATH },
	  NULL, { "socket-path", "107" } },
	{ "no tap", { "net", "--socket-path=@/s" }, NULL, { "tap" } },
	{ "tap that is not there",
	  { "net", "--socket-path=@/s", "--tap=pvnone0" }, NULL,
	  { "pvnone0" } },
	{ "tap that is no tap", { "net", "--socket-path=@/s", "--tap=lo" },
	  NULL, { "lo" } },
	{ "tap with a long name",
	  { "net", "--socket-path=@/s", "--tap=abcdefghijklmnop" }, NULL,
	  { "tap", "15" } },
	{ "unknown port", { "net", "--socket-path=@/s", "--port=serial" }, NULL,
	  { "port", "serial", "tap" } },
	{ "MAC", { "net", "--socket-path=@/s", "--port=echo", "--mac=1:2:3" },
	  NULL, { "mac", "1:2:3" } },
	{ "MAC of a group",
	  { "net", "--socket-path=@/s", "--port=echo",
	    "--mac=01:00:5e:00:00:01" }, NULL,
	  { "mac", "01:00:5e:00:00:01" } },
	{ "log level", { BLK, "--blk-file=@/disk", "--log-level=loud" }, NULL,
	  { "log-level", "loud", "debug" } },
	{ "workers", { BLK, "--blk-file=@/disk", "--workers=0" }, NULL,
	  { "workers", "0" } },

	{ "burst without rate",
	  { BLK, "--blk-file=@/disk", "--iops-burst=5" }, NULL,
	  { "iops-burst", "iops" } },
	{ "limit too large", { BLK, "--blk-file=@/disk", "--bps=1T" }, NULL,
	  { "bps", "1T" } },
	{ "control socket in use",
	  { BLK, "--blk-file=@/disk", "--control=@/busy.sock" }, NULL,
	  { "--control", "@/busy.sock" } },
	{ "control socket in no directory",
	  { BLK, "--blk-file=@/disk", "--control=@/no/c" }, NULL,
	  { "--control", "@/no/c", "directory" } },

	{ "empty config", { RUN }, "", { "@/conf" } },
	{ "config: no section", { RUN }, "socket-path = x\n",
	  { "@/conf:1", "socket-path" } },
	{ "config: unknown section", { RUN }, "[disk a]\n",
	  { "@/conf:1", "disk" } },
	{ "config: section not closed", { RUN }, "[blk a\n", { "@/conf:1" } },
	{ "config: unknown key", { RUN },
	  "[blk a]\nsocket-path = @/s\n\n# here\nfile = @/disk\n",
	  { "@/conf:5", "file" } },
	{ "config: bad value", { RUN },
	  "[blk a]\nsocket-path = @/s\nblk-file = @/disk\nnum-queues = many\n",
	  { "@/conf:4", "num-queues", "many" } },
	{ "config: line without =", { RUN }, "[blk a]\nsocket-path\n",
	  { "@/conf:2", "socket-path" } },
	{ "config: key missing", { RUN }, "[blk a]\nsocket-path = @/s\n",
	  { "@/conf:1", "blk-file" } },
	{ "config: same name twice", { RUN },
	  "[blk a]\nsocket-path=@/s\nblk-file=@/disk\n"
	  "[blk a]\nsocket-path=@/t\nstore=null\nsize=1M\n",
	  { "@/conf:4", "a" } },
	{ "config: same socket twice", { RUN },
	  "[blk a]\nsocket-path=@/s\nblk-file=@/disk\n"
	  "[blk b]\nsocket-path=@/s\nstore=null\nsize=1M\n",
	  { "@/conf:5: socket-path=@/s", "@/conf:2 has it" } },
	{ "config: same file twice", { RUN },
	  "[blk a]\nsocket-path=@/s\nblk-file=@/disk\n"
	  "[blk b]\nsocket-path=@/t\nblk-file=@/disk\n",
	  { "@/conf:6: blk-file=@/disk" } },
	{ "config: the second device is wrong", { RUN },
	  "[blk a]\nsocket-path=@/s\nblk-file=@/disk\n"
	  "[blk b]\nsocket-path=@/t\nblk-file=@/none\n",
	  { "@/conf:6: blk-file=@/none" } },
	{ "config: key twice", { RUN },
	  "[blk a]\nsocket-path=@/s\nblk-file=@/disk\nblk-file=@/none\n",
	  { "@/conf:4: blk-file: given twice", "@/conf:3 has it" } },
	{ "config: line too long", { RUN },
	  "[blk a]\nsocket-path=@/s\nblk-file=" A512 A512 A512 A512 A512
	  A512 A512 A512 A512 "\n",
	  { "@/conf:3", "more than" } },
	{ "config: checked only", { RUN, "--check-config" },
	  "[blk a]\nsocket-path=@/s\n", { "@/conf:1", "blk-file" } },
};

static const char *expand(const char *text)
{
	static char buf[32][8192];
	static unsigned int turn;
	char *out = buf[turn++ % ARRAY_SIZE(buf)];
	size_t n = 0;

	for (; *text && n + sizeof(d.dir) + 1 < sizeof(buf[0]); text++) {
		if (*text == '@')
			n += (size_t)sprintf(out + n, "%s", d.dir);
		else
			out[n++] = *text;
	}
	out[n] = 0;
	return out;
}

static void start(const char *const *args)
{
	const char *argv[ARGS_MAX + 1] = { NULL };
	unsigned int i;

	for (i = 0; i < ARGS_MAX && args[i]; i++)
		argv[i] = expand(args[i]);
	assert_int_equal(daemon_start(&d, argv), 0);
}

static unsigned int count_lines(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void refused(void **state)
{
	const struct bad *bad = *state;
	const char *text;
	unsigned int i;
	int status;

	if (!strcmp(bad->name, "tap that is no tap") && geteuid())
		skip();
	if (bad->config)
		assert_int_equal(daemon_write(&d, "conf", expand(bad->config)),
				 0);
	start(bad->args);
	status = daemon_wait(&d, 5000);
	text = daemon_log_text(&d);
	if (!WIFEXITED(status) || !WEXITSTATUS(status))
		fail_msg("status 0x%x: %s", (unsigned int)status, text);
	if (count_lines(text) != 1 || strncmp(text, "pvbackend: ", 11))
		fail_msg("not one line: %s", text);
	for (i = 0; i < ARRAY_SIZE(bad->says) && bad->says[i]; i++)
		if (!strstr(text, expand(bad->says[i])))
			fail_msg("\"%s\" is not in: %s", expand(bad->says[i]),
				 text);
	/* Nothing is left behind. */
	assert_int_not_equal(access(daemon_path(&d, "s"), F_OK), 0);
	assert_int_not_equal(access(daemon_path(&d, "t"), F_OK), 0);
}

static void good_status(const char *const *args, const char *says)
{
	int status;

	start(args);
	status = daemon_wait(&d, 5000);
	if (status)
		fail_msg("status 0x%x: %s", (unsigned int)status,
			 daemon_log_text(&d));
	assert_non_null(strstr(daemon_log_text(&d), says));
}

static void help(void **state)
{
	static const char *const args[] = { "--help", NULL };

	(void)state;
	good_status(args, "--socket-path");
}

static void version(void **state)
{
	static const char *const args[] = { "--version", NULL };

	(void)state;
	good_status(args, "pvbackend");
}

static void check_config(void **state)
{
	static const char *const args[] = { RUN, "--check-config", NULL };
	int status;

	(void)state;
	daemon_write(&d, "conf",
		     expand("; a comment\n[daemon]\nworkers = 1\n"
			    "[blk a]\n socket-path = @/s\t\nblk-file=@/disk\n"));
	start(args);
	status = daemon_wait(&d, 5000);
	assert_int_equal(status, 0);
	assert_int_not_equal(access(daemon_path(&d, "s"), F_OK), 0);
}

/* A disk works that was started by these arguments. */
static void disk_starts(const char *const *args)
{
	const struct drv_dev_conf conf = { .path = daemon_path(&d, "s"),
					   .features = DRV_BLK_FEATURES };
	struct drv_blk_req req;
	struct drv_dev dev;

	start(args);
	if (daemon_wait_socket(&d, conf.path))
		fail_msg("did not start: %s", daemon_log_text(&d));
	fe_ok(&dev.fe, drv_dev_open(&dev, &conf));
	assert_int_equal(drv_blk_req_alloc(&req, &dev.mem), 0);
	req.type = VIRTIO_BLK_T_IN;
	req.sector = 0;
	req.num_data = 1;
	req.data[0] = (struct drv_sg){
		vu_mem_alloc_any(&dev.mem, 4096, 4096), 512
	};
	assert_int_equal(drv_blk_do(&dev, 0, &req, NULL), VIRTIO_BLK_S_OK);
	drv_dev_close(&dev);
	assert_int_equal(daemon_stop(&d, SIGTERM, 5000), 0);
}

/* A socket file that a dead daemon left is replaced. */
static void stale_socket(void **state)
{
	static const char *const args[] = { BLK, "--blk-file=@/disk", NULL };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	strcpy(addr.sun_path, daemon_path(&d, "s"));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	disk_starts(args);
}

static void value_in_next_argument(void **state)
{
	static const char *const args[] = { "blk", "--socket-path", "@/s",
					    "--blk-file", "@/disk",
					    "--read-only", NULL };

	(void)state;
	disk_starts(args);
}

static void sigint_ends_it(void **state)
{
	static const char *const args[] = { BLK, "--blk-file=@/disk", NULL };

	(void)state;
	start(args);
	assert_int_equal(daemon_wait_socket(&d, daemon_path(&d, "s")), 0);
	assert_int_equal(daemon_stop(&d, SIGINT, 2000), 0);
	assert_int_not_equal(access(daemon_path(&d, "s"), F_OK), 0);
}

/* Many devices in one daemon. */
static void sixty_four_devices(void **state)
{
	static const char *const args[] = { RUN, NULL };
	struct vu_fe fe[64];
	char text[64 * 100];
	size_t n = 0;
	unsigned int i;
	u64 features;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fe); i++)
		n += (size_t)sprintf(text + n,
				     "[blk d%u]\nsocket-path=%s/d%u\nstore=null\nsize=1M\n",
				     i, d.dir, i);
	daemon_write(&d, "conf", text);
	start(args);
	assert_int_equal(daemon_wait_socket(&d, daemon_path(&d, "d63")), 0);
	for (i = 0; i < ARRAY_SIZE(fe); i++) {
		char name[16];

		sprintf(name, "d%u", i);
		vu_fe_init(&fe[i]);
		fe_ok(&fe[i], vu_fe_connect(&fe[i], daemon_path(&d, name)));
	}
	for (i = 0; i < ARRAY_SIZE(fe); i++)
		fe_ok(&fe[i], vu_fe_get_u64(&fe[i], VU_GET_FEATURES,
					    &features));
	for (i = 0; i < ARRAY_SIZE(fe); i++)
		vu_fe_close(&fe[i]);
	assert_int_equal(daemon_stop(&d, SIGTERM, 5000), 0);
}

static int setup(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (daemon_dir(&d) || daemon_file(&d, "disk", 1 << 20) ||
	    daemon_file(&d, "small", 100) || daemon_file(&d, "odd", 1000) ||
	    daemon_file(&d, "empty", 0) || daemon_file(&d, "text", 10) ||
	    mkdir(daemon_path(&d, "dir"), 0700))
		return -1;
	busy_sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(addr.sun_path, daemon_path(&d, "busy.sock"));
	if (bind(busy_sock, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return listen(busy_sock, 1);
}

static int teardown(void **state)
{
	(void)state;
	close(busy_sock);
	rmdir(daemon_path(&d, "dir"));
	daemon_remove(&d);
	return 0;
}

static int kill_rest(void **state)
{
	(void)state;
	if (d.pid)
		daemon_stop(&d, SIGKILL, 1000);
	unlink(daemon_path(&d, "s"));
	unlink(daemon_path(&d, "t"));
	return 0;
}

int main(void)
{
	static const struct CMUnitTest more[] = {
#define T(name) cmocka_unit_test_teardown(name, kill_rest)
		T(help),
		T(version),
		T(check_config),
		T(stale_socket),
		T(value_in_next_argument),
		T(sigint_ends_it),
		T(sixty_four_devices),
#undef T
	};
	static struct CMUnitTest tests[ARRAY_SIZE(bads) + ARRAY_SIZE(more)];
	const char *filter = getenv("PVTEST_FILTER");
	unsigned int i;

	if (filter)
		cmocka_set_test_filter(filter);
	for (i = 0; i < ARRAY_SIZE(bads); i++)
		tests[i] = (struct CMUnitTest){
			.name = bads[i].name,
			.test_func = refused,
			.teardown_func = kill_rest,
			.initial_state = (void *)(uintptr_t)&bads[i],
		};
	memcpy(tests + i, more, sizeof(more));
	return _cmocka_run_group_tests("cli", tests, ARRAY_SIZE(tests), setup,
				       teardown);
}
