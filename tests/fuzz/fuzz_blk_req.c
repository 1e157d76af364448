// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_blk_req - virtio-blk requests, cut into buffers in any way
 *
 *	input: bounds, readable pieces and their lengths, writable ones, and the
 *	bytes of the readable part
 */
#include <errno.h>
#include <stdlib.h>

#include "blk_req.h"
#include "fuzz.h"

#define PIECES_MAX 24
#define BYTES_MAX  2048

/* A chain whose pieces are allocations of their own. */
struct pieces {
	struct vq_chain chain;
	struct iovec iov[2 * PIECES_MAX];
	struct iovec copy[2 * PIECES_MAX];
};

static void piece_add(struct pieces *p, size_t len, struct fuzz_input *in)
{
	struct iovec *iov = &p->iov[p->chain.out_num + p->chain.in_num];

	iov->iov_len = len;
	iov->iov_base = malloc(len ? len : 1);
	if (!iov->iov_base)
		abort();
	if (in) {
		fuzz_bytes(in, iov->iov_base, len);
		p->chain.out_num++;
		p->chain.out_len += len;
	} else {
		p->chain.in_num++;
		p->chain.in_len += len;
	}
}

/* Lengths first, then bytes: a mutation of one leaves the other in place. */
static void pieces_take(struct pieces *p, struct fuzz_input *in)
{
	u16 lens[2 * PIECES_MAX];
	unsigned int outs = fuzz_u8(in) % (PIECES_MAX + 1);
	unsigned int ins = fuzz_u8(in) % (PIECES_MAX + 1);
	unsigned int i;

	memset(p, 0, sizeof(*p));
	for (i = 0; i < outs + ins; i++)
		lens[i] = fuzz_u16(in) % (BYTES_MAX + 1);
	for (i = 0; i < outs; i++)
		piece_add(p, lens[i], in);
	for (; i < outs + ins; i++)
		piece_add(p, lens[i], NULL);
	memcpy(p->copy, p->iov, sizeof(p->copy));
	p->chain.iov = p->iov;
	p->chain.iov_max = ARRAY_SIZE(p->iov);
}

static void pieces_free(struct pieces *p)
{
	unsigned int count = (unsigned int)p->chain.out_num + p->chain.in_num;

	for (unsigned int i = 0; i < count; i++)
		free(p->copy[i].iov_base);
}

/* Which piece, of those from @first on, are these bytes in? */
static bool inside(const struct pieces *p, unsigned int first,
		   unsigned int count, const struct iovec *iov)
{
	for (unsigned int i = first; i < first + count; i++) {
		uintptr_t off = (uintptr_t)iov->iov_base -
				(uintptr_t)p->copy[i].iov_base;

		if (off <= p->copy[i].iov_len &&
		    iov->iov_len <= p->copy[i].iov_len - off)
			return true;
	}
	return false;
}

static void check_data(const struct pieces *p, const struct blk_req *req)
{
	const struct vq_chain *c = &p->chain;
	bool out = req->op == BLK_OP_WRITE;
	struct iovec status = { req->status, 1 };

	FUZZ_CHECK(iov_bytes(&req->data) >= req->len);
	for (unsigned int i = 0; i < req->data.count; i++) {
		const struct iovec *iov = &req->data.iov[i];

		FUZZ_CHECK(inside(p, out ? 0 : c->out_num,
				  out ? c->out_num : c->in_num, iov));
		/* The status byte is no part of the data. */
		FUZZ_CHECK((u8 *)status.iov_base < (u8 *)iov->iov_base ||
			   (u8 *)status.iov_base >=
				   (u8 *)iov->iov_base + iov->iov_len);
	}
}

static void check_ranges(const struct blk_req *req,
			 const struct blk_range *ranges,
			 const struct blk_bounds *b)
{
	FUZZ_CHECK(req->num_ranges && req->num_ranges <= BLK_RANGES_MAX);
	for (unsigned int i = 0; i < req->num_ranges; i++) {
		const struct blk_range *r = &ranges[i];

		FUZZ_CHECK(r->len >> BLK_SECTOR_SHIFT <= b->capacity);
		FUZZ_CHECK(r->offset >> BLK_SECTOR_SHIFT <=
			   b->capacity - (r->len >> BLK_SECTOR_SHIFT));
		FUZZ_CHECK(!r->unmap || req->op == BLK_OP_WRITE_ZEROES);
	}
}

static bool changes(enum blk_op op)
{
	return op == BLK_OP_WRITE || op == BLK_OP_DISCARD ||
	       op == BLK_OP_WRITE_ZEROES;
}

static void check_request(const struct pieces *p, const struct blk_req *req,
			  const struct blk_range *ranges,
			  const struct blk_bounds *b)
{
	FUZZ_CHECK(!b->read_only || !changes(req->op));
	switch (req->op) {
	case BLK_OP_READ:
	case BLK_OP_WRITE:
		FUZZ_CHECK(req->len % BLK_SECTOR_SIZE == 0);
		FUZZ_CHECK(req->len >> BLK_SECTOR_SHIFT <= b->capacity);
		FUZZ_CHECK(req->offset >> BLK_SECTOR_SHIFT <=
			   b->capacity - (req->len >> BLK_SECTOR_SHIFT));
		FUZZ_CHECK(iov_bytes(&req->data) == req->len);
		check_data(p, req);
		break;
	case BLK_OP_GET_ID:
		FUZZ_CHECK(req->len <= VIRTIO_BLK_ID_BYTES);
		check_data(p, req);
		break;
	case BLK_OP_DISCARD:
	case BLK_OP_WRITE_ZEROES:
		check_ranges(req, ranges, b);
		break;
	default:
		break;
	}
}

static void check(const struct pieces *p, const struct blk_bounds *bounds)
{
	static struct blk_range ranges[BLK_RANGES_MAX];
	struct iovec status;
	struct blk_req req;
	int ret;

	ret = blk_req_parse(&req, ranges, &p->chain, bounds);
	/* Without a byte for the status, and only then, there is no answer. */
	FUZZ_CHECK(ret == (p->chain.in_len ? 0 : -EPROTO));
	if (ret)
		return;
	status = (struct iovec){ req.status, 1 };
	FUZZ_CHECK(inside(p, p->chain.out_num, p->chain.in_num, &status));
	*req.status = 0;
	FUZZ_CHECK(req.room_len == p->chain.in_len - 1);
	FUZZ_CHECK(req.reject < BLK_REJECT_MAX);
	FUZZ_CHECK(blk_reject_name(req.reject));
	FUZZ_CHECK(!req.reject == !blk_reject_status(req.reject));
	if (!req.reject)
		check_request(p, &req, ranges, bounds);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };
	u8 how = fuzz_u8(&in);
	struct blk_bounds bounds = {
		.capacity = how & 1 ? fuzz_u64(&in) >> BLK_SECTOR_SHIFT :
				      fuzz_u16(&in),
		.discard_max = how & 2 ? fuzz_u16(&in) : 0,
		.write_zeroes_max = how & 4 ? fuzz_u16(&in) : 0,
		.read_only = how & 8,
	};
	struct pieces p;

	pieces_take(&p, &in);
	check(&p, &bounds);
	FUZZ_CHECK(blk_errno_status(-(int)fuzz_u8(&in)) <= VIRTIO_BLK_S_UNSUPP);
	pieces_free(&p);
	return 0;
}
