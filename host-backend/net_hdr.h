/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net_hdr - the header in front of every frame: fetched, checked, translated
 *
 * PURE: no I/O, no allocation; unit tests and fuzzers compile it as it is.
 *
 * The driver writes the header, so each field may lie.  It is copied once out
 * of the guest's buffer, the copy is checked against the frame's length and the
 * negotiated features (net_hdr_check_tx()), and only the copy goes on.  In the
 * other direction net_hdr_check_rx() keeps away from the guest what it has not
 * negotiated.
 */
#ifndef PV_NET_HDR_H
#define PV_NET_HDR_H

#include <assert.h>
#include <linux/virtio_net.h>

#include "util.h"

/**
 * struct net_hdr - virtio 1.3, 5.1.6: struct virtio_net_hdr, with its names
 *
 * Little endian, as VERSION_1 says; of legacy drivers those on little-endian
 * machines are served, where "guest endian" is the same.
 */
struct net_hdr {
	u8 flags;
	u8 gso_type;
	__le16 hdr_len;
	__le16 gso_size;
	__le16 csum_start;
	__le16 csum_offset;
	__le16 num_buffers;
};
static_assert(sizeof(struct net_hdr) == 12, "as on the wire");

/* Legacy without MRG_RXBUF ends before num_buffers. */
#define NET_HDR_LEGACY_LEN 10

/**
 * enum net_drop - why a frame was not passed on
 *
 * Each has a counter; net_drop_counter() gives its name.
 */
enum net_drop {
	NET_DROP_NONE,
	NET_DROP_RUNT,		/* shorter than virtio-net + Ethernet header */
	NET_DROP_OVERSIZE,	/* longer than any frame, too many pieces */
	NET_DROP_CSUM_RANGE,	/* checksum field outside the frame */
	NET_DROP_CSUM_FEATURE,	/* partial checksum not negotiated */
	NET_DROP_GSO_TYPE,	/* unknown, or ECN on what is not TCP */
	NET_DROP_GSO_FEATURE,	/* this kind of GSO not negotiated */
	NET_DROP_GSO_SIZE,	/* 0 */
	NET_DROP_GSO_CSUM,	/* no or wrong checksum field for the type */
	NET_DROP_NO_ROOM,	/* the guest's buffers can never hold it */
	NET_DROP_DISABLED,	/* the queue is disabled */
	NET_DROP_STOPPED,	/* the queue stopped while it waited */
	NET_DROP_LINK_DOWN,	/* the port is not up */
	NET_DROP_REFUSED,	/* the port refused it */
	NET_DROP_PORT_FULL,	/* bounded queue of the port */
	NET_DROP_MAX
};

/** net_drop_counter() - "drop_runt" and the like */
const char *net_drop_counter(enum net_drop reason);

/**
 * net_hdr_len() - bytes of header with these features
 *
 * virtio 1.3, 5.1.6: num_buffers is there with VERSION_1; 5.1.6.1 (legacy):
 * only where MRG_RXBUF was negotiated.
 */
u32 net_hdr_len(u64 features);

/**
 * net_hdr_check_tx() - is a header from the guest consistent?
 * @hdr:	private copy; unknown flags are cleared and hints corrected
 * @features:	acknowledged by the driver
 * @data_len:	bytes of the frame after the header
 *
 * Return: NET_DROP_NONE or why the frame must be dropped.
 */
enum net_drop net_hdr_check_tx(struct net_hdr *hdr, u64 features,
			       size_t data_len);

/**
 * net_hdr_check_rx() - may a frame with this header go to the guest?
 * @hdr:	private copy; made to say only what the guest has negotiated
 * @features:	acknowledged by the driver
 *
 * Return: NET_DROP_NONE or why the frame must be dropped.
 */
enum net_drop net_hdr_check_rx(struct net_hdr *hdr, u64 features);

/**
 * net_hdr_csum_fill() - compute the checksum that a header asks for
 * @hdr:	checked by net_hdr_check_tx(); says afterwards that none is
 *		needed
 * @data:	the frame after the header, in one piece
 * @len:	bytes of @data
 */
void net_hdr_csum_fill(struct net_hdr *hdr, u8 *data, size_t len);

#endif /* PV_NET_HDR_H */
