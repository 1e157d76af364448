/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vq_order - VIRTIO_F_IN_ORDER: buffers go back in the order they came in
 *
 * A device may complete in any order.  Where the driver was promised order
 * (virtio 1.3, 2.7.9 and 2.8.9), what is done waits here for what was taken
 * before it, and all that is then due goes into the ring in as few entries as
 * the specification allows: an entry stands for itself and for those before it
 * that were read or written to their last byte.
 *
 *	    head	 ready	     tail
 *	-----|------------|-----------|-----
 *	     | done, due  | taken; at |
 *	     |		  | ready one |
 *	     |		  | not done  |
 *
 * vq_push() and vq_publish() come here by vq_push_ordered() and
 * vq_stage_ordered() (vq.h).
 */
#ifndef PV_VQ_ORDER_H
#define PV_VQ_ORDER_H

#include "vq.h"

/** vq_order_new() - for a ring of @size entries; NULL without memory */
struct vq_order *vq_order_new(u16 size);

/** vq_order_take() - a buffer was popped */
void vq_order_take(struct vq_order *order, const struct vq_chain *chain,
		   u16 slots);

/** vq_order_untake() - the latest one popped never was */
void vq_order_untake(struct vq_order *order);

#endif /* PV_VQ_ORDER_H */
