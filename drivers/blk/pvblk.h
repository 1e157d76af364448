/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pvblk - a virtio-blk disk on blk-mq: READ THIS FIRST
 *
 * Theory of operation
 * ===================
 *
 * Files: main.c has module, probe, remove and freeze; queue.c the data path;
 * vqs.c the virtqueues as such; fault.c what happens when the device misbehaves
 * or vanishes; config.c reads the configuration space and tells the block
 * layer; sysfs.c attributes.  req.c, limits.c and name.c hold rules and tables
 * and are PURE: they are also compiled in userspace, by unit tests and fuzzers.
 *
 * A request
 * ---------
 * The block layer reserves a struct pvblk_req behind each of its requests.
 * One request is one chain of buffers, which virtqueue_add_sgs() puts into an
 * indirect descriptor table where the device has those:
 *
 *	 device reads                            device writes
 *	+----------+  +---------------------+   +---------------------+  +------+
 *	| header   |  | data of a write, or |   | data of a read, or  |  |status|
 *	| 16 bytes |->| ranges of a discard |-->| the serial number   |->|1 byte|
 *	+----------+  +---------------------+   +---------------------+  +------+
 *	 req->header   req->table, req->range    req->table               req->status
 *
 * A hardware queue of the block layer is one virtqueue, with one lock that
 * covers nothing but the ring: mapping the data comes before it, the kick and
 * all completions come after it.  A batch (queue_rqs, or queue_rq up to
 * bd->last) takes the lock and kicks once.  An interrupt takes everything the
 * device has finished with callbacks off, under one hold of the lock, and
 * completes it as one batch.  While the lock is held nothing can be added, so
 * a device cannot keep that loop going for longer than its ring.
 *
 * Trust
 * -----
 * The device is not trusted.  The configuration is copied, then checked
 * (limits.c).  The ring core checks ids; pvblk_req_judge() checks length and
 * status of each answer, the status byte having been preset to a value that
 * no device may answer with.  The first lie breaks the device:
 *
 *	               lie, broken ring, DEVICE_NEEDS_RESET
 *	  DOWN --> LIVE ------------------------------------> BROKEN
 *	    ^        |                                            |
 *	    |freeze  | remove: no progress                        | worker
 *	    +--------+----------------> DEAD <--------------------+
 *
 * Requests in flight may still be read or written by the device when it is
 * found BROKEN.  So they are failed by a worker, pvblk_fault_kill(), only after
 * it has kept submitters out and has reset the device.
 *
 * A request that lied itself is parked in queue->suspects until then.
 *
 * Lock order: dev->kill_mutex, then queue->lock.
 */
#ifndef PVBLK_H
#define PVBLK_H

#include <linux/atomic.h>
#include <linux/blk-mq.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/virtio_blk.h>
#include <linux/workqueue.h>

#include "limits.h"
#include "req.h"

#ifndef CONFIG_SG_POOL
#error "pvblk needs a kernel with CONFIG_SG_POOL; CONFIG_VIRTIO_BLK=m brings it"
#endif

/* Buffers that need no memory besides the request's own; 4 KiB I/O has one. */
#define PVBLK_INLINE_SEGMENTS 4

#define PVBLK_QUEUE_NAME_BYTES 16

/**
 * struct pvblk_req - a request of the block layer on its way to the device
 * @header: read by the device
 * @status: written by the device
 * @outcome: an enum pvblk_outcome, once the device has answered
 * @room_bytes: device-writable bytes, status included
 * @next: link in a list of requests of one queue, while in none of the
 *	block layer's
 * @ranges: what a discard refers to: @range, or memory of its own
 * @range: for the usual single range
 * @header_sg: @header as a buffer, set up once for good
 * @status_sg: @status likewise
 * @table: data buffers; more than @inline_sg holds come from the sg pools
 * @inline_sg: the first of them
 *
 * Owner: the submitter until virtqueue_add_sgs(), the device until it comes
 * back from virtqueue_get_buf(), then the interrupt handler that got it.
 */
struct pvblk_req {
	struct virtio_blk_outhdr header;
	u8 status;
	u8 outcome;
	u32 room_bytes;
	struct pvblk_req *next;
	struct virtio_blk_discard_write_zeroes *ranges;
	struct virtio_blk_discard_write_zeroes range;
	struct scatterlist header_sg;
	struct scatterlist status_sg;
	struct sg_table table;
	struct scatterlist inline_sg[PVBLK_INLINE_SEGMENTS];
};

/**
 * struct pvblk_queue - a virtqueue and the lock of its ring
 * @lock: protects the ring, @suspects, @starved and @reaped
 * @vq: the virtqueue; NULL while there is none (before probe, while frozen),
 *	when the block layer's queue is quiesced, and after a failed restore
 * @dev: the device
 * @suspects: requests that cannot be ended before the device is reset
 * @starved: hardware queue to run once the ring has room again, or NULL
 * @reaped: requests the device has given back, ever
 * @name: name of its interrupt
 */
struct pvblk_queue {
	spinlock_t lock;
	struct virtqueue *vq;
	struct pvblk_dev *dev;
	struct pvblk_req *suspects;
	struct blk_mq_hw_ctx *starved;
	u64 reaped;
	char name[PVBLK_QUEUE_NAME_BYTES];
} ____cacheline_aligned_in_smp;

/**
 * enum pvblk_state - whether the device may be used
 * @PVBLK_DOWN: no virtqueues: probing, frozen, or a failed restore
 * @PVBLK_LIVE: entered by probe and restore, the only state with I/O
 * @PVBLK_BROKEN: entered from any context by pvblk_fault_report(); submitters
 *	fail, requests in flight wait for the worker
 * @PVBLK_DEAD: entered by pvblk_fault_kill() after the reset; final
 */
enum pvblk_state {
	PVBLK_DOWN,
	PVBLK_LIVE,
	PVBLK_BROKEN,
	PVBLK_DEAD,
	PVBLK_STATES,
};

/**
 * enum pvblk_counter - what went wrong, shown in pvblk/ under the disk in sysfs
 * @PVBLK_COUNT_IO_ERROR: requests the device failed
 * @PVBLK_COUNT_UNSUPPORTED: requests the device does not know
 * @PVBLK_COUNT_SHORT_READ: reads said to be done with less data than asked for
 * @PVBLK_COUNT_BAD_LENGTH: answers longer than the request had room for
 * @PVBLK_COUNT_BAD_STATUS: answers without a valid status
 * @PVBLK_COUNT_ABORTED: requests failed because the device is broken or gone
 * @PVBLK_COUNT_RING_FULL: requests put off until the ring has room
 * @PVBLK_COUNT_NO_MEMORY: requests put off until there is memory
 * @PVBLK_COUNT_DEVICE_FAULT: times the device was given up
 * @PVBLK_COUNT_CONFIG_REJECT: configurations that could not be used
 */
enum pvblk_counter {
	PVBLK_COUNT_IO_ERROR,
	PVBLK_COUNT_UNSUPPORTED,
	PVBLK_COUNT_SHORT_READ,
	PVBLK_COUNT_BAD_LENGTH,
	PVBLK_COUNT_BAD_STATUS,
	PVBLK_COUNT_ABORTED,
	PVBLK_COUNT_RING_FULL,
	PVBLK_COUNT_NO_MEMORY,
	PVBLK_COUNT_DEVICE_FAULT,
	PVBLK_COUNT_CONFIG_REJECT,
	PVBLK_COUNTERS,
};

/**
 * struct pvblk_dev - one disk
 * @vdev: the virtio device
 * @queues: @num_queues of them
 * @num_queues: request queues in use
 * @len_counts: used lengths mean something (not a legacy device)
 * @little_endian: byte order of headers
 * @disk: the disk
 * @tags: the block layer's hardware queues
 * @limits: as read at probe; capacity and cache mode follow the device
 * @state: an enum pvblk_state; only pvblk_fault_set_state() writes it
 * @kill_mutex: one pvblk_fault_kill() at a time, and none while queues come
 *	or go
 * @kill_work: pvblk_fault_kill() after a fault
 * @drain_work: looks whether a removal still gets on
 * @drain_seen: sum of pvblk_queue.reaped at its last look
 * @drain_stalls: looks in a row that saw no progress
 * @config_work: re-reads the configuration
 * @index: number of the disk's name
 * @wce_set: the cache mode was set by the administrator, to be set again
 *	after a reset
 * @counters: by enum pvblk_counter
 *
 * Lives from probe until the last user of the disk has closed it; @vdev and
 * @queues only until remove, when the disk takes no requests any more.
 */
struct pvblk_dev {
	/* Read by the data path. */
	struct virtio_device *vdev;
	struct pvblk_queue *queues;
	unsigned int num_queues;
	bool len_counts;
	bool little_endian;

	/* Control path. */
	struct gendisk *disk;
	struct blk_mq_tag_set tags;
	struct pvblk_limits limits;
	atomic_t state;
	struct mutex kill_mutex;
	struct work_struct kill_work;
	struct delayed_work drain_work;
	u64 drain_seen;
	unsigned int drain_stalls;
	struct work_struct config_work;
	int index;
	bool wce_set;
	atomic64_t counters[PVBLK_COUNTERS];
};

static inline void pvblk_count(struct pvblk_dev *dev, enum pvblk_counter id)
{
	atomic64_inc(&dev->counters[id]);
}

/* main.c */
extern struct workqueue_struct *pvblk_workqueue;
extern unsigned int pvblk_remove_timeout;

/* queue.c */
extern const struct blk_mq_ops pvblk_mq_ops;
void pvblk_queue_interrupt(struct virtqueue *vq);
void pvblk_queue_abort_all(struct pvblk_queue *queue);

/* vqs.c */
int pvblk_vqs_alloc(struct pvblk_dev *dev);
void pvblk_vqs_free(struct pvblk_dev *dev);
int pvblk_vqs_find(struct pvblk_dev *dev);
void pvblk_vqs_delete(struct pvblk_dev *dev);
unsigned int pvblk_vqs_ring_size(const struct pvblk_dev *dev);

/* fault.c */
void pvblk_fault_set_state(struct pvblk_dev *dev, enum pvblk_state state);
void pvblk_fault_reset(struct pvblk_dev *dev);
void pvblk_fault_report(struct pvblk_dev *dev, const char *what);
void pvblk_fault_kill(struct pvblk_dev *dev, const char *why);
void pvblk_fault_kill_work(struct work_struct *work);
unsigned int pvblk_fault_patience(void);
void pvblk_fault_drain_start(struct pvblk_dev *dev);
void pvblk_fault_drain_work(struct work_struct *work);

/* config.c */
int pvblk_config_read(struct pvblk_dev *dev, struct pvblk_limits *limits);
void pvblk_config_apply(struct pvblk_dev *dev);
void pvblk_config_work(struct work_struct *work);
int pvblk_config_set_writeback(struct pvblk_dev *dev, bool writeback);

/* sysfs.c */
extern const struct attribute_group *pvblk_sysfs_groups[];

#endif /* PVBLK_H */
