/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vq - virtqueues as a device sees them: READ THIS FIRST
 *
 * One small interface over two ring layouts, split (vq_split.c) and packed
 * (vq_packed.c); vq_start() chooses by what the driver acknowledged.  A device's
 * turn looks like this, whatever the layout:
 *
 *	vq_notify_off(vq);
 *	while (vq_pop(vq, &chain) > 0)		what the driver made available
 *		... vq_push(vq, chain.id, written);	staged, not yet visible
 *	if (vq_publish(vq))			one store makes all visible
 *		... signal the call eventfd once;
 *	if (!vq_notify_on(vq))
 *		... nothing came meanwhile: may sleep until the next kick
 *
 * The ring lies in memory that the guest can change at any moment.  Every
 * descriptor is copied once into private memory, and the copy is checked and
 * used.  A ring whose content breaks the specification is marked broken: from
 * then on nothing is popped, pushed or signalled, until the front end sets it
 * up anew; other queues do not notice.
 *
 * Ring features, all offered for both layouts:
 *
 * EVENT_IDX	 each side names the entry at which it wants to be signalled
 * INDIRECT_DESC a descriptor may refer to a table with the chain in it
 * IN_ORDER	 buffers go back in the order they came in.  Devices need not
 *		 know: vq_push() keeps what is done until all before it are
 *		 (vq_order.h), and vq_publish() shows what is due as a batch
 * NOTIFICATION_DATA changes what the driver writes to the device's notification
 *		 address (virtio 1.3, 4.1.5.2), which is the front end's affair:
 *		 a kick eventfd carries none of it, and the ring itself says as
 *		 much.  QEMU passes it on where notification_data=on, and its
 *		 eventfds then match any data
 *
 * A vq is used by one thread at a time: the worker while its queue runs, the
 * control thread while it is stopped (queue.h).
 */
#ifndef PV_VQ_H
#define PV_VQ_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/uio.h>

#include "dirty.h"
#include "inflight.h"
#include "mem.h"
#include "util.h"

/* virtio 1.3, 2.7 and 2.8: both layouts have at most 32768 entries; the split
 * ring's number of them is a power of 2, the packed ring's need not be.
 */
#define VQ_SIZE_MAX 32768

/* Not yet in the headers of Linux 6.1. */
#ifndef VIRTIO_F_NOTIFICATION_DATA
#define VIRTIO_F_NOTIFICATION_DATA 38
#endif

/* What vq_start() understands, whatever the device; see above. */
#define VQ_FEATURES                                                         \
	(BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_F_RING_PACKED) | \
	 BIT_ULL(VIRTIO_F_IN_ORDER) | BIT_ULL(VIRTIO_F_NOTIFICATION_DATA))

/* Longest chain we take, in iov entries; what config space promises (blk
 * seg_max) and what Linux drivers send both stay far below.
 */
#define VQ_CHAIN_IOV_MAX 1024U

/**
 * struct vq_chain - one buffer made available by the driver
 * @id:		what to give back in vq_push()
 * @out_num:	entries of @iov that the device reads; they come first
 * @in_num:	entries of @iov that the device writes, after the others
 * @out_len:	bytes in the readable part
 * @in_len:	bytes in the writable part
 * @iov:	caller's array, filled by vq_pop()
 * @iov_max:	its room in entries, set by the caller
 *
 * virtio 1.3, 2.6.4.2: readable descriptors come before writable ones.
 */
struct vq_chain {
	u16 id;
	u16 out_num;
	u16 in_num;
	u64 out_len;
	u64 in_len;
	struct iovec *iov;
	unsigned int iov_max;
};

/**
 * struct vq_setup - what the front end has said about a ring, checked by
 *		     vq_start()
 * @mem:	guest memory; outlives the running vq
 * @features:	virtio features as acknowledged by the driver
 * @size:	entries
 * @desc_uva:	SET_VRING_ADDR's addresses (front end's address space)
 * @avail_uva:	driver area
 * @used_uva:	device area
 * @base:	SET_VRING_BASE's value: where to go on, as the layout encodes it
 *		(vhost-user: "A vring descriptor index for split virtqueues",
 *		"Vring descriptor indices for packed virtqueues"), unless
 *		@inflight knows
 * @dirty:	where to log what is written, NULL: nowhere
 * @log_ring:	SET_VRING_ADDR's flag: log also what is written to the ring
 * @ring_log:	guest-physical address under which to log the device area
 * @inflight:	where to record what is in flight; no memory: do not
 * @inflight_fault: what is wrong with that, where vq_start() says -EBADMSG
 */
struct vq_setup {
	const struct mem_table *mem;
	u64 features;
	u32 size;
	u64 desc_uva;
	u64 avail_uva;
	u64 used_uva;
	u32 base;
	struct dirty_log *dirty;
	bool log_ring;
	gpa_t ring_log;
	struct inflight_part inflight;
	enum inflight_fault *inflight_fault;
};

/**
 * enum vq_fault - why a ring was marked broken
 *
 * The name is what the log and the metrics show (vq_fault_name()).
 */
enum vq_fault {
	VQ_FAULT_NONE,
	VQ_FAULT_AVAIL_JUMP,	/* more made available than the ring has entries */
	VQ_FAULT_HEAD,		/* head index >= size */
	VQ_FAULT_ID,		/* buffer id >= size, or of a buffer in use */
	VQ_FAULT_PARTIAL,	/* chain goes on where nothing is available */
	VQ_FAULT_NEXT,		/* next index >= size */
	VQ_FAULT_LOOP,		/* chain longer than the ring or table */
	VQ_FAULT_ORDER,		/* readable descriptor after a writable one */
	VQ_FAULT_INDIRECT,	/* nested, not negotiated, bad length, with NEXT */
	VQ_FAULT_ADDRESS,	/* bytes outside guest memory */
	VQ_FAULT_IOV,		/* more entries than VQ_CHAIN_IOV_MAX */
	VQ_FAULT_EMPTY,		/* chain without a byte */
	VQ_FAULT_ANSWER,	/* device: chain without room for its answer */
	VQ_FAULT_MEMORY,	/* ourselves: no memory to run the queue with */
	VQ_FAULT_LOST,		/* front end: guest memory's file was cut short */
	VQ_FAULT_SHORT,		/* found by the device: shorter than its header */
	VQ_FAULT_MAX
};

struct vq;
struct vq_order;

/**
 * struct vq_layout_ops - one ring layout, called through the wrappers below
 * @start:	check @s and fill in the layout's own part; the rest is done
 * @pop:	as vq_pop()
 * @push:	stage one used entry that moves the ring on by @slots
 * @publish:	as vq_publish()
 * @unpop:	move back by @slots
 * @notify_off:	as vq_notify_off()
 * @notify_on:	as vq_notify_on()
 * @pending:	as vq_pending()
 * @base:	as vq_base()
 *
 * Slots are what a buffer takes on the used side: 1 in a split ring, its
 * descriptors in a packed one.
 */
struct vq_layout_ops {
	int (*start)(struct vq *vq, const struct vq_setup *s);
	int (*pop)(struct vq *vq, struct vq_chain *chain);
	void (*push)(struct vq *vq, u16 id, u32 len, u16 slots);
	bool (*publish)(struct vq *vq);
	void (*unpop)(struct vq *vq, u16 slots);
	void (*notify_off)(struct vq *vq);
	bool (*notify_on)(struct vq *vq);
	bool (*pending)(struct vq *vq);
	u32 (*base)(const struct vq *vq);
};

/**
 * struct vq_split - positions and areas of a split ring
 * @desc:	descriptor table, guest memory
 * @avail:	driver area, guest memory
 * @used:	device area, guest memory
 * @avail_shadow: available index as last read; batches read it once
 * @avail_next:	next entry to take
 * @used_next:	where the next vq_push() goes
 * @used_published: used index as last made visible
 * @kick_event_old: used index at the last decision whether to call
 * @call_valid:	@kick_event_old means something
 */
struct vq_split {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 avail_shadow;
	u16 avail_next;
	u16 used_next;
	u16 used_published;
	u16 kick_event_old;
	bool call_valid;
};

/**
 * struct vq_packed - positions and areas of a packed ring
 * @desc:	descriptor ring, guest memory
 * @driver_event: driver area, guest memory: when the driver wants to be called
 * @device_event: device area, guest memory: when we want to be kicked
 * @first:	first descriptor staged since the last vq_publish(), or NULL
 * @first_flags: what makes it, and so all after it, used
 * @avail:	position of the next descriptor to take
 * @used:	position where the next vq_push() goes
 * @taken:	descriptors between them, of buffers popped and not pushed
 * @advanced:	by how many @used moved since the last decision whether to call
 * @call_valid:	there has been one
 *
 * A position is an index in bits 0 to 14 and the ring's wrap counter in bit 15,
 * as in the event structures and in vhost-user.
 */
struct vq_packed {
	struct vring_packed_desc *desc;
	const u32 *driver_event;
	u32 *device_event;
	struct vring_packed_desc *first;
	u16 first_flags;
	u16 avail;
	u16 used;
	u16 taken;
	u16 advanced;
	bool call_valid;
};

/**
 * struct vq - a virtqueue, device side
 * @ops:	layout; NULL while not started
 * @mem:	guest memory
 * @size:	entries, a power of two for the split ring
 * @slots:	by buffer id: slots of a buffer popped and not pushed, else 0;
 *		NULL for a split ring without IN_ORDER, where each takes one and
 *		an id used twice harms nobody
 * @order:	VIRTIO_F_IN_ORDER negotiated: what waits for its turn, else NULL
 * @event_idx:	VIRTIO_F_EVENT_IDX negotiated
 * @indirect:	VIRTIO_F_INDIRECT_DESC negotiated
 * @notify_enabled: the driver was asked to kick
 * @fault:	VQ_FAULT_NONE or why nothing moves any more
 * @region_hint: index of the memory region of the last look-up
 * @staged:	buffers that the next vq_publish() makes visible
 * @track:	record of what is in flight, or NULL
 * @dirty:	where vq_wrote() goes, NULL: nowhere
 * @log_ring:	log also what is written to the ring; not without @dirty
 * @ring_log:	guest-physical address under which to log the device area
 * @split:	state of the split layout
 * @packed:	state of the packed layout
 */
struct vq {
	const struct vq_layout_ops *ops;
	const struct mem_table *mem;
	u16 *slots;
	struct vq_order *order;
	u16 size;
	bool event_idx;
	bool indirect;
	bool notify_enabled;
	enum vq_fault fault;
	unsigned int region_hint;
	unsigned int staged;
	struct inflight_track *track;
	struct dirty_log *dirty;
	bool log_ring;
	gpa_t ring_log;
	union {
		struct vq_split split;
		struct vq_packed packed;
	};
};

/**
 * vq_start() - check a ring's description and make it ready
 *
 * Return: 0, -EINVAL (size, alignment, base), -EFAULT (area not in guest
 * memory, or not in one region), -ERANGE (device area outside the dirty log),
 * -EBADMSG (@s->inflight is not of this ring), -ENOMEM.  @vq is
 * untouched on failure; what it was before is forgotten otherwise.
 */
int vq_start(struct vq *vq, const struct vq_setup *s);

/** vq_stop() - forget the ring; @vq may be started again */
void vq_stop(struct vq *vq);

/** vq_fault_name() - "head index out of range" and the like, for the log */
const char *vq_fault_name(enum vq_fault fault);

/** vq_break() - mark broken for a reason found by the layout or the device */
void vq_break(struct vq *vq, enum vq_fault fault);

static inline bool vq_broken(const struct vq *vq)
{
	return vq->fault != VQ_FAULT_NONE;
}

/**
 * vq_pop() - take the next available buffer
 * @chain:	@iov and @iov_max set by the caller, the rest filled in
 *
 * Return: 1 with @chain filled, 0 where the ring is empty, -EPROTO where the
 * ring is (now) broken.
 */
static inline int vq_pop(struct vq *vq, struct vq_chain *chain)
{
	return vq->ops->pop(vq, chain);
}

/**
 * vq_unpop() - give back the buffer popped last, as if never taken
 * @id:		vq_chain.id
 *
 * For a device that finds no room to go on (net rx: not enough buffers for a
 * packet).  Several are given back in reverse order, and only those that nothing
 * popped since has been vq_push()ed of.  Not on a ring that is tracked.
 */
void vq_unpop(struct vq *vq, u16 id);

/* With IN_ORDER: keep it until its turn. */
void vq_push_ordered(struct vq *vq, u16 id, u32 len);

/**
 * vq_push() - stage a buffer as used
 * @id:		vq_chain.id
 * @len:	bytes written into the writable part (virtio 1.3, 2.7.8.2)
 *
 * Nothing where the ring is broken.
 */
static inline void vq_push(struct vq *vq, u16 id, u32 len)
{
	u16 slots = 1;

	if (unlikely(vq_broken(vq)))
		return;
	if (vq->slots) {
		slots = vq->slots[id];
		vq->slots[id] = 0;
	}
	if (vq->order) {
		vq_push_ordered(vq, id, len);
		return;
	}
	vq->ops->push(vq, id, len, slots);
	vq->staged++;
	if (vq->track)
		inflight_push(vq->track, id);
}

/* With IN_ORDER: stage what is due. */
void vq_stage_ordered(struct vq *vq);

/**
 * vq_publish() - make everything staged visible to the driver, at once
 *
 * Return: true where the driver wants an interrupt for it.
 */
static inline bool vq_publish(struct vq *vq)
{
	if (!vq->staged)
		return false;
	vq->staged = 0;
	if (unlikely(vq_broken(vq)))
		return false;
	if (vq->order)
		vq_stage_ordered(vq);
	return vq->ops->publish(vq);
}

/**
 * vq_wrote() - bytes of a popped buffer were written, by us or for us
 *
 * To be told after the write and before the buffer's vq_push(), whether the
 * driver will look at them or not.
 */
static inline void vq_wrote(struct vq *vq, const void *hva, u64 len)
{
	if (unlikely(vq->dirty))
		dirty_mark_hva(vq->dirty, vq->mem, hva, len);
}

/** vq_wrote_iov() - the same for the first @len bytes of @count pieces */
static inline void vq_wrote_iov(struct vq *vq, const struct iovec *iov,
				unsigned int count, u64 len)
{
	if (unlikely(vq->dirty))
		dirty_mark_iov(vq->dirty, vq->mem, iov, count, len);
}

/** vq_wrote_ring() - layouts: bytes from @off on of the device area were written */
static inline void vq_wrote_ring(struct vq *vq, u64 off, u64 len)
{
	if (unlikely(vq->log_ring))
		dirty_mark(vq->dirty, vq->ring_log + off, len);
}

/** vq_notify_off() - ask the driver not to kick (a hint, may still kick) */
static inline void vq_notify_off(struct vq *vq)
{
	vq->ops->notify_off(vq);
}

/**
 * vq_notify_on() - ask for a kick at the next buffer
 *
 * Return: true where a buffer came meanwhile (which may not be kicked for):
 * the caller must go on popping.
 */
static inline bool vq_notify_on(struct vq *vq)
{
	return vq->ops->notify_on(vq);
}

/** vq_pending() - has the driver made buffers available that wait? */
static inline bool vq_pending(struct vq *vq)
{
	return vq->ops->pending(vq);
}

/**
 * vq_again() - does a dead daemon's work still wait to be popped?
 *
 * While so, vq_base() is not all that a successor needs to know.
 */
static inline bool vq_again(const struct vq *vq)
{
	return vq->track && unlikely(inflight_again(vq->track)) &&
	       !vq_broken(vq);
}

/** vq_base() - position for GET_VRING_BASE; valid while stopped as well */
static inline u32 vq_base(const struct vq *vq)
{
	return vq->ops->base(vq);
}

#endif /* PV_VQ_H */
