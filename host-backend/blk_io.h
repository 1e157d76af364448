/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk_io - a disk's requests on their way from the ring to the store and back
 *
 * Between blk.c, which is the device, and blk_io.c, which runs its queues.
 */
#ifndef PV_BLK_IO_H
#define PV_BLK_IO_H

#include <linux/virtio_blk.h>

#include "blk_req.h"
#include "blk_track.h"
#include "device.h"
#include "stats_table.h"
#include "store.h"
#include "throttle.h"

struct blk_io;
union blk_slot;

/**
 * struct blk_stats - counters of a queue, written by its worker
 */
struct blk_stats {
	u64 ops[BLK_OP_MAX];
	u64 bytes_read;
	u64 bytes_written;
	u64 errors;
	u64 unsupported;
	u64 lost_memory; /* of errors: data in memory cut short */
	u64 segments; /* requests with too many */
	u64 retries;
	u64 rejects[BLK_REJECT_MAX];
	u64 paths[STORE_PATH_MAX];
	u64 throttled; /* times that the queue waited for its limits */
	u64 stuck; /* requests out for too long; counted by the control thread */
};

/**
 * struct blk_queue - a queue's requests; the worker's while the queue runs
 * @q:		the common part
 * @blk:	device
 * @map:	the one mapping, of @map_len bytes; NULL while stopped
 * @ios:	requests
 * @unused:	requests from this one on were never used
 * @free:	stack of those that were
 * @slots:	one per request
 * @bounce:	STORE_BOUNCE_SIZE bytes per request, NULL if the store has no use
 * @read_iov:	where each read goes, for the dirty log; NULL: not logged
 * @inflight:	requests that the store has
 * @completed:	requests since the last queue_flush()
 * @prepared:	given to the store since the last worker_submit() of this turn
 * @turn_bytes:	read and written by the requests of this turn
 * @stopping:	nothing is taken any more
 * @track:	which requests are out, and how long they took
 * @throttle:	this queue's part of blk.throttle
 */
struct blk_queue {
	struct queue *q;
	struct blk *blk;
	void *map;
	size_t map_len;
	struct blk_io *ios;
	unsigned int unused;
	struct blk_io *free;
	union blk_slot *slots;
	u8 *bounce;
	union blk_slot *read_iov;
	unsigned int inflight;
	unsigned int completed;
	unsigned int prepared;
	u64 turn_bytes;
	bool stopping;
	struct blk_bounds bounds;
	struct blk_stats stats;
	struct blk_track track;
	struct throttle_queue throttle;
};

/**
 * enum blk_cache - what a driver made of its choice (CONFIG_WCE)
 * @BLK_CACHE_UNKNOWN:	a driver may have chosen before we were there
 * @BLK_CACHE_DEFAULT:	the front end has read what holds, nobody chose
 *
 * Kept in the record of what is in flight: values do not change, and 0 is none.
 */
enum blk_cache {
	BLK_CACHE_UNKNOWN = 1,
	BLK_CACHE_DEFAULT = 2,
	BLK_CACHE_WRITETHROUGH = 3,
	BLK_CACHE_WRITEBACK = 4,
};

/**
 * struct blk - a disk
 * @dev:	common part
 * @store:	what holds its bytes
 * @serial:	answer to GET_ID, padded with zeroes
 * @seg_max:	told in config space
 * @cache:	what the driver wrote to config space; control thread
 * @fua:	what follows from it and the features; written by the control
 *		thread, read by workers
 * @bqs:	one per queue of the device
 * @hists:	how long requests took, BLK_OP_MAX for each queue; @hists_len bytes
 * @limits:	as set last; control thread
 * @throttle:	what enforces them
 */
struct blk {
	struct device dev;
	struct store *store;
	char serial[VIRTIO_BLK_ID_BYTES];
	u32 seg_max;
	enum blk_cache cache;
	bool fua;
	struct blk_queue *bqs;
	struct hist *hists;
	size_t hists_len;
	struct throttle_limit limits[THROTTLE_DIMS];
	struct throttle throttle;
};

static inline struct blk *blk_of(const struct device *dev)
{
	return container_of(dev, struct blk, dev);
}

static inline struct blk_queue *blk_queue_of(const struct queue *q)
{
	return &blk_of(q->dev)->bqs[q->index];
}

/** blk_is_writeback() - has the disk a write cache, as config space says? */
bool blk_is_writeback(const struct blk *blk);

/* Rows of struct device_ops, for the worker's thread */
void blk_queue_start(struct queue *q);
unsigned int blk_queue_run(struct queue *q);
void blk_queue_stop(struct queue *q);

#endif /* PV_BLK_IO_H */
