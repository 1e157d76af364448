/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_frontend - the front end's half of vhost-user, step by step
 *
 * Plays QEMU's part.  Each message is one call, so that a hostile test can
 * send them in any order; vu_fe_negotiate() and vu_fe_start() send them in
 * QEMU's.  All calls return 0 or -errno and leave a sentence in vu_fe.err.
 * One thread uses a vu_fe at a time; no call waits longer than timeout_ms.
 */
#ifndef VU_FRONTEND_H
#define VU_FRONTEND_H

#include "vu_mem.h"
#include "vu_wire.h"

/**
 * struct vu_fe - a connection to a back end
 * @sock:	socket, -1 while not connected
 * @backend_fd:	our end of the back end's own channel, -1: none
 * @timeout_ms:	how long to wait for any reply
 * @ack_all:	ask for a reply to every command (needs REPLY_ACK); QEMU asks
 *		for few
 * @offered:	virtio features that the back end offers
 * @features:	those that we acknowledge
 * @proto_offered: protocol features likewise
 * @proto:	acknowledged, 0 before SET_PROTOCOL_FEATURES
 * @num_queues:	GET_QUEUE_NUM's answer, 1 without MQ
 * @mem_slots:	GET_MAX_MEM_SLOTS' answer, 8 without
 * @err:	what went wrong last
 */
struct vu_fe {
	int sock;
	int backend_fd;
	int timeout_ms;
	bool ack_all;
	u64 offered;
	u64 features;
	u64 proto_offered;
	u64 proto;
	unsigned int num_queues;
	unsigned int mem_slots;
	char err[200];
};

/**
 * struct vu_ring - where a ring lies and which eventfds belong to it
 * @index:	queue's number
 * @num:	entries
 * @base:	where to go on
 * @desc:	addresses in the front end's address space (vu_mem_uva())
 * @avail:	driver area
 * @used:	device area
 * @flags:	VU_VRING_LOG or none
 * @log:	guest-physical address under which the device area is logged
 * @kick_fd:	-1: none, the back end must poll
 * @call_fd:	-1: none
 * @err_fd:	-1: none
 */
struct vu_ring {
	u32 index;
	u32 num;
	u32 base;
	u64 desc;
	u64 avail;
	u64 used;
	u32 flags;
	u64 log;
	int kick_fd;
	int call_fd;
	int err_fd;
};

/** vu_fe_init() - not connected yet */
void vu_fe_init(struct vu_fe *fe);

/** vu_fe_connect() - to @path, trying again for up to timeout_ms */
int vu_fe_connect(struct vu_fe *fe, const char *path);

/** vu_fe_close() - end the connection, forget what was negotiated */
void vu_fe_close(struct vu_fe *fe);

/** vu_fe_closed() - wait until the back end has hung up; -ETIMEDOUT if not */
int vu_fe_closed(struct vu_fe *fe);

/* Messages as such. */

/** vu_fe_send() - @m as it is, whatever its header says */
int vu_fe_send(struct vu_fe *fe, const struct vu_msg *m);

/** vu_fe_recv() - the next message; -EPIPE where the back end has hung up */
int vu_fe_recv(struct vu_fe *fe, struct vu_msg *m);

/** vu_fe_request() - send @m and wait for its reply, which replaces it */
int vu_fe_request(struct vu_fe *fe, struct vu_msg *m);

/**
 * vu_fe_command() - send @m, a message without a reply of its own
 * @ack:	ask for an acknowledgement if the back end can
 *
 * Return: 0, -EREMOTEIO where the back end answered with an error, -errno.
 */
int vu_fe_command(struct vu_fe *fe, struct vu_msg *m, bool ack);

/** vu_fe_sync() - wait until everything sent has been handled */
int vu_fe_sync(struct vu_fe *fe);

/* Single steps. */

int vu_fe_get_u64(struct vu_fe *fe, u32 id, u64 *value);
int vu_fe_set_u64(struct vu_fe *fe, u32 id, u64 value);
int vu_fe_simple(struct vu_fe *fe, u32 id);
int vu_fe_vring_num(struct vu_fe *fe, u32 index, u32 num);
int vu_fe_vring_base(struct vu_fe *fe, u32 index, u32 base);
int vu_fe_vring_addr(struct vu_fe *fe, const struct vu_ring *ring);
int vu_fe_vring_enable(struct vu_fe *fe, u32 index, bool enable);
int vu_fe_get_vring_base(struct vu_fe *fe, u32 index, u32 *base);

/** vu_fe_vring_fd() - SET_VRING_KICK, CALL or ERR; @fd -1: none */
int vu_fe_vring_fd(struct vu_fe *fe, u32 id, u32 index, int fd);

int vu_fe_set_mem_table(struct vu_fe *fe, const struct vu_mem *mem);
int vu_fe_add_mem_reg(struct vu_fe *fe, const struct vu_region *r);
int vu_fe_rem_mem_reg(struct vu_fe *fe, const struct vu_region *r);
int vu_fe_get_config(struct vu_fe *fe, u32 off, u32 size, void *buf);
int vu_fe_set_config(struct vu_fe *fe, u32 off, u32 size, const void *buf);

/** vu_fe_set_log_base() - share @size bytes of dirty log at @offset of @fd */
int vu_fe_set_log_base(struct vu_fe *fe, int fd, u64 size, u64 offset);

/**
 * struct vu_record - of what is in flight, kept for the back end
 * @fd:		-1: none yet
 * @desc:	as the back end described it
 */
struct vu_record {
	int fd;
	struct vu_inflight desc;
};

/** vu_fe_get_inflight() - have an empty record made, in place of the last */
int vu_fe_get_inflight(struct vu_fe *fe, struct vu_record *record,
		       u16 num_queues, u16 queue_size);

/** vu_fe_set_inflight() - give it back; waits for the acknowledgement */
int vu_fe_set_inflight(struct vu_fe *fe, const struct vu_record *record);

/** vu_record_close() - forget it; as fresh */
void vu_record_close(struct vu_record *record);

/** vu_fe_open_channel() - SET_BACKEND_REQ_FD with a fresh socket pair */
int vu_fe_open_channel(struct vu_fe *fe);

/** vu_fe_channel_recv() - what the back end asks of us; acknowledged if asked */
int vu_fe_channel_recv(struct vu_fe *fe, struct vu_msg *m);

/* QEMU's order. */

/**
 * vu_fe_negotiate() - from connect to the point where a driver may start
 * @want:	virtio features to acknowledge where offered
 * @want_proto:	protocol features likewise
 */
int vu_fe_negotiate(struct vu_fe *fe, u64 want, u64 want_proto);

/**
 * vu_fe_start() - features, memory, rings, enable: the driver starts
 * @rings:	those the driver uses
 * @enable:	how many queues to enable, as QEMU does also for unused ones
 * @record:	given to the back end where negotiated, made by it where there
 *		is none yet; NULL: as if not negotiated
 */
int vu_fe_start(struct vu_fe *fe, const struct vu_mem *mem,
		const struct vu_ring *rings, unsigned int num_rings,
		unsigned int enable, struct vu_record *record);

/** vu_fe_share_memory() - ADD_MEM_REG each where negotiated, else the table */
int vu_fe_share_memory(struct vu_fe *fe, const struct vu_mem *mem);

/** vu_fe_ring_start() - NUM, BASE, ADDR, KICK, CALL of one ring */
int vu_fe_ring_start(struct vu_fe *fe, const struct vu_ring *ring);

/** vu_fe_has_proto() - was this protocol feature negotiated? */
static inline bool vu_fe_has_proto(const struct vu_fe *fe,
				   enum vu_proto_bit bit)
{
	return fe->proto & BIT_ULL(bit);
}

#endif /* VU_FRONTEND_H */
