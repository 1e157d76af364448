// SPDX-License-Identifier: GPL-2.0
/*
 * hdr - virtio_net_hdr <-> offload fields: PURE
 *
 *	 0      1         2        4         6            8             10
 *	 | flags| gso_type| hdr_len| gso_size| csum_start | csum_offset |
 *	10                                                              12
 *	 | num_buffers: with MRG_RXBUF or VERSION_1 only (virtio 1.3, 5.1.6)
 *
 * A received header is the device's word, so every field is checked against
 * the negotiated features and the length of the frame before it is used.
 */
#include "hdr.h"

#include <linux/virtio_byteorder.h>

/* Distances from the transport header to its checksum. */
#define TCP_CSUM_OFFSET		16u
#define TCP_HEADER_MIN		20u
/* The stack's own marker, never a size (GSO_BY_FRAGS). */
#define GSO_SIZE_RESERVED	0xffffu

static u16 get16(const struct pvnet_hdr_format *fmt, __virtio16 v)
{
	return __virtio16_to_cpu(fmt->little_endian, v);
}

static __virtio16 put16(const struct pvnet_hdr_format *fmt, u16 v)
{
	return __cpu_to_virtio16(fmt->little_endian, v);
}

static bool has(const struct pvnet_hdr_format *fmt, unsigned int bit)
{
	return fmt->features >> bit & 1;
}

/* One row a kind of segmentation: its wire type and the features it needs. */
static const struct {
	u8 wire;
	u8 guest_feature;
	u8 host_feature;
} gso_kinds[] = {
	[PVNET_GSO_TCP4] = { VIRTIO_NET_HDR_GSO_TCPV4,
			     VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_HOST_TSO4 },
	[PVNET_GSO_TCP6] = { VIRTIO_NET_HDR_GSO_TCPV6,
			     VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_HOST_TSO6 },
	[PVNET_GSO_UFO] = { VIRTIO_NET_HDR_GSO_UDP,
			    VIRTIO_NET_F_GUEST_UFO, VIRTIO_NET_F_HOST_UFO },
};

/**
 * pvnet_hdr_format_init() - derive the header's shape from the features
 * @fmt: receives the shape
 * @features: negotiated feature bits
 * @legacy_little_endian: byte order of the guest, for devices before 1.0
 */
void pvnet_hdr_format_init(struct pvnet_hdr_format *fmt, u64 features,
			   bool legacy_little_endian)
{
	bool modern = features >> 32 & 1; /* VIRTIO_F_VERSION_1 */
	bool merge = features >> VIRTIO_NET_F_MRG_RXBUF & 1;

	fmt->features = features;
	fmt->little_endian = modern || legacy_little_endian;
	fmt->bytes = modern || merge ? sizeof(struct virtio_net_hdr_mrg_rxbuf) :
				       sizeof(struct virtio_net_hdr);
}

/**
 * pvnet_hdr_num_buffers() - receive buffers a frame is spread over
 * @hdr: header, copied from the buffer
 * @fmt: shape of the header, 12 bytes long
 *
 * Return: the device's value, not checked.
 */
unsigned int
pvnet_hdr_num_buffers(const struct virtio_net_hdr_mrg_rxbuf *hdr,
		      const struct pvnet_hdr_format *fmt)
{
	return get16(fmt, hdr->num_buffers);
}

/* virtio 1.3, 5.1.6.4.1: no flag without GUEST_CSUM; the sum is inside. */
static enum pvnet_hdr_fault decode_csum(const struct virtio_net_hdr *h,
					const struct pvnet_hdr_format *fmt,
					u32 frame_bytes,
					struct pvnet_offload *off)
{
	if (!(h->flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM |
			  VIRTIO_NET_HDR_F_DATA_VALID)))
		return PVNET_HDR_OK;
	if (!has(fmt, VIRTIO_NET_F_GUEST_CSUM))
		return PVNET_HDR_BAD_CSUM;
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		off->csum = PVNET_CSUM_VALID;
		return PVNET_HDR_OK;
	}

	off->csum = PVNET_CSUM_PARTIAL;
	off->csum_start = get16(fmt, h->csum_start);
	off->csum_offset = get16(fmt, h->csum_offset);
	if (off->csum_start < PVNET_FRAME_MIN ||
	    (u32)off->csum_start + off->csum_offset + 2 > frame_bytes)
		return PVNET_HDR_BAD_CSUM;
	return PVNET_HDR_OK;
}

static enum pvnet_gso gso_kind(u8 wire)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(gso_kinds); i++)
		if (gso_kinds[i].wire == wire)
			return i;
	return PVNET_GSO_NONE;
}

/* virtio 1.3, 5.1.6.4.1: only negotiated kinds, with a size. */
static enum pvnet_hdr_fault decode_gso(const struct virtio_net_hdr *h,
				       const struct pvnet_hdr_format *fmt,
				       u32 frame_bytes,
				       struct pvnet_offload *off)
{
	enum pvnet_gso gso = gso_kind(h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN);
	u16 size = get16(fmt, h->gso_size);

	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return PVNET_HDR_OK;
	if (!gso || !has(fmt, gso_kinds[gso].guest_feature))
		return PVNET_HDR_BAD_GSO;
	if (!size || size == GSO_SIZE_RESERVED)
		return PVNET_HDR_BAD_GSO;

	off->ecn = h->gso_type & VIRTIO_NET_HDR_GSO_ECN;
	if (off->ecn && (gso == PVNET_GSO_UFO ||
			 !has(fmt, VIRTIO_NET_F_GUEST_ECN)))
		return PVNET_HDR_BAD_GSO;
	if (gso != PVNET_GSO_UFO && off->csum == PVNET_CSUM_PARTIAL &&
	    (off->csum_offset != TCP_CSUM_OFFSET ||
	     off->csum_start + TCP_HEADER_MIN > frame_bytes))
		return PVNET_HDR_BAD_GSO;

	/* One segment needs no segmentation; the stack expects at least two. */
	if (frame_bytes <= size) {
		off->ecn = false;
		return PVNET_HDR_OK;
	}
	off->gso = gso;
	off->gso_size = size;
	return PVNET_HDR_OK;
}

/**
 * pvnet_hdr_decode() - check a received header and take its fields out
 * @hdr: header, copied from the buffer so that the device cannot change it
 * @fmt: what was negotiated
 * @frame_bytes: length of the frame without header, of all buffers
 * @out: receives the fields; untouched if the header is bad
 *
 * hdr_len is not read: it is a hint that a device may fill with anything.
 *
 * Return: PVNET_HDR_OK, or which promise is broken.
 */
enum pvnet_hdr_fault
pvnet_hdr_decode(const struct virtio_net_hdr_mrg_rxbuf *hdr,
		 const struct pvnet_hdr_format *fmt, u32 frame_bytes,
		 struct pvnet_offload *out)
{
	struct pvnet_offload off = { .csum = PVNET_CSUM_NONE };
	enum pvnet_hdr_fault fault;

	fault = decode_csum(&hdr->hdr, fmt, frame_bytes, &off);
	if (!fault)
		fault = decode_gso(&hdr->hdr, fmt, frame_bytes, &off);
	if (!fault)
		*out = off;
	return fault;
}

/**
 * pvnet_hdr_encode() - write the header of a frame to send
 * @off: what the frame needs done
 * @fmt: what was negotiated
 * @hdr: receives the header; all 12 bytes are written
 *
 * Return: 0, or -EINVAL if the frame needs what the device does not offer.
 */
int pvnet_hdr_encode(const struct pvnet_offload *off,
		     const struct pvnet_hdr_format *fmt,
		     struct virtio_net_hdr_mrg_rxbuf *hdr)
{
	struct virtio_net_hdr_mrg_rxbuf out = { .num_buffers = 0 };

	if (off->csum == PVNET_CSUM_PARTIAL) {
		if (!has(fmt, VIRTIO_NET_F_CSUM))
			return -EINVAL;
		out.hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		out.hdr.csum_start = put16(fmt, off->csum_start);
		out.hdr.csum_offset = put16(fmt, off->csum_offset);
	}
	if (off->gso != PVNET_GSO_NONE) {
		if (!has(fmt, gso_kinds[off->gso].host_feature) ||
		    (off->ecn && !has(fmt, VIRTIO_NET_F_HOST_ECN)))
			return -EINVAL;
		out.hdr.gso_type = gso_kinds[off->gso].wire;
		if (off->ecn)
			out.hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		out.hdr.gso_size = put16(fmt, off->gso_size);
		out.hdr.hdr_len = put16(fmt, off->hdr_len);
	}
	*hdr = out;
	return 0;
}
