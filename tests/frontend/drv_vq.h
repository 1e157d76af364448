/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drv_vq - virtqueues as a driver sees them
 *
 * The other side of the daemon's vq.h: one small interface over both ring
 * layouts, split (drv_split.c) and packed (drv_packed.c).
 *
 *	drv_vq_add(vq, sg, out, in, token);	any number of buffers
 *	drv_vq_kick(vq);			visible, one kick if wanted
 *	while (drv_vq_reap(vq, &used) > 0)	what came back
 *		...
 *	if (!drv_vq_calls_on(vq))		nothing came meanwhile:
 *		drv_vq_wait(vq, timeout_ms);		sleep
 *	drv_vq_calls_off(vq);
 *
 * With IN_ORDER a used entry may stand for several buffers; they are reaped one
 * by one all the same, and one that comes out of turn is -EPROTO.
 *
 * The device is not trusted: an id that is not in flight is -EPROTO.  The
 * structures are open, so that hostile tests can write what they like into the
 * ring.  One thread uses a drv_vq at a time.
 */
#ifndef DRV_VQ_H
#define DRV_VQ_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "vu_frontend.h"

/**
 * struct drv_sg - one piece of a buffer
 * @gpa:	guest-physical address
 * @len:	bytes
 */
struct drv_sg {
	u64 gpa;
	u32 len;
};

/**
 * struct drv_used - a buffer that came back
 * @token:	as given to drv_vq_add()
 * @head:	descriptor
 * @len:	bytes that the device says it wrote
 */
struct drv_used {
	u32 token;
	u16 head;
	u32 len;
};

/**
 * struct drv_vq_conf - how to make one
 * @index:	queue's number in the device
 * @size:	entries
 * @features:	virtio features as acknowledged
 * @indirect_max: entries of the indirect table each descriptor owns, 0: none
 * @region:	RAM region where its areas are to lie
 */
struct drv_vq_conf {
	u32 index;
	u16 size;
	u64 features;
	unsigned int indirect_max;
	unsigned int region;
};

struct drv_vq;

/** struct drv_vq_ops - one ring layout, called through the wrappers below */
struct drv_vq_ops {
	void (*reset)(struct drv_vq *vq);
	void (*resume)(struct drv_vq *vq);
	int (*add)(struct drv_vq *vq, const struct drv_sg *sg, unsigned int out,
		   unsigned int in, u32 token);
	bool (*publish)(struct drv_vq *vq);
	int (*reap)(struct drv_vq *vq, struct drv_used *used);
	bool (*pending)(const struct drv_vq *vq);
	void (*calls_off)(struct drv_vq *vq);
	bool (*calls_on)(struct drv_vq *vq);
	u32 (*base)(const struct drv_vq *vq);
};

/**
 * struct drv_slot - what belongs to one id: a head descriptor, or of a packed
 *		     ring a buffer id
 * @token:	of the buffer in flight
 * @in_len:	bytes that the device may write
 * @count:	descriptors it takes, 0: not in flight
 * @next:	next free id
 */
struct drv_slot {
	u32 token;
	u64 in_len;
	u16 count;
	u16 next;
};

/**
 * struct drv_order - IN_ORDER: what is in flight, oldest first
 * @ids:	circle of as many as the ring has entries; NULL: not negotiated
 * @head:	index of the oldest
 * @count:	of them
 * @batch:	the used entry at hand stands for more than was reaped
 * @id:		of that entry
 * @len:	likewise
 * @skipped:	buffers that had no entry of their own
 */
struct drv_order {
	u16 *ids;
	u16 head;
	u16 count;
	bool batch;
	u16 id;
	u32 len;
	u64 skipped;
};

/**
 * struct drv_packed - areas and positions of a packed ring
 * @desc:	descriptor ring
 * @driver_event: when we want to be called; offset and wrap counter in the low
 *		half, flags in the high one
 * @device_event: when the device wants to be kicked
 * @avail:	where the next descriptor goes
 * @used:	where the next used one is expected
 * @avail_wrap:	wrap counter at @avail
 * @used_wrap:	wrap counter at @used
 * @added:	descriptors not yet published
 * @first:	the first of them
 * @first_flags: what makes it available
 */
struct drv_packed {
	struct vring_packed_desc *desc;
	u32 *driver_event;
	u32 *device_event;
	u16 avail;
	u16 used;
	bool avail_wrap;
	bool used_wrap;
	u16 added;
	u16 first;
	u16 first_flags;
};

/**
 * struct drv_vq - a virtqueue, driver side
 * @mem:	RAM
 * @ring:	what the back end is told
 * @size:	entries
 * @event_idx:	VIRTIO_F_EVENT_IDX acknowledged
 * @use_indirect: put every buffer of several pieces into a table
 * @desc:	split ring: descriptors
 * @avail:	split ring: what is available
 * @used:	split ring: what was used
 * @table:	indirect tables, @indirect_max entries for each id
 * @table_gpa:	and where the device sees them
 * @slots:	by id
 * @free:	descriptors left
 * @free_head:	first free id
 * @free_tail:	last free id
 * @avail_next:	split ring: available index as it will be published
 * @avail_published: split ring: as last published
 * @used_next:	split ring: next used entry to look at
 * @packed:	the same for a packed ring
 * @order:	IN_ORDER
 * @kicks:	eventfd writes
 * @calls:	eventfd reads that found a signal
 */
struct drv_vq {
	const struct drv_vq_ops *ops;
	struct vu_mem *mem;
	struct vu_ring ring;
	u16 size;
	bool event_idx;
	bool use_indirect;
	unsigned int indirect_max;

	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *table;
	u64 table_gpa;
	struct drv_slot *slots;

	u16 free;
	u16 free_head;
	u16 free_tail;
	u16 avail_next;
	u16 avail_published;
	u16 used_next;

	struct drv_packed packed;
	struct drv_order order;

	u64 kicks;
	u64 calls;
};

/** drv_vq_init() - areas in RAM, eventfds, empty; 0 or -errno */
int drv_vq_init(struct drv_vq *vq, struct vu_mem *mem,
		const struct drv_vq_conf *conf);

/** drv_vq_fini() - close eventfds, free; RAM stays */
void drv_vq_fini(struct drv_vq *vq);

/** drv_vq_kick() - publish what was added and kick if the device asks for it */
void drv_vq_kick(struct drv_vq *vq);

/** drv_vq_kick_always() - write the kick eventfd */
void drv_vq_kick_always(struct drv_vq *vq);

/**
 * drv_vq_wait() - until the call eventfd is signalled, which takes the signal
 *
 * Return: 1 signalled, 0 timeout, -errno.
 */
int drv_vq_wait(struct drv_vq *vq, int timeout_ms);

/**
 * drv_vq_reap_wait() - reap one, sleeping on the call eventfd if need be
 *
 * Return: 1 with @used filled, -ETIMEDOUT, -EPROTO, -ENOMSG where a buffer
 * came back without the call that was asked for.
 */
int drv_vq_reap_wait(struct drv_vq *vq, struct drv_used *used, int timeout_ms);

/** drv_vq_in_flight() - descriptors in flight */
static inline unsigned int drv_vq_in_flight(const struct drv_vq *vq)
{
	return (unsigned int)(vq->size - vq->free);
}

/** drv_vq_reset() - as fresh: nothing in flight, index 0; device not running */
static inline void drv_vq_reset(struct drv_vq *vq)
{
	vq->ops->reset(vq);
}

/** drv_vq_resume() - the base that QEMU gives to a back end that came back */
static inline void drv_vq_resume(struct drv_vq *vq)
{
	vq->ops->resume(vq);
}

/** drv_vq_add() - @out readable then @in writable pieces; head or -ENOSPC */
static inline int drv_vq_add(struct drv_vq *vq, const struct drv_sg *sg,
			     unsigned int out, unsigned int in, u32 token)
{
	return vq->ops->add(vq, sg, out, in, token);
}

/** drv_vq_publish() - make visible what was added; true: the device wants a kick */
static inline bool drv_vq_publish(struct drv_vq *vq)
{
	return vq->ops->publish(vq);
}

/** drv_vq_reap() - 1 with @used filled, 0 nothing there, -EPROTO a lie */
static inline int drv_vq_reap(struct drv_vq *vq, struct drv_used *used)
{
	return vq->ops->reap(vq, used);
}

/** drv_vq_pending() - is there something to reap? */
static inline bool drv_vq_pending(const struct drv_vq *vq)
{
	return vq->ops->pending(vq);
}

/** drv_vq_calls_off() - ask not to be called (a hint) */
static inline void drv_vq_calls_off(struct drv_vq *vq)
{
	vq->ops->calls_off(vq);
}

/** drv_vq_calls_on() - ask to be called; true: something came meanwhile */
static inline bool drv_vq_calls_on(struct drv_vq *vq)
{
	return vq->ops->calls_on(vq);
}

/**
 * drv_vq_base() - what GET_VRING_BASE must say of a device that has taken and
 *		   used all that was published
 */
static inline u32 drv_vq_base(const struct drv_vq *vq)
{
	return vq->ops->base(vq);
}

/* What the layouts share. */

/** drv_area_place() - RAM for a part of the ring; NULL without any */
void *drv_area_place(struct drv_vq *vq, unsigned int region, size_t len,
		     u64 *uva);

/** drv_ids_reset() - all ids free, in order */
void drv_ids_reset(struct drv_vq *vq);

/**
 * drv_buffer_taken() - a buffer was put into the ring under @id
 * @in_len:	bytes that the device may write
 * @count:	descriptors it takes
 */
void drv_buffer_taken(struct drv_vq *vq, u16 id, u32 token, u64 in_len,
		      u16 count);

/**
 * drv_buffer_used() - the buffer that came back, given a used entry
 *
 * Its id stays taken until the layout has read what it needs of the slot.
 *
 * Return: 1 with @used filled, -EPROTO.
 */
int drv_buffer_used(struct drv_vq *vq, u32 id, u32 len, struct drv_used *used);

/** drv_split_place() - areas of a split ring in RAM; 0 or -ENOMEM */
int drv_split_place(struct drv_vq *vq, unsigned int region);

/** drv_packed_place() - areas of a packed ring in RAM; 0 or -ENOMEM */
int drv_packed_place(struct drv_vq *vq, unsigned int region);

extern const struct drv_vq_ops drv_split_ops;
extern const struct drv_vq_ops drv_packed_ops;

#endif /* DRV_VQ_H */
