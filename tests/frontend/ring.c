// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring - a disk whose ring a test writes itself, and what must become of it
 */
#include "ring.h"

#include <poll.h>
#include <unistd.h>

#define TABLE_LEN (1u << 20)

struct ring ring_open(const struct drv_dev_conf *conf)
{
	struct drv_dev_conf c = *conf;
	struct ring r;

	/* Rings are begun anew behind the record's back. */
	c.no_proto |= BIT_ULL(VU_P_INFLIGHT_SHMFD);
	c.layout.regions = 2;
	c.layout.size = RING_RAM / 2;
	r.disk = disk_open(fx.disk, &c);
	r.vq = &r.disk->dev.vq[0];
	r.table_gpa = vu_mem_alloc(&r.disk->dev.mem, 0, TABLE_LEN, 16);
	r.table = vu_mem_hva(&r.disk->dev.mem, r.table_gpa, TABLE_LEN);
	return r;
}

void ring_request(struct ring *r)
{
	r->disk->req.head->hdr = (struct virtio_blk_outhdr){ 0 };
	r->disk->req.head->status = DRV_BLK_UNDONE;
}

u64 ring_status_gpa(const struct ring *r)
{
	return r->disk->req.head_gpa + offsetof(struct drv_blk_head, status);
}

bool ring_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* Either the error eventfd or a used buffer, whichever is first. */
static bool came_back(struct ring *r, int timeout_ms)
{
	int ms;

	for (ms = 0; ms < timeout_ms; ms++) {
		if (drv_vq_pending(r->vq))
			return true;
		if (ring_readable(r->vq->ring.err_fd, 1))
			return false;
	}
	fail_msg("neither used nor broken after %d ms", timeout_ms);
	return false;
}

void ring_check_end(struct ring *r, enum end end)
{
	const u8 *status = &r->disk->req.head->status;
	bool used;

	if (end == ALIVE) {
		usleep(5000);
		return;
	}
	used = came_back(r, 2000);
	if (end == BROKEN)
		assert_false(used);
	if (end == GOOD) {
		assert_true(used);
		assert_int_equal(*status, VIRTIO_BLK_S_OK);
	}
	if (end == FAILED && used)
		assert_int_not_equal(*status, VIRTIO_BLK_S_OK);
}

void ring_revive(struct ring *r)
{
	struct vu_fe *fe = &r->disk->dev.fe;

	fe_ok(fe, vu_fe_get_vring_base(fe, 0, &r->vq->ring.base));
	drv_vq_reset(r->vq);
	fe_ok(fe, vu_fe_ring_start(fe, &r->vq->ring));
	disk_works(r->disk);
}
