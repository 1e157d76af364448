// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_verify - pvfe-blk's verifying load over rings, regions and restarts
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL TOP "/build/frontend/pvfe-blk"
#define OPTS_MAX 10

/** struct load - a run of the tool */
struct load {
	const char *name;
	const char *opts[OPTS_MAX];
};

static const struct load loads[] = {
	{ "verify: 1 queue", { "--iodepth=32", "--ios=6000" } },
	{ "verify: 4 queues",
	  { "--queues=4", "--iodepth=16", "--ios=2000", "--segments=8" } },
	{ "verify: 4 queues, waiting for calls",
	  { "--queues=4", "--iodepth=16", "--ios=2000", "--wait=event" } },
	{ "verify: no event index",
	  { "--queues=2", "--iodepth=16", "--ios=2000", "--wait=event",
	    "--no-event-idx" } },
	{ "verify: no indirect",
	  { "--queues=2", "--iodepth=32", "--ios=2000", "--segments=4",
	    "--no-indirect" } },
	{ "verify: neither",
	  { "--iodepth=32", "--ios=3000", "--no-indirect", "--no-event-idx",
	    "--wait=event" } },
	{ "verify: buffers over 9 regions",
	  { "--queues=4", "--iodepth=16", "--ios=2000", "--segments=16",
	    "--regions=9" } },
	{ "verify: buffers that begin anywhere",
	  { "--queues=2", "--iodepth=16", "--ios=2000", "--segments=8",
	    "--misalign" } },
	{ "verify: 512-byte blocks",
	  { "--queues=4", "--iodepth=16", "--ios=2000", "--bs=512",
	    "--size=8m" } },
	{ "verify: 64 KiB blocks",
	  { "--queues=2", "--iodepth=8", "--ios=500", "--bs=65536",
	    "--segments=16" } },
	/* More than 65,536 requests: the ring's 16-bit indices wrap. */
	{ "verify: indices wrap, ring of 4",
	  { "--iodepth=4", "--ios=70000", "--queue-size=4", "--bs=512",
	    "--size=4m" } },
	{ "verify: packed",
	  { "--ring=packed", "--queues=4", "--iodepth=16", "--ios=2000",
	    "--segments=8", "--wait=event" } },
	{ "verify: packed, neither",
	  { "--ring=packed", "--iodepth=32", "--ios=3000", "--segments=4",
	    "--no-indirect", "--no-event-idx", "--wait=event" } },
	{ "verify: packed, chains round the end, ring of 77",
	  { "--ring=packed", "--queues=2", "--iodepth=16", "--ios=3000",
	    "--segments=4", "--queue-size=77", "--no-indirect",
	    "--wait=event" } },
	{ "verify: packed, in order",
	  { "--ring=packed", "--in-order", "--queues=2", "--iodepth=32",
	    "--ios=3000", "--segments=2", "--no-indirect" } },
	{ "verify: in order",
	  { "--in-order", "--queues=2", "--iodepth=32", "--ios=3000",
	    "--segments=2", "--no-indirect", "--wait=event" } },
	{ "verify: ring of 1024",
	  { "--iodepth=256", "--ios=6000", "--queue-size=1024" } },
	{ "load: indices wrap, waiting for calls",
	  { "--rw=randread", "--iodepth=8", "--ios=70000", "--wait=event" } },
	{ "load: packed, ring of 9, waiting for calls",
	  { "--rw=randread", "--ring=packed", "--queue-size=9",
	    "--iodepth=8", "--ios=20000", "--wait=event" } },
	{ "load: reads at depth 1, waiting for calls",
	  { "--rw=randread", "--iodepth=1", "--ios=5000", "--wait=event" } },
	{ "load: reads and writes", { "--rw=randrw", "--iodepth=128",
				      "--queues=4", "--ios=3000" } },
};

static pid_t tool_start(const char *const *opts)
{
	const char *argv[OPTS_MAX + 4] = { TOOL, "--rw=verify" };
	char socket[128];
	unsigned int i;
	pid_t pid;
	int fd;

	snprintf(socket, sizeof(socket), "--socket=%s", fx.disk);
	argv[2] = socket;
	for (i = 0; i < OPTS_MAX && opts[i]; i++)
		argv[i + 3] = opts[i];
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(daemon_path(&fx.daemon, "tool"),
		  O_CREAT | O_TRUNC | O_WRONLY, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execv(TOOL, (char **)(uintptr_t)argv);
	_exit(127);
}

static int tool_wait(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect_success(pid_t pid)
{
	int status = tool_wait(pid);
	char text[2000] = "";
	FILE *f;

	if (!status)
		return;
	f = fopen(daemon_path(&fx.daemon, "tool"), "re");
	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = 0;
		fclose(f);
	}
	fail_msg("status %d: %s", status, text);
}

static void runs_clean(void **state)
{
	const struct load *load = *state;

	expect_success(tool_start(load->opts));
}

/*
 * The daemon dies with requests in flight and is started again, without a record
 * of them; with one it is tests/campaign that kills.
 */
static void daemon_killed(void **state)
{
	static const char *const opts[] = { "--queues=4", "--iodepth=16",
					    "--runtime=4", "--reconnect",
					    "--size=32m", "--no-inflight",
					    NULL };
	unsigned int round;
	pid_t pid;

	(void)state;
	drv_dev_close(&fx.witness);
	pid = tool_start(opts);
	for (round = 0; round < 6; round++) {
		usleep(300000 + round * 37000);
		daemon_stop(&fx.daemon, SIGKILL, 5000);
		assert_int_equal(fixture_restart(), 0);
		if (round < 5)
			drv_dev_close(&fx.witness);
	}
	expect_success(pid);
}

/* The load must notice a byte that somebody else changed. */
static void wrong_bytes_are_noticed(void **state)
{
	static const char *const opts[] = { "--iodepth=4", "--runtime=1",
					    "--size=1m", NULL };
	static const char wrong[4096] = "not what was written";
	unsigned int i;
	pid_t pid;
	int fd;

	(void)state;
	pid = tool_start(opts);
	usleep(500000);
	fd = open(fx.image, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (i = 0; i < 128; i++)
		assert_int_equal(pwrite(fd, wrong, sizeof(wrong), i * 8192),
				 sizeof(wrong));
	close(fd);
	assert_int_equal(tool_wait(pid), 1);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test_teardown(daemon_killed, fixture_after),
		cmocka_unit_test_teardown(wrong_bytes_are_noticed,
					  fixture_after),
	};
	static struct CMUnitTest tests[ARRAY_SIZE(loads) + ARRAY_SIZE(more)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(loads); i++)
		tests[i] = (struct CMUnitTest){
			.name = loads[i].name,
			.test_func = runs_clean,
			.teardown_func = fixture_after,
			.initial_state = (void *)(uintptr_t)&loads[i],
		};
	memcpy(tests + i, more, sizeof(more));
	return fixture_run("verify", tests, ARRAY_SIZE(tests));
}
