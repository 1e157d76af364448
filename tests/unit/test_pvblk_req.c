// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_pvblk_req - translation of block operations, judging of answers
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "req.h"

#include <linux/virtio_byteorder.h>

struct header_case {
	enum req_op op;
	u64 sector;
	u32 type;
	u64 header_sector;
};

static const struct header_case header_cases[] = {
	{ REQ_OP_READ, 7, VIRTIO_BLK_T_IN, 7 },
	{ REQ_OP_READ, 1ULL << 40, VIRTIO_BLK_T_IN, 1ULL << 40 },
	{ REQ_OP_WRITE, 0x123456789aULL, VIRTIO_BLK_T_OUT, 0x123456789aULL },
	{ REQ_OP_FLUSH, 9, VIRTIO_BLK_T_FLUSH, 0 },
	{ REQ_OP_DISCARD, 9, VIRTIO_BLK_T_DISCARD, 0 },
	{ REQ_OP_WRITE_ZEROES, 9, VIRTIO_BLK_T_WRITE_ZEROES, 0 },
	{ REQ_OP_DRV_IN, 9, VIRTIO_BLK_T_GET_ID, 0 },
};

static void header_little_endian(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(header_cases); i++) {
		const struct header_case *c = &header_cases[i];
		struct virtio_blk_outhdr hdr = { .ioprio = 5 };

		assert_int_equal(pvblk_req_fill_header(&hdr, c->op, c->sector,
						       true), 0);
		assert_int_equal(le32_to_cpu(hdr.type), c->type);
		assert_int_equal(hdr.ioprio, 0);
		assert_true(le64_to_cpu(hdr.sector) == c->header_sector);
	}
}

static void header_big_endian(void **state)
{
	struct virtio_blk_outhdr hdr;
	const u8 *bytes = (const u8 *)&hdr;

	(void)state;
	assert_int_equal(pvblk_req_fill_header(&hdr, REQ_OP_WRITE, 0x0102,
					       false), 0);
	assert_int_equal(bytes[3], VIRTIO_BLK_T_OUT);
	assert_int_equal(bytes[14], 1);
	assert_int_equal(bytes[15], 2);
}

static void header_unknown_operation(void **state)
{
	struct virtio_blk_outhdr hdr = { .ioprio = 5 };

	(void)state;
	assert_int_equal(pvblk_req_fill_header(&hdr, REQ_OP_SECURE_ERASE, 0,
					       true), -EOPNOTSUPP);
	assert_int_equal(pvblk_req_fill_header(&hdr, REQ_OP_DRV_OUT, 0, true),
			 -EOPNOTSUPP);
	assert_int_equal(hdr.ioprio, 5);
}

static void range_fields(void **state)
{
	struct virtio_blk_discard_write_zeroes range;

	(void)state;
	pvblk_req_fill_range(&range, 1ULL << 33, 0x01020304, false);
	assert_true(le64_to_cpu(range.sector) == 1ULL << 33);
	assert_int_equal(le32_to_cpu(range.num_sectors), 0x01020304);
	assert_int_equal(range.flags, 0);

	pvblk_req_fill_range(&range, 0, 1, true);
	assert_int_equal(le32_to_cpu(range.flags),
			 VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
}

struct judge_case {
	const char *name;
	struct pvblk_answer answer;
	enum pvblk_outcome outcome;
};

#define ANSWER(used, room, least, status_, counts)		\
	{							\
		.used_bytes = (used), .room_bytes = (room),	\
		.least_bytes = (least), .status = (status_),	\
		.len_counts = (counts)				\
	}

static const struct judge_case judge_cases[] = {
	{ "read", ANSWER(4097, 4097, 4097, 0, true), PVBLK_OK },
	{ "write", ANSWER(1, 1, 0, 0, true), PVBLK_OK },
	{ "write, nothing counted", ANSWER(0, 1, 0, 0, true), PVBLK_OK },
	{ "serial of 5 bytes", ANSWER(6, 21, 0, 0, true), PVBLK_OK },
	{ "failed read", ANSWER(1, 4097, 4097, 1, true), PVBLK_IOERR },
	{ "unknown operation", ANSWER(1, 1, 0, 2, true), PVBLK_UNSUPP },
	{ "read, a byte short", ANSWER(4096, 4097, 4097, 0, true),
	  PVBLK_SHORT },
	{ "read of nothing", ANSWER(0, 4097, 4097, 0, true), PVBLK_SHORT },
	{ "a byte too many", ANSWER(4098, 4097, 4097, 0, true),
	  PVBLK_LIE_LEN },
	{ "far too many", ANSWER(U32_MAX, 1, 0, 0, true), PVBLK_LIE_LEN },
	{ "too many and failed", ANSWER(2, 1, 0, 1, true), PVBLK_LIE_LEN },
	{ "status unwritten", ANSWER(1, 1, 0, PVBLK_STATUS_UNSET, true),
	  PVBLK_LIE_STATUS },
	{ "status 3", ANSWER(1, 1, 0, 3, true), PVBLK_LIE_STATUS },
	{ "legacy, short", ANSWER(0, 4097, 4097, 0, false), PVBLK_OK },
	{ "legacy, long", ANSWER(U32_MAX, 1, 0, 0, false), PVBLK_OK },
	{ "legacy, failed", ANSWER(0, 1, 0, 1, false), PVBLK_IOERR },
	{ "legacy, unwritten", ANSWER(0, 1, 0, PVBLK_STATUS_UNSET, false),
	  PVBLK_LIE_STATUS },
};

static void judge_answers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(judge_cases); i++) {
		const struct judge_case *c = &judge_cases[i];
		enum pvblk_outcome outcome = pvblk_req_judge(&c->answer);

		if (outcome != c->outcome)
			fail_msg("%s: %s, want %s", c->name,
				 pvblk_outcome_name(outcome),
				 pvblk_outcome_name(c->outcome));
	}
}

static void every_failure_fails(void **state)
{
	int outcome;

	(void)state;
	assert_int_equal(pvblk_outcome_status(PVBLK_OK), BLK_STS_OK);
	assert_int_equal(pvblk_outcome_status(PVBLK_UNSUPP), BLK_STS_NOTSUPP);
	for (outcome = PVBLK_OK + 1; outcome < PVBLK_OUTCOMES; outcome++) {
		assert_int_not_equal(pvblk_outcome_status(outcome),
				     BLK_STS_OK);
		assert_int_equal(pvblk_outcome_is_lie(outcome),
				 outcome == PVBLK_LIE_LEN ||
				 outcome == PVBLK_LIE_STATUS);
		assert_non_null(pvblk_outcome_name(outcome));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_little_endian),
		cmocka_unit_test(header_big_endian),
		cmocka_unit_test(header_unknown_operation),
		cmocka_unit_test(range_fields),
		cmocka_unit_test(judge_answers),
		cmocka_unit_test(every_failure_fails),
	};

	return cmocka_run_group_tests_name("pvblk_req", tests, NULL, NULL);
}
