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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

/* As after a reset by the driver: an empty queue, nothing in flight. */
static void queue_anew(struct disk *disk)
{
	struct drv_vq *vq = &disk->dev.vq[0];
	struct vu_fe *fe = &disk->dev.fe;

	fe_ok(fe, vu_fe_get_vring_base(fe, 0, &vq->ring.base));
	drv_vq_reset(vq);
	fe_ok(fe, vu_fe_get_inflight(fe, &disk->dev.record,
				     disk->dev.conf.num_queues, vq->size));
	fe_ok(fe, vu_fe_set_inflight(fe, &disk->dev.record));
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

/*
 * The disk's own file, in memory, where the daemon maps it.  It is full of
 * bytes that are not zero.
 */

#define IMAGE_SIZE (16 * MIB)

/** struct mapped - a daemon with such an image */
struct mapped {
	struct daemon daemon;
	char image[48];
	int fd;
	struct disk *disk;
};

static u8 image_byte(u64 offset)
{
	return (u8)(offset / 512 * 7 + offset % 512) | 1;
}

static void image_fill(struct mapped *m, u64 from, u64 to)
{
	u8 page[4096];

	for (; from < to; from += sizeof(page)) {
		for (u64 i = 0; i < sizeof(page); i++)
			page[i] = image_byte(from + i);
		assert_int_equal(pwrite(m->fd, page, sizeof(page), (off_t)from),
				 sizeof(page));
	}
}

static void mapped_open(struct mapped *m)
{
	char image[64], socket[128];
	const char *const args[] = { "blk", image, socket, NULL };
	const char *path;

	memset(m, 0, sizeof(*m));
	strcpy(m->image, "/dev/shm/pvtest-XXXXXX");
	m->fd = mkostemp(m->image, O_CLOEXEC);
	assert_true(m->fd >= 0);
	image_fill(m, 0, IMAGE_SIZE);
	assert_int_equal(daemon_dir(&m->daemon), 0);
	path = daemon_path(&m->daemon, "s");
	snprintf(image, sizeof(image), "--blk-file=%s", m->image);
	snprintf(socket, sizeof(socket), "--socket-path=%s", path);
	assert_int_equal(daemon_start(&m->daemon, args), 0);
	assert_int_equal(daemon_wait_socket(&m->daemon, path), 0);
	unlink(m->image);
	m->disk = disk_open(path, &two_regions);
}

static void mapped_close(struct mapped *m)
{
	disk_close(m->disk);
	assert_int_equal(daemon_stop(&m->daemon, SIGTERM, 5000), 0);
	daemon_remove(&m->daemon);
	close(m->fd);
}

/* Requests that were copied so far, by the daemon's own count. */
static unsigned long long copied(struct mapped *m)
{
	const size_t mark = strlen(daemon_log_text(&m->daemon));
	unsigned long long count;
	const char *text;
	unsigned int ms;

	kill(m->daemon.pid, SIGUSR1);
	for (ms = 0; ms < 3000; ms += 5) {
		text = daemon_log_text(&m->daemon) + mark;
		text = strstr(text, " mapped=");
		if (text && sscanf(text, " mapped=%llu ", &count) == 1)
			return count;
		usleep(5000);
	}
	fail_msg("no count of mapped requests in the log");
	return 0;
}

static int image_read(struct mapped *m, u64 offset, u32 len)
{
	return disk_io(m->disk, 0, VIRTIO_BLK_T_IN, offset / 512, m->disk->buf,
		       len);
}

static void expect_image(struct mapped *m, u64 gpa, u64 offset, u32 len)
{
	const u8 *buf = vu_mem_hva(&m->disk->dev.mem, gpa, len);

	for (u32 i = 0; i < len; i++)
		if (buf[i] != image_byte(offset + i))
			fail_msg("byte %llu of the image differs",
				 (unsigned long long)offset + i);
}

/* Until requests are copied again. */
static void expect_copying(struct mapped *m)
{
	unsigned long long before;
	unsigned int i;

	/* There is no count before the first request. */
	assert_int_equal(image_read(m, MIB, 4096), VIRTIO_BLK_S_OK);
	before = copied(m);
	for (i = 0; i < 3000; i++) {
		assert_int_equal(image_read(m, MIB, 4096), VIRTIO_BLK_S_OK);
		expect_image(m, m->disk->buf, MIB, 4096);
	}
	assert_true(copied(m) > before);
}

static void image_cut(void **state)
{
	struct mapped m;

	(void)state;
	mapped_open(&m);
	expect_copying(&m);
	assert_int_equal(ftruncate(m.fd, MIB + 512), 0);
	assert_int_equal(image_read(&m, MIB, 4096), VIRTIO_BLK_S_IOERR);
	assert_int_equal(image_read(&m, MIB, 512), VIRTIO_BLK_S_OK);
	expect_image(&m, m.disk->buf, MIB, 512);
	assert_int_equal(image_read(&m, 2 * MIB, 65536), VIRTIO_BLK_S_IOERR);
	image_fill(&m, MIB, IMAGE_SIZE);
	expect_copying(&m);
	disk_works(m.disk);
	mapped_close(&m);
}

static void image_cut_under_load(void **state)
{
	struct drv_blk_req req[IN_FLIGHT];
	unsigned int round, i, failed = 0;
	struct drv_used used;
	struct mapped m;
	struct drv_vq *vq;

	(void)state;
	mapped_open(&m);
	vq = &m.disk->dev.vq[0];
	for (i = 0; i < IN_FLIGHT; i++)
		assert_int_equal(drv_blk_req_alloc(&req[i], &m.disk->dev.mem),
				 0);
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
		assert_int_equal(ftruncate(m.fd, MIB), 0);
		for (i = 0; i < IN_FLIGHT; i++) {
			u64 at;
			u8 status;

			assert_int_equal(drv_vq_reap_wait(vq, &used, 3000), 1);
			status = drv_blk_status(&req[used.token]);
			at = used.token * 65536ull;
			if (status == VIRTIO_BLK_S_OK)
				expect_image(&m, RAM + at, at, 65536);
			else
				assert_int_equal(status, VIRTIO_BLK_S_IOERR);
			failed += status == VIRTIO_BLK_S_IOERR;
		}
		image_fill(&m, MIB, IMAGE_SIZE);
		if (round % 4 == 0)
			expect_copying(&m);
	}
	assert_true(failed > 0);
	mapped_close(&m);
}

/*
 * Data of a copied request in memory that is gone: there is no telling which
 * request it was, so nothing of that turn is shown, and the queue breaks.
 */
static void data_lost_beside_map(void **state)
{
	struct drv_vq *vq;
	struct drv_used used;
	struct mapped m;

	(void)state;
	mapped_open(&m);
	expect_copying(&m);
	vq = &m.disk->dev.vq[0];
	cut(m.disk, 1, 4096);
	m.disk->req.type = VIRTIO_BLK_T_IN;
	m.disk->req.sector = 0;
	m.disk->req.num_data = 1;
	m.disk->req.data[0] = (struct drv_sg){ RAM + 8192, 4096 };
	assert_int_equal(drv_blk_add(vq, &m.disk->req, 1), 0);
	drv_vq_kick(vq);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 200), -ETIMEDOUT);
	assert_non_null(
		strstr(daemon_log_text(&m.daemon), "cut short: region of"));
	mend(m.disk, 1);
	queue_anew(m.disk);
	disk_works(m.disk);
	mapped_close(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, fixture_after)
		T(ring_lost),
		T(ring_anew_in_lost_memory),
		T(table_anew),
		T(header_lost),
		T(data_lost),
		T(hole_punched),
		T(cut_under_load),
		T(image_cut),
		T(image_cut_under_load),
		T(data_lost_beside_map),
#undef T
	};

	return fixture_run("sigbus", tests, ARRAY_SIZE(tests));
}
