/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd_link - a connection to an NBD server: made, and asked what it can; blocks
 */
#ifndef PV_NBD_LINK_H
#define PV_NBD_LINK_H

#include <libnbd.h>

#include "util.h"

#define NBD_WHY_LEN 256

/**
 * struct nbd_caps - what a server says of an export (NBD protocol, "Transmission
 *		     flags" and NBD_INFO_BLOCK_SIZE)
 * @size:	bytes, as told
 * @block_min:	of offsets and lengths, bytes, a power of two
 * @block_preferred: bytes, a power of two
 * @block_max:	of one read or write, bytes
 */
struct nbd_caps {
	u64 size;
	u32 block_min;
	u32 block_preferred;
	u32 block_max;
	bool read_only;
	bool flush;
	bool fua;
	bool trim;
	bool zero;
	bool multi_conn;
};

/**
 * nbd_uri_resolve() - the same URI with its host's address instead of its name
 * @out:	the caller's, to be freed
 * @why:	NBD_WHY_LEN bytes, filled on error
 *
 * Names are looked up once, at the start: the sandbox leaves no way to do it
 * later.  With TLS the name stays, as the server's certificate is for it.
 *
 * Return: 0 or -errno.
 */
int nbd_uri_resolve(const char *uri, char **out, char *why);

/**
 * nbd_link_open() - connect and negotiate, in any thread that may wait
 * @uri:	nbd://, nbd+unix:// and what else libnbd knows
 * @timeout_ms:	for all of it but the resolver, which has its own
 * @stop:	becomes true where nobody wants it any more
 * @why:	NBD_WHY_LEN bytes, filled on error
 *
 * Return: 0 or -errno.
 */
int nbd_link_open(struct nbd_handle **out, struct nbd_caps *caps,
		  const char *uri, unsigned int timeout_ms, const bool *stop,
		  char *why);

/**
 * nbd_caps_keep() - does a server still offer what was promised to the guest?
 * @why:	NBD_WHY_LEN bytes, filled where it does not
 */
bool nbd_caps_keep(const struct nbd_caps *promised, const struct nbd_caps *now,
		   char *why);

#endif /* PV_NBD_LINK_H */
