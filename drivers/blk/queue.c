// SPDX-License-Identifier: GPL-2.0
/*
 * queue - the data path: block layer requests to the ring and back
 *
 * Runs in the submitter's context, in the device's interrupt, and in softirq
 * where the block layer moves a completion to the CPU that submitted.  The
 * drawing and the rules are in pvblk.h.
 */
#include "pvblk.h"

#include <linux/blk-mq-virtio.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

static struct virtio_blk_discard_write_zeroes *
ranges_get(struct pvblk_req *req, unsigned int count)
{
	if (count == 1)
		req->ranges = &req->range;
	else
		req->ranges = kmalloc_array(count, sizeof(req->range),
					    GFP_ATOMIC);
	return req->ranges;
}

static void ranges_put(struct pvblk_req *req)
{
	if (req->ranges != &req->range)
		kfree(req->ranges);
}

static void set_ranges_buffer(struct pvblk_req *req, unsigned int count)
{
	sg_init_one(req->inline_sg, req->ranges, count * sizeof(req->range));
	req->table.sgl = req->inline_sg;
	req->table.nents = 1;
	req->table.orig_nents = 1;
}

static blk_status_t map_discard(struct request *rq, struct pvblk_req *req)
{
	unsigned int room = blk_rq_nr_discard_segments(rq);
	unsigned int count = 0;
	struct bio *bio;

	if (!ranges_get(req, room))
		return BLK_STS_RESOURCE;

	/* With one range a device, bios are merged only if adjacent. */
	if (room == 1) {
		pvblk_req_fill_range(req->ranges, blk_rq_pos(rq),
				     blk_rq_sectors(rq), false);
		set_ranges_buffer(req, 1);
		return BLK_STS_OK;
	}

	__rq_for_each_bio(bio, rq) {
		if (count == room)
			break;
		pvblk_req_fill_range(&req->ranges[count++],
				     bio->bi_iter.bi_sector,
				     bio_sectors(bio), false);
	}
	/* A range short would report sectors as discarded that are not. */
	if (WARN_ON_ONCE(count != room || bio)) {
		ranges_put(req);
		return BLK_STS_IOERR;
	}
	set_ranges_buffer(req, count);
	return BLK_STS_OK;
}

static void map_write_zeroes(struct request *rq, struct pvblk_req *req)
{
	ranges_get(req, 1);
	pvblk_req_fill_range(req->ranges, blk_rq_pos(rq), blk_rq_sectors(rq),
			     !(rq->cmd_flags & REQ_NOUNMAP));
	set_ranges_buffer(req, 1);
}

static blk_status_t map_data(struct request *rq, struct pvblk_req *req)
{
	unsigned int segments = blk_rq_nr_phys_segments(rq);

	if (!segments)
		return BLK_STS_OK;

	req->table.sgl = req->inline_sg;
	if (unlikely(sg_alloc_table_chained(&req->table, segments,
					    req->inline_sg,
					    PVBLK_INLINE_SEGMENTS)))
		return BLK_STS_RESOURCE;

	req->table.nents = blk_rq_map_sg(rq->q, rq, req->table.sgl);
	return BLK_STS_OK;
}

static void unmap(struct request *rq, struct pvblk_req *req)
{
	if (req->table.orig_nents > PVBLK_INLINE_SEGMENTS)
		sg_free_table_chained(&req->table, PVBLK_INLINE_SEGMENTS);
	if (unlikely(req_op(rq) == REQ_OP_DISCARD))
		ranges_put(req);
}

static blk_status_t map(struct request *rq, struct pvblk_req *req)
{
	req->table.nents = 0;
	req->table.orig_nents = 0;

	switch (req_op(rq)) {
	case REQ_OP_READ:
	case REQ_OP_DRV_IN:
		req->room_bytes += blk_rq_bytes(rq);
		return map_data(rq, req);
	case REQ_OP_WRITE:
		return map_data(rq, req);
	case REQ_OP_DISCARD:
		return map_discard(rq, req);
	case REQ_OP_WRITE_ZEROES:
		map_write_zeroes(rq, req);
		return BLK_STS_OK;
	default:
		return BLK_STS_OK;
	}
}

/* Everything that needs no lock.  On success the request counts as started. */
static blk_status_t prepare(struct pvblk_queue *queue, struct request *rq)
{
	struct pvblk_req *req = blk_mq_rq_to_pdu(rq);
	blk_status_t status;

	if (unlikely(pvblk_req_fill_header(&req->header, req_op(rq),
					   blk_rq_pos(rq),
					   queue->dev->little_endian)))
		return BLK_STS_NOTSUPP;

	req->status = PVBLK_STATUS_UNSET;
	req->room_bytes = sizeof(req->status);
	status = map(rq, req);
	if (unlikely(status)) {
		if (status == BLK_STS_RESOURCE)
			pvblk_count(queue->dev, PVBLK_COUNT_NO_MEMORY);
		return status;
	}

	blk_mq_start_request(rq);
	return BLK_STS_OK;
}

static int add(struct pvblk_queue *queue, struct request *rq)
{
	struct pvblk_req *req = blk_mq_rq_to_pdu(rq);
	unsigned int out = 0;
	unsigned int in = 0;
	struct scatterlist *sgs[3];

	lockdep_assert_held(&queue->lock);

	if (unlikely(!queue->vq))
		return -EIO;

	sgs[out++] = &req->header_sg;
	if (req->table.nents) {
		if (op_is_write(req_op(rq)))
			sgs[out++] = req->table.sgl;
		else
			sgs[out + in++] = req->table.sgl;
	}
	sgs[out + in++] = &req->status_sg;
	return virtqueue_add_sgs(queue->vq, sgs, out, in, req, GFP_ATOMIC);
}

/*
 * Why an add failed, in words of the block layer.  Not BLK_STS_DEV_RESOURCE for
 * a full ring: that relies on the end of another request to run the queue
 * again, and requests that end in a batch do not.  So the interrupt handler
 * does it, and should that come too early, the block layer's timer does.
 */
static blk_status_t add_failed(struct pvblk_queue *queue, struct request *rq,
			       int err)
{
	struct pvblk_dev *dev = queue->dev;

	lockdep_assert_held(&queue->lock);

	switch (err) {
	case -ENOSPC:
		pvblk_count(dev, PVBLK_COUNT_RING_FULL);
		queue->starved = rq->mq_hctx;
		return BLK_STS_RESOURCE;
	case -ENOMEM:
		pvblk_count(dev, PVBLK_COUNT_NO_MEMORY);
		return BLK_STS_RESOURCE;
	default:
		pvblk_count(dev, PVBLK_COUNT_ABORTED);
		pvblk_fault_report(dev, "virtqueue broken");
		return BLK_STS_IOERR;
	}
}

static blk_status_t queue_rq(struct blk_mq_hw_ctx *hctx,
			     const struct blk_mq_queue_data *bd)
{
	struct pvblk_queue *queue = hctx->driver_data;
	struct request *rq = bd->rq;
	bool kick = false;
	blk_status_t status;
	unsigned long flags;
	int err;

	status = prepare(queue, rq);
	if (unlikely(status))
		return status;

	spin_lock_irqsave(&queue->lock, flags);
	err = add(queue, rq);
	if (unlikely(err))
		status = add_failed(queue, rq, err);
	else if (bd->last)
		kick = virtqueue_kick_prepare(queue->vq);
	spin_unlock_irqrestore(&queue->lock, flags);

	if (kick)
		virtqueue_notify(queue->vq);
	if (unlikely(status))
		unmap(rq, blk_mq_rq_to_pdu(rq));
	return status;
}

static void commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct pvblk_queue *queue = hctx->driver_data;
	unsigned long flags;
	bool kick;

	spin_lock_irqsave(&queue->lock, flags);
	kick = queue->vq && virtqueue_kick_prepare(queue->vq);
	spin_unlock_irqrestore(&queue->lock, flags);

	if (kick)
		virtqueue_notify(queue->vq);
}

/*
 * Requests of a batch that do not fit were started already, so they cannot be
 * left to the caller but go round through the requeue list.
 */
static void submit_batch(struct pvblk_queue *queue, struct pvblk_req *batch)
{
	struct pvblk_req *refused = NULL;
	unsigned long flags;
	bool kick;
	int err;

	spin_lock_irqsave(&queue->lock, flags);
	for (; batch; batch = batch->next) {
		struct request *rq = blk_mq_rq_from_pdu(batch);

		err = add(queue, rq);
		if (unlikely(err)) {
			add_failed(queue, rq, err);
			refused = batch;
			break;
		}
	}
	kick = queue->vq && virtqueue_kick_prepare(queue->vq);
	spin_unlock_irqrestore(&queue->lock, flags);

	if (kick)
		virtqueue_notify(queue->vq);

	while (refused) {
		struct request *rq = blk_mq_rq_from_pdu(refused);
		struct pvblk_req *req = refused;

		refused = refused->next;
		unmap(rq, req);
		blk_mq_requeue_request(rq, true);
	}
}

static void queue_rqs(struct request **rqlist)
{
	struct request *left = NULL;
	struct request **left_tail = &left;
	struct pvblk_queue *queue = NULL;
	struct pvblk_req *batch = NULL;
	struct pvblk_req **tail = &batch;
	struct request *rq;

	while ((rq = rq_list_pop(rqlist))) {
		struct pvblk_req *req = blk_mq_rq_to_pdu(rq);

		if (queue != rq->mq_hctx->driver_data) {
			if (batch)
				submit_batch(queue, batch);
			queue = rq->mq_hctx->driver_data;
			batch = NULL;
			tail = &batch;
		}

		/* This path does not go through the block layer's own lookup. */
		rq->mq_hctx->tags->rqs[rq->tag] = rq;
		if (unlikely(prepare(queue, rq))) {
			rq_list_add_tail(&left_tail, rq);
			continue;
		}
		req->next = NULL;
		*tail = req;
		tail = &req->next;
	}
	if (batch)
		submit_batch(queue, batch);
	*rqlist = left;
}

static enum pvblk_outcome judge(struct pvblk_queue *queue,
				struct pvblk_req *req, u32 used_bytes)
{
	const struct request *rq = blk_mq_rq_from_pdu(req);
	struct pvblk_answer answer = {
		.used_bytes = used_bytes,
		.room_bytes = req->room_bytes,
		.least_bytes = req_op(rq) == REQ_OP_READ ? req->room_bytes : 0,
		.status = READ_ONCE(req->status),
		.len_counts = queue->dev->len_counts,
	};

	if (likely(answer.status == VIRTIO_BLK_S_OK &&
		   used_bytes == answer.room_bytes))
		return PVBLK_OK;
	return pvblk_req_judge(&answer);
}

static void park_suspect(struct pvblk_queue *queue, struct pvblk_req *req)
{
	lockdep_assert_held(&queue->lock);

	req->next = queue->suspects;
	queue->suspects = req;
	__virtqueue_break(queue->vq);
	pvblk_fault_report(queue->dev, pvblk_outcome_name(req->outcome));
}

static struct pvblk_req *reap(struct pvblk_queue *queue)
{
	struct virtqueue *vq = queue->vq;
	struct pvblk_req *done = NULL;
	struct pvblk_req **tail = &done;
	struct pvblk_req *req;
	unsigned int len;

	lockdep_assert_held(&queue->lock);

	/* Bounded by the ring: the lock keeps new requests out. */
	do {
		virtqueue_disable_cb(vq);
		while ((req = virtqueue_get_buf(vq, &len))) {
			queue->reaped++;
			req->outcome = judge(queue, req, len);
			if (unlikely(pvblk_outcome_is_lie(req->outcome))) {
				park_suspect(queue, req);
				break;
			}
			*tail = req;
			tail = &req->next;
		}
		if (unlikely(virtqueue_is_broken(vq))) {
			pvblk_fault_report(queue->dev, "virtqueue broken");
			break;
		}
	} while (!virtqueue_enable_cb(vq));

	*tail = NULL;
	return done;
}

static void count_failure(struct pvblk_dev *dev, enum pvblk_outcome outcome)
{
	static const u8 counter[PVBLK_OUTCOMES] = {
		[PVBLK_IOERR] = PVBLK_COUNT_IO_ERROR,
		[PVBLK_UNSUPP] = PVBLK_COUNT_UNSUPPORTED,
		[PVBLK_SHORT] = PVBLK_COUNT_SHORT_READ,
		[PVBLK_ABORTED] = PVBLK_COUNT_ABORTED,
		[PVBLK_LIE_LEN] = PVBLK_COUNT_BAD_LENGTH,
		[PVBLK_LIE_STATUS] = PVBLK_COUNT_BAD_STATUS,
	};

	pvblk_count(dev, counter[outcome]);
}

/* Give back what prepare() took; the result is for the block layer. */
static blk_status_t finish(struct request *rq)
{
	struct pvblk_req *req = blk_mq_rq_to_pdu(rq);

	unmap(rq, req);
	if (likely(req->outcome == PVBLK_OK))
		return BLK_STS_OK;
	count_failure(rq->q->queuedata, req->outcome);
	return pvblk_outcome_status(req->outcome);
}

static void complete_rq(struct request *rq)
{
	blk_mq_end_request(rq, finish(rq));
}

static void complete_batch(struct pvblk_req *done)
{
	DEFINE_IO_COMP_BATCH(iob);
	struct pvblk_req *next;

	for (; done; done = next) {
		struct request *rq = blk_mq_rq_from_pdu(done);
		blk_status_t status;

		next = done->next;
		if (blk_mq_complete_request_remote(rq))
			continue;
		status = finish(rq);
		if (!blk_mq_add_to_batch(rq, &iob, status != BLK_STS_OK,
					 blk_mq_end_request_batch))
			blk_mq_end_request(rq, status);
	}
	if (!rq_list_empty(iob.req_list))
		blk_mq_end_request_batch(&iob);
}

/**
 * pvblk_queue_interrupt() - the device has finished requests
 * @vq: virtqueue of a request queue
 *
 * Context: interrupt
 */
void pvblk_queue_interrupt(struct virtqueue *vq)
{
	struct pvblk_dev *dev = vq->vdev->priv;
	struct pvblk_queue *queue = &dev->queues[vq->index];
	struct blk_mq_hw_ctx *starved;
	struct pvblk_req *done;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	done = reap(queue);
	starved = queue->starved;
	queue->starved = NULL;
	spin_unlock_irqrestore(&queue->lock, flags);

	complete_batch(done);
	if (unlikely(starved))
		blk_mq_run_hw_queue(starved, true);
}

/**
 * pvblk_queue_abort_all() - fail what a device has left in flight
 * @queue: queue of a device that has been reset, without submitters
 */
void pvblk_queue_abort_all(struct pvblk_queue *queue)
{
	struct pvblk_req *list;
	struct pvblk_req *req;

	spin_lock_irq(&queue->lock);
	list = queue->suspects;
	queue->suspects = NULL;
	while ((req = virtqueue_detach_unused_buf(queue->vq))) {
		req->outcome = PVBLK_ABORTED;
		req->next = list;
		list = req;
	}
	spin_unlock_irq(&queue->lock);

	while (list) {
		req = list;
		list = req->next;
		blk_mq_complete_request(blk_mq_rq_from_pdu(req));
	}
}

static int init_hctx(struct blk_mq_hw_ctx *hctx, void *data, unsigned int index)
{
	struct pvblk_dev *dev = data;

	hctx->driver_data = &dev->queues[index];
	return 0;
}

static int init_request(struct blk_mq_tag_set *set, struct request *rq,
			unsigned int hctx_index, unsigned int numa_node)
{
	struct pvblk_req *req = blk_mq_rq_to_pdu(rq);

	sg_init_one(&req->header_sg, &req->header, sizeof(req->header));
	sg_init_one(&req->status_sg, &req->status, sizeof(req->status));
	return 0;
}

static void map_queues(struct blk_mq_tag_set *set)
{
	struct pvblk_dev *dev = set->driver_data;

	blk_mq_virtio_map_queues(&set->map[HCTX_TYPE_DEFAULT], dev->vdev, 0);
}

const struct blk_mq_ops pvblk_mq_ops = {
	.queue_rq = queue_rq,
	.queue_rqs = queue_rqs,
	.commit_rqs = commit_rqs,
	.complete = complete_rq,
	.init_hctx = init_hctx,
	.init_request = init_request,
	.map_queues = map_queues,
};
