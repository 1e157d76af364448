// SPDX-License-Identifier: GPL-2.0
/*
 * fault - a device that lies, breaks, or vanishes with requests in flight
 *
 * Whoever sees a fault reports it, in any context; that stops the device from
 * being given more.  What it already has may only be failed once it cannot
 * touch it any more: pvblk_fault_kill() does that from a worker, in the order
 *
 *	break the rings -> wait for submitters -> reset -> fail -> let go
 *
 * after which every new request fails at once, so that whoever waits for
 * requests (del_gendisk(), a frozen queue, a reader) gets on.
 *
 * A removal may also find a device that is in order but silent.  It is
 * watched: no progress in pvblk_remove_timeout seconds ends in the same kill.
 */
#include "pvblk.h"

#include <linux/virtio_config.h>

/* Looks a silent device has within the timeout; the first one starts it. */
#define DRAIN_LOOKS 4

/**
 * pvblk_fault_set_state() - the one place that changes the state
 * @dev: the disk
 * @state: new state
 */
void pvblk_fault_set_state(struct pvblk_dev *dev, enum pvblk_state state)
{
	static const char *const names[] = { "down", "live", "broken", "dead" };
	int old = atomic_xchg(&dev->state, state);

	static_assert(ARRAY_SIZE(names) == PVBLK_STATES);
	dev_dbg(&dev->vdev->dev, "%s -> %s\n", names[old], names[state]);
}

/**
 * pvblk_fault_report() - the device cannot be used any more
 * @dev: the disk
 * @what: reason, for the message
 *
 * Only the first report counts.  Context: any
 */
void pvblk_fault_report(struct pvblk_dev *dev, const char *what)
{
	int live = PVBLK_LIVE;

	if (!atomic_try_cmpxchg(&dev->state, &live, PVBLK_BROKEN))
		return;

	pvblk_count(dev, PVBLK_COUNT_DEVICE_FAULT);
	dev_err_ratelimited(&dev->vdev->dev,
			    "%s: device broken (%s), failing its requests\n",
			    dev->disk->disk_name, what);
	queue_work(pvblk_workqueue, &dev->kill_work);
}

/**
 * pvblk_fault_reset() - make the device let go of all memory
 * @dev: the disk
 *
 * Context: may sleep; no submitter may be about to kick
 */
void pvblk_fault_reset(struct pvblk_dev *dev)
{
	struct virtio_device *vdev = dev->vdev;

	/*
	 * All ones is no status: the device has left its bus.  It does no DMA
	 * any more, and waiting for it to be reset would take for ever.
	 */
	if (vdev->config->get_status(vdev) == 0xff)
		return;
	virtio_reset_device(vdev);
}

static void kill_locked(struct pvblk_dev *dev, const char *why)
{
	struct request_queue *q = dev->disk->queue;
	unsigned int i;

	lockdep_assert_held(&dev->kill_mutex);

	switch (atomic_read(&dev->state)) {
	case PVBLK_DOWN:
	case PVBLK_DEAD:
		return;
	case PVBLK_LIVE:
		pvblk_fault_report(dev, why);
		break;
	}

	virtio_break_device(dev->vdev);
	blk_mq_quiesce_queue(q);
	pvblk_fault_reset(dev);
	for (i = 0; i < dev->num_queues; i++)
		pvblk_queue_abort_all(&dev->queues[i]);
	pvblk_fault_set_state(dev, PVBLK_DEAD);
	blk_mq_unquiesce_queue(q);
}

/**
 * pvblk_fault_kill() - reset the device for good and fail all its requests
 * @dev: the disk; nothing happens unless it is live or broken
 * @why: reason, for the message, if none was reported yet
 *
 * Context: may sleep
 */
void pvblk_fault_kill(struct pvblk_dev *dev, const char *why)
{
	mutex_lock(&dev->kill_mutex);
	kill_locked(dev, why);
	mutex_unlock(&dev->kill_mutex);
}

void pvblk_fault_kill_work(struct work_struct *work)
{
	struct pvblk_dev *dev = container_of(work, struct pvblk_dev, kill_work);

	pvblk_fault_kill(dev, "unknown reason");
}

static u64 sum_reaped(struct pvblk_dev *dev)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++) {
		struct pvblk_queue *queue = &dev->queues[i];

		spin_lock_irq(&queue->lock);
		sum += queue->reaped;
		spin_unlock_irq(&queue->lock);
	}
	return sum;
}

/**
 * pvblk_fault_patience() - how long to wait for a silent device
 *
 * Return: jiffies, as far as an int reaches; that is "for ever" too
 */
unsigned int pvblk_fault_patience(void)
{
	u64 timeout = (u64)READ_ONCE(pvblk_remove_timeout) * HZ;

	return timeout && timeout < INT_MAX ? timeout : INT_MAX;
}

static void drain_look_later(struct pvblk_dev *dev)
{
	queue_delayed_work(pvblk_workqueue, &dev->drain_work,
			   pvblk_fault_patience() / DRAIN_LOOKS);
}

/**
 * pvblk_fault_drain_start() - watch that a removal gets on
 * @dev: the disk; end with cancel_delayed_work_sync() on its drain_work
 */
void pvblk_fault_drain_start(struct pvblk_dev *dev)
{
	dev->drain_seen = sum_reaped(dev);
	dev->drain_stalls = 0;
	drain_look_later(dev);
}

void pvblk_fault_drain_work(struct work_struct *work)
{
	struct pvblk_dev *dev = container_of(to_delayed_work(work),
					     struct pvblk_dev, drain_work);
	u64 reaped = sum_reaped(dev);

	if (reaped != dev->drain_seen ||
	    !blk_mq_queue_inflight(dev->disk->queue))
		dev->drain_stalls = 0;
	else
		dev->drain_stalls++;
	dev->drain_seen = reaped;

	if (dev->drain_stalls == DRAIN_LOOKS)
		pvblk_fault_kill(dev, "silent while being removed");
	else
		drain_look_later(dev);
}
