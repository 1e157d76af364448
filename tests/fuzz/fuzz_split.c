// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_split - the split ring, device side, with a driver that does anything
 */
#include <linux/virtio_config.h>
#include <stdlib.h>

#include "ring.h"

static void desc_write(struct ring *r, struct fuzz_input *in, u64 table)
{
	u8 index = fuzz_u8(in);
	struct ring_desc d = ring_desc_take(in);
	struct vring_desc raw = {
		.addr = cpu_to_virtio64(d.addr),
		.len = cpu_to_virtio32(d.len),
		.flags = cpu_to_virtio16(d.flags),
		.next = cpu_to_virtio16(d.next),
	};

	guest_write(table + index * sizeof(raw), &raw, sizeof(raw));
}

static void set_idx(struct ring *r)
{
	__virtio16 idx = cpu_to_virtio16(r->next);

	guest_write(RING_AVAIL + offsetof(struct vring_avail, idx), &idx,
		    sizeof(idx));
}

static void available(struct ring *r, struct fuzz_input *in)
{
	__virtio16 head = cpu_to_virtio16(fuzz_u8(in));
	u64 slot = RING_AVAIL + offsetof(struct vring_avail, ring) +
		   (r->next % r->vq.size) * sizeof(head);

	guest_write(slot, &head, sizeof(head));
	r->next++;
	set_idx(r);
}

static void jump(struct ring *r, struct fuzz_input *in)
{
	r->next = fuzz_u16(in);
	set_idx(r);
}

static const struct ring_driver driver = {
	.features = BIT_ULL(VIRTIO_F_VERSION_1),
	.choices = BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
		   BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
		   BIT_ULL(VIRTIO_F_IN_ORDER),
	.base_mask = 0x1ffff,
	.desc_write = desc_write,
	.available = available,
	.jump = jump,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };

	ring_run(&driver, &in);
	return 0;
}
