// SPDX-License-Identifier: GPL-2.0
/*
 * state - what the device is told after every reset: the one place
 *
 * A reset device has forgotten queue pairs, address, filters and offloads.
 * The wishes are in struct net_device and in pvnet.want; here is the list
 * that sends all of them again.  Whatever becomes settable gets a row here.
 */
#include <linux/slab.h>

#include "pvnet.h"

/* Receive offloads that CTRL_GUEST_OFFLOADS can switch. */
static const u64 guest_offloads =
	BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |
	BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) | BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |
	BIT_ULL(VIRTIO_NET_F_GUEST_UFO);

/**
 * pvnet_state_init() - the state a device is in after its first reset
 * @pn: device with features negotiated and pairs_max known
 */
void pvnet_state_init(struct pvnet *pn)
{
	pn->want.pairs = min(pn->pairs_max, num_online_cpus());
	pn->want.guest_offloads = pn->vdev->features & guest_offloads;
}

/* One table of the command: a count, then addresses. */
static void *put_table(struct pvnet *pn, void *p,
		       struct netdev_hw_addr_list *list)
{
	struct virtio_net_ctrl_mac *table = p;
	struct netdev_hw_addr *ha;

	table->entries = cpu_to_virtio32(pn->vdev, netdev_hw_addr_list_count(list));
	p += sizeof(*table);
	netdev_hw_addr_list_for_each(ha, list) {
		memcpy(p, ha->addr, ETH_ALEN);
		p += ETH_ALEN;
	}
	return p;
}

/* Return: both tables in one allocation, NULL without memory. */
static void *make_tables(struct pvnet *pn, size_t *len)
{
	struct net_device *dev = pn->dev;
	void *tables, *p;

	netif_addr_lock_bh(dev);
	*len = 2 * sizeof(struct virtio_net_ctrl_mac) +
	       (netdev_uc_count(dev) + netdev_mc_count(dev)) * ETH_ALEN;
	tables = kmalloc(*len, GFP_ATOMIC);
	if (tables) {
		p = put_table(pn, tables, &dev->uc);
		put_table(pn, p, &dev->mc);
	}
	netif_addr_unlock_bh(dev);
	return tables;
}

static int send_tables(struct pvnet *pn)
{
	void *tables;
	size_t len;
	int err;

	tables = make_tables(pn, &len);
	if (!tables)
		return -ENOMEM;
	err = pvnet_ctrl_set_mac_table(pn, tables, len);
	kfree(tables);
	return err;
}

/**
 * pvnet_state_send_rx_mode() - which frames the device shall pass
 * @pn: device
 *
 * If the device takes no list of addresses it has to pass all of them.
 */
void pvnet_state_send_rx_mode(struct pvnet *pn)
{
	unsigned int flags = READ_ONCE(pn->dev->flags);
	bool all_uni = flags & IFF_PROMISC;
	bool all_multi = flags & IFF_ALLMULTI;

	if (!pvnet_has(pn, VIRTIO_NET_F_CTRL_RX))
		return;
	if (send_tables(pn)) {
		all_uni |= !netdev_uc_empty(pn->dev);
		all_multi |= !netdev_mc_empty(pn->dev);
	}
	pvnet_ctrl_set_rx_flag(pn, VIRTIO_NET_CTRL_RX_PROMISC, all_uni);
	pvnet_ctrl_set_rx_flag(pn, VIRTIO_NET_CTRL_RX_ALLMULTI, all_multi);
}

static int send_pairs(struct pvnet *pn)
{
	if (pn->want.pairs == 1)
		return 0;
	return pvnet_ctrl_set_pairs(pn, pn->want.pairs);
}

static int send_mac(struct pvnet *pn)
{
	return pvnet_ctrl_set_mac(pn, pn->dev->dev_addr);
}

/* Before registration there is nothing to pass on, and no lock for it. */
static int send_rx_mode(struct pvnet *pn)
{
	if (pn->dev->reg_state == NETREG_REGISTERED)
		pvnet_state_send_rx_mode(pn);
	return 0;
}

static int send_vlans(struct pvnet *pn)
{
	unsigned int vid;
	int err = 0;

	for_each_set_bit(vid, pn->want.vlans, VLAN_N_VID)
		err = pvnet_ctrl_set_vlan(pn, vid, true) ?: err;
	return err;
}

static int send_offloads(struct pvnet *pn)
{
	if (!pvnet_has(pn, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
	    pn->want.guest_offloads == (pn->vdev->features & guest_offloads))
		return 0;
	return pvnet_ctrl_set_offloads(pn, pn->want.guest_offloads);
}

static const struct {
	const char *what;
	int (*send)(struct pvnet *pn);
} replay[] = {
	{ "MAC address", send_mac },
	{ "receive mode", send_rx_mode },
	{ "VLAN filter", send_vlans },
	{ "receive offloads", send_offloads },
};

/**
 * pvnet_state_replay() - tell a reset device everything it has forgotten
 * @pn: device that is ready; before registration or under RTNL
 *
 * What the device refuses is logged and left; without an answer about queue
 * pairs only the first is used, which every device serves.
 */
void pvnet_state_replay(struct pvnet *pn)
{
	unsigned int i;
	int err;

	err = send_pairs(pn);
	if (err) {
		netdev_warn(pn->dev, "using 1 of %u queue pairs (%d)\n",
			    pn->want.pairs, err);
		pn->want.pairs = 1;
	}
	for (i = 0; i < ARRAY_SIZE(replay); i++) {
		err = replay[i].send(pn);
		if (err)
			netdev_warn(pn->dev, "device did not take the %s (%d)\n",
				    replay[i].what, err);
	}
}
