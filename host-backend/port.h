/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port - where a network device's frames go: tap, echo; later switch, AF_XDP
 *
 * Theory of operation
 *
 * A port has as many queues as the device has pairs.  Both directions of a
 * port queue are used by the one worker that runs the pair, and all calls and
 * callbacks below come on its thread, but for those marked "control thread".
 *
 *	device (net.c)			port
 *	attach(dir)	  ----->	watch the outside
 *	run the queue	  <-----	client->wake(dir)
 *	xmit(frames)	  ----->	send a batch
 *	push as used	  <-----	client->sent(frame), each of them once
 *	poll(budget)	  ----->	fetch a batch
 *	copy into buffers <-----	client->deliver(frame)
 *	detach(dir)	  ----->	cancel what waits
 *	let the queue go  <-----	client->detached(dir)
 *
 * Frames are handed over in batches and may be completed later, so that a port
 * spends one system call on many of them.  A frame begins with PORT_HDR_LEN
 * bytes of virtio-net header, little endian, whose offload fields mean what
 * virtio 1.3, 5.1.6 says; num_buffers in it means nothing.  On the way out it
 * has been checked (net_hdr.c) and lies in the device's own memory, while the
 * data still lies in the guest's.  On the way in the device checks it.
 *
 * A port keeps a frame that deliver() refuses and offers it again at the next
 * poll(); what it has not fetched waits, and is dropped, outside.
 */
#ifndef PV_PORT_H
#define PV_PORT_H

#include <sys/uio.h>

#include "util.h"
#include "worker.h"

struct conf_device;
struct port;

#define PORT_HDR_LEN 12

/* Longest data after the header: an IP packet of 65535 bytes behind an
 * Ethernet header with two VLAN tags.
 */
#define PORT_DATA_MAX (65535 + 14 + 8)

/* What one writev() takes: the kernel's UIO_MAXIOV. */
#define PORT_IOV_MAX 1024

/** enum port_dir - directions, numbered as the queues of a pair are */
enum port_dir {
	PORT_RX,		/* from the outside to the guest */
	PORT_TX,		/* from the guest to the outside */
	PORT_DIRS
};

/**
 * struct port_frame - a frame on its way out; the sender's until sent()
 * @iov:	@iov[0] is the header, PORT_HDR_LEN bytes in private memory
 * @iovcnt:	entries, at most PORT_IOV_MAX
 * @len:	bytes of all entries
 * @op:		for the port
 * @port_data:	for the port
 */
struct port_frame {
	struct iovec *iov;
	unsigned int iovcnt;
	u32 len;
	struct worker_op op;
	void *port_data;
};

/**
 * struct port_client - what a port calls, with the @arg given to attach()
 * @wake:	RX: frames may be waiting; TX: go on, frames were completed
 * @sent:	the frame left (@res 0) or was refused (-errno); it is the
 *		device's again.  May come before xmit() returns
 * @deliver:	take a frame that lies in one piece, @len bytes with the
 *		header.  0: gone, received or dropped; -ENOBUFS: the guest has no
 *		room now, keep it
 * @reserve:	lay out guest memory for one frame of up to @data_len bytes
 *		after its header, to be filled in place.  @iov[0] is left for
 *		the port's header.  Void without a commit().  Return: entries
 *		of @iov, at most PORT_IOV_MAX, or -ENOBUFS: use deliver()
 * @commit:	the place of the last reserve() holds @data_len bytes, whose
 *		header is @hdr
 * @detached:	the port holds nothing of that direction any more
 */
struct port_client {
	void (*wake)(void *arg, enum port_dir dir);
	void (*sent)(void *arg, struct port_frame *frame, int res);
	int (*deliver)(void *arg, u8 *frame, size_t len);
	int (*reserve)(void *arg, size_t data_len, struct iovec **iov);
	void (*commit)(void *arg, const void *hdr, size_t data_len);
	void (*detached)(void *arg, enum port_dir dir);
};

/**
 * struct port_stats - counters of one direction of a port's queue, written by
 *		       its worker
 */
struct port_stats {
	u64 full;		/* TX: found no room */
	u64 empty_reads;	/* RX: found nothing */
	u64 in_place;		/* RX: frames read into the guest's buffers */
	u64 cut;		/* RX: frames longer than our buffer, dropped */
};

/**
 * struct port_ops - a kind of port
 * @name:	value of --port
 * @open:	from the device's configuration; logs one clear line on failure.
 *		Control thread
 * @close:	no queue attached; control thread
 * @features:	virtio-net features that this port can honour, both ways;
 *		control thread
 * @offloads_set: what may be handed to the guest (GUEST_* bits of @features,
 *		as acknowledged); control thread, no queue attached
 * @pair_enable: the front end enabled or disabled the pair's receive queue,
 *		so the outside should or should not choose this port queue;
 *		control thread, receive not attached.  Optional
 * @attach:	start a direction
 * @detach:	end it; detached() follows, perhaps at once
 * @xmit:	start sending @n frames in order.  Each ends in sent()
 * @poll:	fetch up to @budget frames and deliver them.  Return: frames
 *		delivered; wake() comes when there may be more, unless the
 *		last deliver() gave -ENOBUFS: then the device calls again
 * @fds:	as device_ops.fds; optional
 * @stats:	the port's own counters of a direction; optional
 */
struct port_ops {
	const char *name;
	int (*open)(struct port **out, const struct conf_device *conf);
	void (*close)(struct port *port);
	u64 (*features)(const struct port *port);
	int (*offloads_set)(struct port *port, u64 features);
	void (*pair_enable)(struct port *port, unsigned int pair, bool on);
	void (*attach)(struct port *port, unsigned int pair, enum port_dir dir,
		       struct worker *w, void *arg);
	void (*detach)(struct port *port, unsigned int pair, enum port_dir dir);
	void (*xmit)(struct port *port, unsigned int pair,
		     struct port_frame **frames, unsigned int n);
	unsigned int (*poll)(struct port *port, unsigned int pair,
			     unsigned int budget);
	int (*inject)(struct port *port, const u8 *frame, size_t len);
	void (*fds)(const struct port *port,
		    void (*give)(void *arg, const char *role, int fd),
		    void *arg);
	const struct port_stats *(*stats)(const struct port *port,
					  unsigned int pair, enum port_dir dir);
};

/**
 * struct port - common part; kinds embed it as their first member
 * @ops:	kind
 * @client:	the device; set once, before anything is attached
 */
struct port {
	const struct port_ops *ops;
	const struct port_client *client;
};

extern const struct port_ops port_tap_ops;
extern const struct port_ops port_echo_ops;

/** port_find() - kind by name ("tap", "echo"), or NULL */
const struct port_ops *port_find(const char *name);

#endif /* PV_PORT_H */
