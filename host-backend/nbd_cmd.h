/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd_cmd - a store's request as NBD commands
 *
 * Guest memory goes to libnbd as it lies, a command a segment, all at once.
 * Where a segment is no multiple of the server's smallest block, the request
 * goes piece by piece through its bounce memory instead.  A durable write to a
 * server without FUA is followed by a flush.
 *
 * libnbd's callbacks only count: requests are completed by nbd_conn.c, outside
 * of libnbd.
 */
#ifndef PV_NBD_CMD_H
#define PV_NBD_CMD_H

#include "nbd_link.h"
#include "store.h"

struct nbd_conn;

/** nbd_cmd_fits() - can the server take offset and length of @req at all? */
bool nbd_cmd_fits(const struct nbd_caps *caps, const struct store_req *req);

/** nbd_cmd_reset() - no command of @req is with the server (any more) */
void nbd_cmd_reset(struct store_req *req);

/**
 * nbd_cmd_start() - issue what @req needs next
 *
 * nbd_cmd_finished() follows, perhaps before this returns, with the result in
 * @req->remote.err.
 */
void nbd_cmd_start(struct nbd_conn *conn, struct nbd_handle *nbd,
		   const struct nbd_caps *caps, struct store_req *req);

/** nbd_cmd_next() - after it finished without error: is there more to issue? */
bool nbd_cmd_next(const struct nbd_caps *caps, struct store_req *req);

/**
 * nbd_cmd_finished() - all commands issued for @req are answered
 *
 * nbd_conn.c's, called within libnbd: it must not call libnbd.
 */
void nbd_cmd_finished(struct nbd_conn *conn, struct store_req *req);

#endif /* PV_NBD_CMD_H */
