// SPDX-License-Identifier: GPL-2.0
/*
 * disk - verified I/O on the whole of /dev/vda, by bios
 *
 * Each word on the disk tells where it belongs, so that a block at the wrong
 * place shows as well as a block not written.  The host checks the written
 * file by the same rule (test_kvmguest.py), each run in its own area.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "selftest.h"

#define DISK_NAME	"vda"
#define DEPTH_MAX	32u

/**
 * struct io_run - requests of one size, each written, then read back
 * @first: place of the first request, in bytes; the others follow
 * @bytes: a request
 * @depth: requests in flight
 * @count: requests
 * @what: name for the host's counters, NULL: not counted
 */
struct io_run {
	u64 first;
	u32 bytes;
	unsigned int depth;
	unsigned int count;
	const char *what;
};

/**
 * struct slot - a request of a run, used again and again
 * @status: of the last one, valid after @done
 */
struct slot {
	struct completion done;
	blk_status_t status;
	u64 *buf;
};

static struct block_device *disk_open(struct selftest *test)
{
	dev_t devt = blk_lookup_devt(DISK_NAME, 0);
	struct block_device *bdev;

	bdev = blkdev_get_by_dev(devt, FMODE_READ | FMODE_WRITE, NULL);
	if (IS_ERR(bdev)) {
		selftest_fail(test, "/dev/%s: error %ld", DISK_NAME,
			      PTR_ERR(bdev));
		return NULL;
	}
	return bdev;
}

static void disk_close(struct block_device *bdev)
{
	blkdev_put(bdev, FMODE_READ | FMODE_WRITE);
}

static u64 word_at(u64 offset_bytes)
{
	return 0x5076506163680000ull ^ offset_bytes;
}

static void pattern_fill(u64 *buf, u64 offset, u32 bytes)
{
	u32 i;

	for (i = 0; i < bytes / sizeof(*buf); i++)
		buf[i] = word_at(offset + i * sizeof(*buf));
}

/* The first wrong word's offset in @buf, or @bytes. */
static u32 pattern_check(const u64 *buf, u64 offset, u32 bytes)
{
	u32 i;

	for (i = 0; i < bytes / sizeof(*buf); i++)
		if (buf[i] != word_at(offset + i * sizeof(*buf)))
			break;
	return i * sizeof(*buf);
}

static void slot_end_io(struct bio *bio)
{
	struct slot *slot = bio->bi_private;

	slot->status = bio->bi_status;
	bio_put(bio);
	complete(&slot->done);
}

/* Page by page: the pages of @slot->buf do not lie side by side. */
static void slot_submit(struct slot *slot, struct block_device *bdev,
			blk_opf_t op, u64 offset, u32 bytes)
{
	struct bio *bio = bio_alloc(bdev, DIV_ROUND_UP(bytes, PAGE_SIZE), op,
				    GFP_KERNEL);
	u32 done, len;

	bio->bi_iter.bi_sector = offset >> SECTOR_SHIFT;
	bio->bi_private = slot;
	bio->bi_end_io = slot_end_io;
	for (done = 0; done < bytes; done += len) {
		len = min_t(u32, bytes - done, PAGE_SIZE);
		__bio_add_page(bio, vmalloc_to_page((u8 *)slot->buf + done),
			       len, 0);
	}
	reinit_completion(&slot->done);
	submit_bio(bio);
}

static int slot_wait(struct selftest *test, struct slot *slot, u64 offset)
{
	if (!wait_for_completion_io_timeout(&slot->done, SELFTEST_TIMEOUT))
		return selftest_fail(test, "no answer at byte %llu", offset);
	if (slot->status)
		return selftest_fail(test, "error %d at byte %llu",
				     blk_status_to_errno(slot->status), offset);
	return 0;
}

static int slot_finish(struct selftest *test, struct slot *slot, enum req_op op,
		       u64 offset, u32 bytes)
{
	int err = slot_wait(test, slot, offset);
	u32 good;

	if (err || op == REQ_OP_WRITE)
		return err;
	good = pattern_check(slot->buf, offset, bytes);
	if (good < bytes)
		return selftest_fail(test, "byte %llu: read %llx, not %llx",
				     offset + good, slot->buf[good / 8],
				     word_at(offset + good));
	return 0;
}

static int slots_run(struct selftest *test, struct slot *slots,
		     struct block_device *bdev, enum req_op op,
		     const struct io_run *run)
{
	unsigned int next = 0, done;
	int err;

	for (done = 0; done < run->count; done++) {
		for (; next < min(run->count, done + run->depth); next++) {
			struct slot *slot = &slots[next % run->depth];
			u64 offset = run->first + (u64)next * run->bytes;

			if (op == REQ_OP_WRITE)
				pattern_fill(slot->buf, offset, run->bytes);
			else
				memset(slot->buf, 0xee, run->bytes);
			slot_submit(slot, bdev, op, offset, run->bytes);
		}
		err = slot_finish(test, &slots[done % run->depth], op,
				  run->first + (u64)done * run->bytes,
				  run->bytes);
		if (err)
			return err;
	}
	return 0;
}

static struct slot *slots_alloc(const struct io_run *run)
{
	struct slot *slots = kcalloc(run->depth, sizeof(*slots), GFP_KERNEL);
	unsigned int i;

	for (i = 0; slots && i < run->depth; i++) {
		init_completion(&slots[i].done);
		slots[i].buf = vmalloc(run->bytes);
		if (!slots[i].buf)
			return NULL;
	}
	return slots;
}

static void slots_free(struct slot *slots, const struct io_run *run)
{
	unsigned int i;

	for (i = 0; i < run->depth; i++)
		vfree(slots[i].buf);
	kfree(slots);
}

static int counted(struct selftest *test, struct slot *slots,
		   struct block_device *bdev, enum req_op op,
		   const struct io_run *run)
{
	char what[48];
	int err;

	if (!run->what)
		return slots_run(test, slots, bdev, op, run);
	snprintf(what, sizeof(what), "%s %s",
		 op == REQ_OP_WRITE ? "write" : "read", run->what);
	selftest_count_begin(what);
	err = slots_run(test, slots, bdev, op, run);
	selftest_count_end(what, run->count);
	return err;
}

/*
 * Read back what a run has written, after having it written if @write.  After a
 * failure the memory stays: the device may still have it.
 */
static int run_on(struct selftest *test, struct block_device *bdev,
		  const struct io_run *run, bool write)
{
	struct slot *slots = slots_alloc(run);
	int err = 0;

	if (!slots)
		return selftest_fail(test, "no memory");
	if (write)
		err = counted(test, slots, bdev, REQ_OP_WRITE, run);
	if (!err && write && blkdev_issue_flush(bdev))
		err = selftest_fail(test, "flush failed");
	if (!err)
		err = counted(test, slots, bdev, REQ_OP_READ, run);
	if (!err)
		slots_free(slots, run);
	return err;
}

static int test_run(struct selftest *test, const void *arg)
{
	struct block_device *bdev = disk_open(test);
	int err;

	if (!bdev)
		return -EIO;
	err = run_on(test, bdev, arg, true);
	disk_close(bdev);
	return err;
}

static int test_identity(struct selftest *test, const void *arg)
{
	struct block_device *bdev = disk_open(test);
	struct request_queue *q;
	const char *driver;
	int err = 0;

	if (!bdev)
		return -EIO;
	q = bdev_get_queue(bdev);
	driver = dev_driver_string(disk_to_dev(bdev->bd_disk)->parent);
	if (strcmp(driver, selftest_disk_driver))
		err = selftest_fail(test, "the disk is %s's, not %s's", driver,
				    selftest_disk_driver);
	else if (q->nr_hw_queues != selftest_queues)
		err = selftest_fail(test, "%u queues, not %u", q->nr_hw_queues,
				    selftest_queues);
	disk_close(bdev);
	return err;
}

/**
 * struct cpu_run - a run that one CPU's worker does, and so on one queue
 * @err: of the run, valid once @work is flushed
 */
struct cpu_run {
	struct work_struct work;
	struct selftest test;
	struct block_device *bdev;
	struct io_run run;
	int err;
};

static void cpu_run_work(struct work_struct *work)
{
	struct cpu_run *cr = container_of(work, struct cpu_run, work);

	cr->err = run_on(&cr->test, cr->bdev, &cr->run, true);
}

/* Each CPU has an area of its own, one behind the other. */
static void cpu_run_start(struct cpu_run *cr, struct block_device *bdev,
			  unsigned int cpu, const struct io_run *run)
{
	cr->bdev = bdev;
	cr->run = *run;
	cr->run.first += (u64)cpu * run->bytes * run->count;
	INIT_WORK(&cr->work, cpu_run_work);
	queue_work_on(cpu, system_long_wq, &cr->work);
}

static int test_all_cpus(struct selftest *test, const void *arg)
{
	struct block_device *bdev = disk_open(test);
	struct cpu_run *runs;
	unsigned int cpu;
	int err = 0;

	if (!bdev)
		return -EIO;
	runs = kcalloc(nr_cpu_ids, sizeof(*runs), GFP_KERNEL);
	if (!runs) {
		disk_close(bdev);
		return selftest_fail(test, "no memory");
	}
	for_each_online_cpu(cpu)
		cpu_run_start(&runs[cpu], bdev, cpu, arg);
	for_each_online_cpu(cpu) {
		/* Bounded: every wait of a run is. */
		flush_work(&runs[cpu].work);
		if (runs[cpu].err)
			err = selftest_fail(test, "CPU %u: %.100s", cpu,
					    runs[cpu].test.reason);
	}
	kfree(runs);
	disk_close(bdev);
	return err;
}

static int read_zeroes(struct selftest *test, struct block_device *bdev,
		       const struct io_run *run)
{
	struct slot *slot = slots_alloc(run);
	int err;

	if (!slot)
		return selftest_fail(test, "no memory");
	memset(slot->buf, 0xee, run->bytes);
	slot_submit(slot, bdev, REQ_OP_READ, run->first, run->bytes);
	err = slot_wait(test, slot, run->first);
	if (err)
		return err;
	if (memchr_inv(slot->buf, 0, run->bytes))
		err = selftest_fail(test, "byte %llu on: not all zero",
				    run->first);
	slots_free(slot, run);
	return err;
}

static int zero_block(struct selftest *test, struct block_device *bdev,
		      const struct io_run *run)
{
	int err;

	if (!bdev_write_zeroes_sectors(bdev))
		return selftest_skip(test, "the device has no write-zeroes");
	err = blkdev_issue_zeroout(bdev, run->first >> SECTOR_SHIFT,
				   run->bytes >> SECTOR_SHIFT, GFP_KERNEL,
				   BLKDEV_ZERO_NOFALLBACK);
	if (err)
		return selftest_fail(test, "write-zeroes: error %d", err);
	return read_zeroes(test, bdev, run);
}

/* What a discarded block reads as is the device's choice. */
static int discard_block(struct selftest *test, struct block_device *bdev,
			 const struct io_run *run)
{
	int err;

	if (!bdev_max_discard_sectors(bdev))
		return selftest_skip(test, "the device has no discard");
	err = blkdev_issue_discard(bdev, run->first >> SECTOR_SHIFT,
				   run->bytes >> SECTOR_SHIFT, GFP_KERNEL);
	if (err)
		return selftest_fail(test, "discard: error %d", err);
	return 0;
}

/* Write two blocks, take the first away, and the second must still be there. */
static int take_first(struct selftest *test, const struct io_run *first,
		      int (*take)(struct selftest *test,
				  struct block_device *bdev,
				  const struct io_run *run))
{
	struct block_device *bdev = disk_open(test);
	struct io_run second = *first, both = *first;
	int err;

	if (!bdev)
		return -EIO;
	both.count = 2;
	second.first += first->bytes;
	err = run_on(test, bdev, &both, true);
	if (!err)
		err = take(test, bdev, first);
	if (!err)
		err = run_on(test, bdev, &second, false);
	disk_close(bdev);
	return err;
}

static int test_write_zeroes(struct selftest *test, const void *arg)
{
	return take_first(test, arg, zero_block);
}

static int test_discard(struct selftest *test, const void *arg)
{
	return take_first(test, arg, discard_block);
}

/* Areas of 1 MiB; test_kvmguest.py knows first, bytes and count of each. */
#define AREA(n) ((u64)(n) * SZ_1M)

static const struct io_run run_sector = {
	.first = AREA(0), .bytes = 512, .depth = 1, .count = 8,
};

static const struct io_run run_single = {
	.first = AREA(1), .bytes = 4096, .depth = 1, .count = 16,
	.what = "4 KiB, one at a time",
};

static const struct io_run run_deep = {
	.first = AREA(2), .bytes = 4096, .depth = DEPTH_MAX, .count = 64,
	.what = "4 KiB, 32 in flight",
};

static const struct io_run run_segments = {
	.first = AREA(3), .bytes = SZ_64K, .depth = 4, .count = 4,
};

static const struct io_run run_large = {
	.first = AREA(4), .bytes = SZ_512K, .depth = 1, .count = 1,
};

static const struct io_run run_cpus = {
	.first = AREA(5), .bytes = 4096, .depth = 8, .count = 32,
};

static const struct io_run run_zeroes = {
	.first = AREA(6), .bytes = SZ_64K, .depth = 1, .count = 1,
};

static const struct io_run run_discard = {
	.first = AREA(7), .bytes = SZ_64K, .depth = 1, .count = 1,
};

const struct selftest_case disk_cases[] = {
	{ "disk: driver and queues", test_identity, NULL },
	{ "disk: single sectors", test_run, &run_sector },
	{ "disk: 4 KiB, one at a time", test_run, &run_single },
	{ "disk: 4 KiB, 32 in flight", test_run, &run_deep },
	{ "disk: 64 KiB, 4 in flight", test_run, &run_segments },
	{ "disk: 512 KiB", test_run, &run_large },
	{ "disk: every CPU at once", test_all_cpus, &run_cpus },
	{ "disk: write zeroes", test_write_zeroes, &run_zeroes },
	{ "disk: discard", test_discard, &run_discard },
};

const unsigned int disk_num_cases = ARRAY_SIZE(disk_cases);
