/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_mem - a guest's RAM without a guest: memfd regions at chosen addresses
 */
#ifndef VU_MEM_H
#define VU_MEM_H

#include "vu_wire.h"

#define VU_MEM_REGIONS_MAX 509
#define VU_MEM_NONE	   UINT64_MAX

/**
 * struct vu_region - one shared piece of RAM
 * @gpa:	guest-physical address
 * @size:	bytes
 * @uva:	what the back end is told as our address of it; deliberately
 *		not @hva, so that nobody can mix the two up unnoticed
 * @offset:	of the first byte in @fd
 * @fd:		memfd, owned
 * @hva:	mapped here
 * @used:	bytes handed out by vu_mem_alloc()
 */
struct vu_region {
	u64 gpa;
	u64 size;
	u64 uva;
	u64 offset;
	int fd;
	u8 *hva;
	u64 used;
};

/** struct vu_mem - all of a device's RAM */
struct vu_mem {
	unsigned int count;
	struct vu_region region[VU_MEM_REGIONS_MAX];
};

/**
 * struct vu_mem_layout - how to lay RAM out
 * @regions:	how many
 * @size:	bytes of each, a multiple of the page size
 * @hole:	bytes of guest-physical space left free between two
 * @base:	guest-physical address of the first
 * @offset:	where in its memfd each region begins
 */
struct vu_mem_layout {
	unsigned int regions;
	u64 size;
	u64 hole;
	u64 base;
	u64 offset;
};

/** vu_mem_create() - make all regions; 0 or -errno */
int vu_mem_create(struct vu_mem *mem, const struct vu_mem_layout *layout);

/** vu_mem_destroy() - unmap and close */
void vu_mem_destroy(struct vu_mem *mem);

/** vu_mem_alloc() - gpa of @size fresh bytes in region @index, or VU_MEM_NONE */
u64 vu_mem_alloc(struct vu_mem *mem, unsigned int index, u64 size, u64 align);

/** vu_mem_alloc_any() - the same in the first region with room */
u64 vu_mem_alloc_any(struct vu_mem *mem, u64 size, u64 align);

/** vu_mem_hva() - our pointer to [gpa, gpa + len), NULL across a border */
void *vu_mem_hva(const struct vu_mem *mem, u64 gpa, u64 len);

/** vu_mem_uva() - what to tell the back end for a gpa, 0 if outside */
u64 vu_mem_uva(const struct vu_mem *mem, u64 gpa);

/** vu_mem_read() and vu_mem_write() - copy, also across region borders */
int vu_mem_read(const struct vu_mem *mem, u64 gpa, void *buf, u64 len);
int vu_mem_write(const struct vu_mem *mem, u64 gpa, const void *buf, u64 len);

/** vu_mem_desc() - a region as messages describe it */
static inline struct vu_region_desc vu_mem_desc(const struct vu_region *r)
{
	struct vu_region_desc d = {
		.gpa = r->gpa,
		.size = r->size,
		.uva = r->uva,
		.offset = r->offset,
	};

	return d;
}

#endif /* VU_MEM_H */
