// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_sigbus - files that are mapped by the daemon are cut short under it
 *
 * This side's view of the same memory is gone as well, so a test touches only
 * what it left in place.  RAM is two regions: rings and request heads lie in
 * the first, and the second has room for what is to be lost.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MIB (1ull << 20)
#define RAM (16 * MIB)

static const struct drv_dev_conf two_regions = {
	.layout = { .regions = 2, .size = RAM },
};

static struct disk *running_disk(void)
{
	struct disk *disk = disk_open(fx.disk, &two_regions);

	disk_works(disk);
	return disk;
}

static void cut(struct disk *disk, unsigned int region, u64 size)
{
	assert_int_equal(
		ftruncate(disk->dev.mem.region[region].fd, (off_t)size), 0);
}

/* The front end makes it whole again and shares it as new. */
static void mend(struct disk *disk, unsigned int region)
{
	const struct vu_region *r = &disk->dev.mem.region[region];
	struct vu_fe *fe = &disk->dev.fe;

	cut(disk, region, RAM);
	fe_ok(fe, vu_fe_rem_mem_reg(fe, r));
	fe_ok(fe, vu_fe_add_mem_reg(fe, r));
}

/* As a driver does after a reset: the queue begins anew. */
static void queue_anew(struct disk *disk)
{
	struct drv_vq *vq = &disk->dev.vq[0];
	struct vu_fe *fe = &disk->dev.fe;

	fe_ok(fe, vu_fe_get_vring_base(fe, 0, &vq->ring.base));
	drv_vq_reset(vq);
	fe_ok(fe, vu_fe_ring_start(fe, &vq->ring));
}

/* The daemon's log from here on */
static size_t log_mark(void)
{
	return strlen(daemon_log_text(&fx.daemon));
}

static void expect_log(size_t mark, const char *text)
{
	unsigned int ms;

	for (ms = 0; ms < 3000; ms += 5) {
		if (strstr(daemon_log_text(&fx.daemon) + mark, text))
			return;
		usleep(5000);
	}
	fail_msg("no \"%s\" in the log", text);
}

/* The region that holds the ring: the queue breaks, and says which it was. */
static void ring_lost(void **state)
{
	struct disk *disk = running_disk();
	const size_t mark = log_mark();

	(void)state;
	cut(disk, 0, 0);
	drv_vq_kick_always(&disk->dev.vq[0]);
	expect_log(
		mark,
		"its file was cut short: region of 16777216 bytes at guest address 0x0");
	mend(disk, 0);
	queue_anew(disk);
	assert_int_equal(drv_blk_req_alloc(&disk->req, &disk->dev.mem), 0);
	disk_works(disk);
	disk_close(disk);
}

/* Setting up the queue is not enough while the memory is still the lost one. */
static void ring_anew_in_lost_memory(void **state)
{
	struct disk *disk = running_disk();
	struct vu_fe *fe = &disk->dev.fe;
	size_t mark = log_mark();

	(void)state;
	cut(disk, 0, 0);
	drv_vq_kick_always(&disk->dev.vq[0]);
	expect_log(mark, "cut short");
	cut(disk, 0, RAM);
	mark = log_mark();
	queue_anew(disk);
	expect_log(mark, "cut short");
	fe_ok(fe, vu_fe_rem_mem_reg(fe, &disk->dev.mem.region[0]));
	fe_ok(fe, vu_fe_add_mem_reg(fe, &disk->dev.mem.region[0]));
	queue_anew(disk);
	disk_works(disk);
	disk_close(disk);
}

/* The same by a new table, for front ends without memory slots. */
static void table_anew(void **state)
{
	struct drv_dev_conf conf = two_regions;
	struct vu_fe *fe;
	struct disk *disk;
	size_t mark;

	(void)state;
	conf.no_proto = BIT_ULL(VU_P_CONFIGURE_MEM_SLOTS);
	disk = disk_open(fx.disk, &conf);
	fe = &disk->dev.fe;
	disk_works(disk);
	mark = log_mark();
	cut(disk, 0, 0);
	drv_vq_kick_always(&disk->dev.vq[0]);
	expect_log(mark, "cut short");
	cut(disk, 0, RAM);
	fe_ok(fe, vu_fe_set_mem_table(fe, &disk->dev.mem));
	queue_anew(disk);
	disk_works(disk);
	disk_close(disk);
}

/* A request's header is gone: no order may be made up from zeroes. */
static void header_lost(void **state)
{
	struct disk *disk = running_disk();
	struct drv_vq *vq = &disk->dev.vq[0];
	const struct drv_sg sg[] = {
		{ RAM + 4 * MIB, 16 },
		{ disk->buf, 4096 },
		{ disk->buf + 8192, 1 },
	};
	const size_t mark = log_mark();
	struct drv_used used;

	(void)state;
	memset(vu_mem_hva(&disk->dev.mem, disk->buf, 4096), 0x5a, 4096);
	cut(disk, 1, 4096);
	assert_int_equal(drv_vq_add(vq, sg, 1, 2, 7), 0);
	drv_vq_kick(vq);
	expect_log(
		mark,
		"cut short: region of 16777216 bytes at guest address 0x1000000");
	assert_int_equal(drv_vq_reap(vq, &used), 0);
	disk_expect_byte(disk, disk->buf, 4096, 0x5a);
	mend(disk, 1);
	queue_anew(disk);
	disk_works(disk);
	disk_close(disk);
}

static void data_lost_on(const char *path, const struct drv_dev_conf *conf)
{
	struct disk *disk = disk_open(path, conf);

	disk_fill(disk, RAM, 65536, 3);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 512, RAM, 65536),
			 VIRTIO_BLK_S_OK);
	cut(disk, 1, 4096);
	/* What is left of it works; what is not is that request's error. */
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 512, RAM, 4096),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 512, RAM + 4096,
				 4096),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 512, RAM, 65536),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 2048, RAM + 8192,
				 4096),
			 VIRTIO_BLK_S_IOERR);
	disk_works(disk);
	mend(disk, 1);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 512, RAM, 65536),
			 VIRTIO_BLK_S_OK);
	disk_expect(disk, RAM, 65536, 3);
	disk_close(disk);
}

static void data_lost(void **state)
{
	(void)state;
	data_lost_on(fx.disk, &two_regions);
}

/* A hole in guest memory is zeroes to the guest too: nothing is lost. */
static void hole_punched(void **state)
{
	struct disk *disk = running_disk();
	const int fd = disk->dev.mem.region[1].fd;

	(void)state;
	disk_fill(disk, RAM, 65536, 5);
	assert_int_equal(fallocate(fd,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   4096, 8192),
			 0);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 512, RAM, 65536),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 520, RAM, 8192),
			 VIRTIO_BLK_S_OK);
	disk_expect_byte(disk, RAM, 8192, 0);
	disk_works(disk);
	disk_close(disk);
}

#define IN_FLIGHT 64

/* Each request that was under way ends, one way or the other. */
static void cut_under_load(void **state)
{
	struct disk *disk = running_disk();
	struct drv_vq *vq = &disk->dev.vq[0];
	struct drv_blk_req req[IN_FLIGHT];
	unsigned int round, i, failed = 0;
	struct drv_used used;

	(void)state;
	for (i = 0; i < IN_FLIGHT; i++)
		assert_int_equal(drv_blk_req_alloc(&req[i], &disk->dev.mem), 0);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < IN_FLIGHT; i++) {
			req[i].type = VIRTIO_BLK_T_IN;
			req[i].sector = i * 128;
			req[i].num_data = 1;
			req[i].data[0] =
				(struct drv_sg){ RAM + i * 65536, 65536 };
			assert_int_equal(drv_blk_add(vq, &req[i], i), 0);
		}
		drv_vq_kick(vq);
		if (round & 1)
			usleep(round * 20);
		cut(disk, 1, 4096);
		for (i = 0; i < IN_FLIGHT; i++) {
			assert_int_equal(drv_vq_reap_wait(vq, &used, 3000), 1);
			if (drv_blk_status(&req[used.token]) ==
			    VIRTIO_BLK_S_IOERR)
				failed++;
			else
				assert_int_equal(
					drv_blk_status(&req[used.token]),
					VIRTIO_BLK_S_OK);
		}
		disk_works(disk);
		mend(disk, 1);
	}
	assert_true(failed > 0);
	disk_close(disk);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, fixture_after)
		T(ring_lost),	   T(ring_anew_in_lost_memory),
		T(table_anew),	   T(header_lost),
		T(data_lost),	   T(hole_punched),
		T(cut_under_load),
#undef T
	};

	return fixture_run("sigbus", tests, ARRAY_SIZE(tests));
}
