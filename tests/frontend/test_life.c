// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_life - front ends that come and go, floods, idleness, the end
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 200
/* Anonymous memory that may come and stay: arenas, caches, not a leak. */
#define RSS_SLACK_KIB 1024

static const struct drv_dev_conf four_queues = {
	.num_queues = 4,
	.layout = { .regions = 2, .size = 16u << 20 },
};

/* Fill all queues with reads and writes and kick. */
static void fill_queues(struct disk *disk)
{
	struct drv_blk_req *req = &disk->req;
	unsigned int q;

	for (q = 0; q < disk->dev.conf.num_queues; q++) {
		req->type = q & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
		req->sector = 40000;
		req->num_data = 1;
		req->data[0] = (struct drv_sg){ disk->buf, 65536 };
		while (!drv_blk_add(&disk->dev.vq[q], req, 0))
			;
		drv_vq_kick(&disk->dev.vq[q]);
	}
}

/* The daemon's own memory must not grow with the rounds. */
static void expect_no_growth(void (*round)(unsigned int i))
{
	const bool sanitized = strstr(daemon_program(), "asan");
	unsigned int i;
	long before;

	for (i = 0; i < ROUNDS / 4; i++)
		round(i);
	assert_true(fixture_settled());
	before = daemon_rss_kib(&fx.daemon);
	for (i = 0; i < ROUNDS; i++)
		round(i);
	assert_true(fixture_settled());
	/* ASan keeps freed memory in quarantine. */
	if (!sanitized)
		assert_in_range(daemon_rss_kib(&fx.daemon), 0,
				before + RSS_SLACK_KIB);
}

static void reconnect_round(unsigned int i)
{
	struct disk *disk = disk_open(fx.disk, &four_queues);

	if (i % 20 == 0)
		disk_works(disk);
	disk_close(disk);
}

static void reconnect_200_times(void **state)
{
	(void)state;
	expect_no_growth(reconnect_round);
}

static void cut_round(unsigned int i)
{
	struct disk *disk = disk_open(fx.disk, &four_queues);

	fill_queues(disk);
	if (i & 1)
		usleep(i % 16 * 50);
	disk_close(disk);
}

/* Requests are in flight when the connection ends. */
static void disconnect_under_load_200_times(void **state)
{
	struct disk *disk;

	(void)state;
	expect_no_growth(cut_round);
	disk = disk_open(fx.disk, NULL);
	disk_works(disk);
	disk_close(disk);
}

/* QEMU's order of messages, cut off after each one of them. */
static int step(struct disk *disk, unsigned int n)
{
	struct vu_fe *fe = &disk->dev.fe;
	const struct vu_ring *ring = &disk->dev.vq[0].ring;
	u32 base;

	switch (n) {
	case 0:
		return vu_fe_vring_fd(fe, VU_SET_VRING_CALL, 0, ring->call_fd);
	case 1:
		return vu_fe_vring_fd(fe, VU_SET_VRING_ERR, 0, ring->err_fd);
	case 2:
		return vu_fe_set_u64(fe, VU_SET_FEATURES, fe->features);
	case 3:
		return vu_fe_share_memory(fe, &disk->dev.mem);
	case 4:
		return vu_fe_vring_num(fe, 0, ring->num);
	case 5:
		return vu_fe_vring_base(fe, 0, 0);
	case 6:
		return vu_fe_vring_addr(fe, ring);
	case 7:
		return vu_fe_vring_fd(fe, VU_SET_VRING_KICK, 0, ring->kick_fd);
	case 8:
		return vu_fe_vring_enable(fe, 0, true);
	case 9:
		fill_queues(disk);
		return 0;
	case 10:
		return vu_fe_vring_enable(fe, 0, false);
	case 11:
		return vu_fe_vring_enable(fe, 0, true);
	case 12:
		return vu_fe_get_vring_base(fe, 0, &base);
	default:
		return -ENOENT;
	}
}

#define STEPS 13

static void step_round(unsigned int i)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	unsigned int n;

	for (n = 0; n <= i % STEPS; n++)
		fe_ok(&disk->dev.fe, step(disk, n));
	disk_close(disk);
}

static void disconnect_at_each_step(void **state)
{
	(void)state;
	expect_no_growth(step_round);
}

static void connect_round(unsigned int i)
{
	struct vu_fe fe;
	u64 value;

	vu_fe_init(&fe);
	fe_ok(&fe, vu_fe_connect(&fe, fx.disk));
	if (i & 1)
		fe_ok(&fe, vu_fe_get_u64(&fe, VU_GET_FEATURES, &value));
	vu_fe_close(&fe);
}

static void connect_and_hang_up(void **state)
{
	(void)state;
	expect_no_growth(connect_round);
}

/* Connected and idle costs nothing: not one tick in two seconds. */
static void idle_takes_no_cpu(void **state)
{
	struct disk *disk = disk_open(fx.disk, &four_queues);
	struct disk *null = disk_open(fx.null, &four_queues);
	u64 before;
	u64 spent;

	(void)state;
	disk_works(disk);
	fill_queues(null);
	usleep(100000);
	before = daemon_cpu_ns(&fx.daemon);
	assert_true(before > 0);
	sleep(2);
	spent = daemon_cpu_ns(&fx.daemon) - before;
	if (spent > 1000000)
		fail_msg("idle, but %llu us of CPU in 2 s",
			 (unsigned long long)spent / 1000);
	disk_close(null);
	disk_close(disk);
}

struct flood {
	struct disk *disk;
	bool stop;
};

static void *kick_flood(void *arg)
{
	struct flood *flood = arg;

	while (!__atomic_load_n(&flood->stop, __ATOMIC_RELAXED))
		drv_vq_kick_always(&flood->disk->dev.vq[1]);
	return NULL;
}

static u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000 + (u64)ts.tv_nsec / 1000;
}

/* 15. Kicks without end on one queue: others are served all the same. */
static void kick_flood_starves_nobody(void **state)
{
	const struct drv_dev_conf two = { .num_queues = 2 };
	struct flood flood = { .disk = disk_open(fx.disk, &two) };
	pthread_t thread;
	u64 worst = 0;
	unsigned int i;
	u64 start;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, kick_flood, &flood), 0);
	for (i = 0; i < 200; i++) {
		start = now_us();
		assert_int_equal(disk_io(flood.disk, 0, VIRTIO_BLK_T_IN, 0,
					 flood.disk->buf, 4096),
				 VIRTIO_BLK_S_OK);
		worst = max(worst, now_us() - start);
	}
	__atomic_store_n(&flood.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	/* Far above a scheduler's turn, far below starvation. */
	assert_in_range(worst, 0, 500000);
	disk_works(flood.disk);
	disk_close(flood.disk);
}

/* A queue without a kick eventfd is polled. */
static void no_kick_fd(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	struct drv_vq *vq = &disk->dev.vq[0];
	const int kick_fd = vq->ring.kick_fd;
	struct drv_used used;

	(void)state;
	vq->ring.kick_fd = -1;
	disk_start(disk);
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
	assert_int_equal(drv_blk_add(vq, &disk->req, 0), 0);
	drv_vq_publish(vq);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 2000), 1);
	assert_int_equal(drv_blk_status(&disk->req), VIRTIO_BLK_S_OK);
	vq->ring.kick_fd = kick_fd;
	disk_close(disk);
}

/* The other end of the kick eventfd is anything but an eventfd. */
static void odd_kick_fds(void **state)
{
	struct disk *disk;
	unsigned int i;
	int pipes[2];
	int fds[4];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	fds[0] = pipes[0];
	fds[1] = pipes[1];
	fds[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[3] = eventfd(0xfffffffe, EFD_CLOEXEC);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		disk = disk_open(fx.disk, NULL);
		vu_fe_vring_fd(&disk->dev.fe, VU_SET_VRING_KICK, 0, fds[i]);
		vu_fe_vring_fd(&disk->dev.fe, VU_SET_VRING_CALL, 0, fds[i]);
		vu_fe_vring_fd(&disk->dev.fe, VU_SET_VRING_ERR, 0, fds[i]);
		usleep(2000);
		fill_queues(disk);
		usleep(2000);
		disk_close(disk);
	}
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

/* A call eventfd whose counter is full must not block the worker. */
static void full_call_fd(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct drv_vq *vq = &disk->dev.vq[0];
	int fd = eventfd(0, EFD_CLOEXEC);
	unsigned int i;

	(void)state;
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	fe_ok(&disk->dev.fe,
	      vu_fe_vring_fd(&disk->dev.fe, VU_SET_VRING_CALL, 0, fd));
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
	for (i = 0; i < 20; i++) {
		struct drv_used used;
		unsigned int ms;

		assert_int_equal(drv_blk_add(vq, &disk->req, 0), 0);
		drv_vq_kick(vq);
		for (ms = 0; ms < 2000 && !drv_vq_pending(vq); ms++)
			usleep(1000);
		assert_int_equal(drv_vq_reap(vq, &used), 1);
	}
	close(fd);
	disk_close(disk);
}

/* Three devices at a time, one of them cut off again and again. */
static void many_at_once(void **state)
{
	struct disk *disk = disk_open(fx.disk, &four_queues);
	struct disk *ro = disk_open(fx.ro, NULL);
	struct disk *null = disk_open(fx.null, &four_queues);
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		fill_queues(null);
		disk_works(disk);
		assert_int_equal(disk_io(ro, 0, VIRTIO_BLK_T_IN, 0, ro->buf,
					 4096),
				 VIRTIO_BLK_S_OK);
		disk_close(null);
		null = disk_open(fx.null, &four_queues);
	}
	disk_close(null);
	disk_close(ro);
	disk_close(disk);
}

/* SIGTERM with requests in flight: a quick and clean end, socket gone. */
static void sigterm_under_load(void **state)
{
	unsigned int round;
	struct disk *disk;
	u64 start;

	(void)state;
	drv_dev_close(&fx.witness);
	for (round = 0; round < 5; round++) {
		disk = disk_open(fx.disk, &four_queues);
		fill_queues(disk);
		start = now_us();
		assert_int_equal(daemon_stop(&fx.daemon, SIGTERM, 5000), 0);
		assert_in_range(now_us() - start, 0, 2000000);
		assert_int_not_equal(access(fx.disk, F_OK), 0);
		disk_close(disk);
		assert_int_equal(fixture_restart(), 0);
		drv_dev_close(&fx.witness);
	}
	assert_int_equal(daemon_stop(&fx.daemon, SIGTERM, 5000), 0);
	assert_int_equal(fixture_restart(), 0);
}

/* Killed and started again at the same place: the front end comes back. */
static void killed_and_restarted(void **state)
{
	unsigned int round;
	struct disk *disk;

	(void)state;
	disk = disk_open(fx.disk, &four_queues);
	for (round = 0; round < 5; round++) {
		fill_queues(disk);
		drv_dev_close(&fx.witness);
		daemon_stop(&fx.daemon, SIGKILL, 5000);
		assert_int_equal(fixture_restart(), 0);
		fe_ok(&disk->dev.fe, drv_dev_reconnect(&disk->dev));
		disk_works(disk);
	}
	disk_close(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, fixture_after)
		T(reconnect_200_times),
		T(disconnect_under_load_200_times),
		T(disconnect_at_each_step),
		T(connect_and_hang_up),
		T(idle_takes_no_cpu),
		T(kick_flood_starves_nobody),
		T(no_kick_fd),
		T(odd_kick_fds),
		T(full_call_fd),
		T(many_at_once),
		T(sigterm_under_load),
		T(killed_and_restarted),
#undef T
	};

	return fixture_run("life", tests, ARRAY_SIZE(tests));
}
