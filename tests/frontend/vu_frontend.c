// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_frontend - the front end's half of vhost-user, step by step
 */
#include "vu_frontend.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 5

/* virtio 1.3, 2.1: device status */
#define STATUS_DRIVER	     (1 | 2 | 8)
#define STATUS_DRIVER_OK     (STATUS_DRIVER | 4)

static __attribute__((format(printf, 3, 4))) int
fail(struct vu_fe *fe, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fe->err, sizeof(fe->err), fmt, ap);
	va_end(ap);
	return err;
}

static s64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (s64)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void vu_fe_init(struct vu_fe *fe)
{
	*fe = (struct vu_fe){
		.sock = -1,
		.backend_fd = -1,
		.timeout_ms = 5000,
		.num_queues = 1,
		.mem_slots = VU_TABLE_MAX,
	};
}

static int connect_once(int *sock, const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		err = -errno;
		close(fd);
		return err;
	}
	*sock = fd;
	return 0;
}

int vu_fe_connect(struct vu_fe *fe, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	s64 deadline = now_ms() + fe->timeout_ms;
	int err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return fail(fe, -ENAMETOOLONG, "%s: path too long", path);
	strcpy(addr.sun_path, path);
	for (;;) {
		err = connect_once(&fe->sock, &addr);
		if (!err)
			return 0;
		if (now_ms() >= deadline)
			return fail(fe, err, "connect %s: %s", path,
				    strerror(-err));
		usleep(RETRY_MS * 1000);
	}
}

void vu_fe_close(struct vu_fe *fe)
{
	if (fe->sock >= 0)
		close(fe->sock);
	if (fe->backend_fd >= 0)
		close(fe->backend_fd);
	fe->sock = -1;
	fe->backend_fd = -1;
	fe->proto = 0;
	fe->features = 0;
}

int vu_fe_closed(struct vu_fe *fe)
{
	struct vu_msg m;
	int err;

	do {
		err = vu_fe_recv(fe, &m);
	} while (!err);
	return err == -EPIPE ? 0 : err;
}

static int wait_readable(struct vu_fe *fe, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&p, 1, fe->timeout_ms);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(fe, -errno, "poll: %s", strerror(errno));
	if (!n)
		return fail(fe, -ETIMEDOUT, "no answer within %d ms",
			    fe->timeout_ms);
	return 0;
}

static int sock_send(int sock, const struct vu_msg *m)
{
	char ctl[CMSG_SPACE(sizeof(m->fds))] = { 0 };
	struct iovec iov[] = {
		{ (void *)(uintptr_t)&m->hdr, sizeof(m->hdr) },
		{ (void *)(uintptr_t)&m->p,
		  min(m->hdr.size, (u32)VU_PAYLOAD_MAX) },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) };
	ssize_t len = (ssize_t)(iov[0].iov_len + iov[1].iov_len);
	struct cmsghdr *c;

	if (m->num_fds) {
		msg.msg_control = ctl;
		msg.msg_controllen = CMSG_SPACE(m->num_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(m->num_fds * sizeof(int));
		memcpy(CMSG_DATA(c), m->fds, m->num_fds * sizeof(int));
	}
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) != len)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int vu_fe_send(struct vu_fe *fe, const struct vu_msg *m)
{
	int err = sock_send(fe->sock, m);

	if (err)
		return fail(fe, err, "send message %u: %s", m->hdr.id,
			    strerror(-err));
	return 0;
}

static void take_fds(struct msghdr *msg, struct vu_msg *m)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		m->num_fds = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) /
					    sizeof(int));
		memcpy(m->fds, CMSG_DATA(c), m->num_fds * sizeof(int));
	}
}

/* Exactly @len bytes; descriptors are taken when @m is given. */
static int recv_all(struct vu_fe *fe, int sock, void *buf, size_t len,
		    struct vu_msg *m)
{
	char ctl[CMSG_SPACE(sizeof(m->fds))];
	struct iovec iov;
	ssize_t n;
	int err;

	while (len) {
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = m ? ctl : NULL,
			.msg_controllen = m ? sizeof(ctl) : 0,
		};

		iov = (struct iovec){ .iov_base = buf, .iov_len = len };
		err = wait_readable(fe, sock);
		if (err)
			return err;
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (!n || (n < 0 && errno == ECONNRESET))
			return fail(fe, -EPIPE, "the back end hung up");
		if (n < 0 && errno != EAGAIN)
			return fail(fe, -errno, "recv: %s", strerror(errno));
		if (n < 0)
			continue;
		if (m)
			take_fds(&msg, m);
		buf = (char *)buf + n;
		len -= (size_t)n;
	}
	return 0;
}

static int sock_recv(struct vu_fe *fe, int sock, struct vu_msg *m)
{
	int err;

	m->num_fds = 0;
	err = recv_all(fe, sock, &m->hdr, sizeof(m->hdr), m);
	if (err)
		return err;
	if (m->hdr.size > VU_PAYLOAD_MAX)
		return fail(fe, -EMSGSIZE, "message %u of %u bytes", m->hdr.id,
			    m->hdr.size);
	return recv_all(fe, sock, &m->p, m->hdr.size, NULL);
}

int vu_fe_recv(struct vu_fe *fe, struct vu_msg *m)
{
	return sock_recv(fe, fe->sock, m);
}

int vu_fe_request(struct vu_fe *fe, struct vu_msg *m)
{
	u32 id = m->hdr.id;
	int err;

	m->hdr.flags |= VU_VERSION;
	err = vu_fe_send(fe, m);
	if (err)
		return err;
	err = vu_fe_recv(fe, m);
	if (err)
		return err;
	if (m->hdr.id != id)
		return fail(fe, -EPROTO, "message %u answered with %u", id,
			    m->hdr.id);
	if (m->hdr.flags != (VU_VERSION | VU_FLAG_REPLY))
		return fail(fe, -EPROTO, "reply to %u has flags 0x%x", id,
			    m->hdr.flags);
	return 0;
}

int vu_fe_command(struct vu_fe *fe, struct vu_msg *m, bool ack)
{
	u32 id = m->hdr.id;
	int err;

	m->hdr.flags |= VU_VERSION;
	if (!vu_fe_has_proto(fe, VU_P_REPLY_ACK) || !(ack || fe->ack_all))
		return vu_fe_send(fe, m);
	m->hdr.flags |= VU_FLAG_NEED_REPLY;
	err = vu_fe_request(fe, m);
	if (err)
		return err;
	if (m->hdr.size != sizeof(u64))
		return fail(fe, -EPROTO, "acknowledgement of %u has %u bytes",
			    id, m->hdr.size);
	if (m->p.u64)
		return fail(fe, -EREMOTEIO, "message %u refused", id);
	return 0;
}

int vu_fe_get_u64(struct vu_fe *fe, u32 id, u64 *value)
{
	struct vu_msg m = { .hdr.id = id };
	int err;

	err = vu_fe_request(fe, &m);
	if (err)
		return err;
	if (m.hdr.size != sizeof(u64))
		return fail(fe, -EPROTO, "reply to %u has %u bytes", id,
			    m.hdr.size);
	*value = m.p.u64;
	return 0;
}

int vu_fe_sync(struct vu_fe *fe)
{
	u64 features;

	return vu_fe_get_u64(fe, VU_GET_FEATURES, &features);
}

int vu_fe_set_u64(struct vu_fe *fe, u32 id, u64 value)
{
	struct vu_msg m = { .hdr = { .id = id, .size = sizeof(u64) } };

	m.p.u64 = value;
	return vu_fe_command(fe, &m, false);
}

int vu_fe_simple(struct vu_fe *fe, u32 id)
{
	struct vu_msg m = { .hdr.id = id };

	return vu_fe_command(fe, &m, false);
}

static int send_state(struct vu_fe *fe, u32 id, u32 index, u32 num)
{
	struct vu_msg m = {
		.hdr = { .id = id, .size = sizeof(struct vu_vring_state) },
		.p.state = { .index = index, .num = num },
	};

	return vu_fe_command(fe, &m, false);
}

int vu_fe_vring_num(struct vu_fe *fe, u32 index, u32 num)
{
	return send_state(fe, VU_SET_VRING_NUM, index, num);
}

int vu_fe_vring_base(struct vu_fe *fe, u32 index, u32 base)
{
	return send_state(fe, VU_SET_VRING_BASE, index, base);
}

int vu_fe_vring_enable(struct vu_fe *fe, u32 index, bool enable)
{
	return send_state(fe, VU_SET_VRING_ENABLE, index, enable);
}

int vu_fe_vring_addr(struct vu_fe *fe, const struct vu_ring *ring)
{
	struct vu_msg m = {
		.hdr = { .id = VU_SET_VRING_ADDR,
			 .size = sizeof(struct vu_vring_addr) },
		.p.addr = { .index = ring->index,
			    .flags = ring->flags,
			    .log = ring->log,
			    .desc = ring->desc,
			    .avail = ring->avail,
			    .used = ring->used },
	};

	return vu_fe_command(fe, &m, false);
}

int vu_fe_get_vring_base(struct vu_fe *fe, u32 index, u32 *base)
{
	struct vu_msg m = {
		.hdr = { .id = VU_GET_VRING_BASE,
			 .size = sizeof(struct vu_vring_state) },
		.p.state = { .index = index },
	};
	int err;

	err = vu_fe_request(fe, &m);
	if (err)
		return err;
	if (m.hdr.size != sizeof(m.p.state) || m.p.state.index != index)
		return fail(fe, -EPROTO, "ring base of %u: reply for %u, %u bytes",
			    index, m.p.state.index, m.hdr.size);
	*base = m.p.state.num;
	return 0;
}

int vu_fe_vring_fd(struct vu_fe *fe, u32 id, u32 index, int fd)
{
	struct vu_msg m = { .hdr = { .id = id, .size = sizeof(u64) } };

	m.p.u64 = index;
	if (fd < 0)
		m.p.u64 |= VU_VRING_NOFD;
	else
		m.fds[m.num_fds++] = fd;
	return vu_fe_command(fe, &m, false);
}

int vu_fe_set_mem_table(struct vu_fe *fe, const struct vu_mem *mem)
{
	struct vu_msg m = { .hdr.id = VU_SET_MEM_TABLE };
	unsigned int i;

	if (mem->count > VU_TABLE_MAX)
		return fail(fe, -ENOSPC, "%u regions do not fit a table",
			    mem->count);
	for (i = 0; i < mem->count; i++) {
		m.p.table.region[i] = vu_mem_desc(&mem->region[i]);
		m.fds[m.num_fds++] = mem->region[i].fd;
	}
	m.p.table.count = mem->count;
	m.hdr.size = (u32)(8 + mem->count * sizeof(struct vu_region_desc));
	return vu_fe_command(fe, &m, true);
}

static int send_region(struct vu_fe *fe, u32 id, const struct vu_region *r,
		       bool with_fd)
{
	struct vu_msg m = {
		.hdr = { .id = id, .size = sizeof(struct vu_mem_reg) },
		.p.reg.region = vu_mem_desc(r),
	};

	if (with_fd)
		m.fds[m.num_fds++] = r->fd;
	return vu_fe_command(fe, &m, true);
}

int vu_fe_add_mem_reg(struct vu_fe *fe, const struct vu_region *r)
{
	return send_region(fe, VU_ADD_MEM_REG, r, true);
}

int vu_fe_rem_mem_reg(struct vu_fe *fe, const struct vu_region *r)
{
	return send_region(fe, VU_REM_MEM_REG, r, false);
}

int vu_fe_get_config(struct vu_fe *fe, u32 off, u32 size, void *buf)
{
	const u32 head = offsetof(struct vu_config, data);
	struct vu_msg m = {
		.hdr = { .id = VU_GET_CONFIG, .size = head + size },
		.p.config = { .offset = off, .size = size },
	};
	int err;

	if (size > VU_CONFIG_MAX)
		return fail(fe, -EINVAL, "config of %u bytes", size);
	err = vu_fe_request(fe, &m);
	if (err)
		return err;
	/* vhost-user: GET_CONFIG, an error is a reply of size 0 */
	if (!m.hdr.size)
		return fail(fe, -EREMOTEIO, "config %u+%u refused", off, size);
	if (m.hdr.size != head + size)
		return fail(fe, -EPROTO, "config %u+%u: reply of %u bytes", off,
			    size, m.hdr.size);
	memcpy(buf, m.p.config.data, size);
	return 0;
}

int vu_fe_set_config(struct vu_fe *fe, u32 off, u32 size, const void *buf)
{
	struct vu_msg m = {
		.hdr = { .id = VU_SET_CONFIG,
			 .size = (u32)offsetof(struct vu_config, data) + size },
		.p.config = { .offset = off, .size = size },
	};

	if (size > VU_CONFIG_MAX)
		return fail(fe, -EINVAL, "config of %u bytes", size);
	memcpy(m.p.config.data, buf, size);
	return vu_fe_command(fe, &m, true);
}

int vu_fe_set_log_base(struct vu_fe *fe, int fd, u64 size, u64 offset)
{
	struct vu_msg m = {
		.hdr = { .id = VU_SET_LOG_BASE,
			 .size = sizeof(struct vu_log_desc) },
		.p.log = { .size = size, .offset = offset },
		.fds[0] = fd,
		.num_fds = 1,
	};
	int err;

	if (!vu_fe_has_proto(fe, VU_P_LOG_SHMFD))
		return fail(fe, -EINVAL, "no LOG_SHMFD");
	err = vu_fe_request(fe, &m);
	if (err)
		return err;
	/* The specification says that a reply comes, but not what it has. */
	if (m.hdr.size && (m.hdr.size != sizeof(u64) || m.p.u64))
		return fail(fe, -EREMOTEIO, "dirty log refused");
	return 0;
}

int vu_fe_get_inflight(struct vu_fe *fe, struct vu_record *record,
		       u16 num_queues, u16 queue_size)
{
	struct vu_msg m = {
		.hdr = { .id = VU_GET_INFLIGHT_FD,
			 .size = sizeof(struct vu_inflight) },
		.p.inflight = { .num_queues = num_queues,
				.queue_size = queue_size },
	};
	int err;

	err = vu_fe_request(fe, &m);
	if (err)
		return err;
	if (m.hdr.size != sizeof(m.p.inflight) || m.num_fds != 1)
		return fail(fe, -EPROTO,
			    "record: reply of %u bytes, %u descriptors",
			    m.hdr.size, m.num_fds);
	vu_record_close(record);
	record->fd = m.fds[0];
	record->desc = m.p.inflight;
	return 0;
}

int vu_fe_set_inflight(struct vu_fe *fe, const struct vu_record *record)
{
	struct vu_msg m = {
		.hdr = { .id = VU_SET_INFLIGHT_FD,
			 .size = sizeof(struct vu_inflight) },
		.p.inflight = record->desc,
	};

	m.fds[m.num_fds++] = record->fd;
	return vu_fe_command(fe, &m, true);
}

void vu_record_close(struct vu_record *record)
{
	if (record->fd >= 0)
		close(record->fd);
	*record = (struct vu_record){ .fd = -1 };
}

int vu_fe_open_channel(struct vu_fe *fe)
{
	struct vu_msg m = { .hdr.id = VU_SET_BACKEND_REQ_FD };
	int pair[2];
	int err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return fail(fe, -errno, "socketpair: %s", strerror(errno));
	m.fds[m.num_fds++] = pair[1];
	err = vu_fe_command(fe, &m, true);
	close(pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	if (fe->backend_fd >= 0)
		close(fe->backend_fd);
	fe->backend_fd = pair[0];
	return 0;
}

int vu_fe_channel_recv(struct vu_fe *fe, struct vu_msg *m)
{
	struct vu_msg ack = { .hdr.size = sizeof(u64) };
	int err;

	err = sock_recv(fe, fe->backend_fd, m);
	if (err)
		return err;
	if (!(m->hdr.flags & VU_FLAG_NEED_REPLY))
		return 0;
	ack.hdr.id = m->hdr.id;
	ack.hdr.flags = VU_VERSION | VU_FLAG_REPLY;
	err = sock_send(fe->backend_fd, &ack);
	if (err)
		return fail(fe, err, "acknowledge request %u: %s", m->hdr.id,
			    strerror(-err));
	return 0;
}

static int negotiate_protocol(struct vu_fe *fe, u64 want)
{
	int err;

	err = vu_fe_get_u64(fe, VU_GET_PROTOCOL_FEATURES, &fe->proto_offered);
	if (err)
		return err;
	err = vu_fe_set_u64(fe, VU_SET_PROTOCOL_FEATURES,
			    fe->proto_offered & want);
	if (err)
		return err;
	fe->proto = fe->proto_offered & want;
	return 0;
}

static int ask_limits(struct vu_fe *fe)
{
	u64 value;
	int err;

	if (vu_fe_has_proto(fe, VU_P_MQ)) {
		err = vu_fe_get_u64(fe, VU_GET_QUEUE_NUM, &value);
		if (err)
			return err;
		fe->num_queues = (unsigned int)value;
	}
	if (vu_fe_has_proto(fe, VU_P_CONFIGURE_MEM_SLOTS)) {
		err = vu_fe_get_u64(fe, VU_GET_MAX_MEM_SLOTS, &value);
		if (err)
			return err;
		fe->mem_slots = (unsigned int)value;
	}
	return 0;
}

int vu_fe_negotiate(struct vu_fe *fe, u64 want, u64 want_proto)
{
	int err;

	err = vu_fe_get_u64(fe, VU_GET_FEATURES, &fe->offered);
	if (err)
		return err;
	if (fe->offered & want & BIT_ULL(VU_F_PROTOCOL_FEATURES)) {
		err = negotiate_protocol(fe, want_proto);
		if (err)
			return err;
	}
	err = ask_limits(fe);
	if (err)
		return err;
	if (vu_fe_has_proto(fe, VU_P_BACKEND_REQ)) {
		err = vu_fe_open_channel(fe);
		if (err)
			return err;
	}
	err = vu_fe_simple(fe, VU_SET_OWNER);
	if (err)
		return err;
	fe->features = fe->offered & want;
	return vu_fe_get_u64(fe, VU_GET_FEATURES, &fe->offered);
}

int vu_fe_share_memory(struct vu_fe *fe, const struct vu_mem *mem)
{
	unsigned int i;
	int err;

	if (!vu_fe_has_proto(fe, VU_P_CONFIGURE_MEM_SLOTS)) {
		err = vu_fe_set_mem_table(fe, mem);
		return err ? err : vu_fe_sync(fe);
	}
	for (i = 0; i < mem->count; i++) {
		err = vu_fe_add_mem_reg(fe, &mem->region[i]);
		if (err)
			return err;
	}
	return 0;
}

int vu_fe_ring_start(struct vu_fe *fe, const struct vu_ring *ring)
{
	int err;

	err = vu_fe_vring_num(fe, ring->index, ring->num);
	if (err)
		return err;
	err = vu_fe_vring_base(fe, ring->index, ring->base);
	if (err)
		return err;
	err = vu_fe_vring_addr(fe, ring);
	if (err)
		return err;
	err = vu_fe_vring_fd(fe, VU_SET_VRING_KICK, ring->index, ring->kick_fd);
	if (err)
		return err;
	return vu_fe_vring_fd(fe, VU_SET_VRING_CALL, ring->index,
			      ring->call_fd);
}

static int set_status(struct vu_fe *fe, u64 status)
{
	u64 old;
	int err;

	if (!vu_fe_has_proto(fe, VU_P_STATUS))
		return 0;
	err = vu_fe_get_u64(fe, VU_GET_STATUS, &old);
	if (err)
		return err;
	return vu_fe_set_u64(fe, VU_SET_STATUS, status);
}

static int start_rings(struct vu_fe *fe, const struct vu_ring *rings,
		       unsigned int num_rings)
{
	unsigned int i;
	int err;

	for (i = 0; i < num_rings; i++) {
		err = vu_fe_ring_start(fe, &rings[i]);
		if (err)
			return err;
	}
	return 0;
}

static int enable_rings(struct vu_fe *fe, unsigned int enable)
{
	unsigned int i;
	int err;

	if (!(fe->features & BIT_ULL(VU_F_PROTOCOL_FEATURES)))
		return 0;
	for (i = 0; i < enable; i++) {
		err = vu_fe_vring_enable(fe, i, true);
		if (err)
			return err;
	}
	return 0;
}

/* QEMU sets call and error eventfds early and the features twice. */
static int prepare_rings(struct vu_fe *fe, const struct vu_ring *rings,
			 unsigned int num_rings)
{
	unsigned int i;
	int err;

	for (i = 0; i < num_rings; i++) {
		err = vu_fe_vring_fd(fe, VU_SET_VRING_CALL, rings[i].index,
				     rings[i].call_fd);
		if (err)
			return err;
		if (rings[i].err_fd < 0)
			continue;
		err = vu_fe_vring_fd(fe, VU_SET_VRING_ERR, rings[i].index,
				     rings[i].err_fd);
		if (err)
			return err;
	}
	return vu_fe_set_u64(fe, VU_SET_FEATURES, fe->features);
}

/* QEMU's record has room for all queues, at the largest size of a ring. */
static int bring_record(struct vu_fe *fe, struct vu_record *record,
			const struct vu_ring *rings, unsigned int num_rings)
{
	u32 size = 0;
	unsigned int i;
	int err;

	if (!record || !num_rings || !vu_fe_has_proto(fe, VU_P_INFLIGHT_SHMFD))
		return 0;
	if (record->fd < 0) {
		for (i = 0; i < num_rings; i++)
			size = max(size, rings[i].num);
		err = vu_fe_get_inflight(fe, record, (u16)num_rings, (u16)size);
		if (err)
			return err;
	}
	return vu_fe_set_inflight(fe, record);
}

int vu_fe_start(struct vu_fe *fe, const struct vu_mem *mem,
		const struct vu_ring *rings, unsigned int num_rings,
		unsigned int enable, struct vu_record *record)
{
	int err;

	err = prepare_rings(fe, rings, num_rings);
	if (err)
		return err;
	err = set_status(fe, STATUS_DRIVER);
	if (err)
		return err;
	err = bring_record(fe, record, rings, num_rings);
	if (err)
		return err;
	err = vu_fe_set_u64(fe, VU_SET_FEATURES, fe->features);
	if (err)
		return err;
	err = vu_fe_share_memory(fe, mem);
	if (err)
		return err;
	err = start_rings(fe, rings, num_rings);
	if (err)
		return err;
	err = enable_rings(fe, enable);
	if (err)
		return err;
	err = set_status(fe, STATUS_DRIVER_OK);
	return err ? err : vu_fe_sync(fe);
}
