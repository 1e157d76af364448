// SPDX-License-Identifier: GPL-2.0
/*
 * pvblk_device - the whole block driver against a device that may lie
 *
 * Each test plugs in a small RAM disk made of fake_virtio, does I/O through the
 * block layer, and pulls it out again.  What the disk does wrong is set after
 * the driver has bound, since adding a disk already reads from it.
 */
#include "fake_virtio.h"

#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "pvblk.h"

#define DISK_SECTORS 2048
#define DISK_BYTES (DISK_SECTORS * PVBLK_SECTOR_BYTES)
#define RING_SIZE 64
#define MODE (FMODE_READ | FMODE_WRITE)

#define F(name) BIT_ULL(VIRTIO_BLK_F_##name)
#define INDIRECT BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define FEATURES							\
	(F(SEG_MAX) | F(BLK_SIZE) | F(FLUSH) | F(CONFIG_WCE) | F(MQ) |	\
	 F(DISCARD) | F(WRITE_ZEROES) | INDIRECT | EVENT_IDX |		\
	 BIT_ULL(VIRTIO_F_VERSION_1))

/* What the device does to the next requests. */
enum conduct {
	HONEST,
	FAIL,
	UNSUPPORTED,
	SHORT_READ,
	SILENT,
	LENGTH_TOO_LONG,
	STATUS_UNWRITTEN,
	STATUS_INVALID,
	ID_OUT_OF_RANGE,
	ID_NOT_IN_FLIGHT,
	ANSWER_TWICE,
};

struct fake_disk {
	struct fake_device *device;
	struct block_device *bdev;
	struct pvblk_dev *driver;
	u8 *data;
	enum conduct conduct;
	unsigned int requests;
	unsigned int flushes;
	unsigned int ranges;
};

/* --- the device -------------------------------------------------------- */

static u8 serve_data(struct fake_disk *disk, struct fake_chain *chain,
		     const struct virtio_blk_outhdr *header)
{
	u64 at = le64_to_cpu((__force __le64)header->sector) *
		 PVBLK_SECTOR_BYTES;
	u32 type = le32_to_cpu((__force __le32)header->type);
	size_t bytes = type == VIRTIO_BLK_T_IN ?
			       chain->in_bytes - 1 :
			       chain->out_bytes - sizeof(*header);

	if (at > DISK_BYTES || bytes > DISK_BYTES - at)
		return VIRTIO_BLK_S_IOERR;
	if (type == VIRTIO_BLK_T_IN)
		fake_chain_write(chain, 0, disk->data + at, bytes);
	else
		fake_chain_read(chain, sizeof(*header), disk->data + at, bytes);
	return VIRTIO_BLK_S_OK;
}

static u8 serve_ranges(struct fake_disk *disk, struct fake_chain *chain)
{
	size_t from = sizeof(struct virtio_blk_outhdr);
	struct virtio_blk_discard_write_zeroes range;

	for (; from < chain->out_bytes; from += sizeof(range)) {
		u64 at;
		u64 bytes;

		fake_chain_read(chain, from, &range, sizeof(range));
		at = le64_to_cpu(range.sector) * PVBLK_SECTOR_BYTES;
		bytes = le32_to_cpu(range.num_sectors) * PVBLK_SECTOR_BYTES;
		if (at > DISK_BYTES || bytes > DISK_BYTES - at)
			return VIRTIO_BLK_S_IOERR;
		memset(disk->data + at, 0, bytes);
		disk->ranges++;
	}
	return VIRTIO_BLK_S_OK;
}

static u8 serve(struct fake_disk *disk, struct fake_chain *chain)
{
	struct virtio_blk_outhdr header;

	fake_chain_read(chain, 0, &header, sizeof(header));
	switch (le32_to_cpu((__force __le32)header.type)) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		return serve_data(disk, chain, &header);
	case VIRTIO_BLK_T_FLUSH:
		disk->flushes++;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return serve_ranges(disk, chain);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

static int handle(struct fake_device *device, struct fake_chain *chain)
{
	struct fake_disk *disk = fake_virtio_context(device);
	size_t last = chain->in_bytes - 1;
	int used = chain->in_bytes;
	u8 status;

	disk->requests++;
	switch (disk->conduct) {
	case SILENT:
		return FAKE_HOLD;
	case STATUS_UNWRITTEN:
		return used;
	case ID_OUT_OF_RANGE:
		fake_virtio_push_used(device, chain->queue, RING_SIZE, used);
		return FAKE_HOLD;
	case ID_NOT_IN_FLIGHT:
		fake_virtio_push_used(device, chain->queue,
				      (chain->head + 7) % RING_SIZE, used);
		return FAKE_HOLD;
	case FAIL:
		status = VIRTIO_BLK_S_IOERR;
		break;
	case UNSUPPORTED:
		status = VIRTIO_BLK_S_UNSUPP;
		break;
	case STATUS_INVALID:
		status = 7;
		break;
	case SHORT_READ:
		status = serve(disk, chain);
		used--;
		break;
	case LENGTH_TOO_LONG:
		status = serve(disk, chain);
		used++;
		break;
	default:
		status = serve(disk, chain);
		break;
	}
	fake_chain_write(chain, last, &status, sizeof(status));
	if (disk->conduct == ANSWER_TWICE)
		fake_virtio_push_used(device, chain->queue, chain->head, used);
	return used;
}

/* --- plugging in and out ----------------------------------------------- */

static struct virtio_blk_config ordinary_config(void)
{
	return (struct virtio_blk_config) {
		.capacity = (__force __virtio64)cpu_to_le64(DISK_SECTORS),
		.seg_max = (__force __virtio32)cpu_to_le32(30),
		.blk_size = (__force __virtio32)cpu_to_le32(512),
		.wce = 1,
		.num_queues = (__force __virtio16)cpu_to_le16(2),
		.max_discard_sectors = (__force __virtio32)cpu_to_le32(1024),
		.max_discard_seg = (__force __virtio32)cpu_to_le32(4),
		.max_write_zeroes_sectors =
			(__force __virtio32)cpu_to_le32(1024),
	};
}

static struct fake_device *plug(struct fake_disk *disk, u64 features,
				const struct virtio_blk_config *config)
{
	struct fake_spec spec = {
		.device_id = VIRTIO_ID_BLOCK,
		.features = features,
		.queues = 2,
		.ring_size = RING_SIZE,
		.config = config,
		.config_bytes = sizeof(*config),
		.handle = handle,
		.context = disk,
	};

	return fake_virtio_create(&spec);
}

static struct fake_disk *disk_in(struct kunit *test, u64 features)
{
	struct virtio_blk_config config = ordinary_config();
	struct fake_disk *disk;

	disk = kunit_kzalloc(test, sizeof(*disk), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, disk);
	disk->data = kunit_kzalloc(test, DISK_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, disk->data);

	disk->device = plug(disk, features, &config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, disk->device);
	KUNIT_ASSERT_TRUE(test, fake_virtio_bound(disk->device));
	disk->driver = fake_virtio_vdev(disk->device)->priv;
	disk->bdev = blkdev_get_by_dev(disk_devt(disk->driver->disk), MODE,
				       NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, disk->bdev);
	return disk;
}

static void disk_out(struct fake_disk *disk)
{
	if (disk->device)
		fake_virtio_destroy(disk->device);
	blkdev_put(disk->bdev, MODE);
}

static struct bio *make_bio(struct fake_disk *disk, blk_opf_t op,
			    sector_t sector, void *buf, size_t bytes)
{
	struct bio *bio = bio_alloc(disk->bdev, BIO_MAX_VECS, op, GFP_KERNEL);
	size_t done = 0;

	bio->bi_iter.bi_sector = sector;
	while (done < bytes) {
		size_t part = min_t(size_t, bytes - done,
				    PAGE_SIZE - offset_in_page(buf + done));

		bio_add_page(bio, virt_to_page(buf + done), part,
			     offset_in_page(buf + done));
		done += part;
	}
	return bio;
}

static int disk_io(struct fake_disk *disk, blk_opf_t op, sector_t sector,
		   void *buf, size_t bytes)
{
	struct bio *bio = make_bio(disk, op, sector, buf, bytes);
	int err = submit_bio_wait(bio);

	bio_put(bio);
	return err;
}

static s64 count(struct fake_disk *disk, enum pvblk_counter id)
{
	return atomic64_read(&disk->driver->counters[id]);
}

/* The worker that buries a broken device takes a moment. */
static int wait_for_state(struct fake_disk *disk, enum pvblk_state state)
{
	int tries;

	for (tries = 0; tries < 250; tries++) {
		if (atomic_read(&disk->driver->state) == state)
			return 0;
		msleep(20);
	}
	return -ETIMEDOUT;
}

/* --- tests ------------------------------------------------------------- */

static void reads_what_was_written(struct kunit *test)
{
	static const size_t sizes[] = { 512, 4096, 12288, 65536 };
	struct fake_disk *disk = disk_in(test, FEATURES);
	u8 *out = kunit_kzalloc(test, 65536, GFP_KERNEL);
	u8 *in = kunit_kzalloc(test, 65536, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		sector_t sector = 8 + i;

		get_random_bytes(out, sizes[i]);
		KUNIT_EXPECT_EQ(test, 0, disk_io(disk, REQ_OP_WRITE, sector,
						 out, sizes[i]));
		KUNIT_EXPECT_EQ(test, 0, memcmp(out, disk->data + sector * 512,
						sizes[i]));
		KUNIT_EXPECT_EQ(test, 0, disk_io(disk, REQ_OP_READ, sector, in,
						 sizes[i]));
		KUNIT_EXPECT_EQ(test, 0, memcmp(out, in, sizes[i]));
	}
	disk_out(disk);
}

static void works_without_indirect_descriptors(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test,
					 FEATURES & ~INDIRECT & ~EVENT_IDX);
	u8 *buf = kunit_kzalloc(test, 65536, GFP_KERNEL);

	memset(buf, 0x5a, 65536);
	KUNIT_EXPECT_EQ(test, 0, disk_io(disk, REQ_OP_WRITE, 0, buf, 65536));
	KUNIT_EXPECT_EQ(test, 0, memcmp(buf, disk->data, 65536));
	disk_out(disk);
}

static void flushes_a_write_cache(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);

	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_flush(disk->bdev));
	KUNIT_EXPECT_EQ(test, 1, disk->flushes);

	KUNIT_EXPECT_EQ(test, 0,
			pvblk_config_set_writeback(disk->driver, false));
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_flush(disk->bdev));
	KUNIT_EXPECT_EQ(test, 1, disk->flushes);
	disk_out(disk);
}

static void discards_and_zeroes(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);

	memset(disk->data, 0xff, DISK_BYTES);
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_discard(disk->bdev, 16, 8,
						      GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_zeroout(disk->bdev, 32, 8,
						      GFP_KERNEL,
						      BLKDEV_ZERO_NOFALLBACK));
	KUNIT_EXPECT_EQ(test, 2, disk->ranges);
	KUNIT_EXPECT_EQ(test, 0xff, disk->data[16 * 512 - 1]);
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    memchr_inv(disk->data + 16 * 512, 0, 8 * 512));
	KUNIT_EXPECT_EQ(test, 0xff, disk->data[24 * 512]);
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    memchr_inv(disk->data + 32 * 512, 0, 8 * 512));
	KUNIT_EXPECT_EQ(test, 0xff, disk->data[40 * 512]);
	disk_out(disk);
}

/* --- batches ----------------------------------------------------------- */

struct batch {
	atomic_t left;
	atomic_t failed;
	struct completion done;
};

static void batch_end_io(struct bio *bio)
{
	struct batch *batch = bio->bi_private;

	if (bio->bi_status)
		atomic_inc(&batch->failed);
	bio_put(bio);
	if (atomic_dec_and_test(&batch->left))
		complete(&batch->done);
}

/* Every piece goes to the same memory, so that no two make one segment. */
static struct bio *scattered_bio(struct fake_disk *disk, sector_t sector,
				 void *buf, unsigned int segments)
{
	struct bio *bio = bio_alloc(disk->bdev, segments, REQ_OP_READ,
				    GFP_KERNEL);
	unsigned int i;

	bio->bi_iter.bi_sector = sector;
	for (i = 0; i < segments; i++)
		bio_add_page(bio, virt_to_page(buf), PVBLK_SECTOR_BYTES,
			     offset_in_page(buf));
	return bio;
}

static void batch_submit(struct fake_disk *disk, struct batch *batch,
			 unsigned int bios, void *buf, unsigned int segments)
{
	struct blk_plug plug;
	unsigned int i;

	atomic_set(&batch->left, bios);
	atomic_set(&batch->failed, 0);
	init_completion(&batch->done);
	blk_start_plug(&plug);
	for (i = 0; i < bios; i++) {
		/* Not adjacent, or the block layer makes them one request. */
		struct bio *bio = scattered_bio(disk, i * (segments + 8), buf,
						segments);

		bio->bi_private = batch;
		bio->bi_end_io = batch_end_io;
		submit_bio(bio);
	}
	blk_finish_plug(&plug);
}

static unsigned int total(struct fake_disk *disk,
			  unsigned int (*what)(struct fake_device *device,
					       unsigned int queue))
{
	return what(disk->device, 0) + what(disk->device, 1);
}

static void one_kick_and_one_interrupt(struct kunit *test, u64 features)
{
	struct fake_disk *disk = disk_in(test, features);
	void *buf = kunit_kzalloc(test, 512, GFP_KERNEL);
	unsigned int kicks = total(disk, fake_virtio_kicks);
	unsigned int interrupts = total(disk, fake_virtio_interrupts);
	unsigned int requests = disk->requests;
	struct batch batch;

	batch_submit(disk, &batch, 16, buf, 1);
	wait_for_completion(&batch.done);
	fake_virtio_drain(disk->device);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&batch.failed));
	KUNIT_EXPECT_EQ(test, 16, disk->requests - requests);
	KUNIT_EXPECT_EQ(test, 1, total(disk, fake_virtio_kicks) - kicks);
	KUNIT_EXPECT_EQ(test, 1,
			total(disk, fake_virtio_interrupts) - interrupts);
	disk_out(disk);
}

/* Without event indices nothing but the driver itself saves a kick. */
static void batch_is_one_kick_and_one_interrupt(struct kunit *test)
{
	one_kick_and_one_interrupt(test, FEATURES);
	one_kick_and_one_interrupt(test, FEATURES & ~EVENT_IDX);
}

/* More descriptors than the ring has; all answers come in one batch. */
static void batch_larger_than_the_ring(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES & ~INDIRECT);
	void *buf = kunit_kzalloc(test, 512, GFP_KERNEL);
	struct batch batch;

	batch_submit(disk, &batch, 20, buf, 16);
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&batch.done,
							     10 * HZ));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&batch.failed));
	KUNIT_EXPECT_NE(test, 0, count(disk, PVBLK_COUNT_RING_FULL));
	disk_out(disk);
}

/* --- misconduct -------------------------------------------------------- */

struct conduct_case {
	const char *name;
	enum conduct conduct;
	blk_opf_t op;
	enum pvblk_counter counter;
	bool deadly;
};

static const struct conduct_case conduct_cases[] = {
	{ "read fails", FAIL, REQ_OP_READ, PVBLK_COUNT_IO_ERROR, false },
	{ "write fails", FAIL, REQ_OP_WRITE, PVBLK_COUNT_IO_ERROR, false },
	{ "unsupported", UNSUPPORTED, REQ_OP_READ, PVBLK_COUNT_UNSUPPORTED,
	  false },
	{ "short read", SHORT_READ, REQ_OP_READ, PVBLK_COUNT_SHORT_READ,
	  false },
	{ "read too long", LENGTH_TOO_LONG, REQ_OP_READ,
	  PVBLK_COUNT_BAD_LENGTH, true },
	{ "write too long", LENGTH_TOO_LONG, REQ_OP_WRITE,
	  PVBLK_COUNT_BAD_LENGTH, true },
	{ "status unwritten", STATUS_UNWRITTEN, REQ_OP_WRITE,
	  PVBLK_COUNT_BAD_STATUS, true },
	{ "status invalid", STATUS_INVALID, REQ_OP_READ,
	  PVBLK_COUNT_BAD_STATUS, true },
	{ "id out of range", ID_OUT_OF_RANGE, REQ_OP_READ,
	  PVBLK_COUNT_ABORTED, true },
	{ "id not in flight", ID_NOT_IN_FLIGHT, REQ_OP_READ,
	  PVBLK_COUNT_ABORTED, true },
};

static void conduct_name(const struct conduct_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(conduct, conduct_cases, conduct_name);

/* The request fails and is counted; only a lie costs the device its life. */
static void misconduct(struct kunit *test)
{
	const struct conduct_case *c = test->param_value;
	struct fake_disk *disk = disk_in(test, FEATURES);
	void *buf = kunit_kzalloc(test, 4096, GFP_KERNEL);
	unsigned int resets = fake_virtio_resets(disk->device);

	disk->conduct = c->conduct;
	KUNIT_EXPECT_NE(test, 0, disk_io(disk, c->op, 0, buf, 4096));
	KUNIT_EXPECT_EQ(test, 1, count(disk, c->counter));
	KUNIT_EXPECT_EQ(test, c->deadly, count(disk, PVBLK_COUNT_DEVICE_FAULT));

	disk->conduct = HONEST;
	if (c->deadly) {
		KUNIT_EXPECT_EQ(test, 0, wait_for_state(disk, PVBLK_DEAD));
		KUNIT_EXPECT_EQ(test, 1, fake_virtio_resets(disk->device) -
						 resets);
		KUNIT_EXPECT_EQ(test, -EIO,
				disk_io(disk, REQ_OP_READ, 0, buf, 4096));
	} else {
		KUNIT_EXPECT_EQ(test, 0,
				disk_io(disk, REQ_OP_READ, 0, buf, 4096));
	}
	disk_out(disk);
}

/* A legacy device's lengths mean nothing, so none is a lie. */
static void legacy_lengths_are_ignored(struct kunit *test)
{
	struct fake_disk *disk =
		disk_in(test, FEATURES & ~BIT_ULL(VIRTIO_F_VERSION_1));
	void *buf = kunit_kzalloc(test, 512, GFP_KERNEL);

	disk->conduct = LENGTH_TOO_LONG;
	KUNIT_EXPECT_EQ(test, 0, disk_io(disk, REQ_OP_READ, 0, buf, 512));
	disk->conduct = SHORT_READ;
	KUNIT_EXPECT_EQ(test, 0, disk_io(disk, REQ_OP_READ, 0, buf, 512));
	disk_out(disk);
}

/* All that is in flight fails with the one that lied, none is lost. */
static void lie_with_others_in_flight(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);
	void *buf = kunit_kzalloc(test, 4096, GFP_KERNEL);
	struct batch batch;

	disk->conduct = SILENT;
	batch_submit(disk, &batch, 16, buf, 1);
	fake_virtio_drain(disk->device);
	disk->conduct = STATUS_INVALID;
	KUNIT_EXPECT_NE(test, 0, disk_io(disk, REQ_OP_READ, 512, buf, 512));
	wait_for_completion(&batch.done);
	KUNIT_EXPECT_EQ(test, 16, atomic_read(&batch.failed));
	KUNIT_EXPECT_EQ(test, 16, count(disk, PVBLK_COUNT_ABORTED));
	disk_out(disk);
}

/* The first answer is good, the second belongs to no request. */
static void answered_twice(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);
	void *buf = kunit_kzalloc(test, 512, GFP_KERNEL);

	disk->conduct = ANSWER_TWICE;
	KUNIT_EXPECT_EQ(test, 0, disk_io(disk, REQ_OP_READ, 0, buf, 512));
	KUNIT_EXPECT_EQ(test, 0, wait_for_state(disk, PVBLK_DEAD));
	KUNIT_EXPECT_EQ(test, 1, count(disk, PVBLK_COUNT_DEVICE_FAULT));
	disk_out(disk);
}

static void asks_for_a_reset(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);
	void *buf = kunit_kzalloc(test, 512, GFP_KERNEL);
	struct batch batch;

	disk->conduct = SILENT;
	batch_submit(disk, &batch, 4, buf, 1);
	fake_virtio_needs_reset(disk->device);
	wait_for_completion(&batch.done);
	KUNIT_EXPECT_EQ(test, 4, atomic_read(&batch.failed));
	KUNIT_EXPECT_EQ(test, 0, wait_for_state(disk, PVBLK_DEAD));
	disk_out(disk);
}

/* --- removal ----------------------------------------------------------- */

static void removed_while_silent(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);
	unsigned int timeout = pvblk_remove_timeout;
	void *buf = kunit_kzalloc(test, 512, GFP_KERNEL);
	struct batch batch;

	pvblk_remove_timeout = 1;
	disk->conduct = SILENT;
	batch_submit(disk, &batch, 16, buf, 1);
	fake_virtio_drain(disk->device);
	fake_virtio_destroy(disk->device);
	disk->device = NULL;
	KUNIT_EXPECT_TRUE(test, completion_done(&batch.done));
	KUNIT_EXPECT_EQ(test, 16, atomic_read(&batch.failed));
	pvblk_remove_timeout = timeout;
	disk_out(disk);
}

/* As the PCI core does when the device has already left its slot. */
static void removed_by_surprise(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);
	void *buf = kunit_kzalloc(test, 512, GFP_KERNEL);
	struct batch batch;

	disk->conduct = SILENT;
	batch_submit(disk, &batch, 16, buf, 1);
	virtio_break_device(fake_virtio_vdev(disk->device));
	fake_virtio_destroy(disk->device);
	disk->device = NULL;
	KUNIT_EXPECT_TRUE(test, completion_done(&batch.done));
	KUNIT_EXPECT_EQ(test, 16, atomic_read(&batch.failed));
	disk_out(disk);
}

static void removed_after_its_death(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);
	void *buf = kunit_kzalloc(test, 512, GFP_KERNEL);

	disk->conduct = LENGTH_TOO_LONG;
	KUNIT_EXPECT_NE(test, 0, disk_io(disk, REQ_OP_READ, 0, buf, 512));
	fake_virtio_destroy(disk->device);
	disk->device = NULL;
	KUNIT_EXPECT_NE(test, 0, disk_io(disk, REQ_OP_READ, 0, buf, 512));
	disk_out(disk);
}

/* --- configuration ----------------------------------------------------- */

static void set_capacity_field(struct fake_disk *disk, u64 sectors)
{
	__le64 value = cpu_to_le64(sectors);

	fake_virtio_set_config(disk->device,
			       offsetof(struct virtio_blk_config, capacity),
			       &value, sizeof(value));
	fake_virtio_config_changed(disk->device);
	flush_work(&disk->driver->config_work);
}

static void resizes(struct kunit *test)
{
	struct fake_disk *disk = disk_in(test, FEATURES);
	struct gendisk *gendisk = disk->driver->disk;

	set_capacity_field(disk, 1024);
	KUNIT_EXPECT_EQ(test, 1024, get_capacity(gendisk));
	set_capacity_field(disk, 4096);
	KUNIT_EXPECT_EQ(test, 4096, get_capacity(gendisk));

	set_capacity_field(disk, U64_MAX);
	KUNIT_EXPECT_EQ(test, 4096, get_capacity(gendisk));
	KUNIT_EXPECT_EQ(test, 1, count(disk, PVBLK_COUNT_CONFIG_REJECT));

	fake_virtio_set_unstable(disk->device, true);
	set_capacity_field(disk, 512);
	KUNIT_EXPECT_EQ(test, 4096, get_capacity(gendisk));
	KUNIT_EXPECT_EQ(test, 2, count(disk, PVBLK_COUNT_CONFIG_REJECT));
	disk_out(disk);
}

static void expect_refusal(struct kunit *test,
			   const struct virtio_blk_config *config)
{
	struct fake_device *device = plug(NULL, FEATURES, config);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, device);
	KUNIT_EXPECT_FALSE(test, fake_virtio_bound(device));
	fake_virtio_destroy(device);
}

static void refuses_what_it_cannot_drive(struct kunit *test)
{
	struct virtio_blk_config config = ordinary_config();

	config.blk_size = (__force __virtio32)cpu_to_le32(513);
	expect_refusal(test, &config);

	config = ordinary_config();
	config.num_queues = 0;
	expect_refusal(test, &config);

	config = ordinary_config();
	config.capacity = (__force __virtio64)cpu_to_le64(U64_MAX);
	expect_refusal(test, &config);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(reads_what_was_written),
	KUNIT_CASE(works_without_indirect_descriptors),
	KUNIT_CASE(flushes_a_write_cache),
	KUNIT_CASE(discards_and_zeroes),
	KUNIT_CASE(batch_is_one_kick_and_one_interrupt),
	KUNIT_CASE(batch_larger_than_the_ring),
	KUNIT_CASE_PARAM(misconduct, conduct_gen_params),
	KUNIT_CASE(legacy_lengths_are_ignored),
	KUNIT_CASE(lie_with_others_in_flight),
	KUNIT_CASE(answered_twice),
	KUNIT_CASE(asks_for_a_reset),
	KUNIT_CASE(removed_while_silent),
	KUNIT_CASE(removed_by_surprise),
	KUNIT_CASE(removed_after_its_death),
	KUNIT_CASE(resizes),
	KUNIT_CASE(refuses_what_it_cannot_drive),
	{}
};

static struct kunit_suite suite = {
	.name = "pvblk_device",
	.test_cases = cases,
};

kunit_test_suite(suite);
