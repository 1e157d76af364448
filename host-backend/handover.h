/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover - what an old daemon tells a new one: a document and descriptors
 *
 * The document is JSON; a descriptor in it is a number, its place in the
 * sequence of descriptors that travel beside it:
 *
 *	{"version": 1, "pid": 77, "pvbackend": "0.1.0", "options": [["workers", "2"]],
 *	 "fds": {"control": 0, "stderr": 1},
 *	 "devices": [
 *	  {"type": "blk", "name": "root", "options": [["socket-path", "/s"]],
 *	   "fds": {"listen": 2, "image": 3},
 *	   "counters": [{"reads": 7}], "limits": [[0, 0], [0, 0]], "state": "01",
 *	   "connection": {"socket": 4, "in": MESSAGE, "out": MESSAGE,
 *			  "config_changed": false, "messages": [MESSAGE]}}]}
 *
 * A MESSAGE is a vhost-user message as it is on the wire, in hexadecimal, and
 * its descriptors: {"data": "0600...", "fds": [5]}.  A connection's state is
 * the shortest sequence of messages that leads to it, so the new daemon checks
 * it as it checks a front end, and what later versions add to the protocol
 * needs nothing here.  In "in" and "out" it may be the beginning of one.
 *
 * To and fro on the control socket, each a line but for the document:
 *
 *	new	{"command": "handover", "version": 1}
 *	old	{"error": ...} or struct handover_head, descriptors in batches of
 *		one byte each, the document
 *	new	prepared	from here on it needs nothing that could fail
 *	old	commit		from here on the old one does nothing any more
 *
 * Either may hang up at any time before "commit": then the old one goes on.
 */
#ifndef PV_HANDOVER_H
#define PV_HANDOVER_H

#include <jansson.h>

#include "vu_msg.h"

#define HANDOVER_VERSION 1
#define HANDOVER_MAGIC	 0x70766861u

/* Linux takes 253 descriptors a message. */
#define HANDOVER_BATCH 200u

/* 512 devices with 128 queues each, and what that makes in JSON. */
#define HANDOVER_FDS_MAX   (1u << 20)
#define HANDOVER_BYTES_MAX (256u << 20)

#define HANDOVER_PREPARED "prepared\n"
#define HANDOVER_COMMIT	  "commit\n"

/** struct handover_head - what comes first; host byte order */
struct handover_head {
	u32 magic;
	u32 version;
	u32 bytes;
	u32 num_fds;
};

/**
 * struct handover - a document in the making, or one that came
 * @json:	the document
 * @fds:	@num_fds descriptors; -1 where it has been taken
 * @room:	of @fds
 * @failed:	no memory for one of them
 *
 * The old daemon's descriptors stay those of what they belong to; the new one's
 * are its own until they are taken.
 */
struct handover {
	json_t *json;
	int *fds;
	u32 num_fds;
	u32 room;
	bool failed;
};

/** handover_put_fd() - another descriptor; the number to put into the document */
json_t *handover_put_fd(struct handover *h, int fd);

/** handover_put_bytes() - in hexadecimal */
json_t *handover_put_bytes(const u8 *bytes, size_t len);

/** handover_put_message() - the first @done bytes of @msg and its descriptors */
json_t *handover_put_message(struct handover *h, const struct vu_msg *msg,
			     size_t done);

/** handover_free() - the document and the array; descriptors are not closed */
void handover_free(struct handover *h);

/** handover_head_check() - 0, -EPROTO (not ours), -EPROTONOSUPPORT (version) */
int handover_head_check(const struct handover_head *head);

/**
 * handover_take_fd() - the descriptor that @number means, the caller's now
 *
 * Return: descriptor, or -EBADMSG (no number, out of range, taken already).
 */
int handover_take_fd(struct handover *h, const json_t *number);

/**
 * handover_take_bytes() - of hexadecimal
 * @max:	room in @bytes
 *
 * Return: how many, or -EBADMSG.
 */
int handover_take_bytes(const json_t *json, u8 *bytes, size_t max);

/**
 * handover_take_message() - a message of the document
 * @t:		filled; @t->done bytes of it were there
 *
 * Return: 0, or -EBADMSG where it is not one, and nothing is held.
 */
int handover_take_message(struct handover *h, const json_t *json,
			  struct vu_transfer *t);

/** handover_message_whole() - is all of it there, and no more? */
bool handover_message_whole(const struct vu_transfer *t);

/** handover_close_fds() - those that nobody has taken */
void handover_close_fds(struct handover *h);

#endif /* PV_HANDOVER_H */
