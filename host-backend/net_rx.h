/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net_rx - frames from a port into the guest's receive buffers
 *
 * Theory of operation
 *
 * Buffers are popped only as frames need them and held in order:
 *
 *	 bufs[]:  first ... end			popped, not yet used
 *	 iov[]:   iov_first ... iov_end		their memory, back to back
 *
 * A frame takes buffers from the front.  Where there are not enough the frame
 * stays with the port and the buffers stay held, so that the next kick means
 * new ones; that is what makes waiting without spinning possible.  What is
 * held when the queue stops is the newest part of what was popped and goes
 * back with vq_unpop().
 *
 * Runs on the pair's worker.
 */
#ifndef PV_NET_RX_H
#define PV_NET_RX_H

#include "net_stats.h"
#include "queue.h"

/* Buffers one frame may be spread over, each with an entry of the iov at least;
 * Linux drivers need 44 for 64 KiB.
 */
#define NET_RX_BUFS_MAX VQ_CHAIN_IOV_MAX

/* Room for a chain of any length behind what a frame has gathered. */
#define NET_RX_IOV_MAX (2 * VQ_CHAIN_IOV_MAX)

/**
 * struct net_rx_buf - a popped buffer
 * @len:	writable bytes
 * @id:		for vq_push()
 * @iovcnt:	entries of net_rx.iov
 */
struct net_rx_buf {
	u32 len;
	u16 id;
	u16 iovcnt;
};

/**
 * struct net_rx - receive side of a pair
 * @q:		its queue
 * @features:	acknowledged by the driver
 * @hdr_len:	bytes of header in the guest's layout
 * @starved:	a frame waits for buffers
 * @first:	of @bufs, as @iov_first of @iov: the oldest one held
 * @end:	of @bufs, as @iov_end of @iov: behind the newest one held
 * @held_len:	writable bytes of what is held
 * @stats:	counters
 * @place:	what net_rx_reserve() returns: the port's header, then memory; its first entries are
 *		used up by the guest's header
 */
struct net_rx {
	struct queue *q;
	u64 features;
	u32 hdr_len;
	bool starved;
	unsigned int first;
	unsigned int end;
	unsigned int iov_first;
	unsigned int iov_end;
	size_t held_len;
	struct net_stats stats;
	struct net_rx_buf bufs[NET_RX_BUFS_MAX];
	struct iovec iov[NET_RX_IOV_MAX];
	struct iovec place[NET_RX_IOV_MAX + 1];
};

/** net_rx_start() - the queue begins to run */
void net_rx_start(struct net_rx *rx, struct queue *q);

/** net_rx_stop() - give back what is held */
void net_rx_stop(struct net_rx *rx);

/** net_rx_deliver() - as port_client.deliver */
int net_rx_deliver(struct net_rx *rx, u8 *frame, size_t len);

/** net_rx_reserve() - as port_client.reserve */
int net_rx_reserve(struct net_rx *rx, size_t data_len, struct iovec **iov);

/** net_rx_commit() - as port_client.commit */
void net_rx_commit(struct net_rx *rx, const void *hdr, size_t data_len);

#endif /* PV_NET_RX_H */
