// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_threads - a daemon that may not use io_uring serves all the same
 *
 * A seccomp filter, as a container's profile has it, refuses io_uring_setup()
 * to this program and so to the daemon, "pvbackend blk".
 */
#include "fixture.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL TOP "/build/frontend/pvfe-blk"

static int refuse_io_uring(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { ARRAY_SIZE(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? -errno : 0;
}

static void one_line_says_so(void **state)
{
	const char *text = daemon_log_text(&fx.daemon);
	const char *line = strstr(text, "io_uring cannot be used");

	(void)state;
	assert_non_null(line);
	assert_non_null(strstr(line, "threads"));
	assert_null(strstr(line + 1, "io_uring cannot be used"));
}

static void disk_serves(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);

	(void)state;
	disk_works(disk);
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_DISCARD, 8, 8, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0),
			 VIRTIO_BLK_S_OK);
}

static void verified_load(void **state)
{
	const char *const *opts = *state;
	char socket[128];
	const char *argv[8] = { TOOL, "--rw=verify", socket };
	int status;
	pid_t pid;

	snprintf(socket, sizeof(socket), "--socket=%s", fx.disk);
	for (unsigned int i = 0; opts[i]; i++)
		argv[i + 3] = opts[i];
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(TOOL, (char **)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Where threads were not asked for, the daemon must say what would help. */
static void io_uring_or_nothing(void **state)
{
	struct daemon d = { 0 };
	const char *args[] = { "blk", "--io-engine=io_uring", "--store=null",
			       "--size=1M", "--socket-path", NULL, NULL };
	int status;

	(void)state;
	assert_int_equal(daemon_dir(&d), 0);
	args[5] = daemon_path(&d, "s");
	assert_int_equal(daemon_start(&d, args), 0);
	status = daemon_wait(&d, 5000);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status));
	assert_non_null(strstr(daemon_log_text(&d), "io-engine=threads"));
	daemon_remove(&d);
}

int main(void)
{
	static const char *const deep[] = { "--queues=4", "--iodepth=32",
					    "--ios=3000", "--segments=4",
					    NULL };
	static const char *const calls[] = { "--queues=2", "--iodepth=4",
					     "--ios=2000", "--wait=event",
					     NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(one_line_says_so, fixture_after),
		cmocka_unit_test_teardown(disk_serves, fixture_after),
		{ "verified_load_4_queues", verified_load, NULL, fixture_after,
		  (void *)(uintptr_t)deep },
		{ "verified_load_waiting_for_calls", verified_load, NULL,
		  fixture_after, (void *)(uintptr_t)calls },
		cmocka_unit_test_teardown(io_uring_or_nothing, fixture_after),
	};

	if (refuse_io_uring()) {
		print_error("no seccomp filter: %s\n", strerror(errno));
		return 1;
	}
	return fixture_run("threads", tests, ARRAY_SIZE(tests));
}
