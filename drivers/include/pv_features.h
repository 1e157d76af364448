/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pv_features - names of the virtio feature bits, one list for both halves
 *
 * No includes and no code, so that modules, daemon and tests can all expand
 * it.  Expand a list with a macro of your own:
 *
 *	#define NAME(bit, name) [bit] = #name,
 *	static const char *const names[64] = { PV_BLK_FEATURES(NAME) };
 *
 * Source: virtio 1.3, 5.1.3 (network), 5.2.3 (block), 6 (reserved bits).
 */
#ifndef PV_FEATURES_H
#define PV_FEATURES_H

#define PV_RING_FEATURES(X)	\
	X(24, NOTIFY_ON_EMPTY)	\
	X(27, ANY_LAYOUT)	\
	X(28, INDIRECT_DESC)	\
	X(29, EVENT_IDX)	\
	X(30, PROTOCOL_FEATURES) \
	X(32, VERSION_1)	\
	X(33, ACCESS_PLATFORM)	\
	X(34, RING_PACKED)	\
	X(35, IN_ORDER)		\
	X(36, ORDER_PLATFORM)	\
	X(37, SR_IOV)		\
	X(38, NOTIFICATION_DATA) \
	X(39, NOTIF_CONFIG_DATA) \
	X(40, RING_RESET)	\
	X(41, ADMIN_VQ)

#define PV_BLK_FEATURES(X)	\
	X(1, SIZE_MAX)		\
	X(2, SEG_MAX)		\
	X(4, GEOMETRY)		\
	X(5, RO)		\
	X(6, BLK_SIZE)		\
	X(9, FLUSH)		\
	X(10, TOPOLOGY)		\
	X(11, CONFIG_WCE)	\
	X(12, MQ)		\
	X(13, DISCARD)		\
	X(14, WRITE_ZEROES)	\
	X(15, LIFETIME)		\
	X(16, SECURE_ERASE)	\
	X(17, ZONED)

#define PV_NET_FEATURES(X)	\
	X(0, CSUM)		\
	X(1, GUEST_CSUM)	\
	X(2, CTRL_GUEST_OFFLOADS) \
	X(3, MTU)		\
	X(5, MAC)		\
	X(6, GSO)		\
	X(7, GUEST_TSO4)	\
	X(8, GUEST_TSO6)	\
	X(9, GUEST_ECN)		\
	X(10, GUEST_UFO)	\
	X(11, HOST_TSO4)	\
	X(12, HOST_TSO6)	\
	X(13, HOST_ECN)		\
	X(14, HOST_UFO)		\
	X(15, MRG_RXBUF)	\
	X(16, STATUS)		\
	X(17, CTRL_VQ)		\
	X(18, CTRL_RX)		\
	X(19, CTRL_VLAN)	\
	X(20, CTRL_RX_EXTRA)	\
	X(21, GUEST_ANNOUNCE)	\
	X(22, MQ)		\
	X(23, CTRL_MAC_ADDR)	\
	X(50, DEVICE_STATS)	\
	X(51, HASH_TUNNEL)	\
	X(52, VQ_NOTF_COAL)	\
	X(53, NOTF_COAL)	\
	X(54, GUEST_USO4)	\
	X(55, GUEST_USO6)	\
	X(56, HOST_USO)		\
	X(57, HASH_REPORT)	\
	X(59, GUEST_HDRLEN)	\
	X(60, RSS)		\
	X(61, RSC_EXT)		\
	X(62, STANDBY)		\
	X(63, SPEED_DUPLEX)

#endif /* PV_FEATURES_H */
