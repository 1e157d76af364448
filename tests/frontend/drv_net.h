/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drv_net - a pair of virtio-net queues as a driver uses them (virtio 1.3, 5.1.6)
 *
 * Receive buffers are all of one length and are put back as soon as what they
 * held has been copied out.  Transmit buffers are slots of their own length,
 * free again when they come back.
 */
#ifndef DRV_NET_H
#define DRV_NET_H

#include <linux/virtio_net.h>

#include "drv_dev.h"

#define DRV_NET_HDR_LEN	  12u
#define DRV_NET_FRAME_MAX (65535u + 14)
#define DRV_NET_SLOT	  (70u << 10)
#define DRV_NET_SLOTS	  64u

#define DRV_NET_FEATURES                                                   \
	(BIT_ULL(VIRTIO_NET_F_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |   \
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |                                \
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |                                \
	 BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |                                 \
	 BIT_ULL(VIRTIO_NET_F_GUEST_UFO) |                                 \
	 BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |                                 \
	 BIT_ULL(VIRTIO_NET_F_HOST_TSO6) | BIT_ULL(VIRTIO_NET_F_HOST_ECN) | \
	 BIT_ULL(VIRTIO_NET_F_HOST_UFO) |                                  \
	 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) | BIT_ULL(VIRTIO_NET_F_MQ) |      \
	 BIT_ULL(VIRTIO_NET_F_MAC) | BIT_ULL(VIRTIO_NET_F_MTU))

/**
 * struct drv_net - a pair
 * @rx:		receive queue
 * @tx:		transmit queue
 * @mem:	RAM
 * @rx_gpa:	receive buffers
 * @rx_len:	bytes of each
 * @rx_split:	give header and data descriptors of their own
 * @num_rx:	of them
 * @tx_gpa:	DRV_NET_SLOTS slots of DRV_NET_SLOT bytes
 * @tx_free:	free ones
 * @num_tx_free: of them
 * @mergeable:	VIRTIO_NET_F_MRG_RXBUF acknowledged
 * @timeout_ms:	for drv_net_recv()
 */
struct drv_net {
	struct drv_vq *rx;
	struct drv_vq *tx;
	struct vu_mem *mem;
	u64 rx_gpa;
	u32 rx_len;
	bool rx_split;
	unsigned int num_rx;
	u64 tx_gpa;
	u32 tx_free[DRV_NET_SLOTS];
	unsigned int num_tx_free;
	bool mergeable;
	int timeout_ms;
};

/**
 * struct drv_net_conf - how to use a pair
 * @pair:	number
 * @rx_len:	bytes of a receive buffer, header included
 * @num_rx:	buffers to give to the device
 * @rx_split:	header and data in descriptors of their own
 */
struct drv_net_conf {
	unsigned int pair;
	u32 rx_len;
	unsigned int num_rx;
	bool rx_split;
};

/** drv_net_init() - buffers in RAM, receive buffers given; 0 or -errno */
int drv_net_init(struct drv_net *net, struct drv_dev *dev,
		 const struct drv_net_conf *conf);

/**
 * drv_net_send() - put a frame into the ring; drv_vq_kick() makes it go
 * @cuts:	where to cut header plus frame into pieces, 0 ends the list; may
 *		be NULL: one piece
 *
 * Takes back what has been sent.  Return: 0, -ENOSPC, -EMSGSIZE.
 */
int drv_net_send(struct drv_net *net, const struct virtio_net_hdr_v1 *hdr,
		 const void *frame, u32 len, const u32 *cuts);

/**
 * drv_net_recv() - the next frame, sleeping if need be
 * @hdr:	its header
 * @frame:	room for DRV_NET_FRAME_MAX bytes
 *
 * Return: length of the frame, -ETIMEDOUT, -EPROTO, -ENOMSG.
 */
int drv_net_recv(struct drv_net *net, struct virtio_net_hdr_v1 *hdr,
		 void *frame);

/** drv_net_sent() - take back what has been sent; how many, or -EPROTO */
int drv_net_sent(struct drv_net *net);

/** drv_net_refill() - give receive buffer @index to the device; 0 or -ENOSPC */
int drv_net_refill(struct drv_net *net, u32 index);

#endif /* DRV_NET_H */
