/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dial - connect to a front end that listens, again and again
 *
 * For QEMU's chardevs with server=on.  The first attempt is made at once, the
 * others after pauses that double, up to two seconds.  Control thread only.
 */
#ifndef PV_DIAL_H
#define PV_DIAL_H

#include "evloop.h"

/**
 * struct dial - a socket to connect to
 * @timer:	of the next attempt
 * @path:	the caller's text
 * @backoff_ms:	next pause
 * @name:	device, for the log
 * @connected:	given a connection, non-blocking; no attempt is made any more
 */
struct dial {
	struct ev_fd timer;
	struct evloop *loop;
	const char *path;
	unsigned int backoff_ms;
	const char *name;
	void (*connected)(struct dial *d, int sock);
};

/** dial_open() - the caller has set path, name and connected; 0 or -errno */
int dial_open(struct dial *d, struct evloop *loop);

/** dial_begin() - try until there is a connection */
void dial_begin(struct dial *d);

/** dial_close() - no attempt comes after this */
void dial_close(struct dial *d);

#endif /* PV_DIAL_H */
