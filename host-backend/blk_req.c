// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blk_req - a virtio-blk request: descriptor chain to checked struct: PURE
 */
#include "blk_req.h"

#include <errno.h>

#define SIZE_OF_RANGE sizeof(struct virtio_blk_discard_write_zeroes)

/* What is left of a chain while it is being parsed. */
struct parse {
	struct blk_req *req;
	struct blk_range *ranges;
	struct iov_span out;
	struct iov_span in;
	u64 out_len;
	u64 sector;
	const struct blk_bounds *bounds;
};

static bool in_capacity(const struct parse *p, u64 sector, u64 sectors)
{
	return sectors <= p->bounds->capacity &&
	       sector <= p->bounds->capacity - sectors;
}

/* virtio 1.3, 5.2.6: the data of IN and OUT is a multiple of 512 bytes. */
static enum blk_reject parse_transfer(struct parse *p, const struct iov_span *s,
				      u64 len)
{
	if (len % BLK_SECTOR_SIZE != 0)
		return BLK_REJECT_LENGTH;
	if (!in_capacity(p, p->sector, len >> BLK_SECTOR_SHIFT))
		return BLK_REJECT_CAPACITY;
	p->req->data = *s;
	p->req->len = len;
	p->req->offset = p->sector << BLK_SECTOR_SHIFT;
	return BLK_REJECT_NONE;
}

static enum blk_reject parse_read(struct parse *p)
{
	return parse_transfer(p, &p->in, p->req->room_len);
}

static enum blk_reject parse_write(struct parse *p)
{
	return parse_transfer(p, &p->out, p->out_len);
}

static enum blk_reject parse_flush(struct parse *p)
{
	p->req->len = 0;
	return BLK_REJECT_NONE;
}

static enum blk_reject parse_get_id(struct parse *p)
{
	p->req->data = p->in;
	p->req->len = min((u64)VIRTIO_BLK_ID_BYTES, p->req->room_len);
	return BLK_REJECT_NONE;
}

static enum blk_reject
check_range(const struct parse *p,
	    const struct virtio_blk_discard_write_zeroes *raw,
	    struct blk_range *range, u32 max_sectors, u32 known_flags)
{
	u64 sector = le64_to_cpu(raw->sector);
	u32 sectors = le32_to_cpu(raw->num_sectors);
	u32 flags = le32_to_cpu(raw->flags);

	/* virtio 1.3, 5.2.6.2: UNSUPP for a reserved flag, and for unmap in a
	 * discard.
	 */
	if (flags & ~known_flags)
		return BLK_REJECT_RANGE_FLAGS;
	if (sectors > max_sectors)
		return BLK_REJECT_RANGE_SIZE;
	if (!in_capacity(p, sector, sectors))
		return BLK_REJECT_CAPACITY;
	range->offset = sector << BLK_SECTOR_SHIFT;
	range->len = (u64)sectors << BLK_SECTOR_SHIFT;
	range->unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	return BLK_REJECT_NONE;
}

static enum blk_reject parse_ranges(struct parse *p, u32 max_sectors,
				    u32 known_flags)
{
	struct virtio_blk_discard_write_zeroes raw;
	enum blk_reject reject;
	unsigned int count;

	if (max_sectors == 0)
		return BLK_REJECT_TYPE;
	if (p->out_len == 0 || p->out_len % SIZE_OF_RANGE != 0 ||
	    p->out_len / SIZE_OF_RANGE > BLK_RANGES_MAX)
		return BLK_REJECT_RANGE_COUNT;

	count = (unsigned int)(p->out_len / SIZE_OF_RANGE);
	for (unsigned int i = 0; i < count; i++) {
		iov_pull(&p->out, &raw, sizeof(raw));
		reject = check_range(p, &raw, &p->ranges[i], max_sectors,
				     known_flags);
		if (reject != BLK_REJECT_NONE)
			return reject;
	}
	p->req->num_ranges = count;
	return BLK_REJECT_NONE;
}

static enum blk_reject parse_discard(struct parse *p)
{
	return parse_ranges(p, p->bounds->discard_max, 0);
}

static enum blk_reject parse_write_zeroes(struct parse *p)
{
	return parse_ranges(p, p->bounds->write_zeroes_max,
			    VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
}

static const struct {
	u32 type;
	bool changes;
	enum blk_reject (*parse)(struct parse *p);
} operations[] = {
	[BLK_OP_READ] = { VIRTIO_BLK_T_IN, false, parse_read },
	[BLK_OP_WRITE] = { VIRTIO_BLK_T_OUT, true, parse_write },
	[BLK_OP_FLUSH] = { VIRTIO_BLK_T_FLUSH, false, parse_flush },
	[BLK_OP_GET_ID] = { VIRTIO_BLK_T_GET_ID, false, parse_get_id },
	[BLK_OP_DISCARD] = { VIRTIO_BLK_T_DISCARD, true, parse_discard },
	[BLK_OP_WRITE_ZEROES] = { VIRTIO_BLK_T_WRITE_ZEROES, true,
				  parse_write_zeroes },
};
_Static_assert(ARRAY_SIZE(operations) == BLK_OP_MAX, "a row per operation");

static enum blk_reject parse_operation(struct parse *p, u32 type)
{
	for (unsigned int op = 0; op < BLK_OP_MAX; op++) {
		if (operations[op].type != type)
			continue;
		/* virtio 1.3, 5.2.6.2: a write to a read-only device fails
		 * with IOERR and changes nothing.
		 */
		if (operations[op].changes && p->bounds->read_only)
			return BLK_REJECT_READ_ONLY;
		p->req->op = op;
		return operations[op].parse(p);
	}
	return BLK_REJECT_TYPE;
}

static enum blk_reject parse_header(struct parse *p, u64 out_len)
{
	struct virtio_blk_outhdr hdr;

	/* The one read of the header; the guest may change it from now on. */
	if (iov_pull(&p->out, &hdr, sizeof(hdr)) < sizeof(hdr))
		return BLK_REJECT_HEADER;
	/* The used ring counts in 32 bits, and so does every driver. */
	if (p->req->room_len >= UINT32_MAX || out_len >= UINT32_MAX)
		return BLK_REJECT_LENGTH;
	p->out_len = out_len - sizeof(hdr);
	p->sector = virtio64_to_cpu(hdr.sector);
	return parse_operation(p, virtio32_to_cpu(hdr.type));
}

int blk_req_parse(struct blk_req *req, struct blk_range *ranges,
		  const struct vq_chain *chain, const struct blk_bounds *bounds)
{
	struct parse p = {
		.req = req,
		.ranges = ranges,
		.out = { chain->iov, chain->out_num },
		.in = { chain->iov + chain->out_num, chain->in_num },
		.bounds = bounds,
	};
	u8 *status = iov_chop_last(&p.in);

	if (!status)
		return -EPROTO;
	*req = (struct blk_req){
		.status = status,
		.room_len = chain->in_len - 1,
	};
	req->reject = parse_header(&p, chain->out_len);
	return 0;
}

static const struct {
	const char *name;
	u8 status;
} rejects[] = {
	[BLK_REJECT_NONE] = { "none", VIRTIO_BLK_S_OK },
	[BLK_REJECT_HEADER] = { "short_header", VIRTIO_BLK_S_IOERR },
	[BLK_REJECT_TYPE] = { "unknown_type", VIRTIO_BLK_S_UNSUPP },
	[BLK_REJECT_LENGTH] = { "bad_length", VIRTIO_BLK_S_IOERR },
	[BLK_REJECT_CAPACITY] = { "past_end", VIRTIO_BLK_S_IOERR },
	[BLK_REJECT_READ_ONLY] = { "read_only", VIRTIO_BLK_S_IOERR },
	[BLK_REJECT_RANGE_COUNT] = { "range_count", VIRTIO_BLK_S_IOERR },
	[BLK_REJECT_RANGE_SIZE] = { "range_size", VIRTIO_BLK_S_IOERR },
	[BLK_REJECT_RANGE_FLAGS] = { "range_flags", VIRTIO_BLK_S_UNSUPP },
};
_Static_assert(ARRAY_SIZE(rejects) == BLK_REJECT_MAX, "a row per reason");

u8 blk_reject_status(enum blk_reject reject)
{
	return rejects[reject].status;
}

const char *blk_reject_name(enum blk_reject reject)
{
	return rejects[reject].name;
}

u8 blk_errno_status(int err)
{
	switch (err) {
	case 0:
		return VIRTIO_BLK_S_OK;
	case -EOPNOTSUPP:
		return VIRTIO_BLK_S_UNSUPP;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}
