// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_nbd - a disk at an NBD server, through libnbd
 *
 * Theory of operation
 *
 * Where the server says that its connections see each other's writes
 * (CAN_MULTI_CONN), each worker has one of its own (nbd_conn.h), made at its
 * first request.  Else there is one, of the worker that came first; others post
 * their requests to it and get them back the same way.
 *
 * @conns[i] is written by worker i alone, @home once, by whoever is first.  The
 * control thread looks at them when no request is left.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_given.h"
#include "log.h"
#include "nbd_cmd.h"
#include "nbd_conn.h"
#include "stats_table.h"
#include "store.h"

#define WORKERS_MAX 256

#define RANGE_MAX (1ULL << 31)

/* Larger ones are a server's wish, not its disk's unit. */
#define PREFERRED_MAX 65536u

/* At the start, and when asked for the size: somebody waits. */
#define OPEN_MS	   10000
#define REFRESH_MS 2000

/**
 * struct nbd_store - a disk at a server
 * @home:	NULL until the first request; unused with CAN_MULTI_CONN
 */
struct nbd_store {
	struct store st;
	struct nbd_shared shared;
	struct nbd_conn *home;
	struct nbd_conn *conns[WORKERS_MAX];
};

static struct nbd_store *nbd_store(struct store *st)
{
	return container_of(st, struct nbd_store, st);
}

/* Of worker @w; NULL without memory */
static struct nbd_conn *conn_own(struct nbd_store *ns, struct worker *w)
{
	struct nbd_conn **conn = &ns->conns[worker_index(w)];

	if (unlikely(!*conn))
		__atomic_store_n(conn, nbd_conn_create(&ns->shared, w),
				 __ATOMIC_RELEASE);
	return *conn;
}

static struct nbd_conn *conn_home(struct nbd_store *ns, struct worker *w)
{
	struct nbd_conn *home = __atomic_load_n(&ns->home, __ATOMIC_ACQUIRE);
	struct nbd_conn *none = NULL;

	if (likely(home))
		return home;
	home = conn_own(ns, w);
	/* Whoever loses keeps a connection that it does not use. */
	if (home &&
	    !__atomic_compare_exchange_n(&ns->home, &none, home, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return none;
	return home;
}

static void forwarded_run(struct worker *w, struct worker_msg *msg)
{
	struct store_req *req = container_of(msg, struct store_req, remote.msg);

	nbd_conn_submit(req->remote.conn, req);
}

/* The part of a discard that consists of the server's blocks. */
static void shrink_to_blocks(const struct nbd_caps *caps, struct store_req *req)
{
	u64 mask = caps->block_min - 1;
	u64 start = (req->offset + mask) & ~mask;
	u64 end = (req->offset + req->len) & ~mask;

	req->offset = start;
	req->len = end > start ? end - start : 0;
}

static int nbd_submit(struct store *st, struct worker *w, struct store_req *req)
{
	struct nbd_store *ns = nbd_store(st);
	const struct nbd_caps *caps = &ns->shared.caps;
	struct nbd_conn *conn;

	req->store = st;
	req->worker = w;
	req->path = STORE_PATH_NONE;
	req->pos = 0;
	req->phase = 0;
	req->retries = 0;
	if (req->op == STORE_FLUSH && !caps->flush)
		return 0;
	if (req->op == STORE_DISCARD) {
		shrink_to_blocks(caps, req);
		if (!req->len)
			return 0;
	} else if (req->op != STORE_FLUSH && !nbd_cmd_fits(caps, req)) {
		return -EINVAL;
	}
	conn = caps->multi_conn ? conn_own(ns, w) : conn_home(ns, w);
	if (unlikely(!conn))
		return -ENOMEM;
	if (nbd_conn_worker(conn) == w) {
		nbd_conn_submit(conn, req);
		return -EINPROGRESS;
	}
	req->remote.conn = conn;
	req->remote.msg.run = forwarded_run;
	worker_post(nbd_conn_worker(conn), &req->remote.msg);
	return -EINPROGRESS;
}

/* A flush of the control thread's, which waits for it. */
struct sync {
	struct worker_msg msg;
	struct store_req req;
	struct nbd_conn *conn;
	sem_t done;
	int err;
};

static void sync_done(struct store_req *req, int err)
{
	struct sync *sync = container_of(req, struct sync, req);

	sync->err = err;
	sem_post(&sync->done);
}

static void sync_run(struct worker *w, struct worker_msg *msg)
{
	struct sync *sync = container_of(msg, struct sync, msg);

	sync->req.worker = w;
	nbd_conn_submit(sync->conn, &sync->req);
}

static struct nbd_conn *any_conn(struct nbd_store *ns)
{
	for (unsigned int i = 0; i < WORKERS_MAX; i++) {
		struct nbd_conn *conn =
			__atomic_load_n(&ns->conns[i], __ATOMIC_ACQUIRE);

		if (conn)
			return conn;
	}
	return NULL;
}

/* With several connections, a flush of one is for the writes of all. */
static int nbd_sync(struct store *st)
{
	struct nbd_store *ns = nbd_store(st);
	struct sync sync = {
		.msg.run = sync_run,
		.req = { .op = STORE_FLUSH, .done = sync_done, .store = st },
		.conn = ns->shared.caps.multi_conn ? any_conn(ns) : ns->home,
	};

	if (!ns->shared.caps.flush || !sync.conn)
		return 0;
	sem_init(&sync.done, 0, 0);
	worker_post(nbd_conn_worker(sync.conn), &sync.msg);
	while (sem_wait(&sync.done))
		;
	sem_destroy(&sync.done);
	return sync.err;
}

/* A server tells the size only once a connection. */
static bool nbd_refresh(struct store *st)
{
	struct nbd_store *ns = nbd_store(st);
	struct nbd_handle *nbd;
	struct nbd_caps caps;
	char why[NBD_WHY_LEN];
	bool stop = false;
	u64 size;

	if (nbd_link_open(&nbd, &caps, ns->shared.uri, REFRESH_MS, &stop,
			  why)) {
		log_warn("%s: nbd-uri=%s: the size cannot be read: %s",
			 ns->shared.name, ns->shared.uri, why);
		return false;
	}
	nbd_close(nbd);
	size = caps.size & ~511ULL;
	if (size == st->limits.capacity)
		return false;
	WRITE_ONCE(ns->shared.caps.size, caps.size);
	WRITE_ONCE(st->limits.capacity, size);
	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		if (__atomic_load_n(&ns->conns[i], __ATOMIC_ACQUIRE))
			nbd_conn_renew(ns->conns[i]);
	return true;
}

static void nbd_store_stats(const struct store *st, struct stats_sources *out)
{
	const struct nbd_store *ns = container_of(st, struct nbd_store, st);

	out->base[STATS_NBD] = &ns->shared.stats;
}

static void nbd_store_close(struct store *st)
{
	struct nbd_store *ns = nbd_store(st);

	WRITE_ONCE(ns->shared.stop, true);
	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		if (ns->conns[i])
			nbd_conn_destroy(ns->conns[i]);
	if (ns->shared.pool)
		pool_destroy(ns->shared.pool);
	if (ns->shared.spare)
		nbd_close(ns->shared.spare);
	free(ns->shared.uri);
	free(ns);
}

static int nbd_start(struct store *st)
{
	struct nbd_shared *shared = &nbd_store(st)->shared;
	int err = pool_create(&shared->pool, 1, "pv-nbd");

	if (err)
		log_err("%s: no thread for NBD connections: %s", shared->name,
			strerror(-err));
	return err;
}

static int check(const struct nbd_caps *caps, const struct conf_device *conf)
{
	if (caps->read_only && !conf->read_only) {
		conf_err(
			conf, "nbd-uri",
			"the server's export is read-only; read-only would only read it");
		return -EROFS;
	}
	if (caps->size < 512) {
		conf_err(conf, "nbd-uri",
			 "the export is %llu bytes; a disk is at least 512",
			 (unsigned long long)caps->size);
		return -EINVAL;
	}
	if (conf->block_size && conf->block_size < caps->block_min) {
		conf_err(conf, "block-size",
			 "the server wants blocks of %u bytes or more",
			 caps->block_min);
		return -EINVAL;
	}
	if (!caps->flush && !conf->read_only)
		conf_log(
			LOG_WARNING, conf, "nbd-uri",
			"the server cannot flush: what is written may be lost when it crashes");
	return 0;
}

static void set_limits(struct nbd_store *ns, const struct conf_device *conf)
{
	const struct nbd_caps *caps = &ns->shared.caps;
	u32 preferred = min(caps->block_preferred, PREFERRED_MAX);
	u32 block = conf->block_size;

	if (!block)
		block = max(caps->block_min, 512u);
	ns->st.limits = (struct store_limits){
		.capacity = caps->size & ~511ULL,
		.block_size = block,
		.physical_size = max(preferred, block),
		.discard_align = caps->trim && !conf->read_only ?
					 max(caps->block_preferred, block) :
					 0,
		.discard_max = RANGE_MAX,
		.write_zeroes_max = caps->zero && !conf->read_only ? RANGE_MAX :
								     0,
		.read_only = conf->read_only,
		.bounces = caps->block_min > 1,
	};
}

static int nbd_open(struct store **out, const struct conf_device *conf)
{
	struct nbd_store *ns = calloc(1, sizeof(*ns));
	struct nbd_shared *shared;
	char why[NBD_WHY_LEN];
	int err;

	if (!ns)
		return -ENOMEM;
	shared = &ns->shared;
	shared->name = conf->name;
	shared->timeout_s = conf->nbd_timeout;
	err = nbd_uri_resolve(conf->nbd_uri, &shared->uri, why);
	if (!err)
		err = nbd_link_open(&shared->spare, &shared->caps, shared->uri,
				    OPEN_MS, &shared->stop, why);
	if (err) {
		conf_err(conf, "nbd-uri", "%s", why);
		goto free_store;
	}
	err = check(&shared->caps, conf);
	if (err)
		goto close_link;
	ns->st.ops = &store_nbd_ops;
	set_limits(ns, conf);
	*out = &ns->st;
	return 0;

close_link:
	nbd_close(shared->spare);
free_store:
	free(shared->uri);
	free(ns);
	return err;
}

const struct store_ops store_nbd_ops = {
	.name = "nbd",
	.open = nbd_open,
	.start = nbd_start,
	.submit = nbd_submit,
	.sync = nbd_sync,
	.refresh = nbd_refresh,
	.stats = nbd_store_stats,
	.close = nbd_store_close,
};
