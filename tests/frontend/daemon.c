// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon - a pvbackend of the test's own, in a directory of its own
 */
#include "daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX     64
#define START_MS     10000
#define PATHS	     16

int daemon_dir(struct daemon *d)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(d->dir, sizeof(d->dir), "%.24s/pvtest.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(d->dir))
		return -errno;
	snprintf(d->log, sizeof(d->log), "%s/log", d->dir);
	return 0;
}

const char *daemon_path(const struct daemon *d, const char *name)
{
	static char paths[PATHS][108];
	static unsigned int turn;
	char *path = paths[turn++ % PATHS];

	snprintf(path, sizeof(paths[0]), "%s/%s", d->dir, name);
	return path;
}

int daemon_file(const struct daemon *d, const char *name, u64 size)
{
	int fd = open(daemon_path(d, name), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size))
		err = -errno;
	close(fd);
	return err;
}

int daemon_write(const struct daemon *d, const char *name, const char *text)
{
	FILE *f = fopen(daemon_path(d, name), "we");

	if (!f)
		return -errno;
	fputs(text, f);
	return fclose(f) ? -errno : 0;
}

const char *daemon_program(void)
{
	const char *program = getenv("PVBACKEND");

	return program ? program : TOP "/build/pvbackend";
}

static void child(struct daemon *d, const char *const *args)
{
	const char *argv[ARGS_MAX] = { daemon_program() };
	unsigned int i;
	int fd;

	for (i = 0; args[i] && i + 2 < ARGS_MAX; i++)
		argv[i + 1] = args[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(d->log, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	execv(argv[0], (char **)(uintptr_t)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int daemon_start(struct daemon *d, const char *const *args)
{
	d->pid = fork();
	if (d->pid < 0)
		return -errno;
	if (!d->pid)
		child(d, args);
	return 0;
}

static bool listening(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	err = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return !err;
}

int daemon_wait_socket(struct daemon *d, const char *path)
{
	unsigned int ms;

	for (ms = 0; ms < START_MS; ms += 5) {
		if (listening(path))
			return 0;
		if (!daemon_alive(d))
			return -ECHILD;
		usleep(5000);
	}
	return -ETIMEDOUT;
}

bool daemon_alive(struct daemon *d)
{
	siginfo_t info = { 0 };

	if (!d->pid)
		return false;
	if (waitid(P_PID, (id_t)d->pid, &info, WEXITED | WNOHANG | WNOWAIT))
		return false;
	return !info.si_pid;
}

int daemon_wait(struct daemon *d, int timeout_ms)
{
	bool killed = false;
	int status;
	int ms;

	for (ms = 0; daemon_alive(d); ms++) {
		if (ms >= timeout_ms && !killed) {
			kill(d->pid, SIGKILL);
			killed = true;
		}
		usleep(1000);
	}
	if (waitpid(d->pid, &status, 0) != d->pid)
		return -ECHILD;
	d->pid = 0;
	return killed ? -ETIMEDOUT : status;
}

int daemon_stop(struct daemon *d, int sig, int timeout_ms)
{
	if (!d->pid)
		return -ESRCH;
	kill(d->pid, sig);
	return daemon_wait(d, timeout_ms);
}

void daemon_remove(struct daemon *d)
{
	struct dirent *e;
	DIR *dir = opendir(d->dir);

	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	rmdir(d->dir);
}

const char *daemon_log_text(const struct daemon *d)
{
	static char text[65536];
	FILE *f = fopen(d->log, "re");
	size_t n;

	if (!f)
		return "";
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

/* The kernel's own helpers of io_uring come and go. */
static bool is_kernel_helper(const struct daemon *d, const char *tid)
{
	char path[PATH_MAX];
	char comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", d->pid, tid);
	f = fopen(path, "re");
	if (!f)
		return true;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = 0;
	fclose(f);
	return !strncmp(comm, "iou-", 4);
}

static int count_entries(const struct daemon *d, const char *what,
			 bool (*skip)(const struct daemon *d, const char *name))
{
	struct dirent *e;
	char path[64];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/%s", d->pid, what);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && !(skip && skip(d, e->d_name)))
			count++;
	closedir(dir);
	return count;
}

int daemon_count_fds(const struct daemon *d)
{
	return count_entries(d, "fd", NULL);
}

int daemon_count_threads(const struct daemon *d)
{
	return count_entries(d, "task", is_kernel_helper);
}

long daemon_rss_kib(const struct daemon *d)
{
	char path[64];
	char line[128];
	long kib = -ENOENT;
	FILE *f;

	/* RssAnon: shared guest memory is the front end's. */
	snprintf(path, sizeof(path), "/proc/%d/status", d->pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

u64 daemon_cpu_ns(const struct daemon *d)
{
	struct timespec ts;
	clockid_t clock;

	/* The kernel's io_uring threads come and go: only the process's clock
	 * still has what those that went have used.
	 */
	if (clock_getcpuclockid(d->pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}
