/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * queue - one virtqueue of a device: who owns it, from SET_VRING_* to worker
 *
 * Theory of operation
 *
 * A queue belongs to the control thread while it is QUEUE_STOPPED and to its
 * worker otherwise.  The control thread never touches a running queue: it asks
 * for a drain, goes on with other connections, and is told by a post when the
 * worker has let go.
 *
 *	control thread				worker
 *	queue_start(): vq_start(),  ---post-->	watch the kick, add the task,
 *	  state = RUNNING			ops->queue_start()
 *	queue_drain():		    ---post-->	remove the task and the watch,
 *	  state = DRAINING			ops->queue_stop(); as soon as
 *	  ...					nothing is in flight:
 *	queue's drained callback,   <--post---	done
 *	  state = STOPPED
 *
 * A queue runs where it is started and (enabled or its device consumes
 * disabled queues); device_update() in device.c alone decides that.
 */
#ifndef PV_QUEUE_H
#define PV_QUEUE_H

#include "evloop.h"
#include "log.h"
#include "vq.h"
#include "worker.h"

struct device;

/**
 * enum queue_state - who owns a queue; changed by queue_set_state() alone
 * @QUEUE_STOPPED:	the control thread; no I/O in flight
 * @QUEUE_RUNNING:	the worker, which takes buffers
 * @QUEUE_DRAINING:	the worker, which takes nothing new and waits for what
 *			is in flight; neither side may change the ring's setup
 */
enum queue_state {
	QUEUE_STOPPED,
	QUEUE_RUNNING,
	QUEUE_DRAINING,
	QUEUE_STATE_MAX
};

/**
 * struct queue_stats - counters, written by the worker, read by anyone
 *
 * Device types have their own beside these (blk.h, net.h).
 */
struct queue_stats {
	u64 chains;		/* buffers given back, counted by queue_flush() */
	u64 kicks;		/* kick eventfd became ready */
	u64 calls;		/* call eventfd written */
	u64 calls_suppressed;	/* published, the driver wanted no interrupt */
	u64 faults;		/* times the ring was marked broken */
	u64 resubmitted;	/* a dead daemon had taken them */
};

/**
 * struct queue - a virtqueue of a device
 *
 * Control thread, while STOPPED:
 * @dev:	device it belongs to
 * @index:	number in the device
 * @worker:	the one worker that runs it, for the queue's life
 * @setup:	what SET_VRING_NUM/ADDR/BASE said
 * @kick_fd:	from SET_VRING_KICK, or -1: the driver never kicks, so poll
 * @call_fd:	from SET_VRING_CALL, or -1: the driver wants no interrupts; made
 *		non-blocking, so that no counter can hold up the worker
 * @err_fd:	from SET_VRING_ERR, or -1
 * @started:	between SET_VRING_KICK and GET_VRING_BASE
 * @stuck_ns:	since when its oldest request is out, if that was found too long
 * @start_err:	why device_update() could not start it, 0 or -errno
 * @enabled:	SET_VRING_ENABLE; true from the start without protocol features
 *
 * Any thread may read @state; only the control thread changes it.
 *
 * Worker, while not STOPPED:
 * @vq:		the ring
 * @inflight:	requests taken and not yet pushed; queue_get()/queue_put()
 * @stopping:	a drain was asked for
 * @failed:	queue_fail() has said so
 * @task:	runs ops->queue_run()
 * @kick_op:	multishot poll of @kick_fd
 * @kick_armed:	its last completion is still to come
 * @timer_op:	stands in for kicks where there are none
 * @timer_armed: its completion is still to come
 * @worked:	ops->queue_run() has found something since the start
 * @vain_kicks:	kicks before that with nothing in the ring
 * @kick_lost:	the poll has ended by itself; the timer arms it again
 * @timer_span:	how long @timer_op waits
 * @resting:	queue_rest() was called in this turn: no kick is asked for
 */
struct queue {
	struct device *dev;
	unsigned int index;
	struct worker *worker;
	enum queue_state state;
	struct vq_setup setup;
	int kick_fd;
	int call_fd;
	int err_fd;
	bool started;
	bool enabled;
	int start_err;
	u64 stuck_ns;

	struct vq vq __cacheline_aligned;
	unsigned int inflight;
	bool stopping;
	bool failed;
	struct worker_task task;
	struct worker_op kick_op;
	bool kick_armed;
	struct worker_op timer_op;
	bool timer_armed;
	struct __kernel_timespec timer_span;
	bool kick_lost;
	bool resting;
	bool worked;
	unsigned int vain_kicks;
	struct queue_stats stats;
	struct log_limit limit;

	struct worker_msg start_msg;
	struct worker_msg drain_msg;
	struct ev_post drained;
};

/** queue_init() - as device_init() makes it: stopped, nothing set up */
void queue_init(struct queue *q, struct device *dev, unsigned int index,
		struct worker *worker);

/**
 * queue_unkick() - GET_VRING_BASE: no longer started, kick eventfd closed
 *
 * Forgets a broken ring's fault too: what comes is a ring set up anew.
 */
void queue_unkick(struct queue *q);

/** queue_reset() - as after queue_init(), descriptors closed; STOPPED only */
void queue_reset(struct queue *q);

/**
 * queue_disable() - SET_VRING_ENABLE 0 of a ring that goes on; STOPPED only
 *
 * vhost-user, "Ring states": a disabled ring is processed without side effects.
 * What is available is dropped, and nothing in the ring is touched any more
 * until its driver kicks.  For who disables a ring may free its memory without
 * having stopped it: Linux's virtio_uml does, whenever a driver goes.
 */
void queue_disable(struct queue *q);

/** queue_start() - check the ring and hand the queue to its worker; 0 or -errno */
int queue_start(struct queue *q);

/** queue_start_error() - queue_start()'s -errno in words */
const char *queue_start_error(int err);

/** queue_drain() - ask the worker to let go; device_queue_drained() follows */
void queue_drain(struct queue *q);

/** queue_get() - a request was taken (worker) */
static inline void queue_get(struct queue *q)
{
	q->inflight++;
}

/**
 * queue_put() - a request has been pushed; ends a drain at zero (worker)
 *
 * The last thing done with a request: the queue may be the control thread's
 * when this returns.
 */
void queue_put(struct queue *q);

/**
 * queue_flush() - make pushed buffers visible, signal if the driver wants it
 *
 * Runs by itself before each ops->queue_run(), and a queue_put() sees to it
 * that there is one in this turn: so what completions push is published
 * together, once.  A type that pushes in queue_run() may flush at its end; with
 * nothing pushed it does nothing.
 */
void queue_flush(struct queue *q);

/**
 * queue_rest() - for @ns nothing may be taken, whatever the driver offers
 *
 * From ops->queue_run(), which finds no work then: the queue sleeps, without
 * asking for kicks, until a timer wakes it.
 */
void queue_rest(struct queue *q, u64 ns);

/** queue_fail() - the ring broke its rules: log once, count, signal err_fd */
void queue_fail(struct queue *q);

#endif /* PV_QUEUE_H */
