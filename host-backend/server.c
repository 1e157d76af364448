// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server - a device's way to its front end: one at a time, for ever
 *
 * Theory of operation
 *
 * LISTENING: while a front end is connected the socket is not watched; the next
 * one waits in the backlog, and is accepted when nothing of the last is held
 * any more.  DIALING: likewise the other way round, we connect (dial.h).
 * CONNECTED: we were started with a connection (--fd), and when it ends, so does
 * the device: QEMU's convention for back-end programs
 * (docs/interop/vhost-user.rst).
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf.h"
#include "dial.h"
#include "handover.h"
#include "inherit.h"
#include "log.h"
#include "unix_socket.h"
#include "vu_dev.h"
#include "vu_move.h"

/* Name of its descriptor for a daemon that takes over. */
#define LISTENER_ROLE "listener"

enum server_kind {
	LISTENING,
	DIALING,
	CONNECTED,
};

struct server {
	struct vu_dev vd;
	enum server_kind kind;
	struct dial dial;
	struct ev_fd listener;
	struct evloop *loop;
	struct unix_socket socket;
	bool watched;
	bool closing;
	void (*paused)(struct server *s);
	void (*closed)(struct server *s);
};

static void listener_watch(struct server *s)
{
	/* Edge-triggered: an accept() that fails for want of descriptors must
	 * not fail again and again until there are some.
	 */
	s->watched = !evloop_add(s->loop, &s->listener, EPOLLIN | EPOLLET);
}

static void listener_unwatch(struct server *s)
{
	if (s->watched)
		evloop_del(s->loop, &s->listener);
	s->watched = false;
}

static void listener_ready(struct ev_fd *ev, u32 events)
{
	struct server *s = container_of(ev, struct server, listener);
	int sock = unix_socket_accept(&s->socket);

	if (sock < 0) {
		if (sock != -EAGAIN)
			log_err("%s: socket-path=%s: cannot accept: %s",
				s->vd.dev->name, s->socket.path,
				strerror(-sock));
		return;
	}
	listener_unwatch(s);
	if (vu_dev_open(&s->vd, sock))
		listener_watch(s);
}

static void dial_connected(struct dial *dial, int sock)
{
	struct server *s = container_of(dial, struct server, dial);

	/* It is tried again afterwards, if this daemon still serves. */
	if (s->paused) {
		close(sock);
		return;
	}
	if (vu_dev_open(&s->vd, sock))
		dial_begin(dial);
}

/* Wait for the next front end. */
static void next_begin(struct server *s)
{
	if (s->kind == DIALING)
		dial_begin(&s->dial);
	else
		listener_watch(s);
}

static void connection_closed(struct vu_dev *vd)
{
	struct server *s = container_of(vd, struct server, vd);

	if (s->kind == CONNECTED)
		s->closing = true;
	if (s->closing)
		s->closed(s);
	else if (!s->paused)
		next_begin(s);
}

/* The ways to a front end */

static int listener_open(struct server *s, const struct conf_device *conf)
{
	const struct conf_given *given =
		conf_given_find(conf->given, "socket-path");
	char where[CONF_PLACE_LEN];
	const struct unix_socket_conf socket_conf = {
		.where = conf_place_text(given->place, where, sizeof(where)),
		.option = given->place.file ? "socket-path" : "--socket-path",
		.path = conf->socket_path,
		.mode = conf->socket_mode,
		.owner = conf->socket_owner,
		.group = conf->socket_group,
	};
	int fd = inherit_take(conf->name, LISTENER_ROLE);
	int err = 0;

	if (fd >= 0)
		unix_socket_adopt(&s->socket, conf->socket_path, fd);
	else
		err = unix_socket_listen(&s->socket, &socket_conf);
	s->listener.fd = s->socket.fd;
	return err;
}

static int dial_start(struct server *s, const struct conf_device *conf)
{
	int err;

	s->kind = DIALING;
	s->dial.path = conf->socket_path;
	s->dial.name = conf->name;
	s->dial.connected = dial_connected;
	err = dial_open(&s->dial, s->loop);
	if (err)
		conf_err(conf, "socket-path", "%s", strerror(-err));
	else
		dial_begin(&s->dial);
	return err;
}

/* 1: it listens, 0: it is connected, or -errno */
static int fd_kind(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof(int);
	int listens = 0;

	if (flags < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	return !!listens;
}

static int fd_use(struct server *s, const struct conf_device *conf)
{
	int fd = (int)conf->fd;
	int kind = fd_kind(fd);

	if (kind < 0) {
		conf_err(conf, "fd", "cannot be used: %s", strerror(-kind));
		return kind;
	}
	if (kind) {
		s->socket.fd = fd;
		s->listener.fd = fd;
		return 0;
	}
	s->kind = CONNECTED;
	return vu_dev_open(&s->vd, fd);
}

static int source_open(struct server *s, const struct conf_device *conf)
{
	int err;

	if (conf_is_client(conf))
		return dial_start(s, conf);
	err = conf->fd ? fd_use(s, conf) : listener_open(s, conf);
	if (err || s->kind != LISTENING)
		return err;
	listener_watch(s);
	if (s->watched)
		return 0;
	conf_err(conf, conf->fd ? "fd" : "socket-path", "cannot be watched");
	unix_socket_close(&s->socket);
	return -ENOMEM;
}

static void source_close(struct server *s)
{
	if (s->kind == DIALING)
		dial_close(&s->dial);
	if (s->kind != LISTENING)
		return;
	listener_unwatch(s);
	unix_socket_close(&s->socket);
}

int server_create(struct server **out, struct device *dev,
		  const struct conf_device *conf, struct evloop *loop,
		  void (*closed)(struct server *s))
{
	struct server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->closed = closed;
	s->listener.ready = listener_ready;
	vu_dev_init(&s->vd, dev, conf->queue_size, loop);
	s->vd.closed = connection_closed;
	err = source_open(s, conf);
	if (err) {
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void server_close(struct server *s)
{
	/* A connection that we were started with has ended. */
	if (s->closing)
		return;
	s->closing = true;
	source_close(s);
	if (s->vd.state == VU_CLOSED)
		s->closed(s);
	else
		vu_dev_close(&s->vd);
}

void server_reload(struct server *s)
{
	struct device *dev = s->vd.dev;

	if (dev->ops->reload && dev->ops->reload(dev))
		vu_dev_config_changed(&s->vd);
}

struct device *server_device(struct server *s)
{
	return s->vd.dev;
}

void server_destroy(struct server *s)
{
	/* A start that has failed further on. */
	if (!s->closing)
		source_close(s);
	free(s);
}

static void connection_paused(struct vu_dev *vd)
{
	struct server *s = container_of(vd, struct server, vd);

	s->paused(s);
}

void server_pause(struct server *s, void (*paused)(struct server *s))
{
	s->paused = paused;
	listener_unwatch(s);
	vu_dev_pause(&s->vd, connection_paused);
}

void server_unpause(struct server *s)
{
	s->paused = NULL;
	if (s->vd.state == VU_CLOSED)
		next_begin(s);
	vu_dev_unpause(&s->vd);
}

json_t *server_move_out(struct server *s, struct handover *h, json_t *fds,
			const char **why)
{
	if (s->kind != LISTENING || !s->socket.path) {
		*why = "only devices that listen at a socket-path are handed over";
		return NULL;
	}
	json_object_set_new(fds, LISTENER_ROLE,
			    handover_put_fd(h, s->listener.fd));
	*why = NULL;
	return s->vd.state == VU_CLOSED ? NULL : vu_move_out(&s->vd, h, why);
}

int server_move_in(struct server *s, struct handover *h,
		   const json_t *connection)
{
	listener_unwatch(s);
	return vu_move_in(&s->vd, h, connection);
}

void server_start(struct server *s)
{
	vu_dev_start(&s->vd);
}
