// SPDX-License-Identifier: GPL-2.0
/*
 * main - module, probe and remove, feature negotiation, reset, freeze
 *
 * Theory of operation
 *
 *	validate: drop feature bits that make no sense alone or with the config
 *	probe:	  alloc netdev and queues -> device_up() -> register
 *	reset:	  device_down() -> device_up(), for freeze/restore and reshape
 *	remove:	  unregister -> device_down() -> free
 *
 * device_up() and device_down() are the only way in and out of a life of the
 * device; device_up() ends with pvnet_state_replay().
 */
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "pv_names.h"
#include "pv_version.h"
#include "pvnet.h"

static bool off;
module_param(off, bool, 0444);
MODULE_PARM_DESC(off, "Leave all devices to the kernel's own driver");

static const unsigned int features[] = {
	VIRTIO_NET_F_CSUM,
	VIRTIO_NET_F_GUEST_CSUM,
	VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
	VIRTIO_NET_F_MTU,
	VIRTIO_NET_F_MAC,
	VIRTIO_NET_F_GUEST_TSO4,
	VIRTIO_NET_F_GUEST_TSO6,
	VIRTIO_NET_F_GUEST_ECN,
	VIRTIO_NET_F_GUEST_UFO,
	VIRTIO_NET_F_HOST_TSO4,
	VIRTIO_NET_F_HOST_TSO6,
	VIRTIO_NET_F_HOST_ECN,
	VIRTIO_NET_F_HOST_UFO,
	VIRTIO_NET_F_MRG_RXBUF,
	VIRTIO_NET_F_STATUS,
	VIRTIO_NET_F_CTRL_VQ,
	VIRTIO_NET_F_CTRL_RX,
	VIRTIO_NET_F_CTRL_VLAN,
	VIRTIO_NET_F_GUEST_ANNOUNCE,
	VIRTIO_NET_F_MQ,
	VIRTIO_NET_F_CTRL_MAC_ADDR,
	VIRTIO_NET_F_SPEED_DUPLEX,
};

/* Before 1.0 a driver had to ask for the layout it uses. */
static const unsigned int features_legacy[] = {
	VIRTIO_NET_F_CSUM,
	VIRTIO_NET_F_GUEST_CSUM,
	VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
	VIRTIO_NET_F_MTU,
	VIRTIO_NET_F_MAC,
	VIRTIO_NET_F_GUEST_TSO4,
	VIRTIO_NET_F_GUEST_TSO6,
	VIRTIO_NET_F_GUEST_ECN,
	VIRTIO_NET_F_GUEST_UFO,
	VIRTIO_NET_F_HOST_TSO4,
	VIRTIO_NET_F_HOST_TSO6,
	VIRTIO_NET_F_HOST_ECN,
	VIRTIO_NET_F_HOST_UFO,
	VIRTIO_NET_F_MRG_RXBUF,
	VIRTIO_NET_F_STATUS,
	VIRTIO_NET_F_CTRL_VQ,
	VIRTIO_NET_F_CTRL_RX,
	VIRTIO_NET_F_CTRL_VLAN,
	VIRTIO_NET_F_GUEST_ANNOUNCE,
	VIRTIO_NET_F_MQ,
	VIRTIO_NET_F_CTRL_MAC_ADDR,
	VIRTIO_NET_F_SPEED_DUPLEX,
	VIRTIO_F_ANY_LAYOUT,
};

/* virtio 1.3, 5.1.3.1: features that need another one.  A row comes after the
 * row that may drop what it needs.
 */
static const struct {
	u8 bit;
	u8 needs;
} dependencies[] = {
	{ VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_UFO, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_HOST_UFO, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_STATUS },
	{ VIRTIO_NET_F_MQ, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_CTRL_VQ },
};

/* ECN needs one of the two TSO. */
static const u8 ecn_needs[][3] = {
	{ VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4,
	  VIRTIO_NET_F_GUEST_TSO6 },
	{ VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4,
	  VIRTIO_NET_F_HOST_TSO6 },
};

static void drop_feature(struct virtio_device *vdev, unsigned int bit,
			 const char *why, unsigned int value)
{
	dev_warn(&vdev->dev, "feature bit %u not used: %s (%u)\n", bit, why,
		 value);
	__virtio_clear_bit(vdev, bit);
}

static void check_dependencies(struct virtio_device *vdev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dependencies); i++)
		if (__virtio_test_bit(vdev, dependencies[i].bit) &&
		    !__virtio_test_bit(vdev, dependencies[i].needs))
			drop_feature(vdev, dependencies[i].bit,
				     "device does not offer the bit it needs",
				     dependencies[i].needs);
	for (i = 0; i < ARRAY_SIZE(ecn_needs); i++)
		if (__virtio_test_bit(vdev, ecn_needs[i][0]) &&
		    !__virtio_test_bit(vdev, ecn_needs[i][1]) &&
		    !__virtio_test_bit(vdev, ecn_needs[i][2]))
			drop_feature(vdev, ecn_needs[i][0],
				     "device does not offer the bit it needs",
				     ecn_needs[i][1]);
}

/* Reads before FEATURES_OK are allowed for offered bits (virtio 1.3, 2.4.1). */
static void check_config(struct virtio_device *vdev)
{
	u16 value;

	if (!virtio_cread_feature(vdev, VIRTIO_NET_F_MTU,
				  struct virtio_net_config, mtu, &value) &&
	    value < ETH_MIN_MTU)
		drop_feature(vdev, VIRTIO_NET_F_MTU, "MTU below 68", value);
	if (!virtio_cread_feature(vdev, VIRTIO_NET_F_MQ,
				  struct virtio_net_config,
				  max_virtqueue_pairs, &value) &&
	    (!value || value > PVNET_PAIRS_MAX))
		drop_feature(vdev, VIRTIO_NET_F_MQ,
			     "queue pairs not from 1 to 1024", value);
}

static int validate(struct virtio_device *vdev)
{
	if (!vdev->config->get) {
		dev_err(&vdev->dev, "config space is missing\n");
		return -EINVAL;
	}
	check_dependencies(vdev);
	check_config(vdev);
	return 0;
}

static void read_mac(struct pvnet *pn)
{
	u8 mac[ETH_ALEN];

	if (pvnet_has(pn, VIRTIO_NET_F_MAC)) {
		virtio_cread_bytes(pn->vdev,
				   offsetof(struct virtio_net_config, mac),
				   mac, sizeof(mac));
		if (is_valid_ether_addr(mac)) {
			eth_hw_addr_set(pn->dev, mac);
			return;
		}
		dev_warn(&pn->vdev->dev,
			 "device gives %pM as its address, using a random one\n",
			 mac);
	}
	eth_hw_addr_random(pn->dev);
}

/* validate() has looked at the value, but the device may change its mind. */
static void read_mtu(struct pvnet *pn)
{
	u16 mtu;

	pn->dev->min_mtu = ETH_MIN_MTU;
	pn->dev->max_mtu = ETH_MAX_MTU;
	if (virtio_cread_feature(pn->vdev, VIRTIO_NET_F_MTU,
				 struct virtio_net_config, mtu, &mtu))
		return;
	mtu = max_t(u16, mtu, ETH_MIN_MTU);
	pn->dev->mtu = mtu;
	pn->dev->max_mtu = mtu;
}

static unsigned int read_pairs(struct virtio_device *vdev)
{
	u16 pairs = 1;

	virtio_cread_feature(vdev, VIRTIO_NET_F_MQ, struct virtio_net_config,
			     max_virtqueue_pairs, &pairs);
	return clamp_t(unsigned int, pairs, 1, PVNET_PAIRS_MAX);
}

static void choose_rx_mode(struct pvnet *pn)
{
	if (pvnet_has(pn, VIRTIO_NET_F_MRG_RXBUF))
		pn->rx_mode = PVNET_RX_MERGE;
	else if (pn->hdr.bytes + pvnet_buf_frame_max(pn) <= PAGE_SIZE)
		pn->rx_mode = PVNET_RX_SINGLE;
	else
		pn->rx_mode = PVNET_RX_CHAIN;
}

/* One life of the device begins: virtqueues, ready, told everything. */
static int device_up(struct pvnet *pn)
{
	int err;

	choose_rx_mode(pn);
	err = pvnet_queues_find(pn);
	if (err)
		return err;
	virtio_device_ready(pn->vdev);
	pvnet_ctrl_start(&pn->ctrl);
	pvnet_state_replay(pn);
	err = pvnet_queues_publish(pn);
	if (err)
		pvnet_queues_del(pn);
	pn->alive = !err;
	return err;
}

/* Does nothing if device_up() failed before. */
static void device_down(struct pvnet *pn)
{
	if (pn->alive)
		pvnet_queues_del(pn);
	pn->alive = false;
}

/* Nothing of the stack reaches the queues from here to device_resume(). */
static void device_pause(struct pvnet *pn)
{
	ASSERT_RTNL();
	pvnet_queues_stop(pn);
	netif_tx_lock_bh(pn->dev);
	netif_device_detach(pn->dev);
	netif_tx_unlock_bh(pn->dev);
}

static void device_resume(struct pvnet *pn)
{
	ASSERT_RTNL();
	if (netif_running(pn->dev)) {
		pvnet_queues_start(pn);
		pvnet_link_update(pn);
	}
	netif_device_attach(pn->dev);
}

/* What the virtio core does before probe, with the features agreed then. */
static int renegotiate(struct virtio_device *vdev)
{
	int err;

	virtio_add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_add_status(vdev, VIRTIO_CONFIG_S_DRIVER);
	err = vdev->config->finalize_features(vdev);
	if (err || !virtio_has_feature(vdev, VIRTIO_F_VERSION_1))
		return err;
	virtio_add_status(vdev, VIRTIO_CONFIG_S_FEATURES_OK);
	if (vdev->config->get_status(vdev) & VIRTIO_CONFIG_S_FEATURES_OK)
		return 0;
	return -ENODEV;
}

static int device_reset(struct pvnet *pn)
{
	int err;

	device_pause(pn);
	device_down(pn);
	err = renegotiate(pn->vdev);
	if (!err)
		err = device_up(pn);
	if (err) {
		netdev_err(pn->dev, "device does not come back from reset (%d)\n",
			   err);
		virtio_add_status(pn->vdev, VIRTIO_CONFIG_S_FAILED);
		return err;
	}
	device_resume(pn);
	return 0;
}

/**
 * pvnet_reshape() - make receive buffers fit a new MTU: under RTNL
 * @pn: device with the new MTU set
 *
 * Buffers posted already cannot grow, so this takes a reset if frames have to
 * fit into one of them.
 *
 * Return: 0, or -errno with the device dead.
 */
int pvnet_reshape(struct pvnet *pn)
{
	if (pn->rx_mode == PVNET_RX_MERGE ||
	    pn->hdr.bytes + pvnet_buf_frame_max(pn) <= pn->rxq[0].buf_min)
		return 0;
	return device_reset(pn);
}

static void announce_probe(struct pvnet *pn)
{
	static const struct pv_feature_name names[] = {
		PV_NET_FEATURES(PV_FEATURE_NAME)
		PV_RING_FEATURES(PV_FEATURE_NAME)
	};
	char text[PV_NAMES_BYTES];

	pv_names_format(text, sizeof(text), pn->vdev->features, names,
			ARRAY_SIZE(names));
	netdev_info(pn->dev,
		    "pvnet %s: %u of %u queue pairs, MTU %u, MAC %pM, features: %s\n",
		    PV_VERSION, pn->want.pairs, pn->pairs_max, pn->dev->mtu,
		    pn->dev->dev_addr, text);
}

static void init_pvnet(struct pvnet *pn, struct virtio_device *vdev,
		       struct net_device *dev)
{
	pn->vdev = vdev;
	pn->dev = dev;
	pn->pairs_max = dev->num_tx_queues;
	pn->rx_align = max_t(unsigned int, dma_get_cache_alignment(),
			     SMP_CACHE_BYTES);
	pn->any_layout = virtio_has_feature(vdev, VIRTIO_F_VERSION_1) ||
			 virtio_has_feature(vdev, VIRTIO_F_ANY_LAYOUT);
	pvnet_hdr_format_init(&pn->hdr, vdev->features,
			      virtio_legacy_is_little_endian());
	pvnet_ctrl_init(&pn->ctrl);
	pvnet_state_init(pn);
	INIT_WORK(&pn->config_work, pvnet_config_work);
	INIT_WORK(&pn->rx_mode_work, pvnet_rx_mode_work);
	vdev->priv = pn;
}

static void init_netdev(struct pvnet *pn)
{
	struct net_device *dev = pn->dev;

	SET_NETDEV_DEV(dev, &pn->vdev->dev);
	dev->netdev_ops = &pvnet_netdev_ops;
	dev->ethtool_ops = &pvnet_ethtool_ops;
	dev->priv_flags |= IFF_UNICAST_FLT | IFF_LIVE_ADDR_CHANGE;
	dev->needed_headroom = pn->hdr.bytes;
	pvnet_netdev_set_features(pn);
	read_mac(pn);
	read_mtu(pn);
	netif_carrier_off(dev);
}

static int probe(struct virtio_device *vdev)
{
	struct net_device *dev;
	struct pvnet *pn;
	int err;

	dev = alloc_etherdev_mq(sizeof(*pn), read_pairs(vdev));
	if (!dev)
		return -ENOMEM;
	pn = netdev_priv(dev);
	init_pvnet(pn, vdev, dev);
	init_netdev(pn);
	err = pvnet_queues_alloc(pn);
	if (err)
		goto err_free_netdev;
	err = device_up(pn);
	if (err)
		goto err_free_queues;
	err = register_netdev(dev);
	if (err)
		goto err_device_down;
	announce_probe(pn);
	return 0;

err_device_down:
	device_down(pn);
err_free_queues:
	pvnet_queues_free(pn);
err_free_netdev:
	free_netdev(dev);
	return err;
}

static void remove(struct virtio_device *vdev)
{
	struct pvnet *pn = vdev->priv;

	/* The virtio core reports no configuration change any more. */
	cancel_work_sync(&pn->config_work);
	unregister_netdev(pn->dev);
	cancel_work_sync(&pn->rx_mode_work);
	device_down(pn);
	pvnet_queues_free(pn);
	free_netdev(pn->dev);
}

static void config_changed(struct virtio_device *vdev)
{
	struct pvnet *pn = vdev->priv;

	schedule_work(&pn->config_work);
}

#ifdef CONFIG_PM_SLEEP
static int freeze(struct virtio_device *vdev)
{
	struct pvnet *pn = vdev->priv;

	rtnl_lock();
	device_pause(pn);
	rtnl_unlock();
	cancel_work_sync(&pn->config_work);
	cancel_work_sync(&pn->rx_mode_work);
	device_down(pn);
	return 0;
}

static int restore(struct virtio_device *vdev)
{
	struct pvnet *pn = vdev->priv;
	int err;

	rtnl_lock();
	err = device_up(pn);
	if (!err)
		device_resume(pn);
	rtnl_unlock();
	return err;
}
#endif

static const struct virtio_device_id id_table[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ 0 },
};

static struct virtio_driver pvnet_driver = {
	.driver.name = KBUILD_MODNAME,
	.driver.owner = THIS_MODULE,
	.id_table = id_table,
	.feature_table = features,
	.feature_table_size = ARRAY_SIZE(features),
	.feature_table_legacy = features_legacy,
	.feature_table_size_legacy = ARRAY_SIZE(features_legacy),
	.validate = validate,
	.probe = probe,
	.remove = remove,
	.config_changed = config_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = freeze,
	.restore = restore,
#endif
};

static int __init pvnet_init(void)
{
	if (off) {
		pr_info("pvnet: switched off by pvnet.off=1\n");
		return -ENODEV;
	}
	return register_virtio_driver(&pvnet_driver);
}
module_init(pvnet_init);

static void __exit pvnet_exit(void)
{
	unregister_virtio_driver(&pvnet_driver);
}
module_exit(pvnet_exit);

MODULE_DEVICE_TABLE(virtio, id_table);
MODULE_DESCRIPTION("Paravirtualized network driver (virtio-net)");
MODULE_VERSION(PV_VERSION);
MODULE_LICENSE("GPL");
