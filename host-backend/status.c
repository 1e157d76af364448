// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * status - what the daemon's devices, connections and queues are at, as JSON
 *
 * Runs on the control thread.  Of a running queue, which is a worker's, it reads
 * single words that may be a moment old.
 */
#include "status.h"

#include <linux/virtio_config.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "device.h"
#include "pv_features.h"
#include "pv_version.h"
#include "server.h"
#include "vu_dev.h"

#define FEATURES 64
#define NAME(bit, name) \
	[bit] = #name,

static const char *const ring_names[FEATURES] = { PV_RING_FEATURES(NAME) };
static const char *const blk_names[FEATURES] = { PV_BLK_FEATURES(NAME) };
static const char *const net_names[FEATURES] = { PV_NET_FEATURES(NAME) };

/* vhost-user, "Protocol features" */
static const char *const protocol_names[FEATURES] = {
	[0] = "MQ",
	[1] = "LOG_SHMFD",
	[2] = "RARP",
	[3] = "REPLY_ACK",
	[4] = "MTU",
	[5] = "BACKEND_REQ",
	[6] = "CROSS_ENDIAN",
	[7] = "CRYPTO_SESSION",
	[8] = "PAGEFAULT",
	[9] = "CONFIG",
	[10] = "BACKEND_SEND_FD",
	[11] = "HOST_NOTIFIER",
	[12] = "INFLIGHT_SHMFD",
	[13] = "RESET_DEVICE",
	[14] = "INBAND_NOTIFICATIONS",
	[15] = "CONFIGURE_MEM_SLOTS",
	[16] = "STATUS",
	[17] = "XEN_MMAP",
	[18] = "SHARED_OBJECT",
	[19] = "DEVICE_STATE",
	[20] = "GET_VRING_BASE_INFLIGHT",
};

static const char *const queue_states[QUEUE_STATE_MAX] = {
	[QUEUE_STOPPED] = "stopped",
	[QUEUE_RUNNING] = "running",
	[QUEUE_DRAINING] = "draining",
};

/* A bit that has no name is shown by its number. */
static void add_features(json_t *list, u64 features, const char *const *names,
			 const char *const *more)
{
	unsigned int bit;

	for (bit = 0; bit < FEATURES; bit++) {
		const char *name = names[bit];

		if (!(features & BIT_ULL(bit)))
			continue;
		if (!name && more)
			name = more[bit];
		json_array_append_new(list, name ? json_string(name) :
						   json_sprintf("bit %u", bit));
	}
}

static json_t *virtio_features(const struct device *dev)
{
	json_t *list = json_array();

	/* virtio 1.3, 5: 2 is a block device */
	add_features(list, dev->features, ring_names,
		     dev->ops->virtio_id == 2 ? blk_names : net_names);
	return list;
}

static json_t *protocol_features(const struct vu_dev *vd)
{
	json_t *list = json_array();

	if (vd->state != VU_CLOSED)
		add_features(list, vd->protocol_features, protocol_names, NULL);
	return list;
}

static const char *queue_layout(const struct queue *q)
{
	return q->dev->features & BIT_ULL(VIRTIO_F_RING_PACKED) ? "packed" :
								  "split";
}

static u32 queue_position(const struct queue *q)
{
	return q->state == QUEUE_STOPPED ? q->setup.base : vq_base(&q->vq);
}

/* The request that is out the longest; NULL where none is. */
static json_t *oldest_json(const struct queue *q)
{
	struct device_oldest oldest;
	struct timespec ts;
	u64 now;

	if (q->state == QUEUE_STOPPED || !q->dev->ops->oldest ||
	    !q->dev->ops->oldest(q, &oldest))
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
	return json_pack("{s:s, s:I, s:I, s:b}", "op", oldest.op,
			 "offset", (json_int_t)oldest.offset,
			 "age_ms", (json_int_t)(now - oldest.start_ns / 1000000),
			 "stuck", q->stuck_ns != 0);
}

static json_t *queue_json(const struct queue *q)
{
	return json_pack("{s:i, s:s, s:s, s:i, s:b, s:b, s:i, s:i, s:s?, s:o*}",
			 "queue", (int)q->index,
			 "state", queue_states[q->state],
			 "layout", queue_layout(q),
			 "size", (int)q->setup.size,
			 "started", q->started,
			 "enabled", q->enabled,
			 "position", (int)queue_position(q),
			 "worker", (int)worker_index(q->worker),
			 "fault", vq_broken(&q->vq) ?
					  vq_fault_name(q->vq.fault) : NULL,
			 "oldest", oldest_json(q));
}

static json_t *queues_json(const struct device *dev)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++)
		json_array_append_new(list, queue_json(&dev->queues[i]));
	return list;
}

static json_t *device_json(const struct device *dev,
			   const struct conf_device *conf)
{
	const struct vu_dev *vd = dev->transport;
	json_t *json;

	json = json_pack("{s:s, s:s, s:s?, s:b, s:s, s:o, s:o, s:o}",
			 "name", dev->name,
			 "type", dev->ops->type,
			 "socket", conf->socket_path ? conf->socket_path : "",
			 "connected", vd->state != VU_CLOSED,
			 "state", vu_state_name(vd->state),
			 "features", virtio_features(dev),
			 "protocol_features", protocol_features(vd),
			 "queues", queues_json(dev));
	if (json && dev->ops->status)
		dev->ops->status(dev, json);
	return json;
}

static json_t *workers_json(const struct daemon *d)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < d->num_workers; i++)
		json_array_append_new(list, json_pack("{s:i, s:s}", "worker",
						      (int)i, "engine",
						      worker_engine(d->workers[i])));
	return list;
}

json_t *status_json(const struct daemon *d, int index)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < d->num_devices; i++)
		if (index < 0 || (unsigned int)index == i)
			json_array_append_new(list,
					      device_json(d->devices[i],
							  &d->conf.devices[i]));
	return json_pack("{s:s, s:i, s:o, s:o}", "version", PV_VERSION, "pid",
			 (int)getpid(), "workers", workers_json(d), "devices",
			 list);
}
