// SPDX-License-Identifier: GPL-2.0
/*
 * limits - virtio-blk configuration space -> checked limits of a disk: PURE
 *
 * First every field is checked by itself, as its row says; then the values
 * are combined into units of the block layer, where a combination that makes
 * no sense (an alignment beyond the physical block, sizes that overflow)
 * counts as a hint out of range.
 */
#include "limits.h"

#include <linux/virtio_blk.h>
#include <asm/page.h>

#define FIELD(f, member) \
	.name = #f, .offset = offsetof(struct virtio_blk_config, member), \
	.bytes = sizeof(((struct virtio_blk_config *)0)->member)

const struct pvblk_field pvblk_fields[PVBLK_FIELDS] = {
	[PVBLK_FIELD_CAPACITY] = {
		FIELD(capacity, capacity), .feature = PVBLK_NO_FEATURE,
		.policy = PVBLK_REFUSE, .max = PVBLK_MAX_SECTORS,
		.want = "less than 2^54 sectors",
	},
	[PVBLK_FIELD_SIZE_MAX] = {
		FIELD(size_max, size_max), .feature = VIRTIO_BLK_F_SIZE_MAX,
		.policy = PVBLK_REFUSE, .max = U32_MAX,
		.want = "0 or at least a page",
	},
	[PVBLK_FIELD_SEG_MAX] = {
		FIELD(seg_max, seg_max), .feature = VIRTIO_BLK_F_SEG_MAX,
		.policy = PVBLK_CLAMP, .min = 1, .max = PVBLK_MAX_SEGMENTS,
		.absent = 1,
	},
	[PVBLK_FIELD_CYLINDERS] = {
		FIELD(cylinders, geometry.cylinders),
		.feature = VIRTIO_BLK_F_GEOMETRY, .max = U16_MAX,
	},
	[PVBLK_FIELD_HEADS] = {
		FIELD(heads, geometry.heads),
		.feature = VIRTIO_BLK_F_GEOMETRY, .max = U8_MAX,
	},
	[PVBLK_FIELD_SECTORS] = {
		FIELD(sectors, geometry.sectors),
		.feature = VIRTIO_BLK_F_GEOMETRY, .max = U8_MAX,
	},
	[PVBLK_FIELD_BLK_SIZE] = {
		FIELD(blk_size, blk_size), .feature = VIRTIO_BLK_F_BLK_SIZE,
		.policy = PVBLK_REFUSE, .min = PVBLK_SECTOR_BYTES,
		.max = PAGE_SIZE, .absent = PVBLK_SECTOR_BYTES,
		.want = "a power of two from 512 to a page",
	},
	[PVBLK_FIELD_PHYSICAL_EXP] = {
		FIELD(physical_block_exp, physical_block_exp),
		.feature = VIRTIO_BLK_F_TOPOLOGY,
		.policy = PVBLK_IGNORE, .max = 12,
	},
	[PVBLK_FIELD_ALIGNMENT] = {
		FIELD(alignment_offset, alignment_offset),
		.feature = VIRTIO_BLK_F_TOPOLOGY,
		.policy = PVBLK_IGNORE, .max = U8_MAX,
	},
	[PVBLK_FIELD_MIN_IO] = {
		FIELD(min_io_size, min_io_size),
		.feature = VIRTIO_BLK_F_TOPOLOGY,
		.policy = PVBLK_IGNORE, .max = U16_MAX,
	},
	[PVBLK_FIELD_OPT_IO] = {
		FIELD(opt_io_size, opt_io_size),
		.feature = VIRTIO_BLK_F_TOPOLOGY, .policy = PVBLK_IGNORE,
		.max = PVBLK_MAX_IO_BYTES / PVBLK_SECTOR_BYTES,
	},
	[PVBLK_FIELD_WCE] = {
		/* A cache in doubt is a cache: flushes must reach it. */
		FIELD(writeback, wce), .feature = VIRTIO_BLK_F_CONFIG_WCE,
		.policy = PVBLK_CLAMP, .max = 1, .absent = 1,
	},
	[PVBLK_FIELD_NUM_QUEUES] = {
		FIELD(num_queues, num_queues), .feature = VIRTIO_BLK_F_MQ,
		.policy = PVBLK_REFUSE, .min = 1, .max = U16_MAX, .absent = 1,
		.want = "at least 1",
	},
	[PVBLK_FIELD_DISCARD_SECTORS] = {
		FIELD(max_discard_sectors, max_discard_sectors),
		.feature = VIRTIO_BLK_F_DISCARD, .max = U32_MAX,
	},
	[PVBLK_FIELD_DISCARD_SEGMENTS] = {
		FIELD(max_discard_seg, max_discard_seg),
		.feature = VIRTIO_BLK_F_DISCARD,
		.policy = PVBLK_CLAMP, .min = 1, .max = PVBLK_MAX_RANGES,
		.absent = 1,
	},
	[PVBLK_FIELD_DISCARD_ALIGNMENT] = {
		FIELD(discard_sector_alignment, discard_sector_alignment),
		.feature = VIRTIO_BLK_F_DISCARD, .policy = PVBLK_IGNORE,
		.max = PVBLK_MAX_REQUEST_SECTORS,
	},
	[PVBLK_FIELD_ZEROES_SECTORS] = {
		FIELD(max_write_zeroes_sectors, max_write_zeroes_sectors),
		.feature = VIRTIO_BLK_F_WRITE_ZEROES, .max = U32_MAX,
	},
};

static bool has_feature(const struct pvblk_config *config, unsigned int bit)
{
	return bit == PVBLK_NO_FEATURE || config->features >> bit & 1;
}

/**
 * pvblk_field_raw() - a field's value as the device gave it
 * @config: the copy of the configuration space
 * @id: the field
 */
u64 pvblk_field_raw(const struct pvblk_config *config, enum pvblk_field_id id)
{
	const struct pvblk_field *field = &pvblk_fields[id];
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < field->bytes; i++) {
		unsigned int place = config->little_endian ?
					     i : field->bytes - 1 - i;

		value |= (u64)config->raw[field->offset + i] << 8 * place;
	}
	return value;
}

static int check_field(const struct pvblk_config *config,
		       enum pvblk_field_id id, u64 *value, u32 *adjusted)
{
	const struct pvblk_field *field = &pvblk_fields[id];
	u64 raw;

	if (!has_feature(config, field->feature)) {
		*value = field->absent;
		return 0;
	}

	raw = pvblk_field_raw(config, id);
	*value = raw;
	if (raw >= field->min && raw <= field->max)
		return 0;

	if (field->policy == PVBLK_REFUSE)
		return -EINVAL;
	if (field->policy == PVBLK_CLAMP)
		*value = raw < field->min ? field->min : field->max;
	else
		*value = field->absent;
	*adjusted |= 1u << id;
	return 0;
}

/* What a range cannot say. */
static bool usable(enum pvblk_field_id id, u64 value)
{
	switch (id) {
	case PVBLK_FIELD_BLK_SIZE:
		return !(value & (value - 1));
	case PVBLK_FIELD_SIZE_MAX:
		/* The block layer makes no segments shorter than a page. */
		return !value || value >= PAGE_SIZE;
	default:
		return true;
	}
}

static void derive_topology(struct pvblk_limits *limits, const u64 *value)
{
	u64 physical = (u64)limits->block_bytes
		       << value[PVBLK_FIELD_PHYSICAL_EXP];
	u64 alignment = value[PVBLK_FIELD_ALIGNMENT] * limits->block_bytes;
	u64 io_min = value[PVBLK_FIELD_MIN_IO] * limits->block_bytes;
	u64 io_opt = value[PVBLK_FIELD_OPT_IO] * limits->block_bytes;

	if (physical > PVBLK_MAX_PHYSICAL_BYTES) {
		limits->adjusted |= 1u << PVBLK_FIELD_PHYSICAL_EXP;
		physical = limits->block_bytes;
	}
	if (alignment >= physical) {
		if (alignment)
			limits->adjusted |= 1u << PVBLK_FIELD_ALIGNMENT;
		alignment = 0;
	}
	if (io_min > PVBLK_MAX_IO_BYTES) {
		limits->adjusted |= 1u << PVBLK_FIELD_MIN_IO;
		io_min = 0;
	}
	if (io_opt > PVBLK_MAX_IO_BYTES) {
		limits->adjusted |= 1u << PVBLK_FIELD_OPT_IO;
		io_opt = 0;
	}
	limits->physical_bytes = physical;
	limits->alignment_bytes = alignment;
	limits->io_min_bytes = io_min;
	limits->io_opt_bytes = io_opt;
}

/* A device that offers the feature and names no limit has none. */
static u32 sectors_or_all(u64 sectors)
{
	if (!sectors || sectors > PVBLK_MAX_REQUEST_SECTORS)
		return PVBLK_MAX_REQUEST_SECTORS;
	return sectors;
}

static void derive_ranges(const struct pvblk_config *config,
			  struct pvblk_limits *limits, const u64 *value)
{
	u64 granularity = value[PVBLK_FIELD_DISCARD_ALIGNMENT] *
			  PVBLK_SECTOR_BYTES;

	if (granularity & (limits->block_bytes - 1)) {
		limits->adjusted |= 1u << PVBLK_FIELD_DISCARD_ALIGNMENT;
		granularity = 0;
	}
	if (has_feature(config, VIRTIO_BLK_F_DISCARD)) {
		limits->max_discard_sectors =
			sectors_or_all(value[PVBLK_FIELD_DISCARD_SECTORS]);
		limits->max_discard_ranges =
			value[PVBLK_FIELD_DISCARD_SEGMENTS];
		limits->discard_granularity_bytes =
			granularity ? granularity : limits->block_bytes;
	}
	if (has_feature(config, VIRTIO_BLK_F_WRITE_ZEROES))
		limits->max_zeroes_sectors =
			sectors_or_all(value[PVBLK_FIELD_ZEROES_SECTORS]);
}

static void derive(const struct pvblk_config *config,
		   struct pvblk_limits *limits, const u64 *value)
{
	u32 block_sectors;

	limits->block_bytes = value[PVBLK_FIELD_BLK_SIZE];
	block_sectors = limits->block_bytes / PVBLK_SECTOR_BYTES;
	/* The tail of a disk that ends within a block cannot be addressed. */
	limits->capacity_sectors = value[PVBLK_FIELD_CAPACITY] &
				   ~(u64)(block_sectors - 1);
	/* There are devices that offer SIZE_MAX and say 0: no limit. */
	limits->max_segment_bytes = value[PVBLK_FIELD_SIZE_MAX] ?
					    value[PVBLK_FIELD_SIZE_MAX] :
					    U32_MAX;
	limits->max_segments = value[PVBLK_FIELD_SEG_MAX];
	limits->num_queues = value[PVBLK_FIELD_NUM_QUEUES];
	limits->cylinders = value[PVBLK_FIELD_CYLINDERS];
	limits->heads = value[PVBLK_FIELD_HEADS];
	limits->sectors = value[PVBLK_FIELD_SECTORS];
	/* virtio 1.3, 5.2.5: a cache that cannot be flushed is none. */
	limits->writeback = has_feature(config, VIRTIO_BLK_F_FLUSH) &&
			    value[PVBLK_FIELD_WCE];
	derive_topology(limits, value);
	derive_ranges(config, limits, value);
}

/**
 * pvblk_limits_parse() - check a configuration and put it into limits
 * @config: copy of the device's configuration space
 * @limits: receives the limits; untouched on failure
 * @fault: receives the reason of a failure
 *
 * Return: 0, or -EINVAL where a field has a value nothing can be done with.
 */
int pvblk_limits_parse(const struct pvblk_config *config,
		       struct pvblk_limits *limits,
		       struct pvblk_limits_fault *fault)
{
	struct pvblk_limits checked = { 0 };
	u64 value[PVBLK_FIELDS];
	unsigned int id;

	for (id = 0; id < PVBLK_FIELDS; id++) {
		if (!check_field(config, id, &value[id], &checked.adjusted) &&
		    usable(id, value[id]))
			continue;
		fault->field = id;
		fault->value = value[id];
		return -EINVAL;
	}

	derive(config, &checked, value);
	*limits = checked;
	return 0;
}
