/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dirty - the log of guest pages that we have written, for live migration
 *
 * The front end shares a bitmap, one bit for each 4 KiB of guest-physical
 * memory from address 0 on (vhost-user, "Migration").  While VHOST_F_LOG_ALL
 * is acknowledged, whoever has written to guest memory sets the page's bit
 * afterwards; the front end takes the bits and copies those pages once more.
 *
 * Theory of operation
 *
 *	we				front end
 *	write to the page		exchange the bitmap's word with 0
 *	set its bit (release)		copy the page
 *
 * Either its exchange sees our bit, then its copy has what we wrote; or it
 * does not, then the bit stays for the next time.
 *
 * The mapping is the control thread's, which changes it only while all queues
 * of the device stand still (queue.h).  Any number of workers set bits.
 */
#ifndef PV_DIRTY_H
#define PV_DIRTY_H

#include "mem.h"
#include "sigbus.h"
#include "util.h"

/* vhost-user, "Migration": VHOST_LOG_PAGE */
#define DIRTY_PAGE_SHIFT 12

/* vhost: the virtio feature bit that turns logging on. */
#define VHOST_F_LOG_ALL 26

/**
 * struct dirty_log - the bitmap
 * @bits:	NULL: there is none
 * @size:	bytes of @bits
 * @map:	start of the mapping, a page boundary at or before @bits
 * @map_len:	bytes mapped
 * @lost:	pages of it that its owner has cut off: bits for nobody, which is
 *		the owner's own loss
 */
struct dirty_log {
	u8 *bits;
	u64 size;
	void *map;
	size_t map_len;
	struct sigbus_mark lost;
};

/**
 * dirty_map() - use another bitmap, in the place of the one before
 * @size:	bytes of bitmap
 * @offset:	of the first one in the file
 * @fd:		stays the caller's
 *
 * Return: 0, -EINVAL (no size, wrap, beyond the end of the file, not a regular
 * file) or -errno of mmap(), and @log is what it was; -ENOMEM where it cannot be
 * watched, and there is none.
 */
int dirty_map(struct dirty_log *log, u64 size, u64 offset, int fd);

/** dirty_unmap() - forget the bitmap, if there is one */
void dirty_unmap(struct dirty_log *log);

/** dirty_covers() - does each page of [gpa, gpa + len) have a bit? */
bool dirty_covers(const struct dirty_log *log, gpa_t gpa, u64 len);

/** dirty_mark() - [gpa, gpa + len) was written; pages without a bit are left out */
void dirty_mark(struct dirty_log *log, gpa_t gpa, u64 len);

/** dirty_mark_hva() - the same for memory as it is mapped here */
void dirty_mark_hva(struct dirty_log *log, const struct mem_table *mem,
		    const void *hva, u64 len);

/** dirty_mark_iov() - the same for the first @len bytes of @count pieces */
void dirty_mark_iov(struct dirty_log *log, const struct mem_table *mem,
		    const struct iovec *iov, unsigned int count, u64 len);

#endif /* PV_DIRTY_H */
