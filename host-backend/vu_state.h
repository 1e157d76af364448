/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_state - a device's own state on its way through a migration
 *
 * vhost-user, "Migrating back-end state": what a device must carry along and
 * that neither guest memory nor a ring's position says, as a small record:
 *
 *	le32 magic | le32 version | le32 virtio device id | le32 len | len bytes
 *
 * The front end hands over one end of a pipe.  Saving is one write.  What is to
 * be loaded comes after our reply, in any pieces; it is read as it comes, and
 * given to the device when the front end asks whether all went well.
 *
 * Control thread only.
 */
#ifndef PV_VU_STATE_H
#define PV_VU_STATE_H

#include "device.h"
#include "evloop.h"

#define VU_STATE_MAGIC	 0x54535650u /* "PVST" */
#define VU_STATE_VERSION 1u
#define VU_STATE_HDR	 16u
#define VU_STATE_RECORD_MAX	 (VU_STATE_HDR + DEVICE_STATE_MAX)

/**
 * struct vu_state_io - a transfer
 * @loop:	control thread's loop
 * @dev:	whose state
 * @ev:		the pipe while there is something to come, fd -1 otherwise
 * @buf:	what came; a byte more than any record has
 * @len:	of @buf
 * @result:	of the transfer so far, 0 or -errno
 * @loading:	@buf is to be given to the device
 */
struct vu_state_io {
	struct evloop *loop;
	struct device *dev;
	struct ev_fd ev;
	u8 buf[VU_STATE_RECORD_MAX + 1];
	size_t len;
	int result;
	bool loading;
};

void vu_state_init(struct vu_state_io *io, struct evloop *loop,
		   struct device *dev);

/** vu_state_save() - write the record to @fd, which is closed; 0 or -errno */
int vu_state_save(struct vu_state_io *io, int fd);

/** vu_state_load() - begin to read from @fd, ours from here on; 0 or -errno */
int vu_state_load(struct vu_state_io *io, int fd);

/**
 * vu_state_check() - the front end's last word: end the transfer
 *
 * Return: 0 (saved, or all came and the device took it), -EAGAIN where the
 * pipe's end has not come, -EINVAL or -EPROTO (no record of this device's),
 * or what the device says.
 */
int vu_state_check(struct vu_state_io *io);

/** vu_state_end() - forget a transfer, if there is one */
void vu_state_end(struct vu_state_io *io);

/**
 * vu_state_parse() - the device's part of a record: PURE
 * @buf:	record as it came
 * @len:	bytes of it
 * @virtio_id:	kind of device that is to take it
 * @state:	the device's bytes
 * @state_len:	of them, at most DEVICE_STATE_MAX
 *
 * Return: 0, -EPROTO (cut, too long, no such record) or -EINVAL (another
 * version or kind of device).
 */
int vu_state_parse(const u8 *buf, size_t len, u32 virtio_id, const u8 **state,
		   size_t *state_len);

#endif /* PV_VU_STATE_H */
