// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_socket - the ways to a front end: listening, dialling, descriptors
 *
 * The daemon runs in its sandbox; descriptors are passed as QEMU and a service
 * manager do.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the daemon finds its socket at. */
#define PASSED_FD 3

static struct daemon d;

static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	unlink(path);
	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* In the child: @fd is the descriptor that is passed, @names LISTEN_FDNAMES */
static void child(const char *const *args, int fd, const char *names)
{
	const char *argv[16] = { daemon_program() };
	unsigned int i;
	char pid[16];
	int log;

	for (i = 0; args[i] && i < 14; i++)
		argv[i + 1] = args[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log = open(d.log, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
	dup2(log, STDERR_FILENO);
	if (fd == PASSED_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, PASSED_FD);
	if (names) {
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_FDNAMES", names, 1);
	}
	execv(argv[0], (char **)(uintptr_t)argv);
	_exit(127);
}

static void start_with(const char *const *args, int fd, const char *names)
{
	d.pid = fork();
	assert_true(d.pid >= 0);
	if (!d.pid)
		child(args, fd, names);
	close(fd);
}

/* Asks for features until there is an answer. */
static void serves(int sock)
{
	struct vu_fe fe;
	u64 features = 0;

	vu_fe_init(&fe);
	fe.sock = sock;
	fe_ok(&fe, vu_fe_get_u64(&fe, VU_GET_FEATURES, &features));
	assert_true(features);
	vu_fe_close(&fe);
}

static void serves_at(const char *path)
{
	struct vu_fe fe;
	u64 features = 0;

	vu_fe_init(&fe);
	fe_ok(&fe, vu_fe_connect(&fe, path));
	fe_ok(&fe, vu_fe_get_u64(&fe, VU_GET_FEATURES, &features));
	assert_true(features);
	vu_fe_close(&fe);
}

static void stop(void)
{
	int status = daemon_stop(&d, SIGTERM, 5000);

	if (status)
		fail_msg("status 0x%x: %s", (unsigned int)status,
			 daemon_log_text(&d));
}

#define NULL_DISK "blk", "--store=null", "--size=1M"

/* The front end's socket is there late, goes, and comes again. */
static void client_mode(void **state)
{
	const char *path = daemon_path(&d, "s");
	const char *const args[] = { NULL_DISK, "--mode=client",
				     "--socket-path", path, NULL };
	int listener, i;

	(void)state;
	assert_int_equal(daemon_start(&d, args), 0);
	for (i = 0; i < 3; i++) {
		listener = listen_at(path);
		serves(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
		serves(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
		close(listener);
	}
	stop();
	/* Not the daemon's to remove. */
	assert_int_equal(unlink(path), 0);
}

static void fd_listening(void **state)
{
	const char *path = daemon_path(&d, "l");
	const char *const args[] = { NULL_DISK, "--fd=3", NULL };

	(void)state;
	start_with(args, listen_at(path), NULL);
	serves_at(path);
	serves_at(path);
	stop();
	assert_int_equal(unlink(path), 0);
}

/* The end of the connection is the end of the program. */
static void fd_connected(void **state)
{
	const char *const args[] = { NULL_DISK, "--fd=3", NULL };
	int pair[2];
	int status;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	start_with(args, pair[1], NULL);
	serves(pair[0]);
	status = daemon_wait(&d, 5000);
	if (status)
		fail_msg("status 0x%x: %s", (unsigned int)status,
			 daemon_log_text(&d));
}

static void activated(void **state)
{
	const char *path = daemon_path(&d, "a");
	const char *const args[] = { NULL_DISK, NULL };

	(void)state;
	start_with(args, listen_at(path), "blk");
	serves_at(path);
	stop();
	assert_int_equal(unlink(path), 0);
}

static void file_permissions(void **state)
{
	const char *path = daemon_path(&d, "s");
	const char *const args[] = { NULL_DISK, "--socket-path", path,
				     "--socket-mode=0606",
				     "--socket-owner=1234",
				     "--socket-group=daemon", NULL };
	const struct group *group = getgrnam("daemon");
	struct stat st;

	(void)state;
	if (geteuid() || !group) {
		print_message("# reason: files can be given away by root only\n");
		skip();
	}
	assert_int_equal(daemon_start(&d, args), 0);
	assert_int_equal(daemon_wait_socket(&d, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0606);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, group->gr_gid);
	stop();
	assert_int_not_equal(access(path, F_OK), 0);
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return daemon_dir(&d);
}

static int teardown(void **state)
{
	(void)state;
	daemon_remove(&d);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_mode),
		cmocka_unit_test(fd_listening),
		cmocka_unit_test(fd_connected),
		cmocka_unit_test(activated),
		cmocka_unit_test(file_permissions),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("socket", tests, setup, teardown);
}
