/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * landlock - no files, no network ports: what a thread may reach by name
 *
 * Linux 5.13's Landlock, by its system calls; no C library wraps them.  What
 * is open stays open.  It also holds for what io_uring opens, which a list of
 * system calls cannot see.
 */
#ifndef PV_LANDLOCK_H
#define PV_LANDLOCK_H

#include "util.h"

/**
 * struct landlock - rules being collected
 * @ruleset:	its descriptor, -1: this kernel has no Landlock
 * @abi:	version of the kernel's, 0: none
 */
struct landlock {
	int ruleset;
	int abi;
};

/**
 * landlock_open() - begin with nothing allowed
 * @connects:	but connections to TCP ports
 *
 * Return: 0, also where the kernel has no Landlock (@abi is 0 then), or -errno.
 */
int landlock_open(struct landlock *ll, bool connects);

/** landlock_allow_remove() - files may be removed from @path's directory; 0 or -errno */
int landlock_allow_remove(const struct landlock *ll, const char *path);

/**
 * landlock_enter() - from here on, for this thread and those that it starts
 *
 * no_new_privs must be set.  The ruleset is closed.  Return: 0 or -errno.
 */
int landlock_enter(struct landlock *ll);

#endif /* PV_LANDLOCK_H */
