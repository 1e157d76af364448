// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vq_order - VIRTIO_F_IN_ORDER: buffers go back in the order they came in
 */
#include "vq_order.h"

#include <stdlib.h>

/**
 * struct vq_order_buf - a buffer between vq_pop() and the ring
 * @in_len:	bytes that the device may write
 * @len:	bytes that it has written, where @done
 * @id:		as popped
 * @slots:	see vq_layout_ops
 */
struct vq_order_buf {
	u64 in_len;
	u32 len;
	u16 id;
	u16 slots;
	bool done;
};

/**
 * struct vq_order - what was taken, in that order, in a circle
 * @size:	of the circle: the ring's, so it cannot overflow where no id is
 *		taken twice
 * @head:	index of the oldest
 * @ready:	of the oldest that is not done
 * @tail:	where the next one goes
 * @due:	from @head to @ready
 * @at:		by buffer id: index in @bufs
 */
struct vq_order {
	u16 size;
	u16 head;
	u16 ready;
	u16 tail;
	u16 due;
	u16 *at;
	struct vq_order_buf bufs[];
};

struct vq_order *vq_order_new(u16 size)
{
	struct vq_order *order;

	order = calloc(1, sizeof(*order) + size * (sizeof(order->bufs[0]) +
						   sizeof(u16)));
	if (!order)
		return NULL;
	order->size = size;
	order->at = (u16 *)&order->bufs[size];
	return order;
}

static u16 next(const struct vq_order *order, u16 i)
{
	return (u16)(i + 1 == order->size ? 0 : i + 1);
}

void vq_order_take(struct vq_order *order, const struct vq_chain *chain,
		   u16 slots)
{
	order->bufs[order->tail] = (struct vq_order_buf){
		.in_len = chain->in_len,
		.id = chain->id,
		.slots = slots,
	};
	order->at[chain->id] = order->tail;
	order->tail = next(order, order->tail);
}

void vq_order_untake(struct vq_order *order)
{
	order->tail = (u16)(order->tail ? order->tail - 1 : order->size - 1);
}

void vq_push_ordered(struct vq *vq, u16 id, u32 len)
{
	struct vq_order *order = vq->order;
	struct vq_order_buf *buf = &order->bufs[order->at[id]];

	buf->len = len;
	buf->done = true;
	while (order->bufs[order->ready].done) {
		/* Cleared at once: a full circle comes by here again. */
		order->bufs[order->ready].done = false;
		order->ready = next(order, order->ready);
		order->due++;
		vq->staged++;
	}
}

void vq_stage_ordered(struct vq *vq)
{
	struct vq_order *order = vq->order;
	u16 slots = 0;

	while (order->due) {
		const struct vq_order_buf *buf = &order->bufs[order->head];

		slots = (u16)(slots + buf->slots);
		order->head = next(order, order->head);
		order->due--;
		if (vq->track)
			inflight_push(vq->track, buf->id);
		/* virtio 1.3, 2.7.9: one that is skipped was used completely */
		if (order->due && buf->len == buf->in_len)
			continue;
		vq->ops->push(vq, buf->id, buf->len, slots);
		slots = 0;
	}
}
