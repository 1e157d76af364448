// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_rx - frames from a port into the guest's receive buffers
 */
#include "net_rx.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

#include "iov.h"
#include "port.h"

static_assert(sizeof(struct net_hdr) == PORT_HDR_LEN,
	      "a port's header is virtio-net's");

static bool mergeable(const struct net_rx *rx)
{
	return rx->features & BIT_ULL(VIRTIO_NET_F_MRG_RXBUF);
}

static void held_clear(struct net_rx *rx)
{
	rx->first = 0;
	rx->end = 0;
	rx->iov_first = 0;
	rx->iov_end = 0;
	rx->held_len = 0;
}

/* Move what is held to the front where the arrays have no room behind it. */
static void held_compact(struct net_rx *rx)
{
	unsigned int bufs = rx->end - rx->first;
	unsigned int iovs = rx->iov_end - rx->iov_first;

	memmove(rx->bufs, rx->bufs + rx->first, bufs * sizeof(*rx->bufs));
	memmove(rx->iov, rx->iov + rx->iov_first, iovs * sizeof(*rx->iov));
	rx->first = 0;
	rx->end = bufs;
	rx->iov_first = 0;
	rx->iov_end = iovs;
}

/* No buffer can come any more: our arrays or the whole ring are held. */
static bool held_full(const struct net_rx *rx)
{
	unsigned int iovs = rx->iov_end - rx->iov_first;
	unsigned int size = rx->q->vq.size;

	/* A buffer has an entry at least, a descriptor usually one. */
	return iovs >= min(size, VQ_CHAIN_IOV_MAX + 0U);
}

/* Pop one more buffer: 0, -ENOBUFS (none), -EMSGSIZE (there cannot be one). */
static int buf_take(struct net_rx *rx)
{
	struct vq_chain chain = { .iov_max = VQ_CHAIN_IOV_MAX };
	struct queue *q = rx->q;
	int ret;

	if (held_full(rx))
		return -EMSGSIZE;
	if (rx->end == NET_RX_BUFS_MAX ||
	    rx->iov_end + VQ_CHAIN_IOV_MAX > NET_RX_IOV_MAX)
		held_compact(rx);

	chain.iov = rx->iov + rx->iov_end;
	ret = vq_pop(&q->vq, &chain);
	/* virtio 1.3, 5.1.6.3.1: a receive buffer holds the header at least. */
	if (ret > 0 && chain.in_len < rx->hdr_len) {
		vq_break(&q->vq, VQ_FAULT_SHORT);
		ret = -EPROTO;
	}
	if (ret < 0)
		queue_fail(q);
	if (ret <= 0)
		return -ENOBUFS;

	memmove(chain.iov, chain.iov + chain.out_num,
		chain.in_num * sizeof(*chain.iov));
	rx->bufs[rx->end++] = (struct net_rx_buf){
		.len = (u32)min(chain.in_len, (u64)UINT32_MAX),
		.id = chain.id,
		.iovcnt = chain.in_num,
	};
	rx->iov_end += chain.in_num;
	rx->held_len += rx->bufs[rx->end - 1].len;
	return 0;
}

/* Hold @len bytes of buffers: 0, -ENOBUFS (later), -EMSGSIZE (never). */
static int gather(struct net_rx *rx, size_t len)
{
	int err;

	if (!mergeable(rx)) {
		err = rx->first == rx->end ? buf_take(rx) : 0;
		if (err)
			return err;
		return rx->bufs[rx->first].len < len ? -EMSGSIZE : 0;
	}
	while (rx->held_len < len) {
		err = buf_take(rx);
		if (err)
			return err;
	}
	return 0;
}

static int drop(struct net_rx *rx, enum net_drop reason)
{
	rx->stats.drops[reason]++;
	return 0;
}

/* Hand the first buffers back, filled with @len bytes. */
static void bufs_push(struct net_rx *rx, size_t len)
{
	while (len > 0) {
		const struct net_rx_buf *buf = &rx->bufs[rx->first++];
		u32 part = (u32)min(len, (size_t)buf->len);

		vq_push(&rx->q->vq, buf->id, part);
		rx->iov_first += buf->iovcnt;
		rx->held_len -= buf->len;
		len -= part;
	}
	if (rx->first == rx->end)
		held_clear(rx);
}

/* How many of the held buffers @len bytes take. */
static u16 bufs_count(const struct net_rx *rx, size_t len)
{
	size_t sum = 0;
	u16 count = 0;

	while (sum < len)
		sum += rx->bufs[rx->first + count++].len;
	return count;
}

static struct iov_span held(const struct net_rx *rx)
{
	return (struct iov_span){
		.iov = (struct iovec *)rx->iov + rx->iov_first,
		.count = rx->iov_end - rx->iov_first,
	};
}

static void hdr_write(struct net_rx *rx, struct net_hdr *hdr,
		      size_t data_len)
{
	struct iov_span to = held(rx);

	/* virtio 1.3, 5.1.6.4.1: 1 without MRG_RXBUF. */
	hdr->num_buffers = cpu_to_le16(bufs_count(rx, rx->hdr_len + data_len));
	iov_write(&to, hdr, rx->hdr_len);
	vq_wrote_iov(&rx->q->vq, to.iov, to.count, rx->hdr_len);
}

static void frame_done(struct net_rx *rx, size_t data_len)
{
	bufs_push(rx, rx->hdr_len + data_len);
	rx->stats.frames++;
	rx->stats.bytes += data_len;
}

int net_rx_deliver(struct net_rx *rx, u8 *frame, size_t len)
{
	size_t data_len = len - PORT_HDR_LEN;
	struct net_hdr hdr;
	struct iov_span to;
	enum net_drop bad;
	int err;

	if (len < PORT_HDR_LEN + ETH_HLEN)
		return drop(rx, NET_DROP_RUNT);
	memcpy(&hdr, frame, sizeof(hdr));
	bad = net_hdr_check_rx(&hdr, rx->features);
	if (bad)
		return drop(rx, bad);

	err = gather(rx, rx->hdr_len + data_len);
	if (err == -EMSGSIZE)
		return drop(rx, NET_DROP_NO_ROOM);
	if (err) {
		rx->starved = true;
		rx->stats.starved++;
		return err;
	}
	hdr_write(rx, &hdr, data_len);
	to = held(rx);
	iov_skip(&to, rx->hdr_len);
	iov_write(&to, frame + PORT_HDR_LEN, data_len);
	vq_wrote_iov(&rx->q->vq, to.iov, to.count, data_len);
	frame_done(rx, data_len);
	return 0;
}

int net_rx_reserve(struct net_rx *rx, size_t data_len, struct iovec **iov)
{
	struct iov_span to;

	if (gather(rx, rx->hdr_len + data_len))
		return -ENOBUFS;
	if (rx->iov_end - rx->iov_first >= PORT_IOV_MAX)
		return -ENOBUFS;

	/* place[] is a copy, since what lies behind the header is cut off. */
	to = held(rx);
	memcpy(rx->place + 1, to.iov, to.count * sizeof(*to.iov));
	to.iov = rx->place + 1;
	iov_skip(&to, rx->hdr_len);
	*iov = to.iov - 1;
	return (int)to.count + 1;
}

void net_rx_commit(struct net_rx *rx, const void *hdr, size_t data_len)
{
	struct iov_span at = held(rx);
	struct net_hdr copy;
	enum net_drop bad;

	/* Also of a frame that is dropped the data has been written. */
	vq_wrote_iov(&rx->q->vq, at.iov, at.count, rx->hdr_len + data_len);
	if (data_len < ETH_HLEN) {
		drop(rx, NET_DROP_RUNT);
		return;
	}
	memcpy(&copy, hdr, sizeof(copy));
	bad = net_hdr_check_rx(&copy, rx->features);
	if (bad) {
		drop(rx, bad);
		return;
	}
	hdr_write(rx, &copy, data_len);
	frame_done(rx, data_len);
}

void net_rx_start(struct net_rx *rx, struct queue *q)
{
	rx->q = q;
	rx->features = q->setup.features;
	rx->hdr_len = net_hdr_len(rx->features);
	rx->starved = false;
	held_clear(rx);
}

void net_rx_stop(struct net_rx *rx)
{
	while (!vq_broken(&rx->q->vq) && rx->end > rx->first)
		vq_unpop(&rx->q->vq, rx->bufs[--rx->end].id);
	held_clear(rx);
}
