// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_pvblk_limits - what the driver makes of a configuration space
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "limits.h"

#include <linux/virtio_blk.h>
#include <asm/page.h>

#define F(name) (1ULL << VIRTIO_BLK_F_##name)
#define EVERYTHING                                                         \
	(F(SIZE_MAX) | F(SEG_MAX) | F(GEOMETRY) | F(BLK_SIZE) | F(FLUSH) | \
	 F(TOPOLOGY) | F(CONFIG_WCE) | F(MQ) | F(DISCARD) | F(WRITE_ZEROES))

static void set(struct pvblk_config *config, enum pvblk_field_id id, u64 value)
{
	const struct pvblk_field *field = &pvblk_fields[id];
	unsigned int i;

	for (i = 0; i < field->bytes; i++) {
		unsigned int place = config->little_endian ?
					     i : field->bytes - 1 - i;

		config->raw[field->offset + i] = (u8)(value >> 8 * place);
	}
}

static struct pvblk_config ordinary(u64 features, bool little_endian)
{
	struct pvblk_config config = {
		.features = features,
		.little_endian = little_endian,
	};

	set(&config, PVBLK_FIELD_CAPACITY, 0x123456789000ULL);
	set(&config, PVBLK_FIELD_SIZE_MAX, 65536);
	set(&config, PVBLK_FIELD_SEG_MAX, 254);
	set(&config, PVBLK_FIELD_CYLINDERS, 1000);
	set(&config, PVBLK_FIELD_HEADS, 16);
	set(&config, PVBLK_FIELD_SECTORS, 63);
	set(&config, PVBLK_FIELD_BLK_SIZE, 512);
	set(&config, PVBLK_FIELD_PHYSICAL_EXP, 3);
	set(&config, PVBLK_FIELD_ALIGNMENT, 7);
	set(&config, PVBLK_FIELD_MIN_IO, 8);
	set(&config, PVBLK_FIELD_OPT_IO, 2048);
	set(&config, PVBLK_FIELD_WCE, 1);
	set(&config, PVBLK_FIELD_NUM_QUEUES, 4);
	set(&config, PVBLK_FIELD_DISCARD_SECTORS, 8192);
	set(&config, PVBLK_FIELD_DISCARD_SEGMENTS, 16);
	set(&config, PVBLK_FIELD_DISCARD_ALIGNMENT, 8);
	set(&config, PVBLK_FIELD_ZEROES_SECTORS, 4096);
	return config;
}

static struct pvblk_limits parse(const struct pvblk_config *config)
{
	struct pvblk_limits_fault fault;
	struct pvblk_limits limits;

	assert_int_equal(pvblk_limits_parse(config, &limits, &fault), 0);
	return limits;
}

/* The offsets are an ABI, so they are checked against bytes written by hand. */
static void table_is_the_specification(void **state)
{
	static const struct {
		enum pvblk_field_id id;
		unsigned int offset;
		unsigned int bytes;
	} cases[PVBLK_FIELDS] = {
		{ PVBLK_FIELD_CAPACITY, 0, 8 },
		{ PVBLK_FIELD_SIZE_MAX, 8, 4 },
		{ PVBLK_FIELD_SEG_MAX, 12, 4 },
		{ PVBLK_FIELD_CYLINDERS, 16, 2 },
		{ PVBLK_FIELD_HEADS, 18, 1 },
		{ PVBLK_FIELD_SECTORS, 19, 1 },
		{ PVBLK_FIELD_BLK_SIZE, 20, 4 },
		{ PVBLK_FIELD_PHYSICAL_EXP, 24, 1 },
		{ PVBLK_FIELD_ALIGNMENT, 25, 1 },
		{ PVBLK_FIELD_MIN_IO, 26, 2 },
		{ PVBLK_FIELD_OPT_IO, 28, 4 },
		{ PVBLK_FIELD_WCE, 32, 1 },
		{ PVBLK_FIELD_NUM_QUEUES, 34, 2 },
		{ PVBLK_FIELD_DISCARD_SECTORS, 36, 4 },
		{ PVBLK_FIELD_DISCARD_SEGMENTS, 40, 4 },
		{ PVBLK_FIELD_DISCARD_ALIGNMENT, 44, 4 },
		{ PVBLK_FIELD_ZEROES_SECTORS, 48, 4 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < PVBLK_FIELDS; i++) {
		const struct pvblk_field *field = &pvblk_fields[cases[i].id];

		assert_int_equal(field->offset, cases[i].offset);
		assert_int_equal(field->bytes, cases[i].bytes);
		assert_true(field->offset + field->bytes <= PVBLK_CONFIG_BYTES);
		assert_true(field->min <= field->max);
	}
}

static void ordinary_disk(void **state)
{
	int little_endian;

	(void)state;
	for (little_endian = 0; little_endian < 2; little_endian++) {
		struct pvblk_config config = ordinary(EVERYTHING,
						      little_endian);
		struct pvblk_limits limits = parse(&config);

		assert_true(limits.capacity_sectors == 0x123456789000ULL);
		assert_int_equal(limits.max_segment_bytes, 65536);
		assert_int_equal(limits.max_segments, 254);
		assert_int_equal(limits.cylinders, 1000);
		assert_int_equal(limits.heads, 16);
		assert_int_equal(limits.sectors, 63);
		assert_int_equal(limits.block_bytes, 512);
		assert_int_equal(limits.physical_bytes, 4096);
		assert_int_equal(limits.alignment_bytes, 3584);
		assert_int_equal(limits.io_min_bytes, 4096);
		assert_int_equal(limits.io_opt_bytes, 1 << 20);
		assert_true(limits.writeback);
		assert_int_equal(limits.num_queues, 4);
		assert_int_equal(limits.max_discard_sectors, 8192);
		assert_int_equal(limits.max_discard_ranges, 16);
		assert_int_equal(limits.discard_granularity_bytes, 4096);
		assert_int_equal(limits.max_zeroes_sectors, 4096);
		assert_int_equal(limits.adjusted, 0);
	}
}

/* What is not offered is not read, whatever stands there. */
static void bare_disk(void **state)
{
	struct pvblk_config config = ordinary(0, true);
	struct pvblk_limits limits = parse(&config);

	(void)state;
	assert_true(limits.capacity_sectors == 0x123456789000ULL);
	assert_int_equal(limits.max_segment_bytes, U32_MAX);
	assert_int_equal(limits.max_segments, 1);
	assert_int_equal(limits.cylinders, 0);
	assert_int_equal(limits.block_bytes, 512);
	assert_int_equal(limits.physical_bytes, 512);
	assert_int_equal(limits.alignment_bytes, 0);
	assert_int_equal(limits.io_min_bytes, 0);
	assert_int_equal(limits.io_opt_bytes, 0);
	assert_false(limits.writeback);
	assert_int_equal(limits.num_queues, 1);
	assert_int_equal(limits.max_discard_sectors, 0);
	assert_int_equal(limits.max_zeroes_sectors, 0);
	assert_int_equal(limits.adjusted, 0);
}

static void refused_values(void **state)
{
	static const struct {
		enum pvblk_field_id id;
		u64 value;
	} cases[] = {
		{ PVBLK_FIELD_CAPACITY, PVBLK_MAX_SECTORS + 1 },
		{ PVBLK_FIELD_CAPACITY, U64_MAX },
		{ PVBLK_FIELD_SIZE_MAX, 1 },
		{ PVBLK_FIELD_SIZE_MAX, PAGE_SIZE - 1 },
		{ PVBLK_FIELD_BLK_SIZE, 0 },
		{ PVBLK_FIELD_BLK_SIZE, 256 },
		{ PVBLK_FIELD_BLK_SIZE, 513 },
		{ PVBLK_FIELD_BLK_SIZE, 1536 },
		{ PVBLK_FIELD_BLK_SIZE, PAGE_SIZE * 2 },
		{ PVBLK_FIELD_BLK_SIZE, U32_MAX },
		{ PVBLK_FIELD_NUM_QUEUES, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pvblk_config config = ordinary(EVERYTHING, true);
		struct pvblk_limits limits = { .max_segments = 77 };
		struct pvblk_limits_fault fault;

		set(&config, cases[i].id, cases[i].value);
		assert_int_equal(pvblk_limits_parse(&config, &limits, &fault),
				 -EINVAL);
		assert_int_equal(fault.field, cases[i].id);
		assert_true(fault.value == cases[i].value);
		assert_int_equal(limits.max_segments, 77);
	}
}

struct adjusted_case {
	enum pvblk_field_id id;
	u64 value;
	size_t offset;
	size_t bytes;
	u64 result;
};

#define ADJUSTED(id, value, member, result)                         \
	{                                                           \
		id, value, offsetof(struct pvblk_limits, member),   \
		sizeof(((struct pvblk_limits *)0)->member), result, \
	}

static const struct adjusted_case adjusted_cases[] = {
	ADJUSTED(PVBLK_FIELD_SEG_MAX, 0, max_segments, 1),
	ADJUSTED(PVBLK_FIELD_SEG_MAX, U32_MAX, max_segments,
		 PVBLK_MAX_SEGMENTS),
	ADJUSTED(PVBLK_FIELD_PHYSICAL_EXP, 13, physical_bytes, 512),
	ADJUSTED(PVBLK_FIELD_PHYSICAL_EXP, 255, physical_bytes, 512),
	ADJUSTED(PVBLK_FIELD_ALIGNMENT, 8, alignment_bytes, 0),
	ADJUSTED(PVBLK_FIELD_ALIGNMENT, 255, alignment_bytes, 0),
	ADJUSTED(PVBLK_FIELD_MIN_IO, 65535, io_min_bytes, 0),
	ADJUSTED(PVBLK_FIELD_OPT_IO, 32769, io_opt_bytes, 0),
	ADJUSTED(PVBLK_FIELD_OPT_IO, U32_MAX, io_opt_bytes, 0),
	ADJUSTED(PVBLK_FIELD_WCE, 2, writeback, 1),
	ADJUSTED(PVBLK_FIELD_DISCARD_SEGMENTS, 0, max_discard_ranges, 1),
	ADJUSTED(PVBLK_FIELD_DISCARD_SEGMENTS, 257, max_discard_ranges, 256),
	ADJUSTED(PVBLK_FIELD_DISCARD_ALIGNMENT, U32_MAX,
		 discard_granularity_bytes, 4096),
	ADJUSTED(PVBLK_FIELD_DISCARD_ALIGNMENT, 9, discard_granularity_bytes,
		 4096),
};

static void adjusted_values(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(adjusted_cases); i++) {
		const struct adjusted_case *c = &adjusted_cases[i];
		struct pvblk_config config = ordinary(EVERYTHING, true);
		struct pvblk_limits limits;
		u64 result = 0;

		if (c->id == PVBLK_FIELD_MIN_IO ||
		    c->id == PVBLK_FIELD_DISCARD_ALIGNMENT) {
			set(&config, PVBLK_FIELD_BLK_SIZE, 4096);
			set(&config, PVBLK_FIELD_OPT_IO, 1);
		} else if (c->id == PVBLK_FIELD_PHYSICAL_EXP) {
			set(&config, PVBLK_FIELD_ALIGNMENT, 0);
		}
		set(&config, c->id, c->value);
		limits = parse(&config);
		memcpy(&result, (const u8 *)&limits + c->offset, c->bytes);
		assert_true(result == c->result);
		assert_int_equal(limits.adjusted, 1u << c->id);
	}
}

static void values_at_the_bounds(void **state)
{
	struct pvblk_config config = ordinary(EVERYTHING, true);
	struct pvblk_limits limits;

	(void)state;
	set(&config, PVBLK_FIELD_CAPACITY, PVBLK_MAX_SECTORS);
	set(&config, PVBLK_FIELD_SIZE_MAX, PAGE_SIZE);
	set(&config, PVBLK_FIELD_SEG_MAX, PVBLK_MAX_SEGMENTS);
	set(&config, PVBLK_FIELD_PHYSICAL_EXP, 12);
	set(&config, PVBLK_FIELD_OPT_IO, 32768);
	set(&config, PVBLK_FIELD_NUM_QUEUES, 65535);
	set(&config, PVBLK_FIELD_DISCARD_SEGMENTS, 256);
	limits = parse(&config);
	assert_true(limits.capacity_sectors == PVBLK_MAX_SECTORS);
	assert_int_equal(limits.max_segment_bytes, PAGE_SIZE);
	assert_int_equal(limits.physical_bytes, 2 << 20);
	assert_int_equal(limits.io_opt_bytes, 16 << 20);
	assert_int_equal(limits.num_queues, 65535);
	assert_int_equal(limits.adjusted, 0);
}

static void capacity_ends_on_a_block(void **state)
{
	struct pvblk_config config = ordinary(F(BLK_SIZE), true);

	(void)state;
	set(&config, PVBLK_FIELD_BLK_SIZE, 4096);
	set(&config, PVBLK_FIELD_CAPACITY, 1023);
	assert_true(parse(&config).capacity_sectors == 1016);
	set(&config, PVBLK_FIELD_CAPACITY, 7);
	assert_true(parse(&config).capacity_sectors == 0);
}

static void cache_needs_flush(void **state)
{
	struct pvblk_config config = ordinary(F(FLUSH), true);

	(void)state;
	set(&config, PVBLK_FIELD_WCE, 0);
	assert_true(parse(&config).writeback);
	config.features = F(FLUSH) | F(CONFIG_WCE);
	assert_false(parse(&config).writeback);
	set(&config, PVBLK_FIELD_WCE, 1);
	assert_true(parse(&config).writeback);
	config.features = F(CONFIG_WCE);
	assert_false(parse(&config).writeback);
}

static void segments_without_limit(void **state)
{
	struct pvblk_config config = ordinary(EVERYTHING, true);

	(void)state;
	set(&config, PVBLK_FIELD_SIZE_MAX, 0);
	assert_int_equal(parse(&config).max_segment_bytes, U32_MAX);
	assert_int_equal(parse(&config).adjusted, 0);
}

static void ranges_without_limit(void **state)
{
	struct pvblk_config config = ordinary(EVERYTHING, true);
	struct pvblk_limits limits;

	(void)state;
	set(&config, PVBLK_FIELD_DISCARD_SECTORS, 0);
	set(&config, PVBLK_FIELD_ZEROES_SECTORS, U32_MAX);
	set(&config, PVBLK_FIELD_DISCARD_ALIGNMENT, 0);
	limits = parse(&config);
	assert_int_equal(limits.max_discard_sectors, PVBLK_MAX_REQUEST_SECTORS);
	assert_int_equal(limits.max_zeroes_sectors, PVBLK_MAX_REQUEST_SECTORS);
	assert_int_equal(limits.discard_granularity_bytes, 512);
	assert_int_equal(limits.adjusted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_the_specification),
		cmocka_unit_test(ordinary_disk),
		cmocka_unit_test(bare_disk),
		cmocka_unit_test(refused_values),
		cmocka_unit_test(adjusted_values),
		cmocka_unit_test(values_at_the_bounds),
		cmocka_unit_test(capacity_ends_on_a_block),
		cmocka_unit_test(cache_needs_flush),
		cmocka_unit_test(segments_without_limit),
		cmocka_unit_test(ranges_without_limit),
	};

	return cmocka_run_group_tests_name("pvblk_limits", tests, NULL, NULL);
}
