// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * soft_ring - an io_uring without the kernel's: for where that is refused
 *
 * Theory of operation
 *
 * Each entry becomes a job, which holds a copy of it and later its result:
 *
 *	start_call()	on one of THREADS threads: what may wait for a disk
 *	start_rw()	the same, but at once where the descriptor never waits
 *			(O_NONBLOCK: taps, eventfds)
 *	start_poll()	in an epoll set, edge-triggered where it is multishot,
 *			since an eventfd is never read here: each write to it is
 *			an edge
 *	start_timeout()	in a list ordered by time, of which the first is set in
 *			a timerfd of the epoll set
 *
 *	free -> (thread | polls | timers) -> done -> completion ring, free
 *
 * Everything belongs to the ring's thread but @finished, where the threads put
 * jobs under @lock; they write @wake_fd where the ring's thread sleeps.
 *
 * A completion waits on @done while its ring is full.  Poll events are fetched
 * only as there is room for them, so that a multishot poll needs no memory for
 * each.  Jobs are allocated in slabs and kept: the number in flight decides.
 */
#include "soft_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "block_cmd.h"
#include "list.h"
#include "pool.h"

/* As many requests as a ring has at a disk at a time. */
#define THREADS 16

#define CQ_ENTRIES_PER_SQ 4
#define SLAB_JOBS	  64
#define EVENTS_MAX	  64

/**
 * struct soft_job - an entry on its way
 * @job:	for the thread
 * @sr:		where it came from
 * @node:	in polls, timers, done, or free
 * @sqe:	the entry
 * @res:	what comes of it
 * @deadline_ns: of a timeout, CLOCK_MONOTONIC
 * @poll_fd:	of a poll: the entry's descriptor or a duplicate
 */
struct soft_job {
	struct pool_job job;
	struct soft_ring *sr;
	struct list node;
	struct io_uring_sqe sqe;
	int res;
	u64 deadline_ns;
	int poll_fd;
};

struct slab {
	struct slab *next;
	struct soft_job jobs[SLAB_JOBS];
};

/**
 * struct soft_ring - the kernel's side of @ring
 * @heads:	the ring's indices and flags, which the kernel would share
 * @batch:	for the threads, handed over at the end of enter()
 * @lock:	protects @finished and @sleeping
 * @sleeping:	@wake_fd is to be written
 */
struct soft_ring {
	struct io_uring *ring;
	struct {
		unsigned int sq_head, sq_tail, sq_flags, sq_dropped;
		unsigned int cq_head, cq_tail, cq_flags, cq_overflow;
	} heads;
	struct list polls;
	struct list timers;
	struct list done;
	struct list free;
	struct list batch;
	struct slab *slabs;
	struct pool *pool;
	int epoll_fd;
	int timer_fd;

	pthread_mutex_t lock __cacheline_aligned;
	struct list finished;
	bool sleeping;
	int wake_fd;
};

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

/* Jobs */

static int slab_add(struct soft_ring *sr)
{
	struct slab *slab = calloc(1, sizeof(*slab));
	unsigned int i;

	if (!slab)
		return -EAGAIN;
	slab->next = sr->slabs;
	sr->slabs = slab;
	for (i = 0; i < SLAB_JOBS; i++) {
		slab->jobs[i].sr = sr;
		list_add_tail(&sr->free, &slab->jobs[i].node);
	}
	return 0;
}

static struct soft_job *job_get(struct soft_ring *sr)
{
	struct soft_job *job;

	if (list_empty(&sr->free) && slab_add(sr))
		return NULL;
	job = list_entry(sr->free.next, struct soft_job, node);
	list_del(&job->node);
	return job;
}

static void job_done(struct soft_job *job, int res)
{
	job->res = res;
	list_add_tail(&job->sr->done, &job->node);
}

/* Completion ring */

static unsigned int cq_room(const struct soft_ring *sr)
{
	return sr->ring->cq.ring_entries -
	       (sr->heads.cq_tail - sr->heads.cq_head);
}

static void cq_post(struct soft_ring *sr, u64 user_data, int res, u32 flags)
{
	unsigned int at = sr->heads.cq_tail & sr->ring->cq.ring_mask;

	sr->ring->cq.cqes[at] = (struct io_uring_cqe){
		.user_data = user_data,
		.res = res,
		.flags = flags,
	};
	sr->heads.cq_tail++;
}

static void post_done(struct soft_ring *sr)
{
	while (!list_empty(&sr->done) && cq_room(sr)) {
		struct soft_job *job =
			list_entry(sr->done.next, struct soft_job, node);

		list_del(&job->node);
		if (job->res < 0 || !(job->sqe.flags & IOSQE_CQE_SKIP_SUCCESS))
			cq_post(sr, job->sqe.user_data, job->res, 0);
		list_add_tail(&sr->free, &job->node);
	}
}

/* System calls that an entry stands for: result or -errno */

static int result(ssize_t ret)
{
	return ret < 0 ? -errno : (int)ret;
}

static int call_readv(const struct io_uring_sqe *sqe, const struct iovec *iov,
		      int count)
{
	int flags = (__force int)sqe->rw_flags;
	ssize_t ret;

	ret = preadv2(sqe->fd, iov, count, (off_t)sqe->off, flags);
	/* What has no offset, such as a tap, ignores the entry's. */
	if (ret < 0 && errno == ESPIPE)
		ret = preadv2(sqe->fd, iov, count, -1, flags);
	return result(ret);
}

static int call_writev(const struct io_uring_sqe *sqe, const struct iovec *iov,
		       int count)
{
	int flags = (__force int)sqe->rw_flags;
	ssize_t ret;

	ret = pwritev2(sqe->fd, iov, count, (off_t)sqe->off, flags);
	if (ret < 0 && errno == ESPIPE)
		ret = pwritev2(sqe->fd, iov, count, -1, flags);
	return result(ret);
}

static void *sqe_pointer(const struct io_uring_sqe *sqe)
{
	return (void *)(uintptr_t)sqe->addr;
}

static int do_readv(const struct io_uring_sqe *sqe)
{
	return call_readv(sqe, sqe_pointer(sqe), (int)sqe->len);
}

static int do_writev(const struct io_uring_sqe *sqe)
{
	return call_writev(sqe, sqe_pointer(sqe), (int)sqe->len);
}

static int do_read(const struct io_uring_sqe *sqe)
{
	struct iovec iov = { sqe_pointer(sqe), sqe->len };

	return call_readv(sqe, &iov, 1);
}

static int do_write(const struct io_uring_sqe *sqe)
{
	struct iovec iov = { sqe_pointer(sqe), sqe->len };

	return call_writev(sqe, &iov, 1);
}

static int do_fsync(const struct io_uring_sqe *sqe)
{
	if (sqe->fsync_flags & IORING_FSYNC_DATASYNC)
		return result(fdatasync(sqe->fd));
	return result(fsync(sqe->fd));
}

/* As the kernel has it: mode in len, length in addr. */
static int do_fallocate(const struct io_uring_sqe *sqe)
{
	return result(fallocate(sqe->fd, (int)sqe->len, (off_t)sqe->off,
				(off_t)sqe->addr));
}

static int do_command(const struct io_uring_sqe *sqe)
{
	u64 range[2] = { sqe->addr, sqe->addr3 };

	if (sqe->cmd_op != BLOCK_URING_CMD_DISCARD)
		return -EOPNOTSUPP;
	return result(ioctl(sqe->fd, BLKDISCARD, range));
}

static int do_nothing(const struct io_uring_sqe *sqe)
{
	return 0;
}

static int (*const calls[IORING_OP_LAST])(const struct io_uring_sqe *sqe) = {
	[IORING_OP_NOP] = do_nothing,
	[IORING_OP_READV] = do_readv,
	[IORING_OP_WRITEV] = do_writev,
	[IORING_OP_READ] = do_read,
	[IORING_OP_WRITE] = do_write,
	[IORING_OP_FSYNC] = do_fsync,
	[IORING_OP_FALLOCATE] = do_fallocate,
	[IORING_OP_URING_CMD] = do_command,
};

/* Threads */

static void wake(struct soft_ring *sr)
{
	static const u64 one = 1;

	/* EAGAIN: the counter is full, so there was an edge. */
	while (write(sr->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void thread_call(struct pool_job *pj)
{
	struct soft_job *job = container_of(pj, struct soft_job, job);
	struct soft_ring *sr = job->sr;
	bool sleeping;

	job->res = calls[job->sqe.opcode](&job->sqe);
	pthread_mutex_lock(&sr->lock);
	list_add_tail(&sr->finished, &job->node);
	sleeping = sr->sleeping;
	sr->sleeping = false;
	pthread_mutex_unlock(&sr->lock);
	if (sleeping)
		wake(sr);
}

/* Takes what has finished; @sleep: true where nothing had, wakes from then on */
static bool take_finished(struct soft_ring *sr, bool sleep)
{
	bool any;

	pthread_mutex_lock(&sr->lock);
	any = list_splice(&sr->done, &sr->finished);
	sr->sleeping = sleep && !any;
	pthread_mutex_unlock(&sr->lock);
	return any;
}

/* Starting jobs, by operation */

static void start_now(struct soft_ring *sr, struct soft_job *job)
{
	job_done(job, calls[job->sqe.opcode](&job->sqe));
}

static void start_call(struct soft_ring *sr, struct soft_job *job)
{
	job->job.run = thread_call;
	list_add_tail(&sr->batch, &job->job.node);
}

static void start_rw(struct soft_ring *sr, struct soft_job *job)
{
	int flags = fcntl(job->sqe.fd, F_GETFL);

	if (flags < 0 || (flags & O_NONBLOCK))
		start_now(sr, job);
	else
		start_call(sr, job);
}

static bool is_multishot(const struct soft_job *job)
{
	return job->sqe.len & IORING_POLL_ADD_MULTI;
}

static int epoll_add(struct soft_ring *sr, struct soft_job *job)
{
	struct epoll_event event = {
		.events = job->sqe.poll32_events |
			  (is_multishot(job) ? EPOLLET : EPOLLONESHOT),
		.data.ptr = job,
	};

	if (!epoll_ctl(sr->epoll_fd, EPOLL_CTL_ADD, job->poll_fd, &event))
		return 0;
	if (errno != EEXIST)
		return -errno;
	/* An epoll set has a descriptor once; a tap is polled both ways. */
	job->poll_fd = fcntl(job->sqe.fd, F_DUPFD_CLOEXEC, 0);
	if (job->poll_fd < 0)
		return -errno;
	if (!epoll_ctl(sr->epoll_fd, EPOLL_CTL_ADD, job->poll_fd, &event))
		return 0;
	close(job->poll_fd);
	return -errno;
}

static void start_poll(struct soft_ring *sr, struct soft_job *job)
{
	int err;

	job->poll_fd = job->sqe.fd;
	err = epoll_add(sr, job);
	if (err)
		job_done(job, err);
	else
		list_add_tail(&sr->polls, &job->node);
}

static void poll_end(struct soft_ring *sr, struct soft_job *job, int res)
{
	epoll_ctl(sr->epoll_fd, EPOLL_CTL_DEL, job->poll_fd, NULL);
	if (job->poll_fd != job->sqe.fd)
		close(job->poll_fd);
	list_del(&job->node);
	job_done(job, res);
}

static void timer_set(struct soft_ring *sr)
{
	struct itimerspec spec = { 0 };
	struct soft_job *first;

	if (!list_empty(&sr->timers)) {
		first = list_entry(sr->timers.next, struct soft_job, node);
		spec.it_value.tv_sec =
			(time_t)(first->deadline_ns / 1000000000);
		spec.it_value.tv_nsec = (long)(first->deadline_ns % 1000000000);
	}
	timerfd_settime(sr->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void start_timeout(struct soft_ring *sr, struct soft_job *job)
{
	const struct __kernel_timespec *ts = sqe_pointer(&job->sqe);
	struct list *before = sr->timers.prev;

	if (job->sqe.timeout_flags || job->sqe.off) {
		job_done(job, -EINVAL);
		return;
	}
	job->deadline_ns =
		now_ns() + (u64)ts->tv_sec * 1000000000 + (u64)ts->tv_nsec;
	/* From the end: most intervals are the same. */
	while (before != &sr->timers &&
	       list_entry(before, struct soft_job, node)->deadline_ns >
		       job->deadline_ns)
		before = before->prev;
	list_add_tail(before->next, &job->node);
	if (sr->timers.next == &job->node)
		timer_set(sr);
}

static void timers_expire(struct soft_ring *sr)
{
	u64 now = now_ns();

	while (!list_empty(&sr->timers)) {
		struct soft_job *job =
			list_entry(sr->timers.next, struct soft_job, node);

		if (job->deadline_ns > now)
			break;
		list_del(&job->node);
		job_done(job, -ETIME);
	}
	timer_set(sr);
}

static struct soft_job *find(struct list *head, u64 user_data)
{
	struct soft_job *job;

	list_for_each_entry(job, head, node)
		if (job->sqe.user_data == user_data)
			return job;
	return NULL;
}

static int timeout_cancel(struct soft_ring *sr, u64 user_data)
{
	struct soft_job *job = find(&sr->timers, user_data);

	if (!job)
		return -ENOENT;
	list_del(&job->node);
	job_done(job, -ECANCELED);
	timer_set(sr);
	return 0;
}

static void start_timeout_remove(struct soft_ring *sr, struct soft_job *job)
{
	job_done(job, timeout_cancel(sr, job->sqe.addr));
}

static void start_cancel(struct soft_ring *sr, struct soft_job *job)
{
	struct soft_job *poll = find(&sr->polls, job->sqe.addr);

	if (job->sqe.cancel_flags) {
		job_done(job, -EINVAL);
		return;
	}
	if (poll) {
		poll_end(sr, poll, -ECANCELED);
		job_done(job, 0);
		return;
	}
	start_timeout_remove(sr, job);
}

static void (*const starts[IORING_OP_LAST])(struct soft_ring *sr,
					    struct soft_job *job) = {
	[IORING_OP_NOP] = start_now,
	[IORING_OP_READV] = start_rw,
	[IORING_OP_WRITEV] = start_rw,
	[IORING_OP_READ] = start_rw,
	[IORING_OP_WRITE] = start_rw,
	[IORING_OP_FSYNC] = start_call,
	[IORING_OP_FALLOCATE] = start_call,
	[IORING_OP_URING_CMD] = start_call,
	[IORING_OP_POLL_ADD] = start_poll,
	[IORING_OP_TIMEOUT] = start_timeout,
	[IORING_OP_TIMEOUT_REMOVE] = start_timeout_remove,
	[IORING_OP_ASYNC_CANCEL] = start_cancel,
};

static void start(struct soft_ring *sr, struct soft_job *job)
{
	const struct io_uring_sqe *sqe = &job->sqe;

	if (sqe->opcode >= IORING_OP_LAST || !starts[sqe->opcode] ||
	    (sqe->flags & ~IOSQE_CQE_SKIP_SUCCESS))
		job_done(job, -EINVAL);
	else
		starts[sqe->opcode](sr, job);
}

/* Entering */

static int take_entries(struct soft_ring *sr)
{
	struct io_uring_sq *sq = &sr->ring->sq;
	struct soft_job *job;
	int err = 0;

	while (sr->heads.sq_head != sq->sqe_tail) {
		job = job_get(sr);
		if (!job) {
			err = -EAGAIN;
			break;
		}
		job->sqe = sq->sqes[sr->heads.sq_head & sq->ring_mask];
		sr->heads.sq_head++;
		start(sr, job);
	}
	sq->sqe_head = sr->heads.sq_head;
	if (!list_empty(&sr->batch))
		pool_submit(sr->pool, &sr->batch);
	return err;
}

static void event_take(struct soft_ring *sr, const struct epoll_event *event)
{
	struct soft_job *job = event->data.ptr;

	/* Not a poll: the timerfd, or the eventfd, which only wakes us. */
	if (event->data.ptr == &sr->timer_fd)
		timers_expire(sr);
	else if (event->data.ptr == &sr->wake_fd)
		return;
	else if (is_multishot(job))
		cq_post(sr, job->sqe.user_data, (int)event->events,
			IORING_CQE_F_MORE);
	else
		poll_end(sr, job, (int)event->events);
}

/* An event of the timerfd or eventfd takes no room, so there is enough. */
static int take_events(struct soft_ring *sr, int timeout)
{
	unsigned int room = min(cq_room(sr), EVENTS_MAX + 0u);
	struct epoll_event events[EVENTS_MAX];
	int i, n;

	if (!room)
		return 0;
	n = epoll_wait(sr->epoll_fd, events, (int)room, timeout);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < n; i++)
		event_take(sr, &events[i]);
	return 0;
}

static bool has_completions(const struct soft_ring *sr)
{
	return sr->heads.cq_tail != sr->heads.cq_head || !list_empty(&sr->done);
}

int soft_ring_enter(struct soft_ring *sr, bool wait)
{
	int err = take_entries(sr);
	int wait_err;

	take_finished(sr, false);
	/* Room that is asked for below must not be taken by these. */
	post_done(sr);
	wait = wait && !err && !has_completions(sr);
	do {
		bool sleep = wait && !take_finished(sr, true);

		wait_err = take_events(sr, sleep ? -1 : 0);
		take_finished(sr, false);
		post_done(sr);
	} while (wait && !wait_err && !has_completions(sr));
	return err ? err : wait_err;
}

/* Birth and death */

static int ring_alloc(struct soft_ring *sr, unsigned int entries)
{
	struct io_uring *ring = sr->ring;
	unsigned int cq_entries;

	entries = entries > 1 ? 1u << (32 - __builtin_clz(entries - 1)) : 1;
	cq_entries = entries * CQ_ENTRIES_PER_SQ;
	*ring = (struct io_uring){
		.sq.khead = &sr->heads.sq_head,
		.sq.ktail = &sr->heads.sq_tail,
		.sq.kflags = &sr->heads.sq_flags,
		.sq.kdropped = &sr->heads.sq_dropped,
		.sq.sqes = calloc(entries, sizeof(struct io_uring_sqe)),
		.sq.ring_mask = entries - 1,
		.sq.ring_entries = entries,
		.cq.khead = &sr->heads.cq_head,
		.cq.ktail = &sr->heads.cq_tail,
		.cq.kflags = &sr->heads.cq_flags,
		.cq.koverflow = &sr->heads.cq_overflow,
		.cq.cqes = calloc(cq_entries, sizeof(struct io_uring_cqe)),
		.cq.ring_mask = cq_entries - 1,
		.cq.ring_entries = cq_entries,
		.features = IORING_FEAT_CQE_SKIP,
		.ring_fd = -1,
		.enter_ring_fd = -1,
	};
	/* There may always be an event that only epoll_wait() knows of. */
	sr->heads.sq_flags = IORING_SQ_TASKRUN;
	return ring->sq.sqes && ring->cq.cqes ? 0 : -ENOMEM;
}

static int watch(struct soft_ring *sr, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
				     .data.ptr = fd };

	if (*fd < 0 || epoll_ctl(sr->epoll_fd, EPOLL_CTL_ADD, *fd, &event))
		return -errno;
	return 0;
}

static int fds_open(struct soft_ring *sr)
{
	int err;

	sr->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sr->epoll_fd < 0)
		return -errno;
	sr->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = watch(sr, &sr->timer_fd);
	if (err)
		return err;
	sr->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return watch(sr, &sr->wake_fd);
}

int soft_ring_create(struct soft_ring **out, struct io_uring *ring,
		     unsigned int entries)
{
	struct soft_ring *sr = aligned_alloc(CACHE_LINE, sizeof(*sr));
	int err;

	if (!sr)
		return -ENOMEM;
	*sr = (struct soft_ring){
		.ring = ring, .epoll_fd = -1, .timer_fd = -1, .wake_fd = -1
	};
	list_init(&sr->polls);
	list_init(&sr->timers);
	list_init(&sr->done);
	list_init(&sr->free);
	list_init(&sr->batch);
	list_init(&sr->finished);
	pthread_mutex_init(&sr->lock, NULL);
	err = ring_alloc(sr, entries);
	if (!err)
		err = fds_open(sr);
	if (!err)
		err = pool_create(&sr->pool, THREADS, "pv-io");
	if (err) {
		soft_ring_destroy(sr);
		return err;
	}
	*out = sr;
	return 0;
}

static void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

void soft_ring_destroy(struct soft_ring *sr)
{
	struct slab *slab;

	if (sr->pool)
		pool_destroy(sr->pool);
	while (!list_empty(&sr->polls))
		poll_end(sr, list_entry(sr->polls.next, struct soft_job, node),
			 -ECANCELED);
	while ((slab = sr->slabs)) {
		sr->slabs = slab->next;
		free(slab);
	}
	fd_close(sr->wake_fd);
	fd_close(sr->timer_fd);
	fd_close(sr->epoll_fd);
	free(sr->ring->sq.sqes);
	free(sr->ring->cq.cqes);
	pthread_mutex_destroy(&sr->lock);
	free(sr);
}
