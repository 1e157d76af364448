// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_vu_msg - messages in pieces, with descriptors, and what is refused
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vu_msg.h"

static int us, peer;
static struct vu_transfer in;
static unsigned int fds_before;

static unsigned int fds_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int setup(void **state)
{
	int pair[2];

	memset(&in, 0, sizeof(in));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	us = pair[0];
	peer = pair[1];
	fds_before = fds_open();
	return 0;
}

/* Whatever came, nothing may be left open. */
static int teardown(void **state)
{
	vu_transfer_reset(&in);
	assert_int_equal(fds_open(), fds_before);
	close(us);
	close(peer);
	return 0;
}

static void send_bytes(const void *buf, size_t len)
{
	assert_int_equal(send(peer, buf, len, 0), (ssize_t)len);
}

static void send_with_fds(const void *buf, size_t len, unsigned int count)
{
	union {
		struct cmsghdr align;
		u8 buf[CMSG_SPACE(64 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)buf, len };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	unsigned int i;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (i = 0; i < count; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &peer, sizeof(int));
	assert_int_equal(sendmsg(peer, &mh, 0), (ssize_t)len);
}

/* As on the wire, where the payload follows the header at once. */
struct __attribute__((packed)) wire {
	struct vu_header hdr;
	union {
		u64 u64;
		u8 raw[VU_PAYLOAD_MAX];
	} payload;
};

static struct wire u64_msg(u32 request, u64 value)
{
	return (struct wire){
		.hdr = { request, VU_VERSION, sizeof(u64) },
		.payload.u64 = value,
	};
}

static struct vu_transfer u64_reply(u32 request, u64 value)
{
	return (struct vu_transfer){
		.msg = { .hdr = { request, VU_VERSION, sizeof(u64) },
			 .payload.u64 = value },
	};
}

#define U64_LEN (sizeof(struct vu_header) + sizeof(u64))

static void whole(void **state)
{
	const struct wire m = u64_msg(VU_SET_FEATURES, 0x1234);

	assert_int_equal(vu_msg_recv(&in, us), 0);
	send_bytes(&m, U64_LEN);
	assert_int_equal(vu_msg_recv(&in, us), 1);
	assert_int_equal(in.msg.hdr.request, VU_SET_FEATURES);
	assert_int_equal(in.msg.payload.u64, 0x1234);
	assert_int_equal(in.msg.num_fds, 0);
}

static void byte_by_byte(void **state)
{
	const struct wire m = u64_msg(VU_SET_FEATURES, 0x55aa);
	size_t i;

	for (i = 0; i < U64_LEN; i++) {
		assert_int_equal(vu_msg_recv(&in, us), 0);
		send_bytes((const u8 *)&m + i, 1);
	}
	assert_int_equal(vu_msg_recv(&in, us), 1);
	assert_int_equal(in.msg.payload.u64, 0x55aa);
}

static void two_at_once(void **state)
{
	struct wire m[2] = { u64_msg(1, 11), u64_msg(2, 22) };
	u8 buf[2 * U64_LEN];

	memcpy(buf, &m[0], U64_LEN);
	memcpy(buf + U64_LEN, &m[1], U64_LEN);
	send_bytes(buf, sizeof(buf));
	assert_int_equal(vu_msg_recv(&in, us), 1);
	assert_int_equal(in.msg.payload.u64, 11);
	vu_transfer_reset(&in);
	assert_int_equal(vu_msg_recv(&in, us), 1);
	assert_int_equal(in.msg.payload.u64, 22);
	vu_transfer_reset(&in);
	assert_int_equal(vu_msg_recv(&in, us), 0);
}

static void no_payload(void **state)
{
	const struct vu_header h = { VU_SET_OWNER, VU_VERSION, 0 };

	send_bytes(&h, sizeof(h));
	assert_int_equal(vu_msg_recv(&in, us), 1);
}

static void largest_payload(void **state)
{
	struct wire m = { .hdr = { 99, VU_VERSION, VU_PAYLOAD_MAX } };

	memset(m.payload.raw, 0x77, VU_PAYLOAD_MAX);
	send_bytes(&m, sizeof(m.hdr) + VU_PAYLOAD_MAX);
	assert_int_equal(vu_msg_recv(&in, us), 1);
	assert_memory_equal(in.msg.payload.raw, m.payload.raw, VU_PAYLOAD_MAX);
}

static void refused_headers(void **state)
{
	static const struct {
		struct vu_header h;
		int err;
	} bad[] = {
		{ { 1, VU_VERSION, VU_PAYLOAD_MAX + 1 }, -EMSGSIZE },
		{ { 1, VU_VERSION, UINT32_MAX }, -EMSGSIZE },
		{ { 1, 0, 0 }, -EPROTO },
		{ { 1, 2, 0 }, -EPROTO },
		{ { 1, 3, 0 }, -EPROTO },
		{ { 1, VU_VERSION | VU_FLAG_REPLY, 0 }, -EPROTO },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		send_bytes(&bad[i].h, sizeof(bad[i].h));
		assert_int_equal(vu_msg_recv(&in, us), bad[i].err);
		vu_transfer_reset(&in);
	}
}

static void hang_up(void **state)
{
	const struct wire m = u64_msg(1, 1);

	send_bytes(&m, U64_LEN - 1);
	shutdown(peer, SHUT_WR);
	assert_int_equal(vu_msg_recv(&in, us), -EPIPE);
}

static void descriptors(void **state)
{
	const struct wire m = u64_msg(VU_SET_VRING_KICK, 0);
	int fd;

	send_with_fds(&m, U64_LEN, 2);
	assert_int_equal(vu_msg_recv(&in, us), 1);
	assert_int_equal(in.msg.num_fds, 2);
	assert_true(fcntl(in.msg.fds[0], F_GETFD) & FD_CLOEXEC);
	fd = vu_msg_take_fd(&in.msg, 0);
	vu_transfer_reset(&in);
	/* The taken one is ours, the other one is closed. */
	assert_int_equal(fds_open(), fds_before + 1);
	assert_int_equal(close(fd), 0);
}

static void descriptors_with_header_alone(void **state)
{
	const struct wire m = u64_msg(VU_SET_VRING_KICK, 7);

	send_with_fds(&m, 3, 1);
	assert_int_equal(vu_msg_recv(&in, us), 0);
	send_bytes((const u8 *)&m + 3, U64_LEN - 3);
	assert_int_equal(vu_msg_recv(&in, us), 1);
	assert_int_equal(in.msg.num_fds, 1);
	assert_int_equal(in.msg.payload.u64, 7);
}

static void descriptors_at_the_limit(void **state)
{
	const struct wire m = u64_msg(1, 7);

	send_with_fds(&m, U64_LEN, VU_FDS_MAX);
	assert_int_equal(vu_msg_recv(&in, us), 1);
	assert_int_equal(in.msg.num_fds, VU_FDS_MAX);
	vu_transfer_reset(&in);
	send_with_fds(&m, U64_LEN, VU_FDS_MAX + 1);
	assert_int_equal(vu_msg_recv(&in, us), -EPROTO);
	vu_transfer_reset(&in);
}

static void descriptors_too_many_in_parts(void **state)
{
	const struct wire m = u64_msg(1, 7);

	send_with_fds(&m, 4, VU_FDS_MAX - 1);
	assert_int_equal(vu_msg_recv(&in, us), 0);
	send_with_fds((const u8 *)&m + 4, U64_LEN - 4, 2);
	assert_int_equal(vu_msg_recv(&in, us), -EPROTO);
}

static void reply_whole(void **state)
{
	struct vu_transfer out = u64_reply(1, 42);
	struct wire got;

	assert_int_equal(vu_msg_send(&out, us), 1);
	assert_int_equal(recv(peer, &got, sizeof(got), 0), U64_LEN);
	assert_int_equal(got.payload.u64, 42);
}

/* The other side does not read: nothing blocks, and nothing is lost. */
static void reply_in_parts(void **state)
{
	struct vu_transfer out = {
		.msg = { .hdr = { 5, VU_VERSION, VU_PAYLOAD_MAX } },
	};
	size_t total = sizeof(struct vu_header) + VU_PAYLOAD_MAX;
	u8 buf[4096];
	u64 sent = 0, got = 0;
	ssize_t n;

	memset(out.msg.payload.raw, 0x66, VU_PAYLOAD_MAX);
	while (vu_msg_send(&out, us) == 1) {
		sent += total;
		out.done = 0;
	}
	assert_int_equal(vu_msg_send(&out, us), 0);
	while (got < sent + total) {
		n = recv(peer, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0)
			got += (u64)n;
		else
			assert_int_equal(vu_msg_send(&out, us), 1);
	}
	assert_int_equal(got, sent + total);
}

static void reply_to_nobody(void **state)
{
	struct vu_transfer out = u64_reply(1, 42);

	shutdown(peer, SHUT_RDWR);
	assert_int_equal(vu_msg_send(&out, us), -EPIPE);
}

static void reply_with_descriptor(void **state)
{
	struct vu_transfer out = u64_reply(1, 42);

	out.msg.fds[0] = us;
	out.msg.num_fds = 1;
	assert_int_equal(vu_msg_send(&out, us), 1);
	assert_int_equal(vu_msg_recv(&in, peer), 1);
	assert_int_equal(in.msg.num_fds, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole),
		TEST(byte_by_byte),
		TEST(two_at_once),
		TEST(no_payload),
		TEST(largest_payload),
		TEST(refused_headers),
		TEST(hang_up),
		TEST(descriptors),
		TEST(descriptors_with_header_alone),
		TEST(descriptors_at_the_limit),
		TEST(descriptors_too_many_in_parts),
		TEST(reply_whole),
		TEST(reply_in_parts),
		TEST(reply_to_nobody),
		TEST(reply_with_descriptor),
	};

	return cmocka_run_group_tests_name("vu_msg", tests, NULL, NULL);
}
