// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs - attributes of a disk
 *
 * serial and cache_type have the names and values of the in-tree driver, which
 * udev rules and scripts know.  The group pvblk/ holds one read-only counter a
 * file, see enum pvblk_counter.
 */
#include "pvblk.h"

#include <linux/blkdev.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

static struct pvblk_dev *dev_to_pvblk(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

static int read_serial(struct pvblk_dev *dev, void *id)
{
	struct request_queue *q = dev->disk->queue;
	struct request *rq;
	int err;

	rq = blk_mq_alloc_request(q, REQ_OP_DRV_IN, 0);
	if (IS_ERR(rq))
		return PTR_ERR(rq);

	err = blk_rq_map_kern(q, rq, id, VIRTIO_BLK_ID_BYTES, GFP_KERNEL);
	if (!err)
		err = blk_status_to_errno(blk_execute_rq(rq, false));
	blk_mq_free_request(rq);
	return err;
}

static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	ssize_t length;
	char *id;
	int err;

	/* The device writes here, so nothing else may share the memory. */
	id = kzalloc(VIRTIO_BLK_ID_BYTES, GFP_KERNEL);
	if (!id)
		return -ENOMEM;

	err = read_serial(dev_to_pvblk(dev), id);
	if (err == -EOPNOTSUPP)
		length = 0;
	else if (err)
		length = err;
	else
		length = sysfs_emit(buf, "%.*s", VIRTIO_BLK_ID_BYTES, id);
	kfree(id);
	return length;
}
static DEVICE_ATTR_RO(serial);

static const char *const cache_types[] = { "write through", "write back" };

static ssize_t cache_type_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct pvblk_dev *pvblk = dev_to_pvblk(dev);

	return sysfs_emit(buf, "%s\n", cache_types[pvblk->limits.writeback]);
}

static ssize_t cache_type_store(struct device *dev,
				struct device_attribute *attr, const char *buf,
				size_t count)
{
	int type = sysfs_match_string(cache_types, buf);
	int err;

	if (type < 0)
		return type;
	err = pvblk_config_set_writeback(dev_to_pvblk(dev), type);
	return err ? err : count;
}
static DEVICE_ATTR_RW(cache_type);

static struct attribute *disk_attributes[] = {
	&dev_attr_serial.attr,
	&dev_attr_cache_type.attr,
	NULL,
};

static umode_t disk_attribute_mode(struct kobject *kobj,
				   struct attribute *attribute, int index)
{
	struct pvblk_dev *dev = dev_to_pvblk(kobj_to_dev(kobj));

	if (attribute == &dev_attr_cache_type.attr &&
	    !virtio_has_feature(dev->vdev, VIRTIO_BLK_F_CONFIG_WCE))
		return 0444;
	return attribute->mode;
}

static const struct attribute_group disk_group = {
	.attrs = disk_attributes,
	.is_visible = disk_attribute_mode,
};

struct counter_attribute {
	struct device_attribute file;
	enum pvblk_counter id;
};

static ssize_t counter_show(struct device *dev, struct device_attribute *file,
			    char *buf)
{
	struct pvblk_dev *pvblk = dev_to_pvblk(dev);
	struct counter_attribute *counter =
		container_of(file, struct counter_attribute, file);

	return sysfs_emit(buf, "%lld\n",
			  atomic64_read(&pvblk->counters[counter->id]));
}

#define COUNTER(_name, _id)						\
	static struct counter_attribute _name = {			\
		.file = __ATTR(_name, 0444, counter_show, NULL),	\
		.id = _id,						\
	}

COUNTER(io_errors, PVBLK_COUNT_IO_ERROR);
COUNTER(unsupported, PVBLK_COUNT_UNSUPPORTED);
COUNTER(short_reads, PVBLK_COUNT_SHORT_READ);
COUNTER(bad_lengths, PVBLK_COUNT_BAD_LENGTH);
COUNTER(bad_statuses, PVBLK_COUNT_BAD_STATUS);
COUNTER(aborted, PVBLK_COUNT_ABORTED);
COUNTER(ring_full, PVBLK_COUNT_RING_FULL);
COUNTER(no_memory, PVBLK_COUNT_NO_MEMORY);
COUNTER(device_faults, PVBLK_COUNT_DEVICE_FAULT);
COUNTER(config_rejects, PVBLK_COUNT_CONFIG_REJECT);

static struct attribute *counter_attributes[] = {
	&io_errors.file.attr,
	&unsupported.file.attr,
	&short_reads.file.attr,
	&bad_lengths.file.attr,
	&bad_statuses.file.attr,
	&aborted.file.attr,
	&ring_full.file.attr,
	&no_memory.file.attr,
	&device_faults.file.attr,
	&config_rejects.file.attr,
	NULL,
};
static_assert(ARRAY_SIZE(counter_attributes) == PVBLK_COUNTERS + 1);

static const struct attribute_group counter_group = {
	.name = "pvblk",
	.attrs = counter_attributes,
};

const struct attribute_group *pvblk_sysfs_groups[] = {
	&disk_group,
	&counter_group,
	NULL,
};
