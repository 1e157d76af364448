/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inflight_world - all that survives a daemon: RAM with a ring, the record, and
 *		    a driver that knows what it asked for
 *
 * Requests are numbered from 0 in the order in which they are made available,
 * and carry their number in their buffer.  The driver's half of a ring layout
 * is a struct world_driver; it never trusts what comes back.
 */
#ifndef INFLIGHT_WORLD_H
#define INFLIGHT_WORLD_H

#include <linux/virtio_ring.h>

#include "vq.h"

#define WORLD_SIZE     16u /* ring entries */
#define WORLD_SLOTS    8u  /* requests at a time, two descriptors each */
#define WORLD_REQUESTS 250u
#define WORLD_UVA      0x7f0000000000ull
#define WORLD_NONE     0xff

/* Far enough from the ring's size that mixing them up shows. */
#define WORLD_PART_SIZE 20u

struct world_ram {
	union {
		struct vring_desc desc[WORLD_SIZE];
		struct vring_packed_desc packed[WORLD_SIZE];
	};
	u8 avail[64];
	u8 used[256];
	u64 number[WORLD_SLOTS];
	u64 answer[WORLD_SLOTS];
};

/**
 * struct world - see above
 * @stepping:	the daemon is at work, so this may be its end
 * @made:	requests made available
 * @done:	of those, answered: how often
 * @request:	number of the request in each slot, WORLD_NONE: free
 * @at, @wrap, @used_at, @used_wrap: the driver's positions
 * @num:	packed: descriptors of the request in each slot
 */
struct world {
	struct world_ram ram;
	u8 part[sizeof(struct inflight_packed) +
		WORLD_PART_SIZE * sizeof(struct inflight_packed_desc)];
	bool stepping;
	u8 made;
	u8 done[WORLD_REQUESTS];
	u8 request[WORLD_SLOTS];
	u16 at;
	u16 used_at;
	bool wrap;
	bool used_wrap;
	u8 num[WORLD_SLOTS];
};

/**
 * struct world_driver - the driver's side of a layout
 * @features:	virtio features that choose it
 * @base:	where the front end says that the ring starts, as long as nothing
 *		was recorded
 * @init:	empty ring
 * @add:	make the request in @slot available, with one or two descriptors
 * @reap:	slot of the next buffer that came back, or -1
 */
struct world_driver {
	u64 features;
	u32 base;
	void (*init)(struct world *w);
	void (*add)(struct world *w, unsigned int slot, bool two);
	int (*reap)(struct world *w);
};

extern const struct world_driver world_split;
extern const struct world_driver world_packed;

void world_init(struct world *w, const struct world_driver *driver);

/** world_add() - the driver asks for one thing more; false: no slot is free */
bool world_add(struct world *w, const struct world_driver *driver);

/** world_reap() - the driver takes all that came back; false: a lie */
bool world_reap(struct world *w, const struct world_driver *driver);

/** world_start() - a daemon's life begins; vq_start()'s result */
int world_start(struct world *w, const struct world_driver *driver,
		struct mem_table *mem, struct vq *vq);

/** world_pop() - number of the next request, -1: none; its @id */
int world_pop(struct vq *vq, u16 *id);

#endif /* INFLIGHT_WORLD_H */
