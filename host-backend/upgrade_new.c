// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upgrade_new - the new daemon's side of an upgrade
 *
 * Runs before the loop does, so it may wait: until "commit" nothing here moves.
 * It does not give up waiting by itself, or the old daemon's commit could cross
 * our end, and nobody would be left; the old one has the patience for both, and
 * hangs up.
 */
#include "upgrade.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf_device.h"
#include "conf_set.h"
#include "conf_table.h"
#include "daemon.h"
#include "device.h"
#include "inherit.h"
#include "log.h"
#include "server.h"
#include "stats.h"
#include "throttle.h"

/**
 * struct upgrade_source - the old daemon
 * @sock:	to it
 * @path:	where it listens, for messages
 * @h:		what it sent
 */
struct upgrade_source {
	int sock;
	const char *path;
	struct handover h;
};

static int fail(const struct upgrade_source *src, int err, const char *why)
{
	log_err("--upgrade-from=%s: %s", src->path, why);
	return err;
}

static int senseless(const struct upgrade_source *src, const char *what)
{
	log_err("--upgrade-from=%s: %s in the old daemon's state makes no sense",
		src->path, what);
	return -EBADMSG;
}

/* Receiving */

static int source_connect(struct upgrade_source *src)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(src->path) >= sizeof(addr.sun_path))
		return fail(src, -ENAMETOOLONG, "path is too long");
	strcpy(addr.sun_path, src->path);
	src->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (src->sock < 0 ||
	    connect(src->sock, (struct sockaddr *)&addr, sizeof(addr)))
		return fail(src, -errno, strerror(errno));
	return 0;
}

static int say(const struct upgrade_source *src, const char *text)
{
	size_t len = strlen(text);

	return write(src->sock, text, len) == (ssize_t)len ?
		       0 : fail(src, -EPIPE, "the old daemon has hung up");
}

static int receive(const struct upgrade_source *src, void *buf, size_t len)
{
	u8 *at = buf;

	/* Plain reads and writes: the last ones are made in the sandbox. */
	while (len) {
		ssize_t n = read(src->sock, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(src, -ECONNRESET,
				    "the old daemon has hung up; its log says why");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Every descriptor that came is in the array; 0 or -errno */
static int fds_take(struct upgrade_source *src, struct msghdr *mh, u32 *room)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		if (count > *room)
			return -EBADMSG;
		memcpy(src->h.fds + src->h.num_fds, CMSG_DATA(c),
		       count * sizeof(int));
		src->h.num_fds += (u32)count;
		*room -= (u32)count;
	}
	return mh->msg_flags & MSG_CTRUNC ? -EMFILE : 0;
}

static int receive_batch(struct upgrade_source *src, u32 *room)
{
	union {
		struct cmsghdr align;
		u8 buf[CMSG_SPACE(HANDOVER_BATCH * sizeof(int))];
	} control;
	u32 before = src->h.num_fds;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;
	int err;

	do {
		n = recvmsg(src->sock, &mh, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return fail(src, -ECONNRESET,
			    "the old daemon has hung up; its log says why");
	err = fds_take(src, &mh, room);
	if (err == -EMFILE)
		return fail(src, err,
			    "too few descriptors allowed here (ulimit -n)");
	if (err || src->h.num_fds == before)
		return senseless(src, "a batch of descriptors");
	return 0;
}

static int receive_fds(struct upgrade_source *src, u32 count)
{
	u32 room = count;
	int err = 0;

	src->h.fds = calloc(count ? count : 1, sizeof(*src->h.fds));
	if (!src->h.fds)
		return fail(src, -ENOMEM, strerror(ENOMEM));
	while (room && !err)
		err = receive_batch(src, &room);
	return err;
}

static int receive_text(struct upgrade_source *src, u32 bytes)
{
	char *text = malloc(bytes);
	int err = text || !bytes ? 0 : fail(src, -ENOMEM, strerror(ENOMEM));

	if (!err)
		err = receive(src, text, bytes);
	if (!err) {
		src->h.json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES,
					 NULL);
		if (!json_is_object(src->h.json))
			err = senseless(src, "everything");
	}
	free(text);
	return err;
}

/* It said no: a line instead of a head. */
static int refused(struct upgrade_source *src, const struct handover_head *head)
{
	char line[512] = "";
	json_t *json;
	ssize_t n;

	memcpy(line, head, sizeof(*head));
	n = recv(src->sock, line + sizeof(*head),
		 sizeof(line) - sizeof(*head) - 1, 0);
	json = json_loads(line, 0, NULL);
	log_err("--upgrade-from=%s: refused: %s", src->path,
		n > 0 && json ? json_string_value(json_object_get(json,
								  "error")) :
				"not a daemon that can be upgraded from");
	json_decref(json);
	return -EPROTO;
}

static int receive_all(struct upgrade_source *src)
{
	struct handover_head head;
	char request[64];
	int err;

	snprintf(request, sizeof(request),
		 "{\"command\":\"handover\",\"version\":%d}\n",
		 HANDOVER_VERSION);
	err = say(src, request);
	if (!err)
		err = receive(src, &head, sizeof(head));
	if (err)
		return err;
	err = handover_head_check(&head);
	if (err == -EPROTONOSUPPORT) {
		log_err("--upgrade-from=%s: the old daemon speaks version %u, this one %u",
			src->path, head.version, HANDOVER_VERSION);
		return err;
	}
	if (err)
		return refused(src, &head);
	err = receive_fds(src, head.num_fds);
	return err ?: receive_text(src, head.bytes);
}

/* Configuration */

static int options_set(struct upgrade_source *src, struct conf *conf,
		       struct conf_device *dev, unsigned int scopes,
		       const json_t *list)
{
	struct conf_place place = { .file = "old daemon" };
	size_t i, n = json_array_size(list);

	/* From the last to the first, as the list of given ones grows. */
	for (i = n; i-- > 0;) {
		const json_t *pair = json_array_get(list, i);
		const char *name = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));

		place.line = (unsigned int)i + 1;
		if (!name || !value)
			return senseless(src, "an option");
		if (conf_set(conf, dev, scopes, name, value, place))
			return -EINVAL;
	}
	return 0;
}

static int fds_inherit(struct upgrade_source *src, const char *owner,
		       const json_t *fds)
{
	const char *role;
	json_t *number;

	json_object_foreach((json_t *)fds, role, number) {
		int fd = handover_take_fd(&src->h, number);

		if (fd < 0 || inherit_add(owner, role, fd))
			return senseless(src, "a descriptor");
	}
	return 0;
}

static int device_configure(struct upgrade_source *src, struct conf *conf,
			    const json_t *json)
{
	const char *type = json_string_value(json_object_get(json, "type"));
	const char *name = json_string_value(json_object_get(json, "name"));
	const struct conf_place place = { .file = "old daemon" };
	struct conf_device *dev;
	int t = type ? conf_type_find(type) : -1;
	int err;

	if (t < 0 || !name)
		return senseless(src, "a device");
	dev = conf_device_add(conf, (enum conf_type)t, name, place);
	if (!dev)
		return fail(src, -ENOMEM, strerror(ENOMEM));
	err = options_set(src, conf, dev, conf_types[t].scope,
			  json_object_get(json, "options"));
	return err ?: fds_inherit(src, name, json_object_get(json, "fds"));
}

static int configure(struct upgrade_source *src, struct conf *conf)
{
	const json_t *json = src->h.json;
	const json_t *devices = json_object_get(json, "devices");
	size_t i, n = json_array_size(devices);
	int err;

	err = options_set(src, conf, NULL, CONF_IN_DAEMON,
			  json_object_get(json, "options"));
	if (!err)
		err = fds_inherit(src, "", json_object_get(json, "fds"));
	for (i = 0; i < n && !err; i++)
		err = device_configure(src, conf, json_array_get(devices, i));
	if (!err && !n)
		err = senseless(src, "the list of devices");
	return err ?: conf_devices_check(conf);
}

/*
 * Be who the old daemon is, and where it is: pvctl may have been called by root
 * from anywhere.  The socket knows the user who first listened on it; of the
 * process it would know one that may be gone since.
 */
static int become(struct upgrade_source *src)
{
	const json_t *pid = json_object_get(src->h.json, "pid");
	struct ucred peer;
	socklen_t len = sizeof(peer);
	char path[64];

	if (getsockopt(src->sock, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return fail(src, -errno, strerror(errno));
	snprintf(path, sizeof(path), "/proc/%d/cwd",
		 (int)json_integer_value(pid));
	if (chdir(path))
		return fail(src, -errno,
			    "its working directory cannot be entered");
	if (peer.uid == geteuid() && peer.gid == getegid())
		return 0;
	if (setgroups(0, NULL) || setgid(peer.gid) || setuid(peer.uid))
		return fail(src, -EPERM, "its user cannot be taken on");
	return 0;
}

int upgrade_fetch(struct upgrade_source **out, struct daemon *d,
		  const char *path)
{
	struct upgrade_source *src = calloc(1, sizeof(*src));
	int err;

	if (!src)
		return -ENOMEM;
	src->path = path;
	src->sock = -1;
	err = source_connect(src);
	if (!err)
		err = receive_all(src);
	if (!err)
		err = become(src);
	if (!err)
		err = configure(src, &d->conf);
	if (err)
		upgrade_source_free(src);
	else
		*out = src;
	return err;
}

/* Devices */

/* A counter that this version has not is dropped. */
static void counters_set(const struct queue *q, const json_t *json)
{
	struct stats_sources to;
	unsigned int i;

	stats_of_queue(q, &to);
	for (i = 0; i < stats_table_len; i++) {
		const json_t *value = json_object_get(json,
						      stats_table[i].name);
		/* No worker has the queue yet. */
		u64 *at = (u64 *)stats_value(&stats_table[i], &to);

		if (at && json_is_integer(value))
			*at = (u64)json_integer_value(value);
	}
}

static void limits_set(struct device *dev, const json_t *list)
{
	struct throttle_limit limits[THROTTLE_DIMS];
	unsigned int i;

	if (!dev->ops->limits_set || json_array_size(list) != THROTTLE_DIMS)
		return;
	for (i = 0; i < THROTTLE_DIMS; i++) {
		const json_t *pair = json_array_get(list, i);
		u64 rate = (u64)json_integer_value(json_array_get(pair, 0));
		u64 burst = (u64)json_integer_value(json_array_get(pair, 1));

		limits[i].rate = min(rate, (u64)THROTTLE_RATE_MAX);
		limits[i].burst = min(burst, (u64)THROTTLE_RATE_MAX);
	}
	dev->ops->limits_set(dev, limits);
}

static int state_load(struct upgrade_source *src, struct device *dev,
		      const json_t *json)
{
	u8 state[DEVICE_STATE_MAX];
	int len;

	if (!json)
		return 0;
	len = handover_take_bytes(json, state, sizeof(state));
	if (len < 0 || !dev->ops->state_load ||
	    dev->ops->state_load(dev, state, (size_t)len))
		return senseless(src, "a device's own part");
	return 0;
}

static int device_adopt(struct upgrade_source *src, struct daemon *d,
			unsigned int i, const json_t *json)
{
	const json_t *connection = json_object_get(json, "connection");
	const json_t *counters = json_object_get(json, "counters");
	struct device *dev = d->devices[i];
	unsigned int q;
	int err;

	dev->held = true;
	limits_set(dev, json_object_get(json, "limits"));
	for (q = 0; q < dev->num_queues; q++)
		counters_set(&dev->queues[q], json_array_get(counters, q));
	err = state_load(src, dev, json_object_get(json, "state"));
	if (!err && connection)
		err = server_move_in(d->servers[i], &src->h, connection);
	return err;
}

/* Where the old daemon's lines go, ours go from now on. */
static void output_take(const char *role, int as)
{
	int fd = inherit_take("", role);

	if (fd < 0)
		return;
	dup2(fd, as);
	close(fd);
}

int upgrade_adopt(struct upgrade_source *src, struct daemon *d)
{
	const json_t *devices = json_object_get(src->h.json, "devices");
	unsigned int i;
	int err = 0;

	for (i = 0; i < d->num_devices && !err; i++)
		err = device_adopt(src, d, i, json_array_get(devices, i));
	if (err)
		return err;
	output_take("stdout", STDOUT_FILENO);
	output_take("stderr", STDERR_FILENO);
	inherit_end();
	return 0;
}

int upgrade_commit(struct upgrade_source *src, struct daemon *d)
{
	char word[sizeof(HANDOVER_COMMIT) - 1];
	unsigned int i;
	int err;

	err = say(src, HANDOVER_PREPARED);
	if (!err)
		err = receive(src, word, sizeof(word));
	if (err)
		return err;
	if (memcmp(word, HANDOVER_COMMIT, sizeof(word)))
		return senseless(src, "the last word");
	for (i = 0; i < d->num_servers; i++)
		server_start(d->servers[i]);
	return 0;
}

void upgrade_source_free(struct upgrade_source *src)
{
	if (!src)
		return;
	if (src->sock >= 0)
		close(src->sock);
	handover_close_fds(&src->h);
	handover_free(&src->h);
	free(src);
}
