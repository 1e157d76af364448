// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_blk - every good path of the disk, over every way to drive the ring
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB 1024u

/** struct way - how a test drives the ring */
struct way {
	const char *name;
	struct drv_dev_conf conf;
};

#define NO_INDIRECT  BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define NO_EVENT_IDX BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

static const struct way ways[] = {
	{ "plain", { .no_features = NO_INDIRECT | NO_EVENT_IDX } },
	{ "indirect", { .no_features = NO_EVENT_IDX } },
	{ "event_idx", { .no_features = NO_INDIRECT } },
	{ "indirect+event_idx", { 0 } },
	{ "4 queues", { .num_queues = 4 } },
	{ "4 queues, ring of 4",
	  { .num_queues = 4, .queue_size = 4, .no_features = NO_EVENT_IDX } },
	{ "ring of 1024", { .queue_size = 1024, .no_features = NO_INDIRECT } },
	{ "packed", { .require = DRV_PACKED, .num_queues = 4 } },
	{ "packed, plain, ring of 37",
	  { .require = DRV_PACKED,
	    .queue_size = 37,
	    .no_features = NO_INDIRECT | NO_EVENT_IDX } },
	{ "packed, in order",
	  { .require = DRV_PACKED | DRV_IN_ORDER | DRV_NOTIFICATION_DATA } },
	{ "in order",
	  { .require = DRV_IN_ORDER, .no_features = NO_INDIRECT } },
	{ "7 regions",
	  { .num_queues = 4,
	    .spread_rings = true,
	    .layout = { .regions = 7, .size = 8u << 20, .offset = 8192 } } },
	{ "32 regions with holes",
	  { .num_queues = 4,
	    .spread_rings = true,
	    .layout = { .regions = 32,
			.size = 8u << 20,
			.hole = 1u << 20,
			.base = 0x100000 } } },
	{ "table of 8 regions",
	  { .no_proto = BIT_ULL(VU_P_CONFIGURE_MEM_SLOTS),
	    .spread_rings = true,
	    .layout = { .regions = 8, .size = 8u << 20, .base = 1ull << 32 } } },
	{ "no acknowledgements", { .no_proto = BIT_ULL(VU_P_REPLY_ACK) } },
	{ "all acknowledged", { .num_queues = 4, .ack_all = true } },
	{ "no channel", { .no_proto = BIT_ULL(VU_P_BACKEND_REQ) } },
};

static struct disk *open_way(void **state)
{
	const struct way *way = *state;

	return disk_open(fx.disk, way ? &way->conf : NULL);
}

static void write_read(void **state)
{
	struct disk *disk = open_way(state);
	unsigned int i;

	for (i = 0; i < 20; i++)
		disk_works(disk);
	disk_close(disk);
}

static void sizes(void **state)
{
	static const u32 sizes[] = { 512, 1024, 1536, 4096, 65536, 1 << 20,
				     (1 << 20) + 512 };
	struct disk *disk = open_way(state);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		disk_fill(disk, disk->buf, sizes[i], i);
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 17,
					 disk->buf, sizes[i]),
				 VIRTIO_BLK_S_OK);
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 17,
					 disk->buf + (2u << 20), sizes[i]),
				 VIRTIO_BLK_S_OK);
		disk_expect(disk, disk->buf + (2u << 20), sizes[i], i);
	}
	disk_close(disk);
}

static void flush(void **state)
{
	struct disk *disk = open_way(state);

	assert_true(drv_dev_has(&disk->dev, VIRTIO_BLK_F_FLUSH));
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0),
			 VIRTIO_BLK_S_OK);
	disk_close(disk);
}

/* Fill three chunks, change the middle one, look at all. */
static void change_middle(struct disk *disk, u32 type, u32 flags, bool zero)
{
	const u32 chunk = 64 * KIB;
	const u32 sectors = chunk / DRV_BLK_SECTOR;
	const u64 out = disk->buf + (1u << 20);

	disk_fill(disk, disk->buf, 3 * chunk, type);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 2048, disk->buf,
				 3 * chunk),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_range(disk, type, 2048 + sectors, sectors, flags),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 2048, out,
				 3 * chunk),
			 VIRTIO_BLK_S_OK);
	if (zero)
		disk_expect_byte(disk, out + chunk, chunk, 0);
	disk_fill(disk, out + chunk, chunk, 0);
	disk_fill(disk, disk->buf + chunk, chunk, 0);
	assert_memory_equal(
		vu_mem_hva(&disk->dev.mem, out, 3 * chunk),
		vu_mem_hva(&disk->dev.mem, disk->buf, 3 * chunk), 3 * chunk);
}

static void write_zeroes(void **state)
{
	struct disk *disk = open_way(state);

	assert_true(drv_dev_has(&disk->dev, VIRTIO_BLK_F_WRITE_ZEROES));
	change_middle(disk, VIRTIO_BLK_T_WRITE_ZEROES, 0, true);
	change_middle(disk, VIRTIO_BLK_T_WRITE_ZEROES,
		      VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP, true);
	disk_close(disk);
}

static void discard(void **state)
{
	struct disk *disk = open_way(state);

	assert_true(drv_dev_has(&disk->dev, VIRTIO_BLK_F_DISCARD));
	change_middle(disk, VIRTIO_BLK_T_DISCARD, 0, false);
	disk_close(disk);
}

static void get_id(void **state)
{
	struct disk *disk = open_way(state);
	u8 *id = vu_mem_hva(&disk->dev.mem, disk->buf, 64);

	memset(id, 0xa5, 64);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_GET_ID, 0, disk->buf,
				 VIRTIO_BLK_ID_BYTES),
			 VIRTIO_BLK_S_OK);
	if (!getenv("PVTEST_FOREIGN"))
		assert_string_equal((char *)id, DISK_SERIAL);
	/* Nothing but the serial and zeroes, nothing behind the 20 bytes. */
	disk_expect_byte(disk, disk->buf + strlen((char *)id),
			 VIRTIO_BLK_ID_BYTES - (u32)strlen((char *)id), 0);
	disk_expect_byte(disk, disk->buf + VIRTIO_BLK_ID_BYTES, 44, 0xa5);
	disk_close(disk);
}

/* Everything in bytes: 16 descriptors of header, the status alone. */
static void header_in_bytes(void **state)
{
	struct disk *disk = open_way(state);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct drv_sg sg[16 + 1 + 1];
	struct drv_used used;
	unsigned int i;

	if (vq->size < ARRAY_SIZE(sg) && !vq->use_indirect)
		skip();
	disk_fill(disk, disk->buf, 4 * KIB, 77);
	disk->req.head->hdr =
		(struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_OUT,
					    .sector = 64 };
	disk->req.head->status = DRV_BLK_UNDONE;
	for (i = 0; i < 16; i++)
		sg[i] = (struct drv_sg){ disk->req.head_gpa + i, 1 };
	sg[16] = (struct drv_sg){ disk->buf, 4 * KIB };
	sg[17] = (struct drv_sg){
		disk->req.head_gpa + offsetof(struct drv_blk_head, status), 1
	};
	assert_true(drv_vq_add(vq, sg, 17, 1, 0) >= 0);
	drv_vq_kick(vq);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 2000), 1);
	assert_int_equal(drv_blk_status(&disk->req), VIRTIO_BLK_S_OK);
	assert_int_equal(used.len, 1);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 64,
				 disk->buf + 64 * KIB, 4 * KIB),
			 VIRTIO_BLK_S_OK);
	disk_expect(disk, disk->buf + 64 * KIB, 4 * KIB, 77);
	disk_close(disk);
}

/* virtio 1.3, 2.7.4: a device must not rely on how a message is cut. */
static void header_with_data(void **state)
{
	struct disk *disk = open_way(state);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct virtio_blk_outhdr hdr = { .type = VIRTIO_BLK_T_OUT,
					 .sector = 128 };
	struct drv_used used;
	struct drv_sg sg[2];
	u8 *status;

	disk_fill(disk, disk->buf + sizeof(hdr), 4 * KIB, 78);
	vu_mem_write(&disk->dev.mem, disk->buf, &hdr, sizeof(hdr));
	status = vu_mem_hva(&disk->dev.mem, disk->buf + 128 * KIB, 1);
	*status = DRV_BLK_UNDONE;
	sg[0] = (struct drv_sg){ disk->buf, sizeof(hdr) + 4 * KIB };
	sg[1] = (struct drv_sg){ disk->buf + 128 * KIB, 1 };
	assert_true(drv_vq_add(vq, sg, 1, 1, 0) >= 0);
	drv_vq_kick(vq);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 2000), 1);
	assert_int_equal(*status, VIRTIO_BLK_S_OK);

	hdr.type = VIRTIO_BLK_T_IN;
	vu_mem_write(&disk->dev.mem, disk->buf, &hdr, sizeof(hdr));
	/* Data and status in one piece. */
	sg[0] = (struct drv_sg){ disk->buf, sizeof(hdr) };
	sg[1] = (struct drv_sg){ disk->buf + 64 * KIB, 4 * KIB + 1 };
	status = vu_mem_hva(&disk->dev.mem, disk->buf + 68 * KIB, 1);
	*status = DRV_BLK_UNDONE;
	assert_true(drv_vq_add(vq, sg, 1, 1, 0) >= 0);
	drv_vq_kick(vq);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 2000), 1);
	assert_int_equal(*status, VIRTIO_BLK_S_OK);
	assert_int_equal(used.len, 4 * KIB + 1);
	disk_expect(disk, disk->buf + 64 * KIB, 4 * KIB, 78);
	disk_close(disk);
}

/* Data cut at odd places, not even the memory's alignment kept. */
static void odd_pieces(void **state)
{
	static const u32 cuts[] = { 1, 510, 3, 4095, 1027, 2556 };
	struct disk *disk = open_way(state);
	struct drv_blk_req *req = &disk->req;
	u64 gpa = disk->buf + 3;
	unsigned int i;

	disk_fill(disk, gpa, 8 * KIB, 5);
	req->type = VIRTIO_BLK_T_OUT;
	req->sector = 333;
	req->num_data = ARRAY_SIZE(cuts);
	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		req->data[i] = (struct drv_sg){ gpa, cuts[i] };
		gpa += cuts[i];
	}
	assert_int_equal(drv_blk_do(&disk->dev, 0, req, NULL),
			 VIRTIO_BLK_S_OK);
	req->type = VIRTIO_BLK_T_IN;
	for (i = 0; i < ARRAY_SIZE(cuts); i++)
		req->data[i].gpa += 512 * KIB;
	assert_int_equal(drv_blk_do(&disk->dev, 0, req, NULL),
			 VIRTIO_BLK_S_OK);
	disk_expect(disk, disk->buf + 3 + 512 * KIB, 8 * KIB, 5);
	disk_close(disk);
}

/* A read that says it wrote n + 1 bytes, a write that says 1. */
static void used_len(void **state)
{
	struct disk *disk = open_way(state);
	u32 len;

	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4 * KIB };
	disk->req.num_data = 1;
	assert_int_equal(drv_blk_do(&disk->dev, 0, &disk->req, &len),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(len, 4 * KIB + 1);
	disk->req.type = VIRTIO_BLK_T_OUT;
	assert_int_equal(drv_blk_do(&disk->dev, 0, &disk->req, &len),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(len, 1);
	disk_close(disk);
}

/* Buffers over two and three regions, adjacent for the guest only. */
static void cross_regions(void **state)
{
	const struct drv_dev_conf conf = {
		.layout = { .regions = 6, .size = 8u << 20, .offset = 4096 },
	};
	struct disk *disk = disk_open(fx.disk, &conf);
	const u32 len = 2u << 20;
	const u64 edge = 3 * (8ull << 20);

	(void)state;
	disk_fill(disk, edge - len / 3, len, 9);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 0, edge - len / 3,
				 len),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0,
				 2 * edge - len / 2 - (8u << 20), len),
			 VIRTIO_BLK_S_OK);
	disk_expect(disk, 2 * edge - len / 2 - (8u << 20), len, 9);
	disk_close(disk);
}

/* One request over four regions, each of them a page. */
static void cross_many_regions(void **state)
{
	const struct drv_dev_conf conf = {
		.layout = { .regions = 2, .size = 16u << 20 },
		.queue_size = 16,
	};
	struct disk *disk = disk_connect(fx.disk, &conf);
	struct vu_mem_layout pages = { .regions = 6, .size = 4096,
				       .base = 1ull << 40 };
	static struct vu_mem extra;
	unsigned int i;

	(void)state;
	assert_int_equal(vu_mem_create(&extra, &pages), 0);
	for (i = 0; i < extra.count; i++)
		disk->dev.mem.region[disk->dev.mem.count++] = extra.region[i];
	disk_start(disk);
	disk_fill(disk, pages.base + 100, 4 * 4096, 3);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 8,
				 pages.base + 100, 4 * 4096),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 8, disk->buf,
				 4 * 4096),
			 VIRTIO_BLK_S_OK);
	disk_expect(disk, disk->buf, 4 * 4096, 3);
	disk_close(disk);
}

static void max_segments(void **state)
{
	const struct drv_dev_conf conf = { .indirect_max = 258 };
	struct virtio_blk_config config;
	struct disk *disk = disk_open(fx.disk, &conf);
	struct drv_blk_req *req = &disk->req;
	unsigned int i;

	(void)state;
	fe_ok(&disk->dev.fe, vu_fe_get_config(&disk->dev.fe, 0, 60, &config));
	assert_in_range(config.seg_max, 1, 1022);
	req->num_data = min(config.seg_max, (u32)DRV_BLK_DATA_MAX - 2);
	for (i = 0; i < req->num_data; i++)
		req->data[i] = (struct drv_sg){
			disk->buf + (req->num_data - 1 - i) * 4 * KIB, 4 * KIB
		};
	disk_fill(disk, disk->buf, req->num_data * 4 * KIB, 12);
	req->type = VIRTIO_BLK_T_OUT;
	req->sector = 0;
	assert_int_equal(drv_blk_do(&disk->dev, 0, req, NULL), VIRTIO_BLK_S_OK);
	memset(vu_mem_hva(&disk->dev.mem, disk->buf, DISK_BUF), 0, DISK_BUF);
	req->type = VIRTIO_BLK_T_IN;
	assert_int_equal(drv_blk_do(&disk->dev, 0, req, NULL), VIRTIO_BLK_S_OK);
	disk_expect(disk, disk->buf, req->num_data * 4 * KIB, 12);
	disk_close(disk);
}

static void config_space(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct vu_fe *fe = &disk->dev.fe;
	struct virtio_blk_config config;
	u8 bytes[60];
	u32 i;

	(void)state;
	/* QEMU reads up to 60 bytes of it at once, a driver field by field. */
	fe_ok(fe, vu_fe_get_config(fe, 0, sizeof(bytes), bytes));
	memcpy(&config, bytes, sizeof(bytes));
	assert_int_equal(config.capacity * DRV_BLK_SECTOR, DISK_SIZE);
	assert_int_equal(config.num_queues, DISK_QUEUES);
	assert_true(config.blk_size == 512 || config.blk_size == 4096);
	assert_true(config.max_discard_sectors > 0);
	assert_int_equal(config.max_discard_seg >= 1, true);
	assert_true(config.max_write_zeroes_sectors > 0);
	for (i = 0; i < sizeof(bytes); i++) {
		u8 byte;

		fe_ok(fe, vu_fe_get_config(fe, i, 1, &byte));
		assert_int_equal(byte, bytes[i]);
	}
	disk_close(disk);
}

/* vhost-user, SET_CONFIG: only what the driver may write. */
static void config_wce(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	const u32 off = offsetof(struct virtio_blk_config, wce);
	struct vu_fe *fe = &disk->dev.fe;
	u8 value;
	u8 wce;

	(void)state;
	if (!drv_dev_has(&disk->dev, VIRTIO_BLK_F_CONFIG_WCE))
		skip();
	for (value = 0; value < 2; value++) {
		fe_ok(fe, vu_fe_set_config(fe, off, 1, &value));
		fe_ok(fe, vu_fe_get_config(fe, off, 1, &wce));
		assert_int_equal(wce, value);
		disk_works(disk);
	}
	disk_close(disk);
}

static void read_only(void **state)
{
	const struct drv_dev_conf deaf = {
		.no_features = BIT_ULL(VIRTIO_BLK_F_RO),
	};
	struct disk *disk = disk_open(fx.ro, NULL);
	int round;

	(void)state;
	assert_true(drv_dev_has(&disk->dev, VIRTIO_BLK_F_RO));
	/* Also for a driver that overlooks the bit. */
	for (round = 0; round < 2; round++) {
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0, disk->buf,
					 4 * KIB),
				 VIRTIO_BLK_S_OK);
		disk_expect_byte(disk, disk->buf, 4 * KIB, 0);
		disk_fill(disk, disk->buf, 4 * KIB, 1);
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 0,
					 disk->buf, 4 * KIB),
				 VIRTIO_BLK_S_IOERR);
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0, disk->buf,
					 4 * KIB),
				 VIRTIO_BLK_S_OK);
		disk_expect_byte(disk, disk->buf, 4 * KIB, 0);
		assert_int_not_equal(disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES,
						0, 8, 0),
				     VIRTIO_BLK_S_OK);
		disk_close(disk);
		disk = disk_open(fx.ro, &deaf);
	}
	disk_close(disk);
}

static void unknown_type(void **state)
{
	static const u32 types[] = { 2, 3, 5, 7, 9, 10, 12, 15, 16, 0x7fffffff,
				     0xffffffff };
	struct disk *disk = disk_open(fx.disk, NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		assert_int_equal(disk_io(disk, 0, types[i], 0, disk->buf, 512),
				 VIRTIO_BLK_S_UNSUPP);
	disk_works(disk);
	disk_close(disk);
}

static void null_store(void **state)
{
	const struct drv_dev_conf conf = { .num_queues = DISK_QUEUES };
	struct disk *disk = disk_open(fx.null, &conf);
	u64 bytes;

	(void)state;
	fe_ok(&disk->dev.fe, drv_blk_capacity(&disk->dev, &bytes));
	assert_int_equal(bytes, NULL_SIZE);
	assert_int_equal(disk_io(disk, 3, VIRTIO_BLK_T_OUT, 0, disk->buf,
				 64 * KIB),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 3, VIRTIO_BLK_T_IN, 0, disk->buf,
				 64 * KIB),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 3, VIRTIO_BLK_T_FLUSH, 0, 0, 0),
			 VIRTIO_BLK_S_OK);
	disk_close(disk);
}

/* What was written is in the file, at its place. */
static void file_content(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	u8 *file = malloc(64 * KIB);
	int fd;

	(void)state;
	if (getenv("PVTEST_FOREIGN"))
		skip();
	disk_fill(disk, disk->buf, 64 * KIB, 31);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 4000, disk->buf,
				 64 * KIB),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0),
			 VIRTIO_BLK_S_OK);
	fd = open(fx.image, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, file, 64 * KIB, 4000 * 512), 64 * KIB);
	assert_memory_equal(file,
			    vu_mem_hva(&disk->dev.mem, disk->buf, 64 * KIB),
			    64 * KIB);
	close(fd);
	free(file);
	disk_close(disk);
}

/* GET_VRING_BASE stops; the ring goes on from there afterwards. */
static void stop_and_go_on(void **state)
{
	struct disk *disk = open_way(state);
	unsigned int round;
	unsigned int q;

	for (round = 0; round < 5; round++) {
		disk_works(disk);
		fe_ok(&disk->dev.fe, drv_dev_stop(&disk->dev));
		for (q = 0; q < disk->dev.conf.num_queues; q++) {
			struct drv_vq *vq = &disk->dev.vq[q];

			assert_int_equal(vq->ring.base, drv_vq_base(vq));
			fe_ok(&disk->dev.fe,
			      vu_fe_ring_start(&disk->dev.fe, &vq->ring));
		}
	}
	disk_works(disk);
	disk_close(disk);
}

/* vhost-user, "Ring states": a disabled ring is not served. */
static void disable_enable(void **state)
{
	struct disk *disk = open_way(state);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct drv_used used;

	fe_ok(&disk->dev.fe, vu_fe_vring_enable(&disk->dev.fe, 0, false));
	fe_ok(&disk->dev.fe, vu_fe_sync(&disk->dev.fe));
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4 * KIB };
	disk->req.num_data = 1;
	assert_int_equal(drv_blk_add(vq, &disk->req, 0), 0);
	drv_vq_kick(vq);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 100), -ETIMEDOUT);
	fe_ok(&disk->dev.fe, vu_fe_vring_enable(&disk->dev.fe, 0, true));
	assert_int_equal(drv_vq_reap_wait(vq, &used, 2000), 1);
	assert_int_equal(drv_blk_status(&disk->req), VIRTIO_BLK_S_OK);
	disk_close(disk);
}

/*
 * Protocol features negotiated, but bit 30 not acknowledged: rings start
 * enabled, nobody sends ENABLE (vhost-user, "Ring states").
 */
static void without_protocol_features(void **state)
{
	struct disk *disk = disk_connect(fx.disk, NULL);

	(void)state;
	disk->dev.fe.features &= ~BIT_ULL(VU_F_PROTOCOL_FEATURES);
	disk_start(disk);
	disk_works(disk);
	disk_close(disk);
}

/* A ring without a call eventfd: the driver polls. */
static void no_call_fd(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct drv_used used;
	unsigned int ms;

	(void)state;
	fe_ok(&disk->dev.fe,
	      vu_fe_vring_fd(&disk->dev.fe, VU_SET_VRING_CALL, 0, -1));
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4 * KIB };
	disk->req.num_data = 1;
	assert_int_equal(drv_blk_add(vq, &disk->req, 0), 0);
	drv_vq_kick(vq);
	for (ms = 0; ms < 2000 && !drv_vq_pending(vq); ms++)
		usleep(1000);
	assert_int_equal(drv_vq_reap(vq, &used), 1);
	/* A call eventfd may come later, as with QEMU's masking of vectors. */
	fe_ok(&disk->dev.fe, vu_fe_vring_fd(&disk->dev.fe, VU_SET_VRING_CALL, 0,
					    vq->ring.call_fd));
	disk_works(disk);
	disk_close(disk);
}

/* SIGHUP: look at the file's size again and tell the guest. */
static void resize(void **state)
{
	const struct drv_dev_conf conf = { .num_queues = 1 };
	struct disk *disk = disk_open(fx.disk, &conf);
	struct vu_fe *fe = &disk->dev.fe;
	struct vu_msg m;
	u64 bytes;

	(void)state;
	if (getenv("PVTEST_FOREIGN"))
		skip();
	assert_int_equal(truncate(fx.image, DISK_SIZE * 2), 0);
	kill(fx.daemon.pid, SIGHUP);
	fe_ok(fe, vu_fe_channel_recv(fe, &m));
	assert_int_equal(m.hdr.id, VU_BACKEND_CONFIG_CHANGE);
	fe_ok(fe, drv_blk_capacity(&disk->dev, &bytes));
	assert_int_equal(bytes, DISK_SIZE * 2);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN,
				 DISK_SIZE / DRV_BLK_SECTOR, disk->buf,
				 4 * KIB),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(truncate(fx.image, DISK_SIZE), 0);
	kill(fx.daemon.pid, SIGHUP);
	fe_ok(fe, vu_fe_channel_recv(fe, &m));
	fe_ok(fe, drv_blk_capacity(&disk->dev, &bytes));
	assert_int_equal(bytes, DISK_SIZE);
	disk_close(disk);
}

typedef void (*test_func)(void **state);

/* Tests that run over every way to drive the ring. */
static const struct {
	const char *name;
	test_func func;
} every_way[] = {
	{ "write_read", write_read },
	{ "sizes", sizes },
	{ "flush", flush },
	{ "write_zeroes", write_zeroes },
	{ "discard", discard },
	{ "get_id", get_id },
	{ "header_in_bytes", header_in_bytes },
	{ "header_with_data", header_with_data },
	{ "odd_pieces", odd_pieces },
	{ "used_len", used_len },
	{ "stop_and_go_on", stop_and_go_on },
	{ "disable_enable", disable_enable },
};

static const struct CMUnitTest once[] = {
	cmocka_unit_test_teardown(cross_regions, fixture_after),
	cmocka_unit_test_teardown(cross_many_regions, fixture_after),
	cmocka_unit_test_teardown(max_segments, fixture_after),
	cmocka_unit_test_teardown(config_space, fixture_after),
	cmocka_unit_test_teardown(config_wce, fixture_after),
	cmocka_unit_test_teardown(read_only, fixture_after),
	cmocka_unit_test_teardown(unknown_type, fixture_after),
	cmocka_unit_test_teardown(null_store, fixture_after),
	cmocka_unit_test_teardown(file_content, fixture_after),
	cmocka_unit_test_teardown(without_protocol_features, fixture_after),
	cmocka_unit_test_teardown(no_call_fd, fixture_after),
	cmocka_unit_test_teardown(resize, fixture_after),
};

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(ways) * ARRAY_SIZE(every_way) +
				       ARRAY_SIZE(once)];
	size_t count = 0;
	unsigned int t;
	unsigned int w;
	char *name;

	for (t = 0; t < ARRAY_SIZE(every_way); t++) {
		for (w = 0; w < ARRAY_SIZE(ways); w++) {
			if (asprintf(&name, "%s, %s", every_way[t].name,
				     ways[w].name) < 0)
				return EXIT_FAILURE;
			tests[count++] = (struct CMUnitTest){
				.name = name,
				.test_func = every_way[t].func,
				.teardown_func = fixture_after,
				.initial_state = (void *)(uintptr_t)&ways[w],
			};
		}
	}
	memcpy(tests + count, once, sizeof(once));
	return fixture_run("blk", tests, ARRAY_SIZE(tests));
}
