// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * worker - a data-path thread: one loop over one io_uring
 *
 * Theory of operation (worker.h has the outline)
 *
 * The ring is made by the thread that uses it, since IORING_SETUP_SINGLE_ISSUER
 * binds it to its maker.  With DEFER_TASKRUN completions are only posted inside
 * io_uring_enter(), and the SQ ring's flags say when there are any; so spinning
 * is reading two words that the kernel shares, not a system call.
 *
 * Eventfds are watched by multishot poll and never read: a write wakes the
 * poll whatever the counter says, and the first poll, as any later re-arming,
 * looks at the counter, so that no write is missed between two polls.  Other
 * threads' messages are a list under a mutex, announced through such an
 * eventfd.
 *
 * A turn is bounded: as many completions as there were at its start, one run
 * of each active task.
 */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "soft_ring.h"

#define CQ_ENTRIES_PER_SQ 4

struct worker {
	/* worker's thread */
	struct io_uring ring;
	struct soft_ring *soft; /* behind @ring instead of the kernel, or NULL */
	struct list active;
	struct worker_op *completed;
	struct worker_op **completed_tail;
	u32 poll_max_ns;
	bool stop;
	u64 idle_ns;  /* end of the last turn, if it found nothing; else 0 */
	u64 clock_ns; /* of this part of the turn, 0: not read yet */
	struct worker_op signal_op;
	struct worker_op mail_op;
	struct worker_stats stats __cacheline_aligned;

	/* any thread */
	pthread_mutex_t mail_lock __cacheline_aligned; /* protects mail */
	struct list mail;
	int mail_fd;

	/* creator's */
	struct worker_conf conf;
	const char *engine;
	pthread_t thread;
	sem_t started;
	int start_err;
	bool soft_wanted;
	bool running;
};

static const u64 one = 1;

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Submission */

static bool kernel_has_completions(const struct worker *w)
{
	return IO_URING_READ_ONCE(*w->ring.sq.kflags) &
	       (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

void worker_submit(struct worker *w)
{
	if (!io_uring_sq_ready(&w->ring) && !kernel_has_completions(w))
		return;
	w->stats.enters++;
	if (unlikely(w->soft))
		soft_ring_enter(w->soft, false);
	else
		io_uring_submit_and_get_events(&w->ring);
}

static void submit_and_sleep(struct worker *w)
{
	w->stats.enters++;
	w->stats.sleeps++;
	if (unlikely(w->soft))
		soft_ring_enter(w->soft, true);
	else
		io_uring_submit_and_wait(&w->ring, 1);
}

struct io_uring_sqe *worker_sqe(struct worker *w)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);

	/* Without SQPOLL the kernel takes all entries in one call; it stops
	 * early only at an entry that it refuses, and goes on at the next.
	 */
	while (unlikely(!sqe)) {
		w->stats.overflow_submits++;
		w->stats.enters++;
		if (unlikely(w->soft))
			soft_ring_enter(w->soft, false);
		else
			io_uring_submit(&w->ring);
		sqe = io_uring_get_sqe(&w->ring);
	}
	return sqe;
}

/*
 * EAGAIN means that the counter is full: the other side has enough to read.
 * Other errors are the front end's own, and it will miss its interrupts.
 */
static void signal_done(struct worker_op *op, int res, u32 flags)
{
}

void worker_signal(struct worker *w, int event_fd)
{
	struct io_uring_sqe *sqe = worker_sqe(w);

	io_uring_prep_write(sqe, event_fd, &one, sizeof(one), 0);
	if (w->ring.features & IORING_FEAT_CQE_SKIP)
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	worker_sqe_bind(sqe, &w->signal_op);
}

/* Completions */

void worker_op_complete(struct worker *w, struct worker_op *op, int res)
{
	op->res = res;
	op->next = NULL;
	*w->completed_tail = op;
	w->completed_tail = &op->next;
}

static void reap_completed(struct worker *w)
{
	struct worker_op *op = w->completed;

	w->completed = NULL;
	w->completed_tail = &w->completed;
	while (op) {
		struct worker_op *next = op->next;

		op->done(op, op->res, 0);
		op = next;
	}
}

static void reap_ring(struct worker *w)
{
	unsigned int ready = io_uring_cq_ready(&w->ring);
	unsigned int mask = w->ring.cq.ring_mask;
	unsigned int head = *w->ring.cq.khead;
	unsigned int i;

	for (i = 0; i < ready; i++) {
		struct io_uring_cqe *cqe = &w->ring.cq.cqes[(head + i) & mask];
		struct worker_op *op = io_uring_cqe_get_data(cqe);

		op->done(op, cqe->res, cqe->flags);
	}
	if (ready)
		io_uring_cq_advance(&w->ring, ready);
}

/* Mailbox */

void worker_post(struct worker *w, struct worker_msg *msg)
{
	bool first;

	pthread_mutex_lock(&w->mail_lock);
	first = list_empty(&w->mail);
	list_add_tail(&w->mail, &msg->node);
	pthread_mutex_unlock(&w->mail_lock);

	while (first && write(w->mail_fd, &one, sizeof(one)) < 0 &&
	       errno == EINTR)
		;
}

static void mail_watch(struct worker *w)
{
	struct io_uring_sqe *sqe = worker_sqe(w);

	io_uring_prep_poll_multishot(sqe, w->mail_fd, POLLIN);
	worker_sqe_bind(sqe, &w->mail_op);
}

static void mail_done(struct worker_op *op, int res, u32 flags)
{
	struct worker *w = container_of(op, struct worker, mail_op);
	struct list todo;

	if (!(flags & IORING_CQE_F_MORE))
		mail_watch(w);
	list_init(&todo);
	pthread_mutex_lock(&w->mail_lock);
	list_splice(&todo, &w->mail);
	pthread_mutex_unlock(&w->mail_lock);
	while (!list_empty(&todo)) {
		struct worker_msg *msg =
			list_entry(todo.next, struct worker_msg, node);

		list_del(&msg->node);
		msg->run(w, msg);
	}
}

/* Tasks */

void worker_task_add(struct worker *w, struct worker_task *task)
{
	list_init(&task->node);
	task->active = false;
	task->window = (struct window){ 0 };
}

void worker_task_del(struct worker *w, struct worker_task *task)
{
	list_del(&task->node);
	task->active = false;
}

void worker_task_wake(struct worker *w, struct worker_task *task)
{
	if (task->active)
		return;
	if (w->poll_max_ns)
		window_wake(&task->window, now_ns(), w->poll_max_ns);
	task->active = true;
	list_add_tail(&w->active, &task->node);
	task->disarm(task);
}

/* The task found nothing: sleep? */
static bool task_over(struct worker *w, struct worker_task *task)
{
	w->stats.spins++;
	if (!w->poll_max_ns)
		return true;
	w->idle_ns = now_ns();
	return window_over(&task->window, w->idle_ns);
}

static void run_active(struct worker *w)
{
	struct worker_task *task, *tmp;
	bool found = false;

	w->idle_ns = 0;
	list_for_each_entry_safe(task, tmp, &w->active, node) {
		if (task->run(task)) {
			window_found(&task->window);
			found = true;
			continue;
		}
		if (!task_over(w, task) || task->arm(task))
			continue;
		list_del(&task->node);
		task->active = false;
	}
	if (found)
		w->idle_ns = 0;
}

/*
 * The last turn found nothing.  If this one comes late, somebody else had the
 * CPU meanwhile, and what we find now may be his doing: that is no reason to
 * go on looking.
 */
static void check_stolen(struct worker *w)
{
	struct worker_task *task, *tmp;

	if (now_ns() - w->idle_ns < WINDOW_STOLEN_NS)
		return;
	w->stats.stolen++;
	list_for_each_entry_safe(task, tmp, &w->active, node)
		window_close(&task->window);
}

/* The thread */

static void turn(struct worker *w)
{
	w->stats.turns++;
	if (w->idle_ns && !list_empty(&w->active))
		check_stolen(w);
	w->clock_ns = 0;
	reap_ring(w);
	reap_completed(w);
	w->clock_ns = 0;
	run_active(w);
	if (!list_empty(&w->active) || w->completed ||
	    io_uring_cq_ready(&w->ring)) {
		worker_submit(w);
		cpu_relax();
	} else if (!w->stop) {
		submit_and_sleep(w);
	}
}

/* From the newest kernel's best to the plainest. */
static const struct {
	u32 flags;
	const char *name;
} ring_kinds[] = {
	{ IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
		  IORING_SETUP_TASKRUN_FLAG, "io_uring with deferred task work" },
	{ IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	  "io_uring with cooperative task work" },
	{ 0, "plain io_uring" },
};

/*
 * Linux 5.13 brought multishot poll, and with it this feature; no feature bit
 * is multishot poll's own.
 */
static bool ring_too_old(const struct io_uring *ring)
{
	return !(ring->features & IORING_FEAT_RSRC_TAGS);
}

static int kernel_ring_create(struct worker *w)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(ring_kinds); i++) {
		struct io_uring_params params = {
			.flags = ring_kinds[i].flags | IORING_SETUP_CQSIZE |
				 IORING_SETUP_CLAMP,
			.cq_entries = w->conf.entries * CQ_ENTRIES_PER_SQ,
		};

		err = io_uring_queue_init_params(w->conf.entries, &w->ring,
						 &params);
		if (err == -EINVAL)
			continue;
		if (!err)
			log_debug("worker %u: %s, %u entries", w->conf.index,
				  ring_kinds[i].name, params.sq_entries);
		w->engine = ring_kinds[i].name;
		break;
	}
	if (err)
		return err;
	if (ring_too_old(&w->ring)) {
		io_uring_queue_exit(&w->ring);
		return -EOPNOTSUPP;
	}
	/* Saves a look-up of the descriptor a call, where it works. */
	io_uring_register_ring_fd(&w->ring);
	return 0;
}

static int ring_create(struct worker *w)
{
	if (w->soft_wanted) {
		w->engine = "threads";
		return soft_ring_create(&w->soft, &w->ring, w->conf.entries);
	}
	return kernel_ring_create(w);
}

static void ring_destroy(struct worker *w)
{
	if (w->soft)
		soft_ring_destroy(w->soft);
	else
		io_uring_queue_exit(&w->ring);
}

static void *thread_main(void *arg)
{
	struct worker *w = arg;
	char name[16];

	snprintf(name, sizeof(name), "pv-worker/%u", w->conf.index);
	pthread_setname_np(pthread_self(), name);
	w->start_err = ring_create(w);
	sem_post(&w->started);
	if (w->start_err)
		return NULL;
	mail_watch(w);
	while (!w->stop)
		turn(w);
	ring_destroy(w);
	return NULL;
}

/* Signals are the control thread's business, but for those of its own doing. */
static int thread_start(struct worker *w)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static void worker_free(struct worker *w)
{
	sem_destroy(&w->started);
	pthread_mutex_destroy(&w->mail_lock);
	free(w);
}

int worker_create(struct worker **out, const struct worker_conf *conf)
{
	struct worker *w = aligned_alloc(CACHE_LINE, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	w->conf = *conf;
	w->poll_max_ns = conf->poll_max_ns;
	w->completed_tail = &w->completed;
	w->signal_op.done = signal_done;
	w->mail_op.done = mail_done;
	list_init(&w->active);
	list_init(&w->mail);
	pthread_mutex_init(&w->mail_lock, NULL);
	sem_init(&w->started, 0, 0);

	w->mail_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->mail_fd < 0) {
		err = -errno;
		goto free_worker;
	}
	*out = w;
	return 0;

free_worker:
	worker_free(w);
	return err;
}

int worker_start(struct worker *w, enum io_engine engine)
{
	int err;

	w->soft_wanted = engine == IO_ENGINE_THREADS;
	err = thread_start(w);
	if (err)
		return err;
	while (sem_wait(&w->started))
		;
	if (w->start_err)
		pthread_join(w->thread, NULL);
	w->running = !w->start_err;
	return w->start_err;
}

static void stop_run(struct worker *w, struct worker_msg *msg)
{
	w->stop = true;
}

void worker_destroy(struct worker *w)
{
	struct worker_msg stop = { .run = stop_run };

	if (w->running) {
		worker_post(w, &stop);
		pthread_join(w->thread, NULL);
	}
	close(w->mail_fd);
	worker_free(w);
}

const struct worker_stats *worker_stats(const struct worker *w)
{
	return &w->stats;
}

u64 worker_clock_new(struct worker *w)
{
	w->clock_ns = now_ns();
	return w->clock_ns;
}

u64 worker_clock(struct worker *w)
{
	return w->clock_ns ? w->clock_ns : worker_clock_new(w);
}

unsigned int worker_index(const struct worker *w)
{
	return w->conf.index;
}

const char *worker_engine(const struct worker *w)
{
	return w->engine;
}
