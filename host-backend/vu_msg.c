// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_msg - one vhost-user message and its file descriptors, in and out
 *
 * A read never asks for more than the message still lacks: first for the rest
 * of the header, then for the rest of the payload that it announces.  So the
 * bytes and descriptors of the next message stay in the socket.
 */
#include "vu_msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HDR_LEN sizeof(struct vu_header)

union fd_control {
	struct cmsghdr align;
	u8 buf[CMSG_SPACE(VU_FDS_MAX * sizeof(int))];
};

int vu_msg_take_fd(struct vu_msg *msg, unsigned int i)
{
	int fd = msg->fds[i];

	msg->fds[i] = -1;
	return fd;
}

void vu_msg_close_fds(struct vu_msg *msg)
{
	unsigned int i;

	for (i = 0; i < msg->num_fds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	msg->num_fds = 0;
}

void vu_transfer_reset(struct vu_transfer *t)
{
	vu_msg_close_fds(&t->msg);
	t->done = 0;
}

/* Where the next bytes go, and how many the message still lacks there. */
static struct iovec next_part(struct vu_transfer *t)
{
	struct vu_msg *msg = &t->msg;
	size_t off;

	if (t->done < HDR_LEN)
		return (struct iovec){ (u8 *)&msg->hdr + t->done,
				       HDR_LEN - t->done };
	off = t->done - HDR_LEN;
	return (struct iovec){ msg->payload.raw + off, msg->hdr.size - off };
}

/* Every descriptor that came is in the message, or closed. */
static int fds_keep(struct vu_msg *msg, const struct msghdr *mh)
{
	const struct cmsghdr *c;
	int err = 0;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR((struct msghdr *)mh,
						       (struct cmsghdr *)c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		size_t i;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			       sizeof(fd));
			if (msg->num_fds < VU_FDS_MAX) {
				msg->fds[msg->num_fds++] = fd;
			} else {
				close(fd);
				err = -EPROTO;
			}
		}
	}
	return mh->msg_flags & MSG_CTRUNC ? -EPROTO : err;
}

static int header_check(const struct vu_header *hdr)
{
	if ((hdr->flags & VU_VERSION_MASK) != VU_VERSION ||
	    (hdr->flags & VU_FLAG_REPLY))
		return -EPROTO;
	if (hdr->size > VU_PAYLOAD_MAX)
		return -EMSGSIZE;
	return 0;
}

/* Return: 1 for progress, 0 where nothing is there yet, or -errno. */
static int recv_part(struct vu_transfer *t, int sock)
{
	struct iovec iov = next_part(t);
	union fd_control control;
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;

	n = recvmsg(sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0) {
		if (errno == EINTR)
			return 1;
		return errno == EAGAIN ? 0 : -errno;
	}
	if (n == 0)
		return -EPIPE;
	t->done += (size_t)n;
	return fds_keep(&t->msg, &mh) ?: 1;
}

int vu_msg_recv(struct vu_transfer *t, int sock)
{
	int ret;

	while (t->done < HDR_LEN || t->done < HDR_LEN + t->msg.hdr.size) {
		ret = recv_part(t, sock);
		if (ret <= 0)
			return ret;
		if (t->done == HDR_LEN) {
			ret = header_check(&t->msg.hdr);
			if (ret)
				return ret;
		}
	}
	return 1;
}

/* Descriptors go with the first byte (vhost-user: "Communication"). */
static void fds_attach(struct msghdr *mh, union fd_control *control,
		       const struct vu_msg *msg)
{
	size_t len = msg->num_fds * sizeof(int);
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	mh->msg_control = control->buf;
	mh->msg_controllen = CMSG_SPACE(len);
	c = CMSG_FIRSTHDR(mh);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), msg->fds, len);
}

int vu_msg_send(struct vu_transfer *t, int sock)
{
	size_t total = HDR_LEN + t->msg.hdr.size;

	while (t->done < total) {
		struct iovec iov[2] = { next_part(t) };
		struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 1 };
		union fd_control control;
		ssize_t n;

		if (t->done < HDR_LEN) {
			iov[1].iov_base = t->msg.payload.raw;
			iov[1].iov_len = t->msg.hdr.size;
			mh.msg_iovlen = 2;
		}
		if (!t->done && t->msg.num_fds)
			fds_attach(&mh, &control, &t->msg);
		n = sendmsg(sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			t->done += (size_t)n;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	return 1;
}
