// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fake_worker - the data path's thread for fuzz targets: no thread, no io_uring
 *
 * Theory of operation
 *
 * What tasks and ops prepare is worked off when a turn ends, in its order: a
 * poll or a timer waits in pending[] until fake_worker_wake() or a cancellation
 * takes it out, a write to an eventfd is made.  Completions wait in a list for
 * the next turn, as they would in a ring.
 */
#include "fake_worker.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "fuzz.h"

#define SQES	    64
#define PENDING_MAX 256

/* A completion to deliver, or an operation that waits. */
struct entry {
	struct worker_op *op;
	int res;
	u32 flags;
	bool multishot;
};

struct worker {
	struct list active;
	struct list mail;
	struct worker_op *completed;
	struct worker_op **completed_tail;
	unsigned int num_tasks;
	struct io_uring_sqe sqes[SQES];
	unsigned int num_sqes;
	struct entry pending[PENDING_MAX];
	unsigned int num_pending;
	struct entry done[PENDING_MAX];
	unsigned int num_done;
	struct worker_stats stats;
	u64 clock_ns;
};

static struct worker the_worker = {
	.active = { &the_worker.active, &the_worker.active },
	.mail = { &the_worker.mail, &the_worker.mail },
	.completed_tail = &the_worker.completed,
};

struct worker *fake_worker(void)
{
	return &the_worker;
}

/* Operations */

static void complete(struct worker *w, struct entry e)
{
	FUZZ_CHECK(w->num_done < PENDING_MAX);
	w->done[w->num_done++] = e;
}

static void wait_for(struct worker *w, const struct io_uring_sqe *sqe)
{
	FUZZ_CHECK(w->num_pending < PENDING_MAX);
	w->pending[w->num_pending++] = (struct entry){
		.op = (struct worker_op *)(uintptr_t)sqe->user_data,
		.multishot = sqe->opcode == IORING_OP_POLL_ADD &&
			     (sqe->len & IORING_POLL_ADD_MULTI),
	};
}

static void cancel(struct worker *w, const struct io_uring_sqe *sqe)
{
	unsigned int i;

	for (i = 0; i < w->num_pending; i++)
		if ((u64)(uintptr_t)w->pending[i].op == sqe->addr)
			break;
	if (i < w->num_pending) {
		w->pending[i].res = -ECANCELED;
		complete(w, w->pending[i]);
		w->pending[i] = w->pending[--w->num_pending];
	}
	complete(w, (struct entry){
		.op = (struct worker_op *)(uintptr_t)sqe->user_data,
		.res = i < w->num_pending ? 0 : -ENOENT,
	});
}

static void signal_eventfd(const struct io_uring_sqe *sqe)
{
	/* A front end may have given anything: it is its own loss. */
	if (write(sqe->fd, (void *)(uintptr_t)sqe->addr, sqe->len) < 0)
		return;
}

static void submit_one(struct worker *w, const struct io_uring_sqe *sqe)
{
	switch (sqe->opcode) {
	case IORING_OP_POLL_ADD:
	case IORING_OP_TIMEOUT:
		wait_for(w, sqe);
		break;
	case IORING_OP_ASYNC_CANCEL:
	case IORING_OP_TIMEOUT_REMOVE:
		cancel(w, sqe);
		break;
	case IORING_OP_WRITE:
		signal_eventfd(sqe);
		break;
	default:
		FUZZ_CHECK(!"an operation that no target's device uses");
	}
}

void worker_submit(struct worker *w)
{
	for (unsigned int i = 0; i < w->num_sqes; i++)
		submit_one(w, &w->sqes[i]);
	w->num_sqes = 0;
}

struct io_uring_sqe *worker_sqe(struct worker *w)
{
	if (w->num_sqes == SQES)
		worker_submit(w);
	return &w->sqes[w->num_sqes++];
}

void worker_signal(struct worker *w, int event_fd)
{
	static const u64 one = 1;

	io_uring_prep_write(worker_sqe(w), event_fd, &one, sizeof(one), 0);
}

void worker_op_complete(struct worker *w, struct worker_op *op, int res)
{
	op->res = res;
	op->next = NULL;
	*w->completed_tail = op;
	w->completed_tail = &op->next;
}

static bool reap_completed(struct worker *w)
{
	struct worker_op *op = w->completed;
	bool any = op;

	w->completed = NULL;
	w->completed_tail = &w->completed;
	while (op) {
		struct worker_op *next = op->next;

		op->done(op, op->res, 0);
		op = next;
	}
	return any;
}

static bool reap_done(struct worker *w)
{
	struct entry done[PENDING_MAX];
	unsigned int n = w->num_done;

	memcpy(done, w->done, n * sizeof(done[0]));
	w->num_done = 0;
	for (unsigned int i = 0; i < n; i++)
		done[i].op->done(done[i].op, done[i].res, done[i].flags);
	return n;
}

void fake_worker_wake(void)
{
	struct worker *w = &the_worker;
	unsigned int i, kept = 0;

	for (i = 0; i < w->num_pending; i++) {
		struct entry e = w->pending[i];

		e.res = POLLIN;
		e.flags = e.multishot ? IORING_CQE_F_MORE : 0;
		complete(w, e);
		if (e.multishot)
			w->pending[kept++] = w->pending[i];
	}
	w->num_pending = kept;
}

/* Messages */

void worker_post(struct worker *w, struct worker_msg *msg)
{
	list_add_tail(&w->mail, &msg->node);
}

static bool read_mail(struct worker *w)
{
	bool any = false;

	while (!list_empty(&w->mail)) {
		struct worker_msg *msg =
			list_entry(w->mail.next, struct worker_msg, node);

		list_del(&msg->node);
		msg->run(w, msg);
		any = true;
	}
	return any;
}

/* Tasks */

void worker_task_add(struct worker *w, struct worker_task *task)
{
	list_init(&task->node);
	task->active = false;
	w->num_tasks++;
}

void worker_task_del(struct worker *w, struct worker_task *task)
{
	list_del(&task->node);
	task->active = false;
	w->num_tasks--;
}

void worker_task_wake(struct worker *w, struct worker_task *task)
{
	if (task->active)
		return;
	task->active = true;
	list_add_tail(&w->active, &task->node);
	task->disarm(task);
}

static bool run_active(struct worker *w)
{
	struct worker_task *task, *tmp;
	bool any = false;

	list_for_each_entry_safe(task, tmp, &w->active, node) {
		if (task->run(task)) {
			any = true;
			continue;
		}
		if (task->arm(task))
			continue;
		list_del(&task->node);
		task->active = false;
	}
	return any;
}

bool fake_worker_turn(void)
{
	struct worker *w = &the_worker;
	bool any;

	any = read_mail(w);
	any |= reap_done(w);
	any |= reap_completed(w);
	any |= run_active(w);
	worker_submit(w);
	return any || w->num_done || w->completed;
}

bool fake_worker_idle(void)
{
	const struct worker *w = &the_worker;

	return !w->num_tasks && !w->num_pending && !w->num_done &&
	       !w->completed && !w->num_sqes && list_empty(&w->mail);
}

/* Time passes when somebody looks, so that a run is the same each time. */
u64 worker_clock_new(struct worker *w)
{
	w->clock_ns += 1000;
	return w->clock_ns;
}

u64 worker_clock(struct worker *w)
{
	return w->clock_ns;
}

/* What main() makes, and no target does. */

int worker_create(struct worker **out, const struct worker_conf *conf)
{
	return -ENOSYS;
}

void worker_destroy(struct worker *w)
{
}

const struct worker_stats *worker_stats(const struct worker *w)
{
	return &w->stats;
}
