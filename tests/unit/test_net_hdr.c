// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_net_hdr - what net_hdr.c lets through, corrects and refuses
 */
#include <linux/virtio_config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "net_hdr.h"

#define FEATURE(name) BIT_ULL(VIRTIO_NET_F_##name)

#define HOST_ALL (FEATURE(CSUM) | FEATURE(HOST_TSO4) | FEATURE(HOST_TSO6) | \
		  FEATURE(HOST_ECN) | FEATURE(HOST_UFO))
#define GUEST_ALL (FEATURE(GUEST_CSUM) | FEATURE(GUEST_TSO4) |	\
		   FEATURE(GUEST_TSO6) | FEATURE(GUEST_ECN) |	\
		   FEATURE(GUEST_UFO))

#define NEEDS_CSUM VIRTIO_NET_HDR_F_NEEDS_CSUM
#define DATA_VALID VIRTIO_NET_HDR_F_DATA_VALID
#define TCPV4 VIRTIO_NET_HDR_GSO_TCPV4
#define TCPV6 VIRTIO_NET_HDR_GSO_TCPV6
#define UDP VIRTIO_NET_HDR_GSO_UDP
#define ECN VIRTIO_NET_HDR_GSO_ECN

/* A header in our byte order, what is negotiated and what must come of it. */
struct hdr_case {
	const char *name;
	u64 features;
	size_t data_len;
	u8 flags;
	u8 gso_type;
	u16 hdr_len;
	u16 gso_size;
	u16 csum_start;
	u16 csum_offset;
	enum net_drop want;
};

static struct net_hdr hdr_of(const struct hdr_case *c)
{
	return (struct net_hdr){
		.flags = c->flags,
		.gso_type = c->gso_type,
		.hdr_len = cpu_to_le16(c->hdr_len),
		.gso_size = cpu_to_le16(c->gso_size),
		.csum_start = cpu_to_le16(c->csum_start),
		.csum_offset = cpu_to_le16(c->csum_offset),
		.num_buffers = cpu_to_le16(7),
	};
}

static const struct hdr_case tx_cases[] = {
	{ "plain", 0, 60, 0, 0, 0, 0, 0, 0, NET_DROP_NONE },
	{ "shortest frame", 0, 14, 0, 0, 0, 0, 0, 0, NET_DROP_NONE },
	{ "runt", HOST_ALL, 13, 0, 0, 0, 0, 0, 0, NET_DROP_RUNT },
	{ "nothing", HOST_ALL, 0, 0, 0, 0, 0, 0, 0, NET_DROP_RUNT },

	{ "csum", HOST_ALL, 60, NEEDS_CSUM, 0, 0, 0, 34, 16, NET_DROP_NONE },
	{ "csum not negotiated", HOST_ALL & ~FEATURE(CSUM), 60, NEEDS_CSUM, 0,
	  0, 0, 34, 16, NET_DROP_CSUM_FEATURE },
	{ "csum field ends with the frame", HOST_ALL, 60, NEEDS_CSUM, 0, 0, 0,
	  42, 16, NET_DROP_NONE },
	{ "csum field one byte out", HOST_ALL, 60, NEEDS_CSUM, 0, 0, 0, 43, 16,
	  NET_DROP_CSUM_RANGE },
	{ "csum start out", HOST_ALL, 60, NEEDS_CSUM, 0, 0, 0, 65535, 0,
	  NET_DROP_CSUM_RANGE },
	{ "csum sum wraps 16 bits", HOST_ALL, 60, NEEDS_CSUM, 0, 0, 0, 40,
	  65530, NET_DROP_CSUM_RANGE },
	{ "csum of the Ethernet header", HOST_ALL, 60, NEEDS_CSUM, 0, 0, 0, 13,
	  0, NET_DROP_CSUM_RANGE },

	{ "tso4", HOST_ALL, 4000, NEEDS_CSUM, TCPV4, 54, 1448, 34, 16,
	  NET_DROP_NONE },
	{ "tso4 ecn", HOST_ALL, 4000, NEEDS_CSUM, TCPV4 | ECN, 54, 1448, 34,
	  16, NET_DROP_NONE },
	{ "tso6", HOST_ALL, 4000, NEEDS_CSUM, TCPV6, 74, 1428, 54, 16,
	  NET_DROP_NONE },
	{ "ufo", HOST_ALL, 4000, NEEDS_CSUM, UDP, 42, 1480, 34, 6,
	  NET_DROP_NONE },
	{ "tso4 not negotiated", HOST_ALL & ~FEATURE(HOST_TSO4), 4000,
	  NEEDS_CSUM, TCPV4, 54, 1448, 34, 16, NET_DROP_GSO_FEATURE },
	{ "tso6 not negotiated", HOST_ALL & ~FEATURE(HOST_TSO6), 4000,
	  NEEDS_CSUM, TCPV6, 74, 1428, 54, 16, NET_DROP_GSO_FEATURE },
	{ "ufo not negotiated", HOST_ALL & ~FEATURE(HOST_UFO), 4000, NEEDS_CSUM,
	  UDP, 42, 1480, 34, 6, NET_DROP_GSO_FEATURE },
	{ "ecn not negotiated", HOST_ALL & ~FEATURE(HOST_ECN), 4000, NEEDS_CSUM,
	  TCPV4 | ECN, 54, 1448, 34, 16, NET_DROP_GSO_FEATURE },
	{ "ecn alone", HOST_ALL, 4000, NEEDS_CSUM, ECN, 54, 1448, 34, 16,
	  NET_DROP_GSO_TYPE },
	{ "ecn on udp", HOST_ALL, 4000, NEEDS_CSUM, UDP | ECN, 42, 1480, 34, 6,
	  NET_DROP_GSO_TYPE },
	{ "gso type 2", HOST_ALL, 4000, NEEDS_CSUM, 2, 54, 1448, 34, 16,
	  NET_DROP_GSO_TYPE },
	{ "gso type 127", HOST_ALL, 4000, NEEDS_CSUM, 127, 54, 1448, 34, 16,
	  NET_DROP_GSO_TYPE },
	{ "gso type 255", HOST_ALL, 4000, NEEDS_CSUM, 255, 54, 1448, 34, 16,
	  NET_DROP_GSO_TYPE },
	{ "gso size 0", HOST_ALL, 4000, NEEDS_CSUM, TCPV4, 54, 0, 34, 16,
	  NET_DROP_GSO_SIZE },
	{ "gso without csum", HOST_ALL, 4000, 0, TCPV4, 54, 1448, 34, 16,
	  NET_DROP_GSO_CSUM },
	{ "tcp with udp's csum field", HOST_ALL, 4000, NEEDS_CSUM, TCPV4, 54,
	  1448, 34, 6, NET_DROP_GSO_CSUM },
	{ "tcp header cut off", HOST_ALL, 53, NEEDS_CSUM, TCPV4, 54, 1448, 34,
	  16, NET_DROP_GSO_CSUM },
	{ "tcp header just there", HOST_ALL, 54, NEEDS_CSUM, TCPV4, 54, 1448,
	  34, 16, NET_DROP_NONE },
};

static void test_tx_table(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(tx_cases); i++) {
		const struct hdr_case *c = &tx_cases[i];
		struct net_hdr hdr = hdr_of(c);
		enum net_drop got;

		got = net_hdr_check_tx(&hdr, c->features, c->data_len);
		if (got != c->want)
			fail_msg("%s: %s, want %s", c->name,
				 net_drop_counter(got),
				 net_drop_counter(c->want));
	}
}

/* What goes on to the port says nothing that was not checked. */
static void test_tx_corrects(void **state)
{
	struct net_hdr hdr = {
		.flags = 0xfe,
		.hdr_len = cpu_to_le16(61),
		.gso_size = cpu_to_le16(99),
		.csum_start = cpu_to_le16(5),
		.csum_offset = cpu_to_le16(6),
		.num_buffers = cpu_to_le16(8),
	};
	static const struct net_hdr zero;

	assert_int_equal(net_hdr_check_tx(&hdr, HOST_ALL, 60), NET_DROP_NONE);
	assert_memory_equal(&hdr, &zero, sizeof(hdr));
}

static void test_tx_keeps(void **state)
{
	const struct hdr_case c = {
		.flags = NEEDS_CSUM, .gso_type = TCPV4 | ECN, .hdr_len = 54,
		.gso_size = 1448, .csum_start = 34, .csum_offset = 16,
	};
	struct net_hdr hdr = hdr_of(&c), want = hdr_of(&c);

	want.num_buffers = 0;
	assert_int_equal(net_hdr_check_tx(&hdr, HOST_ALL, 4000), NET_DROP_NONE);
	assert_memory_equal(&hdr, &want, sizeof(hdr));
}

static const struct hdr_case rx_cases[] = {
	{ .name = "plain", .want = NET_DROP_NONE },
	{ .name = "csum", .features = GUEST_ALL, .flags = NEEDS_CSUM,
	  .want = NET_DROP_NONE },
	{ .name = "csum not negotiated", .features = HOST_ALL,
	  .flags = NEEDS_CSUM, .want = NET_DROP_CSUM_FEATURE },
	{ .name = "tso4", .features = GUEST_ALL, .flags = NEEDS_CSUM,
	  .gso_type = TCPV4, .want = NET_DROP_NONE },
	{ .name = "tso4 not negotiated",
	  .features = GUEST_ALL & ~FEATURE(GUEST_TSO4), .flags = NEEDS_CSUM,
	  .gso_type = TCPV4, .want = NET_DROP_GSO_FEATURE },
	{ .name = "tso6 not negotiated",
	  .features = GUEST_ALL & ~FEATURE(GUEST_TSO6), .flags = NEEDS_CSUM,
	  .gso_type = TCPV6, .want = NET_DROP_GSO_FEATURE },
	{ .name = "ufo not negotiated",
	  .features = GUEST_ALL & ~FEATURE(GUEST_UFO), .flags = NEEDS_CSUM,
	  .gso_type = UDP, .want = NET_DROP_GSO_FEATURE },
	{ .name = "ecn not negotiated",
	  .features = GUEST_ALL & ~FEATURE(GUEST_ECN), .flags = NEEDS_CSUM,
	  .gso_type = TCPV6 | ECN, .want = NET_DROP_GSO_FEATURE },
	{ .name = "unknown type", .features = GUEST_ALL, .flags = NEEDS_CSUM,
	  .gso_type = 5, .want = NET_DROP_GSO_TYPE },
};

static void test_rx_table(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rx_cases); i++) {
		const struct hdr_case *c = &rx_cases[i];
		struct net_hdr hdr = hdr_of(c);
		enum net_drop got;

		got = net_hdr_check_rx(&hdr, c->features);
		if (got != c->want)
			fail_msg("%s: %s, want %s", c->name,
				 net_drop_counter(got),
				 net_drop_counter(c->want));
	}
}

/* virtio 1.3, 5.1.6.4.1: no flag without GUEST_CSUM. */
static void test_rx_flags(void **state)
{
	struct net_hdr hdr = { .flags = DATA_VALID | 0xf0 };

	assert_int_equal(net_hdr_check_rx(&hdr, GUEST_ALL), NET_DROP_NONE);
	assert_int_equal(hdr.flags, DATA_VALID);
	assert_int_equal(net_hdr_check_rx(&hdr, 0), NET_DROP_NONE);
	assert_int_equal(hdr.flags, 0);
}

static void test_len(void **state)
{
	assert_int_equal(net_hdr_len(0), 10);
	assert_int_equal(net_hdr_len(FEATURE(MRG_RXBUF)), 12);
	assert_int_equal(net_hdr_len(BIT_ULL(VIRTIO_F_VERSION_1)), 12);
}

/* One's complement sum of big-endian words, written the plain way. */
static u16 plain_sum(const u8 *p, size_t len)
{
	u32 sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (u32)p[i] << (i % 2 ? 0 : 8);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

/* A receiver sums everything, the checksum field included, to all ones. */
static void test_csum_fill(void **state)
{
	u8 data[200];

	for (size_t len = 60; len < sizeof(data); len++) {
		struct net_hdr hdr = {
			.flags = NEEDS_CSUM,
			.csum_start = cpu_to_le16(34),
			.csum_offset = cpu_to_le16(16),
		};
		const u16 pseudo = 0x1234;
		u32 sum;

		for (size_t i = 0; i < len; i++)
			data[i] = (u8)(i * 37 + len);
		data[50] = pseudo >> 8;
		data[51] = pseudo & 0xff;
		net_hdr_csum_fill(&hdr, data, len);
		sum = (u32)plain_sum(data + 34, len - 34) + pseudo;
		sum = (sum & 0xffff) + (sum >> 16);
		assert_int_equal(sum, 0xffff);
		assert_int_equal(hdr.flags, DATA_VALID);
	}
}

static void test_csum_never_zero(void **state)
{
	struct net_hdr hdr = {
		.flags = NEEDS_CSUM,
		.csum_start = cpu_to_le16(34),
		.csum_offset = cpu_to_le16(6),
	};
	u8 data[42] = { [40] = 0xff, [41] = 0xff };

	net_hdr_csum_fill(&hdr, data, sizeof(data));
	assert_int_equal(data[40], 0xff);
	assert_int_equal(data[41], 0xff);
}

static void test_csum_not_asked(void **state)
{
	struct net_hdr hdr = { .csum_start = cpu_to_le16(14) };
	u8 data[60] = { 0 }, before[60] = { 0 };

	net_hdr_csum_fill(&hdr, data, sizeof(data));
	assert_memory_equal(data, before, sizeof(data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx_table),
		cmocka_unit_test(test_tx_corrects),
		cmocka_unit_test(test_tx_keeps),
		cmocka_unit_test(test_rx_table),
		cmocka_unit_test(test_rx_flags),
		cmocka_unit_test(test_len),
		cmocka_unit_test(test_csum_fill),
		cmocka_unit_test(test_csum_never_zero),
		cmocka_unit_test(test_csum_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
