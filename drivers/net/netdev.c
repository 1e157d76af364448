// SPDX-License-Identifier: GPL-2.0
/*
 * netdev - what the stack asks of the network device, and link state
 */
#include "pvnet.h"

static int open(struct net_device *dev)
{
	struct pvnet *pn = netdev_priv(dev);

	pvnet_queues_start(pn);
	pvnet_link_update(pn);
	return 0;
}

static int stop(struct net_device *dev)
{
	pvnet_queues_stop(netdev_priv(dev));
	return 0;
}

static void add_counters(const struct pvnet_counters *c, unsigned int packets,
			 unsigned int bytes, u64 *sum_packets, u64 *sum_bytes)
{
	unsigned int start;
	u64 p, b;

	do {
		start = u64_stats_fetch_begin(&c->sync);
		p = u64_stats_read(&c->value[packets]);
		b = u64_stats_read(&c->value[bytes]);
	} while (u64_stats_fetch_retry(&c->sync, start));
	*sum_packets += p;
	*sum_bytes += b;
}

static u64 sum_range(const struct pvnet_counters *c, unsigned int first,
		     unsigned int end)
{
	u64 sum = 0;

	for (; first < end; first++)
		sum += u64_stats_read(&c->value[first]);
	return sum;
}

static void get_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct pvnet *pn = netdev_priv(dev);
	const struct pvnet_counters *c;
	unsigned int i;

	for (i = 0; i < pn->pairs_max; i++) {
		c = &pn->rxq[i].counters;
		add_counters(c, PVNET_RX_PACKETS, PVNET_RX_BYTES,
			     &s->rx_packets, &s->rx_bytes);
		s->rx_dropped += sum_range(c, PVNET_RX_DROP_NO_MEMORY,
					   PVNET_RX_DROP_BAD_LENGTH);
		s->rx_length_errors += sum_range(c, PVNET_RX_DROP_BAD_LENGTH,
						 PVNET_RX_DROP_BAD_CSUM);
		s->rx_frame_errors += sum_range(c, PVNET_RX_DROP_BAD_CSUM,
						PVNET_RX_NUM);
		c = &pn->txq[i].counters;
		add_counters(c, PVNET_TX_PACKETS, PVNET_TX_BYTES,
			     &s->tx_packets, &s->tx_bytes);
		s->tx_dropped += sum_range(c, PVNET_TX_DROP_NO_MEMORY,
					   PVNET_TX_NUM);
	}
	s->rx_errors = s->rx_length_errors + s->rx_frame_errors;
}

/* Called with the address lock held: the command has to be sent by a work. */
static void set_rx_mode(struct net_device *dev)
{
	struct pvnet *pn = netdev_priv(dev);

	if (pvnet_has(pn, VIRTIO_NET_F_CTRL_RX))
		schedule_work(&pn->rx_mode_work);
}

/**
 * pvnet_rx_mode_work() - send the receive mode from where one may sleep
 * @work: rx_mode_work of a struct pvnet
 */
void pvnet_rx_mode_work(struct work_struct *work)
{
	pvnet_state_send_rx_mode(container_of(work, struct pvnet,
					      rx_mode_work));
}

static int set_mac_address(struct net_device *dev, void *p)
{
	struct pvnet *pn = netdev_priv(dev);
	struct sockaddr *addr = p;
	int err;

	err = eth_prepare_mac_addr_change(dev, p);
	if (err)
		return err;
	err = pvnet_ctrl_set_mac(pn, addr->sa_data);
	if (err)
		return err;
	eth_commit_mac_addr_change(dev, p);
	return 0;
}

static int vlan_rx_add_vid(struct net_device *dev, __be16 proto, u16 vid)
{
	struct pvnet *pn = netdev_priv(dev);
	int err;

	err = pvnet_ctrl_set_vlan(pn, vid, true);
	if (!err)
		set_bit(vid, pn->want.vlans);
	return err;
}

static int vlan_rx_kill_vid(struct net_device *dev, __be16 proto, u16 vid)
{
	struct pvnet *pn = netdev_priv(dev);

	clear_bit(vid, pn->want.vlans);
	return pvnet_ctrl_set_vlan(pn, vid, false);
}

static int change_mtu(struct net_device *dev, int mtu)
{
	struct pvnet *pn = netdev_priv(dev);
	int old = dev->mtu;
	int err;

	dev->mtu = mtu;
	err = pvnet_reshape(pn);
	if (err)
		dev->mtu = old;
	return err;
}

/* Features of the stack and the receive offloads each stands for. */
static const struct {
	netdev_features_t netdev;
	u64 guest;
} offloads[] = {
	{ NETIF_F_RXCSUM, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) },
	{ NETIF_F_GRO_HW, BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |
			  BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |
			  BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |
			  BIT_ULL(VIRTIO_NET_F_GUEST_UFO) },
};

static int set_features(struct net_device *dev, netdev_features_t features)
{
	struct pvnet *pn = netdev_priv(dev);
	u64 guest = 0;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(offloads); i++)
		if (features & offloads[i].netdev)
			guest |= pn->vdev->features & offloads[i].guest;
	if (guest == pn->want.guest_offloads)
		return 0;
	err = pvnet_ctrl_set_offloads(pn, guest);
	if (!err)
		pn->want.guest_offloads = guest;
	return err;
}

/* Segments are checksummed by the device: no segmentation without that. */
static netdev_features_t fix_features(struct net_device *dev,
				      netdev_features_t features)
{
	if (!(features & NETIF_F_RXCSUM))
		features &= ~NETIF_F_GRO_HW;
	return features;
}

static netdev_features_t features_check(struct sk_buff *skb,
					struct net_device *dev,
					netdev_features_t features)
{
	return vlan_features_check(skb, features);
}

const struct net_device_ops pvnet_netdev_ops = {
	.ndo_open = open,
	.ndo_stop = stop,
	.ndo_start_xmit = pvnet_tx_xmit,
	.ndo_tx_timeout = pvnet_tx_timeout,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_set_mac_address = set_mac_address,
	.ndo_set_rx_mode = set_rx_mode,
	.ndo_get_stats64 = get_stats64,
	.ndo_vlan_rx_add_vid = vlan_rx_add_vid,
	.ndo_vlan_rx_kill_vid = vlan_rx_kill_vid,
	.ndo_change_mtu = change_mtu,
	.ndo_set_features = set_features,
	.ndo_fix_features = fix_features,
	.ndo_features_check = features_check,
};

/* Negotiated feature -> feature of the stack. */
static const struct {
	u8 bit;
	netdev_features_t netdev;
} tx_features[] = {
	{ VIRTIO_NET_F_CSUM, NETIF_F_HW_CSUM | NETIF_F_SG },
	{ VIRTIO_NET_F_HOST_TSO4, NETIF_F_TSO },
	{ VIRTIO_NET_F_HOST_TSO6, NETIF_F_TSO6 },
	{ VIRTIO_NET_F_HOST_ECN, NETIF_F_TSO_ECN },
	{ VIRTIO_NET_F_HOST_UFO, NETIF_F_GSO_UDP },
};

/**
 * pvnet_netdev_set_features() - what ethtool -k shows, from what was negotiated
 * @pn: device with features negotiated
 */
void pvnet_netdev_set_features(struct pvnet *pn)
{
	struct net_device *dev = pn->dev;
	netdev_features_t rx = 0;
	unsigned int i;

	dev->features = NETIF_F_HIGHDMA;
	for (i = 0; i < ARRAY_SIZE(tx_features); i++)
		if (pvnet_has(pn, tx_features[i].bit))
			dev->hw_features |= tx_features[i].netdev;
	dev->features |= dev->hw_features;
	for (i = 0; i < ARRAY_SIZE(offloads); i++)
		if (pn->vdev->features & offloads[i].guest)
			rx |= offloads[i].netdev;
	dev->features |= rx;
	if (pvnet_has(pn, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		dev->hw_features |= rx;
	if (pvnet_has(pn, VIRTIO_NET_F_CTRL_VLAN))
		dev->features |= NETIF_F_HW_VLAN_CTAG_FILTER;
	dev->vlan_features = dev->features & ~NETIF_F_HW_VLAN_CTAG_FILTER;
}

static u16 read_status(struct pvnet *pn)
{
	u16 status = VIRTIO_NET_S_LINK_UP;

	virtio_cread_feature(pn->vdev, VIRTIO_NET_F_STATUS,
			     struct virtio_net_config, status, &status);
	return status;
}

/**
 * pvnet_link_update() - take over the link state: under RTNL
 * @pn: device
 */
void pvnet_link_update(struct pvnet *pn)
{
	bool up = read_status(pn) & VIRTIO_NET_S_LINK_UP;

	if (up == netif_carrier_ok(pn->dev))
		return;
	pn->link_changes++;
	if (up)
		netif_carrier_on(pn->dev);
	else
		netif_carrier_off(pn->dev);
}

/**
 * pvnet_config_work() - the device says that its configuration changed
 * @work: config_work of a struct pvnet
 */
void pvnet_config_work(struct work_struct *work)
{
	struct pvnet *pn = container_of(work, struct pvnet, config_work);
	bool announce = pvnet_has(pn, VIRTIO_NET_F_GUEST_ANNOUNCE) &&
			read_status(pn) & VIRTIO_NET_S_ANNOUNCE;

	rtnl_lock();
	pvnet_link_update(pn);
	rtnl_unlock();
	if (!announce)
		return;
	pn->announces++;
	netdev_notify_peers(pn->dev);
	pvnet_ctrl_ack_announce(pn);
}
