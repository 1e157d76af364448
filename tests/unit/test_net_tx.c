// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_net_tx - transmit buffers of every shape to frames
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "net_fake_vq.h"
#include "net_tx.h"

#define HDR 12
#define FEATURES (BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_NET_F_CSUM))

static struct fake_vq ring;
static struct net_tx tx;
static u8 memory[128 * 1024];

static void start(u64 features)
{
	fake_vq_init(&ring, features);
	memset(&tx, 0, sizeof(tx));
	memset(memory, 0, sizeof(memory));
	for (size_t i = HDR; i < sizeof(memory); i++)
		memory[i] = (u8)(i * 7 + i / 256);
	net_tx_start(&tx, &ring.q);
}

/* A buffer of @len bytes from the start of memory, cut at @a and @b. */
static void add(size_t len, size_t a, size_t b)
{
	struct iovec iov[3] = {
		{ memory, a }, { memory + a, b - a }, { memory + b, len - b },
	};

	fake_vq_add(&ring, iov, 3, 0);
}

static size_t flatten(const struct port_frame *f, u8 *out)
{
	size_t len = 0;

	for (unsigned int i = 0; i < f->iovcnt; i++) {
		memcpy(out + len, f->iov[i].iov_base, f->iov[i].iov_len);
		len += f->iov[i].iov_len;
	}
	return len;
}

/* However header and data are cut, the frame is the same. */
static void test_cuts(void **state)
{
	unsigned int popped;
	u8 got[200];

	for (size_t a = 0; a <= 40; a++) {
		for (size_t b = a; b <= 40; b++) {
			start(FEATURES);
			add(112, a, b);
			assert_int_equal(net_tx_take(&tx, &popped), 1);
			assert_int_equal(popped, 1);
			assert_int_equal(tx.batch[0]->len, 112);
			assert_ptr_equal(tx.batch[0]->iov[0].iov_base,
					 &tx.frames[0].hdr);
			assert_int_equal(flatten(tx.batch[0], got), 112);
			assert_memory_equal(got, memory, 112);
		}
	}
}

/* The guest may change its header after we looked; it is not read again. */
static void test_header_is_private(void **state)
{
	unsigned int popped;
	u8 got[200];

	start(FEATURES);
	add(112, 12, 50);
	net_tx_take(&tx, &popped);
	memset(memory, 0xff, HDR);
	flatten(tx.batch[0], got);
	assert_int_equal(got[0], 0);
	assert_int_equal(got[HDR - 1], 0);
}

static void test_legacy_header(void **state)
{
	unsigned int popped;
	u8 got[200];

	start(0);
	add(110, 10, 10);
	assert_int_equal(net_tx_take(&tx, &popped), 1);
	assert_int_equal(tx.batch[0]->len, 112);
	assert_int_equal(flatten(tx.batch[0], got), 112);
	assert_memory_equal(got + HDR, memory + 10, 100);
}

static void test_runts(void **state)
{
	unsigned int popped;

	start(FEATURES);
	for (size_t len = 1; len < HDR + 14; len++)
		add(len, 0, len / 2);
	assert_int_equal(net_tx_take(&tx, &popped), 0);
	assert_int_equal(popped, HDR + 13);
	assert_int_equal(ring.pushed, HDR + 13);
	assert_int_equal(tx.stats.drops[NET_DROP_RUNT], HDR + 13);
	assert_int_equal(ring.flushes, 1);
	assert_int_equal(ring.q.inflight, 0);
}

static void test_oversize(void **state)
{
	unsigned int popped;

	start(FEATURES);
	add(HDR + PORT_DATA_MAX + 1, 12, 12);
	add(HDR + PORT_DATA_MAX, 12, 12);
	assert_int_equal(net_tx_take(&tx, &popped), 1);
	assert_int_equal(tx.stats.drops[NET_DROP_OVERSIZE], 1);
	assert_int_equal(tx.batch[0]->len, HDR + PORT_DATA_MAX);
}

/* A writable part is no business of a transmit queue. */
static void test_writable_part(void **state)
{
	struct iovec iov[2] = { { memory, 112 }, { memory + 500, 100 } };
	unsigned int popped;

	start(FEATURES);
	fake_vq_add(&ring, iov, 1, 1);
	fake_vq_add(&ring, iov, 0, 2);
	assert_int_equal(net_tx_take(&tx, &popped), 1);
	assert_int_equal(tx.batch[0]->len, 112);
	assert_int_equal(tx.stats.drops[NET_DROP_RUNT], 1);
}

static void test_bad_header_is_not_sent(void **state)
{
	unsigned int popped;

	start(FEATURES);
	memory[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	memory[6] = 0xff;
	memory[7] = 0xff;
	add(112, 12, 12);
	assert_int_equal(net_tx_take(&tx, &popped), 0);
	assert_int_equal(tx.stats.drops[NET_DROP_CSUM_RANGE], 1);
	assert_int_equal(ring.pushed, 1);
	assert_int_equal(ring.push_len[0], 0);
}

static void test_batch(void **state)
{
	unsigned int popped, n;
	u8 got[200];

	start(FEATURES);
	for (unsigned int i = 0; i < NET_TX_BATCH + 10; i++)
		add(112, 12, 50);
	n = net_tx_take(&tx, &popped);
	assert_int_equal(n, NET_TX_BATCH);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(flatten(tx.batch[i], got), 112);
		assert_memory_equal(got, memory, 112);
	}
	assert_int_equal(ring.q.inflight, NET_TX_BATCH);
	assert_int_equal(ring.flushes, 0);
	for (unsigned int i = 0; i < n; i++)
		net_tx_sent(&tx, tx.batch[i], 0);
	assert_int_equal(ring.pushed, NET_TX_BATCH);
	assert_int_equal(ring.flushes, 1);
	assert_int_equal(ring.q.inflight, 0);
	assert_int_equal(tx.stats.frames, NET_TX_BATCH);
	assert_int_equal(tx.stats.bytes, NET_TX_BATCH * 100);
	assert_int_equal(net_tx_take(&tx, &popped), 10);
}

static void test_refused(void **state)
{
	static const struct {
		int res;
		enum net_drop drop;
	} cases[] = {
		{ -EIO, NET_DROP_LINK_DOWN },
		{ -ENOBUFS, NET_DROP_PORT_FULL },
		{ -ECANCELED, NET_DROP_STOPPED },
		{ -EINVAL, NET_DROP_REFUSED },
	};
	unsigned int popped;

	start(FEATURES);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		add(112, 12, 12);
	net_tx_take(&tx, &popped);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		net_tx_sent(&tx, tx.batch[i], cases[i].res);
		assert_int_equal(tx.stats.drops[cases[i].drop], 1);
	}
	assert_int_equal(ring.pushed, ARRAY_SIZE(cases));
	assert_int_equal(tx.stats.frames, 0);
}

static void test_discard(void **state)
{
	start(FEATURES);
	for (unsigned int i = 0; i < 5; i++)
		add(112, 12, 12);
	assert_int_equal(net_tx_discard(&tx), 5);
	assert_int_equal(net_tx_discard(&tx), 0);
	assert_int_equal(tx.stats.drops[NET_DROP_DISABLED], 5);
	assert_int_equal(ring.pushed, 5);
	assert_int_equal(ring.flushes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_header_is_private),
		cmocka_unit_test(test_legacy_header),
		cmocka_unit_test(test_runts),
		cmocka_unit_test(test_oversize),
		cmocka_unit_test(test_writable_part),
		cmocka_unit_test(test_bad_header_is_not_sent),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_discard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
