/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port - where a network device's frames go: tap, echo; later switch, AF_XDP
 *
 * A port has as many queues as the device has pairs.  A port queue is used by
 * the one worker that runs the pair.  Frames carry a struct virtio_net_hdr_mrg_rxbuf
 * sized header (12 bytes) in front, already checked by the caller on the way
 * out (net_hdr.c); its offload fields mean what virtio 1.3, 5.1.6 says.
 *
 * Both directions are non-blocking and move one frame a call; a port batches
 * below that line where it can.
 */
#ifndef PV_PORT_H
#define PV_PORT_H

#include <sys/uio.h>

#include "util.h"
#include "worker.h"

struct conf_device;
struct port;

/**
 * struct port_ops - a kind of port
 * @name:	for messages
 * @open:	from the device's configuration; logs one clear line on failure
 * @close:	no queue attached
 * @features:	virtio-net features that this port can honour, both ways
 * @set_offloads: what may be handed to the guest (GUEST_* bits acknowledged)
 * @mtu:	bytes, 0: unknown
 * @attach:	worker's thread: call @wake on @w whenever frames may be waiting
 *		or, after -EAGAIN of send(), there may be room again
 * @detach:	worker's thread: no wake comes after @detached was called
 * @send:	one frame to the outside; bytes sent or -errno (-EAGAIN: no room)
 * @recv:	one frame from the outside into @iov; frame's length including
 *		the header, -EAGAIN where there is none, -EMSGSIZE where it did
 *		not fit (the frame is gone)
 */
struct port_ops {
	const char *name;
	int (*open)(struct port **out, const struct conf_device *conf,
		    unsigned int num_pairs);
	void (*close)(struct port *port);
	u64 (*features)(const struct port *port);
	int (*set_offloads)(struct port *port, u64 features);
	u16 (*mtu)(const struct port *port);
	void (*attach)(struct port *port, unsigned int pair, struct worker *w,
		       void (*wake)(void *arg), void *arg);
	void (*detach)(struct port *port, unsigned int pair,
		       void (*detached)(void *arg), void *arg);
	ssize_t (*send)(struct port *port, unsigned int pair,
			const struct iovec *iov, unsigned int iovcnt);
	ssize_t (*recv)(struct port *port, unsigned int pair,
			const struct iovec *iov, unsigned int iovcnt);
};

/** struct port - common part; kinds embed it as their first member */
struct port {
	const struct port_ops *ops;
};

extern const struct port_ops port_tap_ops;
extern const struct port_ops port_echo_ops;

#endif /* PV_PORT_H */
