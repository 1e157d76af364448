// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_sandbox - what a locked process cannot do
 *
 * Every attempt is made by a child that locks itself in first; its standard
 * error is a pipe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "syscalls.h"

#define PAGE 4096

/* For one type of device and the control socket. */
#define PLAIN_MAX 40

static char said[4096];

/* Wait status of a child that runs @body; what it says goes to said[]. */
static int child_status(void (*body)(void *arg), void *arg)
{
	int out[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(out[1], STDERR_FILENO);
		body(arg);
		_exit(0);
	}
	close(out[1]);
	memset(said, 0, sizeof(said));
	n = read(out[0], said, sizeof(said) - 1);
	assert_true(n >= 0);
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#ifndef __SANITIZE_ADDRESS__
/* System calls */

/** struct attempt - a call that must end the process, by the name it is told */
struct attempt {
	const char *name;
	long (*call)(void);
	unsigned int needs;
};

static long try_openat(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long try_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long try_execve(void)
{
	return execl("/bin/true", "true", NULL);
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long try_kill(void)
{
	return kill(getpid(), 0);
}

static long try_tgkill(void)
{
	return syscall(SYS_tgkill, 1, 1, 0);
}

static long try_exec_memory(void)
{
	return (long)mmap(NULL, PAGE, PROT_READ | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long try_exec_protect(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, PAGE, PROT_READ | PROT_EXEC);
}

static long try_ioctl(void)
{
	return syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}

static long try_dup(void)
{
	return syscall(SYS_fcntl, 0, F_DUPFD, 10);
}

static long try_uring(void)
{
	return syscall(SYS_io_uring_setup, 4, NULL);
}

static long try_uring_register(void)
{
	return syscall(SYS_io_uring_register, 0, 0, NULL, 0);
}

static long try_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static const struct attempt attempts[] = {
	{ .name = "openat", .call = try_openat },
	{ .name = "socket", .call = try_socket },
	{ .name = "execve", .call = try_execve },
	{ .name = "execve", .call = try_execve, .needs = SYSCALLS_SOCKETS },
	{ .name = "ptrace", .call = try_ptrace },
	{ .name = "clone", .call = try_fork },
	{ .name = "kill", .call = try_kill },
	{ .name = "tgkill", .call = try_tgkill },
	{ .name = "mmap", .call = try_exec_memory },
	{ .name = "mprotect", .call = try_exec_protect },
	{ .name = "ioctl", .call = try_ioctl },
	{ .name = "fcntl", .call = try_dup },
	{ .name = "io_uring_setup", .call = try_uring },
	{ .name = "io_uring_register", .call = try_uring_register },
	{ .name = "prctl", .call = try_prctl },
};

static void lock_and_try(void *arg)
{
	const struct attempt *a = arg;

	if (syscalls_lock(a->needs) < 0)
		_exit(1);
	a->call();
}

static void expect_killed(int status, const struct attempt *a)
{
	char line[128];

	snprintf(line, sizeof(line),
		 "pvbackend: sandbox: system call %s (number ", a->name);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		fail_msg("%s: status 0x%x: %s", a->name, (unsigned int)status,
			 said);
	if (strncmp(said, line, strlen(line)) ||
	    strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("%s: said: %s", a->name, said);
}

static void forbidden_calls(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attempts); i++)
		expect_killed(child_status(lock_and_try,
					   (void *)(uintptr_t)&attempts[i]),
			      &attempts[i]);
}

/* A thread that was there before is locked in as well. */

static int go_fd;
static sem_t started;

static void *thread_main(void *arg)
{
	u64 count;

	sem_post(&started);
	if (read(go_fd, &count, sizeof(count)) == sizeof(count))
		try_openat();
	return NULL;
}

static void lock_with_thread(void *arg)
{
	pthread_t thread;
	u64 one = 1;

	go_fd = eventfd(0, 0);
	sem_init(&started, 0, 0);
	if (pthread_create(&thread, NULL, thread_main, NULL) ||
	    sem_wait(&started) || syscalls_lock(0) < 0)
		_exit(1);
	if (write(go_fd, &one, sizeof(one)) != sizeof(one))
		_exit(2);
	pthread_join(thread, NULL);
}

static void all_threads(void **state)
{
	expect_killed(child_status(lock_with_thread, NULL), &attempts[0]);
}

/* What the list is for goes on. */
static void lock_and_work(void *arg)
{
	struct pollfd none = { .fd = -1 };
	void *page;
	u64 one = 1;
	int fd = eventfd(0, EFD_NONBLOCK);

	if (syscalls_lock(SYSCALLS_SOCKETS) < 0)
		_exit(1);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || munmap(page, PAGE) ||
	    write(fd, &one, sizeof(one)) != sizeof(one) ||
	    read(fd, &one, sizeof(one)) != sizeof(one))
		_exit(2);
	if (fcntl(fd, F_GETFL) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK))
		_exit(3);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || poll(&none, 1, 0))
		_exit(4);
}

static void allowed_calls(void **state)
{
	int status = child_status(lock_and_work, NULL);

	if (status)
		fail_msg("status 0x%x: %s", (unsigned int)status, said);
}

static void abort_locked(void *arg)
{
	if (syscalls_lock(0) >= 0)
		abort();
}

/* Our own fault is told as such, not as a violation. */
static void abort_is_abort(void **state)
{
	int status = child_status(abort_locked, NULL);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("status 0x%x: %s", (unsigned int)status, said);
}

static void count_locked(void *arg)
{
	_exit(syscalls_lock(*(unsigned int *)arg));
}

/* Each row has its reason. */
static void table_is_sound(void **state)
{
	unsigned int i;

	for (i = 0; i < syscalls_num_allowed; i++) {
		const struct syscall_row *row = &syscalls_allowed[i];

		assert_true(strlen(row->reason) > 5);
		assert_true(row->need);
		assert_true(row->num_args <= SYSCALLS_ARGS_MAX);
	}
}

static void calls_are_few(void **state)
{
	static const unsigned int plain[] = {
		SYSCALLS_BLK | SYSCALLS_CONTROL,
		SYSCALLS_NET | SYSCALLS_CONTROL,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		int status = child_status(count_locked,
					  (void *)(uintptr_t)&plain[i]);

		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), 20, PLAIN_MAX);
	}
}

#endif /* __SANITIZE_ADDRESS__ */

/* Landlock */

static char dir[] = "/tmp/test_sandbox.XXXXXX";
static char inside[64], beside[64], outside[64], below[64];

static int touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	return fd < 0 ? -1 : close(fd);
}

static int group_setup(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(below, sizeof(below), "%s/d", dir);
	snprintf(inside, sizeof(inside), "%s/d/inside", dir);
	snprintf(beside, sizeof(beside), "%s/d/beside", dir);
	snprintf(outside, sizeof(outside), "%s/outside", dir);
	return mkdir(below, 0700) || touch(inside) || touch(outside);
}

static int group_teardown(void **state)
{
	unlink(inside);
	unlink(outside);
	rmdir(below);
	return rmdir(dir);
}

static void enter_or_exit(bool connects)
{
	struct landlock ll;

	if (landlock_open(&ll, connects) || landlock_allow_remove(&ll, inside))
		_exit(1);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (landlock_enter(&ll) || ll.ruleset != -1)
		_exit(1);
}

static bool refuses(int ret)
{
	return ret < 0 && (errno == EACCES || errno == EPERM);
}

static void files_body(void *arg)
{
	int before = open(outside, O_RDWR);

	enter_or_exit(false);
	if (!refuses(open("/etc/passwd", O_RDONLY)) ||
	    !refuses(open(inside, O_RDONLY)) ||
	    !refuses(open(below, O_RDONLY | O_DIRECTORY)))
		_exit(2);
	if (!refuses(unlink(outside)) || !refuses(mkdir(beside, 0700)) ||
	    !refuses(rename(inside, outside)))
		_exit(3);
	/* What is open works; what may be removed is. */
	if (ftruncate(before, 100) || write(before, "x", 1) != 1)
		_exit(4);
	if (unlink(inside))
		_exit(5);
}

static bool have_landlock(int abi)
{
	struct landlock ll;

	assert_int_equal(landlock_open(&ll, false), 0);
	if (ll.ruleset >= 0)
		close(ll.ruleset);
	return ll.abi >= abi;
}

static void files(void **state)
{
	if (!have_landlock(3)) {
		print_message("# reason: this kernel has no Landlock\n");
		skip();
	}
	assert_int_equal(child_status(files_body, NULL), 0);
	assert_int_equal(touch(inside), 0);
}

static void ports_body(void *arg)
{
	const struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	bool connects = *(bool *)arg;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool refused;

	enter_or_exit(connects);
	refused = refuses(
		connect(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	_exit(refused == connects);
}

static void ports(void **state)
{
	bool yes = true, no = false;

	if (!have_landlock(4)) {
		print_message(
			"# reason: this kernel's Landlock knows no ports\n");
		skip();
	}
	assert_int_equal(child_status(ports_body, &no), 0);
	assert_int_equal(child_status(ports_body, &yes), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_ADDRESS__
		/* The sanitizer's runtime makes calls of its own. */
		cmocka_unit_test(forbidden_calls),
		cmocka_unit_test(all_threads),
		cmocka_unit_test(allowed_calls),
		cmocka_unit_test(abort_is_abort),
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(calls_are_few),
#endif
		cmocka_unit_test(files),
		cmocka_unit_test(ports),
	};

	return cmocka_run_group_tests_name("sandbox", tests, group_setup,
					   group_teardown);
}
