/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox - what the process can still do after its start: little
 *
 * Theory of operation
 *
 * Two steps, as Linux has it: capabilities and Landlock are a thread's own, and
 * go to the threads that it starts; a list of system calls can be put on all
 * threads, but then no more can be started.
 *
 *	sandbox_prepare()	all is open; no thread has been started
 *	sandbox_enter()		capabilities, no_new_privs, Landlock
 *	...			threads are started
 *	sandbox_lock()		system calls (syscalls.h), all threads
 *
 * Nothing is opened by name afterwards: images, taps and listening sockets are
 * open, guests' memory and eventfds come as descriptors.  docs/threat-model.md
 * says what that is worth against whom.
 */
#ifndef PV_SANDBOX_H
#define PV_SANDBOX_H

#include "landlock.h"
#include "syscalls.h"

struct conf;

/**
 * struct sandbox - how far it has come
 * @on:		wanted
 * @needs:	SYSCALLS_*
 */
struct sandbox {
	bool on;
	unsigned int needs;
	struct landlock landlock;
};

/** sandbox_default() - on, but for sanitized builds, whose runtime needs more */
static inline bool sandbox_default(void)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#else
	return true;
#endif
}

/** sandbox_prepare() - find out what @conf needs; 0 or -errno, logged */
int sandbox_prepare(struct sandbox *sb, const struct conf *conf);

/** sandbox_enter() - this thread and those that it starts; 0 or -errno, logged */
int sandbox_enter(struct sandbox *sb);

/** sandbox_lock() - all threads; 0 or -errno, logged */
int sandbox_lock(struct sandbox *sb);

#endif /* PV_SANDBOX_H */
