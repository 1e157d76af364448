/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_dev - a vhost-user connection: messages in, a device driven, replies out
 *
 * One per device, for the daemon's life; front ends come and go.  All of it
 * runs on the control thread.
 */
#ifndef PV_VU_DEV_H
#define PV_VU_DEV_H

#include "device.h"
#include "evloop.h"
#include "log.h"
#include "vu_channel.h"
#include "vu_msg.h"
#include "vu_state.h"

/**
 * enum vu_state - how far a connection is; changed by set_state() alone
 * @VU_CLOSED:	no front end.  vu_dev_open() leaves it
 * @VU_NEGOTIATING: before SET_FEATURES; no ring runs, whatever was set up
 * @VU_SUSPENDED: features are known, no ring is started: guest memory is not
 *		touched and nothing is sent but replies
 * @VU_RUNNING:	at least one ring is started (SET_VRING_KICK came, and no
 *		GET_VRING_BASE since)
 * @VU_CLOSING:	the front end is gone or refused; queues drain, then everything
 *		it gave us is let go.  No message is read
 */
enum vu_state {
	VU_CLOSED,
	VU_NEGOTIATING,
	VU_SUSPENDED,
	VU_RUNNING,
	VU_CLOSING,
	VU_STATE_MAX
};

/**
 * struct vu_dev - a device's connection
 * @dev:	what it drives; dev->transport points back here
 * @loop:	control thread's loop
 * @queue_size_max: largest ring accepted, entries
 * @state:	see there
 * @ev:		socket, fd -1 while there is none
 * @watched:	@ev is in the loop; not while a message waits for a quiesce
 * @parked:	a message waits for queues to drain
 * @dispatching: asking for that right now, the answer may be immediate
 * @in:		message being received or handled
 * @out:	reply being sent; its descriptors are closed afterwards
 * @sending:	@out is not finished; no further message is handled meanwhile
 * @protocol_features: acknowledged by the front end
 * @status:	virtio device status as the front end has set it
 * @state_io:	transfer of the device's own state
 * @channel:	our requests to the front end
 * @reason:	why the message at hand is refused
 * @kept:	messages that vu_keep() remembers
 * @kept_lost:	one of them could not be
 * @paused:	called when nothing moves any more; NULL: not paused, and is not
 *		to be
 * @closed:	called when everything is let go; may call vu_dev_open() again
 */
struct vu_dev {
	struct device *dev;
	struct evloop *loop;
	unsigned int queue_size_max;
	enum vu_state state;
	struct ev_fd ev;
	bool watched;
	bool parked;
	bool dispatching;
	struct vu_transfer in;
	struct vu_transfer out;
	bool sending;
	u64 protocol_features;
	u8 status;
	struct vu_state_io state_io;
	struct vu_channel channel;
	char reason[200];
	struct log_limit limit;
	struct vu_kept *kept;
	bool kept_lost;
	void (*paused)(struct vu_dev *vd);
	void (*closed)(struct vu_dev *vd);
};

void vu_dev_init(struct vu_dev *vd, struct device *dev,
		 unsigned int queue_size_max, struct evloop *loop);

/** vu_state_name() - "running" and the like, for log and status */
const char *vu_state_name(enum vu_state state);

/** vu_dev_open() - serve the front end on @sock, which is ours from here on */
int vu_dev_open(struct vu_dev *vd, int sock);

/** vu_dev_close() - end the connection; vu_dev.closed() follows, maybe at once */
void vu_dev_close(struct vu_dev *vd);

/**
 * vu_dev_pause() - let all queues drain, read and send nothing any more
 * @paused:	called then, maybe at once; also where there is no front end
 */
void vu_dev_pause(struct vu_dev *vd, void (*paused)(struct vu_dev *vd));

/** vu_dev_unpause() - go on as if nothing had been; also before @paused came */
void vu_dev_unpause(struct vu_dev *vd);

/** vu_dev_start() - after the last vu_dev_replay(): queues that should run do */
void vu_dev_start(struct vu_dev *vd);

/**
 * vu_dev_replay() - handle the message in @vd->in that a daemon before us got
 *
 * Return: 0 or -errno, logged.
 */
int vu_dev_replay(struct vu_dev *vd);

/** vu_dev_config_changed() - the device's config space is not what it was */
void vu_dev_config_changed(struct vu_dev *vd);

#endif /* PV_VU_DEV_H */
