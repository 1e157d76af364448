// SPDX-License-Identifier: GPL-2.0
/*
 * test_pvblk_limits - what the driver makes of a configuration space
 */
#include "pv_test.h"
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

/* A refusal is seen as limits of zero, which no test expects. */
static struct pvblk_limits parse(const struct pvblk_config *config)
{
	struct pvblk_limits_fault fault;
	struct pvblk_limits limits = { 0 };

	pvblk_limits_parse(config, &limits, &fault);
	return limits;
}

/* The offsets are an ABI, so they are checked against bytes written by hand. */
PV_TEST(table_is_the_specification)
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

	for (i = 0; i < PVBLK_FIELDS; i++) {
		const struct pvblk_field *field = &pvblk_fields[cases[i].id];

		PV_EXPECT_EQ(field->offset, cases[i].offset);
		PV_EXPECT_EQ(field->bytes, cases[i].bytes);
		PV_EXPECT(field->offset + field->bytes <= PVBLK_CONFIG_BYTES);
		PV_EXPECT(field->min <= field->max);
	}
}

PV_TEST(ordinary_disk)
{
	int little_endian;

	for (little_endian = 0; little_endian < 2; little_endian++) {
		struct pvblk_config config = ordinary(EVERYTHING,
						      little_endian);
		struct pvblk_limits limits = parse(&config);

		PV_EXPECT(limits.capacity_sectors == 0x123456789000ULL);
		PV_EXPECT_EQ(limits.max_segment_bytes, 65536);
		PV_EXPECT_EQ(limits.max_segments, 254);
		PV_EXPECT_EQ(limits.cylinders, 1000);
		PV_EXPECT_EQ(limits.heads, 16);
		PV_EXPECT_EQ(limits.sectors, 63);
		PV_EXPECT_EQ(limits.block_bytes, 512);
		PV_EXPECT_EQ(limits.physical_bytes, 4096);
		PV_EXPECT_EQ(limits.alignment_bytes, 3584);
		PV_EXPECT_EQ(limits.io_min_bytes, 4096);
		PV_EXPECT_EQ(limits.io_opt_bytes, 1 << 20);
		PV_EXPECT(limits.writeback);
		PV_EXPECT_EQ(limits.num_queues, 4);
		PV_EXPECT_EQ(limits.max_discard_sectors, 8192);
		PV_EXPECT_EQ(limits.max_discard_ranges, 16);
		PV_EXPECT_EQ(limits.discard_granularity_bytes, 4096);
		PV_EXPECT_EQ(limits.max_zeroes_sectors, 4096);
		PV_EXPECT_EQ(limits.adjusted, 0);
	}
}

/* What is not offered is not read, whatever stands there. */
PV_TEST(bare_disk)
{
	struct pvblk_config config = ordinary(0, true);
	struct pvblk_limits limits = parse(&config);

	PV_EXPECT(limits.capacity_sectors == 0x123456789000ULL);
	PV_EXPECT_EQ(limits.max_segment_bytes, U32_MAX);
	PV_EXPECT_EQ(limits.max_segments, 1);
	PV_EXPECT_EQ(limits.cylinders, 0);
	PV_EXPECT_EQ(limits.block_bytes, 512);
	PV_EXPECT_EQ(limits.physical_bytes, 512);
	PV_EXPECT_EQ(limits.alignment_bytes, 0);
	PV_EXPECT_EQ(limits.io_min_bytes, 0);
	PV_EXPECT_EQ(limits.io_opt_bytes, 0);
	PV_EXPECT(!limits.writeback);
	PV_EXPECT_EQ(limits.num_queues, 1);
	PV_EXPECT_EQ(limits.max_discard_sectors, 0);
	PV_EXPECT_EQ(limits.max_zeroes_sectors, 0);
	PV_EXPECT_EQ(limits.adjusted, 0);
}

PV_TEST(refused_values)
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

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pvblk_config config = ordinary(EVERYTHING, true);
		struct pvblk_limits limits = { .max_segments = 77 };
		struct pvblk_limits_fault fault;

		set(&config, cases[i].id, cases[i].value);
		PV_EXPECT_EQ(pvblk_limits_parse(&config, &limits, &fault),
				 -EINVAL);
		PV_EXPECT_EQ(fault.field, cases[i].id);
		PV_EXPECT(fault.value == cases[i].value);
		PV_EXPECT_EQ(limits.max_segments, 77);
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

PV_TEST(adjusted_values)
{
	size_t i;

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
		PV_EXPECT_ROW(pvblk_fields[c->id].name, result, c->result);
		PV_EXPECT_ROW(pvblk_fields[c->id].name, limits.adjusted, 1u << c->id);
	}
}

PV_TEST(values_at_the_bounds)
{
	struct pvblk_config config = ordinary(EVERYTHING, true);
	struct pvblk_limits limits;

	set(&config, PVBLK_FIELD_CAPACITY, PVBLK_MAX_SECTORS);
	set(&config, PVBLK_FIELD_SIZE_MAX, PAGE_SIZE);
	set(&config, PVBLK_FIELD_SEG_MAX, PVBLK_MAX_SEGMENTS);
	set(&config, PVBLK_FIELD_PHYSICAL_EXP, 12);
	set(&config, PVBLK_FIELD_OPT_IO, 32768);
	set(&config, PVBLK_FIELD_NUM_QUEUES, 65535);
	set(&config, PVBLK_FIELD_DISCARD_SEGMENTS, 256);
	limits = parse(&config);
	PV_EXPECT(limits.capacity_sectors == PVBLK_MAX_SECTORS);
	PV_EXPECT_EQ(limits.max_segment_bytes, PAGE_SIZE);
	PV_EXPECT_EQ(limits.physical_bytes, 2 << 20);
	PV_EXPECT_EQ(limits.io_opt_bytes, 16 << 20);
	PV_EXPECT_EQ(limits.num_queues, 65535);
	PV_EXPECT_EQ(limits.adjusted, 0);
}

PV_TEST(capacity_ends_on_a_block)
{
	struct pvblk_config config = ordinary(F(BLK_SIZE), true);

	set(&config, PVBLK_FIELD_BLK_SIZE, 4096);
	set(&config, PVBLK_FIELD_CAPACITY, 1023);
	PV_EXPECT(parse(&config).capacity_sectors == 1016);
	set(&config, PVBLK_FIELD_CAPACITY, 7);
	PV_EXPECT_EQ(parse(&config).block_bytes, 4096);
	PV_EXPECT_EQ(parse(&config).capacity_sectors, 0);
}

PV_TEST(cache_needs_flush)
{
	struct pvblk_config config = ordinary(F(FLUSH), true);

	set(&config, PVBLK_FIELD_WCE, 0);
	PV_EXPECT(parse(&config).writeback);
	config.features = F(FLUSH) | F(CONFIG_WCE);
	PV_EXPECT(!parse(&config).writeback);
	set(&config, PVBLK_FIELD_WCE, 1);
	PV_EXPECT(parse(&config).writeback);
	config.features = F(CONFIG_WCE);
	PV_EXPECT(!parse(&config).writeback);
}

PV_TEST(segments_without_limit)
{
	struct pvblk_config config = ordinary(EVERYTHING, true);

	set(&config, PVBLK_FIELD_SIZE_MAX, 0);
	PV_EXPECT_EQ(parse(&config).max_segment_bytes, U32_MAX);
	PV_EXPECT_EQ(parse(&config).adjusted, 0);
}

PV_TEST(ranges_without_limit)
{
	struct pvblk_config config = ordinary(EVERYTHING, true);
	struct pvblk_limits limits;

	set(&config, PVBLK_FIELD_DISCARD_SECTORS, 0);
	set(&config, PVBLK_FIELD_ZEROES_SECTORS, U32_MAX);
	set(&config, PVBLK_FIELD_DISCARD_ALIGNMENT, 0);
	limits = parse(&config);
	PV_EXPECT_EQ(limits.max_discard_sectors, PVBLK_MAX_REQUEST_SECTORS);
	PV_EXPECT_EQ(limits.max_zeroes_sectors, PVBLK_MAX_REQUEST_SECTORS);
	PV_EXPECT_EQ(limits.discard_granularity_bytes, 512);
	PV_EXPECT_EQ(limits.adjusted, 0);
}

PV_SUITE(pvblk_limits,
	 PV_CASE(table_is_the_specification),
	 PV_CASE(ordinary_disk),
	 PV_CASE(bare_disk),
	 PV_CASE(refused_values),
	 PV_CASE(adjusted_values),
	 PV_CASE(values_at_the_bounds),
	 PV_CASE(capacity_ends_on_a_block),
	 PV_CASE(cache_needs_flush),
	 PV_CASE(segments_without_limit),
	 PV_CASE(ranges_without_limit));
