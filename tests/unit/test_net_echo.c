// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_net_echo - the echo port: what comes back, and what does not
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "net_hdr.h"
#include "port.h"

#define HDR PORT_HDR_LEN

static struct port *port;
static int last_res;
static unsigned int num_sent, num_delivered, num_wakes, num_detached;
static int deliver_ret;
static u8 got[70000];
static size_t got_len;

static void client_wake(void *arg, enum port_dir dir)
{
	assert_int_equal(dir, PORT_RX);
	num_wakes++;
}

static void client_sent(void *arg, struct port_frame *frame, int res)
{
	num_sent++;
	last_res = res;
}

static int client_deliver(void *arg, u8 *frame, size_t len)
{
	if (deliver_ret)
		return deliver_ret;
	memcpy(got, frame, len);
	got_len = len;
	num_delivered++;
	return 0;
}

static void client_detached(void *arg, enum port_dir dir)
{
	num_detached++;
}

static const struct port_client client = {
	.wake = client_wake,
	.sent = client_sent,
	.deliver = client_deliver,
	.detached = client_detached,
};

static int setup(void **state)
{
	const struct conf_device conf = { .num_queues = 2, .port = "echo" };

	num_sent = num_delivered = num_wakes = num_detached = 0;
	deliver_ret = 0;
	if (port_echo_ops.open(&port, &conf))
		return -1;
	port->client = &client;
	for (unsigned int i = 0; i < 2; i++) {
		port->ops->attach(port, i, PORT_RX, NULL, NULL);
		port->ops->attach(port, i, PORT_TX, NULL, NULL);
	}
	return 0;
}

static int teardown(void **state)
{
	port->ops->close(port);
	return 0;
}

static void send_frame(u8 *bytes, size_t len)
{
	struct iovec iov[2] = { { bytes, HDR }, { bytes + HDR, len - HDR } };
	struct port_frame frame = {
		.iov = iov, .iovcnt = 2, .len = (u32)len,
	};
	struct port_frame *frames[] = { &frame };

	port->ops->xmit(port, 1, frames, 1);
}

static void frame_fill(u8 *bytes, size_t len, u8 dst, u8 src)
{
	memset(bytes, 0, HDR);
	memset(bytes + HDR, dst, 6);
	memset(bytes + HDR + 6, src, 6);
	for (size_t i = HDR + 12; i < len; i++)
		bytes[i] = (u8)(i * 3);
}

static void test_comes_back(void **state)
{
	u8 frame[200];

	frame_fill(frame, sizeof(frame), 0x22, 0x44);
	send_frame(frame, sizeof(frame));
	assert_int_equal(num_sent, 1);
	assert_int_equal(last_res, 0);
	assert_int_equal(num_wakes, 1);
	assert_int_equal(port->ops->poll(port, 0, 10), 0);
	assert_int_equal(port->ops->poll(port, 1, 10), 1);
	assert_int_equal(got_len, sizeof(frame));
	assert_int_equal(got[HDR], 0x44);
	assert_int_equal(got[HDR + 6], 0x22);
	assert_memory_equal(got + HDR + 12, frame + HDR + 12,
			    sizeof(frame) - HDR - 12);
}

/* No frame comes from a group address. */
static void test_group(void **state)
{
	u8 frame[200];

	frame_fill(frame, sizeof(frame), 0xff, 0x44);
	send_frame(frame, sizeof(frame));
	port->ops->poll(port, 1, 10);
	assert_int_equal(got[HDR], 0x44);
	assert_int_equal(got[HDR + 6] & 1, 0);
}

static void csum_frame(u8 *frame, size_t len)
{
	frame_fill(frame, len, 0x22, 0x44);
	frame[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame[6] = 34;
	frame[8] = 16;
}

static void test_csum_left(void **state)
{
	u8 frame[200];

	port->ops->offloads_set(port, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM));
	csum_frame(frame, sizeof(frame));
	send_frame(frame, sizeof(frame));
	port->ops->poll(port, 1, 10);
	assert_memory_equal(got, frame, HDR);
	assert_memory_equal(got + HDR + 12, frame + HDR + 12,
			    sizeof(frame) - HDR - 12);
}

static void test_csum_done(void **state)
{
	u8 frame[200];
	struct net_hdr hdr;

	port->ops->offloads_set(port, 0);
	csum_frame(frame, sizeof(frame));
	send_frame(frame, sizeof(frame));
	port->ops->poll(port, 1, 10);
	assert_int_equal(got[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	memcpy(&hdr, frame, sizeof(hdr));
	net_hdr_csum_fill(&hdr, frame + HDR, sizeof(frame) - HDR);
	assert_memory_equal(got + HDR + 50, frame + HDR + 50, 2);
}

static void test_bounded(void **state)
{
	unsigned int n = 0;
	u8 frame[64];

	frame_fill(frame, sizeof(frame), 0x22, 0x44);
	do {
		send_frame(frame, sizeof(frame));
		n++;
	} while (!last_res && n < 100000);
	assert_int_equal(last_res, -ENOBUFS);
	deliver_ret = -ENOBUFS;
	assert_int_equal(port->ops->poll(port, 1, 100000), 0);
	deliver_ret = 0;
	assert_int_equal(port->ops->poll(port, 1, 5), 5);
	assert_int_equal(port->ops->poll(port, 1, 100000), n - 1 - 5);
	send_frame(frame, sizeof(frame));
	assert_int_equal(last_res, 0);
}

static void test_longest(void **state)
{
	static u8 frame[HDR + PORT_DATA_MAX];

	frame_fill(frame, sizeof(frame), 0x22, 0x44);
	send_frame(frame, sizeof(frame));
	send_frame(frame, sizeof(frame));
	assert_int_equal(port->ops->poll(port, 1, 10), 2);
	assert_int_equal(got_len, sizeof(frame));
	assert_memory_equal(got + HDR + 12, frame + HDR + 12,
			    sizeof(frame) - HDR - 12);
}

static void test_detached(void **state)
{
	u8 frame[200];

	port->ops->detach(port, 1, PORT_RX);
	assert_int_equal(num_detached, 1);
	frame_fill(frame, sizeof(frame), 0x22, 0x44);
	send_frame(frame, sizeof(frame));
	assert_int_equal(num_wakes, 0);
}

#define ECHO_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ECHO_TEST(test_comes_back),
		ECHO_TEST(test_group),
		ECHO_TEST(test_csum_left),
		ECHO_TEST(test_csum_done),
		ECHO_TEST(test_bounded),
		ECHO_TEST(test_longest),
		ECHO_TEST(test_detached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
