// SPDX-License-Identifier: GPL-2.0
/*
 * pvnet_device - the whole network driver against a device that may lie
 *
 * Each test plugs in a small NIC made of fake_virtio.  Its receive buffers are
 * kept until the test has a frame to deliver, with whatever header, used
 * length and number of buffers the test wants; what the driver sends is kept
 * in mind; control commands are answered, refused or ignored.  A frame has
 * been counted when nic_deliver() returns, since it waits for NAPI.
 */
#include "fake_virtio.h"

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "pvnet.h"

#define RING_SIZE 64
#define HDR_BYTES 12
#define TEST_ETHERTYPE 0x88b5	/* for local experiments */
#define FRAME_BYTES 600		/* longer than what is copied whole */
#define LONG_BYTES 60000
#define WAIT_TRIES 100000		/* of 0.1 ms: on a busy host ksoftirqd waits */

#define F(name) BIT_ULL(VIRTIO_NET_F_##name)
#define BASIC							\
	(F(CSUM) | F(GUEST_CSUM) | F(MAC) | F(STATUS) | F(CTRL_VQ) |	\
	 F(CTRL_RX) | F(CTRL_VLAN) | F(CTRL_MAC_ADDR) | F(MQ) |		\
	 BIT_ULL(VIRTIO_F_VERSION_1) |					\
	 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |				\
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX))
#define TSO (F(GUEST_TSO4) | F(GUEST_TSO6) | F(CTRL_GUEST_OFFLOADS))

/* One set of features for each layout of receive buffers. */
static const struct {
	const char *name;
	u64 features;
	enum pvnet_rx_mode mode;
} layouts[] = {
	{ "merge", BASIC | TSO | F(MRG_RXBUF), PVNET_RX_MERGE },
	{ "single", BASIC | F(CTRL_GUEST_OFFLOADS), PVNET_RX_SINGLE },
	{ "chain", BASIC | TSO, PVNET_RX_CHAIN },
};

enum ctrl_conduct {
	ANSWER,
	REFUSE,
	SILENT,
};

struct fake_nic {
	struct kunit *test;
	struct fake_device *device;
	struct pvnet *pn;
	struct net_device *dev;

	/* Receive buffers of queue 0, oldest first: under lock */
	spinlock_t lock;
	struct fake_chain rx[RING_SIZE];
	unsigned int rx_first;
	unsigned int rx_num;

	/* What the stack got */
	struct packet_type tap;
	unsigned int received;
	unsigned int received_bad;
	unsigned int received_bytes;

	/* What the device got */
	bool hold_tx;
	unsigned int sent;
	unsigned int sent_bad;
	struct virtio_net_hdr_mrg_rxbuf sent_hdr;

	/* Control queue */
	enum ctrl_conduct ctrl;
	unsigned int commands;
	u16 held_head;
	u8 mac[ETH_ALEN];
	u16 pairs;
	bool promisc;
	u64 offloads;
	DECLARE_BITMAP(vlans, VLAN_N_VID);
};

static u8 pattern(unsigned int at)
{
	return at * 7 + at / 251;
}

/* --- the device -------------------------------------------------------- */

static void keep_rx(struct fake_nic *nic, const struct fake_chain *chain)
{
	unsigned long flags;

	spin_lock_irqsave(&nic->lock, flags);
	nic->rx[(nic->rx_first + nic->rx_num++) % RING_SIZE] = *chain;
	spin_unlock_irqrestore(&nic->lock, flags);
}

/* Sent frames of others, say the stack's own, are of no interest. */
static int take_tx(struct fake_nic *nic, const struct fake_chain *chain)
{
	u8 frame[FRAME_BYTES];
	unsigned int i;
	__be16 type;

	fake_chain_read(chain, HDR_BYTES + 2 * ETH_ALEN, &type, sizeof(type));
	if (type == htons(TEST_ETHERTYPE)) {
		nic->sent++;
		fake_chain_read(chain, 0, &nic->sent_hdr, HDR_BYTES);
		if (fake_chain_read(chain, HDR_BYTES, frame, FRAME_BYTES) !=
		    FRAME_BYTES)
			nic->sent_bad++;
		for (i = ETH_HLEN; i < FRAME_BYTES; i++)
			nic->sent_bad += frame[i] != pattern(i);
	}
	return nic->hold_tx ? FAKE_HOLD : 0;
}

#define COMMAND(class, name)						\
	(VIRTIO_NET_CTRL_##class << 8 | VIRTIO_NET_CTRL_##class##_##name)

static void obey(struct fake_nic *nic, const struct fake_chain *chain)
{
	struct virtio_net_ctrl_hdr hdr;
	u8 data[8] = { 0 };
	u16 v16;

	fake_chain_read(chain, 0, &hdr, sizeof(hdr));
	fake_chain_read(chain, sizeof(hdr), data, sizeof(data));
	v16 = data[0] | data[1] << 8;
	switch (hdr.class << 8 | hdr.cmd) {
	case COMMAND(MAC, ADDR_SET):
		memcpy(nic->mac, data, ETH_ALEN);
		break;
	case COMMAND(MQ, VQ_PAIRS_SET):
		nic->pairs = v16;
		break;
	case COMMAND(RX, PROMISC):
		nic->promisc = data[0];
		break;
	case COMMAND(VLAN, ADD):
		set_bit(v16 % VLAN_N_VID, nic->vlans);
		break;
	case COMMAND(VLAN, DEL):
		clear_bit(v16 % VLAN_N_VID, nic->vlans);
		break;
	case COMMAND(GUEST_OFFLOADS, SET):
		memcpy(&nic->offloads, data, sizeof(nic->offloads));
		break;
	}
}

static int take_ctrl(struct fake_nic *nic, const struct fake_chain *chain)
{
	u8 ack = nic->ctrl == REFUSE ? VIRTIO_NET_ERR : VIRTIO_NET_OK;

	nic->commands++;
	if (nic->ctrl == SILENT) {
		nic->held_head = chain->head;
		return FAKE_HOLD;
	}
	if (nic->ctrl == ANSWER)
		obey(nic, chain);
	fake_chain_write(chain, 0, &ack, sizeof(ack));
	return sizeof(ack);
}

static int handle(struct fake_device *device, struct fake_chain *chain)
{
	struct fake_nic *nic = fake_virtio_context(device);
	/* virtio 1.3, 5.1.2: after the pairs, which MQ alone makes more. */
	unsigned int ctrl = fake_virtio_driver_features(device) & F(MQ) ? 4 : 2;

	if (chain->queue == ctrl)
		return take_ctrl(nic, chain);
	if (chain->queue % 2)
		return take_tx(nic, chain);
	if (chain->queue == 0)
		keep_rx(nic, chain);
	return FAKE_HOLD;
}

/* --- plugging in and out ----------------------------------------------- */

static const struct virtio_net_config ordinary_config = {
	.mac = { 0x52, 0x54, 0x00, 0x01, 0x02, 0x03 },
	.status = (__force __virtio16)cpu_to_le16(VIRTIO_NET_S_LINK_UP),
	.max_virtqueue_pairs = (__force __virtio16)cpu_to_le16(2),
	.mtu = (__force __virtio16)cpu_to_le16(1400),
};

static int count_received(struct sk_buff *skb, struct net_device *dev,
			  struct packet_type *tap, struct net_device *orig)
{
	struct fake_nic *nic = container_of(tap, struct fake_nic, tap);
	unsigned int i;
	u8 byte;

	nic->received++;
	nic->received_bytes = skb->len + ETH_HLEN;
	for (i = 0; i < skb->len; i++) {
		skb_copy_bits(skb, i, &byte, 1);
		nic->received_bad += byte != pattern(i + ETH_HLEN);
	}
	kfree_skb(skb);
	return 0;
}

static int nic_up(struct fake_nic *nic)
{
	int err;

	nic->dev = nic->pn->dev;
	nic->tap.type = htons(TEST_ETHERTYPE);
	nic->tap.dev = nic->dev;
	nic->tap.func = count_received;
	dev_add_pack(&nic->tap);
	rtnl_lock();
	err = dev_open(nic->dev, NULL);
	rtnl_unlock();
	fake_virtio_drain(nic->device);
	return err;
}

static struct fake_nic *nic_with_config(struct kunit *test, u64 features,
					const struct virtio_net_config *config)
{
	struct fake_spec spec = {
		.device_id = VIRTIO_ID_NET,
		.features = features,
		.queues = 5,
		.ring_size = RING_SIZE,
		.config = config,
		.config_bytes = sizeof(*config),
		.handle = handle,
	};
	struct fake_nic *nic;

	nic = kunit_kzalloc(test, sizeof(*nic), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, nic);
	spin_lock_init(&nic->lock);
	nic->pairs = 1;
	nic->test = test;
	spec.context = nic;
	nic->device = fake_virtio_create(&spec);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, nic->device);
	test->priv = nic;
	nic->pn = fake_virtio_vdev(nic->device)->priv;
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, nic->pn);
	KUNIT_ASSERT_EQ(test, nic_up(nic), 0);
	return nic;
}

static struct fake_nic *nic_in(struct kunit *test, u64 features)
{
	return nic_with_config(test, features, &ordinary_config);
}

static void nic_out(struct fake_nic *nic)
{
	nic->test->priv = NULL;
	if (nic->dev)
		dev_remove_pack(&nic->tap);
	fake_virtio_destroy(nic->device);
}

/* After a failed assertion the NIC is still plugged in. */
static void unplug(struct kunit *test)
{
	if (test->priv)
		nic_out(test->priv);
}

static u64 rx_count(struct fake_nic *nic, enum pvnet_rx_counter which)
{
	return u64_stats_read(&nic->pn->rxq[0].counters.value[which]);
}

static u64 tx_count(struct fake_nic *nic, enum pvnet_tx_counter which)
{
	return u64_stats_read(&nic->pn->txq[0].counters.value[which]) +
	       u64_stats_read(&nic->pn->txq[1].counters.value[which]);
}

/* --- frames to the driver ---------------------------------------------- */

/* What one delivery says, true or not. */
struct delivery {
	struct virtio_net_hdr hdr;
	u16 num_buffers;
	unsigned int buffers;	/* that really arrive */
	unsigned int bytes;	/* of the frame, spread over the buffers */
	u32 used_first;		/* used length of the first, 0: true */
	u32 used_last;		/* used length of the last, 0: true */
};

/* Used lengths to lie with that cannot be given as such. */
#define USED_ZERO 0xfffffffeu
#define USED_ONE_MORE 0xfffffffdu

static bool take_rx(struct fake_nic *nic, struct fake_chain *chain)
{
	unsigned long flags;
	bool any;

	spin_lock_irqsave(&nic->lock, flags);
	any = nic->rx_num;
	if (any) {
		*chain = nic->rx[nic->rx_first++ % RING_SIZE];
		nic->rx_num--;
	}
	spin_unlock_irqrestore(&nic->lock, flags);
	return any;
}

static void *make_frame(struct fake_nic *nic, const struct delivery *d,
			struct kunit *test)
{
	struct virtio_net_hdr_mrg_rxbuf *hdr;
	struct ethhdr *eth;
	unsigned int i;
	u8 *frame;

	frame = kunit_kmalloc(test, HDR_BYTES + d->bytes, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, frame);
	hdr = (void *)frame;
	hdr->hdr = d->hdr;
	hdr->num_buffers = (__force __virtio16)cpu_to_le16(d->num_buffers);
	for (i = 0; i < d->bytes; i++)
		frame[HDR_BYTES + i] = pattern(i);
	eth = (void *)(frame + HDR_BYTES);
	memcpy(eth->h_dest, nic->dev->dev_addr, ETH_ALEN);
	memset(eth->h_source, 2, ETH_ALEN);
	eth->h_proto = htons(TEST_ETHERTYPE);
	return frame;
}

static u32 lie(u32 used, u32 truth, const struct fake_chain *chain)
{
	switch (used) {
	case 0:
		return truth;
	case USED_ZERO:
		return 0;
	case USED_ONE_MORE:
		return chain->in_bytes + 1;
	default:
		return used;
	}
}

/* The interrupt runs NAPI at once, unless ksoftirqd has got it. */
static void wait_for_napi(struct fake_nic *nic)
{
	unsigned int tries;

	for (tries = 0; tries < WAIT_TRIES; tries++) {
		if (!test_bit(NAPI_STATE_SCHED, &nic->pn->rxq[0].napi.state))
			return;
		usleep_range(100, 200);
	}
}

/* The frame fills buffer after buffer; buffers beyond its end say 1 byte. */
static void nic_deliver(struct kunit *test, struct fake_nic *nic,
			const struct delivery *d)
{
	void *frame = make_frame(nic, d, test);
	unsigned int left = HDR_BYTES + d->bytes;
	struct fake_chain *chain;
	unsigned int i, n;
	u32 used;

	chain = kunit_kzalloc(test, sizeof(*chain), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, chain);
	for (i = 0; i < d->buffers; i++) {
		KUNIT_ASSERT_TRUE(test, take_rx(nic, chain));
		n = min_t(unsigned int, left, chain->in_bytes);
		fake_chain_write(chain, 0, frame + HDR_BYTES + d->bytes - left,
				 n);
		left -= n;
		used = n ?: 1;
		if (i == 0)
			used = lie(d->used_first, used, chain);
		if (i && i == d->buffers - 1)
			used = lie(d->used_last, used, chain);
		fake_virtio_push_used(nic->device, 0, chain->head, used);
	}
	fake_virtio_interrupt(nic->device, 0);
	wait_for_napi(nic);
	fake_virtio_drain(nic->device);
	kunit_kfree(test, chain);
	kunit_kfree(test, frame);
}

static const struct delivery honest = {
	.num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
};

static void expect_alive(struct kunit *test, struct fake_nic *nic,
			 const char *what)
{
	unsigned int received = nic->received;

	nic_deliver(test, nic, &honest);
	KUNIT_EXPECT_EQ_MSG(test, nic->received, received + 1, "after: %s",
			    what);
	KUNIT_EXPECT_EQ_MSG(test, nic->received_bad, 0u, "after: %s", what);
}

/* --- tests: receive ---------------------------------------------------- */

static void receives_frames(struct kunit *test)
{
	static const unsigned int sizes[] = {
		14, 15, 60, 255, 256, 257, 600, 1514
	};
	struct delivery d = honest;
	struct fake_nic *nic;
	unsigned int i, s;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		nic = nic_in(test, layouts[i].features);
		KUNIT_EXPECT_EQ(test, nic->pn->rx_mode, layouts[i].mode);
		for (s = 0; s < ARRAY_SIZE(sizes); s++) {
			d.bytes = sizes[s];
			nic_deliver(test, nic, &d);
			KUNIT_EXPECT_EQ(test, nic->received, s + 1);
			KUNIT_EXPECT_EQ(test, nic->received_bytes, sizes[s]);
		}
		KUNIT_EXPECT_EQ(test, nic->received_bad, 0u);
		nic_out(nic);
	}
}

/* More than the ring holds: used buffers have to come back. */
static void receives_for_ever(struct kunit *test)
{
	struct delivery d = honest;
	struct fake_nic *nic;
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		nic = nic_in(test, layouts[i].features);
		for (n = 0; n < 5 * RING_SIZE; n++) {
			d.bytes = n % 3 ? 1400 : 100;
			nic_deliver(test, nic, &d);
		}
		KUNIT_EXPECT_EQ(test, nic->received, n);
		KUNIT_EXPECT_EQ(test, nic->received_bad, 0u);
		nic_out(nic);
	}
}

static unsigned int posted_bytes(struct fake_nic *nic, unsigned int buffers)
{
	unsigned int sum = 0;
	unsigned int i;

	for (i = 0; i < buffers; i++)
		sum += nic->rx[(nic->rx_first + i) % RING_SIZE].in_bytes;
	return sum;
}

/* Small buffers at first, then ones that suit the frames. */
static void merges_buffers(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);
	struct delivery d = { .bytes = LONG_BYTES };
	unsigned int first = 0;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		d.buffers = 1;
		while (posted_bytes(nic, d.buffers) < HDR_BYTES + d.bytes)
			d.buffers++;
		d.num_buffers = d.buffers;
		first = first ?: d.buffers;
		nic_deliver(test, nic, &d);
		KUNIT_EXPECT_EQ(test, nic->received, i + 1);
		KUNIT_EXPECT_EQ(test, nic->received_bytes, LONG_BYTES);
	}
	KUNIT_EXPECT_EQ(test, nic->received_bad, 0u);
	KUNIT_EXPECT_GT(test, first, 30u);
	KUNIT_EXPECT_LE(test, d.buffers, 3u);
	nic_out(nic);
}

#define HDR(f, type, size, start, offset)				\
	.hdr = {							\
		.flags = f,						\
		.gso_type = VIRTIO_NET_HDR_GSO_##type,			\
		.gso_size = (__force __virtio16)cpu_to_le16(size),	\
		.csum_start = (__force __virtio16)cpu_to_le16(start),	\
		.csum_offset = (__force __virtio16)cpu_to_le16(offset),	\
	}
#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM

static const struct {
	const char *name;
	struct delivery d;
	enum pvnet_rx_counter counter;
	bool merge_only;
} lies[] = {
	{ "used length 0",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    .used_first = USED_ZERO }, PVNET_RX_DROP_BAD_LENGTH },
	{ "less than a header",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    .used_first = HDR_BYTES - 1 }, PVNET_RX_DROP_BAD_LENGTH },
	{ "less than an Ethernet header",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    .used_first = HDR_BYTES + ETH_HLEN - 1 },
	  PVNET_RX_DROP_BAD_LENGTH },
	{ "one byte more than the buffer",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    .used_first = USED_ONE_MORE }, PVNET_RX_DROP_BAD_LENGTH },
	{ "4 GiB",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    .used_first = 0xffffffff }, PVNET_RX_DROP_BAD_LENGTH },
	{ "checksum beyond the frame",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    HDR(NEEDS, NONE, 0, FRAME_BYTES, 0) }, PVNET_RX_DROP_BAD_CSUM },
	{ "checksum at 64 KiB",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    HDR(NEEDS, NONE, 0, 0xffff, 0xffff) }, PVNET_RX_DROP_BAD_CSUM },
	{ "segments of 0 bytes",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    HDR(NEEDS, TCPV4, 0, 34, 16) }, PVNET_RX_DROP_BAD_GSO },
	{ "kind not negotiated",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    HDR(NEEDS, UDP, 100, 34, 6) }, PVNET_RX_DROP_BAD_GSO },
	{ "tcp4 in something else",
	  { .num_buffers = 1, .buffers = 1, .bytes = FRAME_BYTES,
	    HDR(NEEDS, TCPV4, 100, 34, 16) }, PVNET_RX_DROP_BAD_GSO },
	{ "0 buffers",
	  { .num_buffers = 0, .buffers = 1, .bytes = FRAME_BYTES },
	  PVNET_RX_DROP_BAD_COUNT, true },
	{ "more buffers than the ring has",
	  { .num_buffers = 0xffff, .buffers = 1, .bytes = FRAME_BYTES },
	  PVNET_RX_DROP_BAD_COUNT, true },
	{ "more buffers than arrive",
	  { .num_buffers = 3, .buffers = 2, .bytes = FRAME_BYTES },
	  PVNET_RX_DROP_BAD_COUNT, true },
	{ "second buffer empty",
	  { .num_buffers = 2, .buffers = 2, .bytes = FRAME_BYTES,
	    .used_last = USED_ZERO }, PVNET_RX_DROP_BAD_LENGTH, true },
	{ "second buffer too long",
	  { .num_buffers = 2, .buffers = 2, .bytes = FRAME_BYTES,
	    .used_last = USED_ONE_MORE }, PVNET_RX_DROP_BAD_LENGTH, true },
	{ "checksum beyond two buffers",
	  { .num_buffers = 2, .buffers = 2, .bytes = FRAME_BYTES,
	    HDR(NEEDS, NONE, 0, 5000, 0) }, PVNET_RX_DROP_BAD_CSUM, true },
	{ "bad header and two buffers",
	  { .num_buffers = 2, .buffers = 2, .bytes = FRAME_BYTES,
	    HDR(NEEDS, TCPV4, 0, 34, 16) }, PVNET_RX_DROP_BAD_GSO, true },
};

/* Every lie is counted once, drops the frame and harms no later one. */
static void survives_lies(struct kunit *test)
{
	struct fake_nic *nic;
	unsigned int i, n;
	u64 before;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		nic = nic_in(test, layouts[i].features);
		for (n = 0; n < 3 * ARRAY_SIZE(lies); n++) {
			unsigned int row = n % ARRAY_SIZE(lies);

			if (lies[row].merge_only && i)
				continue;
			before = rx_count(nic, lies[row].counter);
			nic_deliver(test, nic, &lies[row].d);
			KUNIT_EXPECT_EQ_MSG(test, before + 1,
					    rx_count(nic, lies[row].counter),
					    "%s: %s", layouts[i].name,
					    lies[row].name);
			expect_alive(test, nic, lies[row].name);
		}
		nic_out(nic);
	}
}

/* 64 buffers of a header's count, 2 MB of them: no frame is that long. */
static void bounds_the_length_of_a_frame(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);
	struct delivery d = { .bytes = 3 * LONG_BYTES / 2 };

	d.buffers = 1;
	while (posted_bytes(nic, d.buffers) < HDR_BYTES + d.bytes)
		d.buffers++;
	d.num_buffers = d.buffers;
	KUNIT_ASSERT_LE(test, d.buffers, (unsigned int)RING_SIZE);
	nic_deliver(test, nic, &d);
	KUNIT_EXPECT_EQ(test, nic->received, 0u);
	KUNIT_EXPECT_EQ(test, 1ull, rx_count(nic, PVNET_RX_DROP_BAD_LENGTH));
	expect_alive(test, nic, "a frame of 90000 bytes");
	nic_out(nic);
}

/* The ring's own index lies end in the virtio core; we must not spin. */
static void survives_a_broken_ring(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);

	fake_virtio_push_used(nic->device, 0, RING_SIZE + 5, 100);
	fake_virtio_interrupt(nic->device, 0);
	fake_virtio_push_used(nic->device, 1, RING_SIZE + 5, 0);
	fake_virtio_interrupt(nic->device, 1);
	wait_for_napi(nic);
	KUNIT_EXPECT_TRUE(test, virtqueue_is_broken(nic->pn->rxq[0].vq));
	nic_out(nic);
}

/* --- tests: transmit --------------------------------------------------- */

static void count_free(struct sk_buff *skb)
{
	atomic_inc(skb_shinfo(skb)->destructor_arg);
}

static void nic_send(struct kunit *test, struct fake_nic *nic,
		     atomic_t *freed)
{
	struct sk_buff *skb;
	unsigned int i;
	u8 *p;

	skb = alloc_skb(FRAME_BYTES + 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	skb_reserve(skb, 64);
	p = skb_put(skb, FRAME_BYTES);
	memcpy(p, nic->dev->dev_addr, ETH_ALEN);
	memset(p + ETH_ALEN, 2, ETH_ALEN);
	p[12] = TEST_ETHERTYPE >> 8;
	p[13] = TEST_ETHERTYPE & 0xff;
	for (i = ETH_HLEN; i < FRAME_BYTES; i++)
		p[i] = pattern(i);
	skb_reset_mac_header(skb);
	skb->protocol = htons(TEST_ETHERTYPE);
	skb->dev = nic->dev;
	if (freed) {
		skb_shinfo(skb)->destructor_arg = freed;
		skb->destructor = count_free;
	}
	dev_queue_xmit(skb);
}

/* What waits behind a full queue limit goes when NAPI, or ksoftirqd, ran. */
static void wait_for_sent(struct fake_nic *nic, unsigned int count)
{
	unsigned int tries;

	for (tries = 0; tries < WAIT_TRIES; tries++) {
		fake_virtio_drain(nic->device);
		if (nic->sent >= count)
			return;
		usleep_range(100, 200);
	}
}

static void sends_frames(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);
	atomic_t freed = ATOMIC_INIT(0);
	unsigned int i;

	for (i = 0; i < 4 * RING_SIZE; i++) {
		nic_send(test, nic, &freed);
		fake_virtio_drain(nic->device);
	}
	wait_for_sent(nic, i);
	KUNIT_EXPECT_EQ(test, nic->sent, i);
	KUNIT_EXPECT_EQ(test, nic->sent_bad, 0u);
	KUNIT_EXPECT_EQ(test, nic->sent_hdr.hdr.flags, 0);
	KUNIT_EXPECT_EQ(test, tx_count(nic, PVNET_TX_DROP_RING_FULL), 0ull);
	nic_out(nic);
	KUNIT_EXPECT_EQ(test, (unsigned int)atomic_read(&freed), i);
}

/* A back end that died under traffic: no hang, and every sk_buff comes back. */
static void leaves_with_frames_in_flight(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);
	atomic_t freed = ATOMIC_INIT(0);
	unsigned int i;

	nic->hold_tx = true;
	nic->ctrl = SILENT;
	for (i = 0; i < 4 * RING_SIZE; i++)
		nic_send(test, nic, &freed);
	fake_virtio_drain(nic->device);
	KUNIT_EXPECT_LT(test, (unsigned int)atomic_read(&freed), i);
	nic_out(nic);
	KUNIT_EXPECT_EQ(test, (unsigned int)atomic_read(&freed), i);
}

static void drops_on_a_broken_queue(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);
	atomic_t freed = ATOMIC_INIT(0);

	virtio_break_device(fake_virtio_vdev(nic->device));
	nic_send(test, nic, &freed);
	KUNIT_EXPECT_EQ(test, atomic_read(&freed), 1);
	KUNIT_EXPECT_GE(test, tx_count(nic, PVNET_TX_DROP_BROKEN), 1ull);
	nic_out(nic);
}

/* --- tests: control queue ---------------------------------------------- */

static const u8 new_mac[ETH_ALEN] = { 0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc };

static int set_mac(struct fake_nic *nic)
{
	struct sockaddr_storage addr = { .ss_family = ARPHRD_ETHER };
	int err;

	memcpy(((struct sockaddr *)&addr)->sa_data, new_mac, ETH_ALEN);
	rtnl_lock();
	err = dev_set_mac_address(nic->dev, (struct sockaddr *)&addr, NULL);
	rtnl_unlock();
	return err;
}

static void obeys_and_refuses(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);

	KUNIT_EXPECT_EQ(test, set_mac(nic), 0);
	KUNIT_EXPECT_EQ(test, memcmp(nic->mac, new_mac, ETH_ALEN), 0);
	nic->ctrl = REFUSE;
	KUNIT_EXPECT_EQ(test, set_mac(nic), -EIO);
	KUNIT_EXPECT_GE(test, nic->pn->ctrl.refused, 1ull);
	nic_out(nic);
}

static void gives_up_on_a_silent_device(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);
	unsigned long start;

	/* The receive mode has been sent. */
	flush_work(&nic->pn->rx_mode_work);
	nic->ctrl = SILENT;
	start = jiffies;
	KUNIT_EXPECT_EQ(test, set_mac(nic), -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 4900u);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 7000u);

	start = jiffies;
	KUNIT_EXPECT_EQ(test, set_mac(nic), -ENODEV);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 1000u);
	KUNIT_EXPECT_EQ(test, nic->pn->ctrl.timeouts, 1ull);
	KUNIT_EXPECT_GE(test, nic->pn->ctrl.not_sent, 1ull);
	expect_alive(test, nic, "a silent control queue");
	nic_out(nic);
}

/* An answer after all only frees the command, which was still the device's. */
static void takes_a_late_answer(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);

	flush_work(&nic->pn->rx_mode_work);
	nic->ctrl = SILENT;
	KUNIT_EXPECT_EQ(test, set_mac(nic), -ETIMEDOUT);
	fake_virtio_push_used(nic->device, 4, nic->held_head, 1);
	fake_virtio_interrupt(nic->device, 4);
	KUNIT_EXPECT_EQ(test, set_mac(nic), -ENODEV);
	nic_out(nic);
}

/* --- tests: configuration and state ------------------------------------ */

static const struct {
	const char *name;
	u64 drop;
	struct virtio_net_config config;
} bad_configs[] = {
	{ "no queue pairs", F(MQ), { .max_virtqueue_pairs = 0 } },
	{ "65535 queue pairs", F(MQ),
	  { .max_virtqueue_pairs = (__force __virtio16)0xffff } },
	{ "MTU 0", F(MTU), { .mtu = 0 } },
	{ "MTU 67", F(MTU),
	  { .mtu = (__force __virtio16)cpu_to_le16(67) } },
};

/* What is not usable is not used; the device works without it. */
static void drops_features_with_bad_config(struct kunit *test)
{
	u64 features = BASIC | TSO | F(MRG_RXBUF) | F(MTU);
	struct virtio_net_config config;
	struct fake_nic *nic;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_configs); i++) {
		config = ordinary_config;
		if (bad_configs[i].drop == F(MQ))
			config.max_virtqueue_pairs =
				bad_configs[i].config.max_virtqueue_pairs;
		else
			config.mtu = bad_configs[i].config.mtu;
		nic = nic_with_config(test, features, &config);
		KUNIT_EXPECT_EQ_MSG(test, 0ull, bad_configs[i].drop &
				    fake_virtio_driver_features(nic->device),
				    "%s", bad_configs[i].name);
		if (bad_configs[i].drop != F(MQ))
			expect_alive(test, nic, bad_configs[i].name);
		nic_out(nic);
	}
}

static void invents_a_mac(struct kunit *test)
{
	struct virtio_net_config config = ordinary_config;
	struct fake_nic *nic;

	config.mac[0] = 0x01;	/* a group address */
	nic = nic_with_config(test, layouts[0].features, &config);
	KUNIT_EXPECT_TRUE(test, is_valid_ether_addr(nic->dev->dev_addr));
	KUNIT_EXPECT_EQ(test, 0, memcmp(nic->mac, nic->dev->dev_addr,
					ETH_ALEN));
	nic_out(nic);
}

static void follows_the_link(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[0].features);
	__le16 down = 0;

	KUNIT_EXPECT_TRUE(test, netif_carrier_ok(nic->dev));
	fake_virtio_set_config(nic->device,
			       offsetof(struct virtio_net_config, status),
			       &down, sizeof(down));
	fake_virtio_config_changed(nic->device);
	flush_work(&nic->pn->config_work);
	KUNIT_EXPECT_FALSE(test, netif_carrier_ok(nic->dev));
	nic_out(nic);
}

/* Larger frames than a buffer holds take a reset, after which all is told. */
static void replays_state_after_a_reset(struct kunit *test)
{
	struct fake_nic *nic = nic_in(test, layouts[1].features);
	int (*set_vlan)(struct net_device *dev, __be16 proto, u16 vid);
	struct delivery d = honest;
	unsigned int resets;
	int err;

	/* Directly, since the kernel may be without VLAN_8021Q. */
	set_vlan = nic->dev->netdev_ops->ndo_vlan_rx_add_vid;
	KUNIT_EXPECT_EQ(test, set_mac(nic), 0);
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, set_vlan(nic->dev, htons(ETH_P_8021Q), 7));
	KUNIT_EXPECT_EQ(test, 0, dev_set_promiscuity(nic->dev, 1));
	KUNIT_EXPECT_EQ(test, 0, pvnet_queues_set_pairs(nic->pn, 2));
	nic->dev->wanted_features &= ~NETIF_F_RXCSUM;
	netdev_update_features(nic->dev);
	rtnl_unlock();
	flush_work(&nic->pn->rx_mode_work);

	memset(nic->mac, 0, ETH_ALEN);
	bitmap_zero(nic->vlans, VLAN_N_VID);
	nic->pairs = 1;
	nic->promisc = false;
	nic->offloads = ~0ull;
	nic->rx_num = 0;
	resets = fake_virtio_resets(nic->device);

	rtnl_lock();
	err = dev_set_mtu(nic->dev, 9000);
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, fake_virtio_resets(nic->device), resets + 1);
	KUNIT_EXPECT_EQ(test, nic->pairs, 2);
	KUNIT_EXPECT_EQ(test, memcmp(nic->mac, new_mac, ETH_ALEN), 0);
	KUNIT_EXPECT_TRUE(test, test_bit(7, nic->vlans));
	KUNIT_EXPECT_TRUE(test, nic->promisc);
	KUNIT_EXPECT_EQ(test, nic->offloads, 0ull);

	fake_virtio_drain(nic->device);
	d.bytes = 9014;
	nic_deliver(test, nic, &d);
	KUNIT_EXPECT_EQ(test, nic->received_bytes, 9014u);
	KUNIT_EXPECT_EQ(test, nic->received_bad, 0u);

	nic_out(nic);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(receives_frames),
	KUNIT_CASE(receives_for_ever),
	KUNIT_CASE(merges_buffers),
	KUNIT_CASE(survives_lies),
	KUNIT_CASE(bounds_the_length_of_a_frame),
	KUNIT_CASE(survives_a_broken_ring),
	KUNIT_CASE(sends_frames),
	KUNIT_CASE(leaves_with_frames_in_flight),
	KUNIT_CASE(drops_on_a_broken_queue),
	KUNIT_CASE(obeys_and_refuses),
	KUNIT_CASE(gives_up_on_a_silent_device),
	KUNIT_CASE(takes_a_late_answer),
	KUNIT_CASE(drops_features_with_bad_config),
	KUNIT_CASE(invents_a_mac),
	KUNIT_CASE(follows_the_link),
	KUNIT_CASE(replays_state_after_a_reset),
	{}
};

static struct kunit_suite suite = {
	.name = "pvnet_device",
	.exit = unplug,
	.test_cases = cases,
};

kunit_test_suite(suite);
