/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker - a data-path thread: one loop over one io_uring
 *
 * Theory of operation
 *
 * Everything a worker waits for is an entry of its ring: kick eventfds
 * (multishot poll), disk and tap I/O, call eventfds to write, the mailbox.
 * One io_uring_enter() a turn submits and reaps all of it:
 *
 *	turn:	reap completions	op->done()
 *		run active tasks	task->run(): take a batch, prepare SQEs
 *		publish and signal	by the tasks, one call SQE a queue
 *		submit			sleeping only where no task is active
 *
 * A task is what has something to poll, in practice a queue.  It is either
 * armed (waits for its kick; costs nothing) or active (run every turn, kicks
 * suppressed).  A completion or a kick makes it active.  While it is active and
 * finds nothing, it stays so for a window; then task->arm() asks for kicks
 * again, and the task leaves the active list unless work raced in.  The window
 * adapts (window.h), down to none where work is rare or our CPU is wanted by
 * others.  So an idle device takes no CPU, and 500 idle ones do not slow a busy
 * one.
 *
 * Where the kernel refuses io_uring, soft_ring.h stands behind the same ring:
 * nobody who prepares entries sees a difference.
 *
 * Ownership: ops, tasks and the ring belong to the worker's thread.  Others
 * use worker_post() only.
 */
#ifndef PV_WORKER_H
#define PV_WORKER_H

#include <liburing.h>

#include "list.h"
#include "util.h"
#include "window.h"

struct worker;

/**
 * struct worker_op - something submitted whose completion comes back
 * @done:	called on the worker's thread with the CQE's result (-errno on
 *		error) and flags (IORING_CQE_F_MORE: multishot goes on)
 *
 * Embedded in the request it is about.
 */
struct worker_op {
	void (*done)(struct worker_op *op, int res, u32 flags);

	/* worker's own: worker_op_complete() */
	struct worker_op *next;
	int res;
};

/**
 * struct worker_task - something to run every turn while active
 * @run:	do a bounded batch; return units of work found (0: none)
 * @arm:	about to leave the active list: ask for notifications again;
 *		return true where work came meanwhile (stay active)
 * @disarm:	becoming active: suppress notifications
 */
struct worker_task {
	unsigned int (*run)(struct worker_task *task);
	bool (*arm)(struct worker_task *task);
	void (*disarm)(struct worker_task *task);

	/* worker's own */
	struct list node;
	bool active;
	struct window window;
};

/**
 * struct worker_msg - a call to run on the worker's thread, posted by others
 * @run:	called once; may start and stop tasks and ops
 */
struct worker_msg {
	void (*run)(struct worker *w, struct worker_msg *msg);
	struct list node;
};

/**
 * struct worker_stats - counters, written by the worker, read by anyone
 */
struct worker_stats {
	u64 turns;
	u64 enters;		/* io_uring_enter() calls */
	u64 sleeps;		/* of those, waiting ones */
	u64 spins;		/* turns of active tasks that found nothing */
	u64 stolen;		/* looks that the CPU was taken away from */
	u64 overflow_submits;	/* SQ ring full before the end of a turn */
};

/** enum io_engine - what stands behind a worker's ring */
enum io_engine {
	IO_ENGINE_AUTO, /* io_uring, threads where that is refused */
	IO_ENGINE_IO_URING, /* the kernel */
	IO_ENGINE_THREADS, /* soft_ring.h */
};

/**
 * struct worker_conf - how to make one
 * @index:	number, for the thread's name ("pv-worker/3") and the log
 * @poll_max_ns: upper bound of the adaptive polling window, 0: never spin
 * @entries:	SQ entries of the ring
 */
struct worker_conf {
	unsigned int index;
	u32 poll_max_ns;
	unsigned int entries;
};

/** worker_create() - all but the thread; messages may be posted; 0 or -errno */
int worker_create(struct worker **out, const struct worker_conf *conf);

/**
 * worker_start() - start the thread, which makes the ring
 *
 * May be tried again with another engine.
 *
 * Return: 0; -EOPNOTSUPP where io_uring is older than Linux 5.13; -errno.
 */
int worker_start(struct worker *w, enum io_engine engine);

/** worker_destroy() - stop the thread; nothing may be in flight any more */
void worker_destroy(struct worker *w);

/** worker_post() - from any thread: run @msg on the worker */
void worker_post(struct worker *w, struct worker_msg *msg);

/**
 * worker_sqe() - the next free submission entry
 *
 * Prepare it with io_uring_prep_*(), then bind it: older liburing clears
 * user_data when it prepares.  Submits what is there when the ring is full,
 * so there is always an entry.
 */
struct io_uring_sqe *worker_sqe(struct worker *w);

/** worker_sqe_bind() - @op->done() is called when @sqe completes */
static inline void worker_sqe_bind(struct io_uring_sqe *sqe,
				   struct worker_op *op)
{
	io_uring_sqe_set_data(sqe, op);
}

/**
 * worker_op_complete() - call @op->done(@res) in the worker's next turn
 *
 * For what needs no I/O (a null store, an error found early): the completion
 * comes as any other would, without a trip to the kernel.
 */
void worker_op_complete(struct worker *w, struct worker_op *op, int res);

/**
 * worker_signal() - write 1 to an eventfd at the end of this turn
 *
 * The descriptor must be non-blocking and stay open until worker_submit() or
 * the end of the turn.
 */
void worker_signal(struct worker *w, int event_fd);

/**
 * worker_submit() - hand what is prepared to the kernel now
 *
 * A turn ends with it anyway; for what must have happened before a descriptor
 * is given back to its owner.
 */
void worker_submit(struct worker *w);

/** worker_task_add() - make a task known; it sleeps until it is woken */
void worker_task_add(struct worker *w, struct worker_task *task);

/** worker_task_del() - no run() comes after this */
void worker_task_del(struct worker *w, struct worker_task *task);

/** worker_task_wake() - a kick or completion came: make it active */
void worker_task_wake(struct worker *w, struct worker_task *task);

const struct worker_stats *worker_stats(const struct worker *w);

/**
 * worker_clock() - nanoseconds of CLOCK_MONOTONIC, read at most twice a turn
 *
 * Once for the completions of a turn, once for its tasks; each time only where
 * somebody asks.
 */
u64 worker_clock(struct worker *w);

/** worker_clock_new() - the same, read now */
u64 worker_clock_new(struct worker *w);

/** worker_index() - worker_conf.index */
unsigned int worker_index(const struct worker *w);

/** worker_engine() - what its ring is like, in words */
const char *worker_engine(const struct worker *w);

#endif /* PV_WORKER_H */
