// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net - the virtio-net device (virtio 1.3, 5.1)
 *
 * Theory of operation
 *
 * A pair is a receive queue 2i and a transmit queue 2i + 1 (virtio 1.3, 5.1.2)
 * on one worker, and queue i of the port.  The device runs a queue's turn and
 * the port calls back; net_rx.c and net_tx.c hold the two directions.
 *
 * A running queue holds one reference of its own (queue_get()) for what the
 * port has in flight for it, from attach() to detached().
 *
 * The control queue is not here: QEMU and DPDK's virtio-user serve it
 * themselves, so MAC filters, VLANs and announcements never reach a back end.
 */
#include "net.h"

#include <errno.h>
#include <jansson.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "net_rarp.h"
#include "net_rx.h"
#include "net_tx.h"
#include "pages.h"
#include "port.h"
#include "stats_table.h"
#include "vu_proto.h"

#define QUEUES_PER_PAIR PORT_DIRS
#define NET_PAIRS_MAX	(DEVICE_QUEUES_MAX / QUEUES_PER_PAIR)

/* Frames a receive turn takes before others get theirs. */
#define RX_BUDGET 64

struct net_pair {
	struct net_rx rx;
	struct net_tx tx;
};

/**
 * struct net_device - a NIC
 * @dev:	common part
 * @ops:	net_ops, with what this device's configuration changes
 * @port:	where frames go
 * @config:	config space
 * @features:	offered
 * @num_pairs:	of @pairs
 */
struct net_device {
	struct device dev;
	struct device_ops ops;
	struct port *port;
	struct virtio_net_config config;
	u64 features;
	unsigned int num_pairs;
	struct net_pair *pairs;
};

static struct net_device *net_of(const struct device *dev)
{
	return container_of(dev, struct net_device, dev);
}

static enum port_dir queue_dir(const struct queue *q)
{
	return q->index % QUEUES_PER_PAIR;
}

static unsigned int queue_pair(const struct queue *q)
{
	return q->index / QUEUES_PER_PAIR;
}

static struct net_pair *pair_of(const struct queue *q)
{
	return &net_of(q->dev)->pairs[queue_pair(q)];
}

static u64 net_features(const struct device *dev)
{
	return net_of(dev)->features;
}

static int net_config_read(struct device *dev, u32 off, u32 len,
			   void *buf)
{
	const struct net_device *net = net_of(dev);

	if (off > sizeof(net->config) || len > sizeof(net->config) - off)
		return -EINVAL;
	memcpy(buf, (const u8 *)&net->config + off, len);
	return 0;
}

static void net_queue_enabled(struct queue *q)
{
	struct port *port = net_of(q->dev)->port;

	if (queue_dir(q) == PORT_RX && port->ops->pair_enable)
		port->ops->pair_enable(port, queue_pair(q), q->enabled);
}

static void net_features_set(struct device *dev, u64 features)
{
	struct port *port = net_of(dev)->port;
	int err = port->ops->offloads_set(port, features);

	if (err)
		log_err("%s: cannot set the offloads of its %s port: %s",
			dev->name, port->ops->name, strerror(-err));
	/* Enabling may have come before, and ends unsaid with a connection. */
	for (unsigned int i = 0; i < dev->num_queues; i++)
		net_queue_enabled(&dev->queues[i]);
}

static void net_queue_start(struct queue *q)
{
	struct net_device *net = net_of(q->dev);
	struct net_pair *pair = pair_of(q);

	if (queue_dir(q) == PORT_RX)
		net_rx_start(&pair->rx, q);
	else
		net_tx_start(&pair->tx, q);
	queue_get(q);
	net->port->ops->attach(net->port, queue_pair(q), queue_dir(q),
			       q->worker, pair);
}

static void net_queue_stop(struct queue *q)
{
	struct port *port = net_of(q->dev)->port;

	port->ops->detach(port, queue_pair(q), queue_dir(q));
}

static unsigned int rx_run(struct queue *q)
{
	struct port *port = net_of(q->dev)->port;
	unsigned int n;

	pair_of(q)->rx.starved = false;
	n = port->ops->poll(port, queue_pair(q), RX_BUDGET);
	if (n)
		queue_flush(q);
	return n;
}

static unsigned int tx_run(struct queue *q)
{
	struct port *port = net_of(q->dev)->port;
	struct net_tx *tx = &pair_of(q)->tx;
	unsigned int popped, n;

	if (tx->inflight)
		return 0;
	/* vhost-user, "Ring states": a disabled transmit ring is consumed. */
	if (!READ_ONCE(q->enabled))
		return net_tx_discard(tx);
	n = net_tx_take(tx, &popped);
	if (n)
		port->ops->xmit(port, queue_pair(q), tx->batch, n);
	return popped;
}

static unsigned int net_queue_run(struct queue *q)
{
	return queue_dir(q) == PORT_RX ? rx_run(q) : tx_run(q);
}

/* Receive wants buffers only while a frame waits for them; transmit wants none
 * while the port still works on the last ones.
 */
static bool net_queue_arm(struct queue *q)
{
	const struct net_pair *pair = pair_of(q);

	if (queue_dir(q) == PORT_RX ? !pair->rx.starved : pair->tx.inflight)
		return false;
	return vq_notify_on(&q->vq);
}

static struct queue *client_queue(struct net_pair *pair, enum port_dir dir)
{
	return dir == PORT_RX ? pair->rx.q : pair->tx.q;
}

static void client_wake(void *arg, enum port_dir dir)
{
	struct queue *q = client_queue(arg, dir);

	if (!q->stopping)
		worker_task_wake(q->worker, &q->task);
}

static void client_sent(void *arg, struct port_frame *frame, int res)
{
	struct net_pair *pair = arg;

	net_tx_sent(&pair->tx, frame, res);
}

static int client_deliver(void *arg, u8 *frame, size_t len)
{
	struct net_pair *pair = arg;

	return net_rx_deliver(&pair->rx, frame, len);
}

static int client_reserve(void *arg, size_t data_len, struct iovec **iov)
{
	struct net_pair *pair = arg;

	return net_rx_reserve(&pair->rx, data_len, iov);
}

static void client_commit(void *arg, const void *hdr, size_t data_len)
{
	struct net_pair *pair = arg;

	net_rx_commit(&pair->rx, hdr, data_len);
}

static void client_detached(void *arg, enum port_dir dir)
{
	struct net_pair *pair = arg;

	if (dir == PORT_RX)
		net_rx_stop(&pair->rx);
	queue_put(client_queue(pair, dir));
}

static const struct port_client net_client = {
	.wake = client_wake,
	.sent = client_sent,
	.deliver = client_deliver,
	.reserve = client_reserve,
	.commit = client_commit,
	.detached = client_detached,
};

static void net_stats(const struct queue *q, struct stats_sources *out)
{
	const struct net_pair *pair = pair_of(q);
	const struct port *port = net_of(q->dev)->port;

	out->base[STATS_NET] = queue_dir(q) == PORT_RX ? &pair->rx.stats :
							 &pair->tx.stats;
	if (port->ops->stats)
		out->base[STATS_PORT] = port->ops->stats(port, queue_pair(q),
							 queue_dir(q));
}

static void net_status(const struct device *dev, json_t *json)
{
	const struct port *port = net_of(dev)->port;

	json_object_set_new(json, "port", json_string(port->ops->name));
}

static int net_announce(struct device *dev, const u8 *mac)
{
	struct port *port = net_of(dev)->port;
	u8 frame[NET_RARP_LEN];

	if (!net_rarp_mac_ok(mac))
		return -EINVAL;
	if (!port->ops->inject)
		return 0;
	net_rarp_build(frame, mac);
	return port->ops->inject(port, frame, sizeof(frame));
}

static void net_mtu_set(struct device *dev, u16 mtu)
{
	net_of(dev)->config.mtu = cpu_to_virtio16(mtu);
}

static void net_fds(const struct device *dev, device_give *give, void *arg)
{
	const struct port *port = net_of(dev)->port;

	if (port->ops->fds)
		port->ops->fds(port, give, arg);
}

static void net_destroy(struct device *dev)
{
	struct net_device *net = net_of(dev);

	device_fini(dev);
	net->port->ops->close(net->port);
	free(net->pairs);
	pages_free(net, sizeof(*net));
}

static const struct device_ops net_ops = {
	.type = "net",
	.virtio_id = 1,
	.consumes_disabled = true,
	.features = net_features,
	.config_read = net_config_read,
	.features_set = net_features_set,
	.queue_enabled = net_queue_enabled,
	.queue_start = net_queue_start,
	.queue_run = net_queue_run,
	.queue_arm = net_queue_arm,
	.queue_stop = net_queue_stop,
	.announce = net_announce,
	.mtu_set = net_mtu_set,
	.stats = net_stats,
	.status = net_status,
	.fds = net_fds,
	.destroy = net_destroy,
};

/*
 * QEMU keeps of STATUS, MAC and the CTRL_* bits what it offers itself, whatever
 * we say.  MQ is for more than one pair only: Linux refuses a device that has
 * it without a control queue, as UML's would be.
 */
static void config_init(struct net_device *net, const struct conf_device *conf)
{
	static const u8 no_mac[sizeof(conf->mac)];

	net->ops = net_ops;
	net->config.status = cpu_to_virtio16(VIRTIO_NET_S_LINK_UP);
	net->config.max_virtqueue_pairs = cpu_to_virtio16((u16)net->num_pairs);
	net->features = net->port->ops->features(net->port) |
			BIT_ULL(VIRTIO_NET_F_MRG_RXBUF);
	if (net->num_pairs > 1)
		net->features |= BIT_ULL(VIRTIO_NET_F_MQ);
	if (memcmp(conf->mac, no_mac, sizeof(no_mac))) {
		memcpy(net->config.mac, conf->mac, sizeof(net->config.mac));
		net->features |= BIT_ULL(VIRTIO_NET_F_MAC);
		net->ops.protocol_features |= BIT_ULL(VU_PROTOCOL_F_CONFIG);
	}
}

static int port_open(struct port **out, const struct conf_device *conf)
{
	const struct port_ops *ops = port_find(conf->port);
	int err;

	if (!ops) {
		conf_err(conf, "port", "not in this build");
		return -EINVAL;
	}
	err = ops->open(out, conf);
	if (err)
		return err;
	(*out)->client = &net_client;
	return 0;
}

int net_create(struct device **out, const struct conf_device *conf,
	       const struct device_env *env)
{
	struct net_device *net;
	int err;

	if (!conf->num_queues || conf->num_queues > NET_PAIRS_MAX) {
		conf_err(conf, "num-queues", "must be 1 to %u pairs",
			 NET_PAIRS_MAX);
		return -EINVAL;
	}
	net = pages_alloc(sizeof(*net));
	if (!net)
		return -ENOMEM;
	net->num_pairs = conf->num_queues;
	net->pairs = calloc(net->num_pairs, sizeof(*net->pairs));
	err = net->pairs ? 0 : -ENOMEM;
	if (err)
		goto err_free;
	err = port_open(&net->port, conf);
	if (err)
		goto err_free;
	config_init(net, conf);
	err = device_init(&net->dev, &net->ops, conf->name,
			  net->num_pairs * QUEUES_PER_PAIR, QUEUES_PER_PAIR,
			  env);
	if (err)
		goto err_close;
	*out = &net->dev;
	return 0;

err_close:
	net->port->ops->close(net->port);
err_free:
	free(net->pairs);
	pages_free(net, sizeof(*net));
	return err;
}
