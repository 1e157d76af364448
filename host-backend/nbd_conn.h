/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd_conn - one connection to an NBD server, run by one worker
 *
 * Theory of operation
 *
 * A connection is DOWN, or UP with a libnbd handle.  Going up may wait (names
 * are resolved, servers are slow), so a thread does it and posts the handle to
 * the worker; until then, requests wait.
 *
 *	DOWN --connect_start()--> thread --connected--> UP
 *	 ^  |                        |                   |
 *	 |  <--- backoff timer <--failed                 |
 *	 +------- dead socket, or a request too long unanswered
 *
 * A request is in one list: waiting (no command is with the server), inflight,
 * or finished (to be completed in this turn).  When the connection goes down,
 * those in flight wait again and are sent anew: reads, writes, zeroes, trims and
 * flushes may all be repeated until they are known to be done.  The handle is
 * closed first, so no late answer can reach memory that the guest has back.
 *
 * Each request has a deadline.  Past it, one that waits fails with ETIMEDOUT;
 * one in flight takes the connection down first.
 */
#ifndef PV_NBD_CONN_H
#define PV_NBD_CONN_H

#include <semaphore.h>

#include "nbd_link.h"
#include "nbd_stats.h"
#include "pool.h"
#include "store.h"

/**
 * struct nbd_shared - what the connections of a store have in common
 * @name:	of the device, for messages
 * @uri:	where the server is, by address
 * @timeout_s:	of a request
 * @caps:	promised to the guest; @caps.size grows
 * @stop:	the store is being closed
 * @pool:	one thread, which connects; from nbd_start() on
 * @spare:	a handle made at open, for the first connection
 * @stats:	counters
 */
struct nbd_shared {
	const char *name;
	char *uri;
	unsigned int timeout_s;
	struct nbd_caps caps;
	bool stop;
	struct pool *pool;
	struct nbd_handle *spare;
	struct nbd_stats stats;
};

struct nbd_conn;

/** nbd_conn_create() - on the worker that is to run it; NULL without memory */
struct nbd_conn *nbd_conn_create(struct nbd_shared *shared, struct worker *w);

/** nbd_conn_worker() - who runs it */
struct worker *nbd_conn_worker(const struct nbd_conn *conn);

/** nbd_conn_submit() - start @req, or have it wait; done() comes later; worker */
void nbd_conn_submit(struct nbd_conn *conn, struct store_req *req);

/** nbd_conn_renew() - connect anew, to see a server's new size; any thread */
void nbd_conn_renew(struct nbd_conn *conn);

/** nbd_conn_destroy() - no request left; waits for the worker; control thread */
void nbd_conn_destroy(struct nbd_conn *conn);

#endif /* PV_NBD_CONN_H */
