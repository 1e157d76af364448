/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * throttle - how many requests and bytes a second a disk may do: PURE
 *
 * A bucket is one number: the time at which all that was taken so far would have
 * been done at exactly the rate.  It may run ahead of the clock by the burst;
 * further, and no more is taken until the clock has caught up.  What was taken
 * is charged afterwards, so a request larger than the burst passes too, and its
 * debt is waited off by the next.
 *
 * All queues of a disk share its buckets, on any number of workers: a charge is
 * one compare-and-swap, there is no lock.  A queue that finds a bucket empty
 * draws a ticket: it pays for its next portion in advance, which moves the
 * bucket's time on, and waits until that portion's time has come.  So queues
 * that wait are served in turns, whoever looks first or oftenest.
 *
 * Time is given by the caller, in nanoseconds of any clock that does not go
 * back.
 */
#ifndef PV_THROTTLE_H
#define PV_THROTTLE_H

#include "util.h"

/* Units a second at most: 16 GiB/s. */
#define THROTTLE_RATE_MAX (1ull << 34)

/** enum throttle_dim - what is counted */
enum throttle_dim {
	THROTTLE_OPS,
	THROTTLE_BYTES,
	THROTTLE_DIMS
};

/**
 * struct throttle_limit - of one dimension
 * @rate:	units a second, 0: unlimited
 * @burst:	units that may be taken at once after idleness, 0: what the rate
 *		allows in a tenth of a second
 */
struct throttle_limit {
	u64 rate;
	u64 burst;
};

/** struct throttle_bucket - see above; @tat is shared, atomic */
struct throttle_bucket {
	u64 rate;
	u64 burst_ns;
	u64 tat;
};

/**
 * struct throttle - of a disk; written by the control thread, used by workers
 * @limited:	any rate is set
 * @generation:	grows with each throttle_set()
 */
struct throttle {
	bool limited;
	u32 generation;
	struct throttle_bucket bucket[THROTTLE_DIMS];
};

/**
 * struct throttle_queue - a queue's part; its worker's
 * @ticket_ns:	when the portion that it has paid for may be taken, 0: none
 * @paid:	units paid for and not taken yet
 * @generation:	of the limits that this is about
 */
struct throttle_queue {
	u64 ticket_ns;
	u64 paid[THROTTLE_DIMS];
	u32 generation;
};

/** throttle_set() - new limits; what was owed under the old ones is forgotten */
void throttle_set(struct throttle *t,
		  const struct throttle_limit limits[THROTTLE_DIMS]);

static inline bool throttle_limited(const struct throttle *t)
{
	return READ_ONCE(t->limited);
}

/**
 * throttle_wait() - may @tq take a request now?
 *
 * Return: 0, or nanoseconds until it is worth asking again.
 */
u64 throttle_wait(struct throttle *t, struct throttle_queue *tq, u64 now);

/** throttle_charge() - a request of @bytes was taken */
void throttle_charge(struct throttle *t, struct throttle_queue *tq, u64 now,
		     u64 bytes);

#endif /* PV_THROTTLE_H */
