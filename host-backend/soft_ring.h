/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * soft_ring - an io_uring without the kernel's: for where that is refused
 *
 * The ring's memory is ours, so liburing's inline functions fill and read it as
 * ever, and whoever prepares entries needs not know.  soft_ring_enter() stands
 * for io_uring_enter() and does what the entries say: see soft_ring.c for the
 * operations, which are those that this daemon uses and no others.
 */
#ifndef PV_SOFT_RING_H
#define PV_SOFT_RING_H

#include <liburing.h>

#include "util.h"

struct soft_ring;

/**
 * soft_ring_create() - fill in @ring and start the threads behind it
 * @entries:	of the submission ring, rounded up to a power of two
 *
 * For one thread, as a ring of the kernel's is.  Its SQ flags always say that
 * there may be something to collect.
 *
 * Return: 0 or -errno.
 */
int soft_ring_create(struct soft_ring **out, struct io_uring *ring,
		     unsigned int entries);

/**
 * soft_ring_enter() - take all entries, collect what is complete
 * @wait:	sleep until there is a completion to reap
 *
 * Return: 0; -EAGAIN where there was no memory for all entries, the rest of
 * which stay in the ring; -errno where waiting failed.
 */
int soft_ring_enter(struct soft_ring *sr, bool wait);

/** soft_ring_destroy() - nothing may be in flight but polls and timeouts */
void soft_ring_destroy(struct soft_ring *sr);

#endif /* PV_SOFT_RING_H */
