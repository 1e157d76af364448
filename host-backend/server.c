// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server - a device's listening socket: one front end at a time, for ever
 *
 * Theory of operation
 *
 * While a front end is connected the listening socket is not watched; the next
 * one waits in the backlog, and is accepted when nothing of the last is held
 * any more.
 */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "conf.h"
#include "handover.h"
#include "inherit.h"
#include "log.h"
#include "unix_socket.h"
#include "vu_dev.h"
#include "vu_move.h"

/* Name of its descriptor for a daemon that takes over. */
#define LISTENER_ROLE "listener"

/* Whom the file system lets connect: owner and group. */
#define SOCKET_MODE 0660

struct server {
	struct vu_dev vd;
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

static void connection_closed(struct vu_dev *vd)
{
	struct server *s = container_of(vd, struct server, vd);

	if (s->closing)
		s->closed(s);
	else if (!s->paused)
		listener_watch(s);
}

static int listener_open(struct server *s, const struct conf_device *conf)
{
	const struct conf_given *given = conf_given_find(conf->given,
							 "socket-path");
	char where[CONF_PLACE_LEN];
	const struct unix_socket_conf socket_conf = {
		.where = conf_place_text(given->place, where, sizeof(where)),
		.option = given->place.file ? "socket-path" : "--socket-path",
		.path = conf->socket_path,
		.mode = SOCKET_MODE,
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

static void listener_close(struct server *s)
{
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
	err = listener_open(s, conf);
	if (err)
		goto free_server;
	listener_watch(s);
	if (!s->watched) {
		conf_err(conf, "socket-path", "cannot be watched");
		err = -ENOMEM;
		goto close_listener;
	}
	*out = s;
	return 0;

close_listener:
	listener_close(s);
free_server:
	free(s);
	return err;
}

void server_close(struct server *s)
{
	s->closing = true;
	listener_close(s);
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
		listener_close(s);
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
		listener_watch(s);
	vu_dev_unpause(&s->vd);
}

json_t *server_move_out(struct server *s, struct handover *h, json_t *fds,
			const char **why)
{
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
