// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blk - the virtio-blk device (virtio 1.3, 5.2): what it offers and keeps
 *
 * Its requests are in blk_io.c.
 *
 * Writes are durable when complete (store_req.fua) unless the driver has a
 * write cache to flush: it took FLUSH, and did not turn writeback off (virtio
 * 1.3, 5.2.6.2).  What it chose stays chosen when the front end negotiates
 * anew or reconnects: QEMU does both behind the driver's back.  A new driver
 * that finds the cache off reads so in config space.
 *
 * A restarted daemon cannot know of the choice, as no front end repeats it.  It
 * is in the note of the record of what is in flight (inflight.h), which the
 * front end brings along.  Where there is none, every write is made durable
 * until the front end reads the choice from config space, as it does for a
 * device that it has just made, or a driver makes one: too slow does no harm.
 *
 * SIZE_MAX is not offered: a segment may have any length.
 */
#include "blk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blk_io.h"
#include "blk_report.h"
#include "conf.h"
#include "pages.h"
#include "vu_proto.h"

/*
 * A driver may not make a chain longer than the ring (virtio 1.3, 2.7.5.2),
 * and QEMU's default ring has 128 entries; header and status take two.
 */
#define BLK_SEG_MAX 126

#define CONFIG_SPACE_MAX 256

/* Features and config space */

static u64 blk_features(const struct device *dev)
{
	const struct store_limits *limits = &blk_of(dev)->store->limits;
	u64 features =
		BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |
		BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) | BIT_ULL(VIRTIO_BLK_F_FLUSH);

	if (dev->num_queues > 1)
		features |= BIT_ULL(VIRTIO_BLK_F_MQ);
	if (limits->read_only)
		return features | BIT_ULL(VIRTIO_BLK_F_RO);
	features |= BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE);
	if (limits->discard_align)
		features |= BIT_ULL(VIRTIO_BLK_F_DISCARD);
	if (limits->write_zeroes_max)
		features |= BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);
	return features;
}

static u32 sectors(u64 bytes)
{
	return (u32)min(bytes >> BLK_SECTOR_SHIFT, (u64)UINT32_MAX);
}

/* Config space has 16 bits for what may be more. */
static __virtio16 clamp16(u32 value)
{
	return cpu_to_virtio16((u16)min(value, 0xffffu));
}

/*
 * virtio 1.3, 5.2.5.2: with CONFIG_WCE and without FLUSH, the field begins as
 * 0, else as 1.
 */
bool blk_is_writeback(const struct blk *blk)
{
	u64 features = blk->dev.features;

	if (blk->cache <= BLK_CACHE_DEFAULT)
		return !(features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)) ||
		       (features & BIT_ULL(VIRTIO_BLK_F_FLUSH));
	return blk->cache == BLK_CACHE_WRITEBACK;
}

static void fill_config(const struct blk *blk, struct virtio_blk_config *c)
{
	const struct store_limits *limits = &blk->store->limits;
	u32 blocks = limits->physical_size / limits->block_size;

	*c = (struct virtio_blk_config){
		.capacity =
			cpu_to_virtio64(limits->capacity >> BLK_SECTOR_SHIFT),
		.seg_max = cpu_to_virtio32(blk->seg_max),
		.blk_size = cpu_to_virtio32(limits->block_size),
		.physical_block_exp = (u8)__builtin_ctz(blocks),
		.min_io_size = clamp16(blocks),
		.wce = blk_is_writeback(blk),
		.num_queues = clamp16(blk->dev.num_queues),
	};
	if (limits->discard_align) {
		c->max_discard_sectors =
			cpu_to_virtio32(sectors(limits->discard_max));
		c->max_discard_seg = cpu_to_virtio32(BLK_RANGES_MAX);
		c->discard_sector_alignment =
			cpu_to_virtio32(sectors(limits->discard_align));
	}
	if (limits->write_zeroes_max) {
		c->max_write_zeroes_sectors =
			cpu_to_virtio32(sectors(limits->write_zeroes_max));
		c->max_write_zeroes_seg = cpu_to_virtio32(BLK_RANGES_MAX);
		c->write_zeroes_may_unmap = limits->discard_align != 0;
	}
}

/*
 * virtio 1.3, 5.2.5.2: without CONFIG_WCE, a driver that has FLUSH works on a
 * write cache, and one that has not cannot, so none is there for it.
 */
static void update_fua(struct blk *blk)
{
	u64 features = blk->dev.features;
	bool cache = features & BIT_ULL(VIRTIO_BLK_F_FLUSH);

	if (features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE))
		cache = blk_is_writeback(blk) &&
			blk->cache != BLK_CACHE_UNKNOWN;
	WRITE_ONCE(blk->fua, !cache);
}

/*
 * What a successor may rely on.  Not on a cache just turned on: if we die before
 * the answer, the driver reads on that it is off, and will not flush.
 */
static u8 blk_note(const struct device *dev)
{
	enum blk_cache cache = blk_of(dev)->cache;

	return (u8)(cache == BLK_CACHE_WRITEBACK ? BLK_CACHE_UNKNOWN : cache);
}

static void set_cache(struct blk *blk, enum blk_cache cache)
{
	blk->cache = cache;
	inflight_set_note(&blk->dev.inflight, blk_note(&blk->dev));
	update_fua(blk);
}

/* Front ends ask for more than they know the device has; the rest is zero. */
static int blk_config_read(struct device *dev, u32 off, u32 len, void *buf)
{
	const u32 wce = offsetof(struct virtio_blk_config, wce);
	struct blk *blk = blk_of(dev);
	u8 space[CONFIG_SPACE_MAX] = { 0 };
	struct virtio_blk_config c;

	if (off > sizeof(space) || len > sizeof(space) - off)
		return -EINVAL;
	fill_config(blk, &c);
	memcpy(space, &c, sizeof(c));
	memcpy(buf, space + off, len);
	if (blk->cache == BLK_CACHE_UNKNOWN && off <= wce && wce - off < len)
		set_cache(blk, BLK_CACHE_DEFAULT);
	return 0;
}

static bool may_choose_cache(const struct blk *blk)
{
	if (blk->store->limits.read_only)
		return false;
	/* Front ends pass this on even before they start the device. */
	return !blk->dev.features_known ||
	       (blk->dev.features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE));
}

static int blk_config_write(struct device *dev, u32 off, u32 len,
			    const void *buf)
{
	struct blk *blk = blk_of(dev);
	u8 writeback;

	if (off != offsetof(struct virtio_blk_config, wce) || len != 1 ||
	    !may_choose_cache(blk))
		return -EPERM;
	memcpy(&writeback, buf, 1);
	if (writeback > 1)
		return -EINVAL;
	set_cache(blk, writeback ? BLK_CACHE_WRITEBACK :
				   BLK_CACHE_WRITETHROUGH);
	/* The driver will not flush any more what it wrote until now. */
	return writeback ? 0 : blk->store->ops->sync(blk->store);
}

static int blk_acquire(struct device *dev)
{
	struct store *store = blk_of(dev)->store;

	return store->ops->acquire ? store->ops->acquire(store) : 0;
}

/* The other end may be a host that shares no page cache with this one. */
static void blk_release(struct device *dev)
{
	struct store *store = blk_of(dev)->store;
	int err = store->ops->sync(store);

	if (err)
		log_err("%s: cannot be made durable before its guest moves on: %s",
			dev->name, strerror(-err));
	if (store->ops->release)
		store->ops->release(store);
	log_info("%s: its guest migrates, handed over", dev->name);
}

/* The driver's choice of write cache, which no front end carries along. */
static size_t blk_state_save(const struct device *dev, u8 *buf)
{
	buf[0] = (u8)blk_of(dev)->cache;
	return 1;
}

static int blk_state_load(struct device *dev, const u8 *buf, size_t len)
{
	if (len != 1 || buf[0] < BLK_CACHE_UNKNOWN ||
	    buf[0] > BLK_CACHE_WRITEBACK)
		return -EINVAL;
	set_cache(blk_of(dev), buf[0]);
	return 0;
}

static void blk_features_set(struct device *dev, u64 features)
{
	update_fua(blk_of(dev));
}

/* The note goes with the driver, wherever that has been served meanwhile. */
static void blk_note_set(struct device *dev)
{
	struct blk *blk = blk_of(dev);
	u8 note = inflight_note(&dev->inflight);

	if (note == BLK_CACHE_DEFAULT || note == BLK_CACHE_WRITETHROUGH)
		set_cache(blk, note);
	else if (note != BLK_CACHE_UNKNOWN && blk->cache == BLK_CACHE_DEFAULT)
		set_cache(blk, BLK_CACHE_UNKNOWN);
	else
		set_cache(blk, blk->cache);
}

static bool blk_reload(struct device *dev)
{
	struct store *store = blk_of(dev)->store;

	if (!store->ops->refresh(store))
		return false;
	log_notice("%s: now %llu bytes", dev->name,
		   (unsigned long long)store->limits.capacity);
	return true;
}

/* Birth and death */

static void blk_free(struct blk *blk)
{
	pages_free(blk->hists, blk->hists_len);
	free(blk->bqs);
	pages_free(blk, sizeof(*blk));
}

static int blk_start(struct device *dev)
{
	struct store *store = blk_of(dev)->store;

	return store->ops->start ? store->ops->start(store) : 0;
}

static void blk_destroy(struct device *dev)
{
	struct blk *blk = blk_of(dev);

	device_fini(dev);
	blk->store->ops->close(blk->store);
	blk_free(blk);
}

static const struct device_ops blk_ops = {
	.type = "blk",
	.virtio_id = 2,
	.config_required = true,
	.protocol_features = BIT_ULL(VU_PROTOCOL_F_CONFIG) |
			     BIT_ULL(VU_PROTOCOL_F_INFLIGHT_SHMFD),
	.features = blk_features,
	.config_read = blk_config_read,
	.config_write = blk_config_write,
	.features_set = blk_features_set,
	.note = blk_note,
	.note_set = blk_note_set,
	.acquire = blk_acquire,
	.release = blk_release,
	.state_save = blk_state_save,
	.state_load = blk_state_load,
	.queue_start = blk_queue_start,
	.queue_run = blk_queue_run,
	.queue_stop = blk_queue_stop,
	.reload = blk_reload,
	.stats = blk_queue_stats,
	.device_stats = blk_device_stats,
	.status = blk_status,
	.fds = blk_fds,
	.latency = blk_latency,
	.oldest = blk_oldest,
	.count_stuck = blk_count_stuck,
	.limits_get = blk_limits_get,
	.limits_set = blk_limits_set,
	.resize = blk_resize,
	.start = blk_start,
	.destroy = blk_destroy,
};

static int queues_alloc(struct blk *blk, unsigned int n)
{
	blk->bqs = calloc(n, sizeof(*blk->bqs));
	blk->hists_len = (size_t)n * BLK_OP_MAX * sizeof(*blk->hists);
	blk->hists = pages_alloc(blk->hists_len);
	return blk->bqs && blk->hists ? 0 : -ENOMEM;
}

static void queues_init(struct blk *blk)
{
	for (unsigned int i = 0; i < blk->dev.num_queues; i++)
		blk->bqs[i] = (struct blk_queue){
			.q = &blk->dev.queues[i],
			.blk = blk,
			.track.hists = &blk->hists[(size_t)i * BLK_OP_MAX],
		};
}

static void set_serial(struct blk *blk, const struct conf_device *conf)
{
	const char *serial = conf->serial ? conf->serial : conf->name;

	/* Padded with zeroes; a full one is not terminated (5.2.6.1). */
	memcpy(blk->serial, serial, strnlen(serial, sizeof(blk->serial)));
}

int blk_create(struct device **out, const struct conf_device *conf,
	       const struct device_env *env)
{
	struct blk *blk;
	int err;

	blk = pages_alloc(sizeof(*blk));
	if (!blk)
		return -ENOMEM;
	err = queues_alloc(blk, conf->num_queues);
	if (err)
		goto err_free;
	err = store_open(&blk->store, conf);
	if (err)
		goto err_free;
	err = device_init(&blk->dev, &blk_ops, conf->name, conf->num_queues, 1,
			  env);
	if (err)
		goto err_close_store;

	blk->cache = BLK_CACHE_UNKNOWN;
	set_serial(blk, conf);
	blk->seg_max = min((u32)BLK_SEG_MAX, conf->queue_size - 2);
	queues_init(blk);
	blk_limits_set(&blk->dev, conf->limits);
	*out = &blk->dev;
	return 0;

err_close_store:
	blk->store->ops->close(blk->store);
err_free:
	blk_free(blk);
	return err;
}
