/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscalls - the system calls that the daemon makes after its start
 */
#ifndef PV_SYSCALLS_H
#define PV_SYSCALLS_H

#include "util.h"

/* What a configuration needs beyond the rest. */
#define SYSCALLS_BASE	 0x1u
#define SYSCALLS_BLK	 0x2u /* a disk */
#define SYSCALLS_NET	 0x4u /* a NIC */
#define SYSCALLS_CONTROL 0x8u /* the control socket */
#define SYSCALLS_THREADS 0x10u /* I/O without io_uring */
#define SYSCALLS_SOCKETS 0x20u /* connections that the daemon begins itself */

#define SYSCALLS_ARGS_MAX 3

/**
 * struct syscall_arg - what an argument must be; all of a row's must hold
 * @index:	of the argument, from 0
 * @mask:	bits that are looked at
 * @value:	that these must have
 */
struct syscall_arg {
	unsigned int index;
	u64 mask;
	u64 value;
};

/**
 * struct syscall_row - an allowed system call
 * @number:	libseccomp's, negative where this architecture has it not
 * @need:	SYSCALLS_*: in which configurations
 * @num_args:	conditions in @args
 * @reason:	who calls it, and what for
 */
struct syscall_row {
	int number;
	unsigned int need;
	unsigned int num_args;
	struct syscall_arg args[SYSCALLS_ARGS_MAX];
	const char *reason;
};

extern const struct syscall_row syscalls_allowed[];
extern const unsigned int syscalls_num_allowed;

/**
 * syscalls_lock() - end the process at any other call, in all of its threads
 * @needs:	SYSCALLS_*
 *
 * SYSCALLS_BASE is implied.  A violation is one line on stderr that names the
 * call; then the process ends by SIGSYS.
 *
 * Return: how many calls are allowed, or -errno.
 */
int syscalls_lock(unsigned int needs);

#endif /* PV_SYSCALLS_H */
