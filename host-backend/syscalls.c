// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * syscalls - the system calls that the daemon makes after its start
 *
 * Theory of operation
 *
 * One table.  A call that is not in it, or whose arguments are not what its row
 * says, raises SIGSYS; the handler writes one line and ends the process.  It
 * ends, instead of seeing an error, because who makes such a call is no longer
 * the program that was started: it must not get another try.  A restarted
 * daemon goes on where this one was.
 *
 * A row is added for code that needs it, with that code, never for comfort.
 * Rows that only some configurations need say so in @need.
 */
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <liburing.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOR(needs, name, why)                                       \
	{                                                           \
		.number = SCMP_SYS(name), .need = SYSCALLS_##needs, \
		.reason = why                                       \
	}
#define WHERE(needs, name, arg, bits, want, why)                              \
	{                                                                     \
		.number = SCMP_SYS(name), .need = SYSCALLS_##needs,           \
		.num_args = 1, .args = { { arg, bits, want } }, .reason = why \
	}

#define EXACTLY UINT32_MAX

/* Stands for the process's own id; no process has it. */
#define OWN_PID UINT32_MAX

/* Several rows of one call are alternatives. */
const struct syscall_row syscalls_allowed[] = {
/* The control thread's loop and its sockets. */
#ifdef __NR_epoll_wait
	FOR(BASE, epoll_wait, "sleep until something comes"),
#else
	FOR(BASE, epoll_pwait, "sleep until something comes"),
#endif
	FOR(BASE, epoll_ctl, "connections come and go"),
	FOR(BASE, read, "eventfds, signalfd, device state, control clients"),
	FOR(BASE, write,
	    "eventfds, device state, a RARP, control clients, stderr"),
	FOR(BASE, accept4, "front ends, control clients"),
	FOR(BASE, recvmsg,
	    "vhost-user messages with descriptors, the back channel"),
	FOR(BASE, sendmsg, "replies, some with descriptors"),
	FOR(CONTROL, getsockopt, "who is the control client?"),
	FOR(BASE, close, "descriptors that front ends gave"),
	WHERE(BASE, fcntl, 1, EXACTLY, F_GETFL,
	      "is a kick or call non-blocking?"),
	WHERE(BASE, fcntl, 1, EXACTLY, F_SETFL, "make it so"),
	WHERE(BASE, fcntl, 1, EXACTLY, F_ADD_SEALS,
	      "nobody cuts the inflight region"),
	WHERE(BASE, fcntl, 1, EXACTLY, F_GET_SEALS,
	      "as the one that comes back"),
	WHERE(BLK, fcntl, 1, EXACTLY, F_OFD_SETLK,
	      "an image is handed over in a migration"),
	WHERE(BASE, fcntl, 1, EXACTLY, F_DUPFD_CLOEXEC,
	      "memory's files are kept for a daemon that takes over"),
	FOR(CONTROL, timerfd_settime, "patience with a daemon that takes over"),
	FOR(BASE, memfd_create, "the inflight region"),
	FOR(BASE, ftruncate, "its size; a disk grows while it is used"),
	FOR(BASE, fstat,
	    "size of what shall be mapped, of the image on SIGHUP"),
	FOR(BASE, newfstatat,
	    "the same in glibc; a socket file before its removal"),
#ifdef __NR_unlink
	FOR(BASE, unlink, "socket files at the end, as far as Landlock lets"),
#else
	FOR(BASE, unlinkat, "socket files at the end, as far as Landlock lets"),
#endif
#ifdef __NR_alarm
	FOR(BASE, alarm, "bounds the time that the end may take"),
#else
	FOR(BASE, setitimer, "bounds the time that the end may take"),
#endif

	/* Memory: guests', tables', malloc's; none of it executable. */
	WHERE(BASE, mmap, 2, PROT_EXEC, 0, "guest memory, buffers, malloc"),
	FOR(BASE, munmap, "the same, let go"),
	FOR(BASE, mremap, "realloc of what is large"),
	FOR(BASE, brk, "malloc"),
	FOR(BASE, madvise, "no guest memory in core files, thread stacks"),

	/* Workers, their disks and taps. */
	FOR(BASE, io_uring_enter, "submit, reap, sleep"),
	WHERE(BASE, io_uring_register, 1, EXACTLY, IORING_UNREGISTER_RING_FDS,
	      "a worker ends"),
	FOR(BASE, futex, "posts between threads, joining them"),
	FOR(BLK, mincore, "which pages of an image in memory are there"),
	FOR(BLK, preadv, "images in memory are read inline"),
	FOR(BASE, pwritev, "and written; a note in the inflight region"),
	FOR(BLK, fdatasync, "the write cache is turned off"),
	WHERE(BLK, ioctl, 1, EXACTLY, BLKGETSIZE64,
	      "size of a block device, SIGHUP"),
	WHERE(NET, ioctl, 1, EXACTLY, TUNSETOFFLOAD, "a driver chose offloads"),
	WHERE(NET, ioctl, 1, EXACTLY, TUNSETQUEUE, "a driver uses more pairs"),
	FOR(NET, writev, "a frame that announces a guest that has moved"),
	FOR(NET, readv, "frames from a tap that has some"),

	/* Time, signals, the end. */
	FOR(BASE, clock_gettime, "where the vDSO has no clock"),
	FOR(BASE, rt_sigreturn, "signal handlers"),
	FOR(BASE, rt_sigprocmask, "threads that end, abort()"),
	WHERE(BASE, rt_sigaction, 0, EXACTLY, SIGBUS,
	      "one that is our own fault"),
	FOR(BASE, getpid, "abort(), a violation"),
	FOR(BASE, gettid, "the same"),
	WHERE(BASE, tgkill, 0, EXACTLY, OWN_PID,
	      "the same, itself and nobody else"),
	FOR(BASE, exit, "a thread ends"),
	FOR(BASE, exit_group, "the process ends"),
	FOR(BASE, restart_syscall, "after SIGSTOP and SIGCONT, a debugger"),

	/* I/O in threads, where io_uring is refused (soft_ring.c). */
	FOR(THREADS, preadv2, "reads, from taps without waiting"),
	FOR(THREADS, pwritev2, "writes, to taps without waiting"),
	FOR(THREADS, fsync, "a write cache is flushed"),
	FOR(THREADS, fallocate, "discard and write-zeroes"),
	FOR(THREADS, timerfd_settime, "timeouts"),
	WHERE(THREADS, ioctl, 1, EXACTLY, BLKDISCARD,
	      "discard, on block devices"),

	/* Connections that the daemon begins: client mode, stores over NBD. */
	FOR(SOCKETS, socket, "a connection to a front end or server"),
	FOR(SOCKETS, connect, "likewise"),
	FOR(SOCKETS, timerfd_settime, "the next attempt"),
	FOR(SOCKETS, getsockopt, "has it come to be?"),
	FOR(SOCKETS, setsockopt, "no delays on it"),
	FOR(SOCKETS, poll, "libnbd waits for it"),
	FOR(SOCKETS, shutdown, "the end of it"),
	FOR(SOCKETS, sendto, "libnbd's requests"),
	FOR(SOCKETS, recvfrom, "and their answers"),
};
const unsigned int syscalls_num_allowed = ARRAY_SIZE(syscalls_allowed);

/* Violations */

#define NUMBERS 512

static char *names[NUMBERS];

/* Names must be there before: the handler may not allocate. */
static void names_fill(void)
{
	int i;

	for (i = 0; i < NUMBERS; i++)
		if (!names[i])
			names[i] = seccomp_syscall_resolve_num_arch(
				SCMP_ARCH_NATIVE, i);
}

static size_t add_text(char *line, size_t len, size_t size, const char *text)
{
	while (*text && len < size)
		line[len++] = *text++;
	return len;
}

static size_t add_number(char *line, size_t len, size_t size, unsigned int n)
{
	char digits[12];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return add_text(line, len, size, digits + at);
}

/* Async-signal-safe, and within the table. */
static void violation(int sig, siginfo_t *info, void *context)
{
	unsigned int nr = (unsigned int)info->si_syscall;
	const char *name = nr < NUMBERS && names[nr] ? names[nr] : "unknown";
	char line[160];
	size_t len = 0;
	ssize_t ret;

	len = add_text(line, len, sizeof(line),
		       "pvbackend: sandbox: system call ");
	len = add_text(line, len, sizeof(line), name);
	len = add_text(line, len, sizeof(line), " (number ");
	len = add_number(line, len, sizeof(line), nr);
	len = add_text(line, len, sizeof(line),
		       ") is not allowed here; the process ends\n");
	ret = write(STDERR_FILENO, line, len);
	(void)ret;
	/* SA_RESETHAND: this time it kills. */
	tgkill(getpid(), gettid(), SIGSYS);
}

static int violation_watch(void)
{
	struct sigaction act = {
		.sa_sigaction = violation,
		.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER,
	};

	names_fill();
	return sigaction(SIGSYS, &act, NULL) ? -errno : 0;
}

/* The filter */

static int row_add(scmp_filter_ctx filter, const struct syscall_row *row)
{
	struct scmp_arg_cmp args[SYSCALLS_ARGS_MAX];
	unsigned int i;

	for (i = 0; i < row->num_args; i++) {
		u64 value = row->args[i].value;

		if (value == OWN_PID)
			value = (u64)getpid();
		args[i] = SCMP_CMP64(row->args[i].index, SCMP_CMP_MASKED_EQ,
				     row->args[i].mask, value);
	}
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, row->number,
				      row->num_args, args);
}

/* Has a row before @i allowed the same call? */
static bool counted(unsigned int i, unsigned int needs)
{
	unsigned int j;

	for (j = 0; j < i; j++)
		if (syscalls_allowed[j].number == syscalls_allowed[i].number &&
		    (syscalls_allowed[j].need & needs))
			return true;
	return false;
}

static int filter_fill(scmp_filter_ctx filter, unsigned int needs)
{
	unsigned int i;
	int count = 0;
	int err;

	for (i = 0; i < syscalls_num_allowed; i++) {
		const struct syscall_row *row = &syscalls_allowed[i];

		if (row->number < 0 || !(row->need & needs))
			continue;
		err = row_add(filter, row);
		/* Another row allows it already. */
		if (err && err != -EEXIST)
			return err;
		count += !counted(i, needs);
	}
	return count;
}

int syscalls_lock(unsigned int needs)
{
	scmp_filter_ctx filter;
	int count, err;

	err = violation_watch();
	if (err)
		return err;
	filter = seccomp_init(SCMP_ACT_TRAP);
	if (!filter)
		return -ENOMEM;
	err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A decision tree: the filter costs the same for every call. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	count = err ? err : filter_fill(filter, needs | SYSCALLS_BASE);
	err = count < 0 ? count : seccomp_load(filter);
	seccomp_release(filter);
	return err ? err : count;
}
