// SPDX-License-Identifier: GPL-2.0
/*
 * main - the module, and a disk's way from probe to remove
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pvblk.h"

#include <linux/blkdev.h>
#include <linux/hdreg.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "name.h"
#include "pv_names.h"
#include "pv_version.h"

static bool off;
module_param(off, bool, 0444);
MODULE_PARM_DESC(off, "do nothing, so that the in-tree driver takes the disks");

static char disk_prefix[PVBLK_PREFIX_MAX + 1] = "vd";

static int set_disk_prefix(const char *value, const struct kernel_param *param)
{
	size_t length = strcspn(value, "\n");

	if (!pvblk_name_prefix_valid(value, length)) {
		pr_err("disk_prefix '%s' is unusable, must be 1 to %d lower-case letters\n",
		       value, PVBLK_PREFIX_MAX);
		return -EINVAL;
	}
	memcpy(disk_prefix, value, length);
	disk_prefix[length] = '\0';
	return 0;
}

static int get_disk_prefix(char *buf, const struct kernel_param *param)
{
	return sysfs_emit(buf, "%s\n", disk_prefix);
}

static const struct kernel_param_ops disk_prefix_ops = {
	.set = set_disk_prefix,
	.get = get_disk_prefix,
};
module_param_cb(disk_prefix, &disk_prefix_ops, NULL, 0444);
MODULE_PARM_DESC(disk_prefix, "first letters of disk names (default vd)");

unsigned int pvblk_remove_timeout = 30;
module_param_named(remove_timeout, pvblk_remove_timeout, uint, 0644);
MODULE_PARM_DESC(remove_timeout,
		 "seconds without an answer until a removal gives the disk up, or a suspend itself (default 30, 0 never)");

struct workqueue_struct *pvblk_workqueue;
static DEFINE_IDA(disk_numbers);

static int getgeo(struct block_device *bdev, struct hd_geometry *geo)
{
	struct pvblk_dev *dev = bdev->bd_disk->private_data;

	geo->cylinders = dev->limits.cylinders;
	geo->heads = dev->limits.heads;
	geo->sectors = dev->limits.sectors;
	if (geo->cylinders && geo->heads && geo->sectors)
		return 0;

	/* What old partitioning tools expect of a disk without geometry. */
	geo->heads = 64;
	geo->sectors = 32;
	geo->cylinders = get_capacity(bdev->bd_disk) >> 11;
	return 0;
}

static void dev_free(struct pvblk_dev *dev)
{
	ida_free(&disk_numbers, dev->index);
	mutex_destroy(&dev->kill_mutex);
	kfree(dev);
}

static void free_disk(struct gendisk *disk)
{
	dev_free(disk->private_data);
}

static const struct block_device_operations disk_operations = {
	.owner = THIS_MODULE,
	.getgeo = getgeo,
	.free_disk = free_disk,
};

static struct pvblk_dev *dev_alloc(struct virtio_device *vdev)
{
	struct pvblk_dev *dev;
	int index;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);

	index = ida_alloc(&disk_numbers, GFP_KERNEL);
	if (index < 0) {
		kfree(dev);
		return ERR_PTR(index);
	}

	dev->index = index;
	dev->vdev = vdev;
	dev->little_endian = virtio_is_little_endian(vdev);
	dev->len_counts = virtio_has_feature(vdev, VIRTIO_F_VERSION_1);
	mutex_init(&dev->kill_mutex);
	INIT_WORK(&dev->kill_work, pvblk_fault_kill_work);
	INIT_DELAYED_WORK(&dev->drain_work, pvblk_fault_drain_work);
	INIT_WORK(&dev->config_work, pvblk_config_work);
	return dev;
}

/* Without indirect descriptors a request takes at least three of the ring. */
static unsigned int queue_depth(const struct pvblk_dev *dev)
{
	unsigned int ring = pvblk_vqs_ring_size(dev);

	if (!virtio_has_feature(dev->vdev, VIRTIO_RING_F_INDIRECT_DESC))
		ring /= 3;
	return min_t(unsigned int, ring, BLK_MQ_MAX_DEPTH);
}

static int tags_alloc(struct pvblk_dev *dev)
{
	struct blk_mq_tag_set *tags = &dev->tags;

	tags->ops = &pvblk_mq_ops;
	tags->nr_hw_queues = dev->num_queues;
	tags->nr_maps = 1;
	tags->queue_depth = queue_depth(dev);
	tags->cmd_size = sizeof(struct pvblk_req);
	tags->numa_node = dev_to_node(&dev->vdev->dev);
	/* The host schedules; sorting here as well costs and gains nothing. */
	tags->flags = BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	tags->driver_data = dev;
	return blk_mq_alloc_tag_set(tags);
}

static int disk_alloc(struct pvblk_dev *dev)
{
	struct gendisk *disk;
	int err;

	disk = blk_mq_alloc_disk(&dev->tags, dev);
	if (IS_ERR(disk))
		return PTR_ERR(disk);

	err = pvblk_name_format(disk->disk_name, sizeof(disk->disk_name),
				disk_prefix, dev->index);
	if (err) {
		put_disk(disk);
		return err;
	}
	disk->fops = &disk_operations;
	disk->private_data = dev;
	dev->disk = disk;
	return 0;
}

static void announce(const struct pvblk_dev *dev)
{
	static const struct pv_feature_name names[] = {
		PV_BLK_FEATURES(PV_FEATURE_NAME)
		PV_RING_FEATURES(PV_FEATURE_NAME)
	};
	char text[PV_NAMES_BYTES];
	char size[16];

	pv_names_format(text, sizeof(text), dev->vdev->features, names,
			ARRAY_SIZE(names));
	string_get_size(dev->limits.capacity_sectors, PVBLK_SECTOR_BYTES,
			STRING_UNITS_2, size, sizeof(size));
	dev_info(&dev->vdev->dev,
		 "%s: %llu sectors (%s), %u of %u queues, depth %u, features: %s\n",
		 dev->disk->disk_name, dev->limits.capacity_sectors, size,
		 dev->num_queues, dev->limits.num_queues,
		 dev->tags.queue_depth, text);
}

static int disk_add(struct pvblk_dev *dev)
{
	struct gendisk *disk = dev->disk;
	int err;

	pvblk_config_apply(dev);
	virtio_device_ready(dev->vdev);
	pvblk_fault_set_state(dev, PVBLK_LIVE);
	announce(dev);

	err = device_add_disk(&dev->vdev->dev, disk, pvblk_sysfs_groups);
	if (err) {
		pvblk_fault_reset(dev);
		pvblk_fault_set_state(dev, PVBLK_DEAD);
		cancel_work_sync(&dev->kill_work);
	}
	return err;
}

static int probe(struct virtio_device *vdev)
{
	struct pvblk_dev *dev;
	int err;

	if (!vdev->config->get) {
		dev_err(&vdev->dev, "the transport gives no access to the configuration\n");
		return -EINVAL;
	}

	dev = dev_alloc(vdev);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	vdev->priv = dev;

	err = pvblk_config_read(dev, &dev->limits);
	if (err)
		goto free_dev;
	err = pvblk_vqs_alloc(dev);
	if (err)
		goto free_dev;
	err = pvblk_vqs_find(dev);
	if (err)
		goto free_queues;
	err = tags_alloc(dev);
	if (err)
		goto delete_vqs;
	err = disk_alloc(dev);
	if (err)
		goto free_tags;
	err = disk_add(dev);
	if (err)
		goto put_disk;
	return 0;

put_disk:
	put_disk(dev->disk);
free_tags:
	blk_mq_free_tag_set(&dev->tags);
delete_vqs:
	pvblk_vqs_delete(dev);
free_queues:
	pvblk_vqs_free(dev);
free_dev:
	vdev->priv = NULL;
	dev_free(dev);
	return err;
}

/*
 * del_gendisk() waits for all requests.  A device known to be gone is killed
 * before, one that is just silent while we wait.
 */
static void remove(struct virtio_device *vdev)
{
	struct pvblk_dev *dev = vdev->priv;

	cancel_work_sync(&dev->config_work);
	if (virtqueue_is_broken(dev->queues[0].vq))
		pvblk_fault_kill(dev, "removed by surprise");

	pvblk_fault_drain_start(dev);
	del_gendisk(dev->disk);
	cancel_delayed_work_sync(&dev->drain_work);

	/* No request is left, but the device may still raise interrupts. */
	mutex_lock(&dev->kill_mutex);
	if (atomic_read(&dev->state) != PVBLK_DEAD)
		pvblk_fault_reset(dev);
	pvblk_fault_set_state(dev, PVBLK_DEAD);
	mutex_unlock(&dev->kill_mutex);
	cancel_work_sync(&dev->kill_work);

	pvblk_vqs_delete(dev);
	pvblk_vqs_free(dev);
	blk_mq_free_tag_set(&dev->tags);
	put_disk(dev->disk);
}

/* Capacity changes and requests for a reset.  Context: interrupt */
static void config_changed(struct virtio_device *vdev)
{
	struct pvblk_dev *dev = vdev->priv;

	queue_work(pvblk_workqueue, &dev->config_work);
}

#ifdef CONFIG_PM_SLEEP
/* Nothing in flight, and nothing new gets past the block layer. */
static int quiesce(struct pvblk_dev *dev)
{
	struct request_queue *q = dev->disk->queue;
	int left;

	/* A fault reported by now ends its requests; do not wait for those. */
	flush_work(&dev->kill_work);
	blk_freeze_queue_start(q);
	left = blk_mq_freeze_queue_wait_timeout(q, pvblk_fault_patience());
	if (left)
		blk_mq_quiesce_queue(q);
	blk_mq_unfreeze_queue(q);
	if (left)
		return 0;

	dev_err(&dev->vdev->dev, "%s: requests unfinished after %u s, not suspending\n",
		dev->disk->disk_name, pvblk_fault_patience() / HZ);
	return -ETIMEDOUT;
}

static int freeze(struct virtio_device *vdev)
{
	struct pvblk_dev *dev = vdev->priv;
	int err;

	cancel_work_sync(&dev->config_work);
	err = quiesce(dev);
	if (err)
		return err;

	mutex_lock(&dev->kill_mutex);
	pvblk_fault_reset(dev);
	if (atomic_read(&dev->state) == PVBLK_LIVE)
		pvblk_fault_set_state(dev, PVBLK_DOWN);
	else
		pvblk_fault_set_state(dev, PVBLK_DEAD);
	mutex_unlock(&dev->kill_mutex);
	cancel_work_sync(&dev->kill_work);

	pvblk_vqs_delete(dev);
	return 0;
}

/* A ring shorter than before could not hold the longest request. */
static int revive(struct pvblk_dev *dev)
{
	unsigned int longest = queue_max_segments(dev->disk->queue) + 2;
	int err;

	err = pvblk_vqs_find(dev);
	if (err)
		return err;
	if (pvblk_vqs_ring_size(dev) >= longest)
		return 0;

	dev_err(&dev->vdev->dev, "%s: ring of %u descriptors after resume, need %u\n",
		dev->disk->disk_name, pvblk_vqs_ring_size(dev), longest);
	pvblk_fault_reset(dev);
	pvblk_vqs_delete(dev);
	return -EINVAL;
}

/* The device has forgotten everything; tell it again from here. */
static int restore(struct virtio_device *vdev)
{
	struct pvblk_dev *dev = vdev->priv;
	int err = 0;

	if (atomic_read(&dev->state) == PVBLK_DOWN) {
		err = revive(dev);
		if (err) {
			pvblk_fault_set_state(dev, PVBLK_DEAD);
		} else {
			virtio_device_ready(vdev);
			pvblk_fault_set_state(dev, PVBLK_LIVE);
			if (dev->wce_set)
				pvblk_config_set_writeback(dev, dev->limits.writeback);
			queue_work(pvblk_workqueue, &dev->config_work);
		}
	}
	/* Requests that wait go on, or fail where there is no virtqueue. */
	blk_mq_unquiesce_queue(dev->disk->queue);
	return err;
}
#endif

static const struct virtio_device_id id_table[] = {
	{ VIRTIO_ID_BLOCK, VIRTIO_DEV_ANY_ID },
	{ 0 },
};
MODULE_DEVICE_TABLE(virtio, id_table);

static const unsigned int features[] = {
	VIRTIO_BLK_F_SIZE_MAX,
	VIRTIO_BLK_F_SEG_MAX,
	VIRTIO_BLK_F_GEOMETRY,
	VIRTIO_BLK_F_RO,
	VIRTIO_BLK_F_BLK_SIZE,
	VIRTIO_BLK_F_FLUSH,
	VIRTIO_BLK_F_TOPOLOGY,
	VIRTIO_BLK_F_CONFIG_WCE,
	VIRTIO_BLK_F_MQ,
	VIRTIO_BLK_F_DISCARD,
	VIRTIO_BLK_F_WRITE_ZEROES,
};

static struct virtio_driver driver = {
	.driver.name = KBUILD_MODNAME,
	.driver.owner = THIS_MODULE,
	.id_table = id_table,
	.feature_table = features,
	.feature_table_size = ARRAY_SIZE(features),
	.probe = probe,
	.remove = remove,
	.config_changed = config_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = freeze,
	.restore = restore,
#endif
};

static int __init pvblk_init(void)
{
	int err;

	if (off) {
		pr_info("off=1, leaving the disks to other drivers\n");
		return -ENODEV;
	}

	/* Faults must be handled also when memory is short. */
	pvblk_workqueue = alloc_workqueue("pvblk", WQ_MEM_RECLAIM, 0);
	if (!pvblk_workqueue)
		return -ENOMEM;

	err = register_virtio_driver(&driver);
	if (err)
		destroy_workqueue(pvblk_workqueue);
	return err;
}

static void __exit pvblk_exit(void)
{
	unregister_virtio_driver(&driver);
	destroy_workqueue(pvblk_workqueue);
}

module_init(pvblk_init);
module_exit(pvblk_exit);

MODULE_DESCRIPTION("pvpack virtio block driver");
MODULE_AUTHOR("pvpack developers");
MODULE_VERSION(PV_VERSION);
MODULE_LICENSE("GPL");
