/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk_req - a virtio-blk request: descriptor chain to checked struct: PURE
 *
 * Three steps, each testable by itself: parse (here), submit (blk.c and the
 * store), complete (status byte and used length, as told here).
 *
 *	readable:  | header, 16 bytes | data of OUT, ranges of DISCARD ... |
 *	writable:  | data of IN, GET_ID                  | status, 1 byte |
 *
 * The device must not care how the driver cut these bytes into descriptors
 * (virtio 1.3, 2.7.4.1).
 */
#ifndef PV_BLK_REQ_H
#define PV_BLK_REQ_H

#include <linux/virtio_blk.h>

#include "iov.h"
#include "vq.h"

#define BLK_SECTOR_SHIFT 9
#define BLK_SECTOR_SIZE	 (1u << BLK_SECTOR_SHIFT)

/* Ranges of one DISCARD or WRITE_ZEROES request; told in config space. */
#define BLK_RANGES_MAX 32

/**
 * enum blk_op - what is to be done, once the driver's type is known to be good
 */
enum blk_op {
	BLK_OP_READ,
	BLK_OP_WRITE,
	BLK_OP_FLUSH,
	BLK_OP_GET_ID,
	BLK_OP_DISCARD,
	BLK_OP_WRITE_ZEROES,
	BLK_OP_MAX
};

/**
 * enum blk_reject - why a request was answered without asking the store
 *
 * Each has a counter of its own (blk_reject_name()).
 */
enum blk_reject {
	BLK_REJECT_NONE,
	BLK_REJECT_HEADER, /* fewer than 16 readable bytes */
	BLK_REJECT_TYPE, /* operation unknown or not negotiated */
	BLK_REJECT_LENGTH, /* no multiple of a sector, or too much data */
	BLK_REJECT_CAPACITY, /* past the end of the disk, or wraps */
	BLK_REJECT_READ_ONLY, /* would change a read-only disk */
	BLK_REJECT_RANGE_COUNT, /* no range, half a range, or too many */
	BLK_REJECT_RANGE_SIZE, /* more sectors than config space allows */
	BLK_REJECT_RANGE_FLAGS, /* unknown flag, or unmap in a discard */
	BLK_REJECT_MAX
};

/**
 * struct blk_bounds - what requests are checked against
 * @capacity:	sectors
 * @discard_max: sectors per range of DISCARD, 0: not negotiated
 * @write_zeroes_max: sectors per range of WRITE_ZEROES, 0: not negotiated
 * @read_only:	nothing may change
 */
struct blk_bounds {
	u64 capacity;
	u32 discard_max;
	u32 write_zeroes_max;
	bool read_only;
};

/** struct blk_range - one range of DISCARD or WRITE_ZEROES, checked; bytes */
struct blk_range {
	u64 offset;
	u64 len;
	bool unmap;
};

/**
 * struct blk_req - a request as parsed
 * @op:		valid where @reject is BLK_REJECT_NONE
 * @reject:	why it fails at once
 * @status:	where the answer goes, guest memory
 * @offset:	bytes from the start of the disk (READ, WRITE)
 * @len:	bytes of @data
 * @data:	what is read or written; entries of the chain's array
 * @room_len:	writable bytes before @status
 * @num_ranges:	DISCARD, WRITE_ZEROES
 */
struct blk_req {
	enum blk_op op;
	enum blk_reject reject;
	u8 *status;
	u64 offset;
	u64 len;
	struct iov_span data;
	u64 room_len;
	unsigned int num_ranges;
};

/**
 * blk_req_parse() - check a request
 * @req:	result, filled on success
 * @ranges:	room for BLK_RANGES_MAX ranges, filled for DISCARD and
 *		WRITE_ZEROES
 * @chain:	from vq_pop(); its iov array is cut and used by @req
 * @bounds:	what is allowed
 *
 * Return: 0 (look at @req->reject), -EPROTO where there is no byte for the
 * status, so that the request cannot even be failed.
 */
int blk_req_parse(struct blk_req *req, struct blk_range *ranges,
		  const struct vq_chain *chain,
		  const struct blk_bounds *bounds);

/** blk_reject_status() - VIRTIO_BLK_S_* for a rejected request */
u8 blk_reject_status(enum blk_reject reject);

/** blk_reject_name() - short name, for counters and the log */
const char *blk_reject_name(enum blk_reject reject);

/** blk_errno_status() - VIRTIO_BLK_S_* for what the store returned */
u8 blk_errno_status(int err);

/**
 * blk_req_used_len() - what to put into the used ring
 * @room_len:	writable bytes before the status byte
 * @written:	how many of them were written, from the first on
 *
 * The driver may take so many bytes from the start of the writable part as
 * written (virtio 1.3, 2.7.8.2), so the status byte counts only where there is
 * no gap before it.
 */
static inline u32 blk_req_used_len(u64 room_len, u64 written)
{
	return (u32)(written == room_len ? room_len + 1 : written);
}

#endif /* PV_BLK_REQ_H */
