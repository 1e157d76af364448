/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring - a virtqueue under fuzz: what split and packed rings have in common
 *
 * The input is a set-up (size, features, where the areas are, base) and then
 * commands: the driver writes descriptors, makes some available, overwrites any
 * byte; the device pops, pushes, publishes, arms.  After each call what vq.h
 * promises is checked.
 */
#ifndef FUZZ_RING_H
#define FUZZ_RING_H

#include <linux/virtio_ring.h>

#include "fuzz.h"
#include "guest.h"
#include "vq.h"

/* Where the areas of a well-formed ring are. */
#define RING_DESC  0x0000U
#define RING_AVAIL 0x1000U
#define RING_USED  0x1800U


struct ring;

/**
 * struct ring_driver - what the driver does in a layout of its own
 * @features:	always negotiated
 * @choices:	the input chooses among these
 * @base_mask:	bits of a base that may be set
 * @desc_write:	put a descriptor, made from the input, into a table
 * @available:	make a buffer available in the regular way
 * @jump:	set the driver's position to anything
 */
struct ring_driver {
	u64 features;
	u64 choices;
	u32 base_mask;
	void (*desc_write)(struct ring *r, struct fuzz_input *in, u64 table);
	void (*available)(struct ring *r, struct fuzz_input *in);
	void (*jump)(struct ring *r, struct fuzz_input *in);
};

/**
 * struct ring - a run
 * @next:	driver's position, counted by the driver's half
 * @wrap:	driver's wrap counter (packed)
 * @popped:	ids that were taken and not yet given back, oldest first
 * @fresh:	of those, how many since the last push: may be unpopped
 * @pushed:	pushed, and not yet published
 * @fault:	why the record was refused
 */
struct ring {
	const struct ring_driver *driver;
	struct vq vq;
	struct vq_setup setup;
	u16 next;
	bool wrap;
	u16 popped[256];
	unsigned int num_popped;
	unsigned int fresh;
	u16 pushed[256];
	unsigned int num_pushed;
	enum inflight_fault fault;
};

/** ring_run() - one input */
void ring_run(const struct ring_driver *driver, struct fuzz_input *in);

/**
 * struct ring_desc - a descriptor as the input describes it, 8 bytes
 *
 * Short, so that most of what a mutation makes still hits memory; two flag bits
 * reach what does not.
 */
struct ring_desc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

struct ring_desc ring_desc_take(struct fuzz_input *in);

#endif /* FUZZ_RING_H */
