// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_inflight - the record of what is in flight, as a front end keeps it
 *
 * Records that the daemon makes, records that it must refuse, and what comes
 * of them when it is killed.  Verified load over kills is tests/campaign's.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WCE offsetof(struct virtio_blk_config, wce)

/* Offsets in a queue's part of the record (vhost-user, "Inflight I/O tracking") */
#define FEATURES 0
#define VERSION	 8
#define DESC_NUM 10
#define SPLIT_USED_IDX 14
#define SPLIT_DESC     16
#define PACKED_DESC    32

static const struct drv_dev_conf plain;
static const struct drv_dev_conf packed = {
	.features = BIT_ULL(VIRTIO_F_RING_PACKED),
};

static struct vu_record *record_of(struct disk *disk)
{
	return &disk->dev.record;
}

static void made_as_asked(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	struct vu_record *record = record_of(disk);

	(void)state;
	fe_ok(&disk->dev.fe,
	      vu_fe_get_inflight(&disk->dev.fe, record, 4, 128));
	assert_int_equal(record->desc.num_queues, 4);
	assert_int_equal(record->desc.queue_size, 128);
	assert_int_equal(record->desc.mmap_offset, 0);
	assert_true(record->desc.mmap_size >= 4 * (SPLIT_DESC + 128 * 16));
	assert_int_equal(lseek(record->fd, 0, SEEK_END), record->desc.mmap_size);
	/* Nobody can pull it away from under the daemon. */
	assert_int_equal(ftruncate(record->fd, 0), -1);
	disk_close(disk);
}

/* The specification's struct has 20 bytes, QEMU's compiler makes 24 of it. */
static void made_without_padding(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	struct vu_msg m = {
		.hdr = { .id = VU_GET_INFLIGHT_FD, .size = 20 },
		.p.inflight = { .num_queues = 1, .queue_size = 2 },
	};

	(void)state;
	fe_ok(&disk->dev.fe, vu_fe_request(&disk->dev.fe, &m));
	assert_int_equal(m.hdr.size, 20);
	assert_int_equal(m.num_fds, 1);
	close(m.fds[0]);
	disk_close(disk);
}

static void refuse(struct disk *disk, struct vu_msg *m)
{
	int err = vu_fe_command(&disk->dev.fe, m, true);

	if (err != -EREMOTEIO)
		fail_msg("message %u, %u queues of %u: %d", m->hdr.id,
			 m->p.inflight.num_queues, m->p.inflight.queue_size, err);
}

static void shapes_refused(void **state)
{
	static const struct vu_inflight bad[] = {
		{ .num_queues = 0, .queue_size = 128 },
		{ .num_queues = DISK_QUEUES + 1, .queue_size = 128 },
		{ .num_queues = 0xffff, .queue_size = 128 },
		{ .num_queues = 1, .queue_size = 0 },
		{ .num_queues = 1, .queue_size = 0x8001 },
		{ .num_queues = 0xffff, .queue_size = 0xffff },
	};
	struct disk *disk = disk_connect(fx.disk, NULL);
	struct vu_record *record = record_of(disk);
	unsigned int i;

	(void)state;
	fe_ok(&disk->dev.fe, vu_fe_get_inflight(&disk->dev.fe, record, 1, 256));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vu_msg get = {
			.hdr = { .id = VU_GET_INFLIGHT_FD, .size = 24 },
			.p.inflight = bad[i],
		};
		struct vu_msg set = {
			.hdr = { .id = VU_SET_INFLIGHT_FD, .size = 24 },
			.p.inflight = bad[i],
			.fds[0] = record->fd,
			.num_fds = 1,
		};

		set.p.inflight.mmap_size = record->desc.mmap_size;
		refuse(disk, &get);
		refuse(disk, &set);
	}
	disk_start(disk);
	disk_works(disk);
	disk_close(disk);
}

static void files_refused(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	struct vu_record *record = record_of(disk);
	struct vu_record bad;

	(void)state;
	fe_ok(&disk->dev.fe, vu_fe_get_inflight(&disk->dev.fe, record, 1, 256));
	bad = *record;
	bad.desc.mmap_size++;
	assert_int_equal(vu_fe_set_inflight(&disk->dev.fe, &bad), -EREMOTEIO);
	bad = *record;
	bad.desc.mmap_offset = 64;
	assert_int_equal(vu_fe_set_inflight(&disk->dev.fe, &bad), -EREMOTEIO);
	bad.desc.mmap_offset = UINT64_MAX;
	assert_int_equal(vu_fe_set_inflight(&disk->dev.fe, &bad), -EREMOTEIO);
	/* A file could become shorter, and its reader would get a SIGBUS. */
	bad = *record;
	bad.fd = open(fx.image, O_RDWR | O_CLOEXEC);
	assert_true(bad.fd >= 0);
	assert_int_equal(vu_fe_set_inflight(&disk->dev.fe, &bad), -EREMOTEIO);
	close(bad.fd);
	disk_start(disk);
	disk_works(disk);
	disk_close(disk);
}

static void not_without_the_feature(void **state)
{
	const struct drv_dev_conf conf = {
		.no_proto = BIT_ULL(VU_P_INFLIGHT_SHMFD),
	};
	struct disk *disk = disk_connect(fx.disk, &conf);
	struct vu_msg m = {
		.hdr = { .id = VU_GET_INFLIGHT_FD, .size = 24 },
		.p.inflight = { .num_queues = 1, .queue_size = 2 },
	};

	(void)state;
	refuse(disk, &m);
	disk_start(disk);
	disk_works(disk);
	disk_close(disk);
}

/* CVE-2020-10726, CVE-2022-0669: the fixture counts what is left open. */
static void again_and_again(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);
	struct vu_record *record = record_of(disk);
	unsigned int i;

	(void)state;
	for (i = 0; i < 500; i++) {
		fe_ok(&disk->dev.fe, vu_fe_get_inflight(&disk->dev.fe, record,
							1 + i % 4, 256));
		fe_ok(&disk->dev.fe,
		      vu_fe_set_inflight(&disk->dev.fe, record));
	}
	assert_true(daemon_count_fds(&fx.daemon) < fx.fds + 20);
	fe_ok(&disk->dev.fe,
	      vu_fe_get_inflight(&disk->dev.fe, record, 1, 256));
	disk_start(disk);
	disk_works(disk);
	disk_close(disk);
}

static void another_while_it_runs(void **state)
{
	struct disk *disk = disk_open(fx.disk, *state);
	struct vu_record *record = record_of(disk);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		disk_works(disk);
		fe_ok(&disk->dev.fe,
		      vu_fe_get_inflight(&disk->dev.fe, record, 1, 256));
		fe_ok(&disk->dev.fe,
		      vu_fe_set_inflight(&disk->dev.fe, record));
	}
	disk_works(disk);
	disk_close(disk);
}

/* What the record says is in shared memory: who writes there can say anything. */
static const struct lie {
	const char *name;
	const struct drv_dev_conf *conf;
	size_t offset;
	u64 value;
	size_t size;
} lies[] = {
	{ "split: version", &plain, VERSION, 2, 2 },
	{ "split: features", &plain, FEATURES, 1, 8 },
	{ "split: descriptors", &plain, DESC_NUM, 8, 2 },
	{ "split: used index", &plain, SPLIT_USED_IDX, 0x4000, 2 },
	{ "split: mark", &plain, SPLIT_DESC + 16 * 3, 0x80, 1 },
	{ "packed: version", &packed, VERSION, 0xffff, 2 },
	{ "packed: descriptors", &packed, DESC_NUM, 0xffff, 2 },
	{ "packed: free list", &packed, 14, 0xffff, 2 },
	{ "packed: used index", &packed, 18, 0x7fff, 2 },
	{ "packed: wrap counter", &packed, 21, 2, 1 },
	{ "packed: endless free list", &packed, PACKED_DESC + 2, 0, 2 },
};

static void lies_refused(void **state)
{
	struct vu_record lying = { .fd = -1 };
	struct disk *disk;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		disk = disk_open(fx.disk, lies[i].conf);
		lying.desc = record_of(disk)->desc;
		lying.fd = dup(record_of(disk)->fd);
		disk_close(disk);
		assert_int_equal(pwrite(lying.fd, &lies[i].value, lies[i].size,
					(off_t)lies[i].offset),
				 lies[i].size);
		disk = disk_connect(fx.disk, lies[i].conf);
		disk->dev.fe.ack_all = true;
		*record_of(disk) = lying;
		if (drv_dev_start(&disk->dev) != -EREMOTEIO)
			fail_msg("%s: not refused", lies[i].name);
		disk_close(disk);
	}
}

/*
 * CVE-2026-86565: a ring larger than its part of the record, which QEMU asks for
 * by its own queue-size.  The ring runs, and the record is let alone.
 */
static void smaller_than_the_ring(void **state)
{
	struct disk *disk = disk_connect(fx.disk, *state);
	struct vu_record *record = record_of(disk);
	u8 before[4096], behind[sizeof(before)];
	ssize_t len;

	fe_ok(&disk->dev.fe, vu_fe_get_inflight(&disk->dev.fe, record, 1, 255));
	len = pread(record->fd, before, sizeof(before), 0);
	disk_start(disk);
	disk_works(disk);
	assert_int_equal(pread(record->fd, behind, sizeof(behind), 0), len);
	assert_memory_equal(before, behind, len);
	disk_close(disk);
	/* One that fits. */
	disk = disk_connect(fx.disk, *state);
	fe_ok(&disk->dev.fe,
	      vu_fe_get_inflight(&disk->dev.fe, record_of(disk), 1, 256));
	disk_start(disk);
	disk_works(disk);
	disk_close(disk);
}

/* CVE-2021-3839: a queue that the record has no part for */
static void fewer_queues_than_used(void **state)
{
	const struct drv_dev_conf conf = { .num_queues = 4, .ack_all = true };
	struct disk *disk = disk_connect(fx.disk, &conf);
	struct vu_record *record = record_of(disk);

	(void)state;
	fe_ok(&disk->dev.fe, vu_fe_get_inflight(&disk->dev.fe, record, 3, 256));
	assert_int_equal(drv_dev_start(&disk->dev), -EREMOTEIO);
	disk_close(disk);
}

static void restart(void)
{
	drv_dev_close(&fx.witness);
	daemon_stop(&fx.daemon, SIGKILL, 5000);
	assert_int_equal(fixture_restart(), 0);
}

static u8 wce(struct disk *disk)
{
	u8 value = 0xff;

	fe_ok(&disk->dev.fe,
	      vu_fe_get_config(&disk->dev.fe, WCE, 1, &value));
	return value;
}

/* No front end tells a new daemon what the driver chose. */
static void choice_of_the_cache_survives(void **state)
{
	const struct drv_dev_conf conf = { .features = DRV_BLK_FEATURES };
	struct disk *disk = disk_open(fx.disk, &conf);
	u8 off = 0;

	(void)state;
	assert_int_equal(wce(disk), 1);
	fe_ok(&disk->dev.fe, vu_fe_set_config(&disk->dev.fe, WCE, 1, &off));
	restart();
	fe_ok(&disk->dev.fe, drv_dev_resume(&disk->dev));
	assert_int_equal(wce(disk), 0);
	disk_works(disk);
	disk_close(disk);
	/* The driver after that one begins anew. */
	restart();
	disk = disk_open(fx.disk, &conf);
	assert_int_equal(wce(disk), 1);
	disk_close(disk);
}

/* Asked for while nobody is there: the next daemon finds it in the ring. */
static void goes_on_where_it_was(void **state)
{
	struct disk *disk = disk_open(fx.disk, *state);
	struct drv_used used;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		disk_works(disk);
		drv_dev_close(&fx.witness);
		daemon_stop(&fx.daemon, SIGKILL, 5000);
		disk->req.type = VIRTIO_BLK_T_FLUSH;
		disk->req.num_data = 0;
		assert_int_equal(drv_blk_add(&disk->dev.vq[0], &disk->req, 7),
				 0);
		drv_vq_kick(&disk->dev.vq[0]);
		assert_int_equal(fixture_restart(), 0);
		fe_ok(&disk->dev.fe, drv_dev_resume(&disk->dev));
		assert_int_equal(drv_vq_reap_wait(&disk->dev.vq[0], &used,
						  3000), 1);
		assert_int_equal(used.token, 7);
		assert_int_equal(drv_blk_status(&disk->req), VIRTIO_BLK_S_OK);
	}
	disk_works(disk);
	disk_close(disk);
}

#define TEST(name) cmocka_unit_test_teardown(name, fixture_after)
#define TEST_OF(ring, name)                                               \
	{ #ring ": " #name, name, NULL, fixture_after,                    \
	  (void *)(uintptr_t)&ring }

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(made_as_asked),
		TEST(made_without_padding),
		TEST(shapes_refused),
		TEST(files_refused),
		TEST(not_without_the_feature),
		TEST(again_and_again),
		TEST_OF(plain, another_while_it_runs),
		TEST_OF(packed, another_while_it_runs),
		TEST(lies_refused),
		TEST_OF(plain, smaller_than_the_ring),
		TEST_OF(packed, smaller_than_the_ring),
		TEST(fewer_queues_than_used),
		TEST(choice_of_the_cache_survives),
		TEST_OF(plain, goes_on_where_it_was),
		TEST_OF(packed, goes_on_where_it_was),
	};

	return fixture_run("inflight", tests, ARRAY_SIZE(tests));
}
