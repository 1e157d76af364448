/* SPDX-License-Identifier: GPL-2.0 */
/*
 * limits - virtio-blk configuration space -> checked limits of a disk: PURE
 *
 * The device is not trusted.  Its configuration is copied once into a
 * struct pvblk_config, field by field as pvblk_fields[] tells, and only what
 * pvblk_limits_parse() makes of that copy is used.
 */
#ifndef PVBLK_LIMITS_H
#define PVBLK_LIMITS_H

#include "pv_types.h"

#define PVBLK_SECTOR_BYTES 512u

/* Bytes of struct virtio_blk_config that pvblk_fields[] reaches. */
#define PVBLK_CONFIG_BYTES 60

/* A disk's size in bytes must fit loff_t. */
#define PVBLK_MAX_SECTORS (S64_MAX / PVBLK_SECTOR_BYTES)

/* More would not fit the longest ring together with header and status. */
#define PVBLK_MAX_SEGMENTS 32766u

/* One page of ranges on every architecture. */
#define PVBLK_MAX_RANGES 256u

/* The block layer counts a request's bytes in 32 bits. */
#define PVBLK_MAX_REQUEST_SECTORS (U32_MAX / PVBLK_SECTOR_BYTES)

#define PVBLK_MAX_PHYSICAL_BYTES (2u << 20)

/* io_opt scales the read-ahead window of every file, so it needs a bound. */
#define PVBLK_MAX_IO_BYTES (16u << 20)

enum pvblk_field_id {
	PVBLK_FIELD_CAPACITY,
	PVBLK_FIELD_SIZE_MAX,
	PVBLK_FIELD_SEG_MAX,
	PVBLK_FIELD_CYLINDERS,
	PVBLK_FIELD_HEADS,
	PVBLK_FIELD_SECTORS,
	PVBLK_FIELD_BLK_SIZE,
	PVBLK_FIELD_PHYSICAL_EXP,
	PVBLK_FIELD_ALIGNMENT,
	PVBLK_FIELD_MIN_IO,
	PVBLK_FIELD_OPT_IO,
	PVBLK_FIELD_WCE,
	PVBLK_FIELD_NUM_QUEUES,
	PVBLK_FIELD_DISCARD_SECTORS,
	PVBLK_FIELD_DISCARD_SEGMENTS,
	PVBLK_FIELD_DISCARD_ALIGNMENT,
	PVBLK_FIELD_ZEROES_SECTORS,
	PVBLK_FIELDS,
};

/**
 * enum pvblk_field_policy - what to do with a value out of range
 * @PVBLK_REFUSE: the device cannot be driven safely; probe fails
 * @PVBLK_CLAMP: the nearest allowed value is as good
 * @PVBLK_IGNORE: a hint; go on as if the device had not given it
 */
enum pvblk_field_policy {
	PVBLK_REFUSE,
	PVBLK_CLAMP,
	PVBLK_IGNORE,
};

/* A field that every device has. */
#define PVBLK_NO_FEATURE 64

/**
 * struct pvblk_field - one field of the configuration space
 * @name: name in the specification (virtio 1.3, 5.2.4)
 * @feature: feature bit that guards it, or PVBLK_NO_FEATURE
 * @offset: offset in struct virtio_blk_config
 * @bytes: width: 1, 2, 4 or 8
 * @policy: for values outside @min..@max
 * @min: smallest allowed value
 * @max: largest allowed value
 * @absent: value where the field is not offered or ignored
 * @want: what would be right, for the message when it is refused
 */
struct pvblk_field {
	const char *name;
	u8 feature;
	u8 offset;
	u8 bytes;
	u8 policy;
	u64 min;
	u64 max;
	u64 absent;
	const char *want;
};

extern const struct pvblk_field pvblk_fields[PVBLK_FIELDS];

/**
 * struct pvblk_config - one copy of the device's configuration space
 * @raw: as the device gave it; fields not offered are zero
 * @features: negotiated feature bits
 * @little_endian: byte order of @raw
 */
struct pvblk_config {
	u8 raw[PVBLK_CONFIG_BYTES];
	u64 features;
	bool little_endian;
};

/**
 * struct pvblk_limits - what is known about a disk, all values in range
 * @capacity_sectors: size in sectors of 512 bytes, a multiple of @block_bytes
 * @block_bytes: logical block: power of two, 512 to a page
 * @physical_bytes: physical block, or 0 where unknown
 * @alignment_bytes: offset of the first aligned physical block
 * @io_min_bytes: smallest I/O without penalty, or 0
 * @io_opt_bytes: best I/O size, or 0
 * @max_segment_bytes: longest single buffer, at least a page
 * @max_segments: most buffers in a request, at least 1
 * @num_queues: request queues of the device, at least 1
 * @writeback: the device caches writes, so flushes matter
 * @max_discard_sectors: longest range to discard, 0 if it cannot
 * @max_discard_ranges: most ranges in one discard
 * @discard_granularity_bytes: alignment of discards
 * @max_zeroes_sectors: longest range to zero, 0 if it cannot
 * @cylinders: geometry, all three 0 where unknown
 * @heads: geometry
 * @sectors: geometry
 * @adjusted: one bit for each pvblk_field_id that was clamped or ignored
 */
struct pvblk_limits {
	u64 capacity_sectors;
	u32 block_bytes;
	u32 physical_bytes;
	u32 alignment_bytes;
	u32 io_min_bytes;
	u32 io_opt_bytes;
	u32 max_segment_bytes;
	u16 max_segments;
	u16 num_queues;
	bool writeback;
	u32 max_discard_sectors;
	u16 max_discard_ranges;
	u32 discard_granularity_bytes;
	u32 max_zeroes_sectors;
	u16 cylinders;
	u8 heads;
	u8 sectors;
	u32 adjusted;
};

/**
 * struct pvblk_limits_fault - why a configuration was refused
 * @field: the field at fault
 * @value: its value
 */
struct pvblk_limits_fault {
	enum pvblk_field_id field;
	u64 value;
};

u64 pvblk_field_raw(const struct pvblk_config *config, enum pvblk_field_id id);
int pvblk_limits_parse(const struct pvblk_config *config,
		       struct pvblk_limits *limits,
		       struct pvblk_limits_fault *fault);

#endif /* PVBLK_LIMITS_H */
