// SPDX-License-Identifier: GPL-2.0
/*
 * rx - receive: NAPI, buffers to sk_buffs, the device's claims checked
 *
 * Theory of operation
 *
 * A frame arrives in one buffer or, in MERGE mode, in the number of buffers
 * its header names.  The protocol headers are copied to the sk_buff's linear
 * part, so that GRO can append the rest, which stays in the buffer's page.
 * Any lie (length, number of buffers, offload fields) drops the frame, frees
 * or posts again all its buffers, and is counted; the loop over a frame's
 * buffers ends at the latest when the virtqueue has no more of them.
 */
#include <linux/skbuff.h>
#include <linux/tcp.h>

#include "pvnet.h"

/* Linear part of a frame that is not copied whole. */
#define LINEAR_BYTES		PVNET_COPY_MAX

/* One frame on its way from the virtqueue to the stack. */
struct rx_frame {
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct sk_buff *skb;	/* head, carries the totals */
	struct sk_buff *tail;	/* where fragments are added */
	struct pvnet_rxbuf buf;
	unsigned int used;	/* bytes of buf in use, checked */
};

static void count_drop(struct pvnet_rxq *rxq, enum pvnet_rx_counter why)
{
	pvnet_count(&rxq->counters, why, 1);
}

static void report_lie(struct pvnet_rxq *rxq, enum pvnet_rx_counter why,
		       unsigned int value)
{
	static const char *const what[PVNET_RX_NUM] = {
		[PVNET_RX_DROP_BAD_LENGTH] = "used length",
		[PVNET_RX_DROP_BAD_COUNT] = "number of buffers",
		[PVNET_RX_DROP_BAD_CSUM] = "checksum position",
		[PVNET_RX_DROP_BAD_GSO] = "segmentation fields",
	};

	count_drop(rxq, why);
	if (net_ratelimit())
		netdev_err(rxq->pn->dev,
			   "queue %u: bad %s from the device (%u), frame dropped\n",
			   rxq->index, what[why], value);
}

/* Bytes to copy to the linear part: headers only, because GRO merges frames
 * without copying only then.  A partial TCP checksum says where they end.
 */
static unsigned int header_bytes(struct net_device *dev, const void *data,
				 unsigned int len,
				 const struct pvnet_offload *off)
{
	unsigned int room = min(len, LINEAR_BYTES);
	unsigned int end = off->csum_start;
	const struct tcphdr *th;

	if (off->csum != PVNET_CSUM_PARTIAL || off->gso == PVNET_GSO_UFO ||
	    off->csum_offset != offsetof(struct tcphdr, check) ||
	    end + sizeof(*th) > room)
		return eth_get_headlen(dev, data, room);
	th = data + end;
	end += th->doff * 4;
	return end > room ? room : max_t(unsigned int, end, ETH_HLEN);
}

static void add_page(struct rx_frame *f, struct page *page, unsigned int off,
		     unsigned int len, unsigned int truesize)
{
	unsigned int nr = skb_shinfo(f->tail)->nr_frags;

	if (skb_can_coalesce(f->tail, nr, page, off)) {
		skb_coalesce_rx_frag(f->tail, nr - 1, len, truesize);
		put_page(page);
	} else {
		skb_add_rx_frag(f->tail, nr, page, off, len, truesize);
	}
	if (f->tail != f->skb) {
		f->skb->len += len;
		f->skb->data_len += len;
		f->skb->truesize += truesize;
	}
}

/* More small buffers than one sk_buff can name continue in another. */
static bool extend(struct pvnet_rxq *rxq, struct rx_frame *f)
{
	struct sk_buff *next;

	if (likely(skb_shinfo(f->tail)->nr_frags < MAX_SKB_FRAGS))
		return true;
	next = napi_alloc_skb(&rxq->napi, 0);
	if (!next)
		return false;
	if (f->tail == f->skb)
		skb_shinfo(f->skb)->frag_list = next;
	else
		f->tail->next = next;
	f->skb->truesize += next->truesize;
	f->tail = next;
	return true;
}

/* Adds bytes [skip, used) of the current buffer and gives it away. */
static void add_buffer(struct pvnet_rxq *rxq, struct rx_frame *f,
		       unsigned int skip)
{
	struct page *page = virt_to_head_page(f->buf.addr);
	unsigned int off = f->buf.addr - page_address(page);
	unsigned int truesize = pvnet_buf_take(rxq, &f->buf, f->used);

	add_page(f, page, off + skip, f->used - skip, truesize);
}

static struct sk_buff *copy_whole(struct pvnet_rxq *rxq, const void *frame,
				  unsigned int len)
{
	struct sk_buff *skb = napi_alloc_skb(&rxq->napi, len);

	if (likely(skb)) {
		skb_put_data(skb, frame, len);
		pvnet_count(&rxq->counters, PVNET_RX_COPIED, 1);
	}
	return skb;
}

/* First buffer in MERGE and SINGLE mode; the buffer is gone afterwards. */
static int start_frame(struct pvnet_rxq *rxq, struct rx_frame *f,
		       const struct pvnet_offload *off, bool whole)
{
	unsigned int hdr_bytes = rxq->pn->hdr.bytes;
	const void *frame = f->buf.addr + hdr_bytes;
	unsigned int len = f->used - hdr_bytes;
	unsigned int copy;

	if (whole && len <= PVNET_COPY_MAX) {
		f->skb = copy_whole(rxq, frame, len);
		pvnet_buf_repost(rxq, &f->buf);
		return f->skb ? 0 : -ENOMEM;
	}
	f->skb = napi_alloc_skb(&rxq->napi, LINEAR_BYTES);
	if (unlikely(!f->skb)) {
		pvnet_buf_repost(rxq, &f->buf);
		return -ENOMEM;
	}
	f->tail = f->skb;
	copy = header_bytes(rxq->pn->dev, frame, len, off);
	skb_put_data(f->skb, frame, copy);
	if (copy == len)
		pvnet_buf_repost(rxq, &f->buf);
	else
		add_buffer(rxq, f, hdr_bytes + copy);
	return 0;
}

/* virtio 1.3, 5.1.6.4: the rest of a frame follows at once. */
static bool next_buffer(struct pvnet_rxq *rxq, struct rx_frame *f)
{
	if (!pvnet_buf_get(rxq, &f->buf, &f->used)) {
		report_lie(rxq, PVNET_RX_DROP_BAD_COUNT, 0);
		return false;
	}
	if (!f->used || f->used > f->buf.len ||
	    f->skb->len + f->used > PVNET_FRAME_MAX + VLAN_HLEN) {
		report_lie(rxq, PVNET_RX_DROP_BAD_LENGTH, f->used);
		pvnet_buf_repost(rxq, &f->buf);
		return false;
	}
	return true;
}

static void discard_buffers(struct pvnet_rxq *rxq, unsigned int num)
{
	struct pvnet_rxbuf buf;
	unsigned int used;

	while (num-- && pvnet_buf_get(rxq, &buf, &used))
		pvnet_buf_repost(rxq, &buf);
}

static int add_rest(struct pvnet_rxq *rxq, struct rx_frame *f,
		    unsigned int num)
{
	while (num--) {
		if (!next_buffer(rxq, f)) {
			discard_buffers(rxq, num);
			return -EINVAL;
		}
		if (!extend(rxq, f)) {
			count_drop(rxq, PVNET_RX_DROP_NO_MEMORY);
			pvnet_buf_repost(rxq, &f->buf);
			discard_buffers(rxq, num);
			return -ENOMEM;
		}
		add_buffer(rxq, f, 0);
	}
	return 0;
}

/* A chain's pages go to the stack one by one, a short frame by copy. */
static int start_chain(struct pvnet_rxq *rxq, struct rx_frame *f,
		       const struct pvnet_offload *off)
{
	struct pvnet_chain *chain = f->buf.addr;
	unsigned int skip = rxq->pn->hdr.bytes;
	unsigned int left = f->used - skip;
	unsigned int i, n, copy;
	const void *frame;

	static_assert(PVNET_CHAIN_PAGES <= MAX_SKB_FRAGS);

	frame = page_address(chain->page[0]) + skip;
	n = min_t(unsigned int, left, PAGE_SIZE - skip);
	f->skb = napi_alloc_skb(&rxq->napi, LINEAR_BYTES);
	f->tail = f->skb;
	if (likely(f->skb)) {
		copy = left;
		if (left > PVNET_COPY_MAX)
			copy = header_bytes(rxq->pn->dev, frame, n, off);
		else
			pvnet_count(&rxq->counters, PVNET_RX_COPIED, 1);
		skb_put_data(f->skb, frame, copy);
		skip += copy;
		left -= copy;
		for (i = 0; left; i++, skip = 0, left -= n) {
			n = min_t(unsigned int, left, PAGE_SIZE - skip);
			add_page(f, chain->page[i], skip, n, PAGE_SIZE);
			chain->page[i] = NULL;
		}
	}
	pvnet_buf_repost(rxq, &f->buf);
	return f->skb ? 0 : -ENOMEM;
}

static bool decode(struct pvnet_rxq *rxq, const struct rx_frame *f,
		   unsigned int frame_bytes, struct pvnet_offload *off)
{
	const struct pvnet_hdr_format *fmt = &rxq->pn->hdr;

	switch (pvnet_hdr_decode(&f->hdr, fmt, frame_bytes, off)) {
	case PVNET_HDR_OK:
		return true;
	case PVNET_HDR_BAD_CSUM:
		report_lie(rxq, PVNET_RX_DROP_BAD_CSUM, frame_bytes);
		return false;
	default:
		report_lie(rxq, PVNET_RX_DROP_BAD_GSO, f->hdr.hdr.gso_type);
		return false;
	}
}

/* Reads the header and the number of buffers of a frame.
 * Return: 0 if they cannot be believed.
 */
static unsigned int open_frame(struct pvnet_rxq *rxq, struct rx_frame *f)
{
	const struct pvnet_hdr_format *fmt = &rxq->pn->hdr;
	unsigned int num = 1;
	const void *hdr;

	if (f->used > f->buf.len || f->used < fmt->bytes + ETH_HLEN ||
	    f->used - fmt->bytes > PVNET_FRAME_MAX + VLAN_HLEN) {
		report_lie(rxq, PVNET_RX_DROP_BAD_LENGTH, f->used);
		return 0;
	}
	hdr = f->buf.addr;
	if (rxq->pn->rx_mode == PVNET_RX_CHAIN)
		hdr = page_address(((struct pvnet_chain *)hdr)->page[0]);
	memcpy(&f->hdr, hdr, fmt->bytes);
	if (rxq->pn->rx_mode == PVNET_RX_MERGE) {
		num = pvnet_hdr_num_buffers(&f->hdr, fmt);
		if (!num || num > virtqueue_get_vring_size(rxq->vq)) {
			report_lie(rxq, PVNET_RX_DROP_BAD_COUNT, num);
			return 0;
		}
	}
	return num;
}

/* Collects a frame's buffers.  Return: NULL if dropped and counted. */
static struct sk_buff *build(struct pvnet_rxq *rxq, struct rx_frame *f,
			     struct pvnet_offload *off)
{
	unsigned int num = open_frame(rxq, f);
	unsigned int frame_bytes;
	int err;

	frame_bytes = num > 1 ? PVNET_FRAME_MAX : f->used - rxq->pn->hdr.bytes;
	if (!num || !decode(rxq, f, frame_bytes, off)) {
		pvnet_buf_repost(rxq, &f->buf);
		discard_buffers(rxq, num ? num - 1 : 0);
		return NULL;
	}
	if (rxq->pn->rx_mode == PVNET_RX_CHAIN)
		err = start_chain(rxq, f, off);
	else
		err = start_frame(rxq, f, off, num == 1);
	if (unlikely(err)) {
		count_drop(rxq, PVNET_RX_DROP_NO_MEMORY);
		discard_buffers(rxq, num - 1);
		return NULL;
	}
	if (num > 1 && (add_rest(rxq, f, num - 1) ||
			!decode(rxq, f, f->skb->len, off))) {
		dev_kfree_skb_any(f->skb);
		return NULL;
	}
	if (skb_is_nonlinear(f->skb))
		pvnet_buf_learn(rxq, f->skb->len + rxq->pn->hdr.bytes);
	return f->skb;
}

static bool set_csum(struct sk_buff *skb, const struct pvnet_offload *off)
{
	switch (off->csum) {
	case PVNET_CSUM_NONE:
		return true;
	case PVNET_CSUM_VALID:
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		return true;
	case PVNET_CSUM_PARTIAL:
		break;
	}
	return pskb_may_pull(skb, off->csum_start + off->csum_offset +
				  sizeof(__sum16)) &&
	       skb_partial_csum_set(skb, off->csum_start, off->csum_offset);
}

/* The stack checks a DODGY frame again before it segments it. */
static bool set_gso(struct sk_buff *skb, const struct pvnet_offload *off)
{
	static const struct {
		unsigned int type;
		u16 protocol;
	} kind[] = {
		[PVNET_GSO_TCP4] = { SKB_GSO_TCPV4, ETH_P_IP },
		[PVNET_GSO_TCP6] = { SKB_GSO_TCPV6, ETH_P_IPV6 },
		[PVNET_GSO_UFO] = { SKB_GSO_UDP, 0 },
	};
	u16 protocol = kind[off->gso].protocol;

	if (off->gso == PVNET_GSO_NONE)
		return true;
	if (protocol && !eth_type_vlan(skb->protocol) &&
	    skb->protocol != htons(protocol))
		return false;
	skb_shinfo(skb)->gso_size = off->gso_size;
	skb_shinfo(skb)->gso_segs = 0;
	skb_shinfo(skb)->gso_type = kind[off->gso].type | SKB_GSO_DODGY;
	if (off->ecn)
		skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_ECN;
	return true;
}

static void deliver(struct pvnet_rxq *rxq, struct sk_buff *skb,
		    const struct pvnet_offload *off)
{
	if (unlikely(!set_csum(skb, off))) {
		report_lie(rxq, PVNET_RX_DROP_BAD_CSUM, off->csum_start);
		dev_kfree_skb_any(skb);
		return;
	}
	skb->protocol = eth_type_trans(skb, rxq->pn->dev);
	if (unlikely(!set_gso(skb, off))) {
		report_lie(rxq, PVNET_RX_DROP_BAD_GSO, ntohs(skb->protocol));
		dev_kfree_skb_any(skb);
		return;
	}
	skb_record_rx_queue(skb, rxq->index);
	napi_gro_receive(&rxq->napi, skb);
}

static int receive(struct pvnet_rxq *rxq, int budget)
{
	unsigned int packets = 0, bytes = 0;
	struct pvnet_offload off;
	struct rx_frame f;
	int done;

	for (done = 0; done < budget; done++) {
		if (!pvnet_buf_get(rxq, &f.buf, &f.used))
			break;
		if (unlikely(!build(rxq, &f, &off)))
			continue;
		packets++;
		bytes += f.skb->len;
		deliver(rxq, f.skb, &off);
	}
	pvnet_count(&rxq->counters, PVNET_RX_PACKETS, packets);
	pvnet_count(&rxq->counters, PVNET_RX_BYTES, bytes);
	return done;
}

/* Callbacks are off from here to the end of the poll that finds no more. */
static void schedule_poll(struct pvnet_rxq *rxq)
{
	if (!napi_schedule_prep(&rxq->napi))
		return;
	virtqueue_disable_cb(rxq->vq);
	__napi_schedule(&rxq->napi);
}

/**
 * pvnet_rx_callback() - interrupt of a receive virtqueue
 * @vq: the virtqueue
 */
void pvnet_rx_callback(struct virtqueue *vq)
{
	struct pvnet_rxq *rxq = pvnet_rxq_of(vq);

	rxq->callbacks++;
	schedule_poll(rxq);
}

/**
 * pvnet_rx_retry() - poll again, and so refill, after memory ran out
 * @work: retry of a struct pvnet_rxq
 */
void pvnet_rx_retry(struct work_struct *work)
{
	struct pvnet_rxq *rxq = container_of(to_delayed_work(work),
					     struct pvnet_rxq, retry);

	local_bh_disable();
	schedule_poll(rxq);
	local_bh_enable();
}

/**
 * pvnet_rx_poll() - NAPI poll of a receive virtqueue
 * @napi: of a struct pvnet_rxq
 * @budget: frames at most
 *
 * Return: frames taken, bad ones included.
 */
int pvnet_rx_poll(struct napi_struct *napi, int budget)
{
	struct pvnet_rxq *rxq = container_of(napi, struct pvnet_rxq, napi);
	unsigned int opaque;
	int done;

	pvnet_tx_reap_idle(&rxq->pn->txq[rxq->index]);
	done = receive(rxq, budget);
	if (!pvnet_buf_refill(rxq, GFP_ATOMIC))
		schedule_delayed_work(&rxq->retry, HZ / 10);
	pvnet_buf_kick(rxq);
	if (done >= budget)
		return done;

	opaque = virtqueue_enable_cb_prepare(rxq->vq);
	if (!napi_complete_done(napi, done))
		virtqueue_disable_cb(rxq->vq);
	else if (unlikely(virtqueue_poll(rxq->vq, opaque)))
		schedule_poll(rxq);
	return done;
}
