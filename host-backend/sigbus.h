/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sigbus - memory that is a file of somebody else's, who may cut it short
 *
 * Guest memory and images in memory are mapped here.  When their owner truncates
 * the file, or a huge page cannot be had, the next access is a SIGBUS.  For a
 * mapping that is watched the handler puts a page of zeroes where the access
 * went and counts the fault in the owner's struct sigbus_mark; the access goes
 * on.  Whoever uses such memory looks at the mark after the access and before
 * anybody is told of its result: zeroes from here are never taken for data.
 *
 * A SIGBUS anywhere else ends the process, as always.
 */
#ifndef PV_SIGBUS_H
#define PV_SIGBUS_H

#include "util.h"

/**
 * struct sigbus_mark - an owner's tally of what was lost
 * @faults:	pages replaced in its mappings that are watched now; written by
 *		the thread that faults, before the page is replaced
 * @addr:	the last access that failed
 */
struct sigbus_mark {
	u32 faults;
	uintptr_t addr;
};

/** sigbus_init() - install the handler; threads must not block SIGBUS; 0 or -errno */
int sigbus_init(void);

/**
 * sigbus_watch() - replace pages of a mapping as they fault
 * @map:	its start, as mmap() returned it
 * @len:	bytes
 * @page:	bytes that must be replaced together: a huge page in hugetlbfs
 * @mark:	stays where it is until sigbus_unwatch()
 *
 * Watching and unwatching is the control thread's; faults come on any thread.
 *
 * Return: 0 or -ENOMEM.
 */
int sigbus_watch(void *map, size_t len, size_t page, struct sigbus_mark *mark);

/**
 * sigbus_unwatch() - before munmap(): takes the mapping's faults off its mark
 *
 * No other thread uses the mapping any more.
 */
void sigbus_unwatch(void *map);

/**
 * sigbus_faults() - how many pages have been lost so far
 *
 * What was read before this call, and was lost, is counted in it; what was
 * written as well, if sigbus_fence() stands between.
 */
static inline u32 sigbus_faults(const struct sigbus_mark *mark)
{
	/* Pairs with the count before the replacement, in replace(). */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&mark->faults, __ATOMIC_ACQUIRE);
}

/** sigbus_fence() - writes come before the look at what became of them */
static inline void sigbus_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif /* PV_SIGBUS_H */
