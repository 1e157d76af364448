/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvfe_hist - latency histogram: 32 steps per power of two, some 3 % wide
 */
#ifndef PVFE_HIST_H
#define PVFE_HIST_H

#include "util.h"

#define HIST_STEP_BITS 5
#define HIST_STEPS     (1u << HIST_STEP_BITS)
#define HIST_BUCKETS   (HIST_STEPS * 40)

/** struct hist - nanoseconds; one thread writes */
struct hist {
	u64 count;
	u64 sum;
	u64 max;
	u64 bucket[HIST_BUCKETS];
};

static inline unsigned int hist_index(u64 ns)
{
	unsigned int shift;
	unsigned int index;

	if (ns < HIST_STEPS)
		return (unsigned int)ns;
	shift = 63u - (unsigned int)__builtin_clzll(ns) - HIST_STEP_BITS;
	index = (shift + 1) * HIST_STEPS +
		(unsigned int)((ns >> shift) - HIST_STEPS);
	return min(index, HIST_BUCKETS - 1);
}

/* Middle of a bucket. */
static inline u64 hist_value(unsigned int index)
{
	unsigned int shift;
	u64 low;

	if (index < HIST_STEPS)
		return index;
	shift = index / HIST_STEPS - 1;
	low = (u64)(HIST_STEPS + index % HIST_STEPS) << shift;
	return low + (1ull << shift) / 2;
}

static inline void hist_add(struct hist *h, u64 ns)
{
	h->count++;
	h->sum += ns;
	h->max = max(h->max, ns);
	h->bucket[hist_index(ns)]++;
}

static inline void hist_merge(struct hist *to, const struct hist *from)
{
	unsigned int i;

	to->count += from->count;
	to->sum += from->sum;
	to->max = max(to->max, from->max);
	for (i = 0; i < HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

/* The value that @permille of all stay at or below. */
static inline u64 hist_quantile(const struct hist *h, u64 permille)
{
	u64 want = (h->count * permille + 999) / 1000;
	unsigned int i;
	u64 seen = 0;

	for (i = 0; i < HIST_BUCKETS && h->count; i++) {
		seen += h->bucket[i];
		if (seen >= want)
			return hist_value(i);
	}
	return h->max;
}

#endif /* PVFE_HIST_H */
