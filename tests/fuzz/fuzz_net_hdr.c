// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_net_hdr - virtio-net headers from a guest and from a port
 *
 *	input: features, bytes of the frame, header, the frame's first bytes
 */
#include <linux/if_ether.h>
#include <linux/virtio_config.h>
#include <stdlib.h>

#include "fuzz.h"
#include "net_hdr.h"

#define FRAME_MAX 4096

/* All that decides, packed together so that every bit of the input counts. */
static u64 features_take(struct fuzz_input *in)
{
	u64 features = fuzz_u16(in);

	if (fuzz_u8(in) & 1)
		features |= BIT_ULL(VIRTIO_F_VERSION_1);
	return features;
}

static bool gso(const struct net_hdr *h)
{
	return h->gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

/* What a port relies on, tap's kernel side among them. */
static void check_sound(const struct net_hdr *h, u64 features, size_t len)
{
	size_t start = le16_to_cpu(h->csum_start);

	FUZZ_CHECK(!(h->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM));
	FUZZ_CHECK(le16_to_cpu(h->hdr_len) <= len);
	FUZZ_CHECK(!h->num_buffers);
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		FUZZ_CHECK(features & BIT_ULL(VIRTIO_NET_F_CSUM));
		FUZZ_CHECK(start + le16_to_cpu(h->csum_offset) + 2 <= len);
	} else {
		FUZZ_CHECK(!h->csum_start && !h->csum_offset);
	}
	FUZZ_CHECK(gso(h) == !!h->gso_size);
	FUZZ_CHECK(!gso(h) || (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM));
}

/* From the guest: what passes is sound, stays so, and its sum can be made. */
static void transmit(struct net_hdr hdr, u64 features, u8 *frame, size_t len)
{
	enum net_drop drop = net_hdr_check_tx(&hdr, features, len);
	struct net_hdr again = hdr;

	FUZZ_CHECK(drop < NET_DROP_MAX && net_drop_counter(drop));
	if (drop)
		return;
	FUZZ_CHECK(len >= ETH_HLEN);
	check_sound(&hdr, features, len);
	FUZZ_CHECK(!net_hdr_check_tx(&again, features, len));
	FUZZ_CHECK(!memcmp(&again, &hdr, sizeof(hdr)));
	net_hdr_csum_fill(&hdr, frame, len);
	FUZZ_CHECK(!(hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM));
}

/* From a port: the guest is told nothing that it has not negotiated. */
static void receive(struct net_hdr hdr, u64 features)
{
	enum net_drop drop = net_hdr_check_rx(&hdr, features);

	FUZZ_CHECK(drop < NET_DROP_MAX);
	if (drop || (features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
		return;
	FUZZ_CHECK(!hdr.flags);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };
	u64 features = features_take(&in);
	size_t len = fuzz_u16(&in) % FRAME_MAX;
	struct net_hdr hdr;
	u8 *frame;

	FUZZ_CHECK(net_hdr_len(features) <= sizeof(hdr));
	fuzz_bytes(&in, &hdr, sizeof(hdr));
	/* Exactly as long as the frame, so that a byte too far is seen. */
	frame = malloc(len ? len : 1);
	if (!frame)
		abort();
	fuzz_bytes(&in, frame, len);
	transmit(hdr, features, frame, len);
	receive(hdr, features);
	free(frame);
	return 0;
}
