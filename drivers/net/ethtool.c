// SPDX-License-Identifier: GPL-2.0
/*
 * ethtool - counters, rings, channels, driver and link information
 */
#include <linux/ethtool.h>

#include "pv_version.h"
#include "pvnet.h"

static const char *const rx_names[] = {
	[PVNET_RX_PACKETS] = "packets",
	[PVNET_RX_BYTES] = "bytes",
	[PVNET_RX_KICKS] = "kicks",
	[PVNET_RX_BUFFERS] = "buffers",
	[PVNET_RX_COPIED] = "copied",
	[PVNET_RX_CARVED] = "carved",
	[PVNET_RX_REFILL_FAILED] = "refill_failed",
	[PVNET_RX_DROP_NO_MEMORY] = "drop_no_memory",
	[PVNET_RX_DROP_BAD_LENGTH] = "drop_bad_length",
	[PVNET_RX_DROP_BAD_COUNT] = "drop_bad_num_buffers",
	[PVNET_RX_DROP_BAD_CSUM] = "drop_bad_csum",
	[PVNET_RX_DROP_BAD_GSO] = "drop_bad_gso",
};

static_assert(ARRAY_SIZE(rx_names) == PVNET_RX_NUM);

static const char *const tx_names[] = {
	[PVNET_TX_PACKETS] = "packets",
	[PVNET_TX_BYTES] = "bytes",
	[PVNET_TX_KICKS] = "kicks",
	[PVNET_TX_STOPS] = "stops",
	[PVNET_TX_WAKES] = "wakes",
	[PVNET_TX_POLLS] = "polls",
	[PVNET_TX_LINEARIZED] = "linearized",
	[PVNET_TX_TIMEOUTS] = "timeouts",
	[PVNET_TX_DROP_NO_MEMORY] = "drop_no_memory",
	[PVNET_TX_DROP_OFFLOAD] = "drop_offload",
	[PVNET_TX_DROP_RING_FULL] = "drop_ring_full",
	[PVNET_TX_DROP_BROKEN] = "drop_broken",
	[PVNET_TX_DROP_RESET] = "drop_reset",
};

static_assert(ARRAY_SIZE(tx_names) == PVNET_TX_NUM);

/* Counters of the whole device. */
static const struct {
	const char *name;
	size_t offset;
} device_stats[] = {
	{ "ctrl_commands", offsetof(struct pvnet, ctrl.commands) },
	{ "ctrl_refused", offsetof(struct pvnet, ctrl.refused) },
	{ "ctrl_timeouts", offsetof(struct pvnet, ctrl.timeouts) },
	{ "ctrl_not_sent", offsetof(struct pvnet, ctrl.not_sent) },
	{ "tx_timeouts", offsetof(struct pvnet, tx_timeouts) },
	{ "link_changes", offsetof(struct pvnet, link_changes) },
	{ "announces", offsetof(struct pvnet, announces) },
};

/* Every queue's table is followed by its interrupts. */
#define STATS_PER_PAIR	(PVNET_RX_NUM + 1 + PVNET_TX_NUM + 1)

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct pvnet *pn = netdev_priv(dev);

	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->version, PV_VERSION, sizeof(info->version));
	strscpy(info->bus_info, dev_name(pn->vdev->dev.parent ?:
					 &pn->vdev->dev),
		sizeof(info->bus_info));
}

static int get_sset_count(struct net_device *dev, int set)
{
	struct pvnet *pn = netdev_priv(dev);

	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return ARRAY_SIZE(device_stats) + pn->pairs_max * STATS_PER_PAIR;
}

static void put_names(u8 **p, const char *dir, unsigned int queue,
		      const char *const *names, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		ethtool_sprintf(p, "%s%u_%s", dir, queue, names[i]);
	ethtool_sprintf(p, "%s%u_callbacks", dir, queue);
}

static void get_strings(struct net_device *dev, u32 set, u8 *p)
{
	struct pvnet *pn = netdev_priv(dev);
	unsigned int i;

	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < ARRAY_SIZE(device_stats); i++)
		ethtool_sprintf(&p, "%s", device_stats[i].name);
	for (i = 0; i < pn->pairs_max; i++) {
		put_names(&p, "rx", i, rx_names, PVNET_RX_NUM);
		put_names(&p, "tx", i, tx_names, PVNET_TX_NUM);
	}
}

static u64 *put_counters(u64 *data, const struct pvnet_counters *c,
			 unsigned int num, const unsigned long *callbacks)
{
	unsigned int start, i;

	do {
		start = u64_stats_fetch_begin(&c->sync);
		for (i = 0; i < num; i++)
			data[i] = u64_stats_read(&c->value[i]);
	} while (u64_stats_fetch_retry(&c->sync, start));
	data[num] = READ_ONCE(*callbacks);
	return data + num + 1;
}

static void get_stats(struct net_device *dev, struct ethtool_stats *stats,
		      u64 *data)
{
	struct pvnet *pn = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(device_stats); i++)
		*data++ = *(u64 *)((void *)pn + device_stats[i].offset);
	for (i = 0; i < pn->pairs_max; i++) {
		data = put_counters(data, &pn->rxq[i].counters, PVNET_RX_NUM,
				    &pn->rxq[i].callbacks);
		data = put_counters(data, &pn->txq[i].counters, PVNET_TX_NUM,
				    &pn->txq[i].callbacks);
	}
}

static void get_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	struct pvnet *pn = netdev_priv(dev);

	ch->max_combined = pn->pairs_max;
	ch->combined_count = pn->want.pairs;
}

/* The core has checked combined_count against max_combined and for 0. */
static int set_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	struct pvnet *pn = netdev_priv(dev);

	if (ch->combined_count == pn->want.pairs)
		return 0;
	return pvnet_queues_set_pairs(pn, ch->combined_count);
}

static void get_ringparam(struct net_device *dev,
			  struct ethtool_ringparam *ring,
			  struct kernel_ethtool_ringparam *kernel_ring,
			  struct netlink_ext_ack *extack)
{
	struct pvnet *pn = netdev_priv(dev);

	ring->rx_pending = virtqueue_get_vring_size(pn->rxq[0].vq);
	ring->tx_pending = virtqueue_get_vring_size(pn->txq[0].vq);
	ring->rx_max_pending = ring->rx_pending;
	ring->tx_max_pending = ring->tx_pending;
}

/* virtio 1.3, 5.1.4: speed to 0x7fffffff, duplex 0 or 1; else unknown. */
static int get_link_ksettings(struct net_device *dev,
			      struct ethtool_link_ksettings *cmd)
{
	struct pvnet *pn = netdev_priv(dev);
	u32 speed = SPEED_UNKNOWN;
	u8 duplex = DUPLEX_UNKNOWN;

	virtio_cread_le_feature(pn->vdev, VIRTIO_NET_F_SPEED_DUPLEX,
				struct virtio_net_config, speed, &speed);
	virtio_cread_le_feature(pn->vdev, VIRTIO_NET_F_SPEED_DUPLEX,
				struct virtio_net_config, duplex, &duplex);
	cmd->base.speed = ethtool_validate_speed(speed) ? speed :
							  SPEED_UNKNOWN;
	cmd->base.duplex = ethtool_validate_duplex(duplex) ? duplex :
							     DUPLEX_UNKNOWN;
	cmd->base.port = PORT_OTHER;
	return 0;
}

const struct ethtool_ops pvnet_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = get_link_ksettings,
	.get_ts_info = ethtool_op_get_ts_info,
	.get_ringparam = get_ringparam,
	.get_channels = get_channels,
	.set_channels = set_channels,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_stats,
};
