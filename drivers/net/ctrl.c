// SPDX-License-Identifier: GPL-2.0
/*
 * ctrl - commands to the device: they sleep, and for a limited time only
 *
 * Theory of operation
 *
 * A command and its answer live in one allocation, struct command, which the
 * device may write until it has returned it or has been reset.  The sender
 * waits for its completion.  If the time is up it leaves the allocation to
 * the callback, or to pvnet_ctrl_free_all() after a reset, and the queue is
 * dead: a device that is late once must not hold up RTNL again and again.
 *
 * vq_lock protects the virtqueue and command.abandoned, which says who frees.
 */
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "pvnet.h"

/* A device that goes away is noticed between two such waits. */
#define WAIT_SLICE_MS	100

static unsigned int ctrl_timeout_ms = 5000;
module_param(ctrl_timeout_ms, uint, 0644);
MODULE_PARM_DESC(ctrl_timeout_ms,
		 "Milliseconds to wait for the answer to a control command");

struct command {
	struct completion done;
	bool abandoned;

	/* Written by the device */
	u8 ack ____cacheline_aligned;

	/* Read by the device */
	struct virtio_net_ctrl_hdr hdr ____cacheline_aligned;
	u8 data[];
};

/**
 * pvnet_ctrl_init() - before anything else is done with it
 * @ctrl: control queue
 */
void pvnet_ctrl_init(struct pvnet_ctrl *ctrl)
{
	mutex_init(&ctrl->mutex);
	spin_lock_init(&ctrl->vq_lock);
	ctrl->dead = true;
}

/**
 * pvnet_ctrl_start() - a new life of the device begins: it is ready
 * @ctrl: control queue; without a virtqueue it stays dead
 */
void pvnet_ctrl_start(struct pvnet_ctrl *ctrl)
{
	mutex_lock(&ctrl->mutex);
	ctrl->dead = !ctrl->vq;
	mutex_unlock(&ctrl->mutex);
}

/**
 * pvnet_ctrl_stop() - no command from now on
 * @ctrl: control queue
 */
void pvnet_ctrl_stop(struct pvnet_ctrl *ctrl)
{
	mutex_lock(&ctrl->mutex);
	ctrl->dead = true;
	mutex_unlock(&ctrl->mutex);
}

/**
 * pvnet_ctrl_free_all() - free commands that the device never answered
 * @ctrl: control queue of a device that was reset
 */
void pvnet_ctrl_free_all(struct pvnet_ctrl *ctrl)
{
	void *cmd;

	if (!ctrl->vq)
		return;
	while ((cmd = virtqueue_detach_unused_buf(ctrl->vq)))
		kfree(cmd);
	ctrl->vq = NULL;
}

static void finish(struct command *cmd)
{
	if (cmd->abandoned)
		kfree(cmd);
	else
		complete(&cmd->done);
}

/**
 * pvnet_ctrl_callback() - interrupt of the control virtqueue
 * @vq: the virtqueue
 */
void pvnet_ctrl_callback(struct virtqueue *vq)
{
	struct pvnet *pn = vq->vdev->priv;
	struct command *cmd;
	unsigned long flags;
	unsigned int len;

	spin_lock_irqsave(&pn->ctrl.vq_lock, flags);
	while ((cmd = virtqueue_get_buf(vq, &len)))
		finish(cmd);
	spin_unlock_irqrestore(&pn->ctrl.vq_lock, flags);
}

static int submit(struct pvnet_ctrl *ctrl, struct command *cmd, size_t len)
{
	struct scatterlist hdr, data, ack;
	struct scatterlist *sgs[3];
	unsigned int out = 0;
	unsigned long flags;
	int err;

	sg_init_one(&hdr, &cmd->hdr, sizeof(cmd->hdr));
	sgs[out++] = &hdr;
	if (len) {
		sg_init_one(&data, cmd->data, len);
		sgs[out++] = &data;
	}
	sg_init_one(&ack, &cmd->ack, sizeof(cmd->ack));
	sgs[out] = &ack;

	spin_lock_irqsave(&ctrl->vq_lock, flags);
	err = virtqueue_add_sgs(ctrl->vq, sgs, out, 1, cmd, GFP_ATOMIC);
	if (!err)
		virtqueue_kick(ctrl->vq);
	spin_unlock_irqrestore(&ctrl->vq_lock, flags);
	return err;
}

/* Return: whether the device answered. */
static bool wait_answer(struct pvnet_ctrl *ctrl, struct command *cmd)
{
	unsigned long slice = msecs_to_jiffies(WAIT_SLICE_MS);
	unsigned long end;

	end = jiffies + msecs_to_jiffies(READ_ONCE(ctrl_timeout_ms));
	do {
		if (wait_for_completion_timeout(&cmd->done, slice))
			return true;
	} while (time_before(jiffies, end) && !virtqueue_is_broken(ctrl->vq));
	return false;
}

/* Return: false if the answer came at the last moment after all. */
static bool abandon(struct pvnet_ctrl *ctrl, struct command *cmd)
{
	unsigned long flags;
	bool late;

	spin_lock_irqsave(&ctrl->vq_lock, flags);
	late = !completion_done(&cmd->done);
	cmd->abandoned = late;
	spin_unlock_irqrestore(&ctrl->vq_lock, flags);
	return late;
}

static int give_up(struct pvnet *pn)
{
	struct pvnet_ctrl *ctrl = &pn->ctrl;

	ctrl->dead = true;
	if (virtqueue_is_broken(ctrl->vq))
		return -ENODEV;
	ctrl->timeouts++;
	netdev_err(pn->dev,
		   "control queue gave no answer in %u ms; no command is sent before the next reset\n",
		   READ_ONCE(ctrl_timeout_ms));
	return -ETIMEDOUT;
}

static int run(struct pvnet *pn, struct command *cmd, size_t len)
{
	struct pvnet_ctrl *ctrl = &pn->ctrl;
	int err;

	err = submit(ctrl, cmd, len);
	if (err) {
		kfree(cmd);
		return err;
	}
	ctrl->commands++;
	if (!wait_answer(ctrl, cmd) && abandon(ctrl, cmd))
		return give_up(pn);
	if (cmd->ack != VIRTIO_NET_OK) {
		ctrl->refused++;
		err = -EIO;
	}
	kfree(cmd);
	return err;
}

/* Return: 0, -EIO if the device refused, -ETIMEDOUT if it did not answer,
 * -ENODEV if the queue is dead, -ENOMEM.
 */
static int command(struct pvnet *pn, u8 class, u8 which, const void *data,
		   size_t len)
{
	struct pvnet_ctrl *ctrl = &pn->ctrl;
	struct command *cmd;
	int err;

	cmd = kzalloc(struct_size(cmd, data, len), GFP_KERNEL);
	if (!cmd)
		return -ENOMEM;
	init_completion(&cmd->done);
	cmd->ack = VIRTIO_NET_ERR;
	cmd->hdr.class = class;
	cmd->hdr.cmd = which;
	memcpy(cmd->data, data, len);

	mutex_lock(&ctrl->mutex);
	if (ctrl->dead) {
		ctrl->not_sent++;
		kfree(cmd);
		err = -ENODEV;
	} else {
		err = run(pn, cmd, len);
	}
	mutex_unlock(&ctrl->mutex);
	return err;
}

/**
 * pvnet_ctrl_set_pairs() - queue pairs the device shall use
 * @pn: device
 * @pairs: number, 1 needs no command if MQ is missing
 *
 * Return: 0 or -errno as every command.
 */
int pvnet_ctrl_set_pairs(struct pvnet *pn, unsigned int pairs)
{
	struct virtio_net_ctrl_mq mq;

	if (!pvnet_has(pn, VIRTIO_NET_F_MQ))
		return pairs == 1 ? 0 : -EOPNOTSUPP;
	mq.virtqueue_pairs = cpu_to_virtio16(pn->vdev, pairs);
	return command(pn, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
		       &mq, sizeof(mq));
}

/**
 * pvnet_ctrl_set_mac() - address the device shall receive for
 * @pn: device
 * @mac: address
 *
 * Return: 0 or -errno; 0 if a device before 1.0 keeps it in its config.
 */
int pvnet_ctrl_set_mac(struct pvnet *pn, const u8 *mac)
{
	unsigned int i;

	if (pvnet_has(pn, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return command(pn, VIRTIO_NET_CTRL_MAC,
			       VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, ETH_ALEN);
	if (!pvnet_has(pn, VIRTIO_NET_F_MAC) ||
	    pvnet_has(pn, VIRTIO_F_VERSION_1))
		return 0;
	for (i = 0; i < ETH_ALEN; i++)
		virtio_cwrite8(pn->vdev,
			       offsetof(struct virtio_net_config, mac) + i,
			       mac[i]);
	return 0;
}

/**
 * pvnet_ctrl_set_vlan() - let frames of a VLAN in or not
 * @pn: device with CTRL_VLAN
 * @vid: VLAN
 * @on: whether they pass
 *
 * Return: 0 or -errno as every command.
 */
int pvnet_ctrl_set_vlan(struct pvnet *pn, u16 vid, bool on)
{
	__virtio16 v = cpu_to_virtio16(pn->vdev, vid);

	return command(pn, VIRTIO_NET_CTRL_VLAN,
		       on ? VIRTIO_NET_CTRL_VLAN_ADD :
			    VIRTIO_NET_CTRL_VLAN_DEL,
		       &v, sizeof(v));
}

/**
 * pvnet_ctrl_set_offloads() - which receive offloads the device may use
 * @pn: device with CTRL_GUEST_OFFLOADS
 * @offloads: mask of GUEST_* feature bits
 *
 * Return: 0 or -errno as every command.
 */
int pvnet_ctrl_set_offloads(struct pvnet *pn, u64 offloads)
{
	__virtio64 v = cpu_to_virtio64(pn->vdev, offloads);

	return command(pn, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
		       VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &v, sizeof(v));
}

/**
 * pvnet_ctrl_set_rx_flag() - promiscuous or all-multicast mode
 * @pn: device with CTRL_RX
 * @which: VIRTIO_NET_CTRL_RX_PROMISC or _ALLMULTI
 * @on: whether it is on
 *
 * Return: 0 or -errno as every command.
 */
int pvnet_ctrl_set_rx_flag(struct pvnet *pn, u8 which, bool on)
{
	u8 v = on;

	return command(pn, VIRTIO_NET_CTRL_RX, which, &v, sizeof(v));
}

/**
 * pvnet_ctrl_set_mac_table() - addresses beside the main one
 * @pn: device with CTRL_RX
 * @table: unicast then multicast table, each a virtio_net_ctrl_mac
 * @len: bytes of both
 *
 * Return: 0 or -errno as every command.
 */
int pvnet_ctrl_set_mac_table(struct pvnet *pn, const void *table, size_t len)
{
	return command(pn, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
		       table, len);
}

/**
 * pvnet_ctrl_ack_announce() - neighbours have been told where we are
 * @pn: device with GUEST_ANNOUNCE
 *
 * Return: 0 or -errno as every command.
 */
int pvnet_ctrl_ack_announce(struct pvnet *pn)
{
	return command(pn, VIRTIO_NET_CTRL_ANNOUNCE,
		       VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0);
}
