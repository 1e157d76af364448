// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control - the socket that operators' tools talk to
 *
 * Theory of operation
 *
 * A client is either being read, until a whole line is there, or being written
 * to, until the answer is out; so each holds at most one request of
 * COMMAND_LINE_MAX bytes and one answer.  A client that neither sends nor reads
 * costs that memory and no time.  When there are CLIENTS_MAX of them, the one
 * that has been silent the longest makes room for the next.
 *
 * Who may: the file's mode lets in the daemon's own user alone, and an
 * administrator may open it to a group.  The peer's credentials are looked at
 * as well, since a mode can be changed by mistake.
 */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "control_cmd.h"
#include "daemon.h"
#include "inherit.h"
#include "list.h"
#include "log.h"
#include "unix_socket.h"
#include "upgrade.h"

#define SOCKET_MODE 0600

#define CLIENTS_MAX 32

/* Requests of one client in a row before others get their turn. */
#define REQUESTS_MAX 16

/* Supplementary groups of a peer that are looked at. */
#define GROUPS_MAX 256

/**
 * struct client - a connection
 * @node:	in control.clients, the last active at the end
 * @in:		what came and is not answered yet, @in_len bytes
 * @out:	answer being sent, NULL: none; jansson's memory
 * @out_done:	bytes of it that are sent
 * @last:	hang up when the answer is out
 * @moving:	it is a daemon that takes over; the connection becomes upgrade.h's
 */
struct client {
	struct ev_fd ev;
	struct control *ctl;
	struct list node;
	char in[COMMAND_LINE_MAX];
	size_t in_len;
	char *out;
	size_t out_len;
	size_t out_done;
	bool last;
	bool moving;
};

struct control {
	struct daemon *daemon;
	uid_t uid;
	struct unix_socket socket;
	struct ev_fd listener;
	struct list clients;
	unsigned int num_clients;
	struct log_limit limit;
};

static void client_free(struct client *c)
{
	evloop_del(c->ctl->daemon->loop, &c->ev);
	list_del(&c->node);
	c->ctl->num_clients--;
	free(c->out);
	free(c);
}

static void client_close(struct client *c)
{
	int sock = c->ev.fd;

	client_free(c);
	close(sock);
}

/* Answers */

/* Takes @answer's reference; NULL: there is no memory for one. */
static int answer_begin(struct client *c, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	if (!text)
		return -ENOMEM;
	c->out = text;
	c->out_len = strlen(text) + 1;
	c->out_done = 0;
	/* In place of the zero: a line ends so. */
	text[c->out_len - 1] = '\n';
	return 0;
}

/* 1: all is out, 0: the socket is full, or -errno */
static int answer_send(struct client *c)
{
	while (c->out_done < c->out_len) {
		ssize_t n = write(c->ev.fd, c->out + c->out_done,
				  c->out_len - c->out_done);

		if (n >= 0)
			c->out_done += (size_t)n;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	free(c->out);
	c->out = NULL;
	return c->last ? -ECONNRESET : 1;
}

/* Requests */

static int refuse(struct client *c, const char *why)
{
	c->last = true;
	return answer_begin(c, json_pack("{s:s}", "error", why));
}

static int line_handle(struct client *c, size_t len)
{
	json_error_t error;
	json_t *request;
	int err;

	request = json_loadb(c->in, len, JSON_REJECT_DUPLICATES, &error);
	if (!request)
		return answer_begin(c, json_pack("{s:s++}", "error",
						 "not a line of JSON: ",
						 error.text, ""));
	err = answer_begin(c, control_cmd_run(c->ctl->daemon, request,
					      &c->moving));
	json_decref(request);
	return err;
}

/* 1: a line was answered, 0: there is none yet, or -errno */
static int line_take(struct client *c)
{
	char *end = memchr(c->in, '\n', c->in_len);
	size_t len;
	int err;

	if (!end)
		return c->in_len < sizeof(c->in) ? 0 :
		       refuse(c, "request is too long") ?: 1;
	len = (size_t)(end - c->in);
	err = line_handle(c, len);
	c->in_len -= len + 1;
	memmove(c->in, end + 1, c->in_len);
	return err ?: 1;
}

static int client_recv(struct client *c)
{
	ssize_t n;

	do {
		n = read(c->ev.fd, c->in + c->in_len,
			 sizeof(c->in) - c->in_len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	c->in_len += (size_t)n;
	return n ? 0 : -ECONNRESET;
}

/* One after the other: an answer is out before the next line is looked at. */
static int client_serve(struct client *c)
{
	int ret = 1;
	unsigned int i;

	for (i = 0; i < REQUESTS_MAX && ret > 0 && !c->moving; i++) {
		if (c->out)
			ret = answer_send(c);
		else
			ret = line_take(c);
	}
	return ret;
}

static void client_move(struct client *c)
{
	struct upgrade *u = c->ctl->daemon->upgrade;
	int sock = c->ev.fd;

	/* A daemon that takes over says nothing until it is answered. */
	if (c->in_len) {
		client_close(c);
		return;
	}
	client_free(c);
	upgrade_begin(u, sock);
}

static void client_ready(struct ev_fd *ev, u32 events)
{
	struct client *c = container_of(ev, struct client, ev);
	int ret = 0;

	if (!c->out)
		ret = client_recv(c);
	if (!ret)
		ret = client_serve(c);
	if (c->moving) {
		client_move(c);
		return;
	}
	if (ret < 0) {
		client_close(c);
		return;
	}
	list_del(&c->node);
	list_add_tail(&c->ctl->clients, &c->node);
	/* Lines that are left over are served when the answer before is out. */
	evloop_modify(c->ctl->daemon->loop, ev,
		      c->out || ret > 0 ? EPOLLOUT : EPOLLIN);
}

/* Connections */

static bool in_group(int sock, const struct ucred *peer, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);
	size_t i;

	if (peer->gid == group)
		return true;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool peer_allowed(const struct control *ctl, int sock)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct stat st;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (!peer.uid || peer.uid == ctl->uid)
		return true;
	return !stat(ctl->socket.path, &st) && (st.st_mode & 0020) &&
	       in_group(sock, &peer, st.st_gid);
}

static void make_room(struct control *ctl)
{
	if (ctl->num_clients >= CLIENTS_MAX)
		client_close(list_entry(ctl->clients.next, struct client,
					node));
}

static int client_create(struct control *ctl, int sock)
{
	struct client *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->ctl = ctl;
	c->ev.fd = sock;
	c->ev.ready = client_ready;
	err = evloop_add(ctl->daemon->loop, &c->ev, EPOLLIN);
	if (err) {
		free(c);
		return err;
	}
	list_add_tail(&ctl->clients, &c->node);
	ctl->num_clients++;
	return 0;
}

static void client_welcome(struct control *ctl, int sock)
{
	int err = -EACCES;

	if (peer_allowed(ctl, sock)) {
		make_room(ctl);
		err = client_create(ctl, sock);
	}
	if (!err)
		return;
	close(sock);
	log_ratelimited(&ctl->limit, LOG_WARNING,
			"control=%s: client refused: %s", ctl->socket.path,
			strerror(-err));
}

static void listener_ready(struct ev_fd *ev, u32 events)
{
	struct control *ctl = container_of(ev, struct control, listener);
	int sock = unix_socket_accept(&ctl->socket);

	while (sock >= 0) {
		client_welcome(ctl, sock);
		sock = unix_socket_accept(&ctl->socket);
	}
	if (sock != -EAGAIN)
		log_ratelimited(&ctl->limit, LOG_WARNING,
				"control=%s: cannot accept: %s",
				ctl->socket.path, strerror(-sock));
}

int control_fd(const struct control *ctl)
{
	return ctl ? ctl->listener.fd : -1;
}

int control_create(struct control **out, struct daemon *d)
{
	const struct conf_given *given = conf_given_find(d->conf.given,
							 "control");
	char where[CONF_PLACE_LEN];
	const struct unix_socket_conf conf = {
		.where = conf_place_text(given->place, where, sizeof(where)),
		.option = given->place.file ? "control" : "--control",
		.path = d->conf.control,
		.mode = SOCKET_MODE,
	};
	struct control *ctl = calloc(1, sizeof(*ctl));
	int err = 0;
	int fd;

	if (!ctl)
		return -ENOMEM;
	/* Reads /dev/urandom, which is out of reach when the first object comes. */
	json_object_seed(0);
	ctl->daemon = d;
	ctl->uid = geteuid();
	ctl->limit = (struct log_limit)LOG_LIMIT_INIT;
	list_init(&ctl->clients);
	fd = inherit_take("", "control");
	if (fd >= 0)
		unix_socket_adopt(&ctl->socket, d->conf.control, fd);
	else
		err = unix_socket_listen(&ctl->socket, &conf);
	if (err)
		goto free_control;
	ctl->listener.fd = ctl->socket.fd;
	ctl->listener.ready = listener_ready;
	/* Edge-triggered, as in server.c: no descriptors must not mean a spin. */
	err = evloop_add(d->loop, &ctl->listener, EPOLLIN | EPOLLET);
	if (err)
		goto close_socket;
	*out = ctl;
	return 0;

close_socket:
	unix_socket_close(&ctl->socket);
free_control:
	free(ctl);
	return err;
}

void control_destroy(struct control *ctl)
{
	struct client *c, *tmp;

	list_for_each_entry_safe(c, tmp, &ctl->clients, node)
		client_close(c);
	evloop_del(ctl->daemon->loop, &ctl->listener);
	unix_socket_close(&ctl->socket);
	free(ctl);
}
