// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * drv_vq - virtqueues as a driver sees them: what the layouts share
 */
#include "drv_vq.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int eventfds_open(struct vu_ring *ring)
{
	ring->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->kick_fd < 0)
		return -errno;
	ring->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->call_fd < 0)
		goto err_close_kick;
	ring->err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->err_fd < 0)
		goto err_close_call;
	return 0;

err_close_call:
	close(ring->call_fd);
err_close_kick:
	close(ring->kick_fd);
	return -errno;
}

static int table_place(struct drv_vq *vq, unsigned int count)
{
	u64 len = (u64)vq->size * count * sizeof(struct vring_desc);

	if (!count)
		return 0;
	vq->table_gpa = vu_mem_alloc_any(vq->mem, len, 64);
	if (vq->table_gpa == VU_MEM_NONE)
		return -ENOMEM;
	vq->table = vu_mem_hva(vq->mem, vq->table_gpa, len);
	vq->indirect_max = count;
	return 0;
}

void *drv_area_place(struct drv_vq *vq, unsigned int region, size_t len,
		     u64 *uva)
{
	u64 gpa = vu_mem_alloc(vq->mem, region, len, CACHE_LINE);

	if (gpa == VU_MEM_NONE)
		return NULL;
	*uva = vu_mem_uva(vq->mem, gpa);
	return vu_mem_hva(vq->mem, gpa, len);
}

static int areas_place(struct drv_vq *vq, const struct drv_vq_conf *conf)
{
	bool packed = vq->ops == &drv_packed_ops;
	int err;

	err = packed ? drv_packed_place(vq, conf->region) :
		       drv_split_place(vq, conf->region);
	if (!err && vq->use_indirect)
		err = table_place(vq, conf->indirect_max);
	return err;
}

static int records_alloc(struct drv_vq *vq, u64 features)
{
	vq->slots = calloc(vq->size, sizeof(*vq->slots));
	if (!vq->slots)
		return -ENOMEM;
	if (!(features & BIT_ULL(VIRTIO_F_IN_ORDER)))
		return 0;
	vq->order.ids = calloc(vq->size, sizeof(*vq->order.ids));
	return vq->order.ids ? 0 : -ENOMEM;
}

static void records_free(struct drv_vq *vq)
{
	free(vq->slots);
	free(vq->order.ids);
	vq->slots = NULL;
	vq->order.ids = NULL;
}

int drv_vq_init(struct drv_vq *vq, struct vu_mem *mem,
		const struct drv_vq_conf *conf)
{
	bool packed = conf->features & BIT_ULL(VIRTIO_F_RING_PACKED);
	int err;

	*vq = (struct drv_vq){
		.ops = packed ? &drv_packed_ops : &drv_split_ops,
		.mem = mem,
		.size = conf->size,
		.ring = { .index = conf->index, .num = conf->size },
		.event_idx = conf->features &
			     BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
		.use_indirect = conf->features &
				BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
	};
	err = areas_place(vq, conf);
	if (err)
		return err;
	err = records_alloc(vq, conf->features);
	if (!err)
		err = eventfds_open(&vq->ring);
	if (err) {
		records_free(vq);
		return err;
	}
	drv_vq_reset(vq);
	return 0;
}

void drv_vq_fini(struct drv_vq *vq)
{
	if (!vq->slots)
		return;
	close(vq->ring.kick_fd);
	close(vq->ring.call_fd);
	close(vq->ring.err_fd);
	records_free(vq);
}

/* Ids */

void drv_ids_reset(struct drv_vq *vq)
{
	u16 i;

	for (i = 0; i < vq->size; i++)
		vq->slots[i] = (struct drv_slot){ .next = (u16)(i + 1) };
	vq->free = vq->size;
	vq->free_head = 0;
	vq->free_tail = (u16)(vq->size - 1);
	vq->order.head = 0;
	vq->order.count = 0;
	vq->order.batch = false;
}

void drv_buffer_taken(struct drv_vq *vq, u16 id, u32 token, u64 in_len,
		      u16 count)
{
	struct drv_order *o = &vq->order;

	vq->slots[id].token = token;
	vq->slots[id].in_len = in_len;
	vq->slots[id].count = count;
	vq->free = (u16)(vq->free - count);
	if (o->ids)
		o->ids[(o->head + o->count++) % vq->size] = id;
}

/*
 * virtio 1.3, 2.7.9: an entry may stand for a batch; of those that have none of
 * their own the device has written every byte.
 */
static int next_in_order(struct drv_vq *vq, u32 *id, u32 *len)
{
	struct drv_order *o = &vq->order;
	u16 oldest;

	if (!o->batch) {
		o->batch = true;
		o->id = (u16)*id;
		o->len = *len;
	}
	if (!o->count)
		return -EPROTO;
	oldest = o->ids[o->head];
	o->head = (u16)((o->head + 1) % vq->size);
	o->count--;
	o->batch = oldest != o->id;
	o->skipped += o->batch;
	*len = o->batch ? (u32)vq->slots[oldest].in_len : o->len;
	*id = oldest;
	return 0;
}

int drv_buffer_used(struct drv_vq *vq, u32 id, u32 len, struct drv_used *used)
{
	const bool batch = vq->order.batch;

	if (!batch && (id >= vq->size || !vq->slots[id].count))
		return -EPROTO;
	if (vq->order.ids && next_in_order(vq, &id, &len))
		return -EPROTO;
	*used = (struct drv_used){
		.token = vq->slots[id].token,
		.head = (u16)id,
		.len = len,
	};
	return 1;
}

void drv_vq_kick_always(struct drv_vq *vq)
{
	/* Full counter (EAGAIN) means that a kick is pending anyway. */
	if (eventfd_write(vq->ring.kick_fd, 1) == 0)
		vq->kicks++;
}

void drv_vq_kick(struct drv_vq *vq)
{
	if (drv_vq_publish(vq))
		drv_vq_kick_always(vq);
}

int drv_vq_wait(struct drv_vq *vq, int timeout_ms)
{
	struct pollfd p = { .fd = vq->ring.call_fd, .events = POLLIN };
	eventfd_t value;
	int n;

	n = poll(&p, 1, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n || eventfd_read(vq->ring.call_fd, &value))
		return 0;
	vq->calls++;
	return 1;
}

int drv_vq_reap_wait(struct drv_vq *vq, struct drv_used *used, int timeout_ms)
{
	int n;

	for (;;) {
		n = drv_vq_reap(vq, used);
		if (n)
			return n;
		if (drv_vq_calls_on(vq))
			continue;
		n = drv_vq_wait(vq, timeout_ms);
		if (n < 0)
			return n;
		if (!n)
			return drv_vq_pending(vq) ? -ENOMSG : -ETIMEDOUT;
	}
}
