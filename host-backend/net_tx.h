/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net_tx - frames from the guest's transmit buffers to a port
 *
 * Theory of operation
 *
 * A turn pops a batch of buffers into iov[], where each is preceded by one
 * free entry.  The virtio-net header is copied out and dropped from the front,
 * which always leaves an entry before the data; that one then refers to the
 * checked copy, so the port sends header and data without moving either:
 *
 *	popped:   [free][hdr][data][data]   or	[free][hdr+data][data]
 *	sent:		[copy][data][data]	[copy][  data  ][data]
 *
 * The next batch is popped when the port has completed all of the last one;
 * a port with no room completes it late, and so the guest's ring fills up.
 *
 * Runs on the pair's worker.
 */
#ifndef PV_NET_TX_H
#define PV_NET_TX_H

#include "net_stats.h"
#include "port.h"
#include "queue.h"

#define NET_TX_BATCH 64

/* Room for a batch of usual chains, and always for one of any length. */
#define NET_TX_IOV_MAX (NET_TX_BATCH * 18 + VQ_CHAIN_IOV_MAX + 1)

/** struct net_tx_frame - a frame that the port has */
struct net_tx_frame {
	struct port_frame frame;
	struct net_hdr hdr;
	u16 id;
};

/**
 * struct net_tx - transmit side of a pair
 * @q:		its queue
 * @features:	acknowledged by the driver
 * @hdr_len:	bytes of header in the guest's layout
 * @inflight:	frames that the port has
 * @stats:	counters
 */
struct net_tx {
	struct queue *q;
	u64 features;
	u32 hdr_len;
	unsigned int inflight;
	struct net_stats stats;
	struct port_frame *batch[NET_TX_BATCH];
	struct net_tx_frame frames[NET_TX_BATCH];
	struct iovec iov[NET_TX_IOV_MAX];
};

/** net_tx_start() - the queue begins to run */
void net_tx_start(struct net_tx *tx, struct queue *q);

/**
 * net_tx_take() - pop and check a batch; what is not dropped is in @tx->batch
 * @popped:	buffers taken
 *
 * Only while nothing is in flight.  Return: frames in @tx->batch, which are
 * then in flight.
 */
unsigned int net_tx_take(struct net_tx *tx, unsigned int *popped);

/**
 * net_tx_discard() - pop a batch and drop all of it
 *
 * Return: buffers taken.
 */
unsigned int net_tx_discard(struct net_tx *tx);

/** net_tx_sent() - as port_client.sent */
void net_tx_sent(struct net_tx *tx, struct port_frame *frame, int res);

#endif /* PV_NET_TX_H */
