// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_tap - a port on the queues of a tap interface
 *
 * Theory of operation
 *
 * All I/O goes through the worker's io_uring, so that one system call a turn
 * moves a batch; the descriptors are non-blocking, and what cannot be done at
 * once ends with -EAGAIN within that call.
 *
 * Receive.  When a poll says that frames came, a batch of reads goes into
 * private slots, and the next turn delivers what came:
 *
 *	slots:	0 ... next ... filled		 delivered, waiting for the
 *						 guest's buffers, end of batch
 *
 * The batch grows while it comes back full.  Slots, and not the guest's
 * buffers, because one cannot know which of several reads will find a frame,
 * and because a frame is then never dropped for want of buffers.  Copying is
 * cheap for short frames; where frames are long, they are read one by one into
 * the guest's buffers instead (reserve()), if there are enough of these.
 *
 * The tap is polled only after a read has found nothing, so neither a busy tap
 * nor a guest without buffers makes a completion for each frame that arrives.
 *
 * Transmit.  Each frame is a writev() from the guest's memory.  Frames that the
 * tap has no room for (-EAGAIN) stay in stuck[] until it polls writable; the
 * device pops nothing new meanwhile.
 *
 * All of a tap_queue is its worker's while a direction is attached.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "net_hdr.h"
#include "port.h"
#include "port_buf.h"
#include "tap_open.h"

/* Reads in a batch. */
#define TAP_SLOTS 32

/* Most frames the device sends at once (net_tx.h's batch fits). */
#define TAP_STUCK_MAX 256

/* After a frame of this many bytes the next ones are read in place. */
#define TAP_IN_PLACE_MIN 4096

/* Frames of our own are as short as Ethernet's can be. */
#define TAP_INJECT_MAX 64

struct tap_queue;

/**
 * struct tap_slot - a read into private memory
 * @res:	bytes or -errno
 */
struct tap_slot {
	struct worker_op op;
	struct tap_queue *tq;
	int res;
};

/**
 * struct tap_rx - receive side
 * @arg:	client's
 * @detaching:	between detach() and detached()
 * @poll_armed:	the tap was empty and is polled
 * @dead:	the interface is gone
 * @reads:	in flight
 * @next:	slot to deliver
 * @filled:	slots of the last batch
 * @batch:	slots of the next one
 * @last_len:	bytes of the last frame
 */
struct tap_rx {
	void *arg;
	bool detaching;
	bool poll_armed;
	bool dead;
	unsigned int reads;
	unsigned int next;
	unsigned int filled;
	unsigned int batch;
	unsigned int last_len;
	struct worker_op poll_op;
	struct tap_slot slots[TAP_SLOTS];
	u8 *buf;
	struct port_stats stats;
};

/**
 * struct tap_tx - transmit side
 * @arg:	client's
 * @detaching:	between detach() and detached()
 * @poll_armed:	waits for room
 * @writes:	in flight
 * @stuck:	frames that found no room
 */
struct tap_tx {
	void *arg;
	bool detaching;
	bool poll_armed;
	unsigned int writes;
	unsigned int num_stuck;
	struct worker_op poll_op;
	struct port_frame *stuck[TAP_STUCK_MAX];
	struct port_stats stats;
};

struct tap_queue {
	struct tap *tap;
	struct worker *worker;
	int fd;
	struct tap_rx rx;
	struct tap_tx tx;
};

/**
 * struct tap - an interface
 * @name:	its name, in the configuration
 * @offloads:	TUN_F_* that the kernel takes
 * @rw_flags:	for reads and writes through io_uring
 * @num_pairs:	of @queues
 */
struct tap {
	struct port port;
	const char *name;
	unsigned int offloads;
	__kernel_rwf_t rw_flags;
	unsigned int num_pairs;
	struct tap_queue queues[];
};

/* virtio 1.3, 5.1.3, and what a tap calls the same. */
static const struct {
	unsigned int tun;
	u64 guest;
	u64 host;
} offload_map[] = {
	{ TUN_F_CSUM, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM),
	  BIT_ULL(VIRTIO_NET_F_CSUM) },
	{ TUN_F_TSO4, BIT_ULL(VIRTIO_NET_F_GUEST_TSO4),
	  BIT_ULL(VIRTIO_NET_F_HOST_TSO4) },
	{ TUN_F_TSO6, BIT_ULL(VIRTIO_NET_F_GUEST_TSO6),
	  BIT_ULL(VIRTIO_NET_F_HOST_TSO6) },
	{ TUN_F_TSO_ECN, BIT_ULL(VIRTIO_NET_F_GUEST_ECN),
	  BIT_ULL(VIRTIO_NET_F_HOST_ECN) },
	{ TUN_F_UFO, BIT_ULL(VIRTIO_NET_F_GUEST_UFO),
	  BIT_ULL(VIRTIO_NET_F_HOST_UFO) },
};

static struct tap *tap_of(const struct port *port)
{
	return container_of(port, struct tap, port);
}

static const struct port_client *client_of(const struct tap_queue *tq)
{
	return tq->tap->port.client;
}

static void cancel_done(struct worker_op *op, int res, u32 flags)
{
}

/* What is cancelled says so by its own completion. */
static struct worker_op cancel_op = { .done = cancel_done };

static void poll_cancel(struct tap_queue *tq, struct worker_op *op)
{
	struct io_uring_sqe *sqe = worker_sqe(tq->worker);

	/* Unlike POLL_REMOVE also for a poll that is about to complete. */
	io_uring_prep_cancel(sqe, op, 0);
	worker_sqe_bind(sqe, &cancel_op);
}

/* Receive */

static void rx_watch(struct tap_queue *tq)
{
	struct io_uring_sqe *sqe = worker_sqe(tq->worker);

	io_uring_prep_poll_add(sqe, tq->fd, POLLIN);
	worker_sqe_bind(sqe, &tq->rx.poll_op);
	tq->rx.poll_armed = true;
}

static void rx_detach_check(struct tap_queue *tq)
{
	struct tap_rx *rx = &tq->rx;

	if (rx->reads || rx->poll_armed)
		return;
	rx->detaching = false;
	client_of(tq)->detached(rx->arg, PORT_RX);
}

static void rx_poll_done(struct worker_op *op, int res, u32 flags)
{
	struct tap_queue *tq = container_of(op, struct tap_queue, rx.poll_op);
	struct tap_rx *rx = &tq->rx;

	rx->poll_armed = false;
	if (rx->detaching)
		rx_detach_check(tq);
	else
		client_of(tq)->wake(rx->arg, PORT_RX);
}

static void rx_fail(struct tap_queue *tq, int err)
{
	if (!tq->rx.dead)
		log_err("tap %s: no more frames come, reading fails: %s",
			tq->tap->name, strerror(-err));
	tq->rx.dead = true;
}

/* All reads of a batch are back: choose the size of the next one. */
static void batch_end(struct tap_queue *tq)
{
	struct tap_rx *rx = &tq->rx;
	unsigned int got = 0;

	for (unsigned int i = 0; i < rx->filled; i++)
		got += rx->slots[i].res > 0;
	rx->stats.empty_reads += rx->filled - got;
	if (got == rx->filled)
		rx->batch = min(2 * rx->batch, TAP_SLOTS + 0U);
	else
		rx->batch = got + 1;
	if (rx->slots[rx->filled - 1].res <= 0 && !rx->dead && !rx->detaching)
		rx_watch(tq);
	client_of(tq)->wake(rx->arg, PORT_RX);
}

static void read_done(struct worker_op *op, int res, u32 flags)
{
	struct tap_slot *slot = container_of(op, struct tap_slot, op);
	struct tap_queue *tq = slot->tq;

	slot->res = res;
	if (res < 0 && res != -EAGAIN && res != -EINTR)
		rx_fail(tq, res);
	if (--tq->rx.reads)
		return;
	batch_end(tq);
	if (tq->rx.detaching)
		rx_detach_check(tq);
}

static void batch_start(struct tap_queue *tq)
{
	struct tap_rx *rx = &tq->rx;

	rx->next = 0;
	rx->filled = rx->batch;
	rx->reads = rx->batch;
	for (unsigned int i = 0; i < rx->batch; i++) {
		struct io_uring_sqe *sqe = worker_sqe(tq->worker);

		io_uring_prep_read(sqe, tq->fd, port_buf_slot(rx->buf, i),
				   PORT_SLOT_SIZE, 0);
		sqe->rw_flags = tq->tap->rw_flags;
		worker_sqe_bind(sqe, &rx->slots[i].op);
	}
}

/* Hand over the next slot: 1, 0 (no frame in it), -ENOBUFS. */
static int slot_deliver(struct tap_queue *tq)
{
	struct tap_rx *rx = &tq->rx;
	int len = rx->slots[rx->next].res;
	u8 *frame = port_buf_slot(rx->buf, rx->next);

	if (len <= 0) {
		rx->next++;
		return 0;
	}
	if (len == PORT_SLOT_SIZE) {
		rx->stats.cut++;
		rx->next++;
		return 0;
	}
	if (client_of(tq)->deliver(rx->arg, frame, (size_t)len))
		return -ENOBUFS;
	rx->last_len = (unsigned int)len;
	rx->next++;
	return 1;
}

/* Read one frame into the guest's buffers: 1, or 0 (none, or no place). */
static int read_in_place(struct tap_queue *tq)
{
	struct tap_rx *rx = &tq->rx;
	u8 hdr[PORT_HDR_LEN] = { 0 };
	struct iovec *iov;
	ssize_t len;
	int n;

	n = client_of(tq)->reserve(rx->arg, PORT_DATA_MAX, &iov);
	if (n < 0) {
		rx->last_len = 0;
		return 0;
	}
	iov[0] = (struct iovec){ hdr, sizeof(hdr) };
	len = readv(tq->fd, iov, n);
	if (len < PORT_HDR_LEN) {
		if (len < 0 && errno != EAGAIN)
			rx_fail(tq, -errno);
		else
			rx_watch(tq);
		return 0;
	}
	client_of(tq)->commit(rx->arg, hdr, (size_t)len - sizeof(hdr));
	rx->last_len = (unsigned int)len;
	rx->stats.in_place++;
	return 1;
}

static unsigned int tap_poll(struct port *port, unsigned int pair,
			     unsigned int budget)
{
	struct tap_queue *tq = &tap_of(port)->queues[pair];
	struct tap_rx *rx = &tq->rx;
	unsigned int n = 0;
	int ret;

	while (n < budget && !rx->reads) {
		if (rx->next < rx->filled) {
			ret = slot_deliver(tq);
			if (ret < 0)
				break;
			n += (unsigned int)ret;
		} else if (rx->poll_armed || rx->dead) {
			break;
		} else if (rx->last_len >= TAP_IN_PLACE_MIN) {
			n += (unsigned int)read_in_place(tq);
		} else {
			batch_start(tq);
		}
	}
	return n;
}

static void rx_attach(struct tap_queue *tq, void *arg)
{
	tq->rx.arg = arg;
	rx_watch(tq);
}

static void rx_detach(struct tap_queue *tq)
{
	tq->rx.detaching = true;
	if (tq->rx.poll_armed)
		poll_cancel(tq, &tq->rx.poll_op);
	rx_detach_check(tq);
}

/* Transmit */

static void write_start(struct tap_queue *tq, struct port_frame *frame)
{
	struct io_uring_sqe *sqe = worker_sqe(tq->worker);

	io_uring_prep_writev(sqe, tq->fd, frame->iov, frame->iovcnt, 0);
	sqe->rw_flags = tq->tap->rw_flags;
	worker_sqe_bind(sqe, &frame->op);
	tq->tx.writes++;
}

static void tx_detach_check(struct tap_queue *tq)
{
	struct tap_tx *tx = &tq->tx;

	if (tx->writes || tx->poll_armed)
		return;
	while (tx->num_stuck)
		client_of(tq)->sent(tx->arg, tx->stuck[--tx->num_stuck],
				    -ECANCELED);
	tx->detaching = false;
	client_of(tq)->detached(tx->arg, PORT_TX);
}

static void room_wait(struct tap_queue *tq)
{
	struct io_uring_sqe *sqe = worker_sqe(tq->worker);

	io_uring_prep_poll_add(sqe, tq->fd, POLLOUT);
	worker_sqe_bind(sqe, &tq->tx.poll_op);
	tq->tx.poll_armed = true;
	tq->tx.stats.full++;
}

static void room_done(struct worker_op *op, int res, u32 flags)
{
	struct tap_queue *tq = container_of(op, struct tap_queue, tx.poll_op);
	struct tap_tx *tx = &tq->tx;
	unsigned int n = tx->num_stuck;

	tx->poll_armed = false;
	if (tx->detaching) {
		tx_detach_check(tq);
		return;
	}
	tx->num_stuck = 0;
	for (unsigned int i = 0; i < n; i++)
		write_start(tq, tx->stuck[i]);
}

static void write_done(struct worker_op *op, int res, u32 flags)
{
	struct port_frame *frame = container_of(op, struct port_frame, op);
	struct tap_queue *tq = frame->port_data;
	struct tap_tx *tx = &tq->tx;

	tx->writes--;
	if (res == -EAGAIN)
		tx->stuck[tx->num_stuck++] = frame;
	else
		client_of(tq)->sent(tx->arg, frame, min(res, 0));
	if (tx->writes)
		return;
	if (tx->detaching)
		tx_detach_check(tq);
	else if (tx->num_stuck)
		room_wait(tq);
	else
		client_of(tq)->wake(tx->arg, PORT_TX);
}

static void tap_xmit(struct port *port, unsigned int pair,
		     struct port_frame **frames, unsigned int n)
{
	struct tap_queue *tq = &tap_of(port)->queues[pair];

	for (unsigned int i = 0; i < n; i++) {
		frames[i]->op.done = write_done;
		frames[i]->port_data = tq;
		write_start(tq, frames[i]);
	}
}

static void tx_detach(struct tap_queue *tq)
{
	tq->tx.detaching = true;
	if (tq->tx.poll_armed)
		poll_cancel(tq, &tq->tx.poll_op);
	tx_detach_check(tq);
}

/* Both */

static void tap_attach(struct port *port, unsigned int pair, enum port_dir dir,
		       struct worker *w, void *arg)
{
	struct tap_queue *tq = &tap_of(port)->queues[pair];

	tq->worker = w;
	if (dir == PORT_RX)
		rx_attach(tq, arg);
	else
		tq->tx.arg = arg;
}

static void tap_detach(struct port *port, unsigned int pair, enum port_dir dir)
{
	struct tap_queue *tq = &tap_of(port)->queues[pair];

	if (dir == PORT_RX)
		rx_detach(tq);
	else
		tx_detach(tq);
}

/*
 * The kernel spreads frames over all attached queues, and those of a queue
 * that the guest does not use would be lost.  The first one always stays, so
 * that others see that the tap is taken.
 */
static void tap_pair_enable(struct port *port, unsigned int pair, bool on)
{
	struct ifreq ifr = {
		.ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE,
	};
	struct tap *tap = tap_of(port);

	if (!pair)
		return;
	/* EINVAL: it is so already. */
	if (ioctl(tap->queues[pair].fd, TUNSETQUEUE, &ifr) && errno != EINVAL)
		log_warn("tap %s: cannot turn queue %u %s: %s", tap->name, pair,
			 on ? "on" : "off", strerror(errno));
}

static int tap_inject(struct port *port, const u8 *frame, size_t len)
{
	u8 buf[PORT_HDR_LEN + TAP_INJECT_MAX] = { 0 };

	if (len > TAP_INJECT_MAX)
		return -EMSGSIZE;
	memcpy(buf + PORT_HDR_LEN, frame, len);
	/* The first queue is always attached (tap_pair_enable()). */
	if (write(tap_of(port)->queues[0].fd, buf, PORT_HDR_LEN + len) < 0)
		return -errno;
	return 0;
}

static u64 tap_features(const struct port *port)
{
	const struct tap *tap = tap_of(port);
	u64 features = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(offload_map); i++)
		if (tap->offloads & offload_map[i].tun)
			features |= offload_map[i].guest | offload_map[i].host;
	return features;
}

static int tap_offloads_set(struct port *port, u64 features)
{
	struct tap *tap = tap_of(port);
	unsigned int offloads = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(offload_map); i++)
		if (features & offload_map[i].guest)
			offloads |= offload_map[i].tun;
	/* Without a checksum offload the others mean nothing to a tap. */
	if (!(offloads & TUN_F_CSUM))
		offloads = 0;
	if (ioctl(tap->queues[0].fd, TUNSETOFFLOAD, offloads))
		return -errno;
	return 0;
}

static const struct port_stats *tap_stats(const struct port *port,
					  unsigned int pair, enum port_dir dir)
{
	const struct tap_queue *tq = &tap_of(port)->queues[pair];

	return dir == PORT_TX ? &tq->tx.stats : &tq->rx.stats;
}

static void tap_fds(const struct port *port,
		    void (*give)(void *arg, const char *role, int fd),
		    void *arg)
{
	const struct tap *tap = tap_of(port);
	char role[TAP_ROLE_SIZE];

	for (unsigned int i = 0; i < tap->num_pairs; i++)
		give(arg, tap_role(i, role), tap->queues[i].fd);
}

static void tap_close(struct port *port)
{
	struct tap *tap = tap_of(port);

	for (unsigned int i = 0; i < tap->num_pairs; i++) {
		close(tap->queues[i].fd);
		port_buf_free(tap->queues[i].rx.buf, TAP_SLOTS);
	}
	free(tap);
}

static int queue_init(struct tap_queue *tq, struct tap *tap)
{
	tq->tap = tap;
	tq->rx.batch = 1;
	tq->rx.poll_op.done = rx_poll_done;
	tq->tx.poll_op.done = room_done;
	for (unsigned int i = 0; i < TAP_SLOTS; i++) {
		tq->rx.slots[i].op.done = read_done;
		tq->rx.slots[i].tq = tq;
	}
	tq->rx.buf = port_buf_alloc(TAP_SLOTS);
	return tq->rx.buf ? 0 : -ENOMEM;
}

static int tap_port_open(struct port **out, const struct conf_device *conf)
{
	unsigned int n = conf->num_queues;
	struct tap *tap;
	bool inherited;
	int *fds;
	int err;

	tap = calloc(1, sizeof(*tap) + n * sizeof(tap->queues[0]));
	fds = calloc(n, sizeof(*fds));
	err = tap && fds ? tap_open(conf, fds, &inherited) : -ENOMEM;
	if (err)
		goto free_tap;
	tap->port.ops = &port_tap_ops;
	tap->name = conf->tap;
	tap->num_pairs = n;
	for (unsigned int i = 0; i < n; i++)
		tap->queues[i].fd = fds[i];
	free(fds);
	for (unsigned int i = 0; i < n; i++) {
		err = queue_init(&tap->queues[i], tap);
		if (err)
			goto close_tap;
	}
	tap->offloads = tap_offloads(tap->queues[0].fd);
	tap->rw_flags = tap_rw_flags(tap->queues[0].fd);
	/* Those that another daemon had are as its front end wanted them. */
	for (unsigned int i = 1; i < n && !inherited; i++)
		tap_pair_enable(&tap->port, i, false);
	*out = &tap->port;
	return 0;

close_tap:
	tap_close(&tap->port);
	return err;

free_tap:
	free(fds);
	free(tap);
	return err;
}

const struct port_ops port_tap_ops = {
	.name = "tap",
	.open = tap_port_open,
	.close = tap_close,
	.features = tap_features,
	.offloads_set = tap_offloads_set,
	.pair_enable = tap_pair_enable,
	.attach = tap_attach,
	.detach = tap_detach,
	.xmit = tap_xmit,
	.poll = tap_poll,
	.inject = tap_inject,
	.fds = tap_fds,
	.stats = tap_stats,
};
