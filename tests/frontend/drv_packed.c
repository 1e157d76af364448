// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * drv_packed - the driver's side of a packed ring (virtio 1.3, 2.8)
 *
 * Written from the specification, not from the daemon, so that neither can
 * agree with the other's mistake.  Free buffer ids are a list in private memory
 * (drv_slot.next); nothing is read back from a descriptor but what the device
 * must have written there.
 */
#include "drv_vq.h"

#include <errno.h>
#include <string.h>

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED	(1u << VRING_PACKED_DESC_F_USED)
#define EVENT_WRAP (1u << VRING_PACKED_EVENT_F_WRAP_CTR)

/* As QEMU has it for a new ring: both wrap counters 1. */
#define BASE_NEW 0x80008000u

int drv_packed_place(struct drv_vq *vq, unsigned int region)
{
	struct drv_packed *p = &vq->packed;

	p->desc = drv_area_place(vq, region, sizeof(*p->desc) * vq->size,
				 &vq->ring.desc);
	p->driver_event = drv_area_place(vq, region, sizeof(u32),
					 &vq->ring.avail);
	p->device_event = drv_area_place(vq, region, sizeof(u32),
					 &vq->ring.used);
	return p->desc && p->driver_event && p->device_event ? 0 : -ENOMEM;
}

static void packed_reset(struct drv_vq *vq)
{
	struct drv_packed *p = &vq->packed;

	memset(p->desc, 0, sizeof(*p->desc) * vq->size);
	*p->driver_event = 0;
	*p->device_event = 0;
	p->avail = 0;
	p->used = 0;
	p->avail_wrap = true;
	p->used_wrap = true;
	p->added = 0;
	drv_ids_reset(vq);
	vq->ring.base = BASE_NEW;
}

/* QEMU knows no more than where it was told last that the ring is. */
static void packed_resume(struct drv_vq *vq)
{
	(void)vq;
}

static void desc_fill(struct vring_packed_desc *d, u64 gpa, u32 len, u16 id)
{
	d->addr = (__force __le64)htole64(gpa);
	d->len = (__force __le32)htole32(len);
	d->id = (__force __le16)htole16(id);
}

/* The next descriptor of the ring; the very first stays back until publish. */
static void ring_put(struct drv_vq *vq, const struct drv_sg *sg, u16 id,
		     u16 flags)
{
	struct drv_packed *p = &vq->packed;
	struct vring_packed_desc *d = &p->desc[p->avail];

	flags |= (u16)(p->avail_wrap ? F_AVAIL : F_USED);
	desc_fill(d, sg->gpa, sg->len, id);
	if (p->added++) {
		d->flags = (__force __le16)htole16(flags);
	} else {
		p->first = p->avail;
		p->first_flags = flags;
	}
	if (++p->avail == vq->size) {
		p->avail = 0;
		p->avail_wrap = !p->avail_wrap;
	}
}

static void add_indirect(struct drv_vq *vq, u16 id, const struct drv_sg *sg,
			 unsigned int out, unsigned int in)
{
	const size_t at = (size_t)id * vq->indirect_max;
	struct vring_packed_desc *table =
		(struct vring_packed_desc *)vq->table + at;
	const struct drv_sg all = {
		.gpa = vq->table_gpa + at * sizeof(*table),
		.len = (u32)((out + in) * sizeof(*table)),
	};
	unsigned int i;

	for (i = 0; i < out + in; i++) {
		desc_fill(&table[i], sg[i].gpa, sg[i].len, 0);
		table[i].flags = (__force __le16)htole16(
			i < out ? 0 : VRING_DESC_F_WRITE);
	}
	ring_put(vq, &all, id, VRING_DESC_F_INDIRECT);
}

static void add_direct(struct drv_vq *vq, u16 id, const struct drv_sg *sg,
		       unsigned int out, unsigned int in)
{
	unsigned int i;
	u16 flags;

	for (i = 0; i < out + in; i++) {
		flags = i < out ? 0 : VRING_DESC_F_WRITE;
		if (i + 1 < out + in)
			flags |= VRING_DESC_F_NEXT;
		ring_put(vq, &sg[i], id, flags);
	}
}

static int packed_add(struct drv_vq *vq, const struct drv_sg *sg,
		      unsigned int out, unsigned int in, u32 token)
{
	bool indirect = vq->use_indirect && out + in > 1 &&
			out + in <= vq->indirect_max;
	u16 count = indirect ? 1 : (u16)(out + in);
	u16 id = vq->free_head;
	u64 in_len = 0;
	unsigned int i;

	if (count > vq->free)
		return -ENOSPC;
	if (indirect)
		add_indirect(vq, id, sg, out, in);
	else
		add_direct(vq, id, sg, out, in);
	for (i = out; i < out + in; i++)
		in_len += sg[i].len;
	vq->free_head = vq->slots[id].next;
	drv_buffer_taken(vq, id, token, in_len, count);
	return id;
}

/* Was @event one of the last @count positions before @at? */
static bool passed(const struct drv_vq *vq, u16 event, u16 at, bool wrap,
		   u16 count)
{
	int distance = at - (event & (EVENT_WRAP - 1));

	if (!!(event & EVENT_WRAP) != wrap)
		distance += vq->size;
	return distance > 0 && distance <= count;
}

static bool packed_publish(struct drv_vq *vq)
{
	struct drv_packed *p = &vq->packed;
	u16 count = p->added;
	u32 event;
	u16 flags;

	if (!count)
		return false;
	/* Pairs with the device's acquire of the descriptor's flags. */
	__atomic_store_n((u16 *)&p->desc[p->first].flags,
			 htole16(p->first_flags), __ATOMIC_RELEASE);
	p->added = 0;
	/*
	 * Flags before event: pairs with the device's full barrier between
	 * writing the event and its last look at the flags.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = le32toh(READ_ONCE(*p->device_event));
	flags = (u16)(event >> 16);
	if (flags == VRING_PACKED_EVENT_FLAG_DESC)
		return passed(vq, (u16)event, p->avail, p->avail_wrap, count);
	return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
}

static bool packed_pending(const struct drv_vq *vq)
{
	const struct drv_packed *p = &vq->packed;
	u16 flags;

	if (vq->order.batch)
		return true;
	/* Pairs with the device's release of the first used flags. */
	flags = le16toh(__atomic_load_n((const u16 *)&p->desc[p->used].flags,
					__ATOMIC_ACQUIRE));
	return !!(flags & F_AVAIL) == p->used_wrap &&
	       !!(flags & F_USED) == p->used_wrap;
}

static void id_free(struct drv_vq *vq, u16 id)
{
	vq->slots[id].next = vq->free_head;
	vq->free_head = id;
	vq->free = (u16)(vq->free + vq->slots[id].count);
	vq->slots[id].count = 0;
}

static int packed_reap(struct drv_vq *vq, struct drv_used *used)
{
	struct drv_packed *p = &vq->packed;
	const struct vring_packed_desc *d = &p->desc[p->used];
	u32 next;
	int err;

	if (!packed_pending(vq))
		return 0;
	err = drv_buffer_used(vq, le16toh((__force u16)READ_ONCE(d->id)),
			      le32toh((__force u32)READ_ONCE(d->len)), used);
	if (err < 0)
		return err;
	next = (u32)p->used + vq->slots[used->head].count;
	if (next >= vq->size) {
		next -= vq->size;
		p->used_wrap = !p->used_wrap;
	}
	p->used = (u16)next;
	id_free(vq, used->head);
	return 1;
}

static void event_set(u32 *event, u16 pos, u16 flags)
{
	WRITE_ONCE(*event, htole32(pos | (u32)flags << 16));
}

static void packed_calls_off(struct drv_vq *vq)
{
	event_set(vq->packed.driver_event, 0, VRING_PACKED_EVENT_FLAG_DISABLE);
}

static bool packed_calls_on(struct drv_vq *vq)
{
	struct drv_packed *p = &vq->packed;
	u16 pos = (u16)(p->used | (p->used_wrap ? EVENT_WRAP : 0));

	event_set(p->driver_event, pos,
		  vq->event_idx ? VRING_PACKED_EVENT_FLAG_DESC :
				  VRING_PACKED_EVENT_FLAG_ENABLE);
	/*
	 * Event before the last look: pairs with the device's full barrier
	 * between publishing a used descriptor and reading the event.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return packed_pending(vq);
}

/* vhost-user: "Vring descriptor indices for packed virtqueues" */
static u32 packed_base(const struct drv_vq *vq)
{
	const struct drv_packed *p = &vq->packed;
	u32 pos = p->avail | (p->avail_wrap ? EVENT_WRAP : 0);

	return pos | pos << 16;
}

const struct drv_vq_ops drv_packed_ops = {
	.reset = packed_reset,
	.resume = packed_resume,
	.add = packed_add,
	.publish = packed_publish,
	.reap = packed_reap,
	.pending = packed_pending,
	.calls_off = packed_calls_off,
	.calls_on = packed_calls_on,
	.base = packed_base,
};
