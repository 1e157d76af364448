// SPDX-License-Identifier: GPL-2.0
/*
 * tx - transmit: sk_buff to descriptors, completion, stop and wake
 *
 * Theory of operation
 *
 *	xmit:	reap what is complete, add, stop if the ring is nearly full,
 *		on the last frame of a batch one kick, then arm the interrupt
 *	poll:	reap, wake, arm the interrupt for the rest
 *
 * Both hold the stack's TX queue lock, so the virtqueue has one user at a
 * time and stop and wake cannot race.  Reaping with the interrupt armed would
 * cost a barrier a buffer, so the first completion found disarms it.
 */
#include "pvnet.h"

/* The header of a frame without headroom; the rest of cb is the stack's. */
struct tx_cb {
	struct virtio_net_hdr_mrg_rxbuf hdr;
};

static void count(struct pvnet_txq *txq, enum pvnet_tx_counter which)
{
	pvnet_count(&txq->counters, which, 1);
}

/* Ends at the latest when everything ever added has come back. */
static unsigned int reap(struct pvnet_txq *txq, int budget)
{
	unsigned int packets = 0, bytes = 0;
	struct sk_buff *skb;
	unsigned int len;

	skb = virtqueue_get_buf(txq->vq, &len);
	if (!skb)
		return 0;
	txq->armed = false;
	virtqueue_disable_cb(txq->vq);
	do {
		packets++;
		bytes += skb->len;
		napi_consume_skb(skb, budget);
	} while ((skb = virtqueue_get_buf(txq->vq, &len)));

	netdev_tx_completed_queue(txq->nq, packets, bytes);
	pvnet_count(&txq->counters, PVNET_TX_PACKETS, packets);
	pvnet_count(&txq->counters, PVNET_TX_BYTES, bytes);
	return packets;
}

/* Asks for an interrupt after three quarters of what is outstanding.
 * Return: false if that many are complete already and a poll is needed.
 */
static bool arm(struct pvnet_txq *txq)
{
	txq->armed = true;
	return virtqueue_enable_cb_delayed(txq->vq) ||
	       virtqueue_is_broken(txq->vq);
}

static void wake(struct pvnet_txq *txq)
{
	if (!netif_tx_queue_stopped(txq->nq) ||
	    txq->vq->num_free < txq->stop_free)
		return;
	count(txq, PVNET_TX_WAKES);
	netif_tx_wake_queue(txq->nq);
}

static void read_gso(const struct sk_buff *skb, struct pvnet_offload *off)
{
	unsigned int type = skb_shinfo(skb)->gso_type;

	if (type & SKB_GSO_TCPV4)
		off->gso = PVNET_GSO_TCP4;
	else if (type & SKB_GSO_TCPV6)
		off->gso = PVNET_GSO_TCP6;
	else if (type & SKB_GSO_UDP)
		off->gso = PVNET_GSO_UFO;
	off->ecn = type & SKB_GSO_TCP_ECN;
	off->gso_size = skb_shinfo(skb)->gso_size;
	off->hdr_len = skb_headlen(skb);
}

static int write_hdr(struct pvnet_txq *txq, const struct sk_buff *skb,
		     struct virtio_net_hdr_mrg_rxbuf *hdr)
{
	struct pvnet_offload off = { .csum = PVNET_CSUM_NONE };

	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		off.csum = PVNET_CSUM_PARTIAL;
		off.csum_start = skb_checksum_start_offset(skb);
		off.csum_offset = skb->csum_offset;
	}
	if (skb_is_gso(skb)) {
		read_gso(skb, &off);
		if (off.gso == PVNET_GSO_NONE)
			return -EINVAL;
	}
	return pvnet_hdr_encode(&off, &txq->pn->hdr, hdr);
}

/* The header goes into the headroom if the frame is ours alone. */
static bool hdr_fits(const struct pvnet *pn, const struct sk_buff *skb)
{
	unsigned long align = __alignof__(struct virtio_net_hdr_mrg_rxbuf);

	return pn->any_layout && skb_headroom(skb) >= pn->hdr.bytes &&
	       !skb_header_cloned(skb) &&
	       IS_ALIGNED((unsigned long)skb->data - pn->hdr.bytes, align);
}

static int map_frame(struct pvnet_txq *txq, struct sk_buff *skb,
		     const struct virtio_net_hdr_mrg_rxbuf *hdr)
{
	unsigned int hdr_bytes = txq->pn->hdr.bytes;
	struct tx_cb *cb = (struct tx_cb *)skb->cb;
	int num;

	BUILD_BUG_ON(sizeof(*cb) > sizeof(skb->cb));
	sg_init_table(txq->sg, skb_shinfo(skb)->nr_frags + 2);
	if (hdr_fits(txq->pn, skb)) {
		memcpy(__skb_push(skb, hdr_bytes), hdr, hdr_bytes);
		num = skb_to_sgvec(skb, txq->sg, 0, skb->len);
		__skb_pull(skb, hdr_bytes);
		return num;
	}
	cb->hdr = *hdr;
	sg_set_buf(txq->sg, &cb->hdr, hdr_bytes);
	num = skb_to_sgvec(skb, txq->sg + 1, 0, skb->len);
	return num < 0 ? num : num + 1;
}

/* Return: why the frame has to be dropped, or 0 (PVNET_TX_PACKETS). */
static enum pvnet_tx_counter add(struct pvnet_txq *txq, struct sk_buff *skb)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	int num, err;

	if (unlikely(write_hdr(txq, skb, &hdr)))
		return PVNET_TX_DROP_OFFLOAD;
	if (unlikely(skb_shinfo(skb)->nr_frags + 2 > txq->sg_max)) {
		count(txq, PVNET_TX_LINEARIZED);
		if (skb_linearize(skb))
			return PVNET_TX_DROP_NO_MEMORY;
	}
	num = map_frame(txq, skb, &hdr);
	if (unlikely(num < 0))
		return PVNET_TX_DROP_NO_MEMORY;
	err = virtqueue_add_outbuf(txq->vq, txq->sg, num, skb, GFP_ATOMIC);
	if (likely(!err))
		return 0;
	return err == -ENOSPC ? PVNET_TX_DROP_RING_FULL : PVNET_TX_DROP_BROKEN;
}

static void kick(struct pvnet_txq *txq)
{
	if (virtqueue_kick_prepare(txq->vq) && virtqueue_notify(txq->vq))
		count(txq, PVNET_TX_KICKS);
	if (!txq->armed && unlikely(!arm(txq)))
		napi_schedule(&txq->napi);
}

/**
 * pvnet_tx_xmit() - ndo_start_xmit
 * @skb: frame, consumed
 * @dev: network device
 *
 * Return: NETDEV_TX_OK; a frame that cannot be sent is dropped and counted.
 */
netdev_tx_t pvnet_tx_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct pvnet *pn = netdev_priv(dev);
	struct pvnet_txq *txq = &pn->txq[skb_get_queue_mapping(skb)];
	bool more = netdev_xmit_more();
	enum pvnet_tx_counter why;

	if (!more)
		reap(txq, 0);
	skb_tx_timestamp(skb);
	why = add(txq, skb);
	if (unlikely(why)) {
		count(txq, why);
		dev_kfree_skb_any(skb);
		if (!more)
			kick(txq);
		return NETDEV_TX_OK;
	}
	if (txq->vq->num_free < txq->stop_free) {
		netif_tx_stop_queue(txq->nq);
		count(txq, PVNET_TX_STOPS);
	}
	if (__netdev_tx_sent_queue(txq->nq, skb->len, more))
		kick(txq);
	return NETDEV_TX_OK;
}

/**
 * pvnet_tx_callback() - interrupt of a transmit virtqueue
 * @vq: the virtqueue
 */
void pvnet_tx_callback(struct virtqueue *vq)
{
	struct pvnet_txq *txq = pvnet_txq_of(vq);

	txq->callbacks++;
	napi_schedule(&txq->napi);
}

/**
 * pvnet_tx_poll() - NAPI poll of a transmit virtqueue
 * @napi: of a struct pvnet_txq
 * @budget: tells the stack how sk_buffs may be freed; all are reaped
 *
 * Return: 0, completions are not counted against the budget.
 */
int pvnet_tx_poll(struct napi_struct *napi, int budget)
{
	struct pvnet_txq *txq = container_of(napi, struct pvnet_txq, napi);
	bool again = false;

	__netif_tx_lock(txq->nq, raw_smp_processor_id());
	count(txq, PVNET_TX_POLLS);
	virtqueue_disable_cb(txq->vq);
	reap(txq, budget);
	wake(txq);
	if (napi_complete_done(napi, 0))
		again = !arm(txq);
	__netif_tx_unlock(txq->nq);
	if (again)
		napi_schedule(napi);
	return 0;
}

/**
 * pvnet_tx_reap_idle() - reap from the RX NAPI, if nobody is sending just now
 * @txq: queue
 */
void pvnet_tx_reap_idle(struct pvnet_txq *txq)
{
	if (!__netif_tx_trylock(txq->nq))
		return;
	if (reap(txq, 0)) {
		wake(txq);
		if (!arm(txq))
			napi_schedule(&txq->napi);
	}
	__netif_tx_unlock(txq->nq);
}

/* First and so far only step of recovery: the device may have missed a kick,
 * or we an interrupt; both are cured by doing them again.
 */
static void recover_kick(struct pvnet_txq *txq)
{
	virtqueue_notify(txq->vq);
	napi_schedule(&txq->napi);
}

/**
 * pvnet_tx_timeout() - ndo_tx_timeout: a queue was stopped for too long
 * @dev: network device
 * @index: the queue
 */
void pvnet_tx_timeout(struct net_device *dev, unsigned int index)
{
	struct pvnet *pn = netdev_priv(dev);
	struct pvnet_txq *txq = &pn->txq[index];
	bool broken = virtqueue_is_broken(txq->vq);

	pn->tx_timeouts++;
	count(txq, PVNET_TX_TIMEOUTS);
	netdev_err(dev,
		   "TX queue %u: stopped for %u ms, %u of %u descriptors free, %lu interrupts, %s\n",
		   index,
		   jiffies_to_msecs(jiffies - READ_ONCE(txq->nq->trans_start)),
		   txq->vq->num_free, virtqueue_get_vring_size(txq->vq),
		   READ_ONCE(txq->callbacks),
		   broken ? "device is broken" : "kicking the device");
	if (broken)
		netif_carrier_off(dev);
	else
		recover_kick(txq);
}

/**
 * pvnet_tx_free_all() - drop what a device that was reset had not sent
 * @txq: queue, with NAPI disabled
 */
void pvnet_tx_free_all(struct pvnet_txq *txq)
{
	struct sk_buff *skb;

	while ((skb = virtqueue_detach_unused_buf(txq->vq))) {
		count(txq, PVNET_TX_DROP_RESET);
		dev_kfree_skb_any(skb);
	}
	netdev_tx_reset_queue(txq->nq);
	txq->armed = false;
}
