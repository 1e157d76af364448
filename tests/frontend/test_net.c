// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_net - frames of all sizes and kinds through the echo port, and lies
 */
#include "fixture.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drv_net.h"

#define NO_INDIRECT  BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define NO_EVENT_IDX BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define NO_MERGE     BIT_ULL(VIRTIO_NET_F_MRG_RXBUF)
#define BIG	     (DRV_NET_HDR_LEN + DRV_NET_FRAME_MAX)

/** struct way - how a test drives the queues */
struct way {
	const char *name;
	u64 no_features;
	unsigned int pairs;
	u16 queue_size;
	u32 rx_len;
	bool rx_split;
	u64 require;
};

static const struct way ways[] = {
	{ "mergeable, 1526-byte buffers", 0, 1, 256, 1526, false, 0 },
	{ "mergeable, 4 KiB buffers, 2 pairs", 0, 2, 256, 4096, false, 0 },
	{ "mergeable, 300-byte buffers", 0, 1, 256, 300, false, 0 },
	{ "mergeable, header apart", 0, 1, 256, 2048, true, 0 },
	{ "mergeable, no event index", NO_EVENT_IDX, 2, 256, 1526, false, 0 },
	{ "mergeable, no indirect", NO_INDIRECT, 1, 256, 1526, true, 0 },
	{ "big buffers", NO_MERGE, 1, 64, BIG, false, 0 },
	{ "big buffers, header apart", NO_MERGE, 2, 64, BIG, true, 0 },
	{ "packed", 0, 2, 256, 1526, false, DRV_PACKED },
	{ "packed, plain, header apart", NO_INDIRECT | NO_EVENT_IDX, 1, 200,
	  1526, true, DRV_PACKED },
	{ "packed, in order, big buffers", NO_MERGE, 1, 64, BIG, true,
	  DRV_PACKED | DRV_IN_ORDER },
	{ "in order", NO_INDIRECT, 2, 256, 1526, true, DRV_IN_ORDER },
	{ "big buffers, plain ring", NO_MERGE | NO_INDIRECT | NO_EVENT_IDX, 1,
	  128, BIG, true, 0 },
};

/* The one connection of a test, closed by after(). */
static struct drv_dev nic;
static struct drv_net pair[2];
static u8 sent[DRV_NET_FRAME_MAX + 64];
static u8 got[DRV_NET_FRAME_MAX];

static void nic_open(const struct way *way)
{
	const struct drv_dev_conf conf = {
		.path = fx.echo,
		.num_queues = way->pairs * 2,
		.group = 2,
		.queue_size = way->queue_size,
		.features = DRV_NET_FEATURES,
		.no_features = way->no_features,
		.require = way->require,
		.layout = { .regions = 2, .size = 48u << 20 },
		.timeout_ms = 2000,
	};
	struct drv_net_conf nc = { .rx_len = way->rx_len,
				   .rx_split = way->rx_split };

	fe_ok(&nic.fe, drv_dev_open(&nic, &conf));
	nc.num_rx = way->queue_size;
	if (way->rx_split && !nic.vq[0].use_indirect)
		nc.num_rx /= 2;
	for (nc.pair = 0; nc.pair < way->pairs; nc.pair++)
		assert_int_equal(drv_net_init(&pair[nc.pair], &nic, &nc), 0);
}

static int after(void **state)
{
	drv_dev_close(&nic);
	return fixture_after(state);
}

/** struct kind - what a header asks for */
struct kind {
	const char *name;
	struct virtio_net_hdr_v1 hdr;
	u32 min_len;
	u32 max_len;
};

#define CSUM VIRTIO_NET_HDR_F_NEEDS_CSUM

static const struct kind kinds[] = {
	{ "plain", { 0 }, ETH_HLEN, DRV_NET_FRAME_MAX },
	{ "UDP checksum",
	  { .flags = CSUM, .csum_start = 34, .csum_offset = 6 },
	  42, 1514 },
	{ "TCP checksum",
	  { .flags = CSUM, .csum_start = 34, .csum_offset = 16 },
	  54, 1514 },
	{ "TSO4",
	  { .flags = CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
	    .hdr_len = 54, .gso_size = 1448, .csum_start = 34,
	    .csum_offset = 16 },
	  54, DRV_NET_FRAME_MAX },
	{ "TSO4 with ECN",
	  { .flags = CSUM,
	    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
	    .hdr_len = 54, .gso_size = 1448, .csum_start = 34,
	    .csum_offset = 16 },
	  54, DRV_NET_FRAME_MAX },
	{ "TSO6",
	  { .flags = CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
	    .hdr_len = 74, .gso_size = 1428, .csum_start = 54,
	    .csum_offset = 16 },
	  74, DRV_NET_FRAME_MAX },
	{ "UFO",
	  { .flags = CSUM, .gso_type = VIRTIO_NET_HDR_GSO_UDP,
	    .hdr_len = 42, .gso_size = 1480, .csum_start = 34,
	    .csum_offset = 6 },
	  42, DRV_NET_FRAME_MAX },
};

static void make_frame(u32 len, u32 seed)
{
	u32 i;

	for (i = 0; i < len; i++)
		sent[i] = (u8)((seed + 1) * 2654435761u >> (i % 24)) ^ (u8)i;
	sent[0] &= 0xfe;	/* to one station, not to a group */
	sent[6] &= 0xfe;
}

/* The echo swaps the two addresses. */
static void swap_sent(void)
{
	u8 mac[ETH_ALEN];

	memcpy(mac, sent, ETH_ALEN);
	memcpy(sent, sent + ETH_ALEN, ETH_ALEN);
	memcpy(sent + ETH_ALEN, mac, ETH_ALEN);
}

static void echo_once(struct drv_net *net, const struct kind *k, u32 len,
		      const u32 *cuts)
{
	static u32 seed;
	struct virtio_net_hdr_v1 hdr;
	int n;

	make_frame(len, ++seed);
	assert_int_equal(drv_net_send(net, &k->hdr, sent, len, cuts), 0);
	drv_vq_kick(net->tx);
	n = drv_net_recv(net, &hdr, got);
	if (n != (int)len)
		fail_msg("%s, %u bytes: %d came back", k->name, len, n);
	swap_sent();
	assert_memory_equal(got, sent, len);
	assert_int_equal(hdr.flags, k->hdr.flags);
	assert_int_equal(hdr.gso_type, k->hdr.gso_type);
	assert_int_equal(hdr.gso_size, k->hdr.gso_size);
	assert_int_equal(hdr.csum_start, k->hdr.csum_start);
	assert_int_equal(hdr.csum_offset, k->hdr.csum_offset);
}

static void frames_of_all_sizes(void **state)
{
	static const u32 lens[] = { 14,	  15,	42,   43,   54,	   60,	74,
				    127,  128,	288,  289,  1500,  1513, 1514,
				    1515, 2036, 4083, 4084, 4085,  9000, 16384,
				    32768, 65000, 65535, DRV_NET_FRAME_MAX };
	const struct way *way = *state;
	unsigned int k;
	unsigned int i;
	unsigned int p;

	nic_open(way);
	for (p = 0; p < way->pairs; p++)
		for (k = 0; k < ARRAY_SIZE(kinds); k++)
			for (i = 0; i < ARRAY_SIZE(lens); i++)
				if (lens[i] >= kinds[k].min_len &&
				    lens[i] <= kinds[k].max_len)
					echo_once(&pair[p], &kinds[k], lens[i],
						  NULL);
}

/* The header in bytes, with data, cut anywhere. */
static void cut_headers(void **state)
{
	static const u32 cuts[][20] = {
		{ 12 },
		{ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
		{ 11, 1 },
		{ 11, 2 },
		{ 13, 1 },
		{ 26 },
		{ 5, 7, 14, 20, 8 },
	};
	unsigned int i;

	nic_open(*state);
	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		echo_once(&pair[0], &kinds[0], 1000, cuts[i]);
		echo_once(&pair[0], &kinds[3], 60000, cuts[i]);
	}
}

/* Many frames at once, many times: order kept, indices wrap. */
static void bursts(void **state)
{
	struct virtio_net_hdr_v1 hdr = { 0 };
	unsigned int burst = 16;
	unsigned int round;
	unsigned int i;
	u32 seq = 0;
	u32 want = 0;
	u32 seen;

	nic_open(*state);
	for (round = 0; round < 4500; round++) {
		for (i = 0; i < burst; i++) {
			make_frame(64, 1);
			memcpy(sent + 20, &seq, sizeof(seq));
			seq++;
			assert_int_equal(drv_net_send(&pair[0], &kinds[0].hdr,
						      sent, 64, NULL),
					 0);
		}
		drv_vq_kick(pair[0].tx);
		for (i = 0; i < burst; i++) {
			assert_int_equal(drv_net_recv(&pair[0], &hdr, got), 64);
			memcpy(&seen, got + 20, sizeof(seen));
			assert_int_equal(seen, want++);
		}
	}
}

/* RFC 1071, the plain way. */
static u16 checksum(const u8 *data, u32 len)
{
	u32 sum = 0;
	u32 i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (u32)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

/* Who has not negotiated GUEST_CSUM gets finished checksums. */
static void checksum_is_filled_in(void **state)
{
	const struct way way = {
		.no_features = BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |
			       BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |
			       BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |
			       BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |
			       BIT_ULL(VIRTIO_NET_F_GUEST_UFO),
		.pairs = 1, .queue_size = 256, .rx_len = 1526,
	};
	struct virtio_net_hdr_v1 hdr;
	u32 len;
	u16 sum;

	(void)state;
	nic_open(&way);
	for (len = 54; len < 1514; len += 17) {
		make_frame(len, len);
		assert_int_equal(drv_net_send(&pair[0], &kinds[1].hdr, sent,
					      len, NULL),
				 0);
		drv_vq_kick(pair[0].tx);
		assert_int_equal(drv_net_recv(&pair[0], &hdr, got), len);
		assert_int_equal(hdr.flags & CSUM, 0);
		sum = checksum(sent + 34, len - 34);
		assert_int_equal(got[40] << 8 | got[41], sum ? sum : 0xffff);
	}
	/* What it cannot take, segments to be, never reaches it. */
	make_frame(10000, 1);
	assert_int_equal(drv_net_send(&pair[0], &kinds[3].hdr, sent, 10000,
				      NULL),
			 0);
	drv_vq_kick(pair[0].tx);
	echo_once(&pair[0], &kinds[0], 100, NULL);
}

/** struct lie - a header that is wrong for a frame of 1000 bytes */
struct lie {
	const char *name;
	struct virtio_net_hdr_v1 hdr;
	u64 no_features;
};

#define TSO4 VIRTIO_NET_HDR_GSO_TCPV4
#define TSO_HDR(...)                                                       \
	{                                                                  \
		.flags = CSUM, .gso_type = TSO4, .hdr_len = 54,            \
		.gso_size = 500, .csum_start = 34, .csum_offset = 16,      \
		__VA_ARGS__                                                \
	}

#pragma GCC diagnostic ignored "-Woverride-init"

static const struct lie lies[] = {
	{ "offload: csum_start behind the frame",
	  { .flags = CSUM, .csum_start = 1000, .csum_offset = 6 }, 0 },
	{ "offload: csum_start 65535",
	  { .flags = CSUM, .csum_start = 65535, .csum_offset = 6 }, 0 },
	{ "offload: csum_start + csum_offset wraps 16 bits",
	  { .flags = CSUM, .csum_start = 65535, .csum_offset = 65535 }, 0 },
	{ "offload: checksum over the last byte",
	  { .flags = CSUM, .csum_start = 999, .csum_offset = 0 }, 0 },
	{ "offload: csum_offset behind the frame",
	  { .flags = CSUM, .csum_start = 34, .csum_offset = 965 }, 0 },
	{ "offload: csum_offset 65535",
	  { .flags = CSUM, .csum_start = 34, .csum_offset = 65535 }, 0 },
	{ "offload: checksum not negotiated",
	  { .flags = CSUM, .csum_start = 34, .csum_offset = 6 },
	  BIT_ULL(VIRTIO_NET_F_CSUM) | BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |
		  BIT_ULL(VIRTIO_NET_F_HOST_TSO6) |
		  BIT_ULL(VIRTIO_NET_F_HOST_ECN) |
		  BIT_ULL(VIRTIO_NET_F_HOST_UFO) },
	{ "offload: GSO type 2", TSO_HDR(.gso_type = 2), 0 },
	{ "offload: GSO type 5", TSO_HDR(.gso_type = 5), 0 },
	{ "offload: GSO type 127", TSO_HDR(.gso_type = 127), 0 },
	{ "offload: GSO type 255", TSO_HDR(.gso_type = 255), 0 },
	{ "offload: ECN alone",
	  TSO_HDR(.gso_type = VIRTIO_NET_HDR_GSO_ECN), 0 },
	{ "offload: UFO with ECN",
	  TSO_HDR(.gso_type = VIRTIO_NET_HDR_GSO_UDP | VIRTIO_NET_HDR_GSO_ECN),
	  0 },
	{ "offload: gso_size 0", TSO_HDR(.gso_size = 0), 0 },
	{ "offload: GSO without checksum", TSO_HDR(.flags = 0), 0 },
	{ "offload: GSO with the header behind the frame",
	  TSO_HDR(.csum_start = 985), 0 },
	{ "offload: TSO4 not negotiated", TSO_HDR(.hdr_len = 54),
	  BIT_ULL(VIRTIO_NET_F_HOST_TSO4) },
	{ "offload: ECN not negotiated",
	  TSO_HDR(.gso_type = TSO4 | VIRTIO_NET_HDR_GSO_ECN),
	  BIT_ULL(VIRTIO_NET_F_HOST_ECN) },
};

/* Dropped and given back; the next good frame is the next that comes. */
static void lying_header(void **state)
{
	const struct lie *lie = *state;
	const struct way way = { .no_features = lie->no_features,
				 .pairs = 1,
				 .queue_size = 64,
				 .rx_len = 1526 };

	nic_open(&way);
	make_frame(1000, 1);
	assert_int_equal(drv_net_send(&pair[0], &lie->hdr, sent, 1000, NULL),
			 0);
	echo_once(&pair[0], &kinds[0], 64, NULL);
	assert_int_equal(drv_net_sent(&pair[0]), 2);
}

/* A wrong hdr_len is only a hint: not passed on as it is, frame goes through. */
static void wrong_hint(void **state)
{
	struct virtio_net_hdr_v1 hdr = TSO_HDR(.hdr_len = 65535);

	nic_open(*state);
	make_frame(1000, 1);
	assert_int_equal(drv_net_send(&pair[0], &hdr, sent, 1000, NULL), 0);
	drv_vq_kick(pair[0].tx);
	assert_int_equal(drv_net_recv(&pair[0], &hdr, got), 1000);
	assert_in_range(le16toh(hdr.hdr_len), 0, 1000);
}

/* 5. Frames shorter than the headers, chains without a byte to read. */
static void runt_frames(void **state)
{
	static const u32 lens[] = { 1, 2, 11, 12, 13, 25 };
	struct drv_sg sg;
	unsigned int i;

	nic_open(*state);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		sg = (struct drv_sg){ pair[0].tx_gpa, lens[i] };
		pair[0].num_tx_free--;
		assert_true(drv_vq_add(pair[0].tx, &sg, 1, 0,
				       pair[0].tx_free[pair[0].num_tx_free]) >=
			    0);
		drv_vq_kick(pair[0].tx);
		echo_once(&pair[0], &kinds[0], 64, NULL);
	}
}

static bool queue_broke(const struct drv_vq *vq)
{
	struct pollfd p = { .fd = vq->ring.err_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void frame_too_long(void **state)
{
	struct drv_sg sg[20];
	unsigned int i;

	nic_open(*state);
	for (i = 0; i < ARRAY_SIZE(sg); i++)
		sg[i] = (struct drv_sg){ pair[0].tx_gpa, DRV_NET_SLOT };
	pair[0].num_tx_free--;
	assert_true(drv_vq_add(pair[0].tx, sg, ARRAY_SIZE(sg), 0,
			       pair[0].tx_free[pair[0].num_tx_free]) >= 0);
	drv_vq_kick(pair[0].tx);
	echo_once(&pair[0], &kinds[0], 64, NULL);
}

/* Buffers in the wrong direction: that queue is lost or they are dropped. */
static void wrong_direction(void **state)
{
	struct drv_sg sg = { 0 };

	nic_open(*state);
	sg = (struct drv_sg){ pair[0].tx_gpa, 1000 };
	drv_vq_add(pair[0].tx, &sg, 0, 1, DRV_NET_SLOTS - 1);
	drv_vq_kick(pair[0].tx);
	usleep(20000);
	assert_true(queue_broke(pair[0].tx) || drv_vq_pending(pair[0].tx));
}

/*
 * 5. Receive buffers that cannot hold a header or a frame.  No byte may come
 * outside of them.
 */
static void runt_buffers(void **state)
{
	static const u32 lens[] = { 1, 4, 11, 12, 13, 40 };
	const struct way way = { .pairs = 1, .queue_size = 64, .rx_len = 1526,
				 .no_features = *state ? NO_MERGE : 0 };
	struct drv_vq *rx;
	struct drv_sg sg;
	unsigned int i;
	unsigned int k;
	u8 *area;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		nic_open(&way);
		rx = pair[0].rx;
		fe_ok(&nic.fe, vu_fe_get_vring_base(&nic.fe, 0, &rx->ring.base));
		drv_vq_reset(rx);
		area = vu_mem_hva(&nic.mem, pair[0].rx_gpa, 65536);
		memset(area, 0xa5, 65536);
		for (k = 0; k < 60; k++) {
			sg = (struct drv_sg){ pair[0].rx_gpa + k * 1000,
					      lens[i] };
			assert_true(drv_vq_add(rx, &sg, 0, 1, k) >= 0);
		}
		fe_ok(&nic.fe, vu_fe_ring_start(&nic.fe, &rx->ring));
		drv_vq_kick(rx);
		make_frame(64, 1);
		drv_net_send(&pair[0], &kinds[0].hdr, sent, 64, NULL);
		drv_vq_kick(pair[0].tx);
		usleep(10000);
		for (k = 0; k < 60 * 1000; k++)
			if (k % 1000 >= lens[i] && area[k] != 0xa5)
				fail_msg("buffers of %u bytes: byte %u written",
					 lens[i], k);
		drv_dev_close(&nic);
	}
}

/* Nothing to receive into: transmit goes on; later buffers bring frames. */
static void no_receive_buffers(void **state)
{
	const struct way way = { .pairs = 1, .queue_size = 256, .rx_len = 1526 };
	struct virtio_net_hdr_v1 hdr;
	unsigned int i;
	u32 index;

	(void)state;
	nic_open(&way);
	/* Use up all of them, and far more frames than the port can keep. */
	for (i = 0; i < 2000; i++) {
		make_frame(64, i);
		while (drv_net_send(&pair[0], &kinds[0].hdr, sent, 64, NULL)) {
			drv_vq_kick(pair[0].tx);
			usleep(100);
		}
		drv_vq_kick(pair[0].tx);
	}
	for (i = 0; i < 500 && pair[0].num_tx_free < DRV_NET_SLOTS; i++) {
		drv_net_sent(&pair[0]);
		usleep(1000);
	}
	assert_int_equal(pair[0].num_tx_free, DRV_NET_SLOTS);
	/* All that came is whole, and then the pair works again. */
	pair[0].timeout_ms = 50;
	for (i = 0; i < 2000; i++)
		if (drv_net_recv(&pair[0], &hdr, got) != 64)
			break;
	assert_in_range(i, 256, 1999);
	pair[0].timeout_ms = 2000;
	for (index = 0; index < 20; index++)
		echo_once(&pair[0], &kinds[0], 100 + index, NULL);
}

/* vhost-user, "Ring states": disabled, transmit is consumed and dropped. */
static void disabled_pair(void **state)
{
	struct virtio_net_hdr_v1 hdr;
	unsigned int i;

	nic_open(*state);
	echo_once(&pair[0], &kinds[0], 64, NULL);
	fe_ok(&nic.fe, vu_fe_vring_enable(&nic.fe, 0, false));
	fe_ok(&nic.fe, vu_fe_vring_enable(&nic.fe, 1, false));
	fe_ok(&nic.fe, vu_fe_sync(&nic.fe));
	for (i = 0; i < 20; i++)
		drv_net_send(&pair[0], &kinds[0].hdr, sent, 64, NULL);
	drv_vq_kick(pair[0].tx);
	for (i = 0; i < 500 && drv_vq_in_flight(pair[0].tx); i++) {
		drv_net_sent(&pair[0]);
		usleep(1000);
	}
	assert_int_equal(drv_vq_in_flight(pair[0].tx), 0);
	pair[0].timeout_ms = 50;
	assert_int_equal(drv_net_recv(&pair[0], &hdr, got), -ETIMEDOUT);
	pair[0].timeout_ms = 2000;
	fe_ok(&nic.fe, vu_fe_vring_enable(&nic.fe, 0, true));
	fe_ok(&nic.fe, vu_fe_vring_enable(&nic.fe, 1, true));
	fe_ok(&nic.fe, vu_fe_sync(&nic.fe));
	for (i = 0; i < 10; i++)
		echo_once(&pair[0], &kinds[0], 200, NULL);
}

/* What of a ring the device writes when it asks for kicks. */
static u16 *kick_word(const struct drv_vq *vq)
{
	if (vq->packed.desc)
		return (u16 *)vq->packed.device_event;
	return vq->event_idx ? (u16 *)&vq->used->ring[vq->size] :
			       (u16 *)&vq->used->flags;
}

/* Who disables a ring may free it: Linux's virtio_uml does not stop them. */
static void disabled_ring_is_let_alone(void **state)
{
	u16 *word, kept;
	unsigned int i;

	nic_open(*state);
	word = kick_word(pair[0].tx);
	for (i = 0; i < 50; i++) {
		echo_once(&pair[0], &kinds[0], 64, NULL);
		fe_ok(&nic.fe, vu_fe_vring_enable(&nic.fe, 1, false));
		fe_ok(&nic.fe, vu_fe_sync(&nic.fe));
		kept = *word;
		WRITE_ONCE(*word, (u16)~kept);
		usleep(500);
		assert_int_equal(READ_ONCE(*word), (u16)~kept);
		WRITE_ONCE(*word, kept);
		fe_ok(&nic.fe, vu_fe_vring_enable(&nic.fe, 1, true));
		fe_ok(&nic.fe, vu_fe_sync(&nic.fe));
	}
}

/* A front end of the time before protocol features. */
static void without_protocol_features(void **state)
{
	const struct way way = {
		.no_features = BIT_ULL(VU_F_PROTOCOL_FEATURES),
		.pairs = 1, .queue_size = 256, .rx_len = 1526,
	};

	(void)state;
	nic_open(&way);
	echo_once(&pair[0], &kinds[0], 1000, NULL);
}

static void stop_and_go_on(void **state)
{
	unsigned int round;
	unsigned int i;
	u32 base;

	nic_open(*state);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 10; i++)
			echo_once(&pair[0], &kinds[0], 64 + round, NULL);
		for (i = 0; i < 2; i++) {
			fe_ok(&nic.fe,
			      vu_fe_get_vring_base(&nic.fe, i, &base));
			nic.vq[i].ring.base = base;
			fe_ok(&nic.fe,
			      vu_fe_ring_start(&nic.fe, &nic.vq[i].ring));
		}
	}
}

static void disconnect_under_traffic(void **state)
{
	unsigned int round;
	unsigned int i;

	for (round = 0; round < 100; round++) {
		nic_open(*state);
		for (i = 0; i < DRV_NET_SLOTS; i++)
			drv_net_send(&pair[0], &kinds[0].hdr, sent, 1514, NULL);
		drv_vq_kick(pair[0].tx);
		if (round & 1)
			usleep(round * 10);
		drv_dev_close(&nic);
	}
	nic_open(*state);
	echo_once(&pair[0], &kinds[0], 1000, NULL);
}

/* Whatever lies in headers and frames: the pair survives all of it. */
static void random_headers(void **state)
{
	struct virtio_net_hdr_v1 hdr;
	unsigned int seed = fixture_seed();
	unsigned int i;
	unsigned int b;

	nic_open(*state);
	pair[0].timeout_ms = 0;
	for (i = 0; i < 5000; i++) {
		for (b = 0; b < sizeof(hdr); b++)
			((u8 *)&hdr)[b] = (u8)rand_r(&seed);
		if (i & 1)
			hdr.gso_type = (u8)(rand_r(&seed) % 6);
		if (i & 2)
			hdr.flags = CSUM;
		if (i & 4)
			hdr.csum_start = (u16)(rand_r(&seed) % 2000);
		if (i & 8)
			hdr.csum_offset = (u16)(rand_r(&seed) % 64);
		drv_net_send(&pair[0], &hdr, sent,
			     (u32)rand_r(&seed) % (i & 16 ? 100 : 65000), NULL);
		drv_vq_kick(pair[0].tx);
		drv_net_sent(&pair[0]);
		while (drv_vq_pending(pair[0].rx))
			assert_true(drv_net_recv(&pair[0], &hdr, got) >= 0 ||
				    !pair[0].timeout_ms);
	}
	pair[0].timeout_ms = 200;
	while (drv_net_recv(&pair[0], &hdr, got) >= 0)
		;
	pair[0].timeout_ms = 2000;
	echo_once(&pair[0], &kinds[0], 1000, NULL);
}

typedef void (*test_func)(void **state);

static const struct {
	const char *name;
	test_func func;
} every_way[] = {
	{ "frames_of_all_sizes", frames_of_all_sizes },
	{ "cut_headers", cut_headers },
	{ "bursts", bursts },
	{ "runt_frames", runt_frames },
	{ "disabled_pair", disabled_pair },
	{ "disabled_ring_is_let_alone", disabled_ring_is_let_alone },
	{ "stop_and_go_on", stop_and_go_on },
};

#define WAY(func, n)                                                       \
	{ #func, func, NULL, after, (void *)(uintptr_t)&ways[n] }

static const struct CMUnitTest once[] = {
	cmocka_unit_test_teardown(checksum_is_filled_in, after),
	WAY(wrong_hint, 0),
	WAY(frame_too_long, 0),
	WAY(wrong_direction, 0),
	{ "runt_buffers, mergeable", runt_buffers, NULL, after, NULL },
	{ "runt_buffers, big", runt_buffers, NULL, after, &nic },
	cmocka_unit_test_teardown(no_receive_buffers, after),
	cmocka_unit_test_teardown(without_protocol_features, after),
	WAY(disconnect_under_traffic, 1),
	WAY(random_headers, 0),
	{ "random_headers, big", random_headers, NULL, after,
	  (void *)(uintptr_t)&ways[6] },
};

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(ways) * ARRAY_SIZE(every_way) +
				       ARRAY_SIZE(lies) + ARRAY_SIZE(once)];
	size_t count = 0;
	unsigned int t;
	unsigned int w;
	char *name;

	for (t = 0; t < ARRAY_SIZE(every_way); t++) {
		for (w = 0; w < ARRAY_SIZE(ways); w++) {
			if (asprintf(&name, "%s, %s", every_way[t].name,
				     ways[w].name) < 0)
				return EXIT_FAILURE;
			tests[count++] = (struct CMUnitTest){
				.name = name,
				.test_func = every_way[t].func,
				.teardown_func = after,
				.initial_state = (void *)(uintptr_t)&ways[w],
			};
		}
	}
	for (t = 0; t < ARRAY_SIZE(lies); t++)
		tests[count++] = (struct CMUnitTest){
			.name = lies[t].name,
			.test_func = lying_header,
			.teardown_func = after,
			.initial_state = (void *)(uintptr_t)&lies[t],
		};
	memcpy(tests + count, once, sizeof(once));
	return fixture_run("net", tests, ARRAY_SIZE(tests));
}
