// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_hdr - the header in front of every frame: fetched, checked, translated
 */
#include "net_hdr.h"

#include <assert.h>
#include <linux/if_ether.h>
#include <linux/virtio_config.h>
#include <string.h>

static const char *const drop_names[] = {
	[NET_DROP_NONE] = "drop_none",
	[NET_DROP_RUNT] = "drop_runt",
	[NET_DROP_OVERSIZE] = "drop_oversize",
	[NET_DROP_CSUM_RANGE] = "drop_csum_range",
	[NET_DROP_CSUM_FEATURE] = "drop_csum_feature",
	[NET_DROP_GSO_TYPE] = "drop_gso_type",
	[NET_DROP_GSO_FEATURE] = "drop_gso_feature",
	[NET_DROP_GSO_SIZE] = "drop_gso_size",
	[NET_DROP_GSO_CSUM] = "drop_gso_csum",
	[NET_DROP_NO_ROOM] = "drop_no_room",
	[NET_DROP_DISABLED] = "drop_disabled",
	[NET_DROP_STOPPED] = "drop_stopped",
	[NET_DROP_LINK_DOWN] = "drop_link_down",
	[NET_DROP_REFUSED] = "drop_refused",
	[NET_DROP_PORT_FULL] = "drop_port_full",
};
static_assert(ARRAY_SIZE(drop_names) == NET_DROP_MAX, "a name for each drop");

/**
 * struct gso_kind - what a kind of segmentation offload needs
 * @known:	the type exists
 * @ecn:	may carry VIRTIO_NET_HDR_GSO_ECN
 * @host_bit:	feature that lets the guest send it
 * @guest_bit:	feature that lets the guest receive it
 * @l4_len:	smallest transport header, bytes
 * @csum_offset: of the checksum field in it, bytes
 */
struct gso_kind {
	bool known;
	bool ecn;
	u8 host_bit;
	u8 guest_bit;
	u8 l4_len;
	u8 csum_offset;
};

/* By gso_type, virtio 1.3, 5.1.6. */
static const struct gso_kind gso_kinds[] = {
	[VIRTIO_NET_HDR_GSO_TCPV4] = {
		.known = true,
		.ecn = true,
		.host_bit = VIRTIO_NET_F_HOST_TSO4,
		.guest_bit = VIRTIO_NET_F_GUEST_TSO4,
		.l4_len = 20,
		.csum_offset = 16,
	},
	[VIRTIO_NET_HDR_GSO_UDP] = {
		.known = true,
		.host_bit = VIRTIO_NET_F_HOST_UFO,
		.guest_bit = VIRTIO_NET_F_GUEST_UFO,
		.l4_len = 8,
		.csum_offset = 6,
	},
	[VIRTIO_NET_HDR_GSO_TCPV6] = {
		.known = true,
		.ecn = true,
		.host_bit = VIRTIO_NET_F_HOST_TSO6,
		.guest_bit = VIRTIO_NET_F_GUEST_TSO6,
		.l4_len = 20,
		.csum_offset = 16,
	},
};

const char *net_drop_counter(enum net_drop reason)
{
	return drop_names[reason];
}

u32 net_hdr_len(u64 features)
{
	if (features & (BIT_ULL(VIRTIO_F_VERSION_1) |
			BIT_ULL(VIRTIO_NET_F_MRG_RXBUF)))
		return sizeof(struct net_hdr);
	return NET_HDR_LEGACY_LEN;
}

static const struct gso_kind *gso_kind_find(u8 gso_type)
{
	const struct gso_kind *kind;
	unsigned int type = gso_type & ~(unsigned int)VIRTIO_NET_HDR_GSO_ECN;

	if (type >= ARRAY_SIZE(gso_kinds) || !gso_kinds[type].known)
		return NULL;
	kind = &gso_kinds[type];
	if ((gso_type & VIRTIO_NET_HDR_GSO_ECN) && !kind->ecn)
		return NULL;
	return kind;
}

static enum net_drop csum_check(const struct net_hdr *hdr,
				u64 features, size_t data_len)
{
	size_t start = le16_to_cpu(hdr->csum_start);
	size_t field = start + le16_to_cpu(hdr->csum_offset);

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return NET_DROP_NONE;
	if (!(features & BIT_ULL(VIRTIO_NET_F_CSUM)))
		return NET_DROP_CSUM_FEATURE;
	/* virtio 1.3, 5.1.6.2: both lie within the packet; nothing in an
	 * Ethernet header is summed up.
	 */
	if (start < ETH_HLEN || field + sizeof(u16) > data_len)
		return NET_DROP_CSUM_RANGE;
	return NET_DROP_NONE;
}

static enum net_drop gso_check(const struct net_hdr *hdr,
			       u64 features, size_t data_len)
{
	const struct gso_kind *kind = gso_kind_find(hdr->gso_type);

	if (!kind)
		return NET_DROP_GSO_TYPE;
	if (!(features & BIT_ULL(kind->host_bit)))
		return NET_DROP_GSO_FEATURE;
	if ((hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN) &&
	    !(features & BIT_ULL(VIRTIO_NET_F_HOST_ECN)))
		return NET_DROP_GSO_FEATURE;
	if (!le16_to_cpu(hdr->gso_size))
		return NET_DROP_GSO_SIZE;
	/* virtio 1.3, 5.1.6.2.1: GSO comes with NEEDS_CSUM, and so csum_start
	 * is where the transport header begins.
	 */
	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) ||
	    le16_to_cpu(hdr->csum_offset) != kind->csum_offset ||
	    (size_t)le16_to_cpu(hdr->csum_start) + kind->l4_len > data_len)
		return NET_DROP_GSO_CSUM;
	return NET_DROP_NONE;
}

/* virtio 1.3, 5.1.6.2.2: hdr_len is a hint that may be wrong; but a tap refuses
 * one that is beyond the frame, so a wrong hint becomes no hint.
 */
static void hints_correct(struct net_hdr *hdr, size_t data_len)
{
	if (le16_to_cpu(hdr->hdr_len) > data_len)
		hdr->hdr_len = 0;
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		hdr->gso_size = 0;
	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		hdr->csum_start = 0;
		hdr->csum_offset = 0;
	}
	hdr->num_buffers = 0;
}

enum net_drop net_hdr_check_tx(struct net_hdr *hdr, u64 features,
			       size_t data_len)
{
	enum net_drop drop;

	if (data_len < ETH_HLEN)
		return NET_DROP_RUNT;

	/* virtio 1.3, 5.1.6.2.2: the device ignores flags it does not know. */
	hdr->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	drop = csum_check(hdr, features, data_len);
	if (drop)
		return drop;
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		drop = gso_check(hdr, features, data_len);
		if (drop)
			return drop;
	}
	hints_correct(hdr, data_len);
	return NET_DROP_NONE;
}

enum net_drop net_hdr_check_rx(struct net_hdr *hdr, u64 features)
{
	const struct gso_kind *kind;

	hdr->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM |
		      VIRTIO_NET_HDR_F_DATA_VALID;
	if (!(features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM))) {
		/* virtio 1.3, 5.1.6.4.1: flags is 0 without GUEST_CSUM. */
		if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
			return NET_DROP_CSUM_FEATURE;
		hdr->flags = 0;
	}
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return NET_DROP_NONE;

	kind = gso_kind_find(hdr->gso_type);
	if (!kind)
		return NET_DROP_GSO_TYPE;
	if (!(features & BIT_ULL(kind->guest_bit)))
		return NET_DROP_GSO_FEATURE;
	if ((hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN) &&
	    !(features & BIT_ULL(VIRTIO_NET_F_GUEST_ECN)))
		return NET_DROP_GSO_FEATURE;
	return NET_DROP_NONE;
}

/* RFC 1071: the one's complement of the one's complement sum. */
static u16 csum_of(const u8 *data, size_t len)
{
	u64 sum = 0;
	u16 word;

	for (; len >= sizeof(word); len -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		sum += word;
	}
	if (len) {
		word = 0;
		memcpy(&word, data, 1);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

void net_hdr_csum_fill(struct net_hdr *hdr, u8 *data, size_t len)
{
	size_t start = le16_to_cpu(hdr->csum_start);
	size_t field = start + le16_to_cpu(hdr->csum_offset);
	u16 csum;

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;

	/* The field holds the pseudo header's sum already, and 0 would mean
	 * "no checksum" to UDP (RFC 768).
	 */
	csum = csum_of(data + start, len - start);
	if (!csum)
		csum = 0xffff;
	memcpy(data + field, &csum, sizeof(csum));
	hdr->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	hdr->csum_start = 0;
	hdr->csum_offset = 0;
}
