// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_file - a disk in a file or block device, through the worker's io_uring
 *
 * Theory of operation
 *
 * A transfer takes one of five paths (enum store_path), chosen by what the
 * file is and by how guest memory lies:
 *
 *	mapped		the file is in memory (tmpfs), and its pages are there:
 *			copied here and now (image_map.h)
 *	inline		the same by a system call.  io_uring would hand each request to a kernel
 *			thread, as tmpfs cannot promise not to sleep, and that
 *			costs several times the copy.  Long ones go that way
 *			still, so that they do not hold up the worker
 *	direct		one SQE on guest memory as it is
 *	bounce		O_DIRECT does not take these addresses: piece by piece
 *			through the request's own scratch memory.  Not through
 *			the page cache: that works on whole pages, and could
 *			write back a neighbouring sector's old content after a
 *			direct write to it
 *	buffered	offset or length is a piece of the file's block, so the
 *			block must be read and written back as a whole; drivers
 *			that heed blk_size never ask for this
 *
 * Freeing and zeroing a range have several ways (range_ways[]), best first.
 * One that the file turns out not to have is remembered and never tried again;
 * writing zeroes always works.
 *
 * Everything here runs on the worker that the request came from; @missing is
 * the one thing that workers share.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "block_cmd.h"
#include "conf.h"
#include "image.h"
#include "image_map.h"
#include "log.h"

/* Where copying in place takes longer than waking a kernel thread for it. */
#define INLINE_MAX (128u << 10)

/* Likewise without the call; bounded for the other queues' sake. */
#define MAPPED_MAX (1u << 20)

#define RANGE_MAX (1ULL << 31)

/* A file that neither moves on nor fails is broken. */
#define RETRIES_MAX 64

/* One SQE's length is 32 bits; the kernel stops short of 2 GiB anyway. */
#define TRANSFER_MAX (1u << 30)

enum way {
	WAY_END,
	WAY_DISCARD_CMD,
	WAY_PUNCH_HOLE,
	WAY_ZERO_RANGE,
	WAY_WRITE,
	WAY_MAX
};

#define WAYS_MAX 4

/**
 * struct file_store - a file as a store
 * @st:		common part
 * @img:	the open file
 * @map:	the file mapped, or NULL; changed by the control thread
 * @missing:	BIT_ULL(enum way) of what it cannot do; bits are only ever added
 */
struct file_store {
	struct store st;
	struct image img;
	struct image_map *map;
	u32 missing;
};

static const u8 range_ways[][WAYS_MAX] = {
	[STORE_DISCARD] = { WAY_DISCARD_CMD, WAY_PUNCH_HOLE },
	[STORE_WRITE_ZEROES] = { WAY_ZERO_RANGE, WAY_WRITE },
	[STORE_WRITE_ZEROES_UNMAP] = { WAY_PUNCH_HOLE, WAY_ZERO_RANGE,
				       WAY_WRITE },
};

#define ZEROES_SIZE  65536
#define ZEROES_COUNT 16

/* Read by the kernel alone. */
static u8 zeroes[ZEROES_SIZE] __attribute__((aligned(4096)));
static struct iovec zeroes_iov[ZEROES_COUNT];

static struct file_store *file_store(const struct store_req *req)
{
	return container_of(req->store, struct file_store, st);
}

static bool may_retry(struct store_req *req, int err)
{
	if (err != -EINTR && err != -EAGAIN)
		return false;
	return ++req->retries < RETRIES_MAX;
}

static struct io_uring_sqe *get_sqe(struct store_req *req,
				    void (*done)(struct worker_op *op, int res,
						 u32 flags))
{
	req->wop.done = done;
	return worker_sqe(req->worker);
}

/* Durability at the end of a range operation, and FLUSH itself. */

static void sync_done(struct worker_op *wop, int res, u32 flags);

static void sync_prepare(struct store_req *req)
{
	struct io_uring_sqe *sqe = get_sqe(req, sync_done);

	io_uring_prep_fsync(sqe, file_store(req)->img.fd,
			    IORING_FSYNC_DATASYNC);
	worker_sqe_bind(sqe, &req->wop);
}

static void sync_done(struct worker_op *wop, int res, u32 flags)
{
	struct store_req *req = container_of(wop, struct store_req, wop);

	if (may_retry(req, res)) {
		sync_prepare(req);
		return;
	}
	req->done(req, res);
}

static int flush_submit(struct file_store *fs, struct store_req *req)
{
	req->path = STORE_PATH_NONE;
	if (fs->img.in_memory)
		return 0;
	sync_prepare(req);
	return -EINPROGRESS;
}

/* Transfers */

static enum store_path choose_path(const struct file_store *fs,
				   const struct store_req *req)
{
	const struct image *img = &fs->img;

	if (img->in_memory && req->len <= INLINE_MAX)
		return STORE_PATH_INLINE;
	if ((req->offset | req->len) & (img->offset_align - 1))
		return STORE_PATH_BUFFERED;
	if (!iov_aligned(&req->data, img->mem_align - 1, img->offset_align - 1))
		return STORE_PATH_BOUNCE;
	return STORE_PATH_DIRECT;
}

static __kernel_rwf_t rw_flags(const struct store_req *req)
{
	return req->fua ? RWF_DSYNC : 0;
}

/* The file ended before the disk does: it was truncated under us. */
static int error_of_result(const struct store_req *req, ssize_t res)
{
	if (res < 0)
		return (int)res;
	return req->op == STORE_READ ? -EIO : -ENOSPC;
}

static ssize_t transfer_now(const struct file_store *fs,
			    const struct store_req *req)
{
	off_t offset = (off_t)(req->offset + req->pos);
	const struct iovec *iov = req->data.iov;
	int count = (int)req->data.count;
	int fd = fs->img.fd;
	ssize_t ret;

	/* In memory there is nothing to make durable: no RWF_DSYNC. */
	if (req->op == STORE_READ)
		ret = preadv(fd, iov, count, offset);
	else
		ret = pwritev(fd, iov, count, offset);
	return ret < 0 ? -errno : ret;
}

static int transfer_inline(const struct file_store *fs, struct store_req *req)
{
	for (;;) {
		ssize_t res = transfer_now(fs, req);

		if (res > 0) {
			req->pos += (u64)res;
			if (likely(req->pos == req->len))
				return 0;
			req->retries++;
			iov_skip(&req->data, (size_t)res);
			continue;
		}
		if (!may_retry(req, (int)res))
			return error_of_result(req, res);
	}
}

static void transfer_done(struct worker_op *wop, int res, u32 flags);

static void prepare_rw(struct io_uring_sqe *sqe, const struct store_req *req,
		       int fd)
{
	const struct iov_span *data = &req->data;
	u64 offset = req->offset + req->pos;
	bool read = req->op == STORE_READ;

	if (data->count == 1) {
		u32 len = (u32)min((u64)data->iov->iov_len, (u64)TRANSFER_MAX);

		if (read)
			io_uring_prep_read(sqe, fd, data->iov->iov_base, len,
					   offset);
		else
			io_uring_prep_write(sqe, fd, data->iov->iov_base, len,
					    offset);
	} else if (read) {
		io_uring_prep_readv(sqe, fd, data->iov, data->count, offset);
	} else {
		io_uring_prep_writev(sqe, fd, data->iov, data->count, offset);
	}
}

static void prepare_bounce(struct io_uring_sqe *sqe,
			   const struct store_req *req, int fd)
{
	u32 len = (u32)min(req->len - req->pos, (u64)STORE_BOUNCE_SIZE);
	u64 offset = req->offset + req->pos;

	if (req->op == STORE_READ) {
		io_uring_prep_read(sqe, fd, req->bounce, len, offset);
		return;
	}
	iov_read(&req->data, req->bounce, len);
	io_uring_prep_write(sqe, fd, req->bounce, len, offset);
}

static void transfer_prepare(struct store_req *req)
{
	struct io_uring_sqe *sqe = get_sqe(req, transfer_done);
	const struct image *img = &file_store(req)->img;

	if (req->path == STORE_PATH_BOUNCE)
		prepare_bounce(sqe, req, img->fd);
	else if (req->path == STORE_PATH_BUFFERED)
		prepare_rw(sqe, req, img->page_fd);
	else
		prepare_rw(sqe, req, img->fd);
	sqe->rw_flags = rw_flags(req);
	worker_sqe_bind(sqe, &req->wop);
}

/* What the kernel told about alignment was not all (old kernels guess). */
static bool try_buffered(struct store_req *req, int res)
{
	if (res != -EINVAL || req->path == STORE_PATH_BUFFERED ||
	    file_store(req)->img.page_fd < 0)
		return false;
	req->path = STORE_PATH_BUFFERED;
	return true;
}

static void transfer_done(struct worker_op *wop, int res, u32 flags)
{
	struct store_req *req = container_of(wop, struct store_req, wop);

	if (unlikely(res <= 0)) {
		if (may_retry(req, res) || try_buffered(req, res))
			transfer_prepare(req);
		else
			req->done(req, error_of_result(req, res));
		return;
	}
	if (req->path == STORE_PATH_BOUNCE && req->op == STORE_READ)
		iov_write(&req->data, req->bounce, (size_t)res);
	req->pos += (u64)res;
	if (likely(req->pos >= req->len)) {
		req->done(req, 0);
		return;
	}
	if (req->path != STORE_PATH_BOUNCE)
		req->retries++;
	iov_skip(&req->data, (size_t)res);
	transfer_prepare(req);
}

static struct image_map *store_map(const struct file_store *fs)
{
	return __atomic_load_n(&fs->map, __ATOMIC_ACQUIRE);
}

static bool transfer_mapped(const struct file_store *fs, struct store_req *req)
{
	const struct image_range range = { req->offset, req->len };
	struct image_map *map = store_map(fs);

	if (!map || req->len > MAPPED_MAX)
		return false;
	req->path = STORE_PATH_MAPPED;
	if (req->op == STORE_READ)
		return image_map_read(map, range, &req->data);
	return image_map_write(map, range, &req->data);
}

static int transfer_submit(struct file_store *fs, struct store_req *req)
{
	if (transfer_mapped(fs, req))
		return 0;
	req->path = choose_path(fs, req);
	if (req->path == STORE_PATH_INLINE)
		return transfer_inline(fs, req);
	transfer_prepare(req);
	return -EINPROGRESS;
}

/* Ranges: discard and write-zeroes */

static void range_done(struct worker_op *wop, int res, u32 flags);

static void prepare_discard_cmd(struct io_uring_sqe *sqe,
				const struct file_store *fs,
				const struct store_req *req)
{
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fs->img.fd, NULL, 0, 0);
	sqe->cmd_op = BLOCK_URING_CMD_DISCARD;
	sqe->addr = req->offset;
	sqe->addr3 = req->len;
}

static void prepare_punch_hole(struct io_uring_sqe *sqe,
			       const struct file_store *fs,
			       const struct store_req *req)
{
	io_uring_prep_fallocate(sqe, fs->img.fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)req->offset, (off_t)req->len);
}

static void prepare_zero_range(struct io_uring_sqe *sqe,
			       const struct file_store *fs,
			       const struct store_req *req)
{
	io_uring_prep_fallocate(sqe, fs->img.fd,
				FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
				(off_t)req->offset, (off_t)req->len);
}

static bool is_block_piece(const struct file_store *fs,
			   const struct store_req *req)
{
	return (req->offset | req->len) & (fs->img.offset_align - 1);
}

static void prepare_zeroes(struct io_uring_sqe *sqe,
			   const struct file_store *fs,
			   const struct store_req *req)
{
	int fd = is_block_piece(fs, req) ? fs->img.page_fd : fs->img.fd;
	u64 offset = req->offset + req->pos;
	u64 left = req->len - req->pos;
	u32 count;

	if (left < ZEROES_SIZE) {
		io_uring_prep_write(sqe, fd, zeroes, (u32)left, offset);
	} else {
		count = (u32)min(left / ZEROES_SIZE, (u64)ZEROES_COUNT);
		io_uring_prep_writev(sqe, fd, zeroes_iov, count, offset);
	}
}

static void (*const prepare_way[WAY_MAX])(struct io_uring_sqe *sqe,
					  const struct file_store *fs,
					  const struct store_req *req) = {
	[WAY_DISCARD_CMD] = prepare_discard_cmd,
	[WAY_PUNCH_HOLE] = prepare_punch_hole,
	[WAY_ZERO_RANGE] = prepare_zero_range,
	[WAY_WRITE] = prepare_zeroes,
};

static enum way current_way(const struct store_req *req)
{
	return range_ways[req->op][req->phase];
}

/* The next way that the file may have; -EOPNOTSUPP where none is left. */
static int range_prepare(struct store_req *req)
{
	struct file_store *fs = file_store(req);
	struct io_uring_sqe *sqe;

	while (__atomic_load_n(&fs->missing, __ATOMIC_RELAXED) &
	       BIT_ULL(current_way(req)))
		req->phase++;
	if (current_way(req) == WAY_END)
		return -EOPNOTSUPP;
	sqe = get_sqe(req, range_done);
	prepare_way[current_way(req)](sqe, fs, req);
	worker_sqe_bind(sqe, &req->wop);
	return -EINPROGRESS;
}

static bool means_missing(const struct store_req *req, int err)
{
	if (current_way(req) == WAY_WRITE)
		return false;
	/* Older kernels know neither the command nor its opcode. */
	if (current_way(req) == WAY_DISCARD_CMD)
		return err == -EINVAL || err == -ENOTTY || err == -EOPNOTSUPP;
	return err == -EOPNOTSUPP || err == -ENOSYS;
}

/* True where @req goes on, with the same or the next way. */
static bool range_again(struct store_req *req, int *res)
{
	struct file_store *fs = file_store(req);

	if (*res > 0) {
		req->pos += (u64)*res;
		if (req->pos >= req->len)
			return false;
	} else if (*res == 0) {
		if (current_way(req) != WAY_WRITE)
			return false;
		*res = -ENOSPC;
		return false;
	} else if (means_missing(req, *res)) {
		__atomic_fetch_or(&fs->missing, (u32)BIT_ULL(current_way(req)),
				  __ATOMIC_RELAXED);
	} else if (!may_retry(req, *res)) {
		return false;
	}
	*res = range_prepare(req);
	return *res == -EINPROGRESS;
}

static void range_done(struct worker_op *wop, int res, u32 flags)
{
	struct store_req *req = container_of(wop, struct store_req, wop);

	if (range_again(req, &res))
		return;
	image_map_forget(store_map(file_store(req)),
			 (struct image_range){ req->offset, req->len });
	if (res >= 0 && req->fua)
		sync_prepare(req);
	else
		req->done(req, min(res, 0));
}

/* The part of a discard that consists of whole blocks; the rest is kept. */
static void shrink_to_blocks(const struct file_store *fs, struct store_req *req)
{
	u64 mask = fs->img.offset_align - 1;
	u64 start = (req->offset + mask) & ~mask;
	u64 end = (req->offset + req->len) & ~mask;

	req->offset = start;
	req->len = end > start ? end - start : 0;
}

static int discard_submit(struct file_store *fs, struct store_req *req)
{
	req->path = STORE_PATH_NONE;
	req->fua = false;
	shrink_to_blocks(fs, req);
	return req->len ? range_prepare(req) : 0;
}

static int zeroes_submit(struct file_store *fs, struct store_req *req)
{
	req->path = STORE_PATH_NONE;
	if (fs->img.block_device && is_block_piece(fs, req))
		while (current_way(req) != WAY_WRITE)
			req->phase++;
	return range_prepare(req);
}

static int (*const submitters[])(struct file_store *fs,
				 struct store_req *req) = {
	[STORE_READ] = transfer_submit,
	[STORE_WRITE] = transfer_submit,
	[STORE_FLUSH] = flush_submit,
	[STORE_DISCARD] = discard_submit,
	[STORE_WRITE_ZEROES] = zeroes_submit,
	[STORE_WRITE_ZEROES_UNMAP] = zeroes_submit,
};

static int file_submit(struct store *st, struct worker *w,
		       struct store_req *req)
{
	struct file_store *fs = container_of(st, struct file_store, st);

	req->store = st;
	req->worker = w;
	req->pos = 0;
	req->phase = 0;
	req->retries = 0;
	return submitters[req->op](fs, req);
}

static int file_sync(struct store *st)
{
	struct file_store *fs = container_of(st, struct file_store, st);

	return fdatasync(fs->img.fd) ? -errno : 0;
}

static void file_fds(const struct store *st,
		     void (*give)(void *arg, const char *role, int fd),
		     void *arg)
{
	const struct image *img = &container_of(st, struct file_store, st)->img;

	give(arg, IMAGE_ROLE, img->fd);
	if (img->page_fd >= 0)
		give(arg, IMAGE_PAGE_ROLE, img->page_fd);
}

static int file_grow(struct store *st, u64 size)
{
	return image_grow(&container_of(st, struct file_store, st)->img, size);
}

/* What a larger file has more is done by calls where this fails. */
static void map_image(struct file_store *fs, u64 size)
{
	struct image_map *map = image_map_create(&fs->img, size, fs->map);

	if (map)
		__atomic_store_n(&fs->map, map, __ATOMIC_RELEASE);
}

static int file_acquire(struct store *st)
{
	return image_lock(&container_of(st, struct file_store, st)->img);
}

static void file_release(struct store *st)
{
	image_unlock(&container_of(st, struct file_store, st)->img);
}

static bool file_refresh(struct store *st)
{
	struct file_store *fs = container_of(st, struct file_store, st);
	u64 size;
	int err;

	err = image_measure(&fs->img, &size);
	if (err) {
		log_warn("the size of an image cannot be read: error %d", -err);
		return false;
	}
	size &= ~511ULL;
	if (size == st->limits.capacity)
		return false;
	map_image(fs, size);
	WRITE_ONCE(st->limits.capacity, size);
	return true;
}

static void file_close(struct store *st)
{
	struct file_store *fs = container_of(st, struct file_store, st);

	image_map_destroy(fs->map);
	image_close(&fs->img);
	free(fs);
}

static void set_limits(struct file_store *fs, const struct conf_device *conf)
{
	const struct image *img = &fs->img;
	u32 block = conf->block_size;

	if (!block)
		block = max(img->offset_align, 512u);
	fs->st.limits = (struct store_limits){
		.capacity = img->size,
		.block_size = block,
		.physical_size = max(img->physical_size, block),
		.discard_align = img->discard_align,
		.discard_max = RANGE_MAX,
		.write_zeroes_max = conf->read_only ? 0 : RANGE_MAX,
		.read_only = conf->read_only,
		.bounces = img->mem_align > 1,
	};
	if (!img->block_device)
		fs->missing |= (u32)BIT_ULL(WAY_DISCARD_CMD);
}

static int file_open(struct store **out, const struct conf_device *conf)
{
	struct file_store *fs;
	int err;

	fs = calloc(1, sizeof(*fs));
	if (!fs) {
		conf_err(conf, "blk-file", "out of memory");
		return -ENOMEM;
	}
	err = image_open(&fs->img, conf);
	if (err)
		goto err_free;
	for (unsigned int i = 0; i < ZEROES_COUNT; i++)
		zeroes_iov[i] = (struct iovec){ zeroes, ZEROES_SIZE };
	fs->st.ops = &store_file_ops;
	set_limits(fs, conf);
	map_image(fs, fs->img.size);
	*out = &fs->st;
	return 0;

err_free:
	free(fs);
	return err;
}

const struct store_ops store_file_ops = {
	.name = "file",
	.open = file_open,
	.submit = file_submit,
	.sync = file_sync,
	.acquire = file_acquire,
	.release = file_release,
	.fds = file_fds,
	.grow = file_grow,
	.refresh = file_refresh,
	.close = file_close,
};
