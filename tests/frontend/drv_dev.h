/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drv_dev - a whole device from the driver's side: RAM, connection, queues
 *
 * drv_dev_open() does what QEMU and a guest driver do together until DRIVER_OK.
 * After the back end is gone, drv_dev_resume() goes on with the next one where
 * this one stopped.  drv_dev_reconnect() begins anew with the same RAM: what was
 * in flight is lost (the queues start empty).
 */
#ifndef DRV_DEV_H
#define DRV_DEV_H

#include "drv_vq.h"

/**
 * struct drv_dev_conf - what device to ask for; zero means a default
 * @path:	socket
 * @num_queues:	queues to start (1)
 * @group:	queues that GET_QUEUE_NUM counts as one: 2 for a NIC (1)
 * @queue_size:	entries (256)
 * @layout:	RAM (one region of 64 MiB at 0)
 * @no_features: virtio features not to acknowledge
 * @no_proto:	protocol features not to acknowledge
 * @features:	what the driver knows besides ring features
 * @require:	features without which it does not go on, known or not
 * @indirect_max: entries of indirect tables (64)
 * @spread_rings: each queue's ring lies in another region
 * @ack_all:	every message asks for an acknowledgement
 * @timeout_ms:	for replies and I/O (3000)
 */
struct drv_dev_conf {
	const char *path;
	unsigned int num_queues;
	unsigned int group;
	u16 queue_size;
	struct vu_mem_layout layout;
	u64 no_features;
	u64 no_proto;
	u64 features;
	u64 require;
	unsigned int indirect_max;
	bool spread_rings;
	bool ack_all;
	int timeout_ms;
};

/**
 * struct drv_dev - the device
 * @conf:	with the defaults filled in
 * @fe:		connection; fe.features are those acknowledged
 * @mem:	RAM
 * @record:	what the back end has in flight, for drv_dev_resume()
 * @vq:		conf.num_queues of them
 */
struct drv_dev {
	struct drv_dev_conf conf;
	struct vu_fe fe;
	struct vu_mem mem;
	struct vu_record record;
	struct drv_vq *vq;
};

/* All that this front end can do for a device, beside the device's own bits. */
#define DRV_RING_FEATURES                                             \
	(BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |                       \
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_F_VERSION_1) | \
	 BIT_ULL(VU_F_PROTOCOL_FEATURES))
/* What it acknowledges only where a test or a user wants it. */
#define DRV_PACKED   BIT_ULL(VIRTIO_F_RING_PACKED)
#define DRV_IN_ORDER BIT_ULL(VIRTIO_F_IN_ORDER)
#define DRV_NOTIFICATION_DATA BIT_ULL(38) /* virtio 1.3, 6 */
#define DRV_RING_OPTIONS (DRV_PACKED | DRV_IN_ORDER | DRV_NOTIFICATION_DATA)
#define DRV_PROTO_FEATURES                                          \
	(BIT_ULL(VU_P_MQ) | BIT_ULL(VU_P_LOG_SHMFD) |               \
	 BIT_ULL(VU_P_REPLY_ACK) |                                  \
	 BIT_ULL(VU_P_BACKEND_REQ) | BIT_ULL(VU_P_CONFIG) |         \
	 BIT_ULL(VU_P_CONFIGURE_MEM_SLOTS) | BIT_ULL(VU_P_STATUS) | \
	 BIT_ULL(VU_P_MTU) | BIT_ULL(VU_P_RESET_DEVICE) |           \
	 BIT_ULL(VU_P_INFLIGHT_SHMFD) | BIT_ULL(VU_P_RARP) |        \
	 BIT_ULL(VU_P_DEVICE_STATE))

/**
 * drv_dev_open() - connect, negotiate, start all queues
 *
 * Return: 0 or -errno with the reason in dev->fe.err; nothing is left open.
 */
int drv_dev_open(struct drv_dev *dev, const struct drv_dev_conf *conf);

/** drv_dev_connect() - the part before the driver starts; for hostile tests */
int drv_dev_connect(struct drv_dev *dev, const struct drv_dev_conf *conf);

/** drv_dev_start() - the rest of drv_dev_open() */
int drv_dev_start(struct drv_dev *dev);

/** drv_dev_stop() - GET_VRING_BASE of all queues, as QEMU at shutdown */
int drv_dev_stop(struct drv_dev *dev);

/** drv_dev_reconnect() - to a back end that came back, queues start empty */
int drv_dev_reconnect(struct drv_dev *dev);

/** drv_dev_resumes() - can the next back end go on where this one stops? */
static inline bool drv_dev_resumes(const struct drv_dev *dev)
{
	return dev->record.fd >= 0;
}

/** drv_dev_resume() - to a back end that came back, which does what was asked */
int drv_dev_resume(struct drv_dev *dev);

/** drv_dev_close() - hang up and free everything; also after a failed open */
void drv_dev_close(struct drv_dev *dev);

/** drv_dev_has() - was this virtio feature acknowledged? */
static inline bool drv_dev_has(const struct drv_dev *dev, unsigned int bit)
{
	return dev->fe.features & BIT_ULL(bit);
}

#endif /* DRV_DEV_H */
