// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vq - what is the same for every ring layout
 */
#include "vq.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vq_order.h"
#include "vq_packed.h"
#include "vq_split.h"

static const char *const fault_names[] = {
	[VQ_FAULT_NONE] = "none",
	[VQ_FAULT_AVAIL_JUMP] = "more made available than the ring has entries",
	[VQ_FAULT_HEAD] = "head index out of range",
	[VQ_FAULT_ID] = "buffer id out of range or in use",
	[VQ_FAULT_PARTIAL] = "descriptor chain goes on where nothing is available",
	[VQ_FAULT_NEXT] = "next index out of range",
	[VQ_FAULT_LOOP] = "descriptor chain longer than its table",
	[VQ_FAULT_ORDER] = "readable descriptor after a writable one",
	[VQ_FAULT_INDIRECT] = "bad indirect descriptor",
	[VQ_FAULT_ADDRESS] = "buffer outside guest memory",
	[VQ_FAULT_IOV] = "descriptor chain with too many parts",
	[VQ_FAULT_EMPTY] = "descriptor chain without a byte",
	[VQ_FAULT_ANSWER] = "descriptor chain without room for its answer",
	[VQ_FAULT_MEMORY] = "no memory to run it with",
	[VQ_FAULT_LOST] = "guest memory is gone, its file was cut short",
	[VQ_FAULT_SHORT] = "buffer shorter than the device's header",
};
static_assert(ARRAY_SIZE(fault_names) == VQ_FAULT_MAX,
	      "every fault has a name");

const char *vq_fault_name(enum vq_fault fault)
{
	return fault_names[fault];
}

static void records_free(struct vq *vq)
{
	free(vq->slots);
	free(vq->order);
}

static int records_alloc(struct vq *vq, u64 features)
{
	bool ordered = features & BIT_ULL(VIRTIO_F_IN_ORDER);

	if (!ordered && vq->ops != &vq_packed_ops)
		return 0;
	vq->slots = calloc(vq->size, sizeof(*vq->slots));
	if (ordered)
		vq->order = vq_order_new(vq->size);
	if (vq->slots && (vq->order || !ordered))
		return 0;
	records_free(vq);
	return -ENOMEM;
}

int vq_start(struct vq *vq, const struct vq_setup *s)
{
	bool packed = s->features & BIT_ULL(VIRTIO_F_RING_PACKED);
	struct vq fresh = {
		.ops = packed ? &vq_packed_ops : &vq_split_ops,
		.mem = s->mem,
		.event_idx = s->features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
		.indirect = s->features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
		.notify_enabled = true,
		.dirty = s->dirty,
		.log_ring = s->dirty && s->log_ring,
		.ring_log = s->ring_log,
	};
	int err;

	if (!s->size || s->size > VQ_SIZE_MAX)
		return -EINVAL;
	fresh.size = (u16)s->size;
	err = fresh.ops->start(&fresh, s);
	if (err)
		return err;
	err = records_alloc(&fresh, s->features);
	if (err) {
		inflight_track_free(fresh.track);
		return err;
	}
	vq_stop(vq);
	*vq = fresh;
	return 0;
}

void vq_stop(struct vq *vq)
{
	records_free(vq);
	inflight_track_free(vq->track);
	memset(vq, 0, sizeof(*vq));
}

void vq_unpop(struct vq *vq, u16 id)
{
	u16 slots = 1;

	assert(!vq->track);
	if (vq->slots) {
		slots = vq->slots[id];
		vq->slots[id] = 0;
	}
	if (vq->order)
		vq_order_untake(vq->order);
	vq->ops->unpop(vq, slots);
}

void vq_break(struct vq *vq, enum vq_fault fault)
{
	if (!vq_broken(vq))
		vq->fault = fault;
}
