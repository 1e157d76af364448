// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nbd_conn - one connection to an NBD server, run by one worker
 *
 * Everything runs on the worker, but connect_run().  nbd_conn.h has the outline.
 */
#include "nbd_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "nbd_cmd.h"

#define NS_PER_S   1000000000ULL
#define CONNECT_MS 10000

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000

/**
 * struct nbd_conn - a connection
 * @nbd:	the handle, NULL: DOWN
 * @waiting, @inflight, @finished: requests, by store_remote.node
 * @in_op, @out_op: polls of the socket for reading and writing
 * @deadline_op: timeout for the first request that is due
 * @backoff_op:	timeout before the next attempt
 * @reap_op:	completes @finished outside of libnbd's callbacks
 * @busy:	NBD_BUSY_* of those with a completion to come
 * @backoff_ms:	next pause
 * @complained:	the present trouble is in the log
 * @connect_job, @result, @result_caps, @why: for the thread that connects
 * @closed:	posted at the end
 */
struct nbd_conn {
	struct nbd_shared *shared;
	struct worker *worker;
	struct nbd_handle *nbd;
	struct list waiting;
	struct list inflight;
	struct list finished;
	struct worker_op in_op;
	struct worker_op out_op;
	struct worker_op deadline_op;
	struct worker_op backoff_op;
	struct worker_op reap_op;
	struct __kernel_timespec deadline_ts;
	struct __kernel_timespec backoff_ts;
	unsigned int busy;
	unsigned int backoff_ms;
	bool complained;
	bool closing;

	struct pool_job connect_job;
	struct worker_msg connected_msg;
	struct nbd_handle *result;
	struct nbd_caps result_caps;
	char why[NBD_WHY_LEN];

	struct worker_msg close_msg;
	struct worker_msg renew_msg;
	sem_t closed;
};

#define NBD_BUSY_IN	  0x1u
#define NBD_BUSY_OUT	  0x2u
#define NBD_BUSY_DEADLINE 0x4u
#define NBD_BUSY_BACKOFF  0x8u
#define NBD_BUSY_REAP	  0x10u
#define NBD_BUSY_CONNECT  0x20u
#define NBD_BUSY_POLLS	  (NBD_BUSY_IN | NBD_BUSY_OUT)

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

static void count(u64 *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* Waiting for the socket and for time */

static void poll_start(struct nbd_conn *conn, struct worker_op *op,
		       unsigned int busy, unsigned int events)
{
	struct io_uring_sqe *sqe;

	if (conn->busy & busy)
		return;
	sqe = worker_sqe(conn->worker);
	io_uring_prep_poll_add(sqe, nbd_aio_get_fd(conn->nbd), events);
	worker_sqe_bind(sqe, op);
	conn->busy |= busy;
}

static void cancel_done(struct worker_op *op, int res, u32 flags)
{
}

static struct worker_op cancel_op = { .done = cancel_done };

static void op_cancel(struct nbd_conn *conn, struct worker_op *op,
		      unsigned int busy)
{
	struct io_uring_sqe *sqe;

	if (!(conn->busy & busy))
		return;
	sqe = worker_sqe(conn->worker);
	io_uring_prep_cancel(sqe, op, 0);
	worker_sqe_bind(sqe, &cancel_op);
}

static void timeout_start(struct nbd_conn *conn, struct worker_op *op,
			  unsigned int busy, struct __kernel_timespec *ts,
			  u64 ns)
{
	struct io_uring_sqe *sqe;

	if (conn->busy & busy)
		return;
	ts->tv_sec = (long long)(ns / NS_PER_S);
	ts->tv_nsec = (long long)(ns % NS_PER_S);
	sqe = worker_sqe(conn->worker);
	io_uring_prep_timeout(sqe, ts, 0, 0);
	worker_sqe_bind(sqe, op);
	conn->busy |= busy;
}

/* Completing requests */

static void origin_run(struct worker *w, struct worker_msg *msg)
{
	struct store_req *req = container_of(msg, struct store_req, remote.msg);

	req->done(req, req->remote.err);
}

static void complete(struct nbd_conn *conn, struct store_req *req)
{
	list_del(&req->remote.node);
	if (req->worker == conn->worker) {
		req->done(req, req->remote.err);
		return;
	}
	req->remote.msg.run = origin_run;
	worker_post(req->worker, &req->remote.msg);
}

static void reap_later(struct nbd_conn *conn)
{
	if (conn->busy & NBD_BUSY_REAP)
		return;
	conn->busy |= NBD_BUSY_REAP;
	worker_op_complete(conn->worker, &conn->reap_op, 0);
}

void nbd_cmd_finished(struct nbd_conn *conn, struct store_req *req)
{
	list_del(&req->remote.node);
	list_add_tail(&conn->finished, &req->remote.node);
	reap_later(conn);
}

/* The connection, not the request, is what went wrong. */
static bool means_lost(int err)
{
	return err == -ENOTCONN || err == -ESHUTDOWN;
}

static void close_check(struct nbd_conn *conn);
static void conn_lost(struct nbd_conn *conn, const char *why);
static void conn_watch(struct nbd_conn *conn);
static void req_start(struct nbd_conn *conn, struct store_req *req);

static void reap_done(struct worker_op *op, int res, u32 flags)
{
	struct nbd_conn *conn = container_of(op, struct nbd_conn, reap_op);
	struct store_req *req, *tmp;
	bool lost = false;

	conn->busy &= ~NBD_BUSY_REAP;
	list_for_each_entry_safe(req, tmp, &conn->finished, remote.node) {
		if (means_lost(req->remote.err)) {
			list_del(&req->remote.node);
			list_add_tail(&conn->inflight, &req->remote.node);
			lost = true;
		} else if (nbd_cmd_next(&conn->shared->caps, req)) {
			req_start(conn, req);
		} else {
			complete(conn, req);
		}
	}
	if (lost)
		conn_lost(conn, "it is shutting down");
	else if (conn->nbd)
		conn_watch(conn);
	else if (conn->closing)
		close_check(conn);
}

/* Deadlines */

static u64 first_deadline(struct nbd_conn *conn)
{
	struct list *const lists[] = { &conn->waiting, &conn->inflight };
	struct store_req *req;
	u64 first = UINT64_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		list_for_each_entry(req, lists[i], remote.node)
			first = min(first, req->remote.deadline_ns);
	return first;
}

static void deadline_watch(struct nbd_conn *conn, u64 deadline)
{
	u64 now = now_ns();

	timeout_start(conn, &conn->deadline_op, NBD_BUSY_DEADLINE,
		      &conn->deadline_ts, deadline > now ? deadline - now : 1);
}

static bool any_due(const struct list *head, u64 now)
{
	struct store_req *req;

	list_for_each_entry(req, head, remote.node)
		if (req->remote.deadline_ns <= now)
			return true;
	return false;
}

static void fail_due(struct nbd_conn *conn, u64 now)
{
	struct store_req *req, *tmp;

	list_for_each_entry_safe(req, tmp, &conn->waiting, remote.node) {
		if (req->remote.deadline_ns > now)
			continue;
		count(&conn->shared->stats.timeouts);
		req->remote.err = -ETIMEDOUT;
		complete(conn, req);
	}
}

static void deadline_done(struct worker_op *op, int res, u32 flags)
{
	struct nbd_conn *conn = container_of(op, struct nbd_conn, deadline_op);
	u64 now = now_ns();
	u64 next;

	conn->busy &= ~NBD_BUSY_DEADLINE;
	if (conn->closing) {
		close_check(conn);
		return;
	}
	if (any_due(&conn->inflight, now))
		conn_lost(conn, "it does not answer");
	fail_due(conn, now);
	next = first_deadline(conn);
	if (next != UINT64_MAX)
		deadline_watch(conn, next);
}

/* UP */

static void req_start(struct nbd_conn *conn, struct store_req *req)
{
	list_del(&req->remote.node);
	list_add_tail(&conn->inflight, &req->remote.node);
	nbd_cmd_start(conn, conn->nbd, &conn->shared->caps, req);
}

/* What may have changed by any call of libnbd. */
static void conn_watch(struct nbd_conn *conn)
{
	if (nbd_aio_is_dead(conn->nbd) || nbd_aio_is_closed(conn->nbd)) {
		conn_lost(conn, "the connection was closed");
		return;
	}
	poll_start(conn, &conn->in_op, NBD_BUSY_IN, POLLIN);
	if (nbd_aio_get_direction(conn->nbd) & LIBNBD_AIO_DIRECTION_WRITE)
		poll_start(conn, &conn->out_op, NBD_BUSY_OUT, POLLOUT);
}

static void conn_up(struct nbd_conn *conn, struct nbd_handle *nbd)
{
	struct store_req *req, *tmp;

	conn->nbd = nbd;
	conn->backoff_ms = BACKOFF_MIN_MS;
	count(&conn->shared->stats.connects);
	if (conn->complained)
		log_notice("%s: nbd-uri=%s: connected again",
			   conn->shared->name, conn->shared->uri);
	conn->complained = false;
	list_for_each_entry_safe(req, tmp, &conn->waiting, remote.node)
		req_start(conn, req);
	conn_watch(conn);
}

static void connect_start(struct nbd_conn *conn);

/*
 * To be asked before each nbd_aio_notify_read(): one that finds nothing leaves
 * libnbd in the middle of an answer, where it sends no command.
 */
static bool readable(struct nbd_handle *nbd)
{
	struct pollfd p = { .fd = nbd_aio_get_fd(nbd), .events = POLLIN };

	return (nbd_aio_get_direction(nbd) & LIBNBD_AIO_DIRECTION_READ) &&
	       poll(&p, 1, 0) == 1;
}

static void in_done(struct worker_op *op, int res, u32 flags)
{
	struct nbd_conn *conn = container_of(op, struct nbd_conn, in_op);

	conn->busy &= ~NBD_BUSY_IN;
	if (!conn->nbd) {
		connect_start(conn);
		return;
	}
	/* One call takes one answer; there may be more. */
	while (nbd_aio_notify_read(conn->nbd) == 0 && readable(conn->nbd))
		;
	conn_watch(conn);
}

static void out_done(struct worker_op *op, int res, u32 flags)
{
	struct nbd_conn *conn = container_of(op, struct nbd_conn, out_op);

	conn->busy &= ~NBD_BUSY_OUT;
	if (!conn->nbd) {
		connect_start(conn);
		return;
	}
	if (nbd_aio_get_direction(conn->nbd) & LIBNBD_AIO_DIRECTION_WRITE)
		nbd_aio_notify_write(conn->nbd);
	conn_watch(conn);
}

/* DOWN */

static void complain(struct nbd_conn *conn, const char *why)
{
	if (conn->complained)
		return;
	conn->complained = true;
	log_warn("%s: nbd-uri=%s: %s; requests wait up to %u s for it",
		 conn->shared->name, conn->shared->uri, why,
		 conn->shared->timeout_s);
}

static void handle_close(struct nbd_conn *conn)
{
	struct nbd_handle *nbd = conn->nbd;

	if (!nbd)
		return;
	conn->nbd = NULL;
	op_cancel(conn, &conn->in_op, NBD_BUSY_IN);
	op_cancel(conn, &conn->out_op, NBD_BUSY_OUT);
	/* Before the descriptor is closed, and perhaps another's. */
	worker_submit(conn->worker);
	nbd_close(nbd);
}

static void wait_again(struct nbd_conn *conn, struct store_req *req)
{
	list_del(&req->remote.node);
	list_add_tail(&conn->waiting, &req->remote.node);
	nbd_cmd_reset(req);
	count(&conn->shared->stats.interrupted);
}

static void conn_lost(struct nbd_conn *conn, const char *why)
{
	struct store_req *req, *tmp;

	if (!conn->nbd)
		return;
	count(&conn->shared->stats.losses);
	if (!conn->closing)
		complain(conn, why);
	handle_close(conn);
	list_for_each_entry_safe(req, tmp, &conn->inflight, remote.node)
		wait_again(conn, req);
	/* libnbd has answered some for a server that did not. */
	list_for_each_entry_safe(req, tmp, &conn->finished, remote.node)
		if (means_lost(req->remote.err))
			wait_again(conn, req);
	connect_start(conn);
}

static void connect_run(struct pool_job *job)
{
	struct nbd_conn *conn = container_of(job, struct nbd_conn, connect_job);
	struct nbd_shared *shared = conn->shared;

	conn->result = NULL;
	if (nbd_link_open(&conn->result, &conn->result_caps, shared->uri,
			  CONNECT_MS, &shared->stop, conn->why) == 0 &&
	    !nbd_caps_keep(&shared->caps, &conn->result_caps, conn->why)) {
		nbd_close(conn->result);
		conn->result = NULL;
	}
	worker_post(conn->worker, &conn->connected_msg);
}

/* Once the old socket's polls are over. */
static void connect_start(struct nbd_conn *conn)
{
	struct list jobs;

	if (conn->closing) {
		close_check(conn);
		return;
	}
	if (conn->busy & (NBD_BUSY_POLLS | NBD_BUSY_CONNECT | NBD_BUSY_BACKOFF))
		return;
	conn->busy |= NBD_BUSY_CONNECT;
	list_init(&jobs);
	list_add_tail(&jobs, &conn->connect_job.node);
	pool_submit(conn->shared->pool, &jobs);
}

static void connected_run(struct worker *w, struct worker_msg *msg)
{
	struct nbd_conn *conn =
		container_of(msg, struct nbd_conn, connected_msg);

	conn->busy &= ~NBD_BUSY_CONNECT;
	if (conn->closing) {
		if (conn->result)
			nbd_close(conn->result);
		close_check(conn);
		return;
	}
	if (conn->result) {
		conn_up(conn, conn->result);
		return;
	}
	complain(conn, conn->why);
	timeout_start(conn, &conn->backoff_op, NBD_BUSY_BACKOFF,
		      &conn->backoff_ts, conn->backoff_ms * 1000000ULL);
	conn->backoff_ms = min(2 * conn->backoff_ms, BACKOFF_MAX_MS + 0u);
}

static void backoff_done(struct worker_op *op, int res, u32 flags)
{
	struct nbd_conn *conn = container_of(op, struct nbd_conn, backoff_op);

	conn->busy &= ~NBD_BUSY_BACKOFF;
	connect_start(conn);
}

/* From outside */

void nbd_conn_submit(struct nbd_conn *conn, struct store_req *req)
{
	u64 deadline = now_ns() + conn->shared->timeout_s * NS_PER_S;

	nbd_cmd_reset(req);
	req->remote.deadline_ns = deadline;
	list_add_tail(&conn->waiting, &req->remote.node);
	deadline_watch(conn, deadline);
	if (!conn->nbd)
		return;
	req_start(conn, req);
	conn_watch(conn);
}

struct worker *nbd_conn_worker(const struct nbd_conn *conn)
{
	return conn->worker;
}

static void renew_run(struct worker *w, struct worker_msg *msg)
{
	struct nbd_conn *conn = container_of(msg, struct nbd_conn, renew_msg);

	conn_lost(conn, "its size has changed");
}

void nbd_conn_renew(struct nbd_conn *conn)
{
	worker_post(conn->worker, &conn->renew_msg);
}

static void close_check(struct nbd_conn *conn)
{
	if (!conn->busy)
		sem_post(&conn->closed);
}

static void close_run(struct worker *w, struct worker_msg *msg)
{
	struct nbd_conn *conn = container_of(msg, struct nbd_conn, close_msg);

	conn->closing = true;
	handle_close(conn);
	op_cancel(conn, &conn->deadline_op, NBD_BUSY_DEADLINE);
	op_cancel(conn, &conn->backoff_op, NBD_BUSY_BACKOFF);
	close_check(conn);
}

struct nbd_conn *nbd_conn_create(struct nbd_shared *shared, struct worker *w)
{
	struct nbd_conn *conn = calloc(1, sizeof(*conn));
	struct nbd_handle *spare;

	if (!conn)
		return NULL;
	conn->shared = shared;
	conn->worker = w;
	list_init(&conn->waiting);
	list_init(&conn->inflight);
	list_init(&conn->finished);
	conn->in_op.done = in_done;
	conn->out_op.done = out_done;
	conn->deadline_op.done = deadline_done;
	conn->backoff_op.done = backoff_done;
	conn->reap_op.done = reap_done;
	conn->backoff_ms = BACKOFF_MIN_MS;
	conn->connect_job.run = connect_run;
	conn->connected_msg.run = connected_run;
	conn->close_msg.run = close_run;
	conn->renew_msg.run = renew_run;
	sem_init(&conn->closed, 0, 0);
	spare = __atomic_exchange_n(&shared->spare, NULL, __ATOMIC_ACQ_REL);
	if (spare)
		conn_up(conn, spare);
	else
		connect_start(conn);
	return conn;
}

void nbd_conn_destroy(struct nbd_conn *conn)
{
	worker_post(conn->worker, &conn->close_msg);
	while (sem_wait(&conn->closed))
		;
	sem_destroy(&conn->closed);
	free(conn);
}
