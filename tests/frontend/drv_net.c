// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * drv_net - a pair of virtio-net queues as a driver uses them (virtio 1.3, 5.1.6)
 */
#include "drv_net.h"

#include <errno.h>
#include <string.h>

#define PIECES_MAX 24

int drv_net_refill(struct drv_net *net, u32 index)
{
	const u64 gpa = net->rx_gpa + (u64)index * net->rx_len;
	const struct drv_sg sg[] = {
		{ gpa, net->rx_split ? DRV_NET_HDR_LEN : net->rx_len },
		{ gpa + DRV_NET_HDR_LEN, net->rx_len - DRV_NET_HDR_LEN },
	};
	int n = drv_vq_add(net->rx, sg, 0, net->rx_split ? 2 : 1, index);

	return n < 0 ? n : 0;
}

int drv_net_init(struct drv_net *net, struct drv_dev *dev,
		 const struct drv_net_conf *conf)
{
	u32 i;
	int err;

	*net = (struct drv_net){
		.rx = &dev->vq[conf->pair * 2],
		.tx = &dev->vq[conf->pair * 2 + 1],
		.mem = &dev->mem,
		.rx_len = conf->rx_len,
		.rx_split = conf->rx_split,
		.num_rx = conf->num_rx,
		.mergeable = drv_dev_has(dev, VIRTIO_NET_F_MRG_RXBUF),
		.timeout_ms = dev->conf.timeout_ms,
	};
	net->rx_gpa = vu_mem_alloc_any(net->mem,
				       (u64)conf->rx_len * conf->num_rx, 64);
	net->tx_gpa = vu_mem_alloc_any(net->mem,
				       (u64)DRV_NET_SLOT * DRV_NET_SLOTS, 64);
	if (net->rx_gpa == VU_MEM_NONE || net->tx_gpa == VU_MEM_NONE)
		return -ENOMEM;
	for (i = 0; i < DRV_NET_SLOTS; i++)
		net->tx_free[net->num_tx_free++] = i;
	for (i = 0; i < net->num_rx; i++) {
		err = drv_net_refill(net, i);
		if (err)
			return err;
	}
	drv_vq_calls_off(net->tx);
	drv_vq_kick(net->rx);
	return 0;
}

int drv_net_sent(struct drv_net *net)
{
	struct drv_used used;
	int count = 0;
	int n;

	while ((n = drv_vq_reap(net->tx, &used)) > 0) {
		net->tx_free[net->num_tx_free++] = used.token;
		count++;
	}
	return n < 0 ? n : count;
}

static unsigned int cut_pieces(struct drv_sg *sg, u64 gpa, u32 len,
			       const u32 *cuts)
{
	unsigned int n = 0;
	u32 part;

	while (cuts && *cuts && len > *cuts && n + 1 < PIECES_MAX) {
		part = *cuts++;
		sg[n++] = (struct drv_sg){ gpa, part };
		gpa += part;
		len -= part;
	}
	sg[n++] = (struct drv_sg){ gpa, len };
	return n;
}

int drv_net_send(struct drv_net *net, const struct virtio_net_hdr_v1 *hdr,
		 const void *frame, u32 len, const u32 *cuts)
{
	struct drv_sg sg[PIECES_MAX];
	unsigned int n;
	u32 slot;
	u64 gpa;

	if (len > DRV_NET_SLOT - DRV_NET_HDR_LEN)
		return -EMSGSIZE;
	if (!net->num_tx_free && drv_net_sent(net) <= 0)
		return -ENOSPC;
	slot = net->tx_free[net->num_tx_free - 1];
	gpa = net->tx_gpa + (u64)slot * DRV_NET_SLOT;
	vu_mem_write(net->mem, gpa, hdr, DRV_NET_HDR_LEN);
	vu_mem_write(net->mem, gpa + DRV_NET_HDR_LEN, frame, len);
	n = cut_pieces(sg, gpa, DRV_NET_HDR_LEN + len, cuts);
	if (drv_vq_add(net->tx, sg, n, 0, slot) < 0)
		return -ENOSPC;
	net->num_tx_free--;
	return 0;
}

/* Copy one buffer out and give it back; bytes that the device wrote. */
static int take_buffer(struct drv_net *net, u8 *to, u32 room)
{
	struct drv_used used;
	u64 gpa;
	int n;

	n = drv_vq_reap_wait(net->rx, &used, net->timeout_ms);
	if (n < 0)
		return n;
	if (used.len > net->rx_len || used.len > room)
		return -EPROTO;
	gpa = net->rx_gpa + (u64)used.token * net->rx_len;
	vu_mem_read(net->mem, gpa, to, used.len);
	drv_net_refill(net, used.token);
	return (int)used.len;
}

int drv_net_recv(struct drv_net *net, struct virtio_net_hdr_v1 *hdr,
		 void *frame)
{
	static __thread u8 buf[DRV_NET_HDR_LEN + DRV_NET_FRAME_MAX];
	u32 len;
	u16 left;
	int n;

	n = take_buffer(net, buf, sizeof(buf));
	if (n < 0)
		return n;
	if ((u32)n < DRV_NET_HDR_LEN)
		return -EPROTO;
	memcpy(hdr, buf, DRV_NET_HDR_LEN);
	len = (u32)n;
	/* virtio 1.3, 5.1.6.4: 1 where mergeable buffers are not negotiated */
	left = le16toh((__force u16)hdr->num_buffers);
	if (!left || (!net->mergeable && left != 1))
		return -EPROTO;
	while (--left) {
		n = take_buffer(net, buf + len, (u32)sizeof(buf) - len);
		if (n < 0)
			return n;
		len += (u32)n;
	}
	drv_vq_kick(net->rx);
	memcpy(frame, buf + DRV_NET_HDR_LEN, len - DRV_NET_HDR_LEN);
	return (int)(len - DRV_NET_HDR_LEN);
}
