// SPDX-License-Identifier: GPL-2.0
/*
 * test_pvnet_hdr - received headers judged, headers to send written
 */
#include "pv_test.h"
#include "hdr.h"

#define FRAME 2000u
#define F(name) BIT_ULL(VIRTIO_NET_F_##name)
#define VERSION_1 BIT_ULL(32)

#define ALL (VERSION_1 | F(CSUM) | F(GUEST_CSUM) | F(GUEST_TSO4) | \
	     F(GUEST_TSO6) | F(GUEST_ECN) | F(GUEST_UFO) | F(HOST_TSO4) | \
	     F(HOST_TSO6) | F(HOST_ECN) | F(HOST_UFO) | F(MRG_RXBUF))

#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define VALID VIRTIO_NET_HDR_F_DATA_VALID
#define TCP4 VIRTIO_NET_HDR_GSO_TCPV4
#define TCP6 VIRTIO_NET_HDR_GSO_TCPV6
#define UDP VIRTIO_NET_HDR_GSO_UDP
#define ECN VIRTIO_NET_HDR_GSO_ECN

static __virtio16 le(u16 v)
{
	return (__force __virtio16)cpu_to_le16(v);
}

struct rx_case {
	const char *name;
	u64 features;
	u32 frame;
	u8 flags;
	u8 gso_type;
	u16 gso_size;
	u16 start;
	u16 offset;
	enum pvnet_hdr_fault fault;
	enum pvnet_csum csum;
	enum pvnet_gso gso;
	bool ecn;
};

#define OK(c, g, e)							\
	.fault = PVNET_HDR_OK, .csum = PVNET_CSUM_##c,			\
	.gso = PVNET_GSO_##g, .ecn = e
#define BAD(what) .fault = PVNET_HDR_BAD_##what

static const struct rx_case rx_cases[] = {
	{ "plain", ALL, FRAME, 0, 0, 0, 0, 0, OK(NONE, NONE, false) },
	{ "plain, nothing negotiated", 0, FRAME, 0, 0, 0, 0, 0,
	  OK(NONE, NONE, false) },
	{ "unknown flag", ALL, FRAME, 0x80, 0, 0, 0, 0,
	  OK(NONE, NONE, false) },
	{ "rest ignored without flag", ALL, FRAME, 0, 0, 99, 0xffff, 0xffff,
	  OK(NONE, NONE, false) },

	{ "valid", ALL, FRAME, VALID, 0, 0, 0, 0, OK(VALID, NONE, false) },
	{ "valid, not negotiated", ALL & ~F(GUEST_CSUM), FRAME, VALID, 0, 0,
	  0, 0, BAD(CSUM) },
	{ "partial", ALL, FRAME, NEEDS, 0, 0, 34, 16,
	  OK(PARTIAL, NONE, false) },
	{ "partial and valid", ALL, FRAME, NEEDS | VALID, 0, 0, 34, 16,
	  OK(PARTIAL, NONE, false) },
	{ "partial, not negotiated", ALL & ~F(GUEST_CSUM), FRAME, NEEDS, 0, 0,
	  34, 16, BAD(CSUM) },
	{ "sum ends with frame", ALL, 52, NEEDS, 0, 0, 34, 16,
	  OK(PARTIAL, NONE, false) },
	{ "sum one byte over", ALL, 51, NEEDS, 0, 0, 34, 16, BAD(CSUM) },
	{ "start inside Ethernet header", ALL, FRAME, NEEDS, 0, 0, 13, 16,
	  BAD(CSUM) },
	{ "start at once after it", ALL, FRAME, NEEDS, 0, 0, 14, 16,
	  OK(PARTIAL, NONE, false) },
	{ "start 0xffff", ALL, FRAME, NEEDS, 0, 0, 0xffff, 16, BAD(CSUM) },
	{ "offset 0xffff", ALL, FRAME, NEEDS, 0, 0, 34, 0xffff, BAD(CSUM) },
	{ "sum wraps 16 bits", ALL, FRAME, NEEDS, 0, 0, 0xfff0, 0x0020,
	  BAD(CSUM) },

	{ "tcp4", ALL, FRAME, NEEDS, TCP4, 1448, 34, 16,
	  OK(PARTIAL, TCP4, false) },
	{ "tcp6", ALL, FRAME, NEEDS, TCP6, 1428, 54, 16,
	  OK(PARTIAL, TCP6, false) },
	{ "ufo", ALL, FRAME, NEEDS, UDP, 1472, 34, 6,
	  OK(PARTIAL, UFO, false) },
	{ "tcp4 with ecn", ALL, FRAME, NEEDS, TCP4 | ECN, 1448, 34, 16,
	  OK(PARTIAL, TCP4, true) },
	{ "tcp4 without partial sum", ALL, FRAME, VALID, TCP4, 1448, 0, 0,
	  OK(VALID, TCP4, false) },
	{ "one segment is none", ALL, 1000, NEEDS, TCP4 | ECN, 1000, 34, 16,
	  OK(PARTIAL, NONE, false) },
	{ "two segments", ALL, 1001, NEEDS, TCP4, 1000, 34, 16,
	  OK(PARTIAL, TCP4, false) },

	{ "tcp4 not negotiated", ALL & ~F(GUEST_TSO4), FRAME, NEEDS, TCP4,
	  1448, 34, 16, BAD(GSO) },
	{ "tcp6 not negotiated", ALL & ~F(GUEST_TSO6), FRAME, NEEDS, TCP6,
	  1448, 54, 16, BAD(GSO) },
	{ "ufo not negotiated", ALL & ~F(GUEST_UFO), FRAME, NEEDS, UDP, 1448,
	  34, 6, BAD(GSO) },
	{ "ecn not negotiated", ALL & ~F(GUEST_ECN), FRAME, NEEDS, TCP4 | ECN,
	  1448, 34, 16, BAD(GSO) },
	{ "ecn with ufo", ALL, FRAME, NEEDS, UDP | ECN, 1448, 34, 6,
	  BAD(GSO) },
	{ "ecn alone", ALL, FRAME, NEEDS, ECN, 1448, 34, 16, BAD(GSO) },
	{ "size 0", ALL, FRAME, NEEDS, TCP4, 0, 34, 16, BAD(GSO) },
	{ "size 0xffff", ALL, PVNET_FRAME_MAX, NEEDS, TCP4, 0xffff, 34, 16,
	  BAD(GSO) },
	{ "uso", ALL, FRAME, NEEDS, 5, 1448, 34, 6, BAD(GSO) },
	{ "unknown type", ALL, FRAME, NEEDS, 2, 1448, 34, 16, BAD(GSO) },
	{ "type 0x7f", ALL, FRAME, NEEDS, 0x7f, 1448, 34, 16, BAD(GSO) },
	{ "tcp, sum not tcp's", ALL, FRAME, NEEDS, TCP4, 1448, 34, 6,
	  BAD(GSO) },
	{ "tcp header over the end", ALL, 53, NEEDS, TCP4, 20, 34, 16,
	  BAD(GSO) },
	{ "tcp header to the end", ALL, 54, NEEDS, TCP4, 20, 34, 16,
	  OK(PARTIAL, TCP4, false) },
};

static struct virtio_net_hdr_mrg_rxbuf rx_hdr(const struct rx_case *c)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.hdr.flags = c->flags,
		.hdr.gso_type = c->gso_type,
		.hdr.hdr_len = le(0xffff),
		.hdr.gso_size = le(c->gso_size),
		.hdr.csum_start = le(c->start),
		.hdr.csum_offset = le(c->offset),
	};

	return hdr;
}

PV_TEST(decode_verdict)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	const struct rx_case *c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rx_cases); i++) {
		struct pvnet_hdr_format fmt;
		struct pvnet_offload off;

		c = &rx_cases[i];
		pvnet_hdr_format_init(&fmt, c->features, true);
		hdr = rx_hdr(c);
		PV_EXPECT_ROW(c->name, pvnet_hdr_decode(&hdr, &fmt, c->frame,
							&off), c->fault);
	}
}

PV_TEST(decode_fields)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct pvnet_hdr_format fmt;
	const struct rx_case *c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rx_cases); i++) {
		struct pvnet_offload off = { .hdr_len = 0xabcd };

		c = &rx_cases[i];
		pvnet_hdr_format_init(&fmt, c->features, true);
		hdr = rx_hdr(c);
		if (pvnet_hdr_decode(&hdr, &fmt, c->frame, &off)) {
			PV_EXPECT_ROW(c->name, off.hdr_len, 0xabcd);
			continue;
		}
		PV_EXPECT_ROW(c->name, off.hdr_len, 0);
		PV_EXPECT_ROW(c->name, off.csum, c->csum);
		PV_EXPECT_ROW(c->name, off.gso, c->gso);
		PV_EXPECT_ROW(c->name, off.ecn, c->ecn);
		PV_EXPECT_ROW(c->name, off.gso_size, c->gso ? c->gso_size : 0);
		if (c->csum != PVNET_CSUM_PARTIAL)
			continue;
		PV_EXPECT_ROW(c->name, off.csum_start, c->start);
		PV_EXPECT_ROW(c->name, off.csum_offset, c->offset);
	}
}

PV_TEST(format_by_features)
{
	struct pvnet_hdr_format fmt;

	pvnet_hdr_format_init(&fmt, VERSION_1, false);
	PV_EXPECT_EQ(fmt.bytes, 12);
	PV_EXPECT(fmt.little_endian);
	pvnet_hdr_format_init(&fmt, 0, false);
	PV_EXPECT_EQ(fmt.bytes, 10);
	PV_EXPECT(!fmt.little_endian);
	pvnet_hdr_format_init(&fmt, F(MRG_RXBUF), true);
	PV_EXPECT_EQ(fmt.bytes, 12);
	PV_EXPECT(fmt.little_endian);
}

static __virtio16 be(u16 v)
{
	return (__force __virtio16)cpu_to_be16(v);
}

/* A device before 1.0 writes in the guest's own order. */
PV_TEST(decode_big_endian)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.hdr.flags = NEEDS,
		.hdr.csum_start = be(34),
		.hdr.csum_offset = be(16),
		.num_buffers = be(3),
	};
	struct pvnet_offload off = { 0 };
	struct pvnet_hdr_format fmt;

	pvnet_hdr_format_init(&fmt, ALL & ~VERSION_1, false);
	PV_EXPECT_EQ(pvnet_hdr_decode(&hdr, &fmt, FRAME, &off), PVNET_HDR_OK);
	PV_EXPECT_EQ(off.csum_start, 34);
	PV_EXPECT_EQ(off.csum_offset, 16);
	PV_EXPECT_EQ(pvnet_hdr_num_buffers(&hdr, &fmt), 3);
}

PV_TEST(num_buffers_little_endian)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = { .num_buffers = le(0x0102) };
	struct pvnet_hdr_format fmt;

	pvnet_hdr_format_init(&fmt, ALL, false);
	PV_EXPECT_EQ(pvnet_hdr_num_buffers(&hdr, &fmt), 0x0102);
}

struct tx_case {
	const char *name;
	u64 features;
	struct pvnet_offload off;
	int err;
	u8 flags;
	u8 gso_type;
};

#define PARTIAL .csum = PVNET_CSUM_PARTIAL, .csum_start = 34, .csum_offset = 16

static const struct tx_case tx_cases[] = {
	{ "plain", 0, { 0 }, 0, 0, 0 },
	{ "partial", ALL, { PARTIAL }, 0, NEEDS, 0 },
	{ "partial, not offered", ALL & ~F(CSUM), { PARTIAL }, -EINVAL, 0, 0 },
	{ "tcp4", ALL, { PARTIAL, .gso = PVNET_GSO_TCP4 }, 0, NEEDS, TCP4 },
	{ "tcp6", ALL, { PARTIAL, .gso = PVNET_GSO_TCP6 }, 0, NEEDS, TCP6 },
	{ "ufo", ALL, { PARTIAL, .gso = PVNET_GSO_UFO }, 0, NEEDS, UDP },
	{ "tcp4 with ecn", ALL, { PARTIAL, .gso = PVNET_GSO_TCP4,
				  .ecn = true }, 0, NEEDS, TCP4 | ECN },
	{ "ecn not offered", ALL & ~F(HOST_ECN),
	  { PARTIAL, .gso = PVNET_GSO_TCP4, .ecn = true }, -EINVAL, 0, 0 },
	{ "tcp4 not offered", ALL & ~F(HOST_TSO4),
	  { PARTIAL, .gso = PVNET_GSO_TCP4 }, -EINVAL, 0, 0 },
	{ "tcp6 not offered", ALL & ~F(HOST_TSO6),
	  { PARTIAL, .gso = PVNET_GSO_TCP6 }, -EINVAL, 0, 0 },
	{ "ufo not offered", ALL & ~F(HOST_UFO),
	  { PARTIAL, .gso = PVNET_GSO_UFO }, -EINVAL, 0, 0 },
};

PV_TEST(encode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tx_cases); i++) {
		struct virtio_net_hdr_mrg_rxbuf hdr = { .hdr.flags = 0x55 };
		const struct tx_case *c = &tx_cases[i];
		struct pvnet_offload off = c->off;
		bool gso = off.gso != PVNET_GSO_NONE;
		struct pvnet_hdr_format fmt;

		off.gso_size = 0x0506;
		off.hdr_len = 0x0066;
		pvnet_hdr_format_init(&fmt, c->features, true);
		PV_EXPECT_ROW(c->name, pvnet_hdr_encode(&off, &fmt, &hdr),
			      c->err);
		if (c->err) {
			PV_EXPECT_ROW(c->name, hdr.hdr.flags, 0x55);
			continue;
		}
		PV_EXPECT_ROW(c->name, hdr.hdr.flags, c->flags);
		PV_EXPECT_ROW(c->name, hdr.hdr.gso_type, c->gso_type);
		PV_EXPECT_ROW(c->name, hdr.hdr.csum_start,
			      le(off.csum_start));
		PV_EXPECT_ROW(c->name, hdr.hdr.csum_offset,
			      le(off.csum_offset));
		PV_EXPECT_ROW(c->name, hdr.hdr.gso_size,
			      gso ? le(0x0506) : 0);
		PV_EXPECT_ROW(c->name, hdr.hdr.hdr_len, gso ? le(0x0066) : 0);
		PV_EXPECT_ROW(c->name, hdr.num_buffers, 0);
	}
}

PV_SUITE(pvnet_hdr,
	 PV_CASE(decode_verdict),
	 PV_CASE(decode_fields),
	 PV_CASE(format_by_features),
	 PV_CASE(decode_big_endian),
	 PV_CASE(num_buffers_little_endian),
	 PV_CASE(encode));
