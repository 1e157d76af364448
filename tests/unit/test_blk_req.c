// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_blk_req - requests of a disk: parsing and answering
 *
 * A request is laid out in one block of memory and then cut into descriptors
 * of chosen lengths, since the device must not care how the driver cut it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "blk_req.h"

#define CAPACITY 1000

static u8 out_mem[4096 + 64];
static u8 in_mem[4096 + 64];
static struct iovec chain_iov[8192];
static struct blk_range ranges[BLK_RANGES_MAX];

static const struct blk_bounds writable = {
	.capacity = CAPACITY,
	.discard_max = 64,
	.write_zeroes_max = 128,
};
static const struct blk_bounds read_only = {
	.capacity = CAPACITY,
	.read_only = true,
};

static unsigned int cut(struct iovec *iov, u8 *mem, size_t len, size_t piece)
{
	unsigned int n = 0;

	for (size_t at = 0; at < len; at += piece)
		iov[n++] = (struct iovec){ mem + at, min(piece, len - at) };
	return n;
}

static struct vq_chain chain(size_t out_len, size_t in_len, size_t piece)
{
	struct vq_chain c = {
		.out_len = out_len,
		.in_len = in_len,
		.iov = chain_iov,
		.iov_max = ARRAY_SIZE(chain_iov),
	};

	c.out_num = (u16)cut(chain_iov, out_mem, out_len, piece);
	c.in_num = (u16)cut(chain_iov + c.out_num, in_mem, in_len, piece);
	return c;
}

static void header(u32 type, u64 sector)
{
	struct virtio_blk_outhdr hdr = {
		.type = htole32(type),
		.sector = htole64(sector),
	};

	memcpy(out_mem, &hdr, sizeof(hdr));
}

static void range(unsigned int i, u64 sector, u32 sectors, u32 flags)
{
	struct virtio_blk_discard_write_zeroes raw = {
		.sector = htole64(sector),
		.num_sectors = htole32(sectors),
		.flags = htole32(flags),
	};

	memcpy(out_mem + 16 + i * sizeof(raw), &raw, sizeof(raw));
}

static struct blk_req parse(const struct blk_bounds *bounds, size_t out_len,
			    size_t in_len, size_t piece)
{
	struct vq_chain c = chain(out_len, in_len, piece);
	struct blk_req req;

	assert_int_equal(blk_req_parse(&req, ranges, &c, bounds), 0);
	assert_ptr_equal(req.status, in_mem + in_len - 1);
	assert_int_equal(req.room_len, in_len - 1);
	return req;
}

static enum blk_reject reject_of(const struct blk_bounds *bounds,
				 size_t out_len, size_t in_len)
{
	return parse(bounds, out_len, in_len, 4096).reject;
}

static void read_in_any_framing(void **state)
{
	static const size_t pieces[] = { 1, 3, 15, 16, 17, 511, 512, 1025, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct blk_req req;

		header(VIRTIO_BLK_T_IN, 7);
		req = parse(&writable, 16, 1025, pieces[i]);
		assert_int_equal(req.reject, BLK_REJECT_NONE);
		assert_int_equal(req.op, BLK_OP_READ);
		assert_int_equal(req.offset, 7 * 512);
		assert_int_equal(req.len, 1024);
		assert_int_equal(iov_bytes(&req.data), 1024);
		assert_ptr_equal(req.data.iov->iov_base, in_mem);
	}
}

static void write_in_any_framing(void **state)
{
	static const size_t pieces[] = { 1, 5, 16, 20, 528, 1040 };
	u8 copy[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct blk_req req;

		memset(out_mem + 16, (int)(i + 1), sizeof(copy));
		header(VIRTIO_BLK_T_OUT, CAPACITY - 2);
		req = parse(&writable, 16 + 1024, 1, pieces[i]);
		assert_int_equal(req.reject, BLK_REJECT_NONE);
		assert_int_equal(req.op, BLK_OP_WRITE);
		assert_int_equal(req.len, 1024);
		assert_int_equal(iov_bytes(&req.data), 1024);
		iov_read(&req.data, copy, sizeof(copy));
		assert_memory_equal(copy, out_mem + 16, sizeof(copy));
	}
}

static void header_is_read_once(void **state)
{
	struct blk_req req;

	(void)state;
	header(VIRTIO_BLK_T_OUT, 3);
	req = parse(&writable, 16 + 512, 1, 4096);
	header(VIRTIO_BLK_T_OUT, CAPACITY * 2);
	assert_int_equal(req.offset, 3 * 512);
}

static void no_room_for_status(void **state)
{
	struct vq_chain c = chain(16, 0, 16);
	struct blk_req req;

	(void)state;
	memset(&req, 0x5a, sizeof(req));
	assert_int_equal(blk_req_parse(&req, ranges, &c, &writable), -EPROTO);
	assert_int_equal(req.room_len, 0x5a5a5a5a5a5a5a5aULL);
}

static void short_header(void **state)
{
	(void)state;
	header(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(reject_of(&writable, 15, 1), BLK_REJECT_HEADER);
	assert_int_equal(reject_of(&writable, 0, 513), BLK_REJECT_HEADER);
	assert_int_equal(reject_of(&writable, 16, 1), BLK_REJECT_NONE);
}

static void transfer_bounds(void **state)
{
	static const struct {
		u64 sector;
		size_t len;
		enum blk_reject reject;
	} cases[] = {
		{ 0, 0, BLK_REJECT_NONE },
		{ CAPACITY - 1, 512, BLK_REJECT_NONE },
		{ CAPACITY - 1, 1024, BLK_REJECT_CAPACITY },
		{ CAPACITY, 512, BLK_REJECT_CAPACITY },
		{ CAPACITY, 0, BLK_REJECT_NONE },
		{ CAPACITY + 1, 0, BLK_REJECT_CAPACITY },
		{ UINT64_MAX, 512, BLK_REJECT_CAPACITY },
		{ UINT64_MAX, 0, BLK_REJECT_CAPACITY },
		{ UINT64_MAX - 1, 1024, BLK_REJECT_CAPACITY },
		{ 1ULL << 55, 512, BLK_REJECT_CAPACITY },
		{ 0, 511, BLK_REJECT_LENGTH },
		{ 0, 513, BLK_REJECT_LENGTH },
		{ 0, 1, BLK_REJECT_LENGTH },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		header(VIRTIO_BLK_T_IN, cases[i].sector);
		assert_int_equal(reject_of(&writable, 16, cases[i].len + 1),
				 cases[i].reject);
		header(VIRTIO_BLK_T_OUT, cases[i].sector);
		assert_int_equal(reject_of(&writable, 16 + cases[i].len, 1),
				 cases[i].reject);
	}
}

/* More than the used ring can count; only lengths lie, nothing is touched. */
static void transfer_too_long(void **state)
{
	static const struct blk_bounds huge = { .capacity = 1ULL << 54 };
	struct vq_chain c;
	struct blk_req req;

	(void)state;
	header(VIRTIO_BLK_T_IN, 0);
	c = chain(16, 513, 4096);
	c.in_len = (1ULL << 32) + 1;
	c.iov[1].iov_len = c.in_len;
	assert_int_equal(blk_req_parse(&req, ranges, &c, &huge), 0);
	assert_int_equal(req.reject, BLK_REJECT_LENGTH);

	header(VIRTIO_BLK_T_OUT, 0);
	c = chain(528, 1, 4096);
	c.out_len = (1ULL << 32) + 16;
	c.iov[0].iov_len = c.out_len;
	assert_int_equal(blk_req_parse(&req, ranges, &c, &huge), 0);
	assert_int_equal(req.reject, BLK_REJECT_LENGTH);
}

static void unknown_types(void **state)
{
	static const u32 types[] = { 2,	 3,  VIRTIO_BLK_T_GET_ID + 1, 9, 10, 12,
				     14, 15, 0x80000000, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		header(types[i], 0);
		assert_int_equal(reject_of(&writable, 528, 513),
				 BLK_REJECT_TYPE);
	}
	assert_int_equal(blk_reject_status(BLK_REJECT_TYPE),
			 VIRTIO_BLK_S_UNSUPP);
}

static void read_only_disk(void **state)
{
	static const u32 changing[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD,
					VIRTIO_BLK_T_WRITE_ZEROES };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changing); i++) {
		header(changing[i], 0);
		range(0, 0, 1, 0);
		assert_int_equal(reject_of(&read_only, 32, 1),
				 BLK_REJECT_READ_ONLY);
	}
	assert_int_equal(blk_reject_status(BLK_REJECT_READ_ONLY),
			 VIRTIO_BLK_S_IOERR);
	header(VIRTIO_BLK_T_IN, 0);
	assert_int_equal(reject_of(&read_only, 16, 513), BLK_REJECT_NONE);
	header(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(reject_of(&read_only, 16, 1), BLK_REJECT_NONE);
}

static void get_id_of_any_size(void **state)
{
	static const size_t rooms[] = { 0, 1, 19, 20, 21, 512 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		struct blk_req req;

		header(VIRTIO_BLK_T_GET_ID, 99999);
		req = parse(&writable, 16, rooms[i] + 1, 7);
		assert_int_equal(req.reject, BLK_REJECT_NONE);
		assert_int_equal(req.op, BLK_OP_GET_ID);
		assert_int_equal(req.len, min(rooms[i], (size_t)20));
		assert_true(iov_bytes(&req.data) >= req.len);
	}
}

static void ranges_are_parsed(void **state)
{
	struct blk_req req;

	(void)state;
	header(VIRTIO_BLK_T_WRITE_ZEROES, 0);
	range(0, 10, 128, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	range(1, CAPACITY - 1, 1, 0);
	range(2, CAPACITY, 0, 0);
	req = parse(&writable, 16 + 3 * 16, 1, 13);
	assert_int_equal(req.reject, BLK_REJECT_NONE);
	assert_int_equal(req.op, BLK_OP_WRITE_ZEROES);
	assert_int_equal(req.num_ranges, 3);
	assert_int_equal(ranges[0].offset, 10 * 512);
	assert_int_equal(ranges[0].len, 128 * 512);
	assert_true(ranges[0].unmap);
	assert_int_equal(ranges[1].offset, (CAPACITY - 1) * 512);
	assert_false(ranges[1].unmap);
	assert_int_equal(ranges[2].len, 0);

	header(VIRTIO_BLK_T_DISCARD, 0);
	range(0, 0, 64, 0);
	req = parse(&writable, 16 + 16, 1, 4096);
	assert_int_equal(req.reject, BLK_REJECT_NONE);
	assert_int_equal(req.op, BLK_OP_DISCARD);
	assert_int_equal(req.num_ranges, 1);
}

static void range_counts(void **state)
{
	static const struct {
		size_t bytes;
		enum blk_reject reject;
	} cases[] = {
		{ 0, BLK_REJECT_RANGE_COUNT },
		{ 15, BLK_REJECT_RANGE_COUNT },
		{ 17, BLK_REJECT_RANGE_COUNT },
		{ 16 * BLK_RANGES_MAX, BLK_REJECT_NONE },
		{ 16 * (BLK_RANGES_MAX + 1), BLK_REJECT_RANGE_COUNT },
	};

	(void)state;
	memset(out_mem, 0, sizeof(out_mem));
	header(VIRTIO_BLK_T_DISCARD, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(reject_of(&writable, 16 + cases[i].bytes, 1),
				 cases[i].reject);
}

static void bad_ranges(void **state)
{
	static const struct {
		u32 type;
		u64 sector;
		u32 sectors;
		u32 flags;
		enum blk_reject reject;
	} cases[] = {
		{ VIRTIO_BLK_T_DISCARD, 0, 1, 1, BLK_REJECT_RANGE_FLAGS },
		{ VIRTIO_BLK_T_DISCARD, 0, 1, 2, BLK_REJECT_RANGE_FLAGS },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2, BLK_REJECT_RANGE_FLAGS },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0x80000001,
		  BLK_REJECT_RANGE_FLAGS },
		{ VIRTIO_BLK_T_DISCARD, 0, 65, 0, BLK_REJECT_RANGE_SIZE },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 129, 0, BLK_REJECT_RANGE_SIZE },
		{ VIRTIO_BLK_T_DISCARD, CAPACITY, 1, 0, BLK_REJECT_CAPACITY },
		{ VIRTIO_BLK_T_DISCARD, UINT64_MAX, 1, 0, BLK_REJECT_CAPACITY },
		{ VIRTIO_BLK_T_WRITE_ZEROES, CAPACITY - 1, 2, 1,
		  BLK_REJECT_CAPACITY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		header(cases[i].type, 0);
		range(0, 0, 1, 0);
		range(1, cases[i].sector, cases[i].sectors, cases[i].flags);
		assert_int_equal(reject_of(&writable, 16 + 32, 1),
				 cases[i].reject);
	}
	assert_int_equal(blk_reject_status(BLK_REJECT_RANGE_FLAGS),
			 VIRTIO_BLK_S_UNSUPP);
}

static void ranges_not_negotiated(void **state)
{
	static const struct blk_bounds plain = { .capacity = CAPACITY };

	(void)state;
	range(0, 0, 1, 0);
	header(VIRTIO_BLK_T_DISCARD, 0);
	assert_int_equal(reject_of(&plain, 32, 1), BLK_REJECT_TYPE);
	header(VIRTIO_BLK_T_WRITE_ZEROES, 0);
	assert_int_equal(reject_of(&plain, 32, 1), BLK_REJECT_TYPE);
}

static void every_reject_has_an_answer(void **state)
{
	(void)state;
	assert_int_equal(blk_reject_status(BLK_REJECT_NONE), VIRTIO_BLK_S_OK);
	for (unsigned int i = 1; i < BLK_REJECT_MAX; i++) {
		assert_non_null(blk_reject_name(i));
		assert_int_not_equal(blk_reject_status(i), VIRTIO_BLK_S_OK);
	}
}

static void errno_to_status(void **state)
{
	(void)state;
	assert_int_equal(blk_errno_status(0), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_errno_status(-EOPNOTSUPP), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(blk_errno_status(-EIO), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_errno_status(-ENOSPC), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_errno_status(-EFAULT), VIRTIO_BLK_S_IOERR);
}

static void used_length_counts_no_gap(void **state)
{
	(void)state;
	assert_int_equal(blk_req_used_len(4096, 4096), 4097);
	assert_int_equal(blk_req_used_len(0, 0), 1);
	assert_int_equal(blk_req_used_len(4096, 0), 0);
	assert_int_equal(blk_req_used_len(512, 20), 20);
	assert_int_equal(blk_req_used_len(20, 20), 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_in_any_framing),
		cmocka_unit_test(write_in_any_framing),
		cmocka_unit_test(header_is_read_once),
		cmocka_unit_test(no_room_for_status),
		cmocka_unit_test(short_header),
		cmocka_unit_test(transfer_bounds),
		cmocka_unit_test(transfer_too_long),
		cmocka_unit_test(unknown_types),
		cmocka_unit_test(read_only_disk),
		cmocka_unit_test(get_id_of_any_size),
		cmocka_unit_test(ranges_are_parsed),
		cmocka_unit_test(range_counts),
		cmocka_unit_test(bad_ranges),
		cmocka_unit_test(ranges_not_negotiated),
		cmocka_unit_test(every_reject_has_an_answer),
		cmocka_unit_test(errno_to_status),
		cmocka_unit_test(used_length_counts_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
