// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_life - messages about a device's life: status, reset, migration
 *
 * What a reset leaves alone, because front ends never say it again:
 *
 *	guest memory	QEMU sends only what differs from what it sent last
 *	call and error eventfds, the back end's own channel, protocol features
 *	a ring's position after SET_STATUS 0: QEMU 7.2 writes that before
 *			GET_VRING_BASE, also when a guest is only paused
 *	a disk's write cache choice: QEMU keeps showing it to the next driver
 */
#include "vu_life.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>
#include <unistd.h>

#define STATUS_MAX 0xff

/* Status and reset */

/*
 * Rings run from SET_VRING_KICK on, not from DRIVER_OK: guests may kick before.
 * So all that a status does here is to be told again, but for 0, which ends the
 * driver (virtio 1.3, 2.1).
 */
int vu_set_status(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	u64 status = msg->payload.u64;

	if (status > STATUS_MAX)
		return vu_refuse(vd, -EINVAL, "status 0x%llx; at most 0x%x",
				 (unsigned long long)status, STATUS_MAX);
	if (!status)
		device_driver_gone(vd->dev);
	vd->status = (u8)status;
	return 0;
}

int vu_get_status(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	vu_reply_u64(vd, vd->status);
	return 0;
}

int vu_reset_device(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	device_driver_gone(vd->dev);
	device_forget_rings(vd->dev);
	vd->status = 0;
	return 0;
}

/* The dirty log */

/*
 * The queues stand still, so nothing is logged in the old bitmap any more when
 * the front end has our reply and takes its last bits.
 */
int vu_set_log_base(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	const struct vu_log *l = &msg->payload.log;
	const struct dirty_log wanted = { .size = l->size };
	int err;

	if (l->size && !device_log_covers(vd->dev, &wanted))
		return vu_refuse(vd, -ERANGE,
				 "dirty log of 0x%llx bytes does not cover guest memory",
				 (unsigned long long)l->size);
	err = dirty_map(&vd->dev->log, l->size, l->offset, msg->fds[0]);
	if (err)
		return vu_refuse(vd, err,
				 "dirty log of 0x%llx bytes at file offset 0x%llx: %s",
				 (unsigned long long)l->size,
				 (unsigned long long)l->offset,
				 err == -EINVAL ? "empty, or not inside its file" :
					       strerror(-err));
	vu_reply_u64(vd, 0);
	return 0;
}

int vu_set_log_fd(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	vu_take_fd(msg, &vd->dev->log_fd);
	vu_set_nonblocking(vd->dev->log_fd);
	return 0;
}

/* The device's own state */

#define STATE_NO_FD BIT_ULL(8) /* "no descriptor comes with the reply" */

int vu_set_device_state_fd(struct vu_dev *vd, struct vu_msg *msg,
			   struct queue *q)
{
	const struct vu_state_transfer *t = &msg->payload.state_transfer;
	int fd = vu_msg_take_fd(msg, 0);
	int err = -EINVAL;

	if (t->phase == VU_STATE_STOPPED && t->direction == VU_STATE_SAVE)
		err = vu_state_save(&vd->state_io, fd);
	else if (t->phase == VU_STATE_STOPPED && t->direction == VU_STATE_LOAD)
		err = vu_state_load(&vd->state_io, fd);
	else
		close(fd);
	if (err)
		log_ratelimited(&vd->limit, LOG_WARNING,
				"%s: device state, direction %u in phase %u: %s",
				vd->dev->name, t->direction, t->phase,
				strerror(-err));
	vu_reply_u64(vd, STATE_NO_FD | (err ? 1 : 0));
	return 0;
}

int vu_check_device_state(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	int err = vu_state_check(&vd->state_io);

	if (err)
		log_ratelimited(&vd->limit, LOG_WARNING,
				"%s: device state was not transferred: %s",
				vd->dev->name, strerror(-err));
	vu_reply_u64(vd, err ? 1 : 0);
	return 0;
}

/* Network devices */

/* vhost-user, SEND_RARP: the payload's first six bytes */
int vu_send_rarp(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	const u8 *mac = msg->payload.raw;
	int err = vd->dev->ops->announce(vd->dev, mac);

	if (err == -EINVAL)
		return vu_refuse(vd, err,
				 "MAC address %02x:%02x:%02x:%02x:%02x:%02x is not a station's",
				 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	/* Not the front end's fault; its guest runs all the same. */
	if (err)
		log_ratelimited(&vd->limit, LOG_WARNING,
				"%s: the guest's new place cannot be announced: %s",
				vd->dev->name, strerror(-err));
	return 0;
}

int vu_net_set_mtu(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	u64 mtu = msg->payload.u64;

	/* virtio 1.3, 5.1.4.1 */
	if (mtu < ETH_MIN_MTU || mtu > ETH_MAX_MTU)
		return vu_refuse(vd, -EINVAL, "MTU of %llu; must be %u to %u",
				 (unsigned long long)mtu, ETH_MIN_MTU,
				 ETH_MAX_MTU);
	vd->dev->ops->mtu_set(vd->dev, (u16)mtu);
	return 0;
}
