// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device - a virtio device without its transport: type, queues, guest memory
 *
 * Theory of operation
 *
 * All of it runs on the control thread.  What the front end changes, it changes
 * while the queues concerned are STOPPED: device_quiesce() drains them and calls
 * back, the change is made, device_update() starts again whatever should run.
 * device_update() is the only place that starts a queue, so "should run" is
 * written down once.
 */
#include "device.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Each device begins one worker further on: most guests use their first queue
 * most.  Control thread only.
 */
static unsigned int first_worker;

int device_init(struct device *dev, const struct device_ops *ops,
		const char *name, unsigned int num_queues, unsigned int group,
		const struct device_env *env)
{
	unsigned int first = first_worker++;
	unsigned int i;

	dev->queues = aligned_alloc(CACHE_LINE,
				    num_queues * sizeof(*dev->queues));
	if (!dev->queues)
		return -ENOMEM;
	dev->ops = ops;
	dev->name = name;
	dev->loop = env->loop;
	dev->num_queues = num_queues;
	dev->group = group;
	dev->features = 0;
	dev->draining = 0;
	dev->quiesced = NULL;
	dev->mem.count = 0;
	dev->log = (struct dirty_log){ 0 };
	dev->log_fd = -1;
	dev->inflight = (struct inflight){ 0 };
	for (i = 0; i < num_queues; i++) {
		unsigned int w = (first + i / group) % env->num_workers;

		queue_init(&dev->queues[i], dev, i, env->workers[w]);
	}
	return 0;
}

void device_fini(struct device *dev)
{
	device_reset(dev);
	free(dev->queues);
}

bool device_queue_consumes_disabled(const struct queue *q)
{
	return q->dev->ops->consumes_disabled &&
	       q->index % q->dev->group == q->dev->group - 1;
}

/*
 * A front end that starts a device while it migrates starts the rings first
 * and sends the log afterwards (QEMU does): they wait for it.
 */
static bool log_ready(const struct device *dev)
{
	return !device_logs(dev) || dev->log.bits;
}

static bool should_run(const struct queue *q)
{
	return q->started && q->setup.size && q->dev->mem.count &&
	       !vq_broken(&q->vq) && log_ready(q->dev) &&
	       (q->enabled || device_queue_consumes_disabled(q));
}

bool device_log_covers(const struct device *dev, const struct dirty_log *log)
{
	const struct mem_table *mem = &dev->mem;
	const struct mem_region *last;

	if (!mem->count)
		return true;
	last = &mem->region[mem->count - 1];
	return dirty_covers(log, last->gpa, last->size);
}

/*
 * QEMU asks for a record by its own queue-size, and a driver on virtio-mmio may
 * make the ring larger than that.  Such a ring runs, and is not remembered.
 */
static void inflight_fit(struct queue *q)
{
	unsigned int room = q->setup.inflight.queue_size;

	if (!q->setup.inflight.hva || q->setup.size <= room)
		return;
	log_ratelimited(&q->limit, LOG_WARNING,
			"%s queue %u: its ring has %u entries, the front end's record of what is in flight room for %u: what is in flight ends with this daemon",
			q->dev->name, q->index, q->setup.size, room);
	q->setup.inflight = (struct inflight_part){ 0 };
}

static int start(struct device *dev, struct queue *q)
{
	bool packed = dev->features & BIT_ULL(VIRTIO_F_RING_PACKED);
	int err;

	q->setup.mem = &dev->mem;
	q->setup.features = dev->features;
	q->setup.dirty = device_logs(dev) ? &dev->log : NULL;
	if (q->setup.dirty && !device_log_covers(dev, &dev->log))
		return -ERANGE;
	err = inflight_part(&dev->inflight, q->index, packed,
			    &q->setup.inflight);
	if (err)
		return err;
	inflight_fit(q);
	return queue_start(q);
}

static void queue_update(struct device *dev, struct queue *q)
{
	q->start_err = 0;
	if (dev->held)
		return;
	if (!dev->features_known || q->state != QUEUE_STOPPED || !should_run(q))
		return;
	q->start_err = start(dev, q);
	if (q->start_err)
		log_ratelimited(&q->limit, LOG_INFO,
				"%s queue %u: waits, its ring cannot be used: %s",
				dev->name, q->index,
				queue_start_error(q->start_err));
}

void device_update(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++)
		queue_update(dev, &dev->queues[i]);
}

static void quiesce_end(struct device *dev)
{
	void (*done)(struct device *dev) = dev->quiesced;

	dev->quiesced = NULL;
	done(dev);
}

static void quiesce_queue(struct device *dev, struct queue *q)
{
	if (q->state != QUEUE_RUNNING)
		return;
	dev->draining++;
	queue_drain(q);
}

void device_quiesce(struct device *dev, struct queue *q,
		    void (*done)(struct device *dev))
{
	unsigned int i;

	dev->quiesced = done;
	if (q)
		quiesce_queue(dev, q);
	for (i = 0; !q && i < dev->num_queues; i++)
		quiesce_queue(dev, &dev->queues[i]);
	if (!dev->draining)
		quiesce_end(dev);
}

void device_queue_drained(struct device *dev, struct queue *q)
{
	dev->draining--;
	if (!dev->draining)
		quiesce_end(dev);
}

void device_set_features(struct device *dev, u64 features)
{
	dev->features = features;
	dev->features_known = true;
	if (dev->ops->features_set)
		dev->ops->features_set(dev, features);
}

void device_driver_gone(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++)
		queue_unkick(&dev->queues[i]);
	dev->features = 0;
	dev->features_known = false;
}

void device_forget_rings(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++) {
		struct queue *q = &dev->queues[i];
		bool was_enabled = q->enabled;

		q->enabled = false;
		memset(&q->setup, 0, sizeof(q->setup));
		if (was_enabled && dev->ops->queue_enabled)
			dev->ops->queue_enabled(q);
	}
}

void device_reset(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++)
		queue_reset(&dev->queues[i]);
	mem_table_clear(&dev->mem);
	dirty_unmap(&dev->log);
	if (dev->log_fd >= 0)
		close(dev->log_fd);
	dev->log_fd = -1;
	inflight_unmap(&dev->inflight);
	dev->features = 0;
	dev->features_known = false;
}
