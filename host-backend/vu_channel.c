// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_channel - what the back end asks of the front end
 *
 * No message asks for a reply, so what comes in is thrown away; it is read all
 * the same, to learn of the end of the connection.
 */
#include "vu_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

static void channel_send(struct vu_channel *ch);

/* Reading also throws away descriptors: without a control buffer the kernel
 * drops them.
 */
static bool drain_input(int fd)
{
	char buf[256];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void channel_ready(struct ev_fd *ev, u32 events)
{
	struct vu_channel *ch = container_of(ev, struct vu_channel, ev);

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !drain_input(ev->fd)) {
		vu_channel_close(ch);
		return;
	}
	if (events & EPOLLOUT)
		channel_send(ch);
}

void vu_channel_init(struct vu_channel *ch, struct evloop *loop,
		     const char *name)
{
	memset(ch, 0, sizeof(*ch));
	ch->loop = loop;
	ch->name = name;
	ch->ev.fd = -1;
	ch->ev.ready = channel_ready;
	ch->held = true;
}

int vu_channel_open(struct vu_channel *ch, int fd)
{
	int err;

	vu_channel_close(ch);
	ch->ev.fd = fd;
	err = evloop_add(ch->loop, &ch->ev, EPOLLIN);
	if (err) {
		close(fd);
		ch->ev.fd = -1;
	}
	return err;
}

void vu_channel_close(struct vu_channel *ch)
{
	if (ch->ev.fd < 0)
		return;
	evloop_del(ch->loop, &ch->ev);
	close(ch->ev.fd);
	ch->ev.fd = -1;
	ch->sending = false;
	ch->config_changed = false;
}

static void next_message(struct vu_channel *ch)
{
	ch->config_changed = false;
	ch->out.msg.hdr = (struct vu_header){
		.request = VU_BACKEND_CONFIG_CHANGE,
		.flags = VU_VERSION,
	};
	ch->out.done = 0;
	ch->sending = true;
}

/* 1: all is out, 0: the socket is full, or -errno */
static int send_due(struct vu_channel *ch)
{
	int ret = 1;

	while (ret > 0) {
		if (!ch->sending && ch->config_changed && !ch->held)
			next_message(ch);
		if (!ch->sending)
			break;
		ret = vu_msg_send(&ch->out, ch->ev.fd);
		ch->sending = ret == 0;
	}
	return ret;
}

static void channel_send(struct vu_channel *ch)
{
	int ret = send_due(ch);

	if (ret < 0) {
		log_info("%s: front end's request socket: %s", ch->name,
			 strerror(-ret));
		vu_channel_close(ch);
		return;
	}
	evloop_modify(ch->loop, &ch->ev,
		      ch->sending ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void vu_channel_watch(struct vu_channel *ch, bool on)
{
	if (ch->ev.fd < 0)
		return;
	evloop_del(ch->loop, &ch->ev);
	if (on)
		evloop_add(ch->loop, &ch->ev,
			   ch->sending ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void vu_channel_hold(struct vu_channel *ch, bool held)
{
	ch->held = held;
	if (!held && ch->config_changed && ch->ev.fd >= 0)
		channel_send(ch);
}

void vu_channel_config_changed(struct vu_channel *ch)
{
	if (ch->ev.fd < 0)
		return;
	ch->config_changed = true;
	if (!ch->held)
		channel_send(ch);
}
