/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring - a disk whose ring a test writes itself, and what must become of it
 */
#ifndef RING_H
#define RING_H

#include "fixture.h"

#define RING_RAM (64ull << 20)

/**
 * struct ring - the disk, its first queue and RAM for indirect tables
 * @table:	1 MiB of it, as a split ring's descriptors
 * @packed_table: the same as a packed ring's
 */
struct ring {
	struct disk *disk;
	struct drv_vq *vq;
	union {
		struct vring_desc *table;
		struct vring_packed_desc *packed_table;
	};
	u64 table_gpa;
};

/** enum end - what must become of it */
enum end {
	BROKEN,		/* error eventfd, nothing used */
	FAILED,		/* comes back with no success, or BROKEN */
	GOOD,		/* comes back with success */
	ALIVE,		/* anything, as long as others do not notice */
};

/** struct hostile - a way to misuse a ring */
struct hostile {
	const char *name;
	enum end end;
	void (*act)(struct ring *r);
	u64 no_features;
};

/** ring_open() - connect, with @conf's features and sizes, and start */
struct ring ring_open(const struct drv_dev_conf *conf);

/** ring_request() - the request's head as it should be: a read of sector 0 */
void ring_request(struct ring *r);

/** ring_status_gpa() - where the request's status goes */
u64 ring_status_gpa(const struct ring *r);

/** ring_readable() - is an eventfd signalled within @timeout_ms? */
bool ring_readable(int fd, int timeout_ms);

/** ring_check_end() - fail the test unless it ends so */
void ring_check_end(struct ring *r, enum end end);

/** ring_revive() - stop the ring and set it up anew: it must serve again */
void ring_revive(struct ring *r);

#endif /* RING_H */
