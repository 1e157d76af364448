/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hist - how long things took: counts by length, in fixed memory: PURE
 *
 * Four buckets to each power of two of nanoseconds, so a value read back is at
 * most a quarter too large; what is shorter than 256 ns shares the first
 * bucket, what is longer than 68 s the last.  One thread adds, any may read.
 */
#ifndef PV_HIST_H
#define PV_HIST_H

#include "util.h"

#define HIST_SUB_BITS  2
#define HIST_MIN_SHIFT 8
#define HIST_MAX_SHIFT 36
#define HIST_BUCKETS   (((HIST_MAX_SHIFT - HIST_MIN_SHIFT) << HIST_SUB_BITS) + 2)

/**
 * struct hist - all zero is an empty one
 * @count:	values by bucket
 * @max:	the largest, nanoseconds
 */
struct hist {
	u64 count[HIST_BUCKETS];
	u64 max;
};

/** hist_bucket() - index of the bucket that @ns belongs to */
static inline unsigned int hist_bucket(u64 ns)
{
	unsigned int top, sub;

	if (ns < 1u << HIST_MIN_SHIFT)
		return 0;
	top = 63u - (unsigned int)__builtin_clzll(ns);
	if (top >= HIST_MAX_SHIFT)
		return HIST_BUCKETS - 1;
	sub = (ns >> (top - HIST_SUB_BITS)) & ((1u << HIST_SUB_BITS) - 1);
	return 1 + ((top - HIST_MIN_SHIFT) << HIST_SUB_BITS) + sub;
}

/** hist_add() - count a value; one thread */
static inline void hist_add(struct hist *h, u64 ns)
{
	u64 *count = &h->count[hist_bucket(ns)];

	WRITE_ONCE(*count, *count + 1);
	if (unlikely(ns > h->max))
		WRITE_ONCE(h->max, ns);
}

/** hist_bucket_end() - first value beyond bucket @index, nanoseconds */
u64 hist_bucket_end(unsigned int index);

/** hist_merge() - add @from's counts to @to, which is the caller's alone */
void hist_merge(struct hist *to, const struct hist *from);

/** hist_total() - how many values */
u64 hist_total(const struct hist *h);

/**
 * hist_quantile() - a value that so many are not above
 * @per_10000:	5000 is the median, 9990 p99.9
 *
 * Return: nanoseconds, the end of the bucket that it is in but not more than
 * the largest; 0 where there are none.
 */
u64 hist_quantile(const struct hist *h, unsigned int per_10000);

#endif /* PV_HIST_H */
