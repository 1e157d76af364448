// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * drv_split - the driver's side of a split ring (virtio 1.3, 2.7)
 *
 * Free descriptors are a list in private memory (drv_slot.next); the chain in
 * the shared table is written anew for every buffer, so a device that writes
 * there harms only itself.
 */
#include "drv_vq.h"

#include <errno.h>
#include <string.h>

static size_t avail_len(const struct drv_vq *vq)
{
	return sizeof(u16) * (3u + vq->size);
}

static size_t used_len(const struct drv_vq *vq)
{
	return sizeof(u16) * 3u + sizeof(struct vring_used_elem) * vq->size;
}

/* Fields with EVENT_IDX, behind the rings proper (virtio 1.3, 2.7.10). */
static __virtio16 *used_event(const struct drv_vq *vq)
{
	return &vq->avail->ring[vq->size];
}

static const __virtio16 *avail_event(const struct drv_vq *vq)
{
	return (const __virtio16 *)&vq->used->ring[vq->size];
}

int drv_split_place(struct drv_vq *vq, unsigned int region)
{
	vq->desc = drv_area_place(vq, region, sizeof(*vq->desc) * vq->size,
				  &vq->ring.desc);
	vq->avail = drv_area_place(vq, region, avail_len(vq), &vq->ring.avail);
	vq->used = drv_area_place(vq, region, used_len(vq), &vq->ring.used);
	if (!vq->desc || !vq->avail || !vq->used)
		return -ENOMEM;
	return 0;
}

static void split_reset(struct drv_vq *vq)
{
	memset(vq->desc, 0, sizeof(*vq->desc) * vq->size);
	memset(vq->avail, 0, avail_len(vq));
	memset(vq->used, 0, used_len(vq));
	drv_ids_reset(vq);
	vq->avail_next = 0;
	vq->avail_published = 0;
	vq->used_next = 0;
	vq->ring.base = 0;
}

/* QEMU knows the used index only. */
static void split_resume(struct drv_vq *vq)
{
	vq->ring.base = le16toh(READ_ONCE(*(const u16 *)&vq->used->idx));
}

static void desc_write(struct vring_desc *d, const struct drv_sg *sg,
		       bool write, bool more, u16 next)
{
	d->addr = (__force __virtio64)cpu_to_le64(sg->gpa);
	d->len = (__force __virtio32)cpu_to_le32(sg->len);
	d->flags = (__force __virtio16)cpu_to_le16(
		(u16)((write ? VRING_DESC_F_WRITE : 0) |
		      (more ? VRING_DESC_F_NEXT : 0)));
	d->next = (__force __virtio16)cpu_to_le16(more ? next : 0);
}

static void add_indirect(struct drv_vq *vq, u16 head, const struct drv_sg *sg,
			 unsigned int out, unsigned int in)
{
	struct vring_desc *table = vq->table + (size_t)head * vq->indirect_max;
	const size_t off = (size_t)head * vq->indirect_max * sizeof(*table);
	struct drv_sg all = {
		.gpa = vq->table_gpa + off,
		.len = (u32)((out + in) * sizeof(*table)),
	};
	unsigned int i;

	for (i = 0; i < out + in; i++)
		desc_write(&table[i], &sg[i], i >= out, i + 1 < out + in,
			   (u16)(i + 1));
	desc_write(&vq->desc[head], &all, false, false, 0);
	vq->desc[head].flags =
		(__force __virtio16)cpu_to_le16(VRING_DESC_F_INDIRECT);
}

static void add_direct(struct drv_vq *vq, u16 head, const struct drv_sg *sg,
		       unsigned int out, unsigned int in)
{
	unsigned int i;
	u16 at = head;
	u16 next;

	for (i = 0; i < out + in; i++) {
		next = vq->slots[at].next;
		desc_write(&vq->desc[at], &sg[i], i >= out, i + 1 < out + in,
			   next);
		at = next;
	}
}

static int split_add(struct drv_vq *vq, const struct drv_sg *sg,
		     unsigned int out, unsigned int in, u32 token)
{
	bool indirect = vq->use_indirect && out + in > 1 &&
			out + in <= vq->indirect_max;
	u16 count = indirect ? 1 : (u16)(out + in);
	u16 head = vq->free_head;
	u64 in_len = 0;
	unsigned int i;

	if (count > vq->free)
		return -ENOSPC;
	if (indirect)
		add_indirect(vq, head, sg, out, in);
	else
		add_direct(vq, head, sg, out, in);
	for (i = 0; i < count; i++)
		vq->free_head = vq->slots[vq->free_head].next;
	for (i = out; i < out + in; i++)
		in_len += sg[i].len;
	drv_buffer_taken(vq, head, token, in_len, count);
	vq->avail->ring[vq->avail_next & (vq->size - 1)] =
		(__force __virtio16)cpu_to_le16(head);
	vq->avail_next++;
	return head;
}

static bool split_publish(struct drv_vq *vq)
{
	u16 old = vq->avail_published;
	u16 new = vq->avail_next;
	u16 flags;
	u16 event;

	if (old == new)
		return false;
	/* Pairs with the device's acquire of the available index. */
	__atomic_store_n((u16 *)&vq->avail->idx, htole16(new),
			 __ATOMIC_RELEASE);
	vq->avail_published = new;
	/*
	 * Index before event: pairs with the device's full barrier between
	 * writing the event and its last look at the index.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vq->event_idx) {
		event = le16toh(READ_ONCE(*(const u16 *)avail_event(vq)));
		return vring_need_event(event, new, old);
	}
	flags = le16toh(READ_ONCE(*(const u16 *)&vq->used->flags));
	return !(flags & VRING_USED_F_NO_NOTIFY);
}

static bool split_pending(const struct drv_vq *vq)
{
	/* Pairs with the device's release of the used index. */
	u16 idx = __atomic_load_n((const u16 *)&vq->used->idx,
				  __ATOMIC_ACQUIRE);

	return le16toh(idx) != vq->used_next;
}

/*
 * To the end of the list where order was promised, so that descriptors are used
 * round the table (virtio 1.3, 2.7.5.1); else to its start.
 */
static void slots_free(struct drv_vq *vq, u16 head)
{
	u16 count = vq->slots[head].count;
	u16 last = head;
	u16 i;

	for (i = 1; i < count; i++)
		last = vq->slots[last].next;
	if (!vq->order.ids || !vq->free) {
		vq->slots[last].next = vq->free_head;
		vq->free_head = head;
	} else {
		vq->slots[vq->free_tail].next = head;
	}
	vq->free_tail = last;
	vq->free = (u16)(vq->free + count);
	vq->slots[head].count = 0;
}

static int split_reap(struct drv_vq *vq, struct drv_used *used)
{
	const struct vring_used_elem *e;
	int err;

	if (!split_pending(vq))
		return 0;
	e = &vq->used->ring[vq->used_next & (vq->size - 1)];
	err = drv_buffer_used(vq, le32toh((__force u32)READ_ONCE(e->id)),
			      le32toh((__force u32)READ_ONCE(e->len)), used);
	if (err < 0)
		return err;
	vq->used_next++;
	slots_free(vq, used->head);
	return 1;
}

static void split_calls_off(struct drv_vq *vq)
{
	if (!vq->event_idx)
		WRITE_ONCE(*(u16 *)&vq->avail->flags,
			   htole16(VRING_AVAIL_F_NO_INTERRUPT));
	/* With events the last one stays behind us, which calls at wrap only. */
}

static bool split_calls_on(struct drv_vq *vq)
{
	if (vq->event_idx)
		WRITE_ONCE(*(u16 *)used_event(vq), htole16(vq->used_next));
	else
		WRITE_ONCE(*(u16 *)&vq->avail->flags, 0);
	/*
	 * Event before the last look: pairs with the device's full barrier
	 * between publishing the used index and reading the event.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return split_pending(vq);
}

static u32 split_base(const struct drv_vq *vq)
{
	return vq->avail_published;
}

const struct drv_vq_ops drv_split_ops = {
	.reset = split_reset,
	.resume = split_resume,
	.add = split_add,
	.publish = split_publish,
	.reap = split_reap,
	.pending = split_pending,
	.calls_off = split_calls_off,
	.calls_on = split_calls_on,
	.base = split_base,
};
