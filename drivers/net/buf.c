// SPDX-License-Identifier: GPL-2.0
/*
 * buf - receive buffers: how large, where from, how they return
 *
 * Theory of operation
 *
 * Memory comes in chunks of 32 KiB (or one page when memory is fragmented).
 * A buffer is a piece of a chunk and holds one reference on its page:
 *
 *	chunk:	| buffer | buffer | buffer | not yet posted ... |
 *	buffer:	| header, frame      | rest |
 *
 * pvnet_buf_take() hands the used part of a buffer to the stack and posts the
 * rest as a buffer of its own, with a reference of its own.  In MERGE mode
 * new buffers follow the moving average of frame sizes; the device never
 * holds more than budget_bytes.  In CHAIN mode a buffer is a list of pages.
 *
 * All of it runs in the RX NAPI, or while NAPI is disabled.
 */
#include "pvnet.h"

/* A buffer made for a frame of the usual MTU. */
#define BUF_USUAL_BYTES		1536u
/* Larger minimum sizes would waste memory on small frames. */
#define BUF_MIN_LIMIT		4096u
/* What the device may hold: enough for a full ring, within these. */
#define BUDGET_MIN_BYTES	(1024u * 1024u)
#define BUDGET_MAX_BYTES	(4096u * 1024u)

/**
 * pvnet_buf_frame_max() - longest frame the device may deliver
 * @pn: device with features negotiated
 *
 * Return: bytes, without the virtio header.
 */
unsigned int pvnet_buf_frame_max(const struct pvnet *pn)
{
	if (pvnet_has(pn, VIRTIO_NET_F_GUEST_TSO4) ||
	    pvnet_has(pn, VIRTIO_NET_F_GUEST_TSO6) ||
	    pvnet_has(pn, VIRTIO_NET_F_GUEST_UFO))
		return PVNET_FRAME_MAX + VLAN_HLEN;
	return min_t(unsigned int, PVNET_FRAME_MAX, pn->dev->mtu + ETH_HLEN) +
	       VLAN_HLEN;
}

/**
 * pvnet_buf_setup() - choose sizes for a queue that holds no buffer
 * @rxq: queue with its virtqueue found
 */
void pvnet_buf_setup(struct pvnet_rxq *rxq)
{
	unsigned int slots = virtqueue_get_vring_size(rxq->vq);
	struct pvnet *pn = rxq->pn;
	unsigned int bytes;

	bytes = pn->hdr.bytes + pvnet_buf_frame_max(pn);
	if (pn->rx_mode == PVNET_RX_CHAIN)
		bytes = PAGE_ALIGN(bytes);
	if (pn->rx_mode == PVNET_RX_MERGE) {
		bytes = pn->hdr.bytes + VLAN_ETH_HLEN + pn->dev->mtu;
		bytes = clamp(bytes, BUF_USUAL_BYTES, BUF_MIN_LIMIT);
	}
	rxq->buf_min = ALIGN(bytes, pn->rx_align);
	rxq->budget_bytes = clamp_t(u64, (u64)slots * rxq->buf_min,
				    BUDGET_MIN_BYTES, BUDGET_MAX_BYTES);
	rxq->posted_bytes = 0;
	rxq->unkicked = 0;
	ewma_pvnet_frame_init(&rxq->frame_avg);
}

static unsigned int buf_size(struct pvnet_rxq *rxq)
{
	unsigned long avg;

	if (rxq->pn->rx_mode != PVNET_RX_MERGE)
		return rxq->buf_min;
	avg = ALIGN(ewma_pvnet_frame_read(&rxq->frame_avg), rxq->pn->rx_align);
	return clamp_t(unsigned long, avg, rxq->buf_min, PVNET_CHUNK_BYTES);
}

/* Devices before ANY_LAYOUT want the header in a descriptor of its own. */
static unsigned int buf_map(struct pvnet_rxq *rxq, void *addr,
			    unsigned int len)
{
	unsigned int hdr_bytes = rxq->pn->hdr.bytes;

	if (rxq->pn->any_layout || rxq->pn->rx_mode == PVNET_RX_MERGE) {
		sg_init_one(rxq->sg, addr, len);
		return 1;
	}
	sg_init_table(rxq->sg, 2);
	sg_set_buf(&rxq->sg[0], addr, hdr_bytes);
	sg_set_buf(&rxq->sg[1], addr + hdr_bytes, len - hdr_bytes);
	return 2;
}

/* The virtqueue keeps the length beside the address, as its context. */
static int buf_post(struct pvnet_rxq *rxq, void *addr, unsigned int len,
		    gfp_t gfp)
{
	unsigned int num = buf_map(rxq, addr, len);
	int err;

	err = virtqueue_add_inbuf_ctx(rxq->vq, rxq->sg, num, addr,
				      (void *)(unsigned long)len, gfp);
	if (err)
		return err;
	rxq->posted_bytes += len;
	rxq->unkicked++;
	return 0;
}

static int buf_make(struct pvnet_rxq *rxq, gfp_t gfp)
{
	struct page_frag *chunk = &rxq->chunk;
	unsigned int len = buf_size(rxq);
	unsigned int room;
	void *addr;
	int err;

	if (!skb_page_frag_refill(rxq->buf_min, chunk, gfp))
		return -ENOMEM;
	room = chunk->size - chunk->offset;
	if (room < rxq->buf_min) {
		put_page(chunk->page);
		chunk->page = NULL;
		return -ENOMEM;
	}
	/* A tail too short for another buffer goes with the last one. */
	if (room < len + rxq->buf_min)
		len = room;

	addr = page_address(chunk->page) + chunk->offset;
	err = buf_post(rxq, addr, len, gfp);
	if (err)
		return err;
	get_page(chunk->page);
	chunk->offset += len;
	return 0;
}

static void chain_free(struct pvnet_chain *chain)
{
	unsigned int i;

	for (i = 0; i < PVNET_CHAIN_PAGES; i++)
		if (chain->page[i])
			put_page(chain->page[i]);
	kfree(chain);
}

static struct pvnet_chain *chain_fill(struct pvnet_chain *chain,
				      unsigned int pages, gfp_t gfp)
{
	unsigned int i;

	if (!chain)
		chain = kzalloc(sizeof(*chain), gfp);
	for (i = 0; chain && i < pages; i++) {
		if (!chain->page[i])
			chain->page[i] = alloc_page(gfp);
		if (!chain->page[i]) {
			chain_free(chain);
			return NULL;
		}
	}
	return chain;
}

static unsigned int chain_map(struct pvnet_rxq *rxq, struct pvnet_chain *chain)
{
	unsigned int pages = rxq->buf_min / PAGE_SIZE;
	bool split = !rxq->pn->any_layout;
	unsigned int hdr_bytes = split ? rxq->pn->hdr.bytes : 0;
	unsigned int i;

	sg_init_table(rxq->sg, pages + split);
	if (split)
		sg_set_page(&rxq->sg[0], chain->page[0], hdr_bytes, 0);
	sg_set_page(&rxq->sg[split], chain->page[0], PAGE_SIZE - hdr_bytes,
		    hdr_bytes);
	for (i = 1; i < pages; i++)
		sg_set_page(&rxq->sg[i + split], chain->page[i], PAGE_SIZE, 0);
	return pages + split;
}

static int chain_post(struct pvnet_rxq *rxq, struct pvnet_chain *chain,
		      gfp_t gfp)
{
	unsigned int num = chain_map(rxq, chain);
	int err;

	err = virtqueue_add_inbuf(rxq->vq, rxq->sg, num, chain, gfp);
	if (err)
		return err;
	rxq->posted_bytes += rxq->buf_min;
	rxq->unkicked++;
	return 0;
}

static int chain_make(struct pvnet_rxq *rxq, gfp_t gfp)
{
	struct pvnet_chain *chain = rxq->spare;
	int err;

	if (chain)
		rxq->spare = chain->next;
	chain = chain_fill(chain, rxq->buf_min / PAGE_SIZE, gfp);
	if (!chain)
		return -ENOMEM;
	err = chain_post(rxq, chain, gfp);
	if (err) {
		chain->next = rxq->spare;
		rxq->spare = chain;
	}
	return err;
}

/* Refilling in large steps keeps kicks and cache misses few. */
static bool refill_due(const struct pvnet_rxq *rxq)
{
	unsigned int slots = virtqueue_get_vring_size(rxq->vq);

	return rxq->posted_bytes <= rxq->budget_bytes / 4 * 3 &&
	       rxq->vq->num_free >= slots / 4;
}

/**
 * pvnet_buf_refill() - post buffers up to the budget, if it is worth it
 * @rxq: queue
 * @gfp: how memory may be allocated
 *
 * The caller kicks with pvnet_buf_kick().
 *
 * Return: false if memory ran out.
 */
bool pvnet_buf_refill(struct pvnet_rxq *rxq, gfp_t gfp)
{
	bool chain = rxq->pn->rx_mode == PVNET_RX_CHAIN;
	unsigned int made = 0;
	int err = 0;

	if (!refill_due(rxq))
		return true;
	while (!err && rxq->posted_bytes < rxq->budget_bytes &&
	       rxq->vq->num_free) {
		err = chain ? chain_make(rxq, gfp) : buf_make(rxq, gfp);
		if (!err)
			made++;
	}
	pvnet_count(&rxq->counters, PVNET_RX_BUFFERS, made);
	if (err != -ENOMEM)
		return true;
	pvnet_count(&rxq->counters, PVNET_RX_REFILL_FAILED, 1);
	return false;
}

/**
 * pvnet_buf_kick() - tell the device about buffers posted since last time
 * @rxq: queue
 */
void pvnet_buf_kick(struct pvnet_rxq *rxq)
{
	if (!rxq->unkicked)
		return;
	rxq->unkicked = 0;
	if (virtqueue_kick_prepare(rxq->vq) && virtqueue_notify(rxq->vq))
		pvnet_count(&rxq->counters, PVNET_RX_KICKS, 1);
}

/**
 * pvnet_buf_get() - next buffer the device has used
 * @rxq: queue
 * @buf: receives the buffer, in CHAIN mode a struct pvnet_chain
 * @used_bytes: receives the device's claim, not checked
 *
 * Return: false if there is none.
 */
bool pvnet_buf_get(struct pvnet_rxq *rxq, struct pvnet_rxbuf *buf,
		   unsigned int *used_bytes)
{
	void *ctx;

	if (rxq->pn->rx_mode == PVNET_RX_CHAIN) {
		buf->addr = virtqueue_get_buf(rxq->vq, used_bytes);
		buf->len = rxq->buf_min;
	} else {
		buf->addr = virtqueue_get_buf_ctx(rxq->vq, used_bytes, &ctx);
		buf->len = (unsigned long)ctx;
	}
	if (!buf->addr)
		return false;
	rxq->posted_bytes -= buf->len;
	return true;
}

/**
 * pvnet_buf_learn() - note the size of a frame that was not copied whole
 * @rxq: queue
 * @bytes: of the frame and its header, in all its buffers
 */
void pvnet_buf_learn(struct pvnet_rxq *rxq, unsigned int bytes)
{
	ewma_pvnet_frame_add(&rxq->frame_avg, bytes);
}

/**
 * pvnet_buf_take() - give the used part of a buffer to the stack
 * @rxq: queue
 * @buf: buffer from pvnet_buf_get(), not of CHAIN mode
 * @used: bytes from its start that the stack keeps
 *
 * The buffer's page reference goes with the used part.
 *
 * Return: bytes of memory the used part occupies (truesize).
 */
unsigned int pvnet_buf_take(struct pvnet_rxq *rxq,
			    const struct pvnet_rxbuf *buf, unsigned int used)
{
	unsigned int piece = ALIGN(used, rxq->pn->rx_align);

	if (rxq->pn->rx_mode != PVNET_RX_MERGE)
		return buf->len;
	if (piece + rxq->buf_min > buf->len)
		return buf->len;
	if (buf_post(rxq, buf->addr + piece, buf->len - piece, GFP_ATOMIC))
		return buf->len;
	get_page(virt_to_head_page(buf->addr));
	pvnet_count(&rxq->counters, PVNET_RX_CARVED, 1);
	return piece;
}

/* The page reference of a buffer that is not posted again. */
static void buf_free(struct pvnet_rxq *rxq, void *addr)
{
	if (rxq->pn->rx_mode == PVNET_RX_CHAIN)
		chain_free(addr);
	else
		put_page(virt_to_head_page(addr));
}

/**
 * pvnet_buf_repost() - post a buffer again whose content is not needed
 * @rxq: queue
 * @buf: buffer from pvnet_buf_get(); in CHAIN mode pages may be missing
 */
void pvnet_buf_repost(struct pvnet_rxq *rxq, const struct pvnet_rxbuf *buf)
{
	struct pvnet_chain *chain = buf->addr;

	if (rxq->pn->rx_mode == PVNET_RX_CHAIN) {
		chain->next = rxq->spare;
		rxq->spare = chain;
		(void)chain_make(rxq, GFP_ATOMIC);
		return;
	}
	if (buf_post(rxq, buf->addr, buf->len, GFP_ATOMIC))
		buf_free(rxq, buf->addr);
}

/**
 * pvnet_buf_free_all() - take back every buffer of a device that was reset
 * @rxq: queue, with NAPI disabled
 */
void pvnet_buf_free_all(struct pvnet_rxq *rxq)
{
	struct pvnet_chain *chain;
	void *addr;

	while ((addr = virtqueue_detach_unused_buf(rxq->vq)))
		buf_free(rxq, addr);
	while ((chain = rxq->spare)) {
		rxq->spare = chain->next;
		chain_free(chain);
	}
	if (rxq->chunk.page)
		put_page(rxq->chunk.page);
	rxq->chunk.page = NULL;
	rxq->posted_bytes = 0;
}
