// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_echo - a port for tests: what the guest sends comes back to it
 *
 * Theory of operation
 *
 * Each pair has a ring of private copies between its transmit and its receive
 * queue.  Where the ring is full, because the guest takes nothing, the frame
 * is dropped.  MAC addresses come back swapped; a frame that was sent to a
 * group comes back from the port's own address, as no frame may come from a
 * group.  Offload fields keep their meaning: a checksum that the guest left to
 * us is left to it again, or computed here where it has not negotiated that.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "iov.h"
#include "net_hdr.h"
#include "port.h"
#include "port_buf.h"

#define ECHO_SLOTS 128

/* virtio 1.3, 5.1.3: what needs no work here but the checksum. */
#define ECHO_FEATURES (BIT_ULL(VIRTIO_NET_F_CSUM) |		\
		       BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |	\
		       BIT_ULL(VIRTIO_NET_F_HOST_TSO6) |	\
		       BIT_ULL(VIRTIO_NET_F_HOST_ECN) |		\
		       BIT_ULL(VIRTIO_NET_F_HOST_UFO) |		\
		       BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |	\
		       BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |	\
		       BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |	\
		       BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |	\
		       BIT_ULL(VIRTIO_NET_F_GUEST_UFO))

/* Locally administered (bit 1 of the first byte). */
static const u8 echo_mac[ETH_ALEN] = { 0x02, 'e', 'c', 'h', 'o', 0 };

/**
 * struct echo_queue - a pair; its worker's
 * @arg:	client's, by direction; valid while @attached
 * @head:	of the oldest frame, counted without end
 * @tail:	behind the newest frame
 * @len:	of each slot's frame, with its header
 */
struct echo_queue {
	void *arg[PORT_DIRS];
	bool attached[PORT_DIRS];
	unsigned int head;
	unsigned int tail;
	u32 len[ECHO_SLOTS];
	u8 *buf;
};

struct echo {
	struct port port;
	bool guest_csum;
	unsigned int num_pairs;
	struct echo_queue queues[];
};

static struct echo *echo_of(struct port *port)
{
	return container_of(port, struct echo, port);
}

static void echo_close(struct port *port)
{
	struct echo *echo = echo_of(port);

	for (unsigned int i = 0; i < echo->num_pairs; i++)
		port_buf_free(echo->queues[i].buf, ECHO_SLOTS);
	free(echo);
}

static int echo_open(struct port **out, const struct conf_device *conf)
{
	unsigned int n = conf->num_queues;
	struct echo *echo;

	echo = calloc(1, sizeof(*echo) + n * sizeof(echo->queues[0]));
	if (!echo)
		return -ENOMEM;
	echo->port.ops = &port_echo_ops;
	echo->num_pairs = n;
	for (unsigned int i = 0; i < n; i++) {
		echo->queues[i].buf = port_buf_alloc(ECHO_SLOTS);
		if (!echo->queues[i].buf) {
			echo_close(&echo->port);
			return -ENOMEM;
		}
	}
	*out = &echo->port;
	return 0;
}

static u64 echo_features(const struct port *port)
{
	return ECHO_FEATURES;
}

static int echo_offloads_set(struct port *port, u64 features)
{
	echo_of(port)->guest_csum = features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM);
	return 0;
}

static void echo_attach(struct port *port, unsigned int pair, enum port_dir dir,
			struct worker *w, void *arg)
{
	struct echo_queue *eq = &echo_of(port)->queues[pair];

	eq->arg[dir] = arg;
	eq->attached[dir] = true;
}

static void echo_detach(struct port *port, unsigned int pair, enum port_dir dir)
{
	struct echo_queue *eq = &echo_of(port)->queues[pair];

	eq->attached[dir] = false;
	port->client->detached(eq->arg[dir], dir);
}

static void macs_swap(u8 *eth)
{
	u8 dst[ETH_ALEN];

	memcpy(dst, eth, ETH_ALEN);
	memcpy(eth, eth + ETH_ALEN, ETH_ALEN);
	memcpy(eth + ETH_ALEN, dst[0] & 1 ? echo_mac : dst, ETH_ALEN);
}

/* Copy, since the guest has its buffer back at once. */
static int frame_keep(struct echo *echo, struct echo_queue *eq,
		      const struct port_frame *frame)
{
	struct iov_span from = { .iov = frame->iov, .count = frame->iovcnt };
	unsigned int slot = eq->tail % ECHO_SLOTS;
	u8 *copy = port_buf_slot(eq->buf, slot);
	struct net_hdr hdr;

	if (eq->tail - eq->head == ECHO_SLOTS)
		return -ENOBUFS;
	iov_read(&from, copy, frame->len);
	macs_swap(copy + PORT_HDR_LEN);
	memcpy(&hdr, copy, sizeof(hdr));
	if (!echo->guest_csum && hdr.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		net_hdr_csum_fill(&hdr, copy + PORT_HDR_LEN,
				  frame->len - PORT_HDR_LEN);
		memcpy(copy, &hdr, sizeof(hdr));
	}
	eq->len[slot] = frame->len;
	eq->tail++;
	return 0;
}

static void echo_xmit(struct port *port, unsigned int pair,
		      struct port_frame **frames, unsigned int n)
{
	struct echo *echo = echo_of(port);
	struct echo_queue *eq = &echo->queues[pair];

	for (unsigned int i = 0; i < n; i++)
		port->client->sent(eq->arg[PORT_TX], frames[i],
				   frame_keep(echo, eq, frames[i]));
	if (eq->attached[PORT_RX])
		port->client->wake(eq->arg[PORT_RX], PORT_RX);
}

static unsigned int echo_poll(struct port *port, unsigned int pair,
			      unsigned int budget)
{
	struct echo_queue *eq = &echo_of(port)->queues[pair];
	unsigned int n;

	for (n = 0; n < budget && eq->head != eq->tail; n++) {
		unsigned int slot = eq->head % ECHO_SLOTS;

		if (port->client->deliver(eq->arg[PORT_RX],
					  port_buf_slot(eq->buf, slot),
					  eq->len[slot]))
			break;
		eq->head++;
	}
	return n;
}

const struct port_ops port_echo_ops = {
	.name = "echo",
	.open = echo_open,
	.close = echo_close,
	.features = echo_features,
	.offloads_set = echo_offloads_set,
	.attach = echo_attach,
	.detach = echo_detach,
	.xmit = echo_xmit,
	.poll = echo_poll,
};
