// SPDX-License-Identifier: GPL-2.0
/*
 * test_pvblk_req - translation of block operations, judging of answers
 */
#include "pv_test.h"
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

PV_TEST(header_little_endian)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(header_cases); i++) {
		const struct header_case *c = &header_cases[i];
		struct virtio_blk_outhdr hdr = { .ioprio = 5 };

		PV_EXPECT_EQ(pvblk_req_fill_header(&hdr, c->op, c->sector,
						       true), 0);
		PV_EXPECT_EQ(le32_to_cpu(hdr.type), c->type);
		PV_EXPECT_EQ(hdr.ioprio, 0);
		PV_EXPECT(le64_to_cpu(hdr.sector) == c->header_sector);
	}
}

PV_TEST(header_big_endian)
{
	struct virtio_blk_outhdr hdr;
	const u8 *bytes = (const u8 *)&hdr;

	PV_EXPECT_EQ(pvblk_req_fill_header(&hdr, REQ_OP_WRITE, 0x0102,
					       false), 0);
	PV_EXPECT_EQ(bytes[3], VIRTIO_BLK_T_OUT);
	PV_EXPECT_EQ(bytes[14], 1);
	PV_EXPECT_EQ(bytes[15], 2);
}

PV_TEST(header_unknown_operation)
{
	struct virtio_blk_outhdr hdr = { .ioprio = 5 };

	PV_EXPECT_EQ(pvblk_req_fill_header(&hdr, REQ_OP_SECURE_ERASE, 0,
					       true), -EOPNOTSUPP);
	PV_EXPECT_EQ(pvblk_req_fill_header(&hdr, REQ_OP_DRV_OUT, 0, true),
			 -EOPNOTSUPP);
	PV_EXPECT_EQ(hdr.ioprio, 5);
}

PV_TEST(range_fields)
{
	struct virtio_blk_discard_write_zeroes range;

	pvblk_req_fill_range(&range, 1ULL << 33, 0x01020304, false);
	PV_EXPECT(le64_to_cpu(range.sector) == 1ULL << 33);
	PV_EXPECT_EQ(le32_to_cpu(range.num_sectors), 0x01020304);
	PV_EXPECT_EQ(range.flags, 0);

	pvblk_req_fill_range(&range, 0, 1, true);
	PV_EXPECT_EQ(le32_to_cpu(range.flags),
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

PV_TEST(judge_answers)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(judge_cases); i++) {
		const struct judge_case *c = &judge_cases[i];

		PV_EXPECT_ROW(c->name, pvblk_req_judge(&c->answer),
			      c->outcome);
	}
}

PV_TEST(every_failure_fails)
{
	int outcome;

	PV_EXPECT(pvblk_outcome_status(PVBLK_OK) == BLK_STS_OK);
	PV_EXPECT(pvblk_outcome_status(PVBLK_UNSUPP) == BLK_STS_NOTSUPP);
	for (outcome = PVBLK_OK + 1; outcome < PVBLK_OUTCOMES; outcome++) {
		PV_EXPECT(pvblk_outcome_status(outcome) != BLK_STS_OK);
		PV_EXPECT_EQ(pvblk_outcome_is_lie(outcome),
				 outcome == PVBLK_LIE_LEN ||
				 outcome == PVBLK_LIE_STATUS);
		PV_EXPECT(pvblk_outcome_name(outcome));
	}
}

PV_SUITE(pvblk_req,
	 PV_CASE(header_little_endian),
	 PV_CASE(header_big_endian),
	 PV_CASE(header_unknown_operation),
	 PV_CASE(range_fields),
	 PV_CASE(judge_answers),
	 PV_CASE(every_failure_fails));
