// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blk_track - since when a disk's requests are out, and how long they took
 */
#include "blk_track.h"

void blk_track_flush(struct blk_track *tr, struct worker *w)
{
	unsigned int i;
	u64 now;

	if (!tr->num_place)
		return;
	/* Work was done since the turn's clock was read. */
	now = worker_clock_new(w);
	for (i = 0; i < tr->num_place; i++)
		hist_add(&tr->hists[tr->place[i]], now - tr->batch_ns);
	tr->num_place = 0;
	tr->batch_ns = now;
}

/*
 * Written in the other order, so two equal times mean that it was the same
 * request all along.
 */
bool blk_track_oldest(const struct blk_track *tr, struct blk_oldest *out)
{
	u64 before = __atomic_load_n(&tr->oldest.start_ns, __ATOMIC_ACQUIRE);

	out->op = READ_ONCE(tr->oldest.op);
	out->offset = READ_ONCE(tr->oldest.offset);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	out->start_ns = READ_ONCE(tr->oldest.start_ns);
	return before && before == out->start_ns;
}
