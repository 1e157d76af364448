/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window - how long to look for work before sleeping until it comes: PURE
 *
 * Theory of operation
 *
 * Looking costs a CPU, sleeping costs whoever wakes us a system call and us the
 * time to wake up.  So a task that found nothing goes on looking for a window:
 *
 *	grows	when work came so soon after the last that looking would have
 *		met it
 *	shrinks	when it took longer than the longest window
 *	closes	for CLOSED_FOR wake-ups, when window after window ended without
 *		work that came right after, or when the CPU was taken away from
 *		us while we looked: somebody needs it, perhaps the one whom we
 *		wait for
 *
 * Times are nanoseconds of any clock that does not go back.
 */
#ifndef PV_WINDOW_H
#define PV_WINDOW_H

#include "util.h"

/* First step of a window that starts to grow. */
#define WINDOW_STEP_NS 4000U

/* So many windows, growing from the first step, reach any sensible maximum. */
#define WINDOW_MISSES_MAX 6

/* Wake-ups without a window before another is tried. */
#define WINDOW_CLOSED_FOR 256

/* Two looks this far apart: we did not run all the time. */
#define WINDOW_STOLEN_NS 100000U

/**
 * struct window - of a task; all zero to begin with
 * @length_ns:	how long to look
 * @idle:	the last look found nothing
 * @idle_since_ns: the first that did
 * @misses:	windows in a row that ended without work
 * @closed_for:	wake-ups to come without a window
 */
struct window {
	u32 length_ns;
	bool idle;
	u64 idle_since_ns;
	unsigned int misses;
	unsigned int closed_for;
};

/** window_wake() - work came after we had gone to sleep */
void window_wake(struct window *win, u64 now, u32 max_ns);

/** window_found() - a look found work */
static inline void window_found(struct window *win)
{
	if (win->idle)
		win->misses = 0;
	win->idle = false;
}

/** window_over() - a look found nothing: is it time to sleep? */
bool window_over(struct window *win, u64 now);

/** window_close() - the CPU was taken away while we looked */
void window_close(struct window *win);

#endif /* PV_WINDOW_H */
