/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net_stats - counters of one network queue, written by its worker alone
 */
#ifndef PV_NET_STATS_H
#define PV_NET_STATS_H

#include "net_hdr.h"

/**
 * struct net_stats - counters of one direction of a pair
 * @frames:	passed on
 * @bytes:	of them, without virtio-net header
 * @starved:	RX: times a frame found too few buffers and waited
 * @drops:	by reason
 */
struct net_stats {
	u64 frames;
	u64 bytes;
	u64 starved;
	u64 drops[NET_DROP_MAX];
};

#endif /* PV_NET_STATS_H */
