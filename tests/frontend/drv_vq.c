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

int drv_vq_init(struct drv_vq *vq, struct vu_mem *mem,
		const struct drv_vq_conf *conf)
{
	int err;

	*vq = (struct drv_vq){
		.ops = &drv_split_ops,
		.mem = mem,
		.size = conf->size,
		.ring = { .index = conf->index, .num = conf->size },
		.event_idx = conf->features &
			     BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
		.use_indirect = conf->features &
				BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
	};
	err = drv_split_place(vq, conf->region);
	if (err)
		return err;
	if (vq->use_indirect) {
		err = table_place(vq, conf->indirect_max);
		if (err)
			return err;
	}
	vq->slots = calloc(vq->size, sizeof(*vq->slots));
	if (!vq->slots)
		return -ENOMEM;
	err = eventfds_open(&vq->ring);
	if (err) {
		free(vq->slots);
		vq->slots = NULL;
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
	free(vq->slots);
	vq->slots = NULL;
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
