// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_packed - the packed ring, device side, with a driver that does anything
 */
#include <linux/virtio_config.h>
#include <stdlib.h>

#include "ring.h"

#define MINE (BIT_ULL(VRING_PACKED_DESC_F_AVAIL) | \
	      BIT_ULL(VRING_PACKED_DESC_F_USED))

static struct vring_packed_desc desc_make(struct ring_desc d, u16 ownership)
{
	return (struct vring_packed_desc){
		.addr = cpu_to_le64(d.addr),
		.len = cpu_to_le32(d.len),
		.id = cpu_to_le16(d.next),
		.flags = cpu_to_le16(d.flags | ownership),
	};
}

/* Where the descriptor at the driver's position is. */
static u64 slot(const struct ring *r)
{
	return RING_DESC + (r->next % r->vq.size) *
				   sizeof(struct vring_packed_desc);
}

/* Anywhere, its two bits included. */
static void desc_write(struct ring *r, struct fuzz_input *in, u64 table)
{
	u8 index = fuzz_u8(in);
	u16 ownership = (u16)(fuzz_u8(in) << 8 | fuzz_u8(in)) & MINE;
	struct vring_packed_desc raw = desc_make(ring_desc_take(in), ownership);

	guest_write(table + index * sizeof(raw), &raw, sizeof(raw));
}

/* The next one, as a driver that keeps to the rules would. */
static void available(struct ring *r, struct fuzz_input *in)
{
	u16 ownership = r->wrap ? BIT_ULL(VRING_PACKED_DESC_F_AVAIL) :
				  BIT_ULL(VRING_PACKED_DESC_F_USED);
	struct vring_packed_desc raw = desc_make(ring_desc_take(in), ownership);

	guest_write(slot(r), &raw, sizeof(raw));
	if (++r->next >= r->vq.size) {
		r->next = 0;
		r->wrap = !r->wrap;
	}
}

static void jump(struct ring *r, struct fuzz_input *in)
{
	u16 pos = fuzz_u16(in);

	r->next = pos & 0x7fff;
	r->wrap = pos >> 15;
}

static const struct ring_driver driver = {
	.features = BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_RING_PACKED),
	.choices = BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
		   BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
		   BIT_ULL(VIRTIO_F_IN_ORDER),
	.base_mask = 0xffffffff,
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
