/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_channel - what the back end asks of the front end
 *
 * The front end hands over one end of a socket pair (SET_BACKEND_REQ_FD).  All
 * runs on the control thread and nothing blocks: a front end that does not
 * read its end misses messages that say the same again, and holds up nobody.
 */
#ifndef PV_VU_CHANNEL_H
#define PV_VU_CHANNEL_H

#include "evloop.h"
#include "vu_msg.h"

/**
 * struct vu_channel - one connection's
 * @loop:	control thread's loop
 * @name:	device, for the log
 * @ev:		socket, fd -1 while there is none
 * @config_changed: CONFIG_CHANGE_MSG is due
 * @held:	the device is suspended: send nothing (vhost-user, "Suspended
 *		device state"), but keep what is due
 * @out:	message being sent
 * @sending:	@out is not finished
 */
struct vu_channel {
	struct evloop *loop;
	const char *name;
	struct ev_fd ev;
	bool config_changed;
	bool held;
	struct vu_transfer out;
	bool sending;
};

void vu_channel_init(struct vu_channel *ch, struct evloop *loop,
		     const char *name);

/** vu_channel_open() - use @fd, which is ours from here on; 0 or -errno */
int vu_channel_open(struct vu_channel *ch, int fd);

void vu_channel_close(struct vu_channel *ch);

/** vu_channel_watch() - look at the socket, or leave it alone */
void vu_channel_watch(struct vu_channel *ch, bool on);

/** vu_channel_hold() - suspended or not; what was held back goes out */
void vu_channel_hold(struct vu_channel *ch, bool held);

/** vu_channel_config_changed() - tell the front end to read config space anew */
void vu_channel_config_changed(struct vu_channel *ch);

#endif /* PV_VU_CHANNEL_H */
