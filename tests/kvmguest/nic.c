// SPDX-License-Identifier: GPL-2.0
/*
 * nic - frames sent to the host's echo port and received back
 *
 * The port sends back what it gets, on the same pair of queues, with the MAC
 * addresses swapped.  A frame carries its run and its number in the run; the
 * handler, in softirq context, checks every byte and ticks it off.  Below one
 * run waits until at most @window frames are out, as the port's ring is finite.
 */
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/wait.h>
#include <net/ip.h>
#include <net/net_namespace.h>

#include "selftest.h"

#define NIC_NAME	"eth0"
#define FRAMES_MAX	64u
#define GSO_PAYLOAD	SZ_16K
#define GSO_SEGMENT	1448
#define CARRIER_WAIT	(10 * HZ)

/**
 * struct probe_hdr - begins the payload of each frame
 * @run: distinguishes late frames of an earlier run
 * @number: of the frame in its run
 */
struct probe_hdr {
	__be32 run;
	__be32 number;
};

#define MIN_FRAME	60

/**
 * struct frame_run - frames to send, one after the other
 * @bytes:	of frame N, without checksum: min_bytes + N * step_bytes
 * @window:	frames out at a time
 * @count:	frames
 * @what:	name for the host's counters, NULL: not counted
 */
struct frame_run {
	unsigned int min_bytes;
	unsigned int step_bytes;
	unsigned int window;
	unsigned int count;
	const char *what;
};

/**
 * struct nic - the device and the run that goes on
 *
 * @lock covers all below it.
 */
struct nic {
	struct net_device *dev;
	struct packet_type probes;
	struct packet_type segments;
	wait_queue_head_t wait;

	spinlock_t lock;
	const struct frame_run *run;
	u32 run_id;
	unsigned int queue;
	unsigned int received;
	unsigned int segment_bytes;
	DECLARE_BITMAP(seen, FRAMES_MAX);
	const char *wrong;
	u8 buf[ETH_DATA_LEN];
};

/* Peer that no other port has; locally administered. */
static const u8 peer_mac[ETH_ALEN] = { 0x02, 'p', 'e', 'e', 'r', 0 };

static u8 byte_at(u32 run_id, unsigned int number, unsigned int i)
{
	return run_id * 31 + number * 7 + i;
}

static unsigned int frame_bytes(const struct frame_run *run,
				unsigned int number)
{
	return run->min_bytes + number * run->step_bytes;
}

/* What is wrong with a frame, NULL: nothing.  Frames of old runs are let by. */
static const char *probe_judge(struct nic *nic, const struct sk_buff *skb)
{
	const struct probe_hdr *hdr = (const void *)nic->buf;
	const struct ethhdr *eth = eth_hdr(skb);
	unsigned int number, i;

	if (skb->len < sizeof(*hdr) || skb->len > sizeof(nic->buf))
		return "impossible length";
	skb_copy_bits(skb, 0, nic->buf, skb->len);
	number = be32_to_cpu(hdr->number);
	if (!nic->run || be32_to_cpu(hdr->run) != nic->run_id)
		return NULL;
	if (number >= nic->run->count)
		return "number out of range";
	if (skb->len + ETH_HLEN != frame_bytes(nic->run, number))
		return "wrong length";
	if (!ether_addr_equal(eth->h_source, peer_mac) ||
	    !ether_addr_equal(eth->h_dest, nic->dev->dev_addr))
		return "wrong addresses";
	for (i = sizeof(*hdr); i < skb->len; i++)
		if (nic->buf[i] != byte_at(nic->run_id, number, i))
			return "wrong contents";
	if (skb_rx_queue_recorded(skb) && skb_get_rx_queue(skb) != nic->queue)
		return "wrong queue";
	if (__test_and_set_bit(number, nic->seen))
		return "received twice";
	nic->received++;
	return NULL;
}

static int probe_receive(struct sk_buff *skb, struct net_device *dev,
			 struct packet_type *type, struct net_device *orig_dev)
{
	struct nic *nic = container_of(type, struct nic, probes);
	const char *wrong;

	spin_lock(&nic->lock);
	wrong = probe_judge(nic, skb);
	if (wrong)
		nic->wrong = wrong;
	spin_unlock(&nic->lock);
	wake_up(&nic->wait);
	kfree_skb(skb);
	return NET_RX_SUCCESS;
}

/* Big frames come as one or in pieces, as the device likes; bytes count. */
static int segment_receive(struct sk_buff *skb, struct net_device *dev,
			   struct packet_type *type,
			   struct net_device *orig_dev)
{
	struct nic *nic = container_of(type, struct nic, segments);
	unsigned int skip = sizeof(struct iphdr) + sizeof(struct tcphdr);
	unsigned int at, i, len;

	spin_lock(&nic->lock);
	for (at = skip; at < skb->len; at += len) {
		len = min_t(unsigned int, skb->len - at, sizeof(nic->buf));
		skb_copy_bits(skb, at, nic->buf, len);
		for (i = 0; i < len; i++)
			if (nic->buf[i] != (u8)nic->segment_bytes++)
				nic->wrong = "wrong contents";
	}
	spin_unlock(&nic->lock);
	wake_up(&nic->wait);
	kfree_skb(skb);
	return NET_RX_SUCCESS;
}

static struct sk_buff *frame_new(struct nic *nic, unsigned int bytes, u16 proto)
{
	struct sk_buff *skb = alloc_skb(LL_RESERVED_SPACE(nic->dev) + bytes,
					GFP_KERNEL);
	struct ethhdr *eth;

	if (!skb)
		return NULL;
	skb_reserve(skb, LL_RESERVED_SPACE(nic->dev) - ETH_HLEN);
	skb_reset_mac_header(skb);
	eth = skb_put(skb, ETH_HLEN);
	ether_addr_copy(eth->h_dest, peer_mac);
	ether_addr_copy(eth->h_source, nic->dev->dev_addr);
	eth->h_proto = htons(proto);
	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = htons(proto);
	skb->dev = nic->dev;
	return skb;
}

static struct sk_buff *probe_new(struct nic *nic, unsigned int number)
{
	unsigned int len = frame_bytes(nic->run, number) - ETH_HLEN;
	struct sk_buff *skb = frame_new(nic, ETH_HLEN + len, ETH_P_802_EX1);
	struct probe_hdr *hdr;
	unsigned int i;
	u8 *data;

	if (!skb)
		return NULL;
	data = skb_put(skb, len);
	hdr = (struct probe_hdr *)data;
	hdr->run = cpu_to_be32(nic->run_id);
	hdr->number = cpu_to_be32(number);
	for (i = sizeof(*hdr); i < len; i++)
		data[i] = byte_at(nic->run_id, number, i);
	return skb;
}

static void run_begin(struct nic *nic, const struct frame_run *run,
		      unsigned int queue)
{
	spin_lock_bh(&nic->lock);
	nic->run = run;
	nic->run_id++;
	nic->queue = queue;
	nic->received = 0;
	nic->segment_bytes = 0;
	nic->wrong = NULL;
	bitmap_zero(nic->seen, FRAMES_MAX);
	spin_unlock_bh(&nic->lock);
}

static int wait_received(struct selftest *test, struct nic *nic,
			 unsigned int count)
{
	wait_event_timeout(nic->wait, READ_ONCE(nic->wrong) ||
			   READ_ONCE(nic->received) >= count,
			   SELFTEST_TIMEOUT);
	if (nic->wrong)
		return selftest_fail(test, "queue %u, frame after %u: %s",
				     nic->queue, nic->received, nic->wrong);
	if (nic->received < count)
		return selftest_fail(test, "queue %u: %u of %u frames back",
				     nic->queue, nic->received, count);
	return 0;
}

static int send_run(struct selftest *test, struct nic *nic)
{
	const struct frame_run *run = nic->run;
	unsigned int number;
	int err;

	for (number = 0; number < run->count; number++) {
		struct sk_buff *skb = probe_new(nic, number);

		if (!skb)
			return selftest_fail(test, "no memory");
		if (number >= run->window) {
			err = wait_received(test, nic,
					    number - run->window + 1);
			if (err) {
				kfree_skb(skb);
				return err;
			}
		}
		if (dev_direct_xmit(skb, nic->queue))
			return selftest_fail(test, "queue %u: frame %u dropped",
					     nic->queue, number);
	}
	return wait_received(test, nic, run->count);
}

/* The interrupts of a queue come to its CPU, so send from there too. */
static int run_on_queue(struct selftest *test, struct nic *nic,
			const struct frame_run *run, unsigned int queue)
{
	int err;

	if (set_cpus_allowed_ptr(current, cpumask_of(queue % num_online_cpus())))
		return selftest_fail(test, "CPU %u is not there", queue);
	run_begin(nic, run, queue);
	if (run->what)
		selftest_count_begin(run->what);
	err = send_run(test, nic);
	if (run->what)
		selftest_count_end(run->what, run->count);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	return err;
}

static struct nic the_nic = {
	.wait = __WAIT_QUEUE_HEAD_INITIALIZER(the_nic.wait),
	.lock = __SPIN_LOCK_UNLOCKED(the_nic.lock),
	.probes = {
		.type = htons(ETH_P_802_EX1),
		.func = probe_receive,
	},
	.segments = {
		.type = htons(ETH_P_IP),
		.func = segment_receive,
	},
};

static int wait_carrier(struct net_device *dev)
{
	unsigned long end = jiffies + CARRIER_WAIT;

	while (!netif_carrier_ok(dev)) {
		if (time_after(jiffies, end))
			return -ENETDOWN;
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

/* The first case; without it the others have no device and fail. */
static int test_open(struct selftest *test, const void *arg)
{
	struct net_device *dev = dev_get_by_name(&init_net, NIC_NAME);
	const char *driver;
	int err;

	if (!dev)
		return selftest_fail(test, "no " NIC_NAME);
	driver = dev_driver_string(dev->dev.parent);
	if (strcmp(driver, selftest_nic_driver))
		return selftest_fail(test, NIC_NAME " is %s's, not %s's",
				     driver, selftest_nic_driver);
	rtnl_lock();
	err = dev_open(dev, NULL);
	rtnl_unlock();
	if (err)
		return selftest_fail(test, "open: error %d", err);
	if (wait_carrier(dev))
		return selftest_fail(test, "no carrier");
	if (dev->real_num_tx_queues != selftest_queues)
		return selftest_fail(test, "%u queues, not %u",
				     dev->real_num_tx_queues, selftest_queues);
	the_nic.dev = dev;
	the_nic.probes.dev = dev;
	the_nic.segments.dev = dev;
	dev_add_pack(&the_nic.probes);
	dev_add_pack(&the_nic.segments);
	return 0;
}

static int test_frames(struct selftest *test, const void *arg)
{
	unsigned int queue;
	int err;

	if (!the_nic.dev)
		return selftest_fail(test, "the NIC is not open");
	for (queue = 0; queue < the_nic.dev->real_num_tx_queues; queue++) {
		err = run_on_queue(test, &the_nic, arg, queue);
		if (err)
			return err;
	}
	return 0;
}

/* Counted on one queue alone: the figures are per frame. */
static int test_counted(struct selftest *test, const void *arg)
{
	if (!the_nic.dev)
		return selftest_fail(test, "the NIC is not open");
	return run_on_queue(test, &the_nic, arg, 0);
}

static void tcp_headers(struct sk_buff *skb, unsigned int payload)
{
	struct iphdr *ip = skb_put_zero(skb, sizeof(*ip));
	struct tcphdr *tcp;

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = htonl(0x0a4d0002);
	ip->daddr = htonl(0x0a4d0001);
	ip->tot_len = htons(sizeof(*ip) + sizeof(*tcp) + payload);
	ip_send_check(ip);
	skb_set_transport_header(skb, skb->len);
	tcp = skb_put_zero(skb, sizeof(*tcp));
	tcp->source = htons(9);
	tcp->dest = htons(9);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->ack = 1;
	tcp->check = ~csum_tcpudp_magic(ip->saddr, ip->daddr,
					sizeof(*tcp) + payload, IPPROTO_TCP, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

static struct sk_buff *segments_new(struct nic *nic)
{
	unsigned int headers = ETH_HLEN + sizeof(struct iphdr) +
			       sizeof(struct tcphdr);
	struct sk_buff *skb = frame_new(nic, headers + GSO_PAYLOAD, ETH_P_IP);
	unsigned int i;
	u8 *data;

	if (!skb)
		return NULL;
	tcp_headers(skb, GSO_PAYLOAD);
	data = skb_put(skb, GSO_PAYLOAD);
	for (i = 0; i < GSO_PAYLOAD; i++)
		data[i] = i;
	skb_shinfo(skb)->gso_size = GSO_SEGMENT;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(GSO_PAYLOAD, GSO_SEGMENT);
	skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
	return skb;
}

/* One frame for the device to cut and to sum, and the same back at once. */
static int test_segments(struct selftest *test, const void *arg)
{
	struct nic *nic = &the_nic;
	struct sk_buff *skb;

	if (!nic->dev)
		return selftest_fail(test, "the NIC is not open");
	if (!(nic->dev->features & NETIF_F_TSO))
		return selftest_skip(test, "the device does not segment TCP");
	skb = segments_new(nic);
	if (!skb)
		return selftest_fail(test, "no memory");
	run_begin(nic, NULL, 0);
	if (dev_queue_xmit(skb))
		return selftest_fail(test, "dropped");
	wait_event_timeout(nic->wait, READ_ONCE(nic->wrong) ||
			   READ_ONCE(nic->segment_bytes) >= GSO_PAYLOAD,
			   SELFTEST_TIMEOUT);
	if (nic->wrong || nic->segment_bytes != GSO_PAYLOAD)
		return selftest_fail(test, "%u of %u bytes back: %s",
				     nic->segment_bytes, GSO_PAYLOAD,
				     nic->wrong ?: "bytes missing");
	return 0;
}

static const struct frame_run run_sizes = {
	.min_bytes = MIN_FRAME, .step_bytes = 47, .window = 8, .count = 31,
};

static const struct frame_run run_largest = {
	.min_bytes = ETH_FRAME_LEN, .window = 16, .count = 24,
};

static const struct frame_run run_single = {
	.min_bytes = 256, .window = 1, .count = 16,
	.what = "echo of 256 bytes, one at a time",
};

static const struct frame_run run_burst = {
	.min_bytes = 256, .window = 32, .count = 64,
	.what = "echo of 256 bytes, 32 in flight",
};

const struct selftest_case nic_cases[] = {
	{ "nic: driver, queues, carrier", test_open, NULL },
	{ "nic: 60 to 1470 bytes, each queue", test_frames, &run_sizes },
	{ "nic: 1514 bytes, each queue", test_frames, &run_largest },
	{ "nic: 256 bytes, one at a time", test_counted, &run_single },
	{ "nic: 256 bytes, 32 in flight", test_counted, &run_burst },
	{ "nic: 16 KiB TCP segmented by the device", test_segments, NULL },
};

const unsigned int nic_num_cases = ARRAY_SIZE(nic_cases);
