// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_reset - device status, reset, and the state that a migration carries
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drv_net.h"

#define DRIVER_OK 0xfu

#define WCE_OFFSET offsetof(struct virtio_blk_config, wce)

static struct drv_dev nic; /* of a test that has one; closed by after() */

static int before(void **state)
{
	(void)state;
	vu_fe_init(&nic.fe);
	return 0;
}

static int after(void **state)
{
	drv_dev_close(&nic);
	return fixture_after(state);
}

static u64 status_of(struct disk *disk)
{
	u64 status;

	fe_ok(&disk->dev.fe,
	      vu_fe_get_u64(&disk->dev.fe, VU_GET_STATUS, &status));
	return status;
}

static void set_status(struct disk *disk, u64 status)
{
	fe_ok(&disk->dev.fe,
	      vu_fe_set_u64(&disk->dev.fe, VU_SET_STATUS, status));
	fe_ok(&disk->dev.fe, vu_fe_sync(&disk->dev.fe));
}

static void add_read(struct disk *disk, unsigned int q)
{
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
	assert_int_equal(drv_blk_add(&disk->dev.vq[q], &disk->req, 0), 0);
	drv_vq_publish(&disk->dev.vq[q]);
	drv_vq_kick_always(&disk->dev.vq[q]);
}

/* What is made available now stays where it is. */
static void expect_stopped(struct disk *disk, unsigned int q)
{
	add_read(disk, q);
	fe_ok(&disk->dev.fe, vu_fe_sync(&disk->dev.fe));
	usleep(20000);
	assert_false(drv_vq_pending(&disk->dev.vq[q]));
}

static void status_is_kept(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	unsigned int s;

	(void)state;
	assert_int_equal(status_of(disk), 0);
	for (s = 1; s < 256; s++) {
		set_status(disk, s);
		assert_int_equal(status_of(disk), s);
	}
	disk_close(disk);
	/* A new connection is a new life. */
	disk = disk_connect(fx.disk, NULL);
	assert_int_equal(status_of(disk), 0);
	disk_start(disk);
	assert_int_equal(status_of(disk), DRIVER_OK);
	disk_works(disk);
	disk_close(disk);
}

static void status_too_large(void **state)
{
	static const u64 bad[] = { 0x100, 0x10f, UINT32_MAX, UINT64_MAX };
	struct disk *disk = disk_open(fx.disk, NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vu_msg m = { .hdr = { .id = VU_SET_STATUS, .size = 8 },
				    .p.u64 = bad[i] };

		assert_int_equal(vu_fe_command(&disk->dev.fe, &m, true),
				 -EREMOTEIO);
		assert_int_equal(status_of(disk), DRIVER_OK);
	}
	disk_works(disk);
	disk_close(disk);
}

/*
 * QEMU 7.2 pauses a guest so: status 0, rings off, then it asks for their
 * positions, and later goes on there.
 */
static void paused_by_status(void **state)
{
	const struct drv_dev_conf conf = { .num_queues = DISK_QUEUES };
	struct disk *disk = disk_open(fx.disk, &conf);
	struct vu_fe *fe = &disk->dev.fe;
	unsigned int round, q;
	struct drv_used used;

	(void)state;
	for (round = 0; round < 20; round++) {
		disk_works(disk);
		set_status(disk, 0);
		for (q = 0; q < DISK_QUEUES; q++)
			fe_ok(fe, vu_fe_vring_enable(fe, q, false));
		expect_stopped(disk, round % DISK_QUEUES);
		fe_ok(fe, drv_dev_stop(&disk->dev));
		disk_start(disk);
		assert_int_equal(drv_vq_reap_wait(&disk->dev.vq[round %
								DISK_QUEUES],
						  &used, 2000), 1);
		assert_int_equal(drv_blk_status(&disk->req), VIRTIO_BLK_S_OK);
	}
	disk_close(disk);
}

/* Without SET_FEATURES anew nothing runs, whatever is started. */
static void status_0_forgets_features(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct vu_fe *fe = &disk->dev.fe;

	(void)state;
	set_status(disk, 0);
	fe_ok(fe, vu_fe_get_vring_base(fe, 0, &vq->ring.base));
	fe_ok(fe, vu_fe_ring_start(fe, &vq->ring));
	fe_ok(fe, vu_fe_vring_enable(fe, 0, true));
	expect_stopped(disk, 0);
	disk_close(disk);
}

static void fill_queues(struct disk *disk)
{
	unsigned int q;

	for (q = 0; q < disk->dev.conf.num_queues; q++) {
		disk->req.type = q & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
		disk->req.sector = 30000;
		disk->req.num_data = 1;
		disk->req.data[0] = (struct drv_sg){ disk->buf, 65536 };
		while (!drv_blk_add(&disk->dev.vq[q], &disk->req, 0))
			;
		drv_vq_kick(&disk->dev.vq[q]);
	}
}

/* 16. Requests are in flight when the device is reset, either way. */
static void reset_under_load(void **state)
{
	const struct drv_dev_conf conf = { .num_queues = DISK_QUEUES };
	struct disk *disk = disk_open(fx.disk, &conf);
	struct vu_msg reset = { .hdr.id = VU_RESET_DEVICE };
	unsigned int round, q;
	u32 base;

	(void)state;
	for (round = 0; round < 100; round++) {
		fill_queues(disk);
		if (round & 1)
			usleep(round % 16 * 30);
		if (round & 2) {
			reset.hdr = (struct vu_hdr){ .id = VU_RESET_DEVICE };
			fe_ok(&disk->dev.fe, vu_fe_command(&disk->dev.fe,
							   &reset, true));
			fe_ok(&disk->dev.fe,
			      vu_fe_get_vring_base(&disk->dev.fe, 0, &base));
			assert_int_equal(base, 0);
		} else {
			set_status(disk, 0);
		}
		assert_int_equal(status_of(disk), 0);
		for (q = 0; q < DISK_QUEUES; q++) {
			drv_vq_reset(&disk->dev.vq[q]);
			disk->dev.vq[q].ring.base = 0;
		}
		/* QEMU, too, asks for another one then. */
		vu_record_close(&disk->dev.record);
		disk_start(disk);
		disk_works(disk);
	}
	disk_close(disk);
}

/* What the front end never says again must still be there. */
static void reset_keeps_what_is_not_repeated(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct vu_fe *fe = &disk->dev.fe;
	struct drv_vq *vq = &disk->dev.vq[0];
	struct vu_msg m = { .hdr.id = VU_RESET_DEVICE };

	(void)state;
	fe_ok(fe, vu_fe_command(fe, &m, true));
	expect_stopped(disk, 0);
	drv_vq_reset(vq);
	vq->ring.base = 0;
	/* No memory, no call eventfd. */
	fe_ok(fe, vu_fe_set_u64(fe, VU_SET_FEATURES, fe->features));
	fe_ok(fe, vu_fe_vring_num(fe, 0, vq->ring.num));
	fe_ok(fe, vu_fe_vring_base(fe, 0, 0));
	fe_ok(fe, vu_fe_vring_addr(fe, &vq->ring));
	fe_ok(fe, vu_fe_vring_fd(fe, VU_SET_VRING_KICK, 0, vq->ring.kick_fd));
	/* Rings are disabled by a reset. */
	expect_stopped(disk, 0);
	fe_ok(fe, vu_fe_vring_enable(fe, 0, true));
	assert_int_equal(drv_vq_reap_wait(vq, &(struct drv_used){ 0 }, 2000),
			 1);
	disk_works(disk);
	disk_close(disk);
}

static void reset_a_nic(void **state)
{
	const struct drv_dev_conf conf = {
		.path = fx.echo,
		.num_queues = 4,
		.group = 2,
		.features = DRV_NET_FEATURES,
	};
	const struct drv_net_conf pc = { .rx_len = 2048, .num_rx = 64 };
	static const struct virtio_net_hdr_v1 hdr;
	static u8 frame[DRV_NET_FRAME_MAX];
	struct virtio_net_hdr_v1 got;
	static struct drv_net net;
	unsigned int round, q;

	(void)state;
	fe_ok(&nic.fe, drv_dev_open(&nic, &conf));
	for (round = 0; round < 10; round++) {
		struct vu_msg m = { .hdr.id = VU_RESET_DEVICE };

		assert_int_equal(drv_net_init(&net, &nic, &pc), 0);
		assert_int_equal(drv_net_send(&net, &hdr, frame, 1000, NULL),
				 0);
		drv_vq_kick(net.tx);
		assert_int_equal(drv_net_recv(&net, &got, frame), 1000);
		fe_ok(&nic.fe, vu_fe_command(&nic.fe, &m, true));
		for (q = 0; q < 4; q++) {
			drv_vq_reset(&nic.vq[q]);
			nic.vq[q].ring.base = 0;
		}
		fe_ok(&nic.fe, drv_dev_start(&nic));
	}
}

/* Messages for a NIC alone are not offered to a disk, and the other way round. */
static void only_where_they_belong(void **state)
{
	const struct drv_dev_conf conf = {
		.path = fx.echo, .num_queues = 2, .group = 2,
		.features = DRV_NET_FEATURES,
	};
	struct vu_msg m[] = {
		{ .hdr = { .id = VU_SEND_RARP, .size = 8 }, .p.u64 = 2 },
		{ .hdr = { .id = VU_NET_SET_MTU, .size = 8 }, .p.u64 = 1500 },
	};
	struct vu_msg check = { .hdr.id = VU_CHECK_DEVICE_STATE };
	struct disk *disk = disk_connect(fx.disk, NULL);
	unsigned int i;

	(void)state;
	assert_false(vu_fe_has_proto(&disk->dev.fe, VU_P_RARP));
	assert_false(vu_fe_has_proto(&disk->dev.fe, VU_P_MTU));
	assert_true(vu_fe_has_proto(&disk->dev.fe, VU_P_DEVICE_STATE));
	for (i = 0; i < ARRAY_SIZE(m); i++)
		assert_int_equal(vu_fe_command(&disk->dev.fe, &m[i], true),
				 -EREMOTEIO);
	disk_close(disk);
	fe_ok(&nic.fe, drv_dev_open(&nic, &conf));
	assert_true(vu_fe_has_proto(&nic.fe, VU_P_RARP));
	assert_true(vu_fe_has_proto(&nic.fe, VU_P_MTU));
	assert_false(vu_fe_has_proto(&nic.fe, VU_P_DEVICE_STATE));
	assert_int_equal(vu_fe_command(&nic.fe, &check, true), -EREMOTEIO);
}

static int nic_u64(u32 id, u64 value)
{
	struct vu_msg m = { .hdr = { .id = id, .size = 8 }, .p.u64 = value };

	return vu_fe_command(&nic.fe, &m, true);
}

static void mtu_and_rarp_values(void **state)
{
	static const u64 good_mtu[] = { 68, 1500, 9000, 65535 };
	static const u64 bad_mtu[] = { 0, 1, 67, 65536, UINT32_MAX,
				       UINT64_MAX, 1ull << 32 | 1500 };
	/* First six bytes of the payload, little-endian here. */
	static const u64 bad_mac[] = { 0, 1, 0xffffffffffff, 0x5e0001,
				       0xffff000000000000 };
	const struct drv_dev_conf conf = {
		.path = fx.echo, .num_queues = 2, .group = 2,
		.features = DRV_NET_FEATURES,
	};
	unsigned int i;

	(void)state;
	fe_ok(&nic.fe, drv_dev_open(&nic, &conf));
	for (i = 0; i < ARRAY_SIZE(good_mtu); i++)
		assert_int_equal(nic_u64(VU_NET_SET_MTU, good_mtu[i]), 0);
	for (i = 0; i < ARRAY_SIZE(bad_mtu); i++)
		assert_int_equal(nic_u64(VU_NET_SET_MTU, bad_mtu[i]),
				 -EREMOTEIO);
	assert_int_equal(nic_u64(VU_SEND_RARP, 0x563412005452), 0);
	for (i = 0; i < ARRAY_SIZE(bad_mac); i++)
		assert_int_equal(nic_u64(VU_SEND_RARP, bad_mac[i]),
				 -EREMOTEIO);
}

/* The device's own state */

static u64 state_fd(struct disk *disk, u32 direction, u32 phase, int fd)
{
	struct vu_msg m = {
		.hdr = { .id = VU_SET_DEVICE_STATE_FD,
			 .size = sizeof(struct vu_state_desc) },
		.p.state_desc = { direction, phase },
		.fds[0] = fd,
		.num_fds = 1,
	};

	fe_ok(&disk->dev.fe, vu_fe_request(&disk->dev.fe, &m));
	assert_int_equal(m.hdr.size, 8);
	assert_int_equal(m.num_fds, 0);
	/* vhost-user: bit 8, no descriptor comes back */
	assert_true(m.p.u64 & 0x100);
	return m.p.u64 & 0xff;
}

static u64 check_state(struct disk *disk)
{
	u64 result;

	fe_ok(&disk->dev.fe, vu_fe_get_u64(&disk->dev.fe,
					   VU_CHECK_DEVICE_STATE, &result));
	return result;
}

static size_t save(struct disk *disk, u8 *buf, size_t size)
{
	int pipes[2];
	ssize_t n;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(state_fd(disk, 0, 0, pipes[1]), 0);
	close(pipes[1]);
	n = read(pipes[0], buf, size);
	assert_true(n > 0);
	assert_int_equal(read(pipes[0], buf + n, 1), 0);
	close(pipes[0]);
	assert_int_equal(check_state(disk), 0);
	return (size_t)n;
}

/* As the front end does: the data follows the reply, in pieces. */
static u64 load(struct disk *disk, const u8 *buf, size_t len, size_t piece)
{
	int pipes[2];
	size_t n;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(state_fd(disk, 1, 0, pipes[0]), 0);
	close(pipes[0]);
	while (len) {
		n = min(len, piece);
		assert_int_equal(write(pipes[1], buf, n), n);
		buf += n;
		len -= n;
	}
	close(pipes[1]);
	return check_state(disk);
}

static u8 wce_of(struct disk *disk)
{
	u8 wce;

	fe_ok(&disk->dev.fe,
	      vu_fe_get_config(&disk->dev.fe, WCE_OFFSET, 1, &wce));
	return wce;
}

static void set_wce(struct disk *disk, u8 wce)
{
	fe_ok(&disk->dev.fe,
	      vu_fe_set_config(&disk->dev.fe, WCE_OFFSET, 1, &wce));
}

/* A driver's choice of write cache goes where the guest goes. */
static void cache_choice_travels(void **state)
{
	struct disk *from = disk_open(fx.disk, NULL);
	struct disk *to = disk_connect(fx.null, NULL);
	u8 record[256];
	size_t len;
	u8 wce;

	(void)state;
	for (wce = 0; wce < 2; wce++) {
		set_wce(from, wce);
		set_wce(to, !wce);
		set_status(from, 0);
		len = save(from, record, sizeof(record));
		assert_int_equal(load(to, record, len, wce ? len : 1), 0);
		assert_int_equal(wce_of(to), wce);
		drv_vq_reset(&from->dev.vq[0]);
		disk_start(from);
	}
	disk_close(to);
	disk_close(from);
}

static void bad_records(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	static u8 bad[60000];
	u8 good[256];
	size_t len, i;

	(void)state;
	set_wce(disk, 1);
	len = save(disk, good, sizeof(good));
	for (i = 0; i < len; i++)
		assert_int_not_equal(load(disk, good, i, 7), 0);
	for (i = 0; i < len; i++) {
		memcpy(bad, good, len);
		bad[i] ^= 0x40;
		assert_int_not_equal(load(disk, bad, len, len), 0);
	}
	memcpy(bad, good, len);
	assert_int_not_equal(load(disk, bad, len + 1, len + 1), 0);
	assert_int_not_equal(load(disk, bad, sizeof(bad), 4096), 0);
	assert_int_equal(wce_of(disk), 1);
	assert_int_equal(load(disk, good, len, len), 0);
	disk_close(disk);
}

static void odd_transfers(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	int pipes[2];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	/* Nothing was begun. */
	assert_int_not_equal(check_state(disk), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_not_equal(state_fd(disk, 2, 0, pipes[1]), 0);
	assert_int_not_equal(state_fd(disk, 0, 1, pipes[1]), 0);
	assert_int_not_equal(state_fd(disk, UINT32_MAX, 0, pipes[1]), 0);
	/* The wrong end, and what is no pipe. */
	assert_int_not_equal(state_fd(disk, 0, 0, pipes[0]), 0);
	assert_int_not_equal(state_fd(disk, 1, 0, null), 0);
	/* No end yet; a second one begins; a third is cut off. */
	assert_int_equal(state_fd(disk, 1, 0, pipes[0]), 0);
	assert_int_not_equal(check_state(disk), 0);
	assert_int_equal(state_fd(disk, 1, 0, pipes[0]), 0);
	assert_int_equal(state_fd(disk, 1, 0, pipes[0]), 0);
	disk_close(disk);
	close(pipes[0]);
	close(pipes[1]);
	close(null);
}

/* vhost-user: the device is suspended while its state is transferred. */
static void not_while_running(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct vu_msg fd = {
		.hdr = { .id = VU_SET_DEVICE_STATE_FD, .size = 8 },
		.fds[0] = STDERR_FILENO,
		.num_fds = 1,
	};
	struct vu_msg check = { .hdr.id = VU_CHECK_DEVICE_STATE };

	(void)state;
	assert_int_equal(vu_fe_command(&disk->dev.fe, &fd, true), -EREMOTEIO);
	assert_int_equal(vu_fe_command(&disk->dev.fe, &check, true),
			 -EREMOTEIO);
	disk_works(disk);
	disk_close(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, before, after)
		T(status_is_kept),
		T(status_too_large),
		T(paused_by_status),
		T(status_0_forgets_features),
		T(reset_under_load),
		T(reset_keeps_what_is_not_repeated),
		T(reset_a_nic),
		T(only_where_they_belong),
		T(mtu_and_rarp_values),
		T(cache_choice_travels),
		T(bad_records),
		T(odd_transfers),
		T(not_while_running),
#undef T
	};

	return fixture_run("reset", tests, ARRAY_SIZE(tests));
}
