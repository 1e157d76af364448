/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_handler - the message table: what must be true of a message, and what it
 *		does
 *
 * vu_dev.c checks every column of a row before it calls the row's handler.
 */
#ifndef PV_VU_HANDLER_H
#define PV_VU_HANDLER_H

#include "vu_dev.h"

enum fds_kind {
	FDS_NONE,
	FDS_ONE,
	FDS_VRING,	/* one, or none with VU_VRING_NO_FD */
	FDS_REGIONS,	/* one each region of a memory table */
	FDS_IGNORED,	/* front ends differ; closed unused */
};

enum index_kind {
	INDEX_NONE,
	INDEX_STATE,	/* u32 at the start of the payload */
	INDEX_VRING,	/* low byte of a u64 */
};

enum reply_kind {
	REPLY_ACK,	/* a result, if asked for */
	REPLY_OWN,	/* the handler has filled vd->out */
};

enum quiesce_kind {
	QUIESCE_NONE,
	QUIESCE_QUEUE,	/* the one that the message is about */
	QUIESCE_ALL,
};

/**
 * struct vu_message - a row of the table: what must be true of a message
 * @name:	for the log
 * @handler:	0 or -errno with vd->reason filled; what it relies on is checked
 * @size:	bytes of payload, at least
 * @room:	bytes of payload that may follow
 * @states:	connection states in which it may come
 * @needs:	protocol features without which it may not
 * @keep:	what it says is known nowhere else: vu_keep() for a daemon to come
 */
struct vu_message {
	const char *name;
	int (*handler)(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);
	u16 size;
	u16 room;
	enum fds_kind fds;
	enum index_kind index;
	u64 states;
	u64 needs;
	enum reply_kind reply;
	enum quiesce_kind quiesce;
	bool keep;
};

/** vu_message_find() - the row of a request, or NULL where it is not offered */
const struct vu_message *vu_message_find(u32 request);

/** vu_refuse() - say why the message at hand is refused; returns @err */
int vu_refuse(struct vu_dev *vd, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** vu_take_fd() - replace *fd by what came with the message, -1 for none */
void vu_take_fd(struct vu_msg *msg, int *fd);

/**
 * vu_set_nonblocking() - of an eventfd that we write, or -1
 *
 * A write must fail rather than wait where the other side has filled the
 * counter.  The flag is shared with the front end, which polls it anyway.
 */
void vu_set_nonblocking(int fd);

/** vu_reply_start() - begin the reply to the message at hand, @size bytes */
void vu_reply_start(struct vu_dev *vd, u32 size);

/** vu_reply_u64() - make @value the reply to the message at hand */
void vu_reply_u64(struct vu_dev *vd, u64 value);

static inline bool vu_negotiated(const struct vu_dev *vd,
				 enum vu_protocol_feature bit)
{
	return vd->protocol_features & BIT_ULL(bit);
}

#endif /* PV_VU_HANDLER_H */
