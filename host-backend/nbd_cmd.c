// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nbd_cmd - a store's request as NBD commands
 *
 * store_req.pos counts what went through the bounce memory; store_req.phase says
 * whether a flush after the data is on its way.
 */
#include "nbd_cmd.h"

#include <errno.h>
#include <string.h>

enum phase {
	PHASE_DATA,
	PHASE_FLUSH,
};

/** struct issue - where commands go */
struct issue {
	struct nbd_handle *nbd;
	const struct nbd_caps *caps;
	struct store_req *req;
};

bool nbd_cmd_fits(const struct nbd_caps *caps, const struct store_req *req)
{
	return ((req->offset | req->len) & (caps->block_min - 1)) == 0;
}

void nbd_cmd_reset(struct store_req *req)
{
	req->remote.err = 0;
	req->remote.pending = 0;
	/* What a server had before it went is not known to be durable. */
	if (req->phase == PHASE_FLUSH) {
		req->phase = PHASE_DATA;
		req->pos = 0;
	}
}

static void put(struct store_req *req)
{
	if (--req->remote.pending == 0)
		nbd_cmd_finished(req->remote.conn, req);
}

/* libnbd's nbd_completion_callback; 1: it may forget the command. */
static int answer(void *arg, int *error)
{
	struct store_req *req = arg;

	if (*error && !req->remote.err)
		req->remote.err = -*error;
	put(req);
	return 1;
}

/* Takes what libnbd's call for a command said: a cookie or -1. */
static int issued(const struct issue *is, s64 cookie)
{
	if (cookie >= 0)
		return 0;
	is->req->remote.pending--;
	if (nbd_aio_is_dead(is->nbd) || nbd_aio_is_closed(is->nbd))
		return -ENOTCONN;
	return nbd_get_errno() ? -nbd_get_errno() : -EIO;
}

static nbd_completion_callback expect(const struct issue *is)
{
	is->req->remote.pending++;
	return (nbd_completion_callback){ .callback = answer,
					  .user_data = is->req };
}

static u32 fua(const struct issue *is)
{
	return is->req->fua && is->caps->fua ? LIBNBD_CMD_FLAG_FUA : 0;
}

static int issue_transfer(const struct issue *is, void *buf, size_t len,
			  u64 offset)
{
	nbd_completion_callback done = expect(is);

	if (is->req->op == STORE_READ)
		return issued(is, nbd_aio_pread(is->nbd, buf, len, offset, done,
						0));
	return issued(is,
		      nbd_aio_pwrite(is->nbd, buf, len, offset, done, fua(is)));
}

static int issue_segments(const struct issue *is)
{
	const struct iov_span *data = &is->req->data;
	u64 offset = is->req->offset;
	unsigned int i;
	int err = 0;

	for (i = 0; i < data->count && !err; i++) {
		u8 *base = data->iov[i].iov_base;
		size_t left = data->iov[i].iov_len;

		while (left && !err) {
			size_t len = min(left, (size_t)is->caps->block_max);

			err = issue_transfer(is, base, len, offset);
			base += len;
			offset += len;
			left -= len;
		}
	}
	return err;
}

/* Between @req's memory from its position on and the bounce memory. */
static void copy_piece(const struct store_req *req, size_t len, bool to_guest)
{
	u8 *bounce = req->bounce;
	u64 skip = req->pos;
	unsigned int i;

	for (i = 0; len; i++) {
		const struct iovec *iov = &req->data.iov[i];
		size_t n;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		n = min(iov->iov_len - (size_t)skip, len);
		if (to_guest)
			memcpy((u8 *)iov->iov_base + skip, bounce, n);
		else
			memcpy(bounce, (u8 *)iov->iov_base + skip, n);
		bounce += n;
		len -= n;
		skip = 0;
	}
}

static size_t piece_len(const struct store_req *req)
{
	return (size_t)min(req->len - req->pos, (u64)STORE_BOUNCE_SIZE);
}

static int issue_piece(const struct issue *is)
{
	const struct store_req *req = is->req;
	size_t len = piece_len(req);

	if (req->op == STORE_WRITE)
		copy_piece(req, len, false);
	return issue_transfer(is, req->bounce, len, req->offset + req->pos);
}

static bool segments_fit(const struct issue *is)
{
	return iov_aligned(&is->req->data, 0, is->caps->block_min - 1);
}

static int issue_data(const struct issue *is)
{
	is->req->path = segments_fit(is) ? STORE_PATH_DIRECT :
					   STORE_PATH_BOUNCE;
	if (is->req->path == STORE_PATH_DIRECT)
		return issue_segments(is);
	return issue_piece(is);
}

static int issue_flush(const struct issue *is)
{
	return issued(is, nbd_aio_flush(is->nbd, expect(is), 0));
}

static int issue_trim(const struct issue *is)
{
	return issued(is, nbd_aio_trim(is->nbd, is->req->len, is->req->offset,
				       expect(is), 0));
}

static int issue_zero(const struct issue *is)
{
	u32 flags = fua(is);

	if (is->req->op == STORE_WRITE_ZEROES)
		flags |= LIBNBD_CMD_FLAG_NO_HOLE;
	return issued(is, nbd_aio_zero(is->nbd, is->req->len, is->req->offset,
				       expect(is), flags));
}

static int (*const issuers[])(const struct issue *is) = {
	[STORE_READ] = issue_data,
	[STORE_WRITE] = issue_data,
	[STORE_FLUSH] = issue_flush,
	[STORE_DISCARD] = issue_trim,
	[STORE_WRITE_ZEROES] = issue_zero,
	[STORE_WRITE_ZEROES_UNMAP] = issue_zero,
};

void nbd_cmd_start(struct nbd_conn *conn, struct nbd_handle *nbd,
		   const struct nbd_caps *caps, struct store_req *req)
{
	const struct issue is = { nbd, caps, req };
	int err;

	/* Held, so that it does not finish before all is issued. */
	req->remote.conn = conn;
	req->remote.pending = 1;
	if (req->phase == PHASE_FLUSH)
		err = issue_flush(&is);
	else
		err = issuers[req->op](&is);
	if (err && !req->remote.err)
		req->remote.err = err;
	put(req);
}

/* Through the bounce memory: true where there is another piece. */
static bool piece_done(struct store_req *req)
{
	size_t len = piece_len(req);

	if (req->op == STORE_READ)
		copy_piece(req, len, true);
	req->pos += len;
	return req->pos < req->len;
}

bool nbd_cmd_next(const struct nbd_caps *caps, struct store_req *req)
{
	if (req->remote.err || req->phase == PHASE_FLUSH)
		return false;
	if (req->path == STORE_PATH_BOUNCE && piece_done(req))
		return true;
	if (!req->fua || caps->fua || !caps->flush)
		return false;
	req->phase = PHASE_FLUSH;
	return true;
}
