/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem - guest memory: the table of shared regions, guest-physical to pointer
 *
 * The front end hands over regions as file descriptors.  A region's numbers
 * come from outside, so each is checked for wrap, size 0 and overlap before
 * it is mapped (vhost-user: "Memory region description").
 *
 * The table belongs to the control thread.  Workers read it while one of the
 * device's queues runs; the control thread changes it only when all of them
 * are stopped (see queue.h), so there is no lock.
 */
#ifndef PV_MEM_H
#define PV_MEM_H

#include <sys/uio.h>

#include "sigbus.h"
#include "util.h"

/* What QEMU itself can use at most, also beyond KVM's own slots. */
#define MEM_SLOTS_MAX 509

/**
 * struct mem_region - one contiguous piece of guest memory, mapped
 * @gpa:	guest-physical address of the first byte
 * @size:	bytes
 * @uva:	the front end's own address of the first byte (ring addresses
 *		in SET_VRING_ADDR are in this space)
 * @hva:	where the first byte is mapped here
 * @map:	start of the mapping, which begins at the file's offset 0 or
 *		at a page boundary before @hva
 * @map_len:	bytes mapped
 * @file_dev:	file behind it
 * @file_ino:	file behind it
 * @file_offset: of the first byte in the file
 * @added:	times it was added, and must be removed
 * @fd:		the file itself, for a daemon that takes over; -1: there was none
 *		left
 */
struct mem_region {
	gpa_t gpa;
	u64 size;
	u64 uva;
	u8 *hva;
	void *map;
	size_t map_len;
	u64 file_dev;
	u64 file_ino;
	u64 file_offset;
	unsigned int added;
	int fd;
};

/**
 * struct mem_table - all regions of one device, sorted by @gpa, disjoint
 * @lost:	pages whose file the front end has cut short (mem_lost())
 */
struct mem_table {
	struct sigbus_mark lost;
	unsigned int count;
	struct mem_region region[MEM_SLOTS_MAX];
};

/**
 * struct mem_region_desc - a region as the front end describes it
 * @gpa:	guest-physical address
 * @size:	bytes
 * @uva:	front end's address
 * @offset:	of the first byte in the file, bytes
 */
struct mem_region_desc {
	gpa_t gpa;
	u64 size;
	u64 uva;
	u64 offset;
};

/**
 * mem_table_add() - check a region, map it and put it into the table
 * @t:		table, no queue of its device running
 * @d:		region as received, not yet checked
 * @fd:		file to map; stays the caller's, may be closed afterwards
 *
 * Adding the same region again changes nothing.
 *
 * The very same region, of the same file, may be added again.
 *
 * Return: 0, -EINVAL (wrap, size 0, overlap, beyond the end of the file),
 * -ENOSPC (table full) or -errno of mmap().
 */
int mem_table_add(struct mem_table *t, const struct mem_region_desc *d, int fd);

/**
 * mem_table_remove() - unmap the region that @d names by gpa, size and uva, when
 *			it has been removed as often as it was added
 *
 * Return: 0 or -ENOENT.
 */
int mem_table_remove(struct mem_table *t, const struct mem_region_desc *d);

/** mem_table_clear() - unmap everything */
void mem_table_clear(struct mem_table *t);

/**
 * mem_lost() - has something read or written here not been the guest's memory?
 *
 * To be asked before any result is shown to the driver, after sigbus_fence()
 * where something was written.  Until the regions concerned are removed, yes.
 */
static inline bool mem_lost(const struct mem_table *t)
{
	return sigbus_faults(&t->lost) != 0;
}

/** mem_lost_region() - the region that was last found cut short, or NULL */
const struct mem_region *mem_lost_region(const struct mem_table *t);

/** mem_region_find() - the region that @gpa is in, or NULL */
const struct mem_region *mem_region_find(const struct mem_table *t, gpa_t gpa);

/**
 * mem_region_hva() - pointer to [gpa, gpa + len) if all of it is in @r
 * @len:	bytes, > 0
 *
 * Return: pointer or NULL.  No wrap: gpa below the region's gives an offset
 * beyond any size.
 */
static inline void *mem_region_hva(const struct mem_region *r, gpa_t gpa,
				   u64 len)
{
	u64 off = gpa - r->gpa;

	if (off >= r->size || len > r->size - off)
		return NULL;
	return r->hva + off;
}

/**
 * mem_gpa_to_hva() - pointer to guest memory that is contiguous here too
 * @len:	bytes needed, > 0
 *
 * Return: pointer, or NULL where [gpa, gpa + len) is not inside one region.
 */
void *mem_gpa_to_hva(const struct mem_table *t, gpa_t gpa, u64 len);

/** mem_uva_to_hva() - the same for the front end's addresses (rings) */
void *mem_uva_to_hva(const struct mem_table *t, u64 uva, u64 len);

/**
 * mem_gpa_to_iov() - append [gpa, gpa + len) to an iov, split at regions
 * @iov:	where to write entries
 * @room:	how many entries fit
 *
 * Return: entries written (1 unless a region border is crossed), -EFAULT
 * where a byte is not guest memory, -ENOBUFS where @room is too small.
 */
int mem_gpa_to_iov(const struct mem_table *t, gpa_t gpa, u64 len,
		   struct iovec *iov, unsigned int room);

#endif /* PV_MEM_H */
