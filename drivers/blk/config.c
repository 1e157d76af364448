// SPDX-License-Identifier: GPL-2.0
/*
 * config - the configuration space, to and from the device and the block layer
 *
 * Reading is copying: limits.c judges the copy.  Runs in probe and restore,
 * and in config_work when the device has announced a change.
 */
#include "pvblk.h"

#include <linux/blkdev.h>
#include <linux/string_helpers.h>
#include <linux/virtio_config.h>

/* A device that changes its configuration this often does so on purpose. */
#define READ_TRIES 16

static void copy_fields(struct virtio_device *vdev, struct pvblk_config *config)
{
	unsigned int id;

	for (id = 0; id < PVBLK_FIELDS; id++) {
		const struct pvblk_field *field = &pvblk_fields[id];

		if (field->feature != PVBLK_NO_FEATURE &&
		    !virtio_has_feature(vdev, field->feature))
			continue;
		vdev->config->get(vdev, field->offset,
				  config->raw + field->offset, field->bytes);
	}
}

static u32 generation(struct virtio_device *vdev)
{
	return vdev->config->generation ? vdev->config->generation(vdev) : 0;
}

/* virtio 1.3, 2.5.1: a copy is consistent if the generation has not moved. */
static int copy_config(struct virtio_device *vdev, struct pvblk_config *config)
{
	unsigned int tries;

	for (tries = 0; tries < READ_TRIES; tries++) {
		u32 before = generation(vdev);

		copy_fields(vdev, config);
		if (generation(vdev) == before)
			return 0;
	}
	dev_err_ratelimited(&vdev->dev,
			    "configuration changed during each of %u reads\n",
			    READ_TRIES);
	return -EAGAIN;
}

static void report_adjusted(struct pvblk_dev *dev,
			    const struct pvblk_config *config, u32 adjusted)
{
	unsigned int id;

	for (id = 0; id < PVBLK_FIELDS; id++)
		if (adjusted & 1u << id)
			dev_notice_ratelimited(&dev->vdev->dev,
					       "%s %llu of the device is out of range, adjusted\n",
					       pvblk_fields[id].name,
					       pvblk_field_raw(config, id));
}

/**
 * pvblk_config_read() - copy and check the device's configuration
 * @dev: the disk
 * @limits: receives the limits; untouched on failure
 *
 * Return: 0, -EINVAL for a value that cannot be used, -EAGAIN for a
 * configuration that does not stand still.
 */
int pvblk_config_read(struct pvblk_dev *dev, struct pvblk_limits *limits)
{
	struct pvblk_config config = {
		.features = dev->vdev->features,
		.little_endian = virtio_is_little_endian(dev->vdev),
	};
	struct pvblk_limits_fault fault;
	int err;

	err = copy_config(dev->vdev, &config);
	if (err)
		goto reject;

	err = pvblk_limits_parse(&config, limits, &fault);
	if (err) {
		const struct pvblk_field *field = &pvblk_fields[fault.field];

		dev_err_ratelimited(&dev->vdev->dev,
				    "%s %llu of the device is unusable, must be %s\n",
				    field->name, fault.value, field->want);
		goto reject;
	}
	report_adjusted(dev, &config, limits->adjusted);
	return 0;

reject:
	pvblk_count(dev, PVBLK_COUNT_CONFIG_REJECT);
	return err;
}

static void apply_ranges(struct request_queue *q,
			 const struct pvblk_limits *limits)
{
	blk_queue_max_write_zeroes_sectors(q, limits->max_zeroes_sectors);
	if (!limits->max_discard_sectors)
		return;
	blk_queue_max_discard_sectors(q, limits->max_discard_sectors);
	blk_queue_max_discard_segments(q, limits->max_discard_ranges);
	q->limits.discard_granularity = limits->discard_granularity_bytes;
}

static void apply_topology(struct request_queue *q,
			   const struct pvblk_limits *limits)
{
	blk_queue_logical_block_size(q, limits->block_bytes);
	blk_queue_physical_block_size(q, limits->physical_bytes);
	if (limits->alignment_bytes)
		blk_queue_alignment_offset(q, limits->alignment_bytes);
	if (limits->io_min_bytes)
		blk_queue_io_min(q, limits->io_min_bytes);
	if (limits->io_opt_bytes)
		blk_queue_io_opt(q, limits->io_opt_bytes);
}

/* virtio 1.3, 2.7.5.3.1: no chain is longer than the ring, indirect or not. */
static unsigned int segment_limit(const struct pvblk_dev *dev)
{
	return min_t(unsigned int, dev->limits.max_segments,
		     pvblk_vqs_ring_size(dev) - 2);
}

/**
 * pvblk_config_apply() - tell the block layer what the device can do
 * @dev: the disk, its limits read and its virtqueues found
 */
void pvblk_config_apply(struct pvblk_dev *dev)
{
	const struct pvblk_limits *limits = &dev->limits;
	struct request_queue *q = dev->disk->queue;
	size_t dma_max = virtio_max_dma_size(dev->vdev);

	apply_topology(q, limits);
	apply_ranges(q, limits);
	blk_queue_max_segments(q, segment_limit(dev));
	blk_queue_max_segment_size(q, min_t(size_t, dma_max,
					    limits->max_segment_bytes));
	blk_queue_max_hw_sectors(q, PVBLK_MAX_REQUEST_SECTORS);
	blk_queue_write_cache(q, limits->writeback, false);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	if (virtio_has_feature(dev->vdev, VIRTIO_BLK_F_RO))
		set_disk_ro(dev->disk, true);
	set_capacity(dev->disk, limits->capacity_sectors);
}

static void resize(struct pvblk_dev *dev, u64 sectors)
{
	char size[16];

	string_get_size(sectors, PVBLK_SECTOR_BYTES, STRING_UNITS_2, size,
			sizeof(size));
	dev_info(&dev->vdev->dev, "%s: resized from %llu to %llu sectors (%s)\n",
		 dev->disk->disk_name, dev->limits.capacity_sectors, sectors,
		 size);
	dev->limits.capacity_sectors = sectors;
	set_capacity_and_notify(dev->disk, sectors);
}

/*
 * The device has changed its configuration or asks for a reset.  Of all
 * fields only the capacity may change under a running driver
 * (virtio 1.3, 5.2.5.2).
 */
void pvblk_config_work(struct work_struct *work)
{
	struct pvblk_dev *dev = container_of(work, struct pvblk_dev,
					     config_work);
	struct virtio_device *vdev = dev->vdev;
	struct pvblk_limits limits;

	if (vdev->config->get_status(vdev) & VIRTIO_CONFIG_S_NEEDS_RESET) {
		pvblk_fault_report(dev, "it asks for a reset");
		return;
	}
	if (atomic_read(&dev->state) != PVBLK_LIVE)
		return;
	if (pvblk_config_read(dev, &limits))
		return;
	if (limits.capacity_sectors != dev->limits.capacity_sectors)
		resize(dev, limits.capacity_sectors);
}

/**
 * pvblk_config_set_writeback() - switch the device's write cache
 * @dev: a disk with CONFIG_WCE
 * @writeback: true for a cache that needs flushes
 *
 * The device has the last word: what it says afterwards is believed.
 *
 * Return: 0, -ENODEV for a dead device, or what reading the configuration says.
 */
int pvblk_config_set_writeback(struct pvblk_dev *dev, bool writeback)
{
	struct pvblk_limits limits;
	u8 wce = writeback;
	int err;

	if (atomic_read(&dev->state) != PVBLK_LIVE)
		return -ENODEV;

	dev->vdev->config->set(dev->vdev,
			       offsetof(struct virtio_blk_config, wce), &wce,
			       sizeof(wce));
	err = pvblk_config_read(dev, &limits);
	if (err)
		return err;
	dev->limits.writeback = limits.writeback;
	dev->wce_set = true;
	blk_queue_write_cache(dev->disk->queue, limits.writeback, false);
	return 0;
}
