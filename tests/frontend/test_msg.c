// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_msg - vhost-user messages that are wrong, in pieces, out of order
 *
 * A message that is at fault is refused: with an error where an acknowledgement
 * was asked for, else by hanging up.  No descriptor that came with it stays
 * open (fixture_after() counts them).
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct disk *greet(void)
{
	const struct drv_dev_conf conf = { .timeout_ms = 2000 };

	return disk_connect(fx.disk, &conf);
}

/* Refused: an error reply or the end of the connection. */
static void expect_refused(struct disk *disk, struct vu_msg *m)
{
	int err = vu_fe_command(&disk->dev.fe, m, true);

	if (err != -EREMOTEIO && err != -EPIPE)
		fail_msg("message %u: %d instead of a refusal (%s)", m->hdr.id,
			 err, disk->dev.fe.err);
}

static bool closed(struct disk *disk)
{
	struct pollfd p = { .fd = disk->dev.fe.sock, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLRDHUP | POLLHUP);
}

/* Every id with every size: refused or right, never stuck. */
static void every_id_and_size(void **state)
{
	static const u32 sizes[] = { 0, 1, 4, 7, 8, 9, 12, 16, 24, 39, 40, 41,
				     72, 264, 268, 269, 4096 };
	struct disk *disk = greet();
	unsigned int i;
	u32 id;
	int err;

	(void)state;
	for (id = 0; id < 52; id++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct vu_msg m = {
				.hdr = { .id = id,
					 .flags = VU_VERSION |
						  VU_FLAG_NEED_REPLY,
					 .size = sizes[i] },
			};

			if (closed(disk)) {
				disk_close(disk);
				disk = greet();
			}
			fe_ok(&disk->dev.fe, vu_fe_send(&disk->dev.fe, &m));
			err = vu_fe_recv(&disk->dev.fe, &m);
			if (err && err != -EPIPE)
				fail_msg("message %u, size %u: %s", id,
					 sizes[i], disk->dev.fe.err);
			if (err) {
				disk_close(disk);
				disk = greet();
			}
		}
	}
	disk_close(disk);
}

static void unknown_ids(void **state)
{
	static const u32 ids[] = { 0, 46, 47, 63, 64, 255, 256, 65535,
				   0x7fffffff, 0x80000000, 0xffffffff };
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct vu_msg m = { .hdr.id = ids[i] };

		disk = greet();
		expect_refused(disk, &m);
		disk_close(disk);
	}
}

/* virtio and vhost-user: only version 1, never a reply from us. */
static void wrong_flags(void **state)
{
	static const u32 flags[] = { 0, 2, 3, VU_VERSION | VU_FLAG_REPLY };
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct vu_msg m = {
			.hdr = { .id = VU_GET_FEATURES, .flags = flags[i] },
		};

		disk = greet();
		fe_ok(&disk->dev.fe, vu_fe_send(&disk->dev.fe, &m));
		fe_ok(&disk->dev.fe, vu_fe_closed(&disk->dev.fe));
		disk_close(disk);
	}
}

static void size_beyond_all(void **state)
{
	static const u32 sizes[] = { 4097, 65536, 0x7fffffff, 0xffffffff };
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct vu_hdr hdr = { .id = VU_SET_FEATURES,
				      .flags = VU_VERSION,
				      .size = sizes[i] };

		disk = greet();
		assert_int_equal(send(disk->dev.fe.sock, &hdr, sizeof(hdr), 0),
				 sizeof(hdr));
		fe_ok(&disk->dev.fe, vu_fe_closed(&disk->dev.fe));
		disk_close(disk);
	}
}

static void send_slowly(int sock, const void *buf, size_t len)
{
	const u8 *byte = buf;

	while (len--) {
		assert_int_equal(send(sock, byte++, 1, MSG_NOSIGNAL), 1);
		usleep(500);
	}
}

static void byte_by_byte(void **state)
{
	struct disk *disk = greet();
	struct vu_fe *fe = &disk->dev.fe;
	struct vu_msg m = {
		.hdr = { .id = VU_SET_FEATURES,
			 .flags = VU_VERSION | VU_FLAG_NEED_REPLY,
			 .size = sizeof(u64) },
	};

	(void)state;
	m.p.u64 = fe->features;
	send_slowly(fe->sock, &m.hdr, sizeof(m.hdr));
	send_slowly(fe->sock, &m.p, sizeof(u64));
	fe_ok(fe, vu_fe_recv(fe, &m));
	assert_int_equal(m.hdr.id, VU_SET_FEATURES);
	assert_true(m.p.u64 == 0);
	disk_start(disk);
	disk_works(disk);
	disk_close(disk);
}

/* Many messages in one write, the last one cut. */
static void all_at_once(void **state)
{
	struct disk *disk = greet();
	struct vu_fe *fe = &disk->dev.fe;
	struct vu_hdr hdr[40];
	unsigned int i;
	struct vu_msg m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(hdr); i++)
		hdr[i] = (struct vu_hdr){ VU_GET_FEATURES, VU_VERSION, 0 };
	assert_int_equal(send(fe->sock, hdr, sizeof(hdr) - 5, 0),
			 sizeof(hdr) - 5);
	for (i = 0; i + 1 < ARRAY_SIZE(hdr); i++) {
		fe_ok(fe, vu_fe_recv(fe, &m));
		assert_int_equal(m.hdr.id, VU_GET_FEATURES);
		assert_true(m.p.u64 == fe->offered);
	}
	send_slowly(fe->sock, (u8 *)hdr + sizeof(hdr) - 5, 5);
	fe_ok(fe, vu_fe_recv(fe, &m));
	disk_close(disk);
}

/* Hang up after each byte of a message that has a descriptor. */
static void cut_anywhere(void **state)
{
	struct vu_msg m = {
		.hdr = { .id = VU_SET_VRING_CALL,
			 .flags = VU_VERSION,
			 .size = sizeof(u64) },
	};
	char ctl[CMSG_SPACE(sizeof(int))] = { 0 };
	struct disk *disk;
	u8 bytes[20];
	size_t len;

	(void)state;
	memcpy(bytes, &m.hdr, 12);
	memset(bytes + 12, 0, 8);
	for (len = 1; len < sizeof(bytes); len++) {
		struct iovec iov = { bytes, len };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = ctl,
				      .msg_controllen = sizeof(ctl) };
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		int fd = eventfd(0, EFD_CLOEXEC);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		disk = greet();
		assert_int_equal(sendmsg(disk->dev.fe.sock, &msg, 0), len);
		close(fd);
		if (len & 1)
			usleep(1000);
		disk_close(disk);
	}
}

/* 8. Too many descriptors, and descriptors where none belong. */
static void unwanted_fds(void **state)
{
	static const struct {
		u32 id;
		u32 size;
	} kinds[] = {
		{ VU_GET_FEATURES, 0 },	       { VU_SET_FEATURES, 8 },
		{ VU_SET_OWNER, 0 },	       { VU_GET_PROTOCOL_FEATURES, 0 },
		{ VU_SET_VRING_NUM, 8 },       { VU_SET_VRING_ADDR, 40 },
		{ VU_GET_VRING_BASE, 8 },      { VU_SET_VRING_ENABLE, 8 },
		{ VU_GET_CONFIG, 20 },	       { VU_GET_MAX_MEM_SLOTS, 0 },
		{ VU_SET_VRING_CALL, 8 },      { VU_SET_VRING_KICK, 8 },
		{ VU_SET_BACKEND_REQ_FD, 0 },  { VU_ADD_MEM_REG, 40 },
		{ 50, 8 },
	};
	static const unsigned int counts[] = { 2, 8, 16 };
	struct disk *disk;
	unsigned int c;
	unsigned int f;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (c = 0; c < ARRAY_SIZE(counts); c++) {
			struct vu_msg m = {
				.hdr = { .id = kinds[i].id,
					 .size = kinds[i].size },
				.num_fds = counts[c],
			};

			for (f = 0; f < m.num_fds; f++)
				m.fds[f] = STDERR_FILENO;
			disk = greet();
			expect_refused(disk, &m);
			disk_close(disk);
		}
	}
}

/* As many as the kernel lets through in one message, many times. */
static void flood_of_fds(void **state)
{
	enum { COUNT = 250 };
	char ctl[CMSG_SPACE(COUNT * sizeof(int))] = { 0 };
	struct vu_hdr hdr = { VU_SET_VRING_CALL, VU_VERSION, 8 };
	struct disk *disk;
	unsigned int round;
	int fds[COUNT];
	unsigned int i;

	(void)state;
	for (i = 0; i < COUNT; i++)
		fds[i] = STDERR_FILENO;
	for (round = 0; round < 20; round++) {
		struct iovec iov = { &hdr, sizeof(hdr) };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = ctl,
				      .msg_controllen = sizeof(ctl) };
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(c), fds, sizeof(fds));
		disk = greet();
		assert_true(sendmsg(disk->dev.fe.sock, &msg, 0) > 0);
		fe_ok(&disk->dev.fe, vu_fe_closed(&disk->dev.fe));
		disk_close(disk);
	}
}

static void missing_fds(void **state)
{
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct vu_msg m[] = {
			{ .hdr = { .id = VU_SET_VRING_KICK, .size = 8 } },
			{ .hdr = { .id = VU_SET_BACKEND_REQ_FD } },
			{ .hdr = { .id = VU_ADD_MEM_REG, .size = 40 },
			  .p.reg.region = { 1 << 30, 4096, 1 << 30, 0 } },
			{ .hdr = { .id = VU_SET_MEM_TABLE, .size = 8 + 32 },
			  .p.table = { .count = 1,
				       .region[0] = { 0, 4096, 4096, 0 } } },
		};

		disk = greet();
		expect_refused(disk, &m[i]);
		disk_close(disk);
	}
}

/* Queue numbers 0 to 255 and beyond, in each message that has one. */
static void queue_numbers(void **state)
{
	static const u32 states[] = { VU_SET_VRING_NUM, VU_SET_VRING_BASE,
				      VU_SET_VRING_ENABLE, VU_SET_VRING_ADDR };
	static const u32 far[] = { 256, 257, 65535, 65536, 0x7fffffff,
				   0xffffffff };
	struct disk *disk = greet();
	unsigned int k;
	u32 index;
	u32 i;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(states); k++) {
		for (i = DISK_QUEUES; i < 256 + ARRAY_SIZE(far); i++) {
			struct vu_msg m = {
				.hdr = { .id = states[k],
					 .size = states[k] == VU_SET_VRING_ADDR ?
							 40 : 8 },
			};

			index = i < 256 ? i : far[i - 256];
			m.p.state = (struct vu_vring_state){ index, 1 };
			if (states[k] == VU_SET_VRING_ADDR)
				m.p.addr = (struct vu_vring_addr){
					.index = index
				};
			expect_refused(disk, &m);
			if (closed(disk)) {
				disk_close(disk);
				disk = greet();
			}
		}
	}
	disk_close(disk);
}

static void queue_numbers_with_fds(void **state)
{
	static const u32 ids[] = { VU_SET_VRING_KICK, VU_SET_VRING_CALL,
				   VU_SET_VRING_ERR };
	struct disk *disk = greet();
	unsigned int k;
	u32 i;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(ids); k++) {
		for (i = DISK_QUEUES; i < 256; i++) {
			struct vu_msg m = { .hdr = { .id = ids[k], .size = 8 },
					    .num_fds = 1,
					    .fds[0] = STDERR_FILENO };

			m.p.u64 = i;
			expect_refused(disk, &m);
			if (closed(disk)) {
				disk_close(disk);
				disk = greet();
			}
		}
	}
	disk_close(disk);
}

static void base_of_no_queue(void **state)
{
	static const u32 index[] = { DISK_QUEUES, 255, 256, 0xffffffff };
	struct disk *disk;
	unsigned int i;
	u32 base;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(index); i++) {
		disk = greet();
		assert_int_not_equal(vu_fe_get_vring_base(&disk->dev.fe,
							  index[i], &base),
				     0);
		disk_close(disk);
	}
}

/* 7. Ring sizes. */
static struct vu_msg vring_num(u32 num)
{
	return (struct vu_msg){ .hdr = { .id = VU_SET_VRING_NUM, .size = 8 },
				.p.state = { 0, num } };
}

/* What the front end has acknowledged when it says how long a ring is. */
static void acknowledge(struct disk *disk, u64 more)
{
	struct vu_msg m = { .hdr = { .id = VU_SET_FEATURES, .size = 8 },
			    .p.u64 = disk->dev.fe.features | more };

	fe_ok(&disk->dev.fe, vu_fe_command(&disk->dev.fe, &m, true));
}

static void ring_sizes(void **state)
{
	static const u32 bad[] = { 0, 32769, 65535, 65536, 1u << 31,
				   0xffffffff };
	static const u32 odd[] = { 3, 5, 255, 257, 1000 };
	struct disk *disk;
	struct vu_msg m;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		disk = greet();
		if (i & 1)
			acknowledge(disk, DRV_PACKED);
		m = vring_num(bad[i]);
		expect_refused(disk, &m);
		disk_close(disk);
	}
	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		disk = greet();
		acknowledge(disk, 0);
		m = vring_num(odd[i]);
		expect_refused(disk, &m);
		disk_close(disk);

		disk = greet();
		acknowledge(disk, DRV_PACKED);
		m = vring_num(odd[i]);
		fe_ok(&disk->dev.fe, vu_fe_command(&disk->dev.fe, &m, true));
		disk_close(disk);
	}
}

static void ring_addresses(void **state)
{
	struct disk *disk = greet();
	const struct vu_ring good = disk->dev.vq[0].ring;
	const u64 end = disk->dev.mem.region[0].uva +
			disk->dev.mem.region[0].size;
	const struct {
		u64 desc;
		u64 avail;
		u64 used;
	} bad[] = {
		{ good.desc + 8, good.avail, good.used },
		{ good.desc, good.avail + 1, good.used },
		{ good.desc, good.avail, good.used + 2 },
		{ UINT64_MAX - 15, good.avail, good.used },
		{ good.desc, UINT64_MAX - 1, good.used },
		{ good.desc, good.avail, UINT64_MAX - 3 },
		{ end - 16, good.avail, good.used },
		{ good.desc, end - 2, good.used },
		{ good.desc, good.avail, end - 4 },
		{ end, end, end },
	};
	struct vu_ring ring;
	unsigned int i;
	int err;

	(void)state;
	disk_close(disk);
	/* Misaligned: refused.  Elsewhere: refused or never served. */
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct drv_dev_conf conf = { .ack_all = true,
						   .timeout_ms = 30 };

		disk = disk_connect(fx.disk, &conf);
		ring = disk->dev.vq[0].ring;
		ring.desc = bad[i].desc;
		ring.avail = bad[i].avail;
		ring.used = bad[i].used;
		err = vu_fe_start(&disk->dev.fe, &disk->dev.mem, &ring, 1, 4,
				  NULL);
		if (err != -EREMOTEIO && err != -EPIPE && (err || i < 3))
			fail_msg("addresses %u: %d instead of a refusal", i,
				 err);
		if (!err)
			assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_FLUSH, 0,
						 0, 0),
					 -ETIMEDOUT);
		disk_close(disk);
	}
}

/* Changing a ring that runs: it stops or goes on, but with sane values. */
static void change_while_running(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct vu_fe *fe = &disk->dev.fe;
	struct drv_vq *vq = &disk->dev.vq[0];
	unsigned int i;
	u32 base;

	(void)state;
	for (i = 0; i < 50; i++) {
		disk->req.type = VIRTIO_BLK_T_IN;
		disk->req.num_data = 1;
		disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
		drv_vq_reset(vq);
		while (!drv_blk_add(vq, &disk->req, 0))
			;
		drv_vq_kick(vq);
		vu_fe_vring_num(fe, 0, 1u << (i % 12));
		vu_fe_vring_addr(fe, &vq->ring);
		vu_fe_vring_base(fe, 0, i * 7);
		vu_fe_vring_fd(fe, VU_SET_VRING_KICK, 0, vq->ring.kick_fd);
		if (vu_fe_get_vring_base(fe, 0, &base)) {
			disk_close(disk);
			disk = disk_open(fx.disk, NULL);
			fe = &disk->dev.fe;
			vq = &disk->dev.vq[0];
		}
	}
	disk_close(disk);
}

static void features_not_offered(void **state)
{
	struct disk *disk;
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		struct vu_msg m = { .hdr = { .id = VU_SET_FEATURES,
					     .size = 8 } };

		disk = greet();
		if (!(disk->dev.fe.offered & BIT_ULL(bit))) {
			m.p.u64 = disk->dev.fe.features | BIT_ULL(bit);
			expect_refused(disk, &m);
		}
		disk_close(disk);
	}
}

static void protocol_features_not_offered(void **state)
{
	struct disk *disk;
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		struct vu_msg m = { .hdr = { .id = VU_SET_PROTOCOL_FEATURES,
					     .size = 8 } };

		disk = greet();
		if (!(disk->dev.fe.proto_offered & BIT_ULL(bit))) {
			m.p.u64 = disk->dev.fe.proto | BIT_ULL(bit);
			expect_refused(disk, &m);
		}
		disk_close(disk);
	}
}

/* shared/design: offer only what is implemented; QEMU acknowledges anything. */
static void offers_nothing_unknown(void **state)
{
	struct disk *disk = greet();

	(void)state;
	assert_true(!(disk->dev.fe.offered &
		      ~(DRV_RING_FEATURES | DRV_RING_OPTIONS |
			BIT_ULL(VU_F_LOG_ALL) |
			DRV_BLK_FEATURES)));
	assert_true(!(disk->dev.fe.proto_offered & ~DRV_PROTO_FEATURES));
	disk_close(disk);
}

/* A disk's driver without config space would not know its size. */
static void disk_needs_config(void **state)
{
	const struct drv_dev_conf conf = {
		/* A device whose log is not yet rate-limited. */
		.path = fx.ro,
		.no_proto = BIT_ULL(VU_P_CONFIG),
		.features = DRV_BLK_FEATURES,
		.timeout_ms = 2000,
	};
	struct drv_dev dev;

	(void)state;
	if (!drv_dev_open(&dev, &conf)) {
		drv_dev_close(&dev);
		fail_msg("a front end without CONFIG was served");
	}
	assert_non_null(strstr(daemon_log_text(&fx.daemon), "CONFIG"));
}

static void config_bounds(void **state)
{
	static const struct {
		u32 off;
		u32 size;
	} bad[] = { { 256, 1 },	 { 255, 2 },	      { 0xffffffff, 1 },
		    { 1, 256 },	 { 0xfffffff0, 32 }, { 200, 100 } };
	struct disk *disk = disk_open(fx.disk, NULL);
	u8 byte = 1;
	u8 buf[256];
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(vu_fe_get_config(&disk->dev.fe,
						      bad[i].off, bad[i].size,
						      buf),
				     0);
	/* The capacity is not the driver's to write. */
	for (i = 0; i < 8; i++)
		assert_int_equal(vu_fe_set_config(&disk->dev.fe, i, 1, &byte),
				 -EREMOTEIO);
	disk_works(disk);
	disk_close(disk);
}

/* The size in the header and the one in the payload differ. */
static void config_two_sizes(void **state)
{
	struct disk *disk;
	u32 claimed;

	(void)state;
	for (claimed = 0; claimed < 300; claimed += 13) {
		struct vu_msg m = {
			.hdr = { .id = VU_GET_CONFIG,
				 .flags = VU_VERSION,
				 .size = 12 + 8 },
			.p.config = { .offset = 0, .size = claimed },
		};

		disk = greet();
		fe_ok(&disk->dev.fe, vu_fe_send(&disk->dev.fe, &m));
		if (!vu_fe_recv(&disk->dev.fe, &m))
			assert_in_range(m.hdr.size, 0, 12 + 256);
		disk_close(disk);
	}
}

/* Right messages in any order, with right and wrong values. */
static void random_message(struct disk *disk, unsigned int *seed)
{
	struct vu_fe *fe = &disk->dev.fe;
	const struct drv_vq *vq = &disk->dev.vq[0];
	u32 index = (u32)rand_r(seed) % 6;
	u32 base;
	u8 buf[8];

	switch (rand_r(seed) % 14) {
	case 0:
		vu_fe_vring_num(fe, index, 1u << (rand_r(seed) % 17));
		break;
	case 1:
		vu_fe_vring_base(fe, index, (u32)rand_r(seed) % 70000);
		break;
	case 2:
		vu_fe_vring_addr(fe, &vq->ring);
		break;
	case 3:
		vu_fe_vring_enable(fe, index, rand_r(seed) & 1);
		break;
	case 4:
		vu_fe_vring_fd(fe, VU_SET_VRING_KICK, index,
			       rand_r(seed) & 1 ? vq->ring.kick_fd : -1);
		break;
	case 5:
		vu_fe_vring_fd(fe, VU_SET_VRING_CALL, index,
			       rand_r(seed) & 1 ? vq->ring.call_fd : -1);
		break;
	case 6:
		vu_fe_vring_fd(fe, VU_SET_VRING_ERR, index, vq->ring.err_fd);
		break;
	case 7:
		vu_fe_get_vring_base(fe, index, &base);
		break;
	case 8:
		vu_fe_set_u64(fe, VU_SET_FEATURES, fe->features);
		break;
	case 9:
		vu_fe_set_mem_table(fe, &disk->dev.mem);
		break;
	case 10:
		vu_fe_add_mem_reg(fe, &disk->dev.mem.region[0]);
		break;
	case 11:
		vu_fe_rem_mem_reg(fe, &disk->dev.mem.region[0]);
		break;
	case 12:
		vu_fe_get_config(fe, 0, sizeof(buf), buf);
		break;
	case 13:
		drv_vq_kick_always(&disk->dev.vq[0]);
		break;
	}
}

static void any_order(void **state)
{
	const struct drv_dev_conf conf = { .ack_all = true,
					   .queue_size = 64,
					   .timeout_ms = 2000 };
	unsigned int seed = fixture_seed();
	unsigned int round;
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (round = 0; round < 150; round++) {
		disk = disk_connect(fx.disk, &conf);
		if (round & 1)
			disk_start(disk);
		for (i = 0; i < 40 && !closed(disk); i++)
			random_message(disk, &seed);
		disk_close(disk);
	}
	disk = disk_open(fx.disk, NULL);
	disk_works(disk);
	disk_close(disk);
}

/* A second front end waits or is turned away; the first does not notice. */
static void two_front_ends(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct vu_fe other[5];
	struct vu_msg m = { .hdr = { .id = VU_GET_FEATURES,
				     .flags = VU_VERSION } };
	unsigned int i;
	struct disk *next;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(other); i++) {
		vu_fe_init(&other[i]);
		other[i].timeout_ms = 100;
		if (!vu_fe_connect(&other[i], fx.disk))
			vu_fe_send(&other[i], &m);
	}
	disk_works(disk);
	for (i = 0; i < ARRAY_SIZE(other); i++)
		vu_fe_close(&other[i]);
	disk_works(disk);
	disk_close(disk);
	next = disk_open(fx.disk, NULL);
	disk_works(next);
	disk_close(next);
}

/* 15. Ask and ask and never read an answer. */
static void never_reads(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct vu_hdr hdr = { VU_GET_FEATURES, VU_VERSION, 0 };
	int sock = disk->dev.fe.sock;
	unsigned int quiet = 0;
	unsigned int i;
	u64 cpu;

	(void)state;
	for (i = 0; i < 1000000 && quiet < 20; i++) {
		if (send(sock, &hdr, sizeof(hdr), MSG_DONTWAIT) > 0) {
			quiet = 0;
			continue;
		}
		quiet++;
		usleep(2000);
	}
	assert_int_equal(quiet, 20);
	/* Its own queues and the other device go on, and nobody spins. */
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0, disk->buf, 4096),
			 VIRTIO_BLK_S_OK);
	usleep(50000);
	cpu = daemon_cpu_ns(&fx.daemon);
	usleep(300000);
	assert_true(daemon_cpu_ns(&fx.daemon) - cpu < 10000000);
	disk_close(disk);
}

/* The back end's own channel is never read either. */
static void channel_never_read(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < 300; i++)
		fe_ok(&disk->dev.fe, vu_fe_open_channel(&disk->dev.fe));
	disk_works(disk);
	disk_close(disk);
}

static void message_flood(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < 3000; i++)
		fe_ok(&disk->dev.fe,
		      vu_fe_vring_enable(&disk->dev.fe, 0, i & 1));
	fe_ok(&disk->dev.fe, vu_fe_sync(&disk->dev.fe));
	disk_works(disk);
	disk_close(disk);
}

/* 15. What a front end can cause again and again must not flood the log. */
static void log_flood(void **state)
{
	struct disk *disk = greet();
	size_t before = strlen(daemon_log_text(&fx.daemon));
	unsigned int i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		struct vu_msg m = { .hdr = { .id = 51 } };

		if (vu_fe_command(&disk->dev.fe, &m, true) == -EPIPE) {
			disk_close(disk);
			disk = greet();
		}
	}
	assert_in_range(strlen(daemon_log_text(&fx.daemon)) - before, 0, 8000);
	disk_close(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, fixture_after)
		T(every_id_and_size),
		T(unknown_ids),
		T(wrong_flags),
		T(size_beyond_all),
		T(byte_by_byte),
		T(all_at_once),
		T(cut_anywhere),
		T(unwanted_fds),
		T(flood_of_fds),
		T(missing_fds),
		T(queue_numbers),
		T(queue_numbers_with_fds),
		T(base_of_no_queue),
		T(ring_sizes),
		T(ring_addresses),
		T(change_while_running),
		T(features_not_offered),
		T(protocol_features_not_offered),
		T(offers_nothing_unknown),
		T(disk_needs_config),
		T(config_bounds),
		T(config_two_sizes),
		T(any_order),
		T(two_front_ends),
		T(never_reads),
		T(channel_never_read),
		T(message_flood),
		T(log_flood),
#undef T
	};

	return fixture_run("msg", tests, ARRAY_SIZE(tests));
}
