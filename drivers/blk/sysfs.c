// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs - attributes of a disk
 *
 * serial and cache_type have the names and values of the in-tree driver, which
 * udev rules and scripts know.  The group pvblk/ holds one read-only counter a
 * file, see PVBLK_COUNTERS.
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

#define SHOW_COUNTER(counter)						\
static ssize_t counter##_show(struct device *dev,			\
			      struct device_attribute *attr, char *buf)	\
{									\
	struct pvblk_dev *pvblk = dev_to_pvblk(dev);			\
	atomic64_t *value = &pvblk->counters[PVBLK_COUNT_##counter];	\
									\
	return sysfs_emit(buf, "%lld\n", atomic64_read(value));		\
}									\
static DEVICE_ATTR_RO(counter);
PVBLK_COUNTERS(SHOW_COUNTER)

#define COUNTER_ATTRIBUTE(counter) &dev_attr_##counter.attr,
static struct attribute *counter_attributes[] = {
	PVBLK_COUNTERS(COUNTER_ATTRIBUTE)
	NULL,
};

static const struct attribute_group counter_group = {
	.name = "pvblk",
	.attrs = counter_attributes,
};

const struct attribute_group *pvblk_sysfs_groups[] = {
	&disk_group,
	&counter_group,
	NULL,
};
