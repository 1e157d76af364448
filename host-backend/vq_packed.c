// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vq_packed - the packed ring (virtio 1.3, 2.8)
 *
 * Theory of operation
 *
 *	desc[size]	what the driver makes available; we write what is used
 *			over it, in the same order round the ring
 *	driver event	when the driver wants to be called
 *	device event	when we want to be kicked
 *
 * A position is an index and a wrap counter that flips with every round.  Two
 * bits of a descriptor's flags say whose it is at a position with wrap counter
 * w: AVAIL = w, USED = !w the driver made it available; AVAIL = USED = w we have
 * used it.  Everything else is what the last round left there.
 *
 *	used ... avail		taken: at most size descriptors lie between
 *
 * A buffer takes one descriptor or more.  It is used by writing one, at the used
 * position, which then moves on by as many as the buffer had: the driver knows
 * how many from the id.  What is written there was taken long ago.
 *
 * The driver looks only at the descriptor that it expects next.  So a batch is
 * shown by one store: the flags of its first descriptor are written last
 * (release), everything else before.
 *
 * Two questions are asked across a full barrier, each side writing its own word
 * before it reads the other's, so that at least one of the two notices:
 *
 *	publish:	we write a descriptor's flags,	then read the driver event
 *			driver writes the driver event,	then reads the flags
 *	notify_on:	we write the device event,	then read the next flags
 *			driver writes those,		then reads the device event
 *
 * Either event is 32 bits and moves by one load or store, so that position and
 * flags belong together.
 */
#include "vq_packed.h"

#include <errno.h>

#include "vq_layout.h"

/* virtio 1.3, 2.8.10.1: alignment and size of the areas. */
#define DESC_ALIGN  16
#define EVENT_ALIGN 4
#define EVENT_SIZE  4

#define WRAP	   BIT_ULL(VRING_PACKED_EVENT_F_WRAP_CTR)
#define INDEX_MASK (WRAP - 1)

#define F_AVAIL BIT_ULL(VRING_PACKED_DESC_F_AVAIL)
#define F_USED	BIT_ULL(VRING_PACKED_DESC_F_USED)

/* Positions */

static u16 pos_index(u16 pos)
{
	return pos & INDEX_MASK;
}

/* @n is at most the ring's size. */
static u16 pos_add(const struct vq *vq, u16 pos, u32 n)
{
	u32 index = pos_index(pos) + n;
	u32 wrap = pos & WRAP;

	if (index >= vq->size) {
		index -= vq->size;
		wrap ^= WRAP;
	}
	return (u16)(index | wrap);
}

static u16 pos_sub(const struct vq *vq, u16 pos, u32 n)
{
	u32 index = pos_index(pos);
	u32 wrap = pos & WRAP;

	if (index < n) {
		index += vq->size;
		wrap ^= WRAP;
	}
	return (u16)((index - n) | wrap);
}

static bool available(u16 flags, u16 pos)
{
	return (flags & (F_AVAIL | F_USED)) == (pos & WRAP ? F_AVAIL : F_USED);
}

static u16 used_flags(u16 pos)
{
	return pos & WRAP ? F_AVAIL | F_USED : 0;
}

/* What the two sides share */

/* Pairs with the driver's write barrier before a chain's first flags. */
static u16 flags_acquire(const struct vring_packed_desc *desc)
{
	return le16_to_cpu((__force __le16)__atomic_load_n(
		(__force const u16 *)&desc->flags, __ATOMIC_ACQUIRE));
}

/* Pairs with the driver's read barrier after it has seen these flags. */
static void flags_release(struct vring_packed_desc *desc, u16 flags)
{
	__atomic_store_n((__force u16 *)&desc->flags,
			 (__force u16)cpu_to_le16(flags), __ATOMIC_RELEASE);
}

/* Little-endian: position in the low half, flags in the high one. */
static u32 event_read(const u32 *event)
{
	return le32toh(READ_ONCE(*event));
}

static void event_write(struct vq *vq, u16 pos, u16 flags)
{
	WRITE_ONCE(*vq->packed.device_event, htole32(pos | (u32)flags << 16));
	vq_wrote_ring(vq, 0, EVENT_SIZE);
}

static struct vq_desc desc_copy(const struct vring_packed_desc *desc, u16 flags)
{
	return (struct vq_desc){
		.addr = le64_to_cpu(READ_ONCE(desc->addr)),
		.len = le32_to_cpu(READ_ONCE(desc->len)),
		.flags = flags,
	};
}

/* Setting up */

static int areas_map(struct vq_packed *p, const struct vq_setup *s)
{
	const struct vq_area areas[] = {
		{ s->desc_uva, (u64)s->size * sizeof(struct vring_packed_desc),
		  DESC_ALIGN },
		{ s->avail_uva, EVENT_SIZE, EVENT_ALIGN },
		{ s->used_uva, EVENT_SIZE, EVENT_ALIGN },
	};
	void *hva[ARRAY_SIZE(areas)];
	int err;

	for (unsigned int i = 0; i < ARRAY_SIZE(areas); i++) {
		err = vq_area_map(s, &areas[i], &hva[i]);
		if (err)
			return err;
	}
	err = vq_log_check(s, EVENT_SIZE);
	if (err)
		return err;
	p->desc = hva[0];
	p->driver_event = hva[1];
	p->device_event = hva[2];
	return 0;
}

/* Does a descriptor say that a device has used it, or that it is not new? */
static bool ring_was_used(const struct vring_packed_desc *desc, u32 size)
{
	const struct vring_packed_desc *end = desc + size;

	for (; desc < end; desc++)
		if (le16_to_cpu(READ_ONCE(desc->flags)) & F_USED)
			return true;
	return false;
}

/* What is in flight lies between the positions, which the record knows. */
static int track_start(struct vq *vq, const struct vq_setup *s)
{
	struct vq_packed *p = &vq->packed;
	const struct inflight_packed_ring ring = { p->desc, vq->size };
	int err;

	err = inflight_packed_start(&vq->track, &s->inflight, &ring, &p->used,
				    &p->taken, s->inflight_fault);
	if (!err)
		p->avail = pos_add(vq, p->used, p->taken);
	return err;
}

/*
 * Of the base the lower half counts, the avail position.  Nothing is in flight
 * when a ring starts, so the used one is the same; DPDK's virtio-user leaves it
 * zero.
 *
 * Linux's virtio_uml says 0 for a new ring, whose wrap counter is 1.  That is a
 * good position, too: after an odd number of rounds.  The ring tells: in the
 * last of those, with wrap counter 1, something was marked used in it.
 */
static int packed_start(struct vq *vq, const struct vq_setup *s)
{
	struct vq_packed *p = &vq->packed;
	u16 pos = (u16)s->base;
	int err;

	if (pos_index(pos) >= vq->size)
		return -EINVAL;
	*p = (struct vq_packed){ .avail = pos, .used = pos };
	err = areas_map(p, s);
	if (err)
		return err;
	if (!s->base && !ring_was_used(p->desc, vq->size)) {
		p->avail = WRAP;
		p->used = WRAP;
	}
	return s->inflight.hva ? track_start(vq, s) : 0;
}

static u32 packed_base(const struct vq *vq)
{
	return vq->packed.avail | (u32)vq->packed.used << 16;
}

/* From the driver */

/*
 * virtio 1.3, 2.8.7: of the entries of a table only WRITE counts, and all of
 * them belong to the chain, in their order.
 */
static enum vq_fault table_walk(struct vq *vq, struct vq_chain *chain,
				const struct vq_desc *d)
{
	const struct vring_packed_desc *desc;
	enum vq_fault fault;
	void *table;
	u32 count;

	fault = vq_table_map(vq, d, &table, &count);
	if (fault)
		return fault;
	for (desc = table; count--; desc++) {
		struct vq_desc part =
			desc_copy(desc, le16_to_cpu(READ_ONCE(desc->flags)));

		fault = vq_chain_append(vq, chain, &part);
		if (unlikely(fault))
			return fault;
	}
	return VQ_FAULT_NONE;
}

/* What descriptor @count of a chain, with what it says of itself, adds to it. */
static enum vq_fault desc_take(struct vq *vq, struct vq_chain *chain,
			       const struct vq_desc *d, u16 count)
{
	if (likely(!(d->flags & VRING_DESC_F_INDIRECT)))
		return vq_chain_append(vq, chain, d);
	/* virtio 1.3, 2.8.19: never in a list of descriptors */
	if (count || d->flags & VRING_DESC_F_NEXT)
		return VQ_FAULT_INDIRECT;
	return table_walk(vq, chain, d);
}

/* @flags: of the first descriptor, which is available */
static enum vq_fault chain_walk(struct vq *vq, struct vq_chain *chain,
				u16 flags, u16 *count)
{
	const struct vq_packed *p = &vq->packed;
	const struct vring_packed_desc *desc;
	u16 room = (u16)(vq->size - p->taken);
	u16 pos = p->avail;
	enum vq_fault fault;

	if (unlikely(!room))
		return VQ_FAULT_AVAIL_JUMP;
	for (;;) {
		struct vq_desc d;

		desc = &p->desc[pos_index(pos)];
		d = desc_copy(desc, flags);
		fault = desc_take(vq, chain, &d, (*count)++);
		if (unlikely(fault))
			return fault;
		if (vq->track && !inflight_packed_add(vq->track, d.addr, d.len,
						      d.flags))
			return VQ_FAULT_AVAIL_JUMP;
		if (!(flags & VRING_DESC_F_NEXT))
			break;
		/* virtio 1.3, 2.8.17: no list is longer than the ring */
		if (unlikely(*count == room))
			return VQ_FAULT_LOOP;
		pos = pos_add(vq, pos, 1);
		flags = le16_to_cpu(READ_ONCE(p->desc[pos_index(pos)].flags));
		/* virtio 1.3, 2.8.15: nothing is used that is not available */
		if (unlikely(!available(flags, pos)))
			return VQ_FAULT_PARTIAL;
	}
	chain->id = le16_to_cpu(READ_ONCE(desc->id));
	return chain->id < vq->size ? VQ_FAULT_NONE : VQ_FAULT_ID;
}

/* A chain that a daemon before us had taken, from the copy in the record. */
static enum vq_fault chain_again(struct vq *vq, struct vq_chain *chain, u16 id)
{
	const struct inflight_chain *copy = &vq->track->chain[id];
	struct inflight_packed_desc desc;
	enum vq_fault fault;
	u16 at = copy->first;
	u16 i;

	vq_chain_start(chain);
	chain->id = id;
	for (i = 0; i < copy->num; i++) {
		struct vq_desc d;

		at = inflight_packed_desc(vq->track, at, &desc);
		d = (struct vq_desc){ desc.addr, desc.len, desc.flags };
		fault = desc_take(vq, chain, &d, i);
		if (fault)
			return fault;
	}
	return vq_take(vq, chain, copy->num);
}

static enum vq_fault chain_take(struct vq *vq, struct vq_chain *chain,
				u16 flags, u16 *count)
{
	enum vq_fault fault;

	vq_chain_start(chain);
	if (vq->track)
		inflight_packed_begin(vq->track);
	fault = chain_walk(vq, chain, flags, count);
	if (likely(!fault))
		fault = vq_take(vq, chain, *count);
	if (unlikely(fault))
		return fault;
	if (vq->track &&
	    unlikely(!inflight_packed_take(vq->track, chain->id, *count)))
		return VQ_FAULT_ID;
	return VQ_FAULT_NONE;
}

static int packed_pop(struct vq *vq, struct vq_chain *chain)
{
	struct vq_packed *p = &vq->packed;
	enum vq_fault fault;
	u16 count = 0;
	u16 flags;

	if (unlikely(vq_broken(vq)))
		return -EPROTO;
	if (vq_again(vq))
		return vq_pop_again(vq, chain, chain_again);
	flags = flags_acquire(&p->desc[pos_index(p->avail)]);
	if (!available(flags, p->avail))
		return 0;
	fault = chain_take(vq, chain, flags, &count);
	if (unlikely(fault)) {
		vq_break(vq, fault);
		return -EPROTO;
	}
	p->avail = pos_add(vq, p->avail, count);
	p->taken = (u16)(p->taken + count);
	return 1;
}

static void packed_unpop(struct vq *vq, u16 slots)
{
	struct vq_packed *p = &vq->packed;

	p->avail = pos_sub(vq, p->avail, slots);
	p->taken = (u16)(p->taken - slots);
}

static bool packed_pending(struct vq *vq)
{
	const struct vq_packed *p = &vq->packed;

	if (vq_broken(vq))
		return false;
	return vq_again(vq) ||
	       available(flags_acquire(&p->desc[pos_index(p->avail)]),
			 p->avail);
}

/* To the driver */

static void packed_push(struct vq *vq, u16 id, u32 len, u16 slots)
{
	struct vq_packed *p = &vq->packed;
	struct vring_packed_desc *desc = &p->desc[pos_index(p->used)];
	u16 flags = used_flags(p->used);

	/* virtio 1.3, 2.8.4: was anything written? */
	if (len)
		flags |= VRING_DESC_F_WRITE;
	desc->id = cpu_to_le16(id);
	desc->len = cpu_to_le32(len);
	if (p->first) {
		desc->flags = cpu_to_le16(flags);
	} else {
		p->first = desc;
		p->first_flags = flags;
	}
	p->used = pos_add(vq, p->used, slots);
	p->taken = (u16)(p->taken - slots);
	p->advanced = (u16)(p->advanced + slots);
}

/* Was the driver's position one of those that the used position passed? */
static bool event_passed(const struct vq *vq, u16 event, u16 advanced)
{
	u16 used = vq->packed.used;
	u16 new = pos_index(used);
	u16 at = pos_index(event);

	if ((event ^ used) & WRAP)
		at = (u16)(at - vq->size);
	return vring_need_event(at, new, (u16)(new - advanced));
}

static bool wants_call(const struct vq *vq, u16 advanced)
{
	u32 event;
	u16 flags;

	/* Pairs with the driver's full barrier between its write of the driver
	 * event and its read of the next descriptor's flags.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = event_read(vq->packed.driver_event);
	flags = (event >> 16) & 3;
	if (flags == VRING_PACKED_EVENT_FLAG_DESC && vq->event_idx)
		return event_passed(vq, (u16)event, advanced);
	return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
}

/*
 * The @advanced descriptors before the used position, which may go round the
 * ring's end.  SET_VRING_ADDR's log address is the device area's, the device
 * event here, and says nothing of where descriptors are: their own pages do.
 */
static void log_used(struct vq *vq, u16 advanced)
{
	const struct vq_packed *p = &vq->packed;
	u32 slot = pos_index(pos_sub(vq, p->used, advanced));
	u32 part = min((u32)advanced, vq->size - slot);

	dirty_mark_hva(vq->dirty, vq->mem, &p->desc[slot],
		       part * sizeof(*p->desc));
	dirty_mark_hva(vq->dirty, vq->mem, p->desc,
		       (advanced - part) * sizeof(*p->desc));
}

static bool packed_publish(struct vq *vq)
{
	struct vq_packed *p = &vq->packed;
	u16 advanced = p->advanced;
	bool first = !p->call_valid;

	if (!p->first)
		return false;
	if (vq->track)
		inflight_packed_stage(vq->track, p->used);
	flags_release(p->first, p->first_flags);
	if (vq->track)
		inflight_packed_commit(vq->track, p->used);
	if (unlikely(vq->log_ring))
		log_used(vq, advanced);
	p->first = NULL;
	p->advanced = 0;
	p->call_valid = true;
	/* What was asked for before we started we cannot know: call. */
	return wants_call(vq, advanced) || first;
}

static void packed_notify_off(struct vq *vq)
{
	if (!vq->notify_enabled || vq_broken(vq))
		return;
	vq->notify_enabled = false;
	event_write(vq, 0, VRING_PACKED_EVENT_FLAG_DISABLE);
}

static bool packed_notify_on(struct vq *vq)
{
	struct vq_packed *p = &vq->packed;

	if (vq_broken(vq))
		return false;
	vq->notify_enabled = true;
	if (vq->event_idx)
		event_write(vq, p->avail, VRING_PACKED_EVENT_FLAG_DESC);
	else
		event_write(vq, 0, VRING_PACKED_EVENT_FLAG_ENABLE);
	/* Pairs with the driver's full barrier between its write of a
	 * descriptor's flags and its read of the device event.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return packed_pending(vq);
}

const struct vq_layout_ops vq_packed_ops = {
	.start = packed_start,
	.pop = packed_pop,
	.push = packed_push,
	.publish = packed_publish,
	.unpop = packed_unpop,
	.notify_off = packed_notify_off,
	.notify_on = packed_notify_on,
	.pending = packed_pending,
	.base = packed_base,
};
