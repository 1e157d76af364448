// SPDX-License-Identifier: GPL-2.0
/*
 * vqs - the virtqueues of a disk: how many, and their coming and going
 *
 * All of it runs in probe, remove, freeze and restore, which the device core
 * serialises.  The array of struct pvblk_queue outlives the virtqueues, which
 * a freeze deletes.
 */
#include "pvblk.h"

#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

/* Header, one buffer and status: the shortest chain of a read or write. */
#define SHORTEST_CHAIN 3

#ifdef CONFIG_PCI
/*
 * Queues beyond the interrupt vectors would share one, and every interrupt
 * would look through all of them.  One vector is for configuration changes.
 */
static unsigned int vector_limit(struct virtio_device *vdev)
{
	int vectors;

	if (!dev_is_pci(vdev->dev.parent))
		return UINT_MAX;
	vectors = pci_msix_vec_count(to_pci_dev(vdev->dev.parent));
	return vectors > 2 ? vectors - 1 : 1;
}
#else
static unsigned int vector_limit(struct virtio_device *vdev)
{
	return UINT_MAX;
}
#endif

/**
 * pvblk_vqs_alloc() - decide on the number of queues and make room for them
 * @dev: the disk, its limits read
 */
int pvblk_vqs_alloc(struct pvblk_dev *dev)
{
	unsigned int count = dev->limits.num_queues;
	unsigned int i;

	count = min(count, nr_cpu_ids);
	count = min(count, vector_limit(dev->vdev));

	dev->queues = kcalloc(count, sizeof(*dev->queues), GFP_KERNEL);
	if (!dev->queues)
		return -ENOMEM;
	dev->num_queues = count;

	for (i = 0; i < count; i++) {
		struct pvblk_queue *queue = &dev->queues[i];

		spin_lock_init(&queue->lock);
		queue->dev = dev;
		snprintf(queue->name, sizeof(queue->name), "req.%u", i);
	}
	return 0;
}

void pvblk_vqs_free(struct pvblk_dev *dev)
{
	kfree(dev->queues);
	dev->queues = NULL;
}

/* The arrays that virtio_find_vqs() wants, one allocation each. */
struct find_args {
	struct virtqueue **vqs;
	vq_callback_t **callbacks;
	const char **names;
};

static int find(struct pvblk_dev *dev, struct find_args *args)
{
	struct irq_affinity affinity = { 0 };
	unsigned int i;

	if (!args->vqs || !args->callbacks || !args->names)
		return -ENOMEM;

	for (i = 0; i < dev->num_queues; i++) {
		args->callbacks[i] = pvblk_queue_interrupt;
		args->names[i] = dev->queues[i].name;
	}
	return virtio_find_vqs(dev->vdev, dev->num_queues, args->vqs,
			       args->callbacks, args->names, &affinity);
}

/**
 * pvblk_vqs_find() - set up the virtqueues
 * @dev: the disk
 *
 * Return: 0, -EINVAL where a ring is too short for any request, or what the
 * transport says.
 */
int pvblk_vqs_find(struct pvblk_dev *dev)
{
	unsigned int count = dev->num_queues;
	struct find_args args = {
		.vqs = kcalloc(count, sizeof(*args.vqs), GFP_KERNEL),
		.callbacks = kcalloc(count, sizeof(*args.callbacks),
				     GFP_KERNEL),
		.names = kcalloc(count, sizeof(*args.names), GFP_KERNEL),
	};
	unsigned int i;
	int err;

	err = find(dev, &args);
	if (err)
		goto free_args;

	for (i = 0; i < count; i++)
		dev->queues[i].vq = args.vqs[i];

	if (pvblk_vqs_ring_size(dev) < SHORTEST_CHAIN) {
		dev_err(&dev->vdev->dev, "ring of %u descriptors, need %u\n",
			pvblk_vqs_ring_size(dev), SHORTEST_CHAIN);
		pvblk_vqs_delete(dev);
		err = -EINVAL;
	}

free_args:
	kfree(args.names);
	kfree(args.callbacks);
	kfree(args.vqs);
	return err;
}

/**
 * pvblk_vqs_delete() - undo pvblk_vqs_find()
 * @dev: a disk whose device is reset and has no requests in flight
 */
void pvblk_vqs_delete(struct pvblk_dev *dev)
{
	unsigned int i;

	dev->vdev->config->del_vqs(dev->vdev);
	for (i = 0; i < dev->num_queues; i++)
		dev->queues[i].vq = NULL;
}

/* pvblk_vqs_ring_size() - descriptors of the shortest ring */
unsigned int pvblk_vqs_ring_size(const struct pvblk_dev *dev)
{
	unsigned int least = UINT_MAX;
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++)
		least = min(least,
			    virtqueue_get_vring_size(dev->queues[i].vq));
	return least;
}
