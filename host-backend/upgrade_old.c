// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upgrade_old - the old daemon's side of an upgrade
 *
 * All of it on the control thread, which goes on with everything else: a new
 * daemon that is slow or gone holds up the queues of this one for PATIENCE_S at
 * the most.
 */
#include "upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "conf_device.h"
#include "conf_given.h"
#include "conf_table.h"
#include "control.h"
#include "daemon.h"
#include "device.h"
#include "log.h"
#include "pv_version.h"
#include "server.h"
#include "stats.h"

/* From the request to "prepared", seconds. */
#define PATIENCE_S 10

/**
 * struct upgrade - of a daemon's life, at most one at a time
 * @sock:	to the new daemon, fd -1: none is under way
 * @timer:	ends the patience
 * @pausing:	servers that still have I/O in flight, and one for the start
 * @h:		what is sent
 * @text:	its document
 * @head:	sent first
 * @sent:	bytes of @head, then one each batch of descriptors, then @text
 * @heard:	bytes of the answer
 */
struct upgrade {
	struct daemon *daemon;
	struct ev_fd sock;
	struct ev_fd timer;
	unsigned int pausing;
	struct handover h;
	char *text;
	struct handover_head head;
	size_t sent;
	size_t heard;
};

/* The document */

/* Options of the kinds that a file can have; in the order of the user. */
static json_t *options_json(const struct conf_given *list)
{
	json_t *json = json_array();

	for (; list; list = list->next) {
		const struct conf_option *opt;

		opt = conf_option_find(list->name,
				       CONF_IN_DEVICE | CONF_IN_DAEMON);
		if (opt)
			json_array_append_new(json, json_pack("[s, s]",
							      list->name,
							      list->value));
	}
	return json;
}

/** struct giver - where device_ops.fds gives to */
struct giver {
	struct handover *h;
	json_t *fds;
};

static void give(void *arg, const char *role, int fd)
{
	struct giver *g = arg;

	json_object_set_new(g->fds, role, handover_put_fd(g->h, fd));
}

static json_t *counters_json(const struct device *dev)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++) {
		struct stats_sources from;

		stats_of_queue(&dev->queues[i], &from);
		json_array_append_new(list, stats_counters(&from));
	}
	return list;
}

static json_t *state_json(const struct device *dev)
{
	u8 state[DEVICE_STATE_MAX];

	if (!dev->ops->state_save)
		return NULL;
	return handover_put_bytes(state, dev->ops->state_save(dev, state));
}

/* Limits may have been changed since the configuration was read. */
static json_t *limits_json(const struct device *dev)
{
	struct throttle_limit limits[THROTTLE_DIMS];
	json_t *list;
	unsigned int i;

	if (!dev->ops->limits_get)
		return NULL;
	dev->ops->limits_get(dev, limits);
	list = json_array();
	for (i = 0; i < THROTTLE_DIMS; i++)
		json_array_append_new(list, json_pack("[I, I]",
						      (json_int_t)limits[i].rate,
						      (json_int_t)limits[i].burst));
	return list;
}

static json_t *device_json(struct upgrade *u, unsigned int i, const char **why)
{
	const struct conf_device *conf = &u->daemon->conf.devices[i];
	struct device *dev = u->daemon->devices[i];
	struct giver g = { .h = &u->h, .fds = json_object() };
	json_t *connection;

	connection = server_move_out(u->daemon->servers[i], &u->h, g.fds, why);
	if (dev->ops->fds)
		dev->ops->fds(dev, give, &g);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o*, s:o*, s:o*}",
			 "type", conf_types[conf->type].name,
			 "name", conf->name,
			 "options", options_json(conf->given),
			 "fds", g.fds,
			 "counters", counters_json(dev),
			 "limits", limits_json(dev),
			 "state", state_json(dev),
			 "connection", connection);
}

/* NULL with the reason logged where a device cannot move. */
static json_t *devices_json(struct upgrade *u)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < u->daemon->num_devices; i++) {
		const char *why = NULL;

		json_array_append_new(list, device_json(u, i, &why));
		if (!why)
			continue;
		log_err("%s: cannot move to another daemon: %s",
			u->daemon->devices[i]->name, why);
		json_decref(list);
		return NULL;
	}
	return list;
}

/* What belongs to the process itself.  The new one writes where this one did. */
static json_t *own_fds(struct upgrade *u)
{
	json_t *fds = json_object();

	json_object_set_new(fds, "control",
			    handover_put_fd(&u->h,
					    control_fd(u->daemon->control)));
	json_object_set_new(fds, "stdout",
			    handover_put_fd(&u->h, STDOUT_FILENO));
	json_object_set_new(fds, "stderr",
			    handover_put_fd(&u->h, STDERR_FILENO));
	return fds;
}

static int document_make(struct upgrade *u)
{
	json_t *devices = devices_json(u);

	if (!devices)
		return -EBUSY;
	u->h.json = json_pack("{s:i, s:i, s:s, s:o, s:o, s:o}",
			      "version", HANDOVER_VERSION,
			      "pid", (int)getpid(),
			      "pvbackend", PV_VERSION,
			      "options", options_json(u->daemon->conf.given),
			      "fds", own_fds(u), "devices", devices);
	u->text = u->h.json && !u->h.failed ?
			  json_dumps(u->h.json, JSON_COMPACT) : NULL;
	if (!u->text)
		return -ENOMEM;
	u->head = (struct handover_head){
		.magic = HANDOVER_MAGIC,
		.version = HANDOVER_VERSION,
		.bytes = (u32)strlen(u->text),
		.num_fds = u->h.num_fds,
	};
	return 0;
}

/* Sending */

static ssize_t send_batch(struct upgrade *u, size_t batch)
{
	u32 first = (u32)batch * HANDOVER_BATCH;
	u32 count = min(HANDOVER_BATCH, u->h.num_fds - first);
	union {
		struct cmsghdr align;
		u8 buf[CMSG_SPACE(HANDOVER_BATCH * sizeof(int))];
	} control = { .buf = { 0 } };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), &u->h.fds[first], count * sizeof(int));
	return sendmsg(u->sock.fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static size_t num_batches(const struct upgrade *u)
{
	return (u->h.num_fds + HANDOVER_BATCH - 1) / HANDOVER_BATCH;
}

static ssize_t send_bytes(const struct upgrade *u, const void *bytes,
			  size_t len)
{
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sendmsg(u->sock.fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_next(struct upgrade *u)
{
	size_t head = sizeof(u->head), text = head + num_batches(u);

	if (u->sent < head)
		return send_bytes(u, (u8 *)&u->head + u->sent, head - u->sent);
	if (u->sent < text)
		return send_batch(u, u->sent - head);
	return send_bytes(u, u->text + (u->sent - text),
			  u->head.bytes - (u->sent - text));
}

/* 1: all is out, 0: the socket is full, or -errno */
static int send_due(struct upgrade *u)
{
	size_t all = sizeof(u->head) + num_batches(u) + u->head.bytes;

	while (u->sent < all) {
		ssize_t n = send_next(u);

		if (n >= 0)
			u->sent += (size_t)n;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	return 1;
}

/* The end, one way or the other */

static void timer_set(struct upgrade *u, unsigned int seconds)
{
	const struct itimerspec span = { .it_value.tv_sec = seconds };

	timerfd_settime(u->timer.fd, 0, &span, NULL);
}

void upgrade_abort(struct upgrade *u, const char *why)
{
	struct daemon *d;
	unsigned int i;

	if (!upgrade_active(u))
		return;
	d = u->daemon;
	timer_set(u, 0);
	evloop_del(d->loop, &u->sock);
	close(u->sock.fd);
	u->sock.fd = -1;
	free(u->text);
	u->text = NULL;
	handover_free(&u->h);
	for (i = 0; i < d->num_servers; i++)
		server_unpause(d->servers[i]);
	log_warn("upgrade given up, going on as before: %s", why);
}

/* Nothing is closed or removed: it all belongs to the new daemon now. */
static void commit(struct upgrade *u)
{
	static const char word[] = HANDOVER_COMMIT;
	size_t len = strlen(word);

	if (send_bytes(u, word, len) != (ssize_t)len) {
		upgrade_abort(u, "the new daemon is gone");
		return;
	}
	log_notice("upgrade: another daemon has taken over");
	_exit(EXIT_SUCCESS);
}

/* 1: it has said "prepared", 0: not yet, or -errno */
static int hear(struct upgrade *u)
{
	static const char word[] = HANDOVER_PREPARED;
	char buf[sizeof(word)];
	struct iovec iov = {
		.iov_base = buf,
		.iov_len = strlen(word) - u->heard,
	};
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(u->sock.fd, &mh, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -ECONNRESET;
	if (memcmp(buf, word + u->heard, (size_t)n))
		return -EPROTO;
	u->heard += (size_t)n;
	return u->heard == strlen(word);
}

static void sock_ready(struct ev_fd *ev, u32 events)
{
	struct upgrade *u = container_of(ev, struct upgrade, sock);
	int ret = 1;

	if (u->text)
		ret = send_due(u);
	if (ret >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
		int heard = hear(u);

		if (heard > 0 && u->text && ret > 0) {
			commit(u);
			return;
		}
		if (heard)
			ret = heard < 0 ? heard : -EPROTO;
	}
	if (ret < 0)
		upgrade_abort(u, ret == -ECONNRESET || ret == -EPIPE ?
				      "the new daemon has ended" :
				      strerror(-ret));
	else
		evloop_modify(u->daemon->loop, ev,
			      ret ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void timer_ready(struct ev_fd *ev, u32 events)
{
	struct upgrade *u = container_of(ev, struct upgrade, timer);

	u64 expired;

	if (read(ev->fd, &expired, sizeof(expired)) != sizeof(expired))
		return;
	upgrade_abort(u, u->pausing ? "I/O in flight does not end" :
				      "the new daemon is not ready in time");
}

/* The beginning */

static void pause_over(struct upgrade *u)
{
	int err;

	if (--u->pausing)
		return;
	err = document_make(u);
	if (err)
		upgrade_abort(u, err == -EBUSY ? "a device cannot move" :
						 strerror(-err));
	else
		sock_ready(&u->sock, 0);
}

/* One process, and a server knows nothing of its daemon. */
static struct upgrade *the_upgrade;

static void server_paused(struct server *s)
{
	pause_over(the_upgrade);
}

void upgrade_begin(struct upgrade *u, int sock)
{
	struct daemon *d = u->daemon;
	unsigned int i;

	u->sock.fd = sock;
	u->sent = 0;
	u->heard = 0;
	u->pausing = d->num_servers + 1;
	log_notice("upgrade: another daemon asks to take over");
	if (evloop_add(d->loop, &u->sock, EPOLLIN)) {
		upgrade_abort(u, "it cannot be watched");
		return;
	}
	timer_set(u, PATIENCE_S);
	for (i = 0; i < d->num_servers; i++)
		server_pause(d->servers[i], server_paused);
	pause_over(u);
}

bool upgrade_active(const struct upgrade *u)
{
	return u && u->sock.fd >= 0;
}

/* The timer is made now: in the sandbox none can be made any more. */
int upgrade_create(struct upgrade **out, struct daemon *d)
{
	struct upgrade *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->daemon = d;
	u->sock = (struct ev_fd){ .fd = -1, .ready = sock_ready };
	u->timer.ready = timer_ready;
	u->timer.fd = timerfd_create(CLOCK_MONOTONIC,
				     TFD_CLOEXEC | TFD_NONBLOCK);
	err = u->timer.fd < 0 ? -errno : 0;
	if (!err)
		err = evloop_add(d->loop, &u->timer, EPOLLIN);
	if (err) {
		upgrade_destroy(u);
		return err;
	}
	the_upgrade = u;
	*out = u;
	return 0;
}

void upgrade_destroy(struct upgrade *u)
{
	upgrade_abort(u, "the daemon ends");
	if (u->timer.fd >= 0) {
		evloop_del(u->daemon->loop, &u->timer);
		close(u->timer.fd);
	}
	free(u);
}
