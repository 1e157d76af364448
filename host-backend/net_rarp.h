/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net_rarp - the frame that tells switches where a guest is now: PURE
 *
 * A reverse ARP request (RFC 903) by a station for itself, which nobody
 * answers; broadcast from the guest's MAC address it moves that address to the
 * port it comes out of.
 */
#ifndef PV_NET_RARP_H
#define PV_NET_RARP_H

#include <linux/if_ether.h>

#include "util.h"

/* An Ethernet frame's least length without the checksum. */
#define NET_RARP_LEN ETH_ZLEN

/** net_rarp_mac_ok() - is this an address that one station can have? */
bool net_rarp_mac_ok(const u8 *mac);

/** net_rarp_build() - fill @frame, NET_RARP_LEN bytes, for ETH_ALEN bytes of @mac */
void net_rarp_build(u8 *frame, const u8 *mac);

#endif /* PV_NET_RARP_H */
