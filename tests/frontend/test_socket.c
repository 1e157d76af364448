// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_socket - the ways to a front end: listening, dialling, descriptors
 *
 * pvbackend runs in its sandbox, with the options of docs/operations.md;
 * descriptors are passed as QEMU and a service manager do.
 */
#include "fixture.h"
#include "drv_blk.h"

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

/* Where the daemon finds its sockets. */
#define PASSED_FD  3
#define PASSED_MAX 3

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

/*
 * struct passed - what the daemon finds from PASSED_FD on
 * @names:	LISTEN_FDNAMES; NULL: not by a service manager
 */
struct passed {
	int fds[PASSED_MAX];
	unsigned int count;
	const char *names;
};

/* In the child. */
static void pass(const struct passed *p)
{
	int high[PASSED_MAX];
	unsigned int i;
	char text[16];

	/* Away first from where another one goes. */
	for (i = 0; i < p->count; i++)
		high[i] = fcntl(p->fds[i], F_DUPFD_CLOEXEC,
				PASSED_FD + PASSED_MAX);
	for (i = 0; i < p->count; i++)
		dup2(high[i], PASSED_FD + (int)i);
	if (!p->names)
		return;
	snprintf(text, sizeof(text), "%d", getpid());
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%u", p->count);
	setenv("LISTEN_FDS", text, 1);
	setenv("LISTEN_FDNAMES", p->names, 1);
}

/* In the child. */
static void become_daemon(const char *const *args, const struct passed *p)
{
	const char *argv[16] = { daemon_program() };
	unsigned int i;
	int log;

	for (i = 0; args[i] && i < 14; i++)
		argv[i + 1] = args[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log = open(d.log, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
	dup2(log, STDERR_FILENO);
	close(log);
	pass(p);
	execv(argv[0], (char **)(uintptr_t)argv);
	_exit(127);
}

static void start_passing(const char *const *args, const struct passed *p)
{
	unsigned int i;

	d.pid = fork();
	assert_true(d.pid >= 0);
	if (!d.pid)
		become_daemon(args, p);
	for (i = 0; i < p->count; i++)
		close(p->fds[i]);
}

static void start_with(const char *const *args, int fd, const char *names)
{
	const struct passed p = { { fd }, 1, names };

	start_passing(args, &p);
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
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
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

/* Which of the disks it is shows in the size. */
static void has_size_at(const char *path, u64 size)
{
	struct vu_fe fe;
	__le64 capacity;

	vu_fe_init(&fe);
	fe_ok(&fe, vu_fe_connect(&fe, path));
	fe_ok(&fe, vu_fe_negotiate(&fe, ~0ULL, ~0ULL));
	/* virtio 5.2.4: the first field, in sectors */
	fe_ok(&fe, vu_fe_get_config(&fe, 0, sizeof(capacity), &capacity));
	assert_int_equal(le64toh((__force u64)capacity) * DRV_BLK_SECTOR, size);
	vu_fe_close(&fe);
}

/* The sockets come in another order than the devices, and with a stranger. */
static void activated_by_names(void **state)
{
	const char *first = daemon_path(&d, "n1");
	const char *second = daemon_path(&d, "n2");
	const char *stranger = daemon_path(&d, "n3");
	const struct passed p = {
		.fds = { listen_at(second), listen_at(stranger),
			 listen_at(first) },
		.count = 3,
		.names = "second:stranger:first",
	};
	char config[64];
	const char *const args[] = { "run", "--config", config, NULL };

	(void)state;
	assert_int_equal(
		daemon_write(&d, "names.ini",
			     "[blk first]\nstore = null\nsize = 1M\n"
			     "[blk second]\nstore = null\nsize = 2M\n"),
		0);
	snprintf(config, sizeof(config), "%s", daemon_path(&d, "names.ini"));
	start_passing(args, &p);
	has_size_at(first, 1 << 20);
	has_size_at(second, 2 << 20);
	stop();
	assert_int_equal(unlink(first), 0);
	assert_int_equal(unlink(second), 0);
	assert_int_equal(unlink(stranger), 0);
}

/* A device that none of the names is for. */
static void activated_without_a_name(void **state)
{
	const char *a = daemon_path(&d, "w1");
	const char *b = daemon_path(&d, "w2");
	const struct passed p = {
		.fds = { listen_at(a), listen_at(b) },
		.count = 2,
		.names = "blk0:blkx",
	};
	const char *const args[] = { NULL_DISK, NULL };

	(void)state;
	start_passing(args, &p);
	assert_int_equal(WEXITSTATUS(daemon_wait(&d, 5000)), EXIT_FAILURE);
	assert_non_null(strstr(daemon_log_text(&d), "socket-path"));
	assert_int_equal(unlink(a), 0);
	assert_int_equal(unlink(b), 0);
}

static void file_permissions(void **state)
{
	const char *path = daemon_path(&d, "s");
	const char *const args[] = { NULL_DISK,
				     "--socket-path",
				     path,
				     "--socket-mode=0606",
				     "--socket-owner=1234",
				     "--socket-group=daemon",
				     NULL };
	const struct group *group = getgrnam("daemon");
	struct stat st;

	(void)state;
	if (geteuid() || !group) {
		print_message(
			"# reason: files can be given away by root only\n");
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
		cmocka_unit_test(activated_by_names),
		cmocka_unit_test(activated_without_a_name),
		cmocka_unit_test(file_permissions),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("socket", tests, setup, teardown);
}
