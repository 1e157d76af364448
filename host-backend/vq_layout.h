/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vq_layout - what the ring layouts are built from; for vq_split.c and
 *	       vq_packed.c alone
 *
 * Areas and tables to pointers, descriptors to the iov of a chain, and the
 * record of what was taken.  A layout reads a descriptor once, into a struct
 * vq_desc; nothing here looks at a ring.
 */
#ifndef PV_VQ_LAYOUT_H
#define PV_VQ_LAYOUT_H

#include <linux/virtio_ring.h>

#include "vq.h"
#include "vq_order.h"

/**
 * struct vq_desc - a descriptor's part of a buffer, our copy
 * @addr:	guest-physical
 * @len:	bytes
 * @flags:	VRING_DESC_F_*, which mean the same in both layouts
 */
struct vq_desc {
	gpa_t addr;
	u32 len;
	u16 flags;
};

/** struct vq_area - a part of a ring, as the front end names it */
struct vq_area {
	u64 uva;
	u64 len;
	u64 align;
};

/**
 * vq_area_map() - pointer to a part of the ring
 *
 * Return: 0, -EFAULT (not inside one region of guest memory) or -EINVAL (not
 * aligned).
 */
int vq_area_map(const struct vq_setup *s, const struct vq_area *area,
		void **out);

/**
 * vq_log_check() - may writes to the device area, @len bytes, be logged?
 *
 * vhost-user, "Migration": also its last byte must have its bit in the log.
 *
 * Return: 0, also where nothing is logged, or -ERANGE.
 */
int vq_log_check(const struct vq_setup *s, u64 len);

/**
 * vq_table_map() - pointer to the table that an indirect descriptor refers to
 * @count:	its entries, 16 bytes each in both layouts
 *
 * Checked are length and place; which other flags @d may have is the layout's.
 */
enum vq_fault vq_table_map(struct vq *vq, const struct vq_desc *d, void **table,
			   u32 *count);

/**
 * vq_buffer_map() - entries at @iov for one descriptor's bytes, the slow way
 * @room:	entries that fit
 * @added:	entries written
 */
enum vq_fault vq_buffer_map(struct vq *vq, const struct vq_desc *d,
			    struct iovec *iov, unsigned int room,
			    unsigned int *added);

static inline void vq_chain_start(struct vq_chain *chain)
{
	chain->out_num = 0;
	chain->in_num = 0;
	chain->out_len = 0;
	chain->in_len = 0;
}

/* The region of the last look-up is the right one nearly always. */
static inline void *vq_buffer_guess(const struct vq *vq,
				    const struct vq_desc *d)
{
	if (unlikely(vq->region_hint >= vq->mem->count))
		return NULL;
	return mem_region_hva(&vq->mem->region[vq->region_hint], d->addr,
			      d->len);
}

/** vq_chain_append() - one descriptor's bytes to the end of @chain */
static inline enum vq_fault
vq_chain_append(struct vq *vq, struct vq_chain *chain, const struct vq_desc *d)
{
	unsigned int used = (unsigned int)chain->out_num + chain->in_num;
	unsigned int room = min(chain->iov_max, VQ_CHAIN_IOV_MAX) - used;
	struct iovec *iov = &chain->iov[used];
	unsigned int added = 1;
	enum vq_fault fault;

	/* virtio 1.3, 2.6.4.2: all writable ones after all readable ones */
	if (!(d->flags & VRING_DESC_F_WRITE) && chain->in_num)
		return VQ_FAULT_ORDER;
	if (!d->len)
		return VQ_FAULT_NONE;
	if (unlikely(!room))
		return VQ_FAULT_IOV;
	*iov = (struct iovec){ vq_buffer_guess(vq, d), d->len };
	if (unlikely(!iov->iov_base)) {
		fault = vq_buffer_map(vq, d, iov, room, &added);
		if (fault)
			return fault;
	}
	if (d->flags & VRING_DESC_F_WRITE) {
		chain->in_num = (u16)(chain->in_num + added);
		chain->in_len += d->len;
	} else {
		chain->out_num = (u16)(chain->out_num + added);
		chain->out_len += d->len;
	}
	return VQ_FAULT_NONE;
}

/**
 * vq_take() - a chain is complete: record it, where the ring keeps records
 * @slots:	see vq_layout_ops
 *
 * The last thing that may find a fault; then the layout moves on.
 */
static inline enum vq_fault vq_take(struct vq *vq, const struct vq_chain *chain,
				    u16 slots)
{
	if (!chain->out_num && !chain->in_num)
		return VQ_FAULT_EMPTY;
	if (!vq->slots)
		return VQ_FAULT_NONE;
	if (vq->slots[chain->id])
		return VQ_FAULT_ID;
	vq->slots[chain->id] = slots;
	if (vq->order)
		vq_order_take(vq->order, chain, slots);
	return VQ_FAULT_NONE;
}

/**
 * vq_pop_again() - pop what a dead daemon had taken, where vq_again()
 * @read:	fill @chain from where the layout keeps what the driver wrote
 */
int vq_pop_again(struct vq *vq, struct vq_chain *chain,
		 enum vq_fault (*read)(struct vq *vq, struct vq_chain *chain,
				       u16 id));

#endif /* PV_VQ_LAYOUT_H */
