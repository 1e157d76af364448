// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_log - dirty logging: every page that the device wrote, and no other
 *
 * Plays a migration's part: shares a bitmap, turns logging on and off in QEMU's
 * order, and compares the bits with what the device must have written.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drv_net.h"

#define PAGE	   4096ull
#define RAM_SIZE   (16ull << 20) /* of each of two regions */
#define RAM_HOLE   (1ull << 20)
#define RAM_END	   (2 * RAM_SIZE + RAM_HOLE)
#define PAGES	   (RAM_END / PAGE)
#define LOG_SIZE   (PAGES / 8)
#define LOG_OFFSET 0x1008u
#define LOG_FILE   (LOG_OFFSET + LOG_SIZE)

#define WAY(bits)                                                        \
	{                                                                \
		.num_queues = DISK_QUEUES,                               \
		.layout = { .regions = 2, .size = RAM_SIZE,              \
			    .hole = RAM_HOLE },                          \
		.spread_rings = true, .require = (bits)                  \
	}

static const struct drv_dev_conf split = WAY(0);
static const struct drv_dev_conf packed = WAY(DRV_PACKED);
static const struct drv_dev_conf in_order = WAY(DRV_PACKED | DRV_IN_ORDER);

/* How the running test drives its device. */
static const struct drv_dev_conf *way;

/**
 * struct bitmap - what the front end shares, and what it expects
 * @want:	pages that must be logged
 * @may:	pages that may be: a queue that falls asleep or wakes up says so
 *		in its ring, whenever it does
 */
struct bitmap {
	int fd;
	u8 *map;
	u8 want[LOG_SIZE];
	u8 may[LOG_SIZE];
};

static struct bitmap log_[2];
static struct drv_dev nic; /* of a test that has one; closed by after() */

static void bitmap_make(struct bitmap *b)
{
	b->fd = memfd_create("log", MFD_CLOEXEC);
	assert_int_equal(ftruncate(b->fd, LOG_FILE), 0);
	b->map = mmap(NULL, LOG_FILE, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd,
		      0);
	assert_true(b->map != MAP_FAILED);
	memset(b->want, 0, sizeof(b->want));
	memset(b->may, 0, sizeof(b->may));
}

static int before(void **state)
{
	way = *state;
	bitmap_make(&log_[0]);
	bitmap_make(&log_[1]);
	vu_fe_init(&nic.fe);
	return 0;
}

static int after(void **state)
{
	unsigned int i;

	drv_dev_close(&nic);
	for (i = 0; i < ARRAY_SIZE(log_); i++) {
		munmap(log_[i].map, LOG_FILE);
		close(log_[i].fd);
	}
	return fixture_after(state);
}

static void set_pages(u8 *bits, u64 gpa, u64 len)
{
	u64 page;

	for (page = gpa / PAGE; len && page <= (gpa + len - 1) / PAGE; page++)
		bits[page / 8] |= (u8)(1u << page % 8);
}

static void want(struct bitmap *b, u64 gpa, u64 len)
{
	set_pages(b->want, gpa, len);
}

/* Of the device area: a packed ring's is an event of 4 bytes. */
static u32 used_ring_len(const struct vu_ring *ring)
{
	if (way->require & DRV_PACKED)
		return 4;
	return 4 + ring->num * (u32)sizeof(struct vring_used_elem) + 2;
}

static u64 uva_to_gpa(const struct vu_mem *mem, u64 uva)
{
	return uva - mem->region[0].uva + mem->region[0].gpa;
}

/*
 * That the last buffer of one descriptor is used: the used index, or that
 * descriptor itself.
 */
static void want_used(struct bitmap *b, const struct drv_vq *vq)
{
	u16 last = (u16)(vq->packed.used + vq->size - 1) % vq->size;

	if (way->require & DRV_PACKED)
		want(b, uva_to_gpa(vq->mem, vq->ring.desc) + last * 16u, 16);
	else
		want(b, vq->ring.log, 4);
}

/* What the device writes in one request beside the data. */
static void want_request(struct bitmap *b, struct disk *disk, unsigned int q)
{
	const struct vu_ring *ring = &disk->dev.vq[q].ring;

	want(b, disk->req.head_gpa + offsetof(struct drv_blk_head, status), 1);
	if (ring->flags)
		want_used(b, &disk->dev.vq[q]);
}

static u8 bit(const u8 *bits, u64 page)
{
	return page < PAGES ? bits[page / 8] >> page % 8 & 1 : 0;
}

/* The driver sees a used buffer before the ring's page is logged. */
static void wait_wanted(const struct bitmap *b)
{
	const u8 *map = b->map + LOG_OFFSET;
	unsigned int ms;
	u64 i = 0;

	for (ms = 0; ms < 2000 && i < LOG_SIZE; ms++) {
		for (i = 0; i < LOG_SIZE && !(b->want[i] & ~map[i]); i++)
			;
		if (i < LOG_SIZE)
			usleep(1000);
	}
	if (i < LOG_SIZE)
		fail_msg("wanted, not logged: one of the pages from 0x%llx",
			 (unsigned long long)i * 8);
}

/* The bits are those wanted, no more and no less; then there are none. */
static void expect_bits(struct bitmap *b)
{
	u64 page;

	wait_wanted(b);
	for (page = 0; page < LOG_FILE * 8; page++) {
		u64 n = page - LOG_OFFSET * 8;
		u8 logged = b->map[page / 8] >> page % 8 & 1;

		if (logged != bit(b->want, n) && !(logged && bit(b->may, n)))
			fail_msg("page 0x%llx: logged %u, wanted %u",
				 (unsigned long long)n, logged,
				 bit(b->want, n));
	}
	memset(b->map, 0, LOG_FILE);
	memset(b->want, 0, sizeof(b->want));
}

static int share(struct drv_dev *dev, const struct bitmap *b)
{
	return vu_fe_set_log_base(&dev->fe, b->fd, LOG_SIZE, LOG_OFFSET);
}

/* QEMU's vhost_dev_set_log(): features first, then the addresses. */
static void set_logging(struct drv_dev *dev, bool on)
{
	u64 features = dev->fe.features;
	unsigned int i;

	if (on)
		features |= BIT_ULL(VU_F_LOG_ALL);
	fe_ok(&dev->fe, vu_fe_set_u64(&dev->fe, VU_SET_FEATURES, features));
	for (i = 0; i < dev->conf.num_queues; i++) {
		struct vu_ring *ring = &dev->vq[i].ring;

		ring->flags = on ? VU_VRING_LOG : 0;
		ring->log = uva_to_gpa(&dev->mem, ring->used);
		set_pages(log_[0].may, ring->log, used_ring_len(ring));
		if (way->require & DRV_PACKED)
			set_pages(log_[0].may,
				  uva_to_gpa(&dev->mem, ring->desc),
				  ring->num * 16);
		fe_ok(&dev->fe, vu_fe_vring_addr(&dev->fe, ring));
	}
	fe_ok(&dev->fe, vu_fe_sync(&dev->fe));
}

static struct disk *open_logged(void)
{
	struct disk *disk = disk_open(fx.disk, way);

	disk_works(disk);
	fe_ok(&disk->dev.fe, share(&disk->dev, &log_[0]));
	set_logging(&disk->dev, true);
	return disk;
}

static void do_io(struct disk *disk, unsigned int q, u32 type, u64 gpa, u32 len)
{
	assert_int_equal(disk_io(disk, q, type, 0, gpa, len), VIRTIO_BLK_S_OK);
	if (type == VIRTIO_BLK_T_IN)
		want(&log_[0], gpa, len);
	want_request(&log_[0], disk, q);
	expect_bits(&log_[0]);
}

static void reads_and_writes(void **state)
{
	static const u32 len[] = { 512, 1024, 4096, 8192, 65536, 1 << 20 };
	static const u32 off[] = { 0, 512, 4096 - 512, 4096 - 8, 5000 };
	struct disk *disk = open_logged();
	unsigned int l, o, q;

	(void)state;
	for (l = 0; l < ARRAY_SIZE(len); l++) {
		for (o = 0; o < ARRAY_SIZE(off); o++) {
			q = (l + o) % DISK_QUEUES;
			do_io(disk, q, VIRTIO_BLK_T_IN, disk->buf + off[o],
			      len[l]);
			do_io(disk, q, VIRTIO_BLK_T_OUT, disk->buf + off[o],
			      len[l]);
		}
	}
	disk_close(disk);
}

/* Header and data in one page, or several, in either region. */
static void many_pieces(void **state)
{
	struct disk *disk = open_logged();
	const u64 far = vu_mem_alloc(&disk->dev.mem, 1, 1 << 20, PAGE);
	unsigned int i;

	(void)state;
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.sector = 8;
	disk->req.num_data = 60;
	for (i = 0; i < 60; i++) {
		u64 gpa = (i & 1 ? far : disk->buf) + i * 3 * PAGE + 512;

		disk->req.data[i] = (struct drv_sg){ gpa, 512 * (i % 12 + 1) };
		want(&log_[0], gpa, disk->req.data[i].len);
	}
	assert_int_equal(drv_blk_do(&disk->dev, 0, &disk->req, NULL),
			 VIRTIO_BLK_S_OK);
	want_request(&log_[0], disk, 0);
	expect_bits(&log_[0]);
	disk_close(disk);
}

static void other_requests(void **state)
{
	struct disk *disk = open_logged();

	(void)state;
	assert_int_equal(disk_io(disk, 1, VIRTIO_BLK_T_GET_ID, 0,
				 disk->buf + PAGE - 10, VIRTIO_BLK_ID_BYTES),
			 VIRTIO_BLK_S_OK);
	want(&log_[0], disk->buf + PAGE - 10, VIRTIO_BLK_ID_BYTES);
	want_request(&log_[0], disk, 1);
	expect_bits(&log_[0]);
	do_io(disk, 2, VIRTIO_BLK_T_FLUSH, 0, 0);
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 0),
			 VIRTIO_BLK_S_OK);
	want_request(&log_[0], disk, 0);
	expect_bits(&log_[0]);
	/* One that is refused writes its status all the same. */
	assert_int_equal(disk_io(disk, 3, 77, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	want_request(&log_[0], disk, 3);
	expect_bits(&log_[0]);
	disk_close(disk);
}

/* A read that fails may have written: at least what it did is logged. */
static void failed_read(void **state)
{
	struct disk *disk = open_logged();

	(void)state;
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 1ull << 40,
				 disk->buf, 4096),
			 VIRTIO_BLK_S_IOERR);
	want_request(&log_[0], disk, 0);
	expect_bits(&log_[0]);
	disk_close(disk);
}

static void off_again(void **state)
{
	struct disk *disk = open_logged();

	(void)state;
	do_io(disk, 0, VIRTIO_BLK_T_IN, disk->buf, 4096);
	set_logging(&disk->dev, false);
	expect_bits(&log_[0]);
	memset(log_[0].may, 0, sizeof(log_[0].may));
	disk_works(disk);
	expect_bits(&log_[0]);
	set_logging(&disk->dev, true);
	do_io(disk, 0, VIRTIO_BLK_T_IN, disk->buf, 4096);
	disk_close(disk);
}

/* Data are logged whether the ring is or not. */
static void ring_not_logged(void **state)
{
	struct disk *disk = open_logged();
	unsigned int i;

	(void)state;
	for (i = 0; i < DISK_QUEUES; i++) {
		disk->dev.vq[i].ring.flags = 0;
		fe_ok(&disk->dev.fe,
		      vu_fe_vring_addr(&disk->dev.fe, &disk->dev.vq[i].ring));
	}
	fe_ok(&disk->dev.fe, vu_fe_sync(&disk->dev.fe));
	expect_bits(&log_[0]);
	memset(log_[0].may, 0, sizeof(log_[0].may));
	do_io(disk, 2, VIRTIO_BLK_T_IN, disk->buf, 4096);
	disk_close(disk);
}

/* vhost-user, "Migration": the ring's log address need not be its address. */
static void ring_logged_elsewhere(void **state)
{
	struct disk *disk = open_logged();
	struct vu_ring *ring = &disk->dev.vq[0].ring;

	(void)state;
	ring->log = RAM_SIZE + PAGE / 2; /* in the hole */
	fe_ok(&disk->dev.fe, vu_fe_vring_addr(&disk->dev.fe, ring));
	fe_ok(&disk->dev.fe, vu_fe_sync(&disk->dev.fe));
	set_pages(log_[0].may, ring->log, used_ring_len(ring));
	do_io(disk, 0, VIRTIO_BLK_T_IN, disk->buf, 4096);
	disk_close(disk);
}

/* Started while it migrates: rings first, the log last; they wait for it. */
static void log_comes_last(void **state)
{
	struct disk *disk = disk_connect(fx.disk, way);
	const u64 features = disk->dev.fe.features;
	struct drv_vq *vq = &disk->dev.vq[0];
	struct drv_used used;
	unsigned int i;

	(void)state;
	disk->dev.fe.features |= BIT_ULL(VU_F_LOG_ALL);
	for (i = 0; i < DISK_QUEUES; i++) {
		struct vu_ring *ring = &disk->dev.vq[i].ring;

		ring->flags = VU_VRING_LOG;
		ring->log = uva_to_gpa(&disk->dev.mem, ring->used);
	}
	disk_start(disk);
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
	assert_int_equal(drv_blk_add(vq, &disk->req, 0), 0);
	drv_vq_kick_always(vq);
	drv_vq_publish(vq);
	fe_ok(&disk->dev.fe, vu_fe_sync(&disk->dev.fe));
	usleep(20000);
	assert_false(drv_vq_pending(vq));
	fe_ok(&disk->dev.fe, share(&disk->dev, &log_[0]));
	assert_int_equal(drv_vq_reap_wait(vq, &used, 2000), 1);
	want(&log_[0], disk->buf, 4096);
	want_request(&log_[0], disk, 0);
	wait_wanted(&log_[0]);
	disk->dev.fe.features = features;
	disk_close(disk);
}

static void fill_queue(struct disk *disk, struct drv_blk_req *reqs,
		       unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		reqs[i].type = VIRTIO_BLK_T_IN;
		reqs[i].sector = 8 * i;
		reqs[i].num_data = 1;
		reqs[i].data[0] =
			(struct drv_sg){ disk->buf + i * 4 * PAGE, 4096 };
		assert_int_equal(drv_blk_add(&disk->dev.vq[0], &reqs[i], i), 0);
	}
	drv_vq_kick(&disk->dev.vq[0]);
}

/*
 * 10. The log is replaced while requests are in flight: each is in one of the
 * two, and the old one is not touched after the reply.
 */
static void replaced_under_load(void **state)
{
	enum { COUNT = 32 };
	struct disk *disk = open_logged();
	struct drv_blk_req reqs[COUNT];
	u8 old[LOG_FILE];
	struct drv_used used;
	unsigned int round;
	unsigned int i;

	(void)state;
	for (i = 0; i < COUNT; i++)
		assert_int_equal(drv_blk_req_alloc(&reqs[i], &disk->dev.mem),
				 0);
	for (round = 0; round < 100; round++) {
		struct bitmap *from = &log_[round & 1];
		struct bitmap *to = &log_[~round & 1];

		fill_queue(disk, reqs, COUNT);
		fe_ok(&disk->dev.fe, share(&disk->dev, to));
		memcpy(old, from->map, LOG_FILE);
		for (i = 0; i < COUNT; i++)
			assert_int_equal(drv_vq_reap_wait(&disk->dev.vq[0],
							  &used, 2000), 1);
		assert_memory_equal(old, from->map, LOG_FILE);
		for (i = 0; i < COUNT; i++)
			want(to, disk->buf + i * 4 * PAGE, 4096);
		for (i = 0; i < LOG_SIZE; i++)
			assert_int_equal(to->want[i] &
						 ~(from->map[LOG_OFFSET + i] |
						   to->map[LOG_OFFSET + i]),
					 0);
		memset(from->map, 0, LOG_FILE);
	}
	disk_close(disk);
}

static void log_fd_is_signalled(void **state)
{
	struct disk *disk = open_logged();
	struct vu_msg m = { .hdr.id = VU_SET_LOG_FD, .num_fds = 1 };
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	eventfd_t count;

	(void)state;
	m.fds[0] = fd;
	fe_ok(&disk->dev.fe, vu_fe_command(&disk->dev.fe, &m, true));
	assert_int_equal(eventfd_read(fd, &count), -1);
	do_io(disk, 0, VIRTIO_BLK_T_IN, disk->buf, 4096);
	assert_int_equal(eventfd_read(fd, &count), 0);
	close(fd);
	disk_close(disk);
}

/* 13. The log's file is cut short: bits are lost, the disk works. */
static void cut_short(void **state)
{
	struct disk *disk = open_logged();

	(void)state;
	assert_int_equal(ftruncate(log_[0].fd, 0), 0);
	disk_works(disk);
	fe_ok(&disk->dev.fe, share(&disk->dev, &log_[1]));
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0, disk->buf, 4096),
			 VIRTIO_BLK_S_OK);
	want(&log_[1], disk->buf, 4096);
	want_request(&log_[1], disk, 0);
	wait_wanted(&log_[1]);
	disk_close(disk);
}

static void bad_logs(void **state)
{
	static const struct vu_log_desc bad[] = {
		{ 0, 0 },
		{ LOG_SIZE, LOG_OFFSET + 1 },
		{ LOG_SIZE + 1, LOG_OFFSET },
		{ LOG_FILE + 1, 0 },
		{ UINT64_MAX, 0 },
		{ UINT64_MAX, 1 },
		{ LOG_SIZE, UINT64_MAX },
		{ LOG_SIZE, UINT64_MAX - LOG_SIZE + 1 },
		{ 1ull << 63, 1ull << 63 },
		{ LOG_SIZE - 1, 0 }, /* the last pages have no bit */
		{ 1, 0 },
	};
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		disk = disk_open(fx.disk, way);
		assert_int_not_equal(vu_fe_set_log_base(&disk->dev.fe,
							log_[0].fd, bad[i].size,
							bad[i].offset), 0);
		disk_close(disk);
	}
}

static void bad_descriptors(void **state)
{
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		struct vu_msg m = {
			.hdr = { .id = i < 3 ? VU_SET_LOG_BASE : VU_SET_LOG_FD,
				 .size = i < 3 ? sizeof(struct vu_log_desc) :
						 0 },
			.p.log = { LOG_SIZE, LOG_OFFSET },
			.fds = { log_[0].fd, log_[0].fd },
			.num_fds = i % 3 == 1 ? 2 : 0,
		};

		if (i == 2) {
			m.num_fds = 1;
			m.fds[0] = STDERR_FILENO;
		}
		disk = disk_open(fx.disk, way);
		assert_int_not_equal(vu_fe_command(&disk->dev.fe, &m, true), 0);
		disk_close(disk);
	}
}

static void expect_features_refused(const struct drv_dev_conf *c)
{
	struct disk *disk = disk_connect(fx.disk, c);
	struct vu_msg m = { .hdr = { .id = VU_SET_FEATURES, .size = 8 } };

	m.p.u64 = disk->dev.fe.features | BIT_ULL(VU_F_LOG_ALL);
	assert_int_not_equal(vu_fe_command(&disk->dev.fe, &m, true), 0);
	disk_close(disk);
}

/* Without LOG_SHMFD there is no log, so nothing that needs one. */
static void not_negotiated(void **state)
{
	const struct drv_dev_conf without = {
		.no_proto = BIT_ULL(VU_P_LOG_SHMFD),
	};
	struct vu_msg base = {
		.hdr = { .id = VU_SET_LOG_BASE,
			 .size = sizeof(struct vu_log_desc) },
		.p.log = { LOG_SIZE, LOG_OFFSET },
		.fds[0] = log_[0].fd,
		.num_fds = 1,
	};
	struct vu_msg addr = {
		.hdr = { .id = VU_SET_VRING_ADDR,
			 .size = sizeof(struct vu_vring_addr) },
		.p.addr.flags = VU_VRING_LOG,
	};
	struct disk *disk;

	(void)state;
	expect_features_refused(&without);
	disk = disk_connect(fx.disk, &without);
	assert_int_not_equal(vu_fe_command(&disk->dev.fe, &base, true), 0);
	disk_close(disk);
	disk = disk_connect(fx.disk, &without);
	assert_int_not_equal(vu_fe_command(&disk->dev.fe, &addr, true), 0);
	disk_close(disk);
}

static void unknown_ring_flags(void **state)
{
	struct disk *disk = disk_connect(fx.disk, way);
	unsigned int bit;

	(void)state;
	for (bit = 1; bit < 32; bit++) {
		struct vu_msg m = {
			.hdr = { .id = VU_SET_VRING_ADDR,
				 .size = sizeof(struct vu_vring_addr) },
			.p.addr.flags = VU_VRING_LOG | 1u << bit,
		};

		assert_int_equal(vu_fe_command(&disk->dev.fe, &m, true),
				 -EREMOTEIO);
	}
	disk_close(disk);
}

/* The last byte of the used ring must have its bit; else it does not run. */
static void ring_beyond_the_log(void **state)
{
	static const u64 end = LOG_SIZE * 8 * PAGE;
	static const u64 bad[] = { LOG_SIZE * 8 * PAGE - 8, LOG_SIZE * 8 * PAGE,
				   UINT64_MAX - 8, UINT64_MAX, 1ull << 63 };
	struct disk *disk = open_logged();
	struct vu_ring *ring = &disk->dev.vq[0].ring;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vu_msg m = {
			.hdr = { .id = VU_SET_VRING_ADDR,
				 .size = sizeof(struct vu_vring_addr) },
			.p.addr = { .flags = VU_VRING_LOG,
				    .desc = ring->desc,
				    .used = ring->used,
				    .avail = ring->avail,
				    .log = bad[i] },
		};

		assert_int_equal(vu_fe_command(&disk->dev.fe, &m, true),
				 -EREMOTEIO);
	}
	ring->log = end - (4 + ring->num * 8 + 2);
	fe_ok(&disk->dev.fe, vu_fe_vring_addr(&disk->dev.fe, ring));
	disk_works(disk);
	disk_close(disk);
}

/* Memory that comes without bits for it: nothing runs until the log grows. */
static void memory_beyond_the_log(void **state)
{
	struct disk *disk = open_logged();
	struct vu_region more = disk->dev.mem.region[1];
	const u64 size = LOG_SIZE + RAM_SIZE / PAGE / 8;
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct drv_used used;

	(void)state;
	more.gpa = RAM_END;
	more.uva += RAM_SIZE;
	fe_ok(&disk->dev.fe, vu_fe_add_mem_reg(&disk->dev.fe, &more));
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
	assert_int_equal(drv_blk_add(vq, &disk->req, 0), 0);
	drv_vq_publish(vq);
	drv_vq_kick_always(vq);
	fe_ok(&disk->dev.fe, vu_fe_sync(&disk->dev.fe));
	usleep(20000);
	assert_false(drv_vq_pending(vq));
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	fe_ok(&disk->dev.fe, vu_fe_set_log_base(&disk->dev.fe, fd, size, 0));
	assert_int_equal(drv_vq_reap_wait(vq, &used, 2000), 1);
	close(fd);
	disk_close(disk);
}

/* The other kind of device: frames, their headers, the used rings. */
static void received_frames(void **state)
{
	static const u32 lens[] = { 60, 1514, 9000, 65000 };
	static const struct virtio_net_hdr_v1 hdr;
	static struct drv_net net;
	static u8 frame[DRV_NET_FRAME_MAX];
	const struct drv_dev_conf nc = {
		.path = fx.echo,
		.num_queues = 2,
		.group = 2,
		.features = DRV_NET_FEATURES,
		.require = way->require,
		.layout = way->layout,
	};
	const struct drv_net_conf pair = { .rx_len = 2048, .num_rx = 256 };
	struct virtio_net_hdr_v1 got;
	u64 first = 0;
	unsigned int i;

	(void)state;
	fe_ok(&nic.fe, drv_dev_open(&nic, &nc));
	assert_int_equal(drv_net_init(&net, &nic, &pair), 0);
	fe_ok(&nic.fe, share(&nic, &log_[0]));
	set_logging(&nic, true);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		u32 bufs = (lens[i] + DRV_NET_HDR_LEN + 2047) / 2048;

		assert_int_equal(drv_net_send(&net, &hdr, frame, lens[i], NULL),
				 0);
		drv_vq_kick(net.tx);
		assert_int_equal(drv_net_recv(&net, &got, frame), lens[i]);
		/* Buffers are taken in order and given back in order. */
		want(&log_[0], net.rx_gpa + first * 2048,
		     (bufs - 1) * 2048ull +
			     (lens[i] + DRV_NET_HDR_LEN - (bufs - 1) * 2048));
		first += bufs;
		want_used(&log_[0], net.rx);
		want_used(&log_[0], net.tx);
		expect_bits(&log_[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T1(name, how) { #name " (" #how ")", name, before, after, (void *)&how }
#define T(name) T1(name, split)
#define TT(name) T1(name, split), T1(name, packed), T1(name, in_order)
		TT(reads_and_writes),
		TT(many_pieces),
		TT(other_requests),
		T(failed_read),
		TT(off_again),
		TT(ring_not_logged),
		TT(ring_logged_elsewhere),
		TT(log_comes_last),
		TT(replaced_under_load),
		TT(log_fd_is_signalled),
		T(cut_short),
		T(bad_logs),
		T(bad_descriptors),
		T(not_negotiated),
		T(unknown_ring_flags),
		T(ring_beyond_the_log),
		T(memory_beyond_the_log),
		TT(received_frames),
#undef T1
#undef T
#undef TT
	};

	return fixture_run("log", tests, ARRAY_SIZE(tests));
}
