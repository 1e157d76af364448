// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vq_split - the split ring (virtio 1.3, 2.7)
 *
 * Theory of operation
 *
 *	desc[size]		a buffer's parts, chained by next
 *	avail: flags idx ring[size] used_event		written by the driver
 *	used:  flags idx ring[size] avail_event		written by us
 *
 *	avail_next <= avail_shadow <= avail->idx	taken, seen, made available
 *	used_published <= used_next			visible, staged
 *
 * all modulo 2^16.  avail->idx is read (acquire) only when what was seen has
 * been taken, used->idx is written (release) once per vq_publish().
 *
 * Two questions are asked across a full barrier, each side writing its own
 * word before it reads the other's, so that at least one of the two notices:
 *
 *	publish:	we write used->idx,	then read used_event / flags
 *			driver writes those,	then reads used->idx
 *	notify_on:	we write avail_event / flags, then read avail->idx
 *			driver writes avail->idx, then reads those
 *
 * A descriptor is copied into a local before anything of it is looked at.
 */
#include "vq_split.h"

#include <errno.h>

#include "vq_layout.h"

/* virtio 1.3, 2.7: alignment of the three areas. */
#define DESC_ALIGN  16
#define AVAIL_ALIGN 2
#define USED_ALIGN  4

#define USED_RING_OFF offsetof(struct vring_used, ring)

/* A descriptor table and how many entries it has: the ring's or an indirect. */
struct table {
	const struct vring_desc *desc;
	u32 size;
	bool indirect;
};

static struct vq_desc desc_copy(const struct vring_desc *desc)
{
	return (struct vq_desc){
		.addr = virtio64_to_cpu(READ_ONCE(desc->addr)),
		.len = virtio32_to_cpu(READ_ONCE(desc->len)),
		.flags = virtio16_to_cpu(READ_ONCE(desc->flags)),
	};
}

/* Pairs with the driver's write barrier before it moves avail->idx. */
static u16 avail_idx_acquire(const struct vq_split *s)
{
	return virtio16_to_cpu((__force __virtio16)__atomic_load_n(
		(__force u16 *)&s->avail->idx, __ATOMIC_ACQUIRE));
}

/* Pairs with the driver's read barrier after it has read used->idx. */
static void used_idx_release(struct vq_split *s, u16 idx)
{
	__atomic_store_n((__force u16 *)&s->used->idx,
			 (__force u16)cpu_to_virtio16(idx), __ATOMIC_RELEASE);
}

/* virtio 1.3, 2.7.10: the driver's word after the available ring. */
static u16 used_event(const struct vq *vq)
{
	return virtio16_to_cpu(READ_ONCE(vq->split.avail->ring[vq->size]));
}

/* virtio 1.3, 2.7.10: our word after the used ring. */
static void set_avail_event(struct vq *vq, u16 idx)
{
	__virtio16 *event = (__virtio16 *)&vq->split.used->ring[vq->size];

	WRITE_ONCE(*event, cpu_to_virtio16(idx));
	vq_wrote_ring(vq,
		      USED_RING_OFF +
			      vq->size * sizeof(struct vring_used_elem),
		      sizeof(*event));
}

/* virtio 1.3, 2.7.10: without EVENT_IDX this asks the driver to kick or not. */
static void set_used_flags(struct vq *vq, u16 flags)
{
	struct vring_used *used = vq->split.used;

	WRITE_ONCE(used->flags, cpu_to_virtio16(flags));
	vq_wrote_ring(vq, offsetof(struct vring_used, flags),
		      sizeof(used->flags));
}

static int areas_map(struct vq_split *split, const struct vq_setup *s)
{
	const u64 size = s->size;
	/* With the event words, which are there whether negotiated or not. */
	const struct vq_area areas[] = {
		{ s->desc_uva, size * sizeof(struct vring_desc), DESC_ALIGN },
		{ s->avail_uva, sizeof(struct vring_avail) + (size + 1) * 2,
		  AVAIL_ALIGN },
		{ s->used_uva,
		  USED_RING_OFF + size * sizeof(struct vring_used_elem) + 2,
		  USED_ALIGN },
	};
	void *hva[ARRAY_SIZE(areas)];
	int err;

	for (unsigned int i = 0; i < ARRAY_SIZE(areas); i++) {
		err = vq_area_map(s, &areas[i], &hva[i]);
		if (err)
			return err;
	}
	err = vq_log_check(s, areas[2].len);
	if (err)
		return err;
	split->desc = hva[0];
	split->avail = hva[1];
	split->used = hva[2];
	return 0;
}

/* What is in flight is neither in the used ring nor to be taken anew. */
static int track_start(struct vq *vq, const struct vq_setup *s)
{
	struct vq_split *split = &vq->split;
	int err;

	if (!s->inflight.hva)
		return 0;
	err = inflight_split_start(&vq->track, &s->inflight, vq->size,
				   split->used_next, s->inflight_fault);
	if (err || vq->track->fresh)
		return err;
	split->avail_next = (u16)(split->used_next + vq->track->recovered);
	split->avail_shadow = split->avail_next;
	return 0;
}

static int split_start(struct vq *vq, const struct vq_setup *s)
{
	struct vq_split *split = &vq->split;
	int err;

	/* virtio 1.3, 2.7: a power of 2 */
	if (s->size & (s->size - 1))
		return -EINVAL;
	if (s->base > UINT16_MAX)
		return -EINVAL;
	*split = (struct vq_split){
		.avail_shadow = (u16)s->base,
		.avail_next = (u16)s->base,
	};
	err = areas_map(split, s);
	if (err)
		return err;
	split->used_next = virtio16_to_cpu(READ_ONCE(split->used->idx));
	split->used_published = split->used_next;
	return track_start(vq, s);
}

/*
 * One more look at avail->idx, when all that had been seen is taken.
 * Return: something is there.
 */
static bool avail_refresh(struct vq *vq)
{
	struct vq_split *s = &vq->split;
	u16 idx = avail_idx_acquire(s);

	if (idx == s->avail_next)
		return false;
	if ((u16)(idx - s->avail_next) > vq->size) {
		vq_break(vq, VQ_FAULT_AVAIL_JUMP);
		return false;
	}
	s->avail_shadow = idx;
	return true;
}

/* virtio 1.3, 2.7.5.3.1: what a descriptor that refers to a table may say. */
static enum vq_fault indirect_open(struct vq *vq, const struct vq_desc *d,
				   struct table *table)
{
	enum vq_fault fault;
	void *desc;

	if (table->indirect || (d->flags & VRING_DESC_F_NEXT))
		return VQ_FAULT_INDIRECT;
	fault = vq_table_map(vq, d, &desc, &table->size);
	table->desc = desc;
	table->indirect = true;
	return fault;
}

static enum vq_fault chain_walk(struct vq *vq, struct vq_chain *chain,
				struct table table, u16 head)
{
	enum vq_fault fault;
	u32 index = head;
	u32 seen = 0;

	for (;;) {
		struct vq_desc d = desc_copy(&table.desc[index]);

		if (d.flags & VRING_DESC_F_INDIRECT) {
			fault = indirect_open(vq, &d, &table);
			if (fault)
				return fault;
			index = 0;
			seen = 0;
			continue;
		}
		fault = vq_chain_append(vq, chain, &d);
		if (unlikely(fault))
			return fault;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return VQ_FAULT_NONE;
		index = virtio16_to_cpu(READ_ONCE(table.desc[index].next));
		if (index >= table.size)
			return VQ_FAULT_NEXT;
		/* virtio 1.3, 2.7.5.2: no longer than the queue, so no loop */
		if (++seen >= table.size)
			return VQ_FAULT_LOOP;
	}
}

static enum vq_fault chain_read(struct vq *vq, struct vq_chain *chain, u16 head)
{
	struct table ring = { .desc = vq->split.desc, .size = vq->size };
	enum vq_fault fault;

	vq_chain_start(chain);
	chain->id = head;
	fault = chain_walk(vq, chain, ring, head);
	if (fault)
		return fault;
	return vq_take(vq, chain, 1);
}

static enum vq_fault chain_take(struct vq *vq, struct vq_chain *chain)
{
	struct vq_split *s = &vq->split;
	enum vq_fault fault;
	u16 head;

	head = virtio16_to_cpu(READ_ONCE(
		s->avail->ring[s->avail_next & (vq->size - 1)]));
	if (head >= vq->size)
		return VQ_FAULT_HEAD;
	fault = chain_read(vq, chain, head);
	if (fault)
		return fault;
	if (vq->track && unlikely(!inflight_split_take(vq->track, head)))
		return VQ_FAULT_ID;
	return VQ_FAULT_NONE;
}

static int split_pop(struct vq *vq, struct vq_chain *chain)
{
	struct vq_split *s = &vq->split;
	enum vq_fault fault;

	if (unlikely(vq_broken(vq)))
		return -EPROTO;
	if (vq_again(vq))
		return vq_pop_again(vq, chain, chain_read);
	if (s->avail_next == s->avail_shadow && !avail_refresh(vq))
		return vq_broken(vq) ? -EPROTO : 0;
	fault = chain_take(vq, chain);
	if (unlikely(fault)) {
		vq_break(vq, fault);
		return -EPROTO;
	}
	s->avail_next++;
	return 1;
}

static void split_unpop(struct vq *vq, u16 slots)
{
	vq->split.avail_next = (u16)(vq->split.avail_next - slots);
}

/* virtio 1.3, 2.7.9: an entry for several is where the first's would be. */
static void split_push(struct vq *vq, u16 id, u32 len, u16 slots)
{
	struct vq_split *s = &vq->split;
	struct vring_used_elem *elem =
		&s->used->ring[s->used_next & (vq->size - 1)];

	elem->id = cpu_to_virtio32(id);
	elem->len = cpu_to_virtio32(len);
	s->used_next = (u16)(s->used_next + slots);
}

static bool wants_call(struct vq *vq, u16 old, u16 new)
{
	/* Pairs with the driver's full barrier between its write of
	 * used_event or flags and its read of used->idx.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vq->event_idx)
		return vring_need_event(used_event(vq), new, old);
	return !(virtio16_to_cpu(READ_ONCE(vq->split.avail->flags)) &
		 VRING_AVAIL_F_NO_INTERRUPT);
}

/* Used entries from @first up to @end, which may go round the ring's end. */
static void log_used(struct vq *vq, u16 first, u16 end)
{
	const u64 entry = sizeof(struct vring_used_elem);
	u32 slot = first & (vq->size - 1u);
	u32 count = (u16)(end - first);
	u32 part = min(count, vq->size - slot);

	vq_wrote_ring(vq, USED_RING_OFF + slot * entry, part * entry);
	vq_wrote_ring(vq, USED_RING_OFF, (count - part) * entry);
	vq_wrote_ring(vq, offsetof(struct vring_used, idx),
		      sizeof(vq->split.used->idx));
}

static bool split_publish(struct vq *vq)
{
	struct vq_split *s = &vq->split;
	u16 old = s->kick_event_old;
	u16 new = s->used_next;
	bool first = !s->call_valid;

	if (new == s->used_published)
		return false;
	if (vq->track)
		inflight_split_stage(vq->track);
	used_idx_release(s, new);
	if (vq->track)
		inflight_split_commit(vq->track, new);
	if (unlikely(vq->log_ring))
		log_used(vq, s->used_published, new);
	s->used_published = new;
	s->kick_event_old = new;
	s->call_valid = true;
	/* What was asked for before we started we cannot know: call. */
	return wants_call(vq, old, new) || first;
}

static void split_notify_off(struct vq *vq)
{
	vq->notify_enabled = false;
	if (vq_broken(vq))
		return;
	/* With EVENT_IDX an avail_event that lies behind is off enough. */
	if (!vq->event_idx)
		set_used_flags(vq, VRING_USED_F_NO_NOTIFY);
}

static bool split_pending(struct vq *vq)
{
	struct vq_split *s = &vq->split;

	if (vq_broken(vq))
		return false;
	return vq_again(vq) || s->avail_next != s->avail_shadow ||
	       s->avail_next != avail_idx_acquire(s);
}

static bool split_notify_on(struct vq *vq)
{
	vq->notify_enabled = true;
	if (vq_broken(vq))
		return false;
	if (vq->event_idx)
		set_avail_event(vq, vq->split.avail_next);
	else
		set_used_flags(vq, 0);
	/* Pairs with the driver's full barrier between its write of
	 * avail->idx and its read of avail_event or flags.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return split_pending(vq);
}

static u32 split_base(const struct vq *vq)
{
	return vq->split.avail_next;
}

const struct vq_layout_ops vq_split_ops = {
	.start = split_start,
	.pop = split_pop,
	.push = split_push,
	.publish = split_publish,
	.unpop = split_unpop,
	.notify_off = split_notify_off,
	.notify_on = split_notify_on,
	.pending = split_pending,
	.base = split_base,
};
