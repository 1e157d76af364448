// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_fake_vq - a virtqueue whose driver is the test
 */
#include "net_fake_vq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static struct fake_vq *fake_of(const struct vq *vq)
{
	return container_of(vq, struct fake_vq, q.vq);
}

static int fake_pop(struct vq *vq, struct vq_chain *chain)
{
	struct fake_vq *f = fake_of(vq);
	const struct fake_buf *buf = &f->bufs[f->next];
	unsigned int i;

	if (vq_broken(vq))
		return -EPROTO;
	if (f->next == f->avail)
		return 0;
	chain->id = (u16)f->next++;
	chain->out_num = (u16)buf->out_num;
	chain->in_num = (u16)buf->in_num;
	chain->out_len = 0;
	chain->in_len = 0;
	for (i = 0; i < buf->out_num + buf->in_num; i++) {
		chain->iov[i] = buf->iov[i];
		if (i < buf->out_num)
			chain->out_len += buf->iov[i].iov_len;
		else
			chain->in_len += buf->iov[i].iov_len;
	}
	return 1;
}

static void fake_push(struct vq *vq, u16 id, u32 len, u16 slots)
{
	struct fake_vq *f = fake_of(vq);

	f->push_id[f->pushed] = id;
	f->push_len[f->pushed] = len;
	f->pushed++;
}

static const struct vq_layout_ops fake_ops = {
	.pop = fake_pop,
	.push = fake_push,
};

void fake_vq_init(struct fake_vq *f, u64 features)
{
	memset(f, 0, sizeof(*f));
	f->q.vq.ops = &fake_ops;
	f->q.vq.size = FAKE_RING;
	f->q.setup.features = features;
}

void fake_vq_add(struct fake_vq *f, const struct iovec *iov, unsigned int out,
		 unsigned int in)
{
	struct fake_buf *buf = &f->bufs[f->avail++];

	memcpy(buf->iov, iov, (out + in) * sizeof(*iov));
	buf->out_num = out;
	buf->in_num = in;
}

/* What queue.c and vq.c do for a real one. */

void vq_break(struct vq *vq, enum vq_fault fault)
{
	vq->fault = fault;
}

void vq_unpop(struct vq *vq, u16 id)
{
	/* The latest first. */
	assert_int_equal(id, --fake_of(vq)->next);
}

void vq_push_ordered(struct vq *vq, u16 id, u32 len)
{
	fail();
}

void vq_stage_ordered(struct vq *vq)
{
	fail();
}

void queue_fail(struct queue *q)
{
	container_of(q, struct fake_vq, q)->failures++;
}

void queue_flush(struct queue *q)
{
	container_of(q, struct fake_vq, q)->flushes++;
}

void queue_put(struct queue *q)
{
	q->inflight--;
}
