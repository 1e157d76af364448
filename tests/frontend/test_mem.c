// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_mem - guest memory: regions that lie, and changing them under load
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1ull << 20)
/* Regions of hostile tests lie where no RAM of the fixture's layout is. */
#define FAR (1ull << 40)

static int memfd(u64 size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static struct disk *running_disk(void)
{
	const struct drv_dev_conf conf = {
		.layout = { .regions = 1, .size = 16 * MIB },
	};
	struct disk *disk = disk_open(fx.disk, &conf);

	disk_works(disk);
	return disk;
}

static int add_region(struct disk *disk, struct vu_region_desc d, int fd)
{
	struct vu_msg m = {
		.hdr = { .id = VU_ADD_MEM_REG,
			 .size = sizeof(struct vu_mem_reg) },
		.p.reg.region = d,
		.fds[0] = fd,
		.num_fds = 1,
	};

	return vu_fe_command(&disk->dev.fe, &m, true);
}

static int remove_region(struct disk *disk, struct vu_region_desc d)
{
	struct vu_msg m = {
		.hdr = { .id = VU_REM_MEM_REG,
			 .size = sizeof(struct vu_mem_reg) },
		.p.reg.region = d,
	};

	return vu_fe_command(&disk->dev.fe, &m, true);
}

/** struct lie - a region that is wrong in one way; the file has 1 MiB */
struct lie {
	const char *name;
	struct vu_region_desc d;
};

static const struct lie lies[] = {
	{ "region: size 0", { FAR, 0, FAR, 0 } },
	{ "region: gpa wraps", { UINT64_MAX - 4095, MIB, FAR, 0 } },
	{ "region: gpa + size = 2^64 + 1", { UINT64_MAX - MIB + 2, MIB, FAR, 0 } },
	{ "region: front end's address wraps",
	  { FAR, MIB, UINT64_MAX - 4095, 0 } },
	{ "region: offset + size wraps", { FAR, MIB, FAR, UINT64_MAX - 4095 } },
	{ "region: offset at the end", { FAR, MIB, FAR, MIB } },
	{ "region: beyond the file", { FAR, 2 * MIB, FAR, 0 } },
	{ "region: one page beyond the file", { FAR, MIB, FAR, 4096 } },
	{ "region: one byte beyond the file", { FAR, MIB + 1, FAR, 0 } },
	{ "region: size 2^63", { FAR, 1ull << 63, FAR, 0 } },
	{ "region: size 2^64 - 1", { 0, UINT64_MAX, FAR, 0 } },
	{ "region: the same again", { 0, 16 * MIB, FAR, 0 } },
	{ "region: overlaps at the start", { 0, MIB, FAR, 0 } },
	{ "region: overlaps at the end", { 16 * MIB - 1, MIB, FAR, 0 } },
	{ "region: overlaps in the middle", { 8 * MIB, 4096, FAR, 0 } },
};

static void lying_region(void **state)
{
	const struct lie *lie = *state;
	struct disk *disk = running_disk();
	int fd = memfd(MIB);

	assert_int_equal(add_region(disk, lie->d, fd), -EREMOTEIO);
	disk_works(disk);
	close(fd);
	disk_close(disk);
}

/* The front end's addresses overlap with another region's. */
static void uva_overlaps(void **state)
{
	struct disk *disk = running_disk();
	const u64 uva = disk->dev.mem.region[0].uva;
	int fd = memfd(MIB);

	(void)state;
	/* Refused or harmless: the ring's addresses must stay unambiguous. */
	add_region(disk, (struct vu_region_desc){ FAR, MIB, uva, 0 }, fd);
	fe_ok(&disk->dev.fe, drv_dev_stop(&disk->dev));
	fe_ok(&disk->dev.fe,
	      vu_fe_ring_start(&disk->dev.fe, &disk->dev.vq[0].ring));
	disk_works(disk);
	close(fd);
	disk_close(disk);
}

/* What cannot be mapped: a directory, an eventfd, a socket, a pipe, a tty. */
static void not_a_memory(void **state)
{
	const struct vu_region_desc d = { FAR, 4096, FAR, 0 };
	struct disk *disk = running_disk();
	int pipes[2];
	int fds[5];
	unsigned int i;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	fds[0] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[1] = eventfd(0, EFD_CLOEXEC);
	fds[2] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[3] = pipes[0];
	fds[4] = pipes[1];
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_int_equal(add_region(disk, d, fds[i]), -EREMOTEIO);
		close(fds[i]);
	}
	disk_works(disk);
	disk_close(disk);
}

static void read_only_memory(void **state)
{
	const struct vu_region_desc d = { FAR, 4096, FAR, 0 };
	struct disk *disk = running_disk();
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(add_region(disk, d, fd), -EREMOTEIO);
	close(fd);
	disk_works(disk);
	disk_close(disk);
}

/* An offset inside a page: QEMU never does; refuse it or get it right. */
static void odd_offset(void **state)
{
	const struct vu_region_desc d = { FAR, 8192, FAR, 512 };
	struct disk *disk = running_disk();
	int fd = memfd(MIB);
	u8 *map;

	(void)state;
	map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	if (add_region(disk, d, fd) == 0) {
		disk_fill(disk, disk->buf, 4096, 55);
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 0,
					 disk->buf, 4096),
				 VIRTIO_BLK_S_OK);
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0, FAR,
					 4096),
				 VIRTIO_BLK_S_OK);
		assert_memory_equal(map + 512,
				    vu_mem_hva(&disk->dev.mem, disk->buf, 4096),
				    4096);
	}
	munmap(map, MIB);
	close(fd);
	disk_works(disk);
	disk_close(disk);
}

static void tables_that_lie(void **state)
{
	static const u32 counts[] = { 0, 9, 255, 65536, 0x10000001,
				      0xffffffff };
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		struct vu_msg m = {
			.hdr = { .id = VU_SET_MEM_TABLE,
				 .size = 8 + 8 * 32 },
			.p.table = { .count = counts[i] },
		};
		int err;

		disk = running_disk();
		err = vu_fe_command(&disk->dev.fe, &m, true);
		assert_true(err == -EREMOTEIO || err == -EPIPE);
		disk_close(disk);
	}
}

/* Two regions, one descriptor; overlapping regions in one table. */
static void table_of_overlaps(void **state)
{
	struct disk *disk = running_disk();
	int fd = memfd(MIB);
	struct vu_msg m = {
		.hdr = { .id = VU_SET_MEM_TABLE, .size = 8 + 2 * 32 },
		.p.table = { .count = 2,
			     .region = { { FAR, MIB, FAR, 0 },
					 { FAR + MIB - 1, MIB, FAR * 2, 0 } } },
		.fds = { fd, fd },
		.num_fds = 2,
	};
	struct vu_msg short_of_fds = m;

	(void)state;
	short_of_fds.num_fds = 1;
	assert_int_equal(vu_fe_command(&disk->dev.fe, &m, true), -EREMOTEIO);
	assert_int_equal(vu_fe_command(&disk->dev.fe, &short_of_fds, true),
			 -EREMOTEIO);
	close(fd);
	disk_close(disk);
}

/* All slots, then one more; all are let go at the end. */
static void all_slots(void **state)
{
	struct disk *disk = running_disk();
	struct vu_fe *fe = &disk->dev.fe;
	struct vu_region_desc d = { .size = 4096 };
	int fd = memfd(4096);
	unsigned int i;

	(void)state;
	assert_true(fe->mem_slots >= 32);
	for (i = 1; i < fe->mem_slots; i++) {
		d.gpa = FAR + i * 8192ull;
		d.uva = d.gpa;
		fe_ok(fe, add_region(disk, d, fd));
	}
	d.gpa = FAR;
	d.uva = FAR;
	assert_int_equal(add_region(disk, d, fd), -EREMOTEIO);
	disk_works(disk);
	/* Every second one goes away; the rest still serves. */
	for (i = 1; i < fe->mem_slots; i += 2) {
		d.gpa = FAR + i * 8192ull;
		d.uva = d.gpa;
		fe_ok(fe, remove_region(disk, d));
	}
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0, FAR + 2 * 8192,
				 4096),
			 VIRTIO_BLK_S_OK);
	disk_works(disk);
	close(fd);
	disk_close(disk);
}

static void remove_unknown(void **state)
{
	struct disk *disk = running_disk();
	struct vu_region_desc d = vu_mem_desc(&disk->dev.mem.region[0]);
	const struct vu_region_desc wrong[] = {
		{ FAR, d.size, d.uva, 0 },
		{ d.gpa, d.size - 4096, d.uva, 0 },
		{ d.gpa, d.size * 2, d.uva, 0 },
		{ d.gpa + 4096, d.size, d.uva, 0 },
		{ d.gpa, 0, d.uva, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(remove_region(disk, wrong[i]), -EREMOTEIO);
	disk_works(disk);
	disk_close(disk);
}

/* The ring itself goes away: the queue stops, and comes back with it. */
static void remove_ring(void **state)
{
	struct disk *disk = running_disk();
	const struct vu_region *r = &disk->dev.mem.region[0];
	struct vu_fe *fe = &disk->dev.fe;

	(void)state;
	/* The answer may be either; memory that is gone must not be used. */
	vu_fe_rem_mem_reg(fe, r);
	drv_vq_kick_always(&disk->dev.vq[0]);
	usleep(5000);
	fe_ok(fe, vu_fe_add_mem_reg(fe, r));
	disk_works(disk);
	disk_close(disk);
}

/** struct load - requests on all queues until told to stop */
struct load {
	struct disk *disk;
	bool stop;
	u64 done;
	u64 wrong;
};

static void *load_main(void *arg)
{
	struct load *load = arg;
	struct disk *disk = load->disk;
	struct drv_blk_req req[32];
	struct drv_used used;
	unsigned int i;
	int n;

	for (i = 0; i < ARRAY_SIZE(req); i++) {
		drv_blk_req_alloc(&req[i], &disk->dev.mem);
		req[i].type = i & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
		req[i].sector = 20000 + i * 128;
		req[i].num_data = 1;
		req[i].data[0] = (struct drv_sg){ disk->buf + i * 65536,
						  65536 };
		drv_blk_add(&disk->dev.vq[0], &req[i], i);
	}
	drv_vq_kick(&disk->dev.vq[0]);
	while (!__atomic_load_n(&load->stop, __ATOMIC_ACQUIRE) ||
	       drv_vq_in_flight(&disk->dev.vq[0])) {
		n = drv_vq_reap_wait(&disk->dev.vq[0], &used, 5000);
		if (n != 1) {
			load->wrong++;
			break;
		}
		load->done++;
		load->wrong += drv_blk_status(&req[used.token]) !=
			       VIRTIO_BLK_S_OK;
		if (load->stop)
			continue;
		drv_blk_add(&disk->dev.vq[0], &req[used.token], used.token);
		drv_vq_kick(&disk->dev.vq[0]);
	}
	return NULL;
}

/* 11. A region unrelated to the load comes and goes: nothing is lost. */
static void add_remove_under_load(void **state)
{
	struct disk *disk = running_disk();
	struct load load = { .disk = disk };
	const struct vu_region_desc d = { FAR, MIB, FAR, 0 };
	int fd = memfd(MIB);
	pthread_t thread;
	unsigned int i;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, load_main, &load), 0);
	for (i = 0; i < 200; i++) {
		fe_ok(&disk->dev.fe, add_region(disk, d, fd));
		usleep(500);
		fe_ok(&disk->dev.fe, remove_region(disk, d));
	}
	__atomic_store_n(&load.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(load.wrong, 0);
	assert_true(load.done > 500);
	close(fd);
	disk_works(disk);
	disk_close(disk);
}

/* The whole table is set again and again, the same as before. */
static void table_under_load(void **state)
{
	const struct drv_dev_conf conf = {
		.no_proto = BIT_ULL(VU_P_CONFIGURE_MEM_SLOTS),
		.layout = { .regions = 3, .size = 16 * MIB },
	};
	struct disk *disk = disk_open(fx.disk, &conf);
	struct load load = { .disk = disk };
	pthread_t thread;
	unsigned int i;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, load_main, &load), 0);
	for (i = 0; i < 200; i++) {
		fe_ok(&disk->dev.fe,
		      vu_fe_set_mem_table(&disk->dev.fe, &disk->dev.mem));
		usleep(500);
	}
	__atomic_store_n(&load.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(load.wrong, 0);
	assert_true(load.done > 500);
	disk_works(disk);
	disk_close(disk);
}

/* The data's region goes away while requests use it. */
static void remove_data_under_load(void **state)
{
	const struct drv_dev_conf conf = {
		/* The ring is begun anew behind the record's back. */
		.no_proto = BIT_ULL(VU_P_INFLIGHT_SHMFD),
		.layout = { .regions = 2, .size = 16 * MIB },
	};
	struct disk *disk = disk_open(fx.disk, &conf);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct vu_fe *fe = &disk->dev.fe;
	unsigned int round;
	unsigned int i;

	(void)state;
	for (round = 0; round < 30; round++) {
		disk->req.type = VIRTIO_BLK_T_IN;
		disk->req.sector = 0;
		disk->req.num_data = 1;
		disk->req.data[0] = (struct drv_sg){ 16 * MIB, 65536 };
		for (i = 0; i < 64; i++)
			drv_blk_add(vq, &disk->req, 0);
		drv_vq_kick(vq);
		fe_ok(fe, vu_fe_rem_mem_reg(fe, &disk->dev.mem.region[1]));
		fe_ok(fe, vu_fe_add_mem_reg(fe, &disk->dev.mem.region[1]));
		/* It may have broken on an address that was gone. */
		fe_ok(fe, vu_fe_get_vring_base(fe, 0, &vq->ring.base));
		drv_vq_reset(vq);
		fe_ok(fe, vu_fe_ring_start(fe, &vq->ring));
		disk_works(disk);
	}
	disk_close(disk);
}

/* GET_VRING_BASE drains: afterwards nothing writes to guest memory. */
static void stop_under_load(void **state)
{
	const struct drv_dev_conf conf = {
		/* As above. */
		.no_proto = BIT_ULL(VU_P_INFLIGHT_SHMFD),
	};
	struct disk *disk = disk_open(fx.disk, &conf);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct vu_fe *fe = &disk->dev.fe;
	unsigned int round;
	unsigned int i;
	u16 idx;

	(void)state;
	fe_ok(fe, vu_fe_get_vring_base(fe, 0, &vq->ring.base));
	for (round = 0; round < 100; round++) {
		drv_vq_reset(vq);
		fe_ok(fe, vu_fe_ring_start(fe, &vq->ring));
		disk->req.type = VIRTIO_BLK_T_IN;
		disk->req.sector = 0;
		disk->req.num_data = 1;
		disk->req.data[0] = (struct drv_sg){ disk->buf, 65536 };
		for (i = 0; i < 64; i++)
			drv_blk_add(vq, &disk->req, 0);
		drv_vq_kick(vq);
		if (round & 1)
			usleep(round * 10);
		fe_ok(fe, vu_fe_get_vring_base(fe, 0, &vq->ring.base));
		idx = READ_ONCE(vq->used->idx);
		/* All that was taken has come back. */
		assert_int_equal(idx, vq->ring.base);
		memset(vu_mem_hva(&disk->dev.mem, disk->buf, 65536), 0x5a,
		       65536);
		usleep(1000);
		assert_int_equal(READ_ONCE(vq->used->idx), idx);
		disk_expect_byte(disk, disk->buf, 65536, 0x5a);
	}
	disk_close(disk);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
#define T(name) cmocka_unit_test_teardown(name, fixture_after)
		T(uva_overlaps),
		T(not_a_memory),
		T(read_only_memory),
		T(odd_offset),
		T(tables_that_lie),
		T(table_of_overlaps),
		T(all_slots),
		T(remove_unknown),
		T(remove_ring),
		T(add_remove_under_load),
		T(table_under_load),
		T(remove_data_under_load),
		T(stop_under_load),
#undef T
	};
	static struct CMUnitTest tests[ARRAY_SIZE(lies) + ARRAY_SIZE(more)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lies); i++)
		tests[i] = (struct CMUnitTest){
			.name = lies[i].name,
			.test_func = lying_region,
			.teardown_func = fixture_after,
			.initial_state = (void *)(uintptr_t)&lies[i],
		};
	memcpy(tests + i, more, sizeof(more));
	return fixture_run("mem", tests, ARRAY_SIZE(tests));
}
