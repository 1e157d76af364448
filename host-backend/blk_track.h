/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk_track - since when a disk's requests are out, and how long they took
 *
 * From the pop of a request to its push.  The clock is read once when the first
 * request of a turn is taken, once for all that the kernel has completed, and
 * once for each portion of requests that were done in place.
 *
 * All belongs to the queue's worker; any thread may read the histograms and
 * what blk_track_oldest() reads.
 */
#ifndef PV_BLK_TRACK_H
#define PV_BLK_TRACK_H

#include "blk_req.h"
#include "hist.h"
#include "list.h"
#include "worker.h"

/* Most requests done in place between two blk_track_flush(). */
#define BLK_TRACK_PLACE_MAX 64

/**
 * struct blk_tracked - a request; embedded in it
 * @node:	in blk_track.out while the store has it
 * @start_ns:	when it was taken
 * @offset:	bytes from the start of the disk
 */
struct blk_tracked {
	struct list node;
	u64 start_ns;
	enum blk_op op;
	u64 offset;
};

/** struct blk_oldest - the request that the store has had the longest */
struct blk_oldest {
	u64 start_ns; /* 0: none is out */
	enum blk_op op;
	u64 offset;
};

/**
 * struct blk_track - of a queue
 * @hists:	by operation; BLK_OP_MAX of them, all zero in the beginning
 * @out:	requests that the store has, the oldest first
 * @oldest:	the first of them, for other threads
 * @batch_ns:	when the requests being taken were taken, 0: not asked yet
 * @place:	operations done in place since the last flush
 * @num_place:	of them
 */
struct blk_track {
	struct hist *hists;
	struct list out;
	struct blk_oldest oldest;
	u64 batch_ns;
	u8 place[BLK_TRACK_PLACE_MAX];
	unsigned int num_place;
};

/** blk_track_start() - the queue begins to run */
static inline void blk_track_start(struct blk_track *tr)
{
	list_init(&tr->out);
	WRITE_ONCE(tr->oldest.start_ns, 0);
	tr->num_place = 0;
}

/** blk_track_turn() - a turn of the queue begins */
static inline void blk_track_turn(struct blk_track *tr)
{
	tr->batch_ns = 0;
}

/** blk_track_take() - a request was taken out of the ring */
static inline void blk_track_take(struct blk_track *tr, struct worker *w,
				  struct blk_tracked *t)
{
	if (!tr->batch_ns)
		tr->batch_ns = worker_clock(w);
	t->start_ns = tr->batch_ns;
}

static inline void blk_track_publish(struct blk_track *tr)
{
	const struct blk_tracked *t;

	if (list_empty(&tr->out)) {
		WRITE_ONCE(tr->oldest.start_ns, 0);
		return;
	}
	t = list_entry(tr->out.next, struct blk_tracked, node);
	WRITE_ONCE(tr->oldest.op, t->op);
	WRITE_ONCE(tr->oldest.offset, t->offset);
	WRITE_ONCE(tr->oldest.start_ns, t->start_ns);
}

/** blk_track_out() - the store has it; the end comes later */
static inline void blk_track_out(struct blk_track *tr, struct blk_tracked *t)
{
	bool first = list_empty(&tr->out);

	list_add_tail(&tr->out, &t->node);
	if (first)
		blk_track_publish(tr);
}

/** blk_track_back() - one that was out has ended */
static inline void blk_track_back(struct blk_track *tr, struct worker *w,
				  struct blk_tracked *t)
{
	bool first = tr->out.next == &t->node;

	hist_add(&tr->hists[t->op], worker_clock(w) - t->start_ns);
	list_del(&t->node);
	if (first)
		blk_track_publish(tr);
}

/** blk_track_flush() - what was done in place is shown to the driver now */
void blk_track_flush(struct blk_track *tr, struct worker *w);

/** blk_track_place() - one that was taken has ended at once */
static inline void blk_track_place(struct blk_track *tr, struct worker *w,
				   enum blk_op op)
{
	if (unlikely(tr->num_place == BLK_TRACK_PLACE_MAX))
		blk_track_flush(tr, w);
	tr->place[tr->num_place++] = (u8)op;
}

/** blk_track_oldest() - any thread: false where nothing is out */
bool blk_track_oldest(const struct blk_track *tr, struct blk_oldest *out);

#endif /* PV_BLK_TRACK_H */
