// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_tx - frames from the guest's transmit buffers to a port
 */
#include "net_tx.h"

#include <errno.h>

#include "iov.h"

/* What a port's refusal is counted as. */
static enum net_drop refusal(int err)
{
	switch (err) {
	case -EIO:
		return NET_DROP_LINK_DOWN;
	case -ENOBUFS:
		return NET_DROP_PORT_FULL;
	case -ECANCELED:
		return NET_DROP_STOPPED;
	default:
		return NET_DROP_REFUSED;
	}
}

static void drop(struct net_tx *tx, u16 id, enum net_drop reason)
{
	tx->stats.drops[reason]++;
	vq_push(&tx->q->vq, id, 0);
}

/*
 * Turn a popped chain, with a free entry before its iov, into a frame.
 * virtio 1.3, 2.7.4.1: the header need not have a descriptor of its own.
 */
static enum net_drop frame_make(struct net_tx *tx, struct net_tx_frame *f,
				const struct vq_chain *chain)
{
	struct iov_span s = { .iov = chain->iov, .count = chain->out_num };
	struct net_hdr hdr = { 0 };
	enum net_drop bad;
	u64 data_len;

	if (chain->out_len < tx->hdr_len)
		return NET_DROP_RUNT;
	data_len = chain->out_len - tx->hdr_len;
	if (data_len > PORT_DATA_MAX)
		return NET_DROP_OVERSIZE;

	iov_pull(&s, &hdr, tx->hdr_len);
	bad = net_hdr_check_tx(&hdr, tx->features, data_len);
	if (bad)
		return bad;
	if (s.count >= PORT_IOV_MAX)
		return NET_DROP_OVERSIZE;

	f->hdr = hdr;
	f->id = chain->id;
	s.iov[-1] = (struct iovec){ &f->hdr, sizeof(f->hdr) };
	f->frame.iov = s.iov - 1;
	f->frame.iovcnt = s.count + 1;
	f->frame.len = (u32)(sizeof(f->hdr) + data_len);
	return NET_DROP_NONE;
}

/* Pop into iov[pos...]: 1, or 0 where there is nothing. */
static int pop(struct net_tx *tx, struct vq_chain *chain, unsigned int pos)
{
	struct queue *q = tx->q;
	int ret;

	*chain = (struct vq_chain){
		.iov = tx->iov + pos,
		.iov_max = VQ_CHAIN_IOV_MAX,
	};
	ret = vq_pop(&q->vq, chain);
	if (ret < 0)
		queue_fail(q);
	if (ret <= 0)
		return 0;
	return 1;
}

void net_tx_start(struct net_tx *tx, struct queue *q)
{
	tx->q = q;
	tx->features = q->setup.features;
	tx->hdr_len = net_hdr_len(tx->features);
	tx->inflight = 0;
}

unsigned int net_tx_take(struct net_tx *tx, unsigned int *popped)
{
	unsigned int pos = 1, n = 0, taken = 0;
	struct net_tx_frame *f;
	struct vq_chain chain;
	enum net_drop bad;

	while (taken < NET_TX_BATCH &&
	       pos + VQ_CHAIN_IOV_MAX <= NET_TX_IOV_MAX &&
	       pop(tx, &chain, pos)) {
		taken++;
		f = &tx->frames[n];
		bad = frame_make(tx, f, &chain);
		if (bad) {
			drop(tx, chain.id, bad);
			continue;
		}
		pos += chain.out_num + 1U;
		tx->batch[n++] = &f->frame;
		queue_get(tx->q);
	}
	tx->inflight = n;
	if (taken > n)
		queue_flush(tx->q);
	*popped = taken;
	return n;
}

unsigned int net_tx_discard(struct net_tx *tx)
{
	struct vq_chain chain;
	unsigned int n = 0;

	while (n < NET_TX_BATCH && pop(tx, &chain, 0)) {
		drop(tx, chain.id, NET_DROP_DISABLED);
		n++;
	}
	if (n)
		queue_flush(tx->q);
	return n;
}

void net_tx_sent(struct net_tx *tx, struct port_frame *frame, int res)
{
	struct net_tx_frame *f = container_of(frame, struct net_tx_frame, frame);
	struct queue *q = tx->q;

	if (res < 0) {
		drop(tx, f->id, refusal(res));
	} else {
		vq_push(&q->vq, f->id, 0);
		tx->stats.frames++;
		tx->stats.bytes += frame->len - sizeof(f->hdr);
	}
	/* One publication a batch. */
	if (--tx->inflight == 0)
		queue_flush(q);
	queue_put(q);
}
