// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_tap - the NIC on a real tap interface, in a network namespace of its own
 *
 * The other end is a packet socket on the interface: what it sends, the guest
 * receives, and the other way round; with PACKET_VNET_HDR both sides see each
 * other's offload fields.  Needs CAP_NET_ADMIN, else all is skipped.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv_net.h"

#define TAP	   "pvtap0"
#define PAIRS	   2u
#define L2_L4_LEN  54u
#define CSUM	   VIRTIO_NET_HDR_F_NEEDS_CSUM

static struct daemon d;
static struct drv_dev nic;
static struct drv_net pair[PAIRS];
static int wire = -1;
static bool unable;
static u8 frame[DRV_NET_FRAME_MAX];
static u8 got[DRV_NET_FRAME_MAX];

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -errno : 0;
}

static int tap_open(struct ifreq *ifr)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	memset(ifr, 0, sizeof(*ifr));
	strcpy(ifr->ifr_name, TAP);
	ifr->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
	if (fd >= 0 && ioctl(fd, TUNSETIFF, ifr)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int tap_persist(unsigned long persist)
{
	struct ifreq ifr;
	int fd = tap_open(&ifr);
	int err;

	if (fd < 0)
		return -errno;
	err = ioctl(fd, TUNSETPERSIST, persist);
	close(fd);
	return err;
}

static void link_set(bool up)
{
	struct ifreq ifr = { .ifr_name = TAP };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(sock, SIOCGIFFLAGS, &ifr), 0);
	ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP :
				     ifr.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(sock, SIOCSIFFLAGS, &ifr), 0);
	close(sock);
}

static int wire_open(void)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = (int)if_nametoindex(TAP) };
	int size = 8 << 20;
	int one = 1;

	wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (wire < 0)
		return -errno;
	setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(wire, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(wire, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
		       sizeof(one)) ||
	    bind(wire, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return 0;
}

static void daemon_up(void)
{
	const char *const args[] = { "net", "--socket-path",
				     daemon_path(&d, "s"), "--tap", TAP,
				     "--num-queues=2", NULL };

	assert_int_equal(daemon_start(&d, args), 0);
	if (daemon_wait_socket(&d, daemon_path(&d, "s")))
		fail_msg("did not start: %s", daemon_log_text(&d));
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (unshare(CLONE_NEWNET) ||
	    write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1") ||
	    tap_persist(1)) {
		print_message("# reason: needs CAP_NET_ADMIN, a network namespace and /dev/net/tun: %s\n",
			      strerror(errno));
		unable = true;
		return 0;
	}
	link_set(true);
	if (wire_open() || daemon_dir(&d))
		return -1;
	daemon_up();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (unable)
		return 0;
	close(wire);
	if (daemon_stop(&d, SIGTERM, 5000))
		return -1;
	daemon_remove(&d);
	return 0;
}

static void nic_open(u64 no_features)
{
	const struct drv_dev_conf conf = {
		.path = daemon_path(&d, "s"),
		.num_queues = PAIRS * 2,
		.group = 2,
		.features = DRV_NET_FEATURES,
		.no_features = no_features,
		.layout = { .regions = 1, .size = 64u << 20 },
	};
	struct drv_net_conf nc = { .rx_len = 2048, .num_rx = 256 };

	if (unable)
		skip();
	fe_ok(&nic.fe, drv_dev_open(&nic, &conf));
	for (nc.pair = 0; nc.pair < PAIRS; nc.pair++)
		assert_int_equal(drv_net_init(&pair[nc.pair], &nic, &nc), 0);
}

static int after(void **state)
{
	(void)state;
	if (nic.vq)
		drv_dev_close(&nic);
	if (!unable && !daemon_alive(&d))
		fail_msg("the daemon is gone: %s", daemon_log_text(&d));
	while (wire >= 0 && recv(wire, got, sizeof(got), MSG_DONTWAIT) > 0)
		;
	return 0;
}

/* IPv4, TCP and a pattern; checksums as a stack leaves them to the device. */
static void make_frame(u32 len, u32 seed)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64,
			    .protocol = IPPROTO_TCP,
			    .saddr = htonl(0x0a000001),
			    .daddr = htonl(0x0a000002) };
	struct tcphdr tcp = { .doff = 5, .ack = 1, .window = htons(1000) };
	u32 i;

	for (i = 0; i < len; i++)
		frame[i] = (u8)(seed * 31 + i * 7 + (i >> 8));
	memcpy(frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 2 * ETH_ALEN);
	frame[12] = ETH_P_IP >> 8;
	frame[13] = ETH_P_IP & 0xff;
	if (len < L2_L4_LEN)
		return;
	ip.tot_len = htons((u16)(len - ETH_HLEN));
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	memcpy(frame + ETH_HLEN + sizeof(ip), &tcp, sizeof(tcp));
}

/* One frame off the wire; its length, or 0 after @timeout_ms. */
static u32 wire_recv(struct virtio_net_hdr *hdr, int timeout_ms)
{
	struct pollfd p = { .fd = wire, .events = POLLIN };
	struct iovec iov[] = { { hdr, sizeof(*hdr) }, { got, sizeof(got) } };
	ssize_t n;

	if (poll(&p, 1, timeout_ms) != 1)
		return 0;
	n = readv(wire, iov, 2);
	return n > (ssize_t)sizeof(*hdr) ? (u32)n - (u32)sizeof(*hdr) : 0;
}

static void wire_send(const struct virtio_net_hdr *hdr, u32 len)
{
	struct iovec iov[] = { { (void *)(uintptr_t)hdr, sizeof(*hdr) },
			       { frame, len } };

	assert_int_equal(writev(wire, iov, 2), sizeof(*hdr) + len);
}

/* A frame from the wire for the guest, on whichever pair it comes. */
static u32 guest_recv(struct virtio_net_hdr_v1 *hdr)
{
	unsigned int ms;
	unsigned int p;
	int n;

	for (ms = 0; ms < 2000; ms++) {
		for (p = 0; p < PAIRS; p++) {
			if (!drv_vq_pending(pair[p].rx))
				continue;
			n = drv_net_recv(&pair[p], hdr, got);
			assert_true(n > 0);
			/* Ours; the kernel may have sent one of its own. */
			if (!memcmp(got, frame, 2 * ETH_ALEN))
				return (u32)n;
		}
		usleep(1000);
	}
	return 0;
}

static void guest_send(unsigned int p, const struct virtio_net_hdr_v1 *hdr,
		       u32 len)
{
	assert_int_equal(drv_net_send(&pair[p], hdr, frame, len, NULL), 0);
	drv_vq_kick(pair[p].tx);
}

static const u32 lens[] = { 14, 15, 60, 64, 127, 1000, 1513, 1514 };

static void guest_to_wire(void **state)
{
	const struct virtio_net_hdr_v1 none = { 0 };
	struct virtio_net_hdr hdr;
	unsigned int i;

	(void)state;
	nic_open(0);
	for (i = 0; i < ARRAY_SIZE(lens) * PAIRS; i++) {
		make_frame(lens[i / PAIRS], i);
		guest_send(i % PAIRS, &none, lens[i / PAIRS]);
		assert_int_equal(wire_recv(&hdr, 2000), lens[i / PAIRS]);
		assert_memory_equal(got, frame, lens[i / PAIRS]);
		assert_int_equal(hdr.gso_type, 0);
	}
}

static void wire_to_guest(void **state)
{
	const struct virtio_net_hdr none = { 0 };
	struct virtio_net_hdr_v1 hdr;
	unsigned int i;

	(void)state;
	nic_open(0);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		make_frame(lens[i], i);
		wire_send(&none, lens[i]);
		assert_int_equal(guest_recv(&hdr), lens[i]);
		assert_memory_equal(got, frame, lens[i]);
		assert_int_equal(hdr.gso_type, 0);
	}
}

/* What is left to the device: a checksum; checksums and segments. */
static const struct {
	struct virtio_net_hdr_v1 hdr;
	u32 len;
} offloads[] = {
	{ { .flags = CSUM, .csum_start = 34, .csum_offset = 16 }, 1000 },
	{ { .flags = CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
	    .hdr_len = L2_L4_LEN, .gso_size = 1448, .csum_start = 34,
	    .csum_offset = 16 },
	  10000 },
	{ { .flags = CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
	    .hdr_len = L2_L4_LEN, .gso_size = 1448, .csum_start = 34,
	    .csum_offset = 16 },
	  65000 },
};

static void offloads_to_wire(void **state)
{
	struct virtio_net_hdr hdr;
	unsigned int i;

	(void)state;
	nic_open(0);
	for (i = 0; i < ARRAY_SIZE(offloads); i++) {
		make_frame(offloads[i].len, i);
		guest_send(0, &offloads[i].hdr, offloads[i].len);
		assert_int_equal(wire_recv(&hdr, 2000), offloads[i].len);
		assert_memory_equal(got, frame, offloads[i].len);
		assert_int_equal(hdr.flags & CSUM, CSUM);
		assert_int_equal(hdr.gso_type, offloads[i].hdr.gso_type);
		assert_int_equal(hdr.gso_size, offloads[i].hdr.gso_size);
		assert_int_equal(hdr.csum_start, 34);
		assert_int_equal(hdr.csum_offset, 16);
	}
}

static void offloads_to_guest(void **state)
{
	struct virtio_net_hdr_v1 hdr;
	struct virtio_net_hdr to_wire;
	unsigned int i;

	(void)state;
	nic_open(0);
	for (i = 0; i < ARRAY_SIZE(offloads); i++) {
		make_frame(offloads[i].len, i);
		memcpy(&to_wire, &offloads[i].hdr, sizeof(to_wire));
		wire_send(&to_wire, offloads[i].len);
		assert_int_equal(guest_recv(&hdr), offloads[i].len);
		assert_memory_equal(got, frame, offloads[i].len);
		assert_int_equal(hdr.flags & CSUM, CSUM);
		assert_int_equal(hdr.gso_type, offloads[i].hdr.gso_type);
		assert_int_equal(hdr.gso_size, offloads[i].hdr.gso_size);
		assert_int_equal(hdr.csum_start, 34);
		assert_int_equal(hdr.csum_offset, 16);
	}
}

/* A guest that cannot take segments to be gets them cut and summed up. */
static void segments_for_plain_guest(void **state)
{
	const u64 guest_offloads = BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |
				   BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |
				   BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |
				   BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |
				   BIT_ULL(VIRTIO_NET_F_GUEST_UFO);
	const u32 total = L2_L4_LEN + 5 * 1448;
	struct virtio_net_hdr_v1 hdr;
	struct virtio_net_hdr to_wire;
	u32 payload = 0;
	u32 n;

	(void)state;
	nic_open(guest_offloads);
	make_frame(total, 1);
	memcpy(&to_wire, &offloads[1].hdr, sizeof(to_wire));
	wire_send(&to_wire, total);
	while (payload < total - L2_L4_LEN) {
		n = guest_recv(&hdr);
		assert_int_equal(n, L2_L4_LEN + 1448);
		assert_int_equal(hdr.flags | hdr.gso_type, 0);
		assert_memory_equal(got + L2_L4_LEN,
				    frame + L2_L4_LEN + payload, 1448);
		payload += n - L2_L4_LEN;
	}
}

/* Down: frames are dropped, not kept; up again: it goes on. */
/* RFC 903, after a migration: the guest's address, broadcast by the host. */
static void announced(void **state)
{
	static const u8 mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	static const u8 rarp[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34,
		0x56, 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3, 0x52, 0x54, 0, 0x12,
		0x34, 0x56, 0, 0, 0, 0, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0, 0,
		0, 0
	};
	struct vu_msg m = { .hdr = { .id = VU_SEND_RARP, .size = 8 } };
	struct virtio_net_hdr hdr;
	unsigned int i;

	(void)state;
	nic_open(0);
	for (i = 0; i < 3; i++) {
		m.hdr = (struct vu_hdr){ .id = VU_SEND_RARP, .size = 8 };
		memset(m.p.raw, 0, 8);
		memcpy(m.p.raw, mac, sizeof(mac));
		fe_ok(&nic.fe, vu_fe_command(&nic.fe, &m, true));
		assert_int_equal(wire_recv(&hdr, 2000), 60);
		assert_memory_equal(got, rarp, sizeof(rarp));
	}
	/* With the link down nobody hears it, and nobody is to blame. */
	link_set(false);
	m.hdr = (struct vu_hdr){ .id = VU_SEND_RARP, .size = 8 };
	memcpy(m.p.raw, mac, sizeof(mac));
	fe_ok(&nic.fe, vu_fe_command(&nic.fe, &m, true));
	link_set(true);
}

static void link_down_and_up(void **state)
{
	const struct virtio_net_hdr_v1 none = { 0 };
	struct virtio_net_hdr hdr;
	socklen_t len = sizeof(int);
	unsigned int ms;
	int network_down;

	(void)state;
	nic_open(0);
	link_set(false);
	make_frame(100, 1);
	guest_send(0, &none, 100);
	for (ms = 0; ms < 2000 && drv_vq_in_flight(pair[0].tx); ms++) {
		drv_net_sent(&pair[0]);
		usleep(1000);
	}
	assert_int_equal(drv_vq_in_flight(pair[0].tx), 0);
	link_set(true);
	/* Which the packet socket was told as well. */
	getsockopt(wire, SOL_SOCKET, SO_ERROR, &network_down, &len);
	make_frame(200, 2);
	guest_send(0, &none, 200);
	assert_int_equal(wire_recv(&hdr, 2000), 200);
	assert_memory_equal(got, frame, 200);
}

/* Traffic both ways while the front end leaves and comes back. */
static void reconnect_under_traffic(void **state)
{
	const struct virtio_net_hdr none = { 0 };
	const struct virtio_net_hdr_v1 none_v1 = { 0 };
	struct virtio_net_hdr_v1 hdr;
	struct virtio_net_hdr seen;
	unsigned int round;
	unsigned int i;

	(void)state;
	if (unable)
		skip();
	for (round = 0; round < 50; round++) {
		nic_open(0);
		make_frame(1000, round);
		for (i = 0; i < 32; i++) {
			wire_send(&none, 1000);
			guest_send(i % PAIRS, &none_v1, 1000);
		}
		drv_dev_close(&nic);
	}
	nic_open(0);
	make_frame(777, 1);
	/* What waits in the tap from before may come first. */
	wire_send(&none, 777);
	for (i = 0; i < 2000 && guest_recv(&hdr) != 777; i++)
		;
	assert_memory_equal(got, frame, 777);
	guest_send(1, &none_v1, 777);
	for (i = 0; i < 5000 && wire_recv(&seen, 2000) != 777; i++)
		;
	assert_memory_equal(got, frame, 777);
}

#define FLOOD_LEN  60u
#define SETTLE_LEN 61u

/* Past the queueing discipline, which wakes up only after the interface. */
static pid_t flood_start(void)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_ifindex = (int)if_nametoindex(TAP) };
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int one = 1;
	pid_t pid;

	assert_int_equal(setsockopt(sock, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
				    sizeof(one)),
			 0);
	assert_int_equal(bind(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
	make_frame(FLOOD_LEN, 0);
	pid = fork();
	if (!pid) {
		alarm(10);
		for (;;)
			send(sock, frame, FLOOD_LEN, 0);
	}
	close(sock);
	assert_true(pid > 0);
	return pid;
}

static bool guest_pending(void)
{
	return drv_vq_pending(pair[0].rx) || drv_vq_pending(pair[1].rx);
}

/*
 * Until the flood is through and what is sent now arrives: before, the tap may
 * be full, and the queueing discipline not back yet.
 */
static void wire_settle(void)
{
	const struct virtio_net_hdr none = { 0 };
	struct virtio_net_hdr_v1 hdr;
	unsigned int ms;

	make_frame(SETTLE_LEN, 0);
	for (ms = 0; ms < 5000; ms++) {
		wire_send(&none, SETTLE_LEN);
		usleep(1000);
		while (guest_pending())
			if (guest_recv(&hdr) == SETTLE_LEN)
				return;
	}
	fail_msg("nothing arrives any more");
}

static void start_under_flood(void)
{
	pid_t flood = flood_start();

	daemon_up();
	kill(flood, SIGKILL);
	assert_int_equal(waitpid(flood, NULL, 0), flood);
}

/* Each frame is there before the next is sent. */
static void frames_arrive_singly(void)
{
	const struct virtio_net_hdr none = { 0 };
	struct virtio_net_hdr_v1 hdr;
	u32 len, n;

	for (len = 100; len < 108; len++) {
		make_frame(len, len);
		wire_send(&none, len);
		do
			n = guest_recv(&hdr);
		while (n == FLOOD_LEN || n == SETTLE_LEN);
		assert_int_equal(n, len);
	}
}

/*
 * Frames that come between the daemon's opening of the tap and its first look
 * at what the tap can do must not mislead it: a read that waits for a frame
 * holds up those that came before, and the daemon's end.  Several times, since
 * none may have come in between.
 */
static void started_under_traffic(void **state)
{
	unsigned int round;

	(void)state;
	if (unable)
		skip();
	for (round = 0; round < 4; round++) {
		assert_int_equal(daemon_stop(&d, SIGTERM, 2000), 0);
		start_under_flood();
		nic_open(0);
		wire_settle();
		frames_arrive_singly();
		drv_dev_close(&nic);
	}
}

static void start_second(struct daemon *second)
{
	const char *const args[] = { "net", "--socket-path",
				     daemon_path(second, "s"), "--tap", TAP,
				     NULL };

	assert_int_equal(daemon_start(second, args), 0);
}

/* Somebody else wants the same interface: one line, no start. */
static void tap_in_use(void **state)
{
	struct daemon second;

	(void)state;
	if (unable)
		skip();
	assert_int_equal(daemon_dir(&second), 0);
	start_second(&second);
	assert_int_not_equal(daemon_wait(&second, 5000), 0);
	assert_non_null(strstr(daemon_log_text(&second), TAP));
	daemon_remove(&second);
}

/* The interface is taken away: the daemon lives, the guest gets no more. */
static void interface_deleted(void **state)
{
	const struct virtio_net_hdr_v1 none = { 0 };
	unsigned int i;
	u64 cpu;

	(void)state;
	nic_open(0);
	assert_int_equal(system("ip link del " TAP), 0);
	make_frame(100, 1);
	for (i = 0; i < 10; i++)
		guest_send(i % PAIRS, &none, 100);
	usleep(100000);
	assert_true(daemon_alive(&d));
	cpu = daemon_cpu_ns(&d);
	usleep(300000);
	/* And it does not spin on a descriptor that is always ready. */
	assert_in_range(daemon_cpu_ns(&d) - cpu, 0, 10000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, after)
		T(guest_to_wire),
		T(wire_to_guest),
		T(offloads_to_wire),
		T(offloads_to_guest),
		T(segments_for_plain_guest),
		T(announced),
		T(link_down_and_up),
		T(reconnect_under_traffic),
		T(started_under_traffic),
		T(tap_in_use),
		T(interface_deleted),
#undef T
	};

	return cmocka_run_group_tests_name("tap", tests, setup, teardown);
}
