// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_blk_lies - well-formed chains with wrong block requests in them
 *
 * Such a request fails and no more than that: the queue goes on, bytes outside
 * the request's own buffers keep their value.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define SECTORS (DISK_SIZE / DRV_BLK_SECTOR)

static struct disk *disk;

static int open_disk(void **state)
{
	const struct drv_dev_conf conf = { .indirect_max = 80 };

	(void)state;
	disk = disk_open(fx.disk, &conf);
	return 0;
}

static int after(void **state)
{
	disk_works(disk);
	return fixture_after(state);
}

/** struct transfer - a read or write that must fail */
struct transfer {
	const char *name;
	u64 sector;
	u32 len;
};

static const struct transfer transfers[] = {
	{ "transfer: at the end", SECTORS, 512 },
	{ "transfer: over the end", SECTORS - 1, 1024 },
	{ "transfer: far behind the end", SECTORS * 2, 4096 },
	{ "transfer: sector 2^63", 1ull << 63, 512 },
	{ "transfer: sector 2^64 - 1", UINT64_MAX, 512 },
	{ "transfer: sector * 512 wraps to 0", 1ull << 55, 4096 },
	{ "transfer: sector * 512 wraps to 512", (1ull << 55) + 1, 4096 },
	{ "transfer: end wraps", UINT64_MAX - 3, 4096 },
	{ "transfer: 1 byte", 0, 1 },
	{ "transfer: 511 bytes", 0, 511 },
	{ "transfer: 513 bytes", 0, 513 },
	{ "transfer: 4095 bytes", 0, 4095 },
};

static void failing_transfer(void **state)
{
	const struct transfer *t = *state;
	const u32 span = 64u << 10;

	memset(vu_mem_hva(&disk->dev.mem, disk->buf, span), 0xa5, span);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, t->sector,
				 disk->buf, t->len),
			 VIRTIO_BLK_S_IOERR);
	/* 12. Nothing that was not asked for comes in on the way. */
	disk_expect_byte(disk, disk->buf, span, 0xa5);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, t->sector,
				 disk->buf, t->len),
			 VIRTIO_BLK_S_IOERR);
}

/* What a driver may believe about a failed read: used.len of one byte. */
static void failed_used_len(void **state)
{
	u32 len;

	(void)state;
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.sector = SECTORS;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
	memset(vu_mem_hva(&disk->dev.mem, disk->buf, 4096), 0xa5, 4096);
	assert_int_equal(drv_blk_do(&disk->dev, 0, &disk->req, &len),
			 VIRTIO_BLK_S_IOERR);
	/*
	 * virtio 1.3, 2.7.8.2: len bytes from the start have been written; the
	 * status is the last one, so only 1 (status) or all is sensible, and
	 * if it says all then the data is no leak.
	 */
	assert_true(len == 1 || len == 4097 || len == 0);
	disk_expect_byte(disk, disk->buf, 4096, 0xa5);
}

/** struct range - a discard or write-zeroes that must fail */
struct range {
	const char *name;
	u64 sector;
	u32 num;
	u32 flags;
	u8 discard;
	u8 zeroes;
};

#define IOERR  VIRTIO_BLK_S_IOERR
#define UNSUPP VIRTIO_BLK_S_UNSUPP

/* virtio 1.3, 5.2.6.2: reserved flags, and unmap in a discard, are UNSUPP. */
static const struct range ranges[] = {
	{ "range: at the end", SECTORS, 1, 0, IOERR, IOERR },
	{ "range: over the end", SECTORS - 8, 16, 0, IOERR, IOERR },
	{ "range: sector 2^64 - 1", UINT64_MAX, 2, 0, IOERR, IOERR },
	{ "range: sector * 512 wraps", 1ull << 55, 8, 0, IOERR, IOERR },
	{ "range: 2^32 - 1 sectors", 0, UINT32_MAX, 0, IOERR, IOERR },
	{ "range: flag 1", 0, 8, 2, UNSUPP, UNSUPP },
	{ "range: flag 31", 0, 8, 1u << 31, UNSUPP, UNSUPP },
	{ "range: all flags", 0, 8, UINT32_MAX, UNSUPP, UNSUPP },
	{ "range: unmap in a discard", 0, 8, 1, UNSUPP, VIRTIO_BLK_S_OK },
};

static void failing_range(void **state)
{
	const struct range *r = *state;

	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_DISCARD, r->sector,
				    r->num, r->flags),
			 r->discard);
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES, r->sector,
				    r->num, r->flags),
			 r->zeroes);
}

/* Lengths of the list of ranges that are no multiple of 16, or none at all. */
static void range_list_lengths(void **state)
{
	static const u32 types[] = { VIRTIO_BLK_T_DISCARD,
				     VIRTIO_BLK_T_WRITE_ZEROES };
	static const u32 lens[] = { 0, 1, 8, 15, 17, 31, 65535 };
	unsigned int i;
	unsigned int t;

	(void)state;
	memset(vu_mem_hva(&disk->dev.mem, disk->buf, 65536), 0, 65536);
	for (t = 0; t < ARRAY_SIZE(types); t++)
		for (i = 0; i < ARRAY_SIZE(lens); i++)
			assert_int_equal(disk_io(disk, 0, types[t], 0,
						 disk->buf, lens[i]),
					 VIRTIO_BLK_S_IOERR);
}

/* More ranges than config space allows, each of them right. */
static void too_many_ranges(void **state)
{
	struct virtio_blk_discard_write_zeroes *list;
	struct virtio_blk_config config;
	u32 count;
	u32 i;

	(void)state;
	fe_ok(&disk->dev.fe, vu_fe_get_config(&disk->dev.fe, 0, 60, &config));
	count = config.max_discard_seg + 1;
	list = vu_mem_hva(&disk->dev.mem, disk->buf, 1u << 20);
	memset(list, 0, 1u << 20);
	assert_in_range(count, 2, 65536);
	for (i = 0; i < count; i++)
		list[i] = (struct virtio_blk_discard_write_zeroes){
			.sector = i * 8, .num_sectors = 8
		};
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_DISCARD, 0, disk->buf,
				 count * 16),
			 VIRTIO_BLK_S_IOERR);
	/* And exactly as many as allowed are done. */
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_DISCARD, 0, disk->buf,
				 (count - 1) * 16),
			 VIRTIO_BLK_S_OK);
}

/* As many sectors as config space allows, and one more; room there is. */
static void range_too_long(void **state)
{
	struct disk *null = disk_open(fx.null, NULL);
	struct virtio_blk_config config;

	(void)state;
	fe_ok(&null->dev.fe, vu_fe_get_config(&null->dev.fe, 0, 60, &config));
	assert_in_range(config.max_discard_sectors, 1, 1u << 31);
	assert_in_range(config.max_write_zeroes_sectors, 1, 1u << 31);
	assert_int_equal(disk_range(null, VIRTIO_BLK_T_DISCARD, 0,
				    config.max_discard_sectors, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_range(null, VIRTIO_BLK_T_DISCARD, 0,
				    config.max_discard_sectors + 1, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(disk_range(null, VIRTIO_BLK_T_WRITE_ZEROES, 0,
				    config.max_write_zeroes_sectors, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_range(null, VIRTIO_BLK_T_WRITE_ZEROES, 0,
				    config.max_write_zeroes_sectors + 1, 0),
			 VIRTIO_BLK_S_IOERR);
	disk_close(null);
}

/* One good range and one bad one: all or nothing is not promised, an end is. */
static void second_range_bad(void **state)
{
	struct virtio_blk_discard_write_zeroes *list;

	(void)state;
	list = vu_mem_hva(&disk->dev.mem, disk->buf, 32);
	list[0] = (struct virtio_blk_discard_write_zeroes){ .num_sectors = 8 };
	list[1] = (struct virtio_blk_discard_write_zeroes){
		.sector = SECTORS, .num_sectors = 8
	};
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0,
				 disk->buf, 32),
			 VIRTIO_BLK_S_IOERR);
}

static void range_of_nothing(void **state)
{
	int status;

	(void)state;
	status = disk_range(disk, VIRTIO_BLK_T_DISCARD, 0, 0, 0);
	assert_true(status == VIRTIO_BLK_S_OK || status == VIRTIO_BLK_S_IOERR);
	status = disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES, SECTORS, 0, 0);
	assert_true(status == VIRTIO_BLK_S_OK || status == VIRTIO_BLK_S_IOERR);
}

/* 12. An id buffer of any length gets the id's bytes and no others. */
static void get_id_lengths(void **state)
{
	static const u32 lens[] = { 1, 5, 19, 20, 21, 64, 4096 };
	unsigned int i;
	int status;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		memset(vu_mem_hva(&disk->dev.mem, disk->buf, 8192), 0xa5, 8192);
		status = disk_io(disk, 0, VIRTIO_BLK_T_GET_ID, 0, disk->buf,
				 lens[i]);
		assert_true(status == VIRTIO_BLK_S_OK ||
			    status == VIRTIO_BLK_S_IOERR);
		disk_expect_byte(disk, disk->buf + lens[i], 8192 - lens[i],
				 0xa5);
		if (lens[i] > VIRTIO_BLK_ID_BYTES)
			disk_expect_byte(disk,
					 disk->buf + VIRTIO_BLK_ID_BYTES,
					 lens[i] - VIRTIO_BLK_ID_BYTES, 0xa5);
	}
}

/* Data in the direction that the type does not have. */
static void wrong_direction(void **state)
{
	static const u32 types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
				     VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID,
				     VIRTIO_BLK_T_DISCARD };
	struct drv_vq *vq = &disk->dev.vq[0];
	struct drv_used used;
	struct drv_sg sg[3];
	unsigned int i;
	int dir;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(types) * 2; i++) {
		dir = i & 1;
		disk->req.head->hdr = (struct virtio_blk_outhdr){
			.type = types[i / 2], .sector = 0
		};
		disk->req.head->status = DRV_BLK_UNDONE;
		sg[0] = (struct drv_sg){ disk->req.head_gpa, 16 };
		sg[1] = (struct drv_sg){ disk->buf, 4096 };
		sg[2] = (struct drv_sg){
			disk->req.head_gpa +
				offsetof(struct drv_blk_head, status),
			1
		};
		assert_true(drv_vq_add(vq, sg, dir ? 1 : 2, dir ? 2 : 1, 0) >=
			    0);
		drv_vq_kick(vq);
		assert_int_equal(drv_vq_reap_wait(vq, &used, 2000), 1);
		assert_int_not_equal(drv_blk_status(&disk->req),
				     DRV_BLK_UNDONE);
	}
}

static void no_data(void **state)
{
	(void)state;
	/* Nothing to move: done or refused, but answered. */
	assert_in_range(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0, 0, 0), 0, 2);
	assert_in_range(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 0, 0, 0), 0, 2);
	assert_in_range(disk_io(disk, 0, VIRTIO_BLK_T_GET_ID, 0, 0, 0), 0, 2);
}

/* 2^32 bytes in all, out of the same RAM again and again. */
static void data_of_4_gib(void **state)
{
	struct drv_blk_req *req = &disk->req;
	unsigned int i;

	(void)state;
	req->type = VIRTIO_BLK_T_IN;
	req->sector = 0;
	req->num_data = 64;
	for (i = 0; i < req->num_data; i++)
		req->data[i] = (struct drv_sg){ 0, 64u << 20 };
	assert_int_equal(drv_blk_do(&disk->dev, 0, req, NULL),
			 VIRTIO_BLK_S_IOERR);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, open_disk, after)
		T(failed_used_len),
		T(range_list_lengths),
		T(too_many_ranges),
		T(range_too_long),
		T(second_range_bad),
		T(range_of_nothing),
		T(get_id_lengths),
		T(wrong_direction),
		T(no_data),
		T(data_of_4_gib),
#undef T
	};
	static struct CMUnitTest tests[ARRAY_SIZE(transfers) +
				       ARRAY_SIZE(ranges) + ARRAY_SIZE(more)];
	size_t count = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(transfers); i++)
		tests[count++] = (struct CMUnitTest){
			.name = transfers[i].name,
			.test_func = failing_transfer,
			.setup_func = open_disk,
			.teardown_func = after,
			.initial_state = (void *)(uintptr_t)&transfers[i],
		};
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		tests[count++] = (struct CMUnitTest){
			.name = ranges[i].name,
			.test_func = failing_range,
			.setup_func = open_disk,
			.teardown_func = after,
			.initial_state = (void *)(uintptr_t)&ranges[i],
		};
	memcpy(tests + count, more, sizeof(more));
	return fixture_run("blk_lies", tests, ARRAY_SIZE(tests));
}
