// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inflight_world - all that survives a daemon, see the header
 */
#include "inflight_world.h"

#include <linux/virtio_config.h>
#include <string.h>

#define GPA(field) offsetof(struct world_ram, field)

/* Slot @s owns descriptors 2s and 2s + 1. */
static void split_add(struct world *w, unsigned int slot, bool two)
{
	struct vring_avail *avail = (void *)w->ram.avail;
	struct vring_desc *d = &w->ram.desc[2 * slot];

	d[0] = (struct vring_desc){
		.addr = GPA(number) + slot * sizeof(u64),
		.len = sizeof(u64),
		.flags = two ? VRING_DESC_F_NEXT : 0,
		.next = (u16)(2 * slot + 1),
	};
	d[1] = (struct vring_desc){
		.addr = GPA(answer) + slot * sizeof(u64),
		.len = sizeof(u64),
		.flags = VRING_DESC_F_WRITE,
	};
	avail->ring[w->at % WORLD_SIZE] = (u16)(2 * slot);
	avail->idx = ++w->at;
}

static int split_reap(struct world *w)
{
	const struct vring_used *used = (void *)w->ram.used;

	if (used->idx == w->used_at)
		return -1;
	return (int)used->ring[w->used_at++ % WORLD_SIZE].id / 2;
}

/* Close to where 16 bits end, so that they do. */
#define SPLIT_BASE 0xfff8

static void split_init(struct world *w)
{
	struct vring_avail *avail = (void *)w->ram.avail;
	struct vring_used *used = (void *)w->ram.used;

	w->at = SPLIT_BASE;
	w->used_at = w->at;
	avail->idx = w->at;
	used->idx = w->at;
}

const struct world_driver world_split = {
	.base = SPLIT_BASE,
	.init = split_init,
	.add = split_add,
	.reap = split_reap,
};

/* A slot's number is its buffer id. */
static void packed_put(struct world *w, unsigned int slot, u64 addr, u16 flags)
{
	u16 bits = BIT_ULL(w->wrap ? VRING_PACKED_DESC_F_AVAIL :
				     VRING_PACKED_DESC_F_USED);

	w->ram.packed[w->at] = (struct vring_packed_desc){
		.addr = addr + slot * sizeof(u64),
		.len = sizeof(u64),
		.id = (u16)slot,
		.flags = bits | flags,
	};
	if (++w->at == WORLD_SIZE) {
		w->at = 0;
		w->wrap = !w->wrap;
	}
}

static void packed_add(struct world *w, unsigned int slot, bool two)
{
	w->num[slot] = two ? 2 : 1;
	packed_put(w, slot, GPA(number), two ? VRING_DESC_F_NEXT : 0);
	if (two)
		packed_put(w, slot, GPA(answer), VRING_DESC_F_WRITE);
}

static int packed_reap(struct world *w)
{
	const struct vring_packed_desc *desc = &w->ram.packed[w->used_at];
	bool avail = desc->flags & BIT_ULL(VRING_PACKED_DESC_F_AVAIL);
	bool used = desc->flags & BIT_ULL(VRING_PACKED_DESC_F_USED);

	if (avail != used || used != w->used_wrap)
		return -1;
	if (desc->id >= WORLD_SLOTS)
		return WORLD_SLOTS;
	w->used_at += w->num[desc->id];
	if (w->used_at >= WORLD_SIZE) {
		w->used_at -= WORLD_SIZE;
		w->used_wrap = !w->used_wrap;
	}
	return desc->id;
}

static void packed_init(struct world *w)
{
	w->wrap = true;
	w->used_wrap = true;
}

const struct world_driver world_packed = {
	.features = BIT_ULL(VIRTIO_F_RING_PACKED),
	.base = 0x80008000,
	.init = packed_init,
	.add = packed_add,
	.reap = packed_reap,
};

void world_init(struct world *w, const struct world_driver *driver)
{
	memset(w, 0, sizeof(*w));
	memset(w->request, WORLD_NONE, sizeof(w->request));
	driver->init(w);
}

bool world_add(struct world *w, const struct world_driver *driver)
{
	unsigned int slot;

	for (slot = 0; slot < WORLD_SLOTS; slot++)
		if (w->request[slot] == WORLD_NONE)
			break;
	if (slot == WORLD_SLOTS || w->made == WORLD_REQUESTS)
		return false;
	w->request[slot] = w->made;
	w->ram.number[slot] = w->made;
	driver->add(w, slot, w->made++ % 3);
	return true;
}

bool world_reap(struct world *w, const struct world_driver *driver)
{
	int slot;

	while ((slot = driver->reap(w)) >= 0) {
		if (slot >= (int)WORLD_SLOTS || w->request[slot] == WORLD_NONE)
			return false;
		w->done[w->request[slot]]++;
		w->request[slot] = WORLD_NONE;
	}
	return true;
}

int world_start(struct world *w, const struct world_driver *driver,
		struct mem_table *mem, struct vq *vq)
{
	enum inflight_fault fault;
	struct vq_setup s = {
		.mem = mem,
		.features = driver->features,
		.size = WORLD_SIZE,
		.desc_uva = WORLD_UVA + GPA(desc),
		.avail_uva = WORLD_UVA + GPA(avail),
		.used_uva = WORLD_UVA + GPA(used),
		.base = driver->base,
		.inflight = {
			.hva = w->part,
			.len = sizeof(w->part),
			.queue_size = WORLD_PART_SIZE,
		},
		.inflight_fault = &fault,
	};

	mem->count = 1;
	mem->region[0] = (struct mem_region){
		.size = sizeof(w->ram),
		.uva = WORLD_UVA,
		.hva = (u8 *)&w->ram,
	};
	return vq_start(vq, &s);
}

int world_pop(struct vq *vq, u16 *id)
{
	struct iovec iov[4];
	struct vq_chain chain = { .iov = iov, .iov_max = ARRAY_SIZE(iov) };

	if (vq_pop(vq, &chain) <= 0)
		return -1;
	*id = chain.id;
	return (int)*(const u64 *)iov[0].iov_base;
}
