// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_handover - messages and descriptors into a document and out again, and
 *		   documents that lie
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "handover.h"
#include "inherit.h"

static int open_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static struct vu_msg sample(unsigned int fds)
{
	struct vu_msg msg = {
		.hdr = { .request = VU_ADD_MEM_REG, .flags = VU_VERSION,
			 .size = sizeof(struct vu_mem_reg) },
		.payload.mem_reg.region = { 1, 2, 3, 4 },
		.num_fds = fds,
	};
	unsigned int i;

	for (i = 0; i < fds; i++)
		msg.fds[i] = open_fd();
	return msg;
}

/* Whole, and cut anywhere, as a message half read is. */
static void messages_come_back(void **state)
{
	struct vu_msg msg = sample(2);
	size_t len = sizeof(msg.hdr) + msg.hdr.size;
	size_t done;

	for (done = 0; done <= len; done++) {
		struct handover h = { 0 };
		struct vu_transfer t;
		json_t *json;

		json = handover_put_message(&h, &msg, done);
		assert_int_equal(h.num_fds, 2);
		assert_int_equal(handover_take_message(&h, json, &t), 0);
		assert_int_equal(t.done, done);
		assert_memory_equal(&t.msg.hdr, &msg.hdr,
				    min(done, sizeof(msg.hdr)));
		if (done > sizeof(msg.hdr))
			assert_memory_equal(t.msg.payload.raw, msg.payload.raw,
					    done - sizeof(msg.hdr));
		assert_int_equal(t.msg.num_fds, 2);
		assert_int_equal(t.msg.fds[1], msg.fds[1]);
		assert_int_equal(handover_message_whole(&t), done == len);
		/* Each descriptor can be taken once. */
		assert_int_equal(handover_take_message(&h, json, &t), -EBADMSG);
		json_decref(json);
		handover_free(&h);
	}
	vu_msg_close_fds(&msg);
}

static void many_descriptors(void **state)
{
	struct handover h = { 0 };
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		json_t *n = handover_put_fd(&h, (int)i + 5000);

		assert_int_equal(json_integer_value(n), i);
		json_decref(n);
	}
	assert_int_equal(h.num_fds, 1000);
	assert_int_equal(h.fds[999], 5999);
	handover_free(&h);
}

static const char *const bad_messages[] = {
	"null",
	"{}",
	"{\"data\":\"00\"}",
	"{\"data\":5,\"fds\":[]}",
	"{\"data\":\"0\",\"fds\":[]}",
	"{\"data\":\"0g\",\"fds\":[]}",
	"{\"data\":\"0A\",\"fds\":[]}",
	"{\"data\":\"\",\"fds\":{}}",
	"{\"data\":\"\",\"fds\":[-1]}",
	"{\"data\":\"\",\"fds\":[2]}",
	"{\"data\":\"\",\"fds\":[0,0]}",
	"{\"data\":\"\",\"fds\":[\"0\"]}",
	"{\"data\":\"\",\"fds\":[0.5]}",
	"{\"data\":\"\",\"fds\":[9223372036854775807]}",
	"{\"data\":\"\",\"fds\":[0,1,0,1,0,1,0,1,0]}",
	/* A payload longer than any, and one shorter than what there is of it. */
	"{\"data\":\"0100000001000000ffffffff\",\"fds\":[]}",
	"{\"data\":\"01000000010000000000000001\",\"fds\":[]}",
};

static void bad_messages_are_refused(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_messages); i++) {
		int fds[2] = { open_fd(), open_fd() };
		struct handover h = { .fds = fds, .num_fds = 2 };
		int was[2] = { fds[0], fds[1] };
		struct vu_transfer t;
		json_t *json;

		json = json_loads(bad_messages[i], JSON_DECODE_ANY, NULL);
		assert_non_null(json);
		if (handover_take_message(&h, json, &t) != -EBADMSG)
			fail_msg("%s", bad_messages[i]);
		/* What was taken is closed, what was not still ours. */
		handover_close_fds(&h);
		assert_false(is_open(was[0]) || is_open(was[1]));
		json_decref(json);
	}
}

static void bytes(void **state)
{
	static const u8 in[] = { 0x00, 0x7f, 0x80, 0xff };
	json_t *json = handover_put_bytes(in, sizeof(in));
	u8 out[4];

	assert_string_equal(json_string_value(json), "007f80ff");
	assert_int_equal(handover_take_bytes(json, out, 4), 4);
	assert_memory_equal(in, out, 4);
	assert_int_equal(handover_take_bytes(json, out, 3), -EBADMSG);
	json_decref(json);
}

static void heads(void **state)
{
	struct handover_head head = {
		.magic = HANDOVER_MAGIC,
		.version = HANDOVER_VERSION,
		.bytes = 10,
		.num_fds = 10,
	};

	assert_int_equal(handover_head_check(&head), 0);
	head.num_fds = HANDOVER_FDS_MAX + 1;
	assert_int_equal(handover_head_check(&head), -EPROTO);
	head.bytes = HANDOVER_BYTES_MAX + 1;
	assert_int_equal(handover_head_check(&head), -EPROTO);
	head.version++;
	assert_int_equal(handover_head_check(&head), -EPROTONOSUPPORT);
	head.magic++;
	assert_int_equal(handover_head_check(&head), -EPROTO);
}

static void inheritance(void **state)
{
	char longer[200];
	int a = open_fd(), b = open_fd(), c = open_fd(), d = open_fd();

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	assert_int_equal(inherit_take("disk", "image"), -1);
	assert_int_equal(inherit_add("disk", "image", a), 0);
	assert_int_equal(inherit_add("disk2", "image", b), 0);
	assert_int_equal(inherit_add("disk", "image", c), -EEXIST);
	assert_false(is_open(c));
	assert_int_equal(inherit_add(longer, "image", d), -ENAMETOOLONG);
	assert_false(is_open(d));
	assert_int_equal(inherit_take("disk", "image"), a);
	assert_int_equal(inherit_take("disk", "image"), -1);
	assert_int_equal(inherit_end(), 1);
	assert_false(is_open(b));
	assert_true(is_open(a));
	close(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_back),
		cmocka_unit_test(many_descriptors),
		cmocka_unit_test(bad_messages_are_refused),
		cmocka_unit_test(bytes),
		cmocka_unit_test(heads),
		cmocka_unit_test(inheritance),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
