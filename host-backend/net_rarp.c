// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_rarp - the frame that tells switches where a guest is now: PURE
 */
#include "net_rarp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <net/if_arp.h>
#include <string.h>

/* RFC 903, RFC 826: for Ethernet and IPv4 */
struct rarp_frame {
	u8 dst[ETH_ALEN];
	u8 src[ETH_ALEN];
	u16 type;
	u16 hardware;
	u16 protocol;
	u8 hardware_len;
	u8 protocol_len;
	u16 operation;
	u8 sender[ETH_ALEN];
	u8 sender_ip[4];
	u8 target[ETH_ALEN];
	u8 target_ip[4];
} __attribute__((packed));
static_assert(sizeof(struct rarp_frame) == 42, "RFC 903: frame");

bool net_rarp_mac_ok(const u8 *mac)
{
	static const u8 none[ETH_ALEN];

	return !(mac[0] & 1) && memcmp(mac, none, ETH_ALEN);
}

void net_rarp_build(u8 *frame, const u8 *mac)
{
	struct rarp_frame f = {
		.type = htons(ETH_P_RARP),
		.hardware = htons(ARPHRD_ETHER),
		.protocol = htons(ETH_P_IP),
		.hardware_len = ETH_ALEN,
		.protocol_len = sizeof(f.sender_ip),
		.operation = htons(ARPOP_RREQUEST),
	};

	memset(f.dst, 0xff, ETH_ALEN);
	memcpy(f.src, mac, ETH_ALEN);
	memcpy(f.sender, mac, ETH_ALEN);
	memcpy(f.target, mac, ETH_ALEN);
	memset(frame, 0, NET_RARP_LEN);
	memcpy(frame, &f, sizeof(f));
}
