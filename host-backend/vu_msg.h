/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_msg - one vhost-user message and its file descriptors, in and out
 *
 * The socket is a stream: header, payload and descriptors may come in any
 * number of pieces, and go out likewise.  Nothing here blocks or allocates.
 * A message owns its descriptors until vu_msg_take_fd(); vu_msg_close_fds()
 * closes what nobody took.
 */
#ifndef PV_VU_MSG_H
#define PV_VU_MSG_H

#include "vu_proto.h"

/**
 * struct vu_msg - a message
 * @hdr:	@hdr.size bytes of @payload are valid
 * @num_fds:	entries of @fds
 * @fds:	-1 where taken
 */
struct vu_msg {
	struct vu_header hdr;
	union vu_payload payload;
	unsigned int num_fds;
	int fds[VU_FDS_MAX];
};

/**
 * struct vu_transfer - a message on its way in or out
 * @done:	bytes of header and payload so far
 */
struct vu_transfer {
	struct vu_msg msg;
	size_t done;
};

/** vu_transfer_reset() - ready for the next message; closes left descriptors */
void vu_transfer_reset(struct vu_transfer *t);

/**
 * vu_msg_recv() - read on, as much as there is of one message
 * @t:		after vu_transfer_reset(), or where the last call left it
 * @sock:	stream socket
 *
 * Return: 1 with a whole message, 0 where more must come, -EPIPE where the
 * other side has hung up, -EMSGSIZE (announced payload too long), -EPROTO
 * (version, a reply, too many descriptors) or -errno.
 */
int vu_msg_recv(struct vu_transfer *t, int sock);

/**
 * vu_msg_send() - write on, as much as the socket takes
 *
 * Descriptors of the message stay the caller's.
 *
 * Return: 1 when all is sent, 0 where the socket is full, or -errno.
 */
int vu_msg_send(struct vu_transfer *t, int sock);

/** vu_msg_take_fd() - descriptor @i becomes the caller's */
int vu_msg_take_fd(struct vu_msg *msg, unsigned int i);

/** vu_msg_close_fds() - close what was not taken */
void vu_msg_close_fds(struct vu_msg *msg);

#endif /* PV_VU_MSG_H */
