// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hist - how long things took: counts by length, in fixed memory: PURE
 */
#include "hist.h"

u64 hist_bucket_end(unsigned int index)
{
	unsigned int shift, sub;

	if (!index)
		return 1u << HIST_MIN_SHIFT;
	if (index >= HIST_BUCKETS - 1)
		return UINT64_MAX;
	shift = HIST_MIN_SHIFT + ((index - 1) >> HIST_SUB_BITS);
	sub = (index - 1) & ((1u << HIST_SUB_BITS) - 1);
	return ((1ull << HIST_SUB_BITS) + sub + 1) << (shift - HIST_SUB_BITS);
}

void hist_merge(struct hist *to, const struct hist *from)
{
	unsigned int i;

	for (i = 0; i < HIST_BUCKETS; i++)
		to->count[i] += READ_ONCE(from->count[i]);
	to->max = max(to->max, READ_ONCE(from->max));
}

u64 hist_total(const struct hist *h)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < HIST_BUCKETS; i++)
		sum += READ_ONCE(h->count[i]);
	return sum;
}

u64 hist_quantile(const struct hist *h, unsigned int per_10000)
{
	u64 total = hist_total(h);
	/* Rounded up, and not overflowing: that many lie at or below it. */
	u64 want = total / 10000 * per_10000 +
		   (total % 10000 * per_10000 + 9999) / 10000;
	unsigned int i;
	u64 sum = 0;

	if (!total)
		return 0;
	for (i = 0; i < HIST_BUCKETS; i++) {
		sum += READ_ONCE(h->count[i]);
		if (sum >= want && sum)
			break;
	}
	return min(hist_bucket_end(i), READ_ONCE(h->max));
}
