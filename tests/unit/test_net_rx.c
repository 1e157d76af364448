// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_net_rx - frames into receive buffers of every shape
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "net_fake_vq.h"
#include "net_rx.h"

#define HDR 12
#define MERGEABLE BIT_ULL(VIRTIO_NET_F_MRG_RXBUF)
#define MODERN BIT_ULL(VIRTIO_F_VERSION_1)
#define GUEST_TSO (BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) | \
		   BIT_ULL(VIRTIO_NET_F_GUEST_TSO4))

static struct fake_vq ring;
static struct net_rx rx;
static u8 memory[256 * 1024];
static u8 frame[70000];

static void start(u64 features)
{
	fake_vq_init(&ring, features);
	memset(&rx, 0, sizeof(rx));
	memset(memory, 0xee, sizeof(memory));
	memset(frame, 0, HDR);
	for (size_t i = HDR; i < sizeof(frame); i++)
		frame[i] = (u8)(i * 7 + i / 256);
	net_rx_start(&rx, &ring.q);
}

/* A buffer of @len bytes, cut at @cut where that is not 0. */
static void add(size_t at, size_t len, size_t cut)
{
	struct iovec iov[2] = {
		{ memory + at, cut ? cut : len },
		{ memory + at + cut, len - cut },
	};

	fake_vq_add(&ring, iov, 0, cut ? 2 : 1);
}

static u16 num_buffers(const u8 *hdr)
{
	return (u16)(hdr[10] | hdr[11] << 8);
}

static void test_one_buffer(void **state)
{
	start(MERGEABLE | MODERN);
	add(0, 1526, 0);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 100), 0);
	assert_int_equal(ring.pushed, 1);
	assert_int_equal(ring.push_len[0], HDR + 100);
	assert_int_equal(num_buffers(memory), 1);
	assert_memory_equal(memory + HDR, frame + HDR, 100);
	assert_int_equal(memory[HDR + 100], 0xee);
	assert_int_equal(rx.stats.frames, 1);
	assert_int_equal(rx.stats.bytes, 100);
}

/* The header itself may be cut anywhere. */
static void test_split_header(void **state)
{
	for (size_t cut = 1; cut < HDR + 2; cut++) {
		start(MERGEABLE | MODERN);
		add(0, 1526, cut);
		assert_int_equal(net_rx_deliver(&rx, frame, HDR + 100), 0);
		assert_int_equal(num_buffers(memory), 1);
		assert_memory_equal(memory + HDR, frame + HDR, 100);
	}
}

static void test_merge(void **state)
{
	start(MERGEABLE | MODERN);
	for (size_t i = 0; i < 4; i++)
		add(i * 1000, 1000, i % 2 ? 300 : 0);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 2500), 0);
	assert_int_equal(ring.pushed, 3);
	assert_int_equal(ring.push_len[0], 1000);
	assert_int_equal(ring.push_len[1], 1000);
	assert_int_equal(ring.push_len[2], HDR + 500);
	assert_int_equal(num_buffers(memory), 3);
	assert_memory_equal(memory + HDR, frame + HDR, 2500);
	/* Taken one by one, the fourth is still the driver's. */
	assert_int_equal(ring.next, 3);
}

/* A frame that fills its buffers to the last byte takes no further one. */
static void test_merge_exact(void **state)
{
	start(MERGEABLE | MODERN);
	add(0, 1000, 0);
	add(1000, 1000, 0);
	assert_int_equal(net_rx_deliver(&rx, frame, 2000), 0);
	assert_int_equal(ring.pushed, 2);
	assert_int_equal(num_buffers(memory), 2);
}

static void test_wait_for_buffers(void **state)
{
	start(MERGEABLE | MODERN);
	add(0, 1000, 0);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 1500), -ENOBUFS);
	assert_true(rx.starved);
	assert_int_equal(ring.pushed, 0);
	/* Held, so that only a new buffer is news. */
	assert_int_equal(ring.next, 1);
	add(1000, 1000, 0);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 1500), 0);
	assert_int_equal(ring.pushed, 2);
	assert_memory_equal(memory + HDR, frame + HDR, 1500);
	assert_int_equal(rx.stats.starved, 1);
}

static void test_stop_gives_back(void **state)
{
	start(MERGEABLE | MODERN);
	add(0, 1000, 0);
	add(1000, 1000, 0);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 5000), -ENOBUFS);
	assert_int_equal(ring.next, 2);
	net_rx_stop(&rx);
	assert_int_equal(ring.next, 0);
	assert_int_equal(ring.pushed, 0);
}

/* All of the ring is held and it is not enough: it never will be. */
static void test_never_enough(void **state)
{
	start(MERGEABLE | MODERN);
	for (size_t i = 0; i < FAKE_RING; i++)
		add(i * 1000, 1000, 0);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 20000), 0);
	assert_int_equal(rx.stats.drops[NET_DROP_NO_ROOM], 1);
	assert_int_equal(ring.pushed, 0);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 100), 0);
	assert_int_equal(ring.pushed, 1);
	assert_memory_equal(memory + HDR, frame + HDR, 100);
}

static void test_not_mergeable(void **state)
{
	start(MODERN);
	add(0, 1526, 12);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 1515), 0);
	assert_int_equal(rx.stats.drops[NET_DROP_NO_ROOM], 1);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 1514), 0);
	assert_int_equal(ring.pushed, 1);
	assert_int_equal(ring.push_len[0], 1526);
	/* virtio 1.3, 5.1.6.4.1: 1 without MRG_RXBUF */
	assert_int_equal(num_buffers(memory), 1);
	assert_memory_equal(memory + HDR, frame + HDR, 1514);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 60), -ENOBUFS);
}

/* Legacy without MRG_RXBUF: the guest's header has 10 bytes. */
static void test_legacy_header(void **state)
{
	start(0);
	add(0, 1526, 10);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 100), 0);
	assert_int_equal(ring.push_len[0], 110);
	assert_memory_equal(memory + 10, frame + HDR, 100);
}

static void test_runt_buffer(void **state)
{
	for (size_t len = 1; len < HDR; len++) {
		start(MERGEABLE | MODERN);
		add(0, len, 0);
		add(100, 1526, 0);
		assert_int_equal(net_rx_deliver(&rx, frame, HDR + 60),
				 -ENOBUFS);
		assert_int_equal(ring.failures, 1);
		assert_int_equal(ring.q.vq.fault, VQ_FAULT_SHORT);
		assert_int_equal(memory[0], 0xee);
		net_rx_stop(&rx);
	}
}

/* A readable part before the writable one is not ours to write to. */
static void test_readable_part(void **state)
{
	struct iovec iov[2] = { { memory, 50 }, { memory + 50, 1000 } };

	start(MERGEABLE | MODERN);
	fake_vq_add(&ring, iov, 1, 1);
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 60), 0);
	assert_int_equal(memory[49], 0xee);
	assert_memory_equal(memory + 50 + HDR, frame + HDR, 60);
}

static void test_runt_frame(void **state)
{
	start(MERGEABLE | MODERN);
	add(0, 1526, 0);
	for (size_t len = 0; len < HDR + 14; len++)
		assert_int_equal(net_rx_deliver(&rx, frame, len), 0);
	assert_int_equal(rx.stats.drops[NET_DROP_RUNT], HDR + 14);
	assert_int_equal(ring.pushed, 0);
}

static void test_gso_not_negotiated(void **state)
{
	start(MERGEABLE | MODERN);
	add(0, 1526, 0);
	frame[1] = VIRTIO_NET_HDR_GSO_TCPV4;
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 100), 0);
	assert_int_equal(rx.stats.drops[NET_DROP_GSO_FEATURE], 1);
	assert_int_equal(ring.pushed, 0);
}

/* What a port reads in place ends up as a delivered frame does. */
static void test_in_place(void **state)
{
	u8 hdr[HDR] = { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4 };
	struct iovec *iov;
	size_t done = 0;
	int n;

	start(MERGEABLE | MODERN | GUEST_TSO);
	for (size_t i = 0; i < 8; i++)
		add(i * 1000, 1000, i % 2 ? 5 : 0);
	n = net_rx_reserve(&rx, 5000, &iov);
	assert_true(n > 1);
	for (int i = 1; i < n && done < 4500; i++) {
		size_t part = min(4500 - done, iov[i].iov_len);

		memcpy(iov[i].iov_base, frame + HDR + done, part);
		done += part;
	}
	net_rx_commit(&rx, hdr, 4500);
	assert_int_equal(ring.pushed, 5);
	assert_int_equal(num_buffers(memory), 5);
	assert_int_equal(memory[1], VIRTIO_NET_HDR_GSO_TCPV4);
	assert_memory_equal(memory + HDR, frame + HDR, 4500);
	/* What was reserved too much serves the next frame. */
	assert_int_equal(net_rx_deliver(&rx, frame, HDR + 100), 0);
	assert_memory_equal(memory + 5000 + HDR, frame + HDR, 100);
}

static void test_in_place_header_cut(void **state)
{
	u8 hdr[HDR] = { 0 };
	struct iovec *iov;
	int n;

	for (size_t cut = 1; cut < HDR + 2; cut++) {
		start(MERGEABLE | MODERN);
		add(0, 1000, cut);
		n = net_rx_reserve(&rx, 100, &iov);
		assert_true(n > 1);
		assert_ptr_equal(iov[1].iov_base, memory + max(cut, HDR + 0UL) -
				 (cut > HDR ? cut - HDR : 0));
		net_rx_commit(&rx, hdr, 100);
		assert_int_equal(num_buffers(memory), 1);
	}
}

static void test_in_place_no_room(void **state)
{
	struct iovec *iov;

	start(MERGEABLE | MODERN);
	add(0, 1000, 0);
	assert_int_equal(net_rx_reserve(&rx, 1000, &iov), -ENOBUFS);
	start(MODERN);
	add(0, 1000, 0);
	assert_int_equal(net_rx_reserve(&rx, 1000, &iov), -ENOBUFS);
}

/* Many frames, of which each leaves buffers held: nothing is mixed up. */
static void test_many(void **state)
{
	u8 hdr[HDR] = { 0 };
	struct iovec *iov;
	size_t at = 0;

	start(MERGEABLE | MODERN);
	for (size_t i = 0; i < FAKE_BUFS; i++)
		add(i % 100 * 1000, 1000, i % 3 ? 500 : 0);
	for (size_t i = 0; i < FAKE_BUFS / 3 - 2; i++) {
		assert_true(net_rx_reserve(&rx, 5000, &iov) > 1);
		assert_ptr_equal(iov[1].iov_base, memory + at + HDR);
		net_rx_commit(&rx, hdr, 2400);
		assert_int_equal(num_buffers(memory + at), 3);
		at = (at + 3000) % 100000;
	}
	for (size_t i = 0; i < ring.pushed; i++)
		assert_int_equal(ring.push_id[i], i);
	net_rx_stop(&rx);
	assert_int_equal(ring.next, ring.pushed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_buffer),
		cmocka_unit_test(test_split_header),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_exact),
		cmocka_unit_test(test_wait_for_buffers),
		cmocka_unit_test(test_stop_gives_back),
		cmocka_unit_test(test_never_enough),
		cmocka_unit_test(test_not_mergeable),
		cmocka_unit_test(test_legacy_header),
		cmocka_unit_test(test_runt_buffer),
		cmocka_unit_test(test_readable_part),
		cmocka_unit_test(test_runt_frame),
		cmocka_unit_test(test_gso_not_negotiated),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_in_place_header_cut),
		cmocka_unit_test(test_in_place_no_room),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
