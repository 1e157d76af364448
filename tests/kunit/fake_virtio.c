// SPDX-License-Identifier: GPL-2.0
/*
 * fake_virtio - a virtio device inside the kernel, for KUnit
 *
 * The transport's half (fake_config_ops) is what the driver core calls; the
 * device's half runs in one worker per queue, started by a kick.  A reset
 * waits for the workers, so that afterwards nothing of the driver's memory is
 * touched, as a real device promises.  The workers get on when memory is short
 * (WQ_MEM_RECLAIM), also as a real device: a disk's driver resets it from a
 * worker that must.
 *
 * Split rings without DMA translation: addresses are those of the guest's, so
 * phys_to_virt() is all the mapping there is.
 */
#include "fake_virtio.h"

#include <linux/device.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>

#define RING_ALIGN 64

struct fake_queue {
	struct fake_device *device;
	unsigned int index;
	struct virtqueue *vq;
	void *pages;
	struct vring ring;
	u16 avail_seen;
	struct mutex used_mutex;
	struct work_struct work;
	struct fake_chain chain;
	unsigned int kicks;
	unsigned int interrupts;
};

struct fake_device {
	struct virtio_device vdev;
	struct device *parent;
	struct workqueue_struct *workers;
	struct fake_spec spec;
	u8 config[FAKE_CONFIG_BYTES];
	u8 status;
	u32 generation;
	bool unstable;
	unsigned int resets;
	struct fake_queue queues[FAKE_MAX_QUEUES];
};

static struct fake_device *to_fake(struct virtio_device *vdev)
{
	return container_of(vdev, struct fake_device, vdev);
}

/* --- the device's half ------------------------------------------------- */

static bool add_buffer(struct fake_chain *chain, const struct vring_desc *desc)
{
	bool in = le16_to_cpu((__force __le16)desc->flags) & VRING_DESC_F_WRITE;
	unsigned int *count = in ? &chain->in_count : &chain->out_count;
	struct kvec *vec = in ? chain->in : chain->out;
	u32 bytes = le32_to_cpu((__force __le32)desc->len);

	if (*count == FAKE_MAX_BUFFERS)
		return false;
	vec += (*count)++;
	vec->iov_base = phys_to_virt(le64_to_cpu((__force __le64)desc->addr));
	vec->iov_len = bytes;
	*(in ? &chain->in_bytes : &chain->out_bytes) += bytes;
	return true;
}

static bool add_table(struct fake_chain *chain, const struct vring_desc *table,
		      unsigned int size, unsigned int at)
{
	unsigned int left = size;
	u16 flags;

	for (; left; left--) {
		flags = le16_to_cpu((__force __le16)table[at].flags);
		if (!add_buffer(chain, &table[at]))
			return false;
		if (!(flags & VRING_DESC_F_NEXT))
			return true;
		at = le16_to_cpu((__force __le16)table[at].next);
		if (at >= size)
			return false;
	}
	return false;
}

static bool get_chain(struct fake_queue *queue, u16 head)
{
	struct vring_desc *desc = &queue->ring.desc[head];
	struct fake_chain *chain = &queue->chain;
	struct vring_desc *table;
	u16 flags = le16_to_cpu((__force __le16)desc->flags);
	u32 bytes = le32_to_cpu((__force __le32)desc->len);

	memset(chain, 0, sizeof(*chain));
	chain->queue = queue->index;
	chain->head = head;
	if (!(flags & VRING_DESC_F_INDIRECT))
		return add_table(chain, queue->ring.desc, queue->ring.num,
				 head);

	table = phys_to_virt(le64_to_cpu((__force __le64)desc->addr));
	return add_table(chain, table, bytes / sizeof(*table), 0);
}

static bool has_event_idx(struct fake_device *device)
{
	return __virtio_test_bit(&device->vdev, VIRTIO_RING_F_EVENT_IDX);
}

static u16 avail_index(struct fake_queue *queue)
{
	return le16_to_cpu((__force __le16)READ_ONCE(queue->ring.avail->idx));
}

static u16 used_index(struct fake_queue *queue)
{
	return le16_to_cpu((__force __le16)queue->ring.used->idx);
}

static void push_used(struct fake_queue *queue, u32 id, u32 bytes)
{
	u16 index;

	mutex_lock(&queue->used_mutex);
	index = used_index(queue);
	queue->ring.used->ring[index % queue->ring.num] =
		(struct vring_used_elem) {
			.id = (__force __virtio32)cpu_to_le32(id),
			.len = (__force __virtio32)cpu_to_le32(bytes),
		};
	/* The entry before its announcement; pairs with virtqueue_get_buf(). */
	smp_wmb();
	WRITE_ONCE(queue->ring.used->idx,
		   (__force __virtio16)cpu_to_le16(index + 1));
	mutex_unlock(&queue->used_mutex);
}

static bool wants_interrupt(struct fake_queue *queue, u16 old)
{
	u16 event = le16_to_cpu((__force __le16)
				READ_ONCE(vring_used_event(&queue->ring)));
	u16 flags = le16_to_cpu((__force __le16)
				READ_ONCE(queue->ring.avail->flags));

	if (has_event_idx(queue->device))
		return vring_need_event(event, used_index(queue), old);
	return !(flags & VRING_AVAIL_F_NO_INTERRUPT);
}

static void interrupt(struct fake_queue *queue)
{
	unsigned long flags;

	queue->interrupts++;
	local_bh_disable();
	local_irq_save(flags);
	vring_interrupt(0, queue->vq);
	local_irq_restore(flags);
	local_bh_enable();
}

static void work_off(struct fake_queue *queue)
{
	struct fake_device *device = queue->device;

	while (queue->avail_seen != avail_index(queue)) {
		unsigned int at = queue->avail_seen++ % queue->ring.num;
		int bytes;
		u16 head;

		/* The index before the entry; pairs with virtqueue_add(). */
		smp_rmb();
		head = le16_to_cpu((__force __le16)queue->ring.avail->ring[at]);
		if (WARN_ON(head >= queue->ring.num || !get_chain(queue, head)))
			return;
		bytes = device->spec.handle(device, &queue->chain);
		if (bytes != FAKE_HOLD)
			push_used(queue, head, bytes);
	}
}

static void queue_work_fn(struct work_struct *work)
{
	struct fake_queue *queue = container_of(work, struct fake_queue, work);
	u16 old = used_index(queue);

	do {
		work_off(queue);
		vring_avail_event(&queue->ring) =
			(__force __virtio16)cpu_to_le16(queue->avail_seen);
		/* Ask for kicks, then look again; pairs with the driver's. */
		smp_mb();
	} while (queue->avail_seen != avail_index(queue));

	if (used_index(queue) != old && wants_interrupt(queue, old))
		interrupt(queue);
}

/* --- the transport's half ---------------------------------------------- */

static bool notify(struct virtqueue *vq)
{
	struct fake_device *device = to_fake(vq->vdev);
	struct fake_queue *queue = &device->queues[vq->index];

	queue->kicks++;
	queue_work(device->workers, &queue->work);
	return true;
}

static void config_get(struct virtio_device *vdev, unsigned int offset,
		       void *buf, unsigned int bytes)
{
	struct fake_device *device = to_fake(vdev);

	memset(buf, 0, bytes);
	if (offset + bytes <= FAKE_CONFIG_BYTES)
		memcpy(buf, device->config + offset, bytes);
}

static void config_set(struct virtio_device *vdev, unsigned int offset,
		       const void *buf, unsigned int bytes)
{
	struct fake_device *device = to_fake(vdev);

	if (offset + bytes <= FAKE_CONFIG_BYTES)
		memcpy(device->config + offset, buf, bytes);
}

static u32 config_generation(struct virtio_device *vdev)
{
	struct fake_device *device = to_fake(vdev);

	if (device->unstable)
		device->generation++;
	return device->generation;
}

static u8 get_status(struct virtio_device *vdev)
{
	return to_fake(vdev)->status;
}

static void set_status(struct virtio_device *vdev, u8 status)
{
	to_fake(vdev)->status = status;
}

static void reset(struct virtio_device *vdev)
{
	struct fake_device *device = to_fake(vdev);
	unsigned int i;

	device->resets++;
	device->status = 0;
	for (i = 0; i < device->spec.queues; i++)
		cancel_work_sync(&device->queues[i].work);
}

static void del_vqs(struct virtio_device *vdev)
{
	struct fake_device *device = to_fake(vdev);
	struct virtqueue *vq;
	struct virtqueue *next;

	list_for_each_entry_safe(vq, next, &vdev->vqs, list) {
		struct fake_queue *queue = &device->queues[vq->index];

		vring_del_virtqueue(vq);
		free_pages_exact(queue->pages,
				 vring_size(device->spec.ring_size,
					    RING_ALIGN));
		queue->vq = NULL;
	}
}

static int find_vq(struct fake_device *device, unsigned int index,
		   vq_callback_t *callback, const char *name, bool ctx)
{
	struct fake_queue *queue = &device->queues[index];
	unsigned int num = device->spec.ring_size;
	size_t bytes = vring_size(num, RING_ALIGN);

	queue->pages = alloc_pages_exact(bytes, GFP_KERNEL | __GFP_ZERO);
	if (!queue->pages)
		return -ENOMEM;

	queue->avail_seen = 0;
	vring_init(&queue->ring, num, queue->pages, RING_ALIGN);
	queue->vq = vring_new_virtqueue(index, num, RING_ALIGN, &device->vdev,
					true, ctx, queue->pages, notify,
					callback, name);
	if (queue->vq)
		return 0;
	free_pages_exact(queue->pages, bytes);
	return -ENOMEM;
}

static int find_vqs(struct virtio_device *vdev, unsigned int count,
		    struct virtqueue *vqs[], vq_callback_t *callbacks[],
		    const char *const names[], const bool *ctx,
		    struct irq_affinity *affinity)
{
	struct fake_device *device = to_fake(vdev);
	unsigned int i;
	int err;

	if (count > device->spec.queues)
		return -ENOENT;

	for (i = 0; i < count; i++) {
		err = find_vq(device, i, callbacks[i], names[i],
			      ctx && ctx[i]);
		if (err) {
			del_vqs(vdev);
			return err;
		}
		vqs[i] = device->queues[i].vq;
	}
	return 0;
}

static u64 get_features(struct virtio_device *vdev)
{
	return to_fake(vdev)->spec.features;
}

static int finalize_features(struct virtio_device *vdev)
{
	vring_transport_features(vdev);
	return 0;
}

static const char *bus_name(struct virtio_device *vdev)
{
	return dev_name(vdev->dev.parent);
}

static const struct virtio_config_ops fake_config_ops = {
	.get = config_get,
	.set = config_set,
	.generation = config_generation,
	.get_status = get_status,
	.set_status = set_status,
	.reset = reset,
	.find_vqs = find_vqs,
	.del_vqs = del_vqs,
	.get_features = get_features,
	.finalize_features = finalize_features,
	.bus_name = bus_name,
};

/* --- for tests --------------------------------------------------------- */

static void release(struct device *dev)
{
	kfree(to_fake(dev_to_virtio(dev)));
}

static void init_queues(struct fake_device *device)
{
	unsigned int i;

	for (i = 0; i < FAKE_MAX_QUEUES; i++) {
		struct fake_queue *queue = &device->queues[i];

		queue->device = device;
		queue->index = i;
		mutex_init(&queue->used_mutex);
		INIT_WORK(&queue->work, queue_work_fn);
	}
}

/**
 * fake_virtio_create() - plug a device in
 * @spec: what it is like
 *
 * A driver for it has probed when this returns, with success or not.
 *
 * Return: the device, or an ERR_PTR()
 */
struct fake_device *fake_virtio_create(const struct fake_spec *spec)
{
	struct fake_device *device;
	int err;

	if (spec->queues > FAKE_MAX_QUEUES ||
	    spec->config_bytes > FAKE_CONFIG_BYTES)
		return ERR_PTR(-EINVAL);

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return ERR_PTR(-ENOMEM);

	device->workers = alloc_workqueue("fake_virtio",
					  WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!device->workers) {
		err = -ENOMEM;
		goto free_device;
	}
	device->parent = root_device_register("fake_virtio");
	if (IS_ERR(device->parent)) {
		err = PTR_ERR(device->parent);
		goto destroy_workers;
	}

	device->spec = *spec;
	memcpy(device->config, spec->config, spec->config_bytes);
	init_queues(device);
	device->vdev.dev.parent = device->parent;
	device->vdev.dev.release = release;
	device->vdev.config = &fake_config_ops;
	device->vdev.id.device = spec->device_id;
	device->vdev.id.vendor = 0x5056;

	err = register_virtio_device(&device->vdev);
	if (err)
		goto put_device;
	return device;

put_device:
	root_device_unregister(device->parent);
	destroy_workqueue(device->workers);
	put_device(&device->vdev.dev);
	return ERR_PTR(err);
destroy_workers:
	destroy_workqueue(device->workers);
free_device:
	kfree(device);
	return ERR_PTR(err);
}

/**
 * fake_virtio_destroy() - pull the device out
 * @device: the device; gone afterwards
 */
void fake_virtio_destroy(struct fake_device *device)
{
	struct workqueue_struct *workers = device->workers;
	struct device *parent = device->parent;

	unregister_virtio_device(&device->vdev);
	destroy_workqueue(workers);
	root_device_unregister(parent);
}

struct virtio_device *fake_virtio_vdev(struct fake_device *device)
{
	return &device->vdev;
}

bool fake_virtio_bound(struct fake_device *device)
{
	return device->vdev.dev.driver;
}

void *fake_virtio_context(struct fake_device *device)
{
	return device->spec.context;
}

unsigned int fake_virtio_kicks(struct fake_device *device, unsigned int queue)
{
	return device->queues[queue].kicks;
}

unsigned int fake_virtio_interrupts(struct fake_device *device,
				    unsigned int queue)
{
	return device->queues[queue].interrupts;
}

unsigned int fake_virtio_resets(struct fake_device *device)
{
	return device->resets;
}

u64 fake_virtio_driver_features(struct fake_device *device)
{
	return device->vdev.features;
}

void fake_virtio_set_config(struct fake_device *device, size_t offset,
			    const void *value, size_t bytes)
{
	config_set(&device->vdev, offset, value, bytes);
	device->generation++;
}

void fake_virtio_get_config(struct fake_device *device, size_t offset,
			    void *value, size_t bytes)
{
	config_get(&device->vdev, offset, value, bytes);
}

/* With @unstable, every look at the configuration finds it changed. */
void fake_virtio_set_unstable(struct fake_device *device, bool unstable)
{
	device->unstable = unstable;
}

void fake_virtio_config_changed(struct fake_device *device)
{
	virtio_config_changed(&device->vdev);
}

void fake_virtio_needs_reset(struct fake_device *device)
{
	device->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(&device->vdev);
}

/**
 * fake_virtio_drain() - wait until all that was kicked is handled
 * @device: the device
 */
void fake_virtio_drain(struct fake_device *device)
{
	unsigned int i;

	for (i = 0; i < device->spec.queues; i++)
		flush_work(&device->queues[i].work);
}

/**
 * fake_virtio_push_used() - give a chain back, or pretend to
 * @device: the device
 * @queue: index of the queue
 * @id: head of the chain; any other value is a lie
 * @bytes: its length
 *
 * The driver notices with the next interrupt.
 */
void fake_virtio_push_used(struct fake_device *device, unsigned int queue,
			   u32 id, u32 bytes)
{
	push_used(&device->queues[queue], id, bytes);
}

void fake_virtio_interrupt(struct fake_device *device, unsigned int queue)
{
	interrupt(&device->queues[queue]);
}

/* Walk the part [at, at + bytes) of @vec, to or from @flat. */
static size_t copy(const struct kvec *vec, unsigned int count, size_t at,
		   void *flat, size_t bytes, bool to_vec)
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < count && done < bytes; i++) {
		size_t part;

		if (at >= vec[i].iov_len) {
			at -= vec[i].iov_len;
			continue;
		}
		part = min(bytes - done, vec[i].iov_len - at);
		if (to_vec)
			memcpy(vec[i].iov_base + at, flat + done, part);
		else
			memcpy(flat + done, vec[i].iov_base + at, part);
		done += part;
		at = 0;
	}
	return done;
}

size_t fake_chain_read(const struct fake_chain *chain, size_t from, void *to,
		       size_t bytes)
{
	return copy(chain->out, chain->out_count, from, to, bytes, false);
}

size_t fake_chain_write(const struct fake_chain *chain, size_t to,
			const void *from, size_t bytes)
{
	return copy(chain->in, chain->in_count, to, (void *)from, bytes, true);
}
