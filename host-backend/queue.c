// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * queue - one virtqueue of a device: who owns it, from SET_VRING_* to worker
 *
 * Theory of operation (queue.h has the hand-over)
 *
 * A running queue has its kick eventfd under multishot poll all the time,
 * active or not, so that arming is one store and one look at the ring.  Where
 * the driver has no kick eventfd, and where the poll ended by itself, a timer
 * wakes the queue instead: a descriptor that is always ready, which is not an
 * eventfd's way, costs its owner latency and not us a core.
 *
 * A drain is over when nothing is in flight and neither poll nor timer has a
 * completion to come, because those are embedded in the queue.
 */
#include "queue.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device.h"

/* The first may come before the driver's first buffer. */
#define VAIN_KICKS_MAX 2

/* How often to look at a ring whose driver cannot kick. */
#define TIMER_NS 1000000

/* Longest rest: what made it so long may have changed meanwhile. */
#define REST_MAX_NS 100000000

static const char *const state_names[] = {
	[QUEUE_STOPPED] = "stopped",
	[QUEUE_RUNNING] = "running",
	[QUEUE_DRAINING] = "draining",
};
static_assert(ARRAY_SIZE(state_names) == QUEUE_STATE_MAX,
	      "every state has a name");

static void queue_set_state(struct queue *q, enum queue_state state)
{
	log_debug("%s queue %u: %s -> %s", q->dev->name, q->index,
		  state_names[q->state], state_names[state]);
	WRITE_ONCE(q->state, state);
}

/* Worker: wake-ups */

static void kick_watch(struct queue *q)
{
	struct io_uring_sqe *sqe = worker_sqe(q->worker);

	io_uring_prep_poll_multishot(sqe, q->kick_fd, POLLIN);
	worker_sqe_bind(sqe, &q->kick_op);
	q->kick_armed = true;
}

static void timer_start(struct queue *q, u64 ns)
{
	struct io_uring_sqe *sqe;

	if (q->timer_armed)
		return;
	q->timer_span = (struct __kernel_timespec){ .tv_nsec = (s64)ns };
	sqe = worker_sqe(q->worker);
	io_uring_prep_timeout(sqe, &q->timer_span, 0, 0);
	worker_sqe_bind(sqe, &q->timer_op);
	q->timer_armed = true;
}

static void drain_check(struct queue *q);

/*
 * A guest whose memory is a private copy of the file that we map writes to a
 * ring that we never see.  Nothing else tells: so ask who reads the log.
 */
static void kick_check(struct queue *q)
{
	if (vq_broken(&q->vq) || vq_pending(&q->vq) ||
	    ++q->vain_kicks != VAIN_KICKS_MAX)
		return;
	log_ratelimited(&q->limit, LOG_WARNING,
			"%s queue %u: kicked, but its ring stays empty; is the guest's memory shared (share=on)?",
			q->dev->name, q->index);
}

static void kick_done(struct worker_op *op, int res, u32 flags)
{
	struct queue *q = container_of(op, struct queue, kick_op);

	if (!(flags & IORING_CQE_F_MORE))
		q->kick_armed = false;
	if (q->stopping) {
		drain_check(q);
		return;
	}
	q->stats.kicks++;
	if (unlikely(!q->worked))
		kick_check(q);
	if (!q->kick_armed) {
		q->kick_lost = true;
		timer_start(q, TIMER_NS);
	}
	worker_task_wake(q->worker, &q->task);
}

static void timer_done(struct worker_op *op, int res, u32 flags)
{
	struct queue *q = container_of(op, struct queue, timer_op);

	q->timer_armed = false;
	if (q->stopping) {
		drain_check(q);
		return;
	}
	if (q->kick_lost) {
		q->kick_lost = false;
		kick_watch(q);
	}
	worker_task_wake(q->worker, &q->task);
}

static void cancel_done(struct worker_op *op, int res, u32 flags)
{
}

/* Completions of cancellations carry nothing: what they end says so itself. */
static struct worker_op cancel_op = { .done = cancel_done };

static void wakeups_cancel(struct queue *q)
{
	struct io_uring_sqe *sqe;

	if (q->kick_armed) {
		sqe = worker_sqe(q->worker);
		/* POLL_REMOVE gives up on a poll that is about to complete
		 * (EALREADY), which then stays armed; this does not.
		 */
		io_uring_prep_cancel(sqe, &q->kick_op, 0);
		worker_sqe_bind(sqe, &cancel_op);
	}
	if (q->timer_armed) {
		sqe = worker_sqe(q->worker);
		io_uring_prep_timeout_remove(sqe, (u64)(uintptr_t)&q->timer_op,
					     0);
		worker_sqe_bind(sqe, &cancel_op);
	}
}

/* Worker: the task */

/* The front end took away memory that we work on: nothing of it may get out. */
static bool memory_lost(struct queue *q)
{
	sigbus_fence();
	if (likely(!mem_lost(&q->dev->mem)))
		return false;
	vq_break(&q->vq, VQ_FAULT_LOST);
	queue_fail(q);
	return true;
}

static unsigned int task_run(struct worker_task *task)
{
	struct queue *q = container_of(task, struct queue, task);
	unsigned int work;

	/* First what is done: the driver need not wait for what comes next. */
	queue_flush(q);
	if (unlikely(vq_broken(&q->vq) || memory_lost(q)))
		return 0;
	q->resting = false;
	work = q->dev->ops->queue_run(q);
	if (unlikely(!q->worked) && work)
		q->worked = true;
	return work;
}

static bool task_arm(struct worker_task *task)
{
	struct queue *q = container_of(task, struct queue, task);
	bool (*arm)(struct queue *q) = q->dev->ops->queue_arm;

	if (unlikely(vq_broken(&q->vq)))
		return false;
	if (q->resting)
		return false;
	if (arm ? arm(q) : vq_notify_on(&q->vq)) {
		vq_notify_off(&q->vq);
		return true;
	}
	if (unlikely(memory_lost(q)))
		return false;
	if (q->kick_fd < 0)
		timer_start(q, TIMER_NS);
	return false;
}

static void task_disarm(struct worker_task *task)
{
	struct queue *q = container_of(task, struct queue, task);

	vq_notify_off(&q->vq);
}

void queue_flush(struct queue *q)
{
	if (!q->vq.staged || unlikely(memory_lost(q)))
		return;
	q->stats.chains += q->vq.staged;
	if (!vq_publish(&q->vq)) {
		q->stats.calls_suppressed++;
	} else if (q->call_fd >= 0) {
		q->stats.calls++;
		worker_signal(q->worker, q->call_fd);
	}
	if (unlikely(q->vq.dirty) && q->dev->log_fd >= 0)
		worker_signal(q->worker, q->dev->log_fd);
}

static void fail_log(struct queue *q)
{
	const struct mem_region *r = mem_lost_region(&q->dev->mem);

	if (q->vq.fault == VQ_FAULT_LOST && r)
		log_ratelimited(&q->limit, LOG_WARNING,
				"%s queue %u: broken until memory and ring are set up anew: %s: region of %llu bytes at guest address 0x%llx",
				q->dev->name, q->index,
				vq_fault_name(q->vq.fault),
				(unsigned long long)r->size,
				(unsigned long long)r->gpa);
	else
		log_ratelimited(&q->limit, LOG_WARNING,
				"%s queue %u: broken until it is set up anew: %s",
				q->dev->name, q->index,
				vq_fault_name(q->vq.fault));
}

void queue_rest(struct queue *q, u64 ns)
{
	q->resting = true;
	timer_start(q, min(ns, (u64)REST_MAX_NS));
}

void queue_fail(struct queue *q)
{
	if (q->failed)
		return;
	/* Whatever else was found wrong, it was found in zeroes. */
	if (mem_lost(&q->dev->mem))
		q->vq.fault = VQ_FAULT_LOST;
	q->failed = true;
	q->stats.faults++;
	fail_log(q);
	if (q->err_fd >= 0)
		worker_signal(q->worker, q->err_fd);
}

/* Hand-over */

static void start_run(struct worker *w, struct worker_msg *msg)
{
	struct queue *q = container_of(msg, struct queue, start_msg);

	if (q->kick_fd >= 0)
		kick_watch(q);
	/* A dead daemon may have published without a signal. */
	if (q->vq.track && !q->vq.track->fresh && q->call_fd >= 0)
		worker_signal(w, q->call_fd);
	if (q->dev->ops->queue_start)
		q->dev->ops->queue_start(q);
	worker_task_add(w, &q->task);
	/* A disabled ring is let alone until it is kicked: queue_disable(). */
	if (READ_ONCE(q->enabled) || q->kick_fd < 0)
		worker_task_wake(w, &q->task);
}

static void log_takeover(struct queue *q)
{
	const struct inflight_track *t = q->vq.track;

	if (!t || (!t->recovered && !t->batch))
		return;
	q->stats.resubmitted += t->recovered;
	log_notice("%s queue %u: taken over: %u requests in flight are done again, %u of the last batch were complete",
		   q->dev->name, q->index, t->recovered, t->batch);
}

int queue_start(struct queue *q)
{
	enum inflight_fault fault;
	int err;

	q->setup.inflight_fault = &fault;
	err = vq_start(&q->vq, &q->setup);
	q->setup.inflight_fault = NULL;
	if (err == -EBADMSG)
		log_ratelimited(&q->limit, LOG_WARNING,
				"%s queue %u: the record of what is in flight is not this ring's: %s",
				q->dev->name, q->index,
				inflight_fault_name(fault));
	if (err)
		return err;
	log_takeover(q);
	q->inflight = 0;
	q->stopping = false;
	q->failed = false;
	q->kick_armed = false;
	q->timer_armed = false;
	q->kick_lost = false;
	q->resting = false;
	q->worked = false;
	q->vain_kicks = 0;
	queue_set_state(q, QUEUE_RUNNING);
	worker_post(q->worker, &q->start_msg);
	return 0;
}

const char *queue_start_error(int err)
{
	if (err == -EFAULT)
		return "the ring does not lie in one region of shared memory";
	if (err == -EINVAL)
		return "the ring's size, position or alignment is wrong for its layout";
	if (err == -ERANGE)
		return "the dirty log does not cover guest memory or the used ring";
	if (err == -EBADMSG)
		return "the in-flight region does not fit the ring";
	return strerror(-err);
}

/* The call must be written before the control thread may close its eventfd. */
static void drain_check(struct queue *q)
{
	if (q->inflight || q->kick_armed || q->timer_armed)
		return;
	q->stopping = false;
	queue_flush(q);
	worker_submit(q->worker);
	evloop_post(q->dev->loop, &q->drained);
}

void queue_put(struct queue *q)
{
	q->inflight--;
	if (q->stopping)
		drain_check(q);
	else
		worker_task_wake(q->worker, &q->task);
}

static void drain_run(struct worker *w, struct worker_msg *msg)
{
	struct queue *q = container_of(msg, struct queue, drain_msg);

	q->stopping = true;
	/* Held, so that the drain cannot end before all is cancelled. */
	queue_get(q);
	worker_task_del(w, &q->task);
	/* Positions alone could not tell a successor of these. */
	while (vq_again(&q->vq) && q->dev->ops->queue_run(q))
		;
	wakeups_cancel(q);
	if (q->dev->ops->queue_stop)
		q->dev->ops->queue_stop(q);
	queue_put(q);
}

void queue_drain(struct queue *q)
{
	queue_set_state(q, QUEUE_DRAINING);
	worker_post(q->worker, &q->drain_msg);
}

static void drained_run(struct ev_post *post)
{
	struct queue *q = container_of(post, struct queue, drained);

	q->setup.base = vq_base(&q->vq);
	queue_set_state(q, QUEUE_STOPPED);
	device_queue_drained(q->dev, q);
}

void queue_init(struct queue *q, struct device *dev, unsigned int index,
		struct worker *worker)
{
	memset(q, 0, sizeof(*q));
	q->dev = dev;
	q->index = index;
	q->worker = worker;
	q->kick_fd = -1;
	q->call_fd = -1;
	q->err_fd = -1;
	q->limit = (struct log_limit)LOG_LIMIT_INIT;
	q->task.run = task_run;
	q->task.arm = task_arm;
	q->task.disarm = task_disarm;
	list_init(&q->task.node);
	q->kick_op.done = kick_done;
	q->timer_op.done = timer_done;
	q->start_msg.run = start_run;
	q->drain_msg.run = drain_run;
	q->drained.run = drained_run;
}

static void fd_forget(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void queue_unkick(struct queue *q)
{
	fd_forget(&q->kick_fd);
	q->started = false;
	q->start_err = 0;
	vq_stop(&q->vq);
}

/* Bounded by the ring; what a driver offers meanwhile is kicked for. */
static void drop_available(struct queue *q)
{
	struct iovec iov[VQ_CHAIN_IOV_MAX];
	struct vq_chain chain = { .iov = iov, .iov_max = VQ_CHAIN_IOV_MAX };
	unsigned int i;

	for (i = 0; i < q->vq.size && vq_pop(&q->vq, &chain) > 0; i++)
		vq_push(&q->vq, chain.id, 0);
	q->stats.chains += i;
	if (vq_publish(&q->vq) && q->call_fd >= 0) {
		q->stats.calls++;
		eventfd_write(q->call_fd, 1);
	}
}

void queue_disable(struct queue *q)
{
	eventfd_t kicks;

	if (!q->started || !q->vq.ops || vq_broken(&q->vq) || q->kick_fd < 0)
		return;
	/* Forgotten before the last look at the ring, so that none is lost. */
	eventfd_read(q->kick_fd, &kicks);
	vq_notify_off(&q->vq);
	drop_available(q);
	if (vq_notify_on(&q->vq))
		eventfd_write(q->kick_fd, 1);
	q->setup.base = vq_base(&q->vq);
}

void queue_reset(struct queue *q)
{
	queue_unkick(q);
	fd_forget(&q->call_fd);
	fd_forget(&q->err_fd);
	q->enabled = false;
	memset(&q->setup, 0, sizeof(q->setup));
}
