// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_state - a device's own state on its way through a migration
 */
#include "vu_state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* In a row, before others get their turn. */
#define READS_MAX 16

struct record_hdr {
	__le32 magic;
	__le32 version;
	__le32 virtio_id;
	__le32 len;
};
static_assert(sizeof(struct record_hdr) == VU_STATE_HDR, "a record's header");

int vu_state_parse(const u8 *buf, size_t len, u32 virtio_id, const u8 **state,
		   size_t *state_len)
{
	struct record_hdr hdr;

	if (len < sizeof(hdr) || len > VU_STATE_RECORD_MAX)
		return -EPROTO;
	memcpy(&hdr, buf, sizeof(hdr));
	if (le32_to_cpu(hdr.magic) != VU_STATE_MAGIC)
		return -EPROTO;
	if (le32_to_cpu(hdr.version) != VU_STATE_VERSION ||
	    le32_to_cpu(hdr.virtio_id) != virtio_id)
		return -EINVAL;
	if (le32_to_cpu(hdr.len) != len - sizeof(hdr))
		return -EPROTO;
	*state = buf + sizeof(hdr);
	*state_len = len - sizeof(hdr);
	return 0;
}

static size_t record_make(const struct device *dev, u8 *buf)
{
	size_t len = dev->ops->state_save(dev, buf + VU_STATE_HDR);
	const struct record_hdr hdr = {
		.magic = cpu_to_le32(VU_STATE_MAGIC),
		.version = cpu_to_le32(VU_STATE_VERSION),
		.virtio_id = cpu_to_le32(dev->ops->virtio_id),
		.len = cpu_to_le32((u32)len),
	};

	memcpy(buf, &hdr, sizeof(hdr));
	return sizeof(hdr) + len;
}

/* The flag is shared with the front end's end only where that is a socket. */
static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return 0;
}

void vu_state_end(struct vu_state_io *io)
{
	if (io->ev.fd >= 0) {
		evloop_del(io->loop, &io->ev);
		close(io->ev.fd);
	}
	io->ev.fd = -1;
	io->len = 0;
	io->loading = false;
	io->result = -ENODATA;
}

int vu_state_save(struct vu_state_io *io, int fd)
{
	u8 buf[VU_STATE_RECORD_MAX];
	size_t len = record_make(io->dev, buf);
	ssize_t n;

	vu_state_end(io);
	io->result = set_nonblocking(fd);
	if (!io->result) {
		/* As short as it is, a pipe takes all of it or nothing. */
		n = write(fd, buf, len);
		if (n != (ssize_t)len)
			io->result = n < 0 ? -errno : -EIO;
	}
	close(fd);
	return io->result;
}

/* What is too much is read as well, so that its writer is not stuck. */
static ssize_t read_some(struct vu_state_io *io)
{
	size_t room = sizeof(io->buf) - io->len;
	u8 rest[512];
	ssize_t n;

	if (!room)
		return read(io->ev.fd, rest, sizeof(rest));
	n = read(io->ev.fd, io->buf + io->len, room);
	if (n > 0)
		io->len += (size_t)n;
	return n;
}

/* Read on: 0 at the end, -EAGAIN where more may come, or -errno. */
static int read_on(struct vu_state_io *io)
{
	unsigned int i;
	ssize_t n;

	for (i = 0; i < READS_MAX; i++) {
		n = read_some(io);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

static void pipe_ready(struct ev_fd *ev, u32 events)
{
	struct vu_state_io *io = container_of(ev, struct vu_state_io, ev);

	io->result = read_on(io);
	if (io->result == -EAGAIN)
		return;
	evloop_del(io->loop, ev);
	close(ev->fd);
	ev->fd = -1;
}

int vu_state_load(struct vu_state_io *io, int fd)
{
	int err;

	vu_state_end(io);
	io->ev.fd = fd;
	err = set_nonblocking(fd);
	if (!err)
		err = evloop_add(io->loop, &io->ev, EPOLLIN);
	if (err) {
		close(fd);
		io->ev.fd = -1;
		return err;
	}
	io->loading = true;
	io->result = -EAGAIN;
	return 0;
}

int vu_state_check(struct vu_state_io *io)
{
	size_t state_len = 0;
	const u8 *state = NULL;
	int err;

	if (io->ev.fd >= 0)
		pipe_ready(&io->ev, EPOLLIN);
	err = io->result;
	if (!err && io->loading)
		err = vu_state_parse(io->buf, io->len, io->dev->ops->virtio_id,
				     &state, &state_len);
	if (!err && io->loading)
		err = io->dev->ops->state_load(io->dev, state, state_len);
	vu_state_end(io);
	return err;
}

void vu_state_init(struct vu_state_io *io, struct evloop *loop,
		   struct device *dev)
{
	memset(io, 0, sizeof(*io));
	io->loop = loop;
	io->dev = dev;
	io->ev.fd = -1;
	io->ev.ready = pipe_ready;
	io->result = -ENODATA;
}
