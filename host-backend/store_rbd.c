// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_rbd - a disk that is an image in a Ceph cluster, through librbd
 *
 * Theory of operation
 *
 * librbd has threads of its own, which do the work and call completed() when a
 * request is done; that posts it back to the worker that it came from.  librbd
 * takes scattered memory as it is.
 *
 * librbd's cache is off: it says that a write is done before the cluster has it,
 * and a guest that outlives this process would lose what is in it.  A durable
 * write, and durable zeroes, are followed by a flush all the same
 * (store_req.phase), for what else may sit between librbd and the disks.
 *
 * A cluster that does not answer is waited for, as Ceph's own clients do, unless
 * its configuration sets rados_osd_op_timeout.
 */
#include <errno.h>
#include <rbd/librbd.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_given.h"
#include "log.h"
#include "store.h"

#define RANGE_MAX (1ULL << 31)

/* What librbd leaves alone in a discard that is smaller (its default). */
#define DISCARD_GRANULARITY 65536u

/* Seconds until an unreachable cluster is an error, at the start. */
#define MOUNT_TIMEOUT "10"

enum phase {
	PHASE_DATA,
	PHASE_FLUSH,
};

/** struct rbd_store - an open image */
struct rbd_store {
	struct store st;
	const char *name;
	rados_t cluster;
	rados_ioctx_t pool;
	rbd_image_t image;
};

static struct rbd_store *rbd_store(struct store *st)
{
	return container_of(st, struct rbd_store, st);
}

/* Requests */

static int start(struct rbd_store *rs, struct store_req *req);

static bool wants_flush(const struct store_req *req)
{
	return req->fua && req->phase == PHASE_DATA &&
	       (req->op == STORE_WRITE || req->op == STORE_WRITE_ZEROES ||
		req->op == STORE_WRITE_ZEROES_UNMAP);
}

/* On the request's worker. */
static void completed_run(struct worker *w, struct worker_msg *msg)
{
	struct store_req *req = container_of(msg, struct store_req, remote.msg);
	int err = req->remote.err;

	if (!err && wants_flush(req)) {
		req->phase = PHASE_FLUSH;
		err = start(rbd_store(req->store), req);
		if (!err)
			return;
	}
	req->done(req, err);
}

/* On a thread of librbd's. */
static void completed(rbd_completion_t c, void *arg)
{
	struct store_req *req = arg;
	ssize_t ret = rbd_aio_get_return_value(c);

	rbd_aio_release(c);
	/* A read says how many bytes there were; fewer: it shrank under us. */
	if (ret >= 0 && req->op == STORE_READ)
		req->remote.err = (u64)ret == req->len ? 0 : -EIO;
	else
		req->remote.err = ret < 0 ? (int)ret : 0;
	worker_post(req->worker, &req->remote.msg);
}

static int start_read(struct rbd_store *rs, struct store_req *req,
		      rbd_completion_t c)
{
	req->path = STORE_PATH_DIRECT;
	return rbd_aio_readv(rs->image, req->data.iov, (int)req->data.count,
			     req->offset, c);
}

static int start_write(struct rbd_store *rs, struct store_req *req,
		       rbd_completion_t c)
{
	req->path = STORE_PATH_DIRECT;
	return rbd_aio_writev(rs->image, req->data.iov, (int)req->data.count,
			      req->offset, c);
}

static int start_flush(struct rbd_store *rs, struct store_req *req,
		       rbd_completion_t c)
{
	return rbd_aio_flush(rs->image, c);
}

static int start_discard(struct rbd_store *rs, struct store_req *req,
			 rbd_completion_t c)
{
	return rbd_aio_discard(rs->image, req->offset, req->len, c);
}

static int start_zeroes(struct rbd_store *rs, struct store_req *req,
			rbd_completion_t c)
{
	int flags = req->op == STORE_WRITE_ZEROES ?
			    RBD_WRITE_ZEROES_FLAG_THICK_PROVISION :
			    0;

	return rbd_aio_write_zeroes(rs->image, req->offset, req->len, c, flags,
				    0);
}

static int (*const starts[])(struct rbd_store *rs, struct store_req *req,
			     rbd_completion_t c) = {
	[STORE_READ] = start_read,
	[STORE_WRITE] = start_write,
	[STORE_FLUSH] = start_flush,
	[STORE_DISCARD] = start_discard,
	[STORE_WRITE_ZEROES] = start_zeroes,
	[STORE_WRITE_ZEROES_UNMAP] = start_zeroes,
};

/* 0: completed_run() follows */
static int start(struct rbd_store *rs, struct store_req *req)
{
	rbd_completion_t c;
	int err;

	req->remote.msg.run = completed_run;
	err = rbd_aio_create_completion(req, completed, &c);
	if (err)
		return err;
	if (req->phase == PHASE_FLUSH)
		err = start_flush(rs, req, c);
	else
		err = starts[req->op](rs, req, c);
	if (err)
		rbd_aio_release(c);
	return err;
}

static int rbd_submit(struct store *st, struct worker *w, struct store_req *req)
{
	int err;

	req->store = st;
	req->worker = w;
	req->path = STORE_PATH_NONE;
	req->phase = PHASE_DATA;
	req->retries = 0;
	err = start(rbd_store(st), req);
	return err ? err : -EINPROGRESS;
}

/* The rest, on the control thread */

static int rbd_sync(struct store *st)
{
	return rbd_flush(rbd_store(st)->image);
}

static bool rbd_refresh(struct store *st)
{
	struct rbd_store *rs = rbd_store(st);
	uint64_t size;
	int err = rbd_get_size(rs->image, &size);

	if (err) {
		log_warn("%s: the size of the image cannot be read: %s",
			 rs->name, strerror(-err));
		return false;
	}
	size &= ~511ULL;
	if (size == st->limits.capacity)
		return false;
	WRITE_ONCE(st->limits.capacity, size);
	return true;
}

static void rbd_store_close(struct store *st)
{
	struct rbd_store *rs = rbd_store(st);

	rbd_close(rs->image);
	rados_ioctx_destroy(rs->pool);
	rados_shutdown(rs->cluster);
	free(rs);
}

static int refuse(const struct conf_device *conf, const char *option,
		  const char *what, int err)
{
	conf_err(conf, option, "%s: %s", what, strerror(-err));
	return err;
}

static int cluster_connect(struct rbd_store *rs, const struct conf_device *conf)
{
	int err = rados_create(&rs->cluster, conf->rbd_user);

	if (err)
		return refuse(conf, "rbd-user", "no Ceph client", err);
	/* Without a name: where Ceph's programs look. */
	err = rados_conf_read_file(rs->cluster, conf->rbd_conf);
	if (err) {
		refuse(conf, "rbd-conf", "cannot be read", err);
		goto shutdown;
	}
	rados_conf_set(rs->cluster, "client_mount_timeout", MOUNT_TIMEOUT);
	rados_conf_set(rs->cluster, "rbd_cache", "false");
	err = rados_connect(rs->cluster);
	if (err) {
		refuse(conf, "rbd-conf", "no connection to the cluster", err);
		goto shutdown;
	}
	return 0;

shutdown:
	rados_shutdown(rs->cluster);
	return err;
}

/* "POOL/IMAGE" */
static int image_open_named(struct rbd_store *rs,
			    const struct conf_device *conf)
{
	const char *slash = strchr(conf->rbd_image, '/');
	char *pool;
	int err;

	if (!slash || slash == conf->rbd_image || !slash[1]) {
		conf_err(conf, "rbd-image", "must be POOL/IMAGE");
		return -EINVAL;
	}
	pool = strndup(conf->rbd_image, (size_t)(slash - conf->rbd_image));
	if (!pool)
		return -ENOMEM;
	err = rados_ioctx_create(rs->cluster, pool, &rs->pool);
	free(pool);
	if (err)
		return refuse(conf, "rbd-image", "no such pool", err);
	if (conf->read_only)
		err = rbd_open_read_only(rs->pool, slash + 1, &rs->image, NULL);
	else
		err = rbd_open(rs->pool, slash + 1, &rs->image, NULL);
	if (err) {
		refuse(conf, "rbd-image", "cannot be opened", err);
		rados_ioctx_destroy(rs->pool);
	}
	return err;
}

static int set_limits(struct rbd_store *rs, const struct conf_device *conf)
{
	u32 block = conf->block_size ? conf->block_size : 512;
	uint64_t size;
	int err = rbd_get_size(rs->image, &size);

	if (!err && size < 512)
		err = -EINVAL;
	if (err)
		return refuse(conf, "rbd-image", "its size is no disk's", err);
	rs->st.limits = (struct store_limits){
		.capacity = size & ~511ULL,
		.block_size = block,
		.physical_size = max(4096u, block),
		.discard_align = conf->read_only ? 0 : DISCARD_GRANULARITY,
		.discard_max = RANGE_MAX,
		.write_zeroes_max = conf->read_only ? 0 : RANGE_MAX,
		.read_only = conf->read_only,
	};
	return 0;
}

static int rbd_store_open(struct store **out, const struct conf_device *conf)
{
	struct rbd_store *rs = calloc(1, sizeof(*rs));
	int err;

	if (!rs)
		return -ENOMEM;
	rs->name = conf->name;
	rs->st.ops = &store_rbd_ops;
	err = cluster_connect(rs, conf);
	if (err)
		goto free_store;
	err = image_open_named(rs, conf);
	if (err)
		goto shutdown;
	err = set_limits(rs, conf);
	if (err)
		goto close_image;
	*out = &rs->st;
	return 0;

close_image:
	rbd_close(rs->image);
	rados_ioctx_destroy(rs->pool);
shutdown:
	rados_shutdown(rs->cluster);
free_store:
	free(rs);
	return err;
}

const struct store_ops store_rbd_ops = {
	.name = "rbd",
	.open = rbd_store_open,
	.submit = rbd_submit,
	.sync = rbd_sync,
	.refresh = rbd_refresh,
	.close = rbd_store_close,
};
