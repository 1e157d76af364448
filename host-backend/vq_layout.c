// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vq_layout - what the ring layouts are built from
 */
#include "vq_layout.h"

#include <assert.h>
#include <errno.h>

static_assert(sizeof(struct vring_desc) == sizeof(struct vring_packed_desc),
	      "a table's entries have one size in both layouts");

int vq_area_map(const struct vq_setup *s, const struct vq_area *area,
		void **out)
{
	void *hva = mem_uva_to_hva(s->mem, area->uva, area->len);

	if (!hva)
		return -EFAULT;
	if ((uintptr_t)hva % area->align)
		return -EINVAL;
	*out = hva;
	return 0;
}

int vq_log_check(const struct vq_setup *s, u64 len)
{
	if (!s->dirty || !s->log_ring ||
	    dirty_covers(s->dirty, s->ring_log, len))
		return 0;
	return -ERANGE;
}

static void *buffer_hva(struct vq *vq, const struct vq_desc *d)
{
	void *hva = vq_buffer_guess(vq, d);

	if (likely(hva))
		return hva;
	hva = mem_gpa_to_hva(vq->mem, d->addr, d->len);
	if (hva)
		vq->region_hint =
			(unsigned int)(mem_region_find(vq->mem, d->addr) -
				       vq->mem->region);
	return hva;
}

enum vq_fault vq_buffer_map(struct vq *vq, const struct vq_desc *d,
			    struct iovec *iov, unsigned int room,
			    unsigned int *added)
{
	int n;

	*added = 1;
	*iov = (struct iovec){ buffer_hva(vq, d), d->len };
	if (iov->iov_base)
		return VQ_FAULT_NONE;
	n = mem_gpa_to_iov(vq->mem, d->addr, d->len, iov, room);
	if (n < 0)
		return n == -ENOBUFS ? VQ_FAULT_IOV : VQ_FAULT_ADDRESS;
	*added = (unsigned int)n;
	return VQ_FAULT_NONE;
}

enum vq_fault vq_table_map(struct vq *vq, const struct vq_desc *d, void **table,
			   u32 *count)
{
	const u32 size = sizeof(struct vring_desc);
	void *hva;

	if (!vq->indirect || !d->len || d->len % size ||
	    d->len / size > VQ_SIZE_MAX)
		return VQ_FAULT_INDIRECT;
	/* Read in place, entry by entry, so it must be in one piece. */
	hva = buffer_hva(vq, d);
	if (!hva)
		return VQ_FAULT_ADDRESS;
	if ((uintptr_t)hva % __alignof__(struct vring_desc))
		return VQ_FAULT_INDIRECT;
	*table = hva;
	*count = d->len / size;
	return VQ_FAULT_NONE;
}

int vq_pop_again(struct vq *vq, struct vq_chain *chain,
		 enum vq_fault (*read)(struct vq *vq, struct vq_chain *chain,
				       u16 id))
{
	struct inflight_track *t = vq->track;
	enum vq_fault fault;

	fault = read(vq, chain, t->again[t->again_next]);
	if (fault) {
		vq_break(vq, fault);
		return -EPROTO;
	}
	t->again_next++;
	return 1;
}
