// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vq - what is the same for every ring layout
 */
#include "vq.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "vq_split.h"

static const char *const fault_names[] = {
	[VQ_FAULT_NONE] = "none",
	[VQ_FAULT_AVAIL_JUMP] = "available index jumped by more than the ring size",
	[VQ_FAULT_HEAD] = "head index out of range",
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

int vq_start(struct vq *vq, const struct vq_setup *s)
{
	return vq_split_ops.start(vq, s);
}

void vq_stop(struct vq *vq)
{
	memset(vq, 0, sizeof(*vq));
}

void vq_break(struct vq *vq, enum vq_fault fault)
{
	if (!vq_broken(vq))
		vq->fault = fault;
}
