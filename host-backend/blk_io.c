// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blk_io - a disk's requests on their way from the ring to the store and back
 *
 * Theory of operation
 *
 * A request's life on its queue's worker:
 *
 *	take_request()	vq_pop(), blk_req_parse()
 *	start()		by the operation's row in starts[]; the store answers
 *			now, or later through request_done()
 *	complete()	status byte, vq_push()
 *	queue_run()	at the end of its turn: one queue_flush() for all that
 *			was completed since the last, in it or before it
 *
 * Memory: while a queue runs it has one mapping that holds all it needs, sized
 * by the ring, so that nothing is allocated for a request.  Only pages that
 * were used become real; free requests are kept in a stack, so these stay as
 * few as the deepest queue so far needed.
 *
 *	requests | iov or ranges of each request | bounce memory of each request
 *		 | while writes to guest memory are logged: iov of each read, for
 *		 the log
 */
#include "blk_io.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Of a request: BLK_SEG_MAX, and some for the borders of guest memory regions
 * that cut one in two.
 */
#define REQUEST_IOV 128

/*
 * What is taken in a turn, in requests and in bytes, so that other queues of
 * the worker get theirs.
 */
#define BATCH_MAX   64
#define BATCH_BYTES (1u << 20)

/* What a queue does in place is shown to the driver in such portions. */
#define FLUSH_EVERY 8

/*
 * What a queue prepares is given to the kernel in such portions: the device
 * works on the first while the next is prepared.  As one portion, a batch of 32
 * reads from a disk took a quarter longer.
 */
#define SUBMIT_EVERY 8

#define PAGE 4096ul

/**
 * struct blk_io - a request in the making
 * @sreq:	as given to the store
 * @bq:		queue it came from
 * @next_free:	in the stack of free ones
 * @status:	where the answer goes, guest memory
 * @room_len:	writable bytes before @status
 * @written:	of those, written where the request succeeds
 * @tracked:	operation, offset, since when
 * @id:		for vq_push()
 * @next_range:	first one not yet given to the store
 * @num_ranges:	of DISCARD and WRITE_ZEROES, else 0
 * @read_count:	entries of blk_queue.read_iov to log
 */
struct blk_io {
	struct store_req sreq;
	struct blk_queue *bq;
	struct blk_io *next_free;
	u8 *status;
	u64 room_len;
	u64 written;
	u16 id;
	struct blk_tracked tracked;
	unsigned int next_range;
	unsigned int num_ranges;
	unsigned int read_count;
};

/** union blk_slot - what a request keeps outside struct blk_io */
union blk_slot {
	struct iovec iov[REQUEST_IOV];
	struct blk_range range[BLK_RANGES_MAX];
};

/* What vq_pop() fills; the worker's, as no two requests are taken at once. */
static _Thread_local struct iovec chain_iov[VQ_CHAIN_IOV_MAX];

static void request_done(struct store_req *sreq, int err);

/* Requests and their memory */

static size_t page_round(size_t len)
{
	return (len + PAGE - 1) & ~(PAGE - 1);
}

static int queue_map(struct blk_queue *bq)
{
	size_t size = bq->q->vq.size;
	size_t ios = page_round(size * sizeof(*bq->ios));
	size_t slots = page_round(size * sizeof(*bq->slots));
	size_t read_iov = bq->q->vq.dirty ? slots : 0;
	size_t bounce = 0;
	u8 *map;

	if (bq->blk->store->limits.bounces)
		bounce = size * STORE_BOUNCE_SIZE;
	bq->map_len = ios + slots + bounce + read_iov;
	map = mmap(NULL, bq->map_len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	bq->map = map;
	bq->ios = (struct blk_io *)map;
	bq->slots = (union blk_slot *)(map + ios);
	bq->bounce = bounce ? map + ios + slots : NULL;
	bq->read_iov = read_iov ? (union blk_slot *)(map + bq->map_len -
						     read_iov) : NULL;
	bq->free = NULL;
	bq->unused = 0;
	return 0;
}

static void queue_unmap(struct blk_queue *bq)
{
	if (!bq->map)
		return;
	munmap(bq->map, bq->map_len);
	bq->map = NULL;
}

static size_t io_index(const struct blk_io *io)
{
	return (size_t)(io - io->bq->ios);
}

static union blk_slot *io_slot(const struct blk_io *io)
{
	return &io->bq->slots[io_index(io)];
}

/* NULL where the driver offered buffers again that it never got back. */
static struct blk_io *io_get(struct blk_queue *bq)
{
	struct blk_io *io = bq->free;

	if (likely(io)) {
		bq->free = io->next_free;
		return io;
	}
	if (bq->unused == bq->q->vq.size)
		return NULL;
	io = &bq->ios[bq->unused++];
	io->bq = bq;
	io->sreq.done = request_done;
	if (bq->bounce)
		io->sreq.bounce = bq->bounce + io_index(io) * STORE_BOUNCE_SIZE;
	return io;
}

static void io_put(struct blk_io *io)
{
	io->next_free = io->bq->free;
	io->bq->free = io;
}

/* Completion */

static void count_done(struct blk_queue *bq, const struct blk_io *io, int err)
{
	const struct store_req *sreq = &io->sreq;

	if (unlikely(err)) {
		if (err == -EOPNOTSUPP)
			bq->stats.unsupported++;
		else
			bq->stats.errors++;
		/* The kernel's own access to guest memory is no SIGBUS. */
		bq->stats.lost_memory += err == -EFAULT;
		return;
	}
	bq->stats.ops[io->tracked.op]++;
	if (io->tracked.op == BLK_OP_READ)
		bq->stats.bytes_read += sreq->len;
	else if (io->tracked.op == BLK_OP_WRITE)
		bq->stats.bytes_written += sreq->len;
}

static void answer(struct blk_queue *bq, u8 *status_byte, u8 status, u16 id,
		   u32 used_len)
{
	/* A broken ring's memory may be something else by now. */
	if (unlikely(vq_broken(&bq->q->vq)))
		return;
	WRITE_ONCE(*status_byte, status);
	vq_wrote(&bq->q->vq, status_byte, 1);
	vq_push(&bq->q->vq, id, used_len);
	bq->completed++;
}

/* Where the store has read to, also where it failed half-way. */
static void log_read(struct blk_io *io)
{
	const struct iovec *iov = io->bq->read_iov[io_index(io)].iov;

	vq_wrote_iov(&io->bq->q->vq, iov, io->read_count, io->sreq.len);
	io->read_count = 0;
}

static void complete(struct blk_io *io, int err)
{
	struct blk_queue *bq = io->bq;

	if (unlikely(io->read_count))
		log_read(io);
	count_done(bq, io, err);
	answer(bq, io->status, blk_errno_status(err), io->id,
	       blk_req_used_len(io->room_len, err ? 0 : io->written));
	io_put(io);
}

static void flush_completed(struct blk_queue *bq)
{
	if (bq->completed == 0)
		return;
	bq->completed = 0;
	queue_flush(bq->q);
	blk_track_flush(&bq->track, bq->q->worker);
}

static int start_ranges(struct blk_io *io);

static void request_done(struct store_req *sreq, int err)
{
	struct blk_io *io = container_of(sreq, struct blk_io, sreq);
	struct blk_queue *bq = io->bq;
	struct queue *q = bq->q;

	bq->stats.retries += sreq->retries;
	bq->stats.paths[sreq->path]++;
	if (err == 0 && io->next_range < io->num_ranges) {
		err = start_ranges(io);
		if (err == -EINPROGRESS)
			return;
	}
	blk_track_back(&bq->track, q->worker, &io->tracked);
	complete(io, err);
	bq->inflight--;
	if (unlikely(bq->stopping) && bq->inflight == 0)
		queue_unmap(bq);
	/* Wakes the queue's task, or ends its drain; either flushes. */
	queue_put(q);
}

/* Start of each operation: 0 or -errno when over, -EINPROGRESS */

static int submit(struct blk_io *io)
{
	struct blk_queue *bq = io->bq;
	int err;

	err = store_submit(bq->blk->store, bq->q->worker, &io->sreq);
	if (err != -EINPROGRESS) {
		bq->stats.retries += io->sreq.retries;
		bq->stats.paths[io->sreq.path]++;
	}
	return err;
}

/* The store uses up its copy; the log needs one when it is done. */
static void read_iov_keep(struct blk_io *io, const struct iov_span *data)
{
	memcpy(io->bq->read_iov[io_index(io)].iov, data->iov,
	       data->count * sizeof(*data->iov));
	io->read_count = data->count;
}

static int start_transfer(struct blk_io *io, const struct blk_req *req)
{
	struct store_req *sreq = &io->sreq;
	struct iovec *iov = io_slot(io)->iov;

	if (req->len == 0)
		return 0;
	if (unlikely(req->data.count > REQUEST_IOV)) {
		io->bq->stats.segments++;
		return -EIO;
	}
	memcpy(iov, req->data.iov, req->data.count * sizeof(*iov));
	if (unlikely(io->bq->read_iov) && sreq->op == STORE_READ)
		read_iov_keep(io, &req->data);
	sreq->data = (struct iov_span){ iov, req->data.count };
	sreq->offset = req->offset;
	io->bq->turn_bytes += req->len;
	return submit(io);
}

static int start_read(struct blk_io *io, const struct blk_req *req)
{
	io->sreq.op = STORE_READ;
	io->sreq.fua = false;
	io->written = req->len;
	return start_transfer(io, req);
}

static int start_write(struct blk_io *io, const struct blk_req *req)
{
	io->sreq.op = STORE_WRITE;
	io->sreq.fua = READ_ONCE(io->bq->blk->fua);
	return start_transfer(io, req);
}

static int start_flush(struct blk_io *io, const struct blk_req *req)
{
	io->sreq.op = STORE_FLUSH;
	return submit(io);
}

static int start_get_id(struct blk_io *io, const struct blk_req *req)
{
	io->written = iov_write(&req->data, io->bq->blk->serial, req->len);
	vq_wrote_iov(&io->bq->q->vq, req->data.iov, req->data.count,
		     io->written);
	return 0;
}

static enum store_op range_op(const struct blk_io *io,
			      const struct blk_range *range)
{
	if (io->tracked.op == BLK_OP_DISCARD)
		return STORE_DISCARD;
	return range->unmap ? STORE_WRITE_ZEROES_UNMAP : STORE_WRITE_ZEROES;
}

/* One range after the other, so that a request is one operation at a time. */
static int start_ranges(struct blk_io *io)
{
	struct store_req *sreq = &io->sreq;
	int err = 0;

	while (err == 0 && io->next_range < io->num_ranges) {
		const struct blk_range *range;

		range = &io_slot(io)->range[io->next_range++];
		if (range->len == 0)
			continue;
		sreq->op = range_op(io, range);
		sreq->fua = READ_ONCE(io->bq->blk->fua);
		sreq->offset = range->offset;
		sreq->len = range->len;
		err = submit(io);
	}
	return err;
}

static int start_range_request(struct blk_io *io, const struct blk_req *req)
{
	io->num_ranges = req->num_ranges;
	return start_ranges(io);
}

static int (*const starts[BLK_OP_MAX])(struct blk_io *io,
				       const struct blk_req *req) = {
	[BLK_OP_READ] = start_read,
	[BLK_OP_WRITE] = start_write,
	[BLK_OP_FLUSH] = start_flush,
	[BLK_OP_GET_ID] = start_get_id,
	[BLK_OP_DISCARD] = start_range_request,
	[BLK_OP_WRITE_ZEROES] = start_range_request,
};

/* A flush costs nothing, so that nobody is tempted to do without. */
static void charge(struct blk_io *io, const struct blk_req *req)
{
	struct blk_queue *bq = io->bq;

	if (req->op != BLK_OP_FLUSH && req->op != BLK_OP_GET_ID)
		throttle_charge(&bq->blk->throttle, &bq->throttle,
				io->tracked.start_ns, req->len);
}

/*
 * True where the limits let nothing more through now; the queue rests then.
 * What a dead daemon had taken it had let through: a queue that is being stopped
 * has to get it done.
 */
static bool throttled(struct blk_queue *bq)
{
	bool waited = bq->throttle.ticket_ns;
	u64 ns;

	if (likely(!throttle_limited(&bq->blk->throttle)) ||
	    vq_again(&bq->q->vq))
		return false;
	ns = throttle_wait(&bq->blk->throttle, &bq->throttle,
			   worker_clock(bq->q->worker));
	if (!ns)
		return false;
	bq->stats.throttled += !waited;
	queue_rest(bq->q, ns);
	return true;
}

static void start(struct blk_io *io, const struct blk_req *req, u16 id)
{
	struct blk_queue *bq = io->bq;
	int err;

	io->tracked.op = req->op;
	io->tracked.offset = req->offset;
	io->status = req->status;
	io->room_len = req->room_len;
	io->written = 0;
	io->id = id;
	io->next_range = 0;
	io->num_ranges = 0;
	io->sreq.len = req->len;
	blk_track_take(&bq->track, bq->q->worker, &io->tracked);
	if (unlikely(throttle_limited(&bq->blk->throttle)))
		charge(io, req);
	err = starts[req->op](io, req);
	if (err != -EINPROGRESS) {
		blk_track_place(&bq->track, bq->q->worker, req->op);
		complete(io, err);
		return;
	}
	blk_track_out(&bq->track, &io->tracked);
	bq->inflight++;
	queue_get(bq->q);
	if (++bq->prepared == SUBMIT_EVERY) {
		bq->prepared = 0;
		worker_submit(bq->q->worker);
	}
}

static void reject(struct blk_queue *bq, const struct blk_req *req, u16 id)
{
	bq->stats.rejects[req->reject]++;
	answer(bq, req->status, blk_reject_status(req->reject), id,
	       blk_req_used_len(req->room_len, 0));
}

/* Worker's side of the queue */

/* 1: one taken, 0: none there, -EPROTO: the ring is broken */
static int take_request(struct blk_queue *bq, struct blk_io *io)
{
	struct vq_chain chain = {
		.iov = chain_iov,
		.iov_max = VQ_CHAIN_IOV_MAX,
	};
	struct blk_req req;
	int ret;

	ret = vq_pop(&bq->q->vq, &chain);
	if (ret <= 0)
		goto put;
	ret = blk_req_parse(&req, io_slot(io)->range, &chain, &bq->bounds);
	/* The header may be a page of zeroes: a wrong order to the store. */
	if (unlikely(mem_lost(bq->q->vq.mem))) {
		vq_break(&bq->q->vq, VQ_FAULT_LOST);
		ret = -EPROTO;
		goto put;
	}
	if (ret) {
		vq_break(&bq->q->vq, VQ_FAULT_ANSWER);
		goto put;
	}
	if (likely(req.reject == BLK_REJECT_NONE)) {
		start(io, &req, chain.id);
		return 1;
	}
	reject(bq, &req, chain.id);
	ret = 1;
put:
	io_put(io);
	return ret;
}

unsigned int blk_queue_run(struct queue *q)
{
	struct blk_queue *bq = blk_queue_of(q);
	unsigned int work = bq->completed;
	unsigned int taken = 0;
	struct blk_io *io;
	int ret;

	if (unlikely(vq_broken(&q->vq)))
		return 0;
	bq->bounds.capacity = READ_ONCE(bq->blk->store->limits.capacity) >>
			      BLK_SECTOR_SHIFT;
	bq->turn_bytes = 0;
	bq->prepared = 0;
	blk_track_turn(&bq->track);
	while (taken < BATCH_MAX && bq->turn_bytes < BATCH_BYTES &&
	       !throttled(bq)) {
		io = io_get(bq);
		if (!io)
			break;
		ret = take_request(bq, io);
		if (ret <= 0) {
			if (ret < 0)
				queue_fail(q);
			break;
		}
		taken++;
		if (bq->completed >= FLUSH_EVERY)
			flush_completed(bq);
	}
	flush_completed(bq);
	return work + taken;
}

static u32 range_max(const struct blk *blk, unsigned int feature, u64 bytes)
{
	if (!(blk->dev.features & BIT_ULL(feature)))
		return 0;
	return (u32)min(bytes >> BLK_SECTOR_SHIFT, (u64)UINT32_MAX);
}

void blk_queue_start(struct queue *q)
{
	struct blk_queue *bq = blk_queue_of(q);
	const struct store_limits *limits = &bq->blk->store->limits;

	bq->stopping = false;
	bq->completed = 0;
	blk_track_start(&bq->track);
	bq->bounds = (struct blk_bounds){
		.read_only = limits->read_only,
		.discard_max = range_max(bq->blk, VIRTIO_BLK_F_DISCARD,
					 limits->discard_max),
		.write_zeroes_max = range_max(bq->blk,
					      VIRTIO_BLK_F_WRITE_ZEROES,
					      limits->write_zeroes_max),
	};
	if (queue_map(bq)) {
		vq_break(&q->vq, VQ_FAULT_MEMORY);
		queue_fail(q);
	}
}

void blk_queue_stop(struct queue *q)
{
	struct blk_queue *bq = blk_queue_of(q);

	bq->stopping = true;
	if (bq->inflight == 0)
		queue_unmap(bq);
}
