// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blk_report - what a disk tells operators, and what they may change
 */
#include "blk_report.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static const char *const op_names[BLK_OP_MAX] = {
	[BLK_OP_READ] = "read",
	[BLK_OP_WRITE] = "write",
	[BLK_OP_FLUSH] = "flush",
	[BLK_OP_GET_ID] = "get_id",
	[BLK_OP_DISCARD] = "discard",
	[BLK_OP_WRITE_ZEROES] = "write_zeroes",
};

static json_t *limit_json(const struct throttle_limit *limit)
{
	return json_pack("{s:I, s:I}", "rate", (json_int_t)limit->rate,
			 "burst", (json_int_t)limit->burst);
}

void blk_status(const struct device *dev, json_t *json)
{
	const struct blk *blk = blk_of(dev);
	const struct store_limits *limits = &blk->store->limits;
	json_t *own;

	own = json_pack("{s:s, s:I, s:i, s:b, s:b, s:o, s:o}",
			"store", blk->store->ops->name,
			"capacity", (json_int_t)limits->capacity,
			"block_size", (int)limits->block_size,
			"read_only", limits->read_only,
			"writeback", blk_is_writeback(blk),
			"iops", limit_json(&blk->limits[THROTTLE_OPS]),
			"bps", limit_json(&blk->limits[THROTTLE_BYTES]));
	json_object_update(json, own);
	json_decref(own);
}

void blk_queue_stats(const struct queue *q, struct stats_sources *out)
{
	out->base[STATS_BLK] = &blk_queue_of(q)->stats;
}

void blk_device_stats(const struct device *dev, struct stats_sources *out)
{
	const struct store *store = blk_of(dev)->store;

	if (store->ops->stats)
		store->ops->stats(store, out);
}

const struct hist *blk_latency(const struct queue *q, unsigned int n,
			       const char **name)
{
	if (n >= BLK_OP_MAX)
		return NULL;
	*name = op_names[n];
	return &blk_queue_of(q)->track.hists[n];
}

void blk_fds(const struct device *dev, device_give *give, void *arg)
{
	const struct store *store = blk_of(dev)->store;

	if (store->ops->fds)
		store->ops->fds(store, give, arg);
}

bool blk_oldest(const struct queue *q, struct device_oldest *out)
{
	struct blk_oldest oldest;

	if (!blk_track_oldest(&blk_queue_of(q)->track, &oldest))
		return false;
	*out = (struct device_oldest){
		.start_ns = oldest.start_ns,
		.op = op_names[oldest.op],
		.offset = oldest.offset,
	};
	return true;
}

void blk_count_stuck(struct queue *q)
{
	blk_queue_of(q)->stats.stuck++;
}

void blk_limits_get(const struct device *dev, struct throttle_limit *limits)
{
	memcpy(limits, blk_of(dev)->limits, sizeof(blk_of(dev)->limits));
}

void blk_limits_set(struct device *dev, const struct throttle_limit *limits)
{
	struct blk *blk = blk_of(dev);

	memcpy(blk->limits, limits, sizeof(blk->limits));
	throttle_set(&blk->throttle, limits);
}

int blk_resize(struct device *dev, u64 size, bool *changed)
{
	struct store *store = blk_of(dev)->store;
	int err = 0;

	if (size && size < store->limits.capacity)
		return -EINVAL;
	if (size && size != store->limits.capacity)
		err = store->ops->grow ? store->ops->grow(store, size) :
					 -EOPNOTSUPP;
	*changed = !err && store->ops->refresh(store);
	return err;
}
