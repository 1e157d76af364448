// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dial - connect to a front end that listens, again and again
 */
#include "dial.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000

static void timer_set(const struct dial *d, unsigned int ms)
{
	/* 0 would mean never. */
	const struct itimerspec once = {
		.it_value = { .tv_sec = ms / 1000,
			      .tv_nsec = ms % 1000 * 1000000L + 1 },
	};

	timerfd_settime(d->timer.fd, 0, &once, NULL);
}

/* A connection, or -errno: ENOENT, ECONNREFUSED; EAGAIN where it is busy. */
static int attempt(const struct dial *d)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int err, sock;

	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -errno;
	/* conf_table.c has checked the length. */
	strncpy(addr.sun_path, d->path, sizeof(addr.sun_path) - 1);
	if (!connect(sock, (const struct sockaddr *)&addr, sizeof(addr)))
		return sock;
	err = -errno;
	close(sock);
	return err;
}

static void timer_ready(struct ev_fd *ev, u32 events)
{
	struct dial *d = container_of(ev, struct dial, timer);
	u64 expired;
	int sock;

	if (read(ev->fd, &expired, sizeof(expired)) != sizeof(expired))
		return;
	sock = attempt(d);
	if (sock >= 0) {
		d->backoff_ms = BACKOFF_MIN_MS;
		d->connected(d, sock);
		return;
	}
	/* Once for each time that it is away. */
	if (d->backoff_ms == BACKOFF_MIN_MS)
		log_notice(
			"%s: socket-path=%s: cannot connect: %s; trying again",
			d->name, d->path, strerror(-sock));
	timer_set(d, d->backoff_ms);
	d->backoff_ms = min(d->backoff_ms * 2, (unsigned int)BACKOFF_MAX_MS);
}

int dial_open(struct dial *d, struct evloop *loop)
{
	int err;

	d->loop = loop;
	d->backoff_ms = BACKOFF_MIN_MS;
	d->timer.ready = timer_ready;
	d->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->timer.fd < 0)
		return -errno;
	err = evloop_add(loop, &d->timer, EPOLLIN);
	if (err)
		close(d->timer.fd);
	return err;
}

void dial_begin(struct dial *d)
{
	timer_set(d, 0);
}

void dial_close(struct dial *d)
{
	evloop_del(d->loop, &d->timer);
	close(d->timer.fd);
}
