// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server - a device's listening socket: one front end at a time, for ever
 *
 * Theory of operation
 *
 * While a front end is connected the listening socket is not watched; the next
 * one waits in the backlog, and is accepted when nothing of the last is held
 * any more.
 *
 * A socket file that is there already belongs to a daemon that lives (then it
 * accepts, and we refuse to start) or to one that died (then connecting is
 * refused, and the file is replaced).  At the end the file is removed if it is
 * still the one that we made.
 */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "vu_dev.h"

#define BACKLOG 8

/* Whom the file system lets connect: owner and group. */
#define SOCKET_UMASK 0117

struct server {
	struct vu_dev vd;
	struct ev_fd listener;
	struct evloop *loop;
	const char *path;
	dev_t file_dev;
	ino_t file_ino;
	bool watched;
	bool closing;
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
	int sock;

	do {
		sock = accept4(ev->fd, NULL, NULL,
			       SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (sock < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (sock < 0) {
		if (errno != EAGAIN)
			log_err("%s: socket-path=%s: cannot accept: %s",
				s->vd.dev->name, s->path, strerror(errno));
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
	else
		listener_watch(s);
}

static int fail(const struct conf_device *conf, int err, const char *why)
{
	log_err("%s: socket-path=%s: %s", conf->where, conf->socket_path, why);
	return err;
}

/* 0 where nothing that lives has the path; a dead daemon's socket is removed. */
static int path_free(const struct conf_device *conf,
		     const struct sockaddr_un *addr)
{
	struct stat st;
	int sock, err;

	if (lstat(addr->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return fail(conf, -EEXIST, "exists and is not a socket");
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return fail(conf, -errno, strerror(errno));
	err = connect(sock, (const struct sockaddr *)addr, sizeof(*addr)) ?
		      errno : 0;
	close(sock);
	if (err != ECONNREFUSED)
		return fail(conf, -EADDRINUSE,
			    "in use by another program that listens there");
	if (unlink(addr->sun_path) && errno != ENOENT)
		return fail(conf, -errno, strerror(errno));
	log_info("%s: socket-path=%s: replaced, no program listened there",
		 conf->where, conf->socket_path);
	return 0;
}

static int path_bind(int sock, const struct conf_device *conf,
		     const struct sockaddr_un *addr)
{
	mode_t old = umask(SOCKET_UMASK);
	int err;

	err = bind(sock, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno :
									 0;
	umask(old);
	if (err == -ENOENT)
		return fail(conf, err, "its directory does not exist");
	if (err)
		return fail(conf, err, strerror(-err));
	return 0;
}

static int listener_open(struct server *s, const struct conf_device *conf)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int sock, err;

	/* conf_table.c has checked the length. */
	strncpy(addr.sun_path, conf->socket_path, sizeof(addr.sun_path) - 1);
	err = path_free(conf, &addr);
	if (err)
		return err;
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return fail(conf, -errno, strerror(errno));
	err = path_bind(sock, conf, &addr);
	if (err)
		goto close_sock;
	if (stat(addr.sun_path, &st) || listen(sock, BACKLOG)) {
		err = fail(conf, -errno, strerror(errno));
		goto close_sock;
	}
	s->file_dev = st.st_dev;
	s->file_ino = st.st_ino;
	s->listener.fd = sock;
	return 0;

close_sock:
	close(sock);
	return err;
}

static void file_remove(const struct server *s)
{
	struct stat st;

	if (!lstat(s->path, &st) && st.st_dev == s->file_dev &&
	    st.st_ino == s->file_ino)
		unlink(s->path);
}

static void listener_close(struct server *s)
{
	listener_unwatch(s);
	close(s->listener.fd);
	file_remove(s);
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
	s->path = conf->socket_path;
	s->closed = closed;
	s->listener.ready = listener_ready;
	vu_dev_init(&s->vd, dev, conf->queue_size, loop);
	s->vd.closed = connection_closed;
	err = listener_open(s, conf);
	if (err)
		goto free_server;
	listener_watch(s);
	if (!s->watched) {
		err = fail(conf, -ENOMEM, "cannot be watched");
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
