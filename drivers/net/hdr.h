/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hdr - virtio_net_hdr <-> offload fields: PURE
 *
 * Knows nothing of sk_buff: the callers in rx.c and tx.c copy between
 * struct pvnet_offload and the sk_buff.
 */
#ifndef PVNET_HDR_H
#define PVNET_HDR_H

#include "pv_types.h"
#include <linux/virtio_net.h>

/* Longest frame a device may hand over (virtio 1.3, 5.1.6.3.1). */
#define PVNET_FRAME_MAX		65550u
/* Shortest frame with an Ethernet header. */
#define PVNET_FRAME_MIN		14u

/**
 * enum pvnet_csum - what is known about a frame's checksum
 * @PVNET_CSUM_NONE: nothing; the stack has to look at it
 * @PVNET_CSUM_VALID: verified by the sender of the header
 * @PVNET_CSUM_PARTIAL: still to be filled in, at csum_start + csum_offset
 */
enum pvnet_csum {
	PVNET_CSUM_NONE,
	PVNET_CSUM_VALID,
	PVNET_CSUM_PARTIAL,
};

/**
 * enum pvnet_gso - kind of segmentation a frame still needs
 */
enum pvnet_gso {
	PVNET_GSO_NONE,
	PVNET_GSO_TCP4,
	PVNET_GSO_TCP6,
	PVNET_GSO_UFO,
};

/**
 * struct pvnet_offload - the header's content after all checks
 * @csum: state of the checksum
 * @gso: kind of segmentation
 * @ecn: segments carry CWR only in the first (with TCP kinds)
 * @csum_start: bytes from the start of the frame, if @csum is partial
 * @csum_offset: bytes from @csum_start to the checksum, if partial
 * @gso_size: payload bytes a segment, not 0 if @gso is not NONE
 * @hdr_len: bytes of all headers; a hint, never read from a device
 */
struct pvnet_offload {
	enum pvnet_csum csum;
	enum pvnet_gso gso;
	bool ecn;
	u16 csum_start;
	u16 csum_offset;
	u16 gso_size;
	u16 hdr_len;
};

/**
 * struct pvnet_hdr_format - what was negotiated about the header
 * @features: feature bits in force (not only offered)
 * @little_endian: fields are little endian, else big endian
 * @bytes: length of the header before each frame: 10 or 12
 */
struct pvnet_hdr_format {
	u64 features;
	bool little_endian;
	u8 bytes;
};

/**
 * enum pvnet_hdr_fault - which promise of the device a header breaks
 */
enum pvnet_hdr_fault {
	PVNET_HDR_OK,
	PVNET_HDR_BAD_CSUM,
	PVNET_HDR_BAD_GSO,
};

void pvnet_hdr_format_init(struct pvnet_hdr_format *fmt, u64 features,
			   bool legacy_little_endian);
unsigned int
pvnet_hdr_num_buffers(const struct virtio_net_hdr_mrg_rxbuf *hdr,
		      const struct pvnet_hdr_format *fmt);
enum pvnet_hdr_fault
pvnet_hdr_decode(const struct virtio_net_hdr_mrg_rxbuf *hdr,
		 const struct pvnet_hdr_format *fmt, u32 frame_bytes,
		 struct pvnet_offload *out);
int pvnet_hdr_encode(const struct pvnet_offload *off,
		     const struct pvnet_hdr_format *fmt,
		     struct virtio_net_hdr_mrg_rxbuf *hdr);

#endif /* PVNET_HDR_H */
