// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_blk - what a disk offers, its config space, and when writes are durable
 *
 * The requests' side (blk_io.c) is not linked; the store is a made-up one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>

#include <cmocka.h>

#include "blk.h"
#include "blk_io.h"
#include "conf.h"

#define FLUSH	   BIT_ULL(VIRTIO_BLK_F_FLUSH)
#define CONFIG_WCE BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)
#define WCE_OFFSET offsetof(struct virtio_blk_config, wce)

/* Stand-ins for what is not linked. */

static struct store_limits limits;
static unsigned int syncs;
static int sync_result;
static unsigned int closes;
static bool resized;

static int fake_open(struct store **out, const struct conf_device *conf);

static int fake_sync(struct store *st)
{
	(void)st;
	syncs++;
	return sync_result;
}

static bool fake_refresh(struct store *st)
{
	st->limits.capacity *= 2;
	return resized;
}

static void fake_close(struct store *st)
{
	closes++;
	free(st);
}

static const struct store_ops fake_ops = {
	.name = "fake",
	.open = fake_open,
	.sync = fake_sync,
	.refresh = fake_refresh,
	.close = fake_close,
};

static int fake_open(struct store **out, const struct conf_device *conf)
{
	(void)conf;
	*out = calloc(1, sizeof(**out));
	(*out)->ops = &fake_ops;
	(*out)->limits = limits;
	return 0;
}

int store_open(struct store **out, const struct conf_device *conf)
{
	if (strcmp(conf->store, "fake") != 0)
		return -EINVAL;
	return fake_open(out, conf);
}

int device_init(struct device *dev, const struct device_ops *ops,
		const char *name, unsigned int num_queues, unsigned int group,
		const struct device_env *env)
{
	(void)group;
	(void)env;
	if (num_queues > DEVICE_QUEUES_MAX)
		return -ENOMEM;
	dev->ops = ops;
	dev->name = name;
	dev->num_queues = num_queues;
	dev->queues = aligned_alloc(CACHE_LINE,
				    num_queues * sizeof(*dev->queues));
	return 0;
}

void device_fini(struct device *dev)
{
	free(dev->queues);
}

void blk_queue_start(struct queue *q)
{
	(void)q;
}

unsigned int blk_queue_run(struct queue *q)
{
	(void)q;
	return 0;
}

void blk_queue_stop(struct queue *q)
{
	(void)q;
}

u64 worker_clock(struct worker *w)
{
	(void)w;
	return 1;
}

u64 worker_clock_new(struct worker *w)
{
	return worker_clock(w);
}

void log_msg(int level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static const struct store_limits writable = {
	.capacity = 1 << 30,
	.block_size = 512,
	.physical_size = 4096,
	.discard_align = 4096,
	.discard_max = 1ULL << 31,
	.write_zeroes_max = 1ULL << 41,
};

static struct device *make(const struct store_limits *l,
			   unsigned int num_queues)
{
	struct conf_device conf = {
		.place = { .file = "test", .line = 1 },
		.name = "disk0",
		.store = "fake",
		.num_queues = num_queues,
		.queue_size = 256,
	};
	struct device *dev;

	limits = *l;
	syncs = 0;
	sync_result = 0;
	closes = 0;
	resized = false;
	assert_int_equal(blk_create(&dev, &conf, NULL), 0);
	return dev;
}

static void destroy(struct device *dev)
{
	dev->ops->destroy(dev);
	assert_int_equal(closes, 1);
}

static void acknowledge(struct device *dev, u64 features)
{
	dev->features = features;
	dev->features_known = true;
	dev->ops->features_set(dev, features);
}

static bool fua(struct device *dev)
{
	return container_of(dev, struct blk, dev)->fua;
}

static u8 wce(struct device *dev)
{
	u8 value;

	assert_int_equal(dev->ops->config_read(dev, WCE_OFFSET, 1, &value), 0);
	return value;
}

static int set_wce(struct device *dev, u8 value)
{
	return dev->ops->config_write(dev, WCE_OFFSET, 1, &value);
}

static bool offers(struct device *dev, unsigned int bit)
{
	return dev->ops->features(dev) & BIT_ULL(bit);
}

static void features_follow_the_store(void **state)
{
	struct store_limits l = writable;
	struct device *dev = make(&l, 1);

	(void)state;
	assert_true(offers(dev, VIRTIO_BLK_F_FLUSH));
	assert_true(offers(dev, VIRTIO_BLK_F_CONFIG_WCE));
	assert_true(offers(dev, VIRTIO_BLK_F_DISCARD));
	assert_true(offers(dev, VIRTIO_BLK_F_WRITE_ZEROES));
	assert_false(offers(dev, VIRTIO_BLK_F_RO));
	assert_false(offers(dev, VIRTIO_BLK_F_MQ));
	destroy(dev);

	l.discard_align = 0;
	dev = make(&l, 2);
	assert_false(offers(dev, VIRTIO_BLK_F_DISCARD));
	assert_true(offers(dev, VIRTIO_BLK_F_WRITE_ZEROES));
	assert_true(offers(dev, VIRTIO_BLK_F_MQ));
	destroy(dev);

	l.read_only = true;
	dev = make(&l, 1);
	assert_true(offers(dev, VIRTIO_BLK_F_RO));
	assert_false(offers(dev, VIRTIO_BLK_F_CONFIG_WCE));
	assert_false(offers(dev, VIRTIO_BLK_F_WRITE_ZEROES));
	assert_int_equal(set_wce(dev, 0), -EPERM);
	destroy(dev);
}

static void config_space(void **state)
{
	struct device *dev = make(&writable, 4);
	struct virtio_blk_config c;
	u8 rest[256];

	(void)state;
	assert_int_equal(dev->ops->config_read(dev, 0, sizeof(c), &c), 0);
	assert_int_equal(le64toh(c.capacity), (1 << 30) / 512);
	assert_int_equal(le32toh(c.seg_max), 126);
	assert_int_equal(le32toh(c.blk_size), 512);
	assert_int_equal(c.physical_block_exp, 3);
	assert_int_equal(le16toh(c.min_io_size), 8);
	assert_int_equal(le16toh(c.num_queues), 4);
	assert_int_equal(le32toh(c.max_discard_sectors), 1 << 22);
	assert_int_equal(le32toh(c.max_discard_seg), BLK_RANGES_MAX);
	assert_int_equal(le32toh(c.discard_sector_alignment), 8);
	assert_int_equal(le32toh(c.max_write_zeroes_sectors), UINT32_MAX);
	assert_int_equal(c.write_zeroes_may_unmap, 1);

	assert_int_equal(dev->ops->config_read(dev, 0, 256, rest), 0);
	for (size_t i = sizeof(c); i < sizeof(rest); i++)
		assert_int_equal(rest[i], 0);
	assert_int_equal(dev->ops->config_read(dev, 256, 0, rest), 0);
	assert_int_equal(dev->ops->config_read(dev, 256, 1, rest), -EINVAL);
	assert_int_equal(dev->ops->config_read(dev, 1, 256, rest), -EINVAL);
	assert_int_equal(dev->ops->config_read(dev, UINT32_MAX, 2, rest),
			 -EINVAL);
	destroy(dev);
}

/* virtio 1.3, 5.2.5.2 and 5.2.6.2 */
static void durability_by_features(void **state)
{
	struct device *dev = make(&writable, 1);

	(void)state;
	acknowledge(dev, 0);
	assert_true(fua(dev));
	acknowledge(dev, FLUSH);
	assert_false(fua(dev));
	acknowledge(dev, FLUSH | CONFIG_WCE);
	assert_int_equal(wce(dev), 1);
	assert_false(fua(dev));
	acknowledge(dev, CONFIG_WCE);
	assert_int_equal(wce(dev), 0);
	assert_true(fua(dev));
	destroy(dev);
}

static void driver_turns_the_cache_off(void **state)
{
	struct device *dev = make(&writable, 1);

	(void)state;
	acknowledge(dev, FLUSH | CONFIG_WCE);
	assert_int_equal(set_wce(dev, 0), 0);
	assert_int_equal(syncs, 1);
	assert_int_equal(wce(dev), 0);
	assert_true(fua(dev));
	/* QEMU, behind the driver's back, at stop and cont. */
	acknowledge(dev, FLUSH | CONFIG_WCE);
	assert_true(fua(dev));
	assert_int_equal(set_wce(dev, 1), 0);
	assert_int_equal(syncs, 1);
	assert_false(fua(dev));
	sync_result = -EIO;
	assert_int_equal(set_wce(dev, 0), -EIO);
	assert_true(fua(dev));
	destroy(dev);
}

/* QEMU passes the driver's write on although it has not started us. */
static void choice_before_the_start(void **state)
{
	struct device *dev = make(&writable, 1);

	(void)state;
	assert_int_equal(set_wce(dev, 0), 0);
	acknowledge(dev, FLUSH | CONFIG_WCE);
	assert_true(fua(dev));
	destroy(dev);
}

/* A front end that does not ask brings a driver that may have chosen. */
static void durable_until_it_is_known(void **state)
{
	struct device *dev = make(&writable, 1);
	u64 capacity;

	(void)state;
	acknowledge(dev, FLUSH | CONFIG_WCE);
	assert_true(fua(dev));
	dev->ops->config_read(dev, 0, sizeof(capacity), &capacity);
	assert_true(fua(dev));
	assert_int_equal(wce(dev), 1);
	assert_false(fua(dev));
	destroy(dev);
}

/* A daemon's life: what the one before left in the record, and what it does. */
static struct device *next_life(struct inflight *record, int fd,
				const struct inflight_shape *shape)
{
	struct device *dev = make(&writable, 1);

	acknowledge(dev, FLUSH | CONFIG_WCE);
	assert_int_equal(inflight_map(&dev->inflight, shape, fd), 0);
	*record = dev->inflight;
	dev->ops->note_set(dev);
	return dev;
}

static void end_of_life(struct device *dev)
{
	inflight_unmap(&dev->inflight);
	destroy(dev);
}

static void choice_survives_a_restart(void **state)
{
	struct inflight_shape shape = { .num_queues = 1, .queue_size = 8 };
	struct device *dev = make(&writable, 1);
	struct inflight record;
	int fd;

	(void)state;
	assert_int_equal(wce(dev), 1);
	fd = inflight_create(&shape, false, dev->ops->note(dev));
	assert_true(fd >= 0);
	destroy(dev);

	/* Nobody chose: the next one needs not ask. */
	dev = next_life(&record, fd, &shape);
	assert_false(fua(dev));
	assert_int_equal(set_wce(dev, 0), 0);
	end_of_life(dev);

	/* The driver relies on writes to be durable. */
	dev = next_life(&record, fd, &shape);
	assert_true(fua(dev));
	assert_int_equal(wce(dev), 0);
	assert_int_equal(set_wce(dev, 1), 0);
	assert_false(fua(dev));
	end_of_life(dev);

	/* It may not have heard that the cache was turned on. */
	dev = next_life(&record, fd, &shape);
	assert_true(fua(dev));
	assert_int_equal(wce(dev), 1);
	assert_false(fua(dev));
	end_of_life(dev);
	close(fd);
}

/* Whoever made this record keeps no note. */
static void record_without_a_note(void **state)
{
	struct inflight_shape shape = { .num_queues = 1, .queue_size = 8 };
	struct inflight record;
	struct device *dev;
	int fd;

	(void)state;
	fd = inflight_create(&shape, false, BLK_CACHE_DEFAULT);
	assert_true(fd >= 0);
	shape.len -= INFLIGHT_ALIGN;
	dev = next_life(&record, fd, &shape);
	assert_int_equal(inflight_note(&record), 0);
	assert_true(fua(dev));
	end_of_life(dev);
	close(fd);
}

static void refused_writes(void **state)
{
	struct device *dev = make(&writable, 1);
	u8 bytes[4] = { 0 };

	(void)state;
	acknowledge(dev, FLUSH);
	assert_int_equal(set_wce(dev, 0), -EPERM);
	acknowledge(dev, FLUSH | CONFIG_WCE);
	assert_int_equal(wce(dev), 1);
	assert_int_equal(set_wce(dev, 2), -EINVAL);
	assert_int_equal(dev->ops->config_write(dev, WCE_OFFSET, 2, bytes),
			 -EPERM);
	assert_int_equal(dev->ops->config_write(dev, WCE_OFFSET - 1, 1, bytes),
			 -EPERM);
	assert_int_equal(dev->ops->config_write(dev, 0, 4, bytes), -EPERM);
	assert_false(fua(dev));
	assert_int_equal(syncs, 0);
	destroy(dev);
}

static void reload_tells_of_a_new_size(void **state)
{
	struct device *dev = make(&writable, 1);
	u64 capacity;

	(void)state;
	assert_false(dev->ops->reload(dev));
	resized = true;
	assert_true(dev->ops->reload(dev));
	dev->ops->config_read(dev, 0, sizeof(capacity), &capacity);
	assert_int_equal(le64toh(capacity), 4 * (1LL << 30) / 512);
	destroy(dev);
}

static void failed_creation_closes_the_store(void **state)
{
	struct conf_device conf = {
		.place = { .file = "test", .line = 1 },
		.name = "disk0",
		.store = "fake",
		.num_queues = DEVICE_QUEUES_MAX + 1,
		.queue_size = 256,
	};
	struct device *dev = NULL;

	(void)state;
	closes = 0;
	assert_int_equal(blk_create(&dev, &conf, NULL), -ENOMEM);
	assert_null(dev);
	assert_int_equal(closes, 1);
	conf.store = "nothing";
	assert_int_equal(blk_create(&dev, &conf, NULL), -EINVAL);
	assert_int_equal(closes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_follow_the_store),
		cmocka_unit_test(config_space),
		cmocka_unit_test(durability_by_features),
		cmocka_unit_test(driver_turns_the_cache_off),
		cmocka_unit_test(choice_before_the_start),
		cmocka_unit_test(durable_until_it_is_known),
		cmocka_unit_test(choice_survives_a_restart),
		cmocka_unit_test(record_without_a_note),
		cmocka_unit_test(refused_writes),
		cmocka_unit_test(reload_tells_of_a_new_size),
		cmocka_unit_test(failed_creation_closes_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
