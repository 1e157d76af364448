// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_mem - a guest's RAM without a guest: memfd regions at chosen addresses
 */
#include "vu_mem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Told to the back end as our addresses; nothing is ever mapped there. */
#define UVA_BASE 0x6a0000000000ull

static int region_create(struct vu_region *r, u64 gpa, u64 size, u64 offset)
{
	void *map;
	int fd;
	int err;

	fd = memfd_create("vu_mem", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)(offset + size))) {
		err = -errno;
		goto err_close;
	}
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   (off_t)offset);
	if (map == MAP_FAILED) {
		err = -errno;
		goto err_close;
	}
	*r = (struct vu_region){
		.gpa = gpa,
		.size = size,
		.uva = UVA_BASE + gpa,
		.offset = offset,
		.fd = fd,
		.hva = map,
	};
	return 0;

err_close:
	close(fd);
	return err;
}

int vu_mem_create(struct vu_mem *mem, const struct vu_mem_layout *layout)
{
	u64 gpa = layout->base;
	unsigned int i;
	int err;

	mem->count = 0;
	if (layout->regions > VU_MEM_REGIONS_MAX)
		return -EINVAL;
	for (i = 0; i < layout->regions; i++) {
		err = region_create(&mem->region[i], gpa, layout->size,
				    layout->offset);
		if (err) {
			vu_mem_destroy(mem);
			return err;
		}
		mem->count++;
		gpa += layout->size + layout->hole;
	}
	return 0;
}

void vu_mem_destroy(struct vu_mem *mem)
{
	unsigned int i;

	for (i = 0; i < mem->count; i++) {
		munmap(mem->region[i].hva, mem->region[i].size);
		close(mem->region[i].fd);
	}
	mem->count = 0;
}

u64 vu_mem_alloc(struct vu_mem *mem, unsigned int index, u64 size, u64 align)
{
	struct vu_region *r = &mem->region[index];
	u64 start = (r->used + align - 1) / align * align;

	if (index >= mem->count || start + size > r->size)
		return VU_MEM_NONE;
	r->used = start + size;
	return r->gpa + start;
}

u64 vu_mem_alloc_any(struct vu_mem *mem, u64 size, u64 align)
{
	unsigned int i;
	u64 gpa;

	for (i = 0; i < mem->count; i++) {
		gpa = vu_mem_alloc(mem, i, size, align);
		if (gpa != VU_MEM_NONE)
			return gpa;
	}
	return VU_MEM_NONE;
}

static const struct vu_region *region_find(const struct vu_mem *mem, u64 gpa)
{
	const struct vu_region *r;
	unsigned int i;

	for (i = 0; i < mem->count; i++) {
		r = &mem->region[i];
		if (gpa >= r->gpa && gpa - r->gpa < r->size)
			return r;
	}
	return NULL;
}

void *vu_mem_hva(const struct vu_mem *mem, u64 gpa, u64 len)
{
	const struct vu_region *r = region_find(mem, gpa);

	if (!r || len > r->size - (gpa - r->gpa))
		return NULL;
	return r->hva + (gpa - r->gpa);
}

u64 vu_mem_uva(const struct vu_mem *mem, u64 gpa)
{
	const struct vu_region *r = region_find(mem, gpa);

	return r ? r->uva + (gpa - r->gpa) : 0;
}

static int mem_copy(const struct vu_mem *mem, u64 gpa, u8 *buf, u64 len,
		    bool to_guest)
{
	const struct vu_region *r;
	u64 part;
	u8 *hva;

	while (len) {
		r = region_find(mem, gpa);
		if (!r)
			return -EFAULT;
		part = min(len, r->size - (gpa - r->gpa));
		hva = r->hva + (gpa - r->gpa);
		if (to_guest)
			memcpy(hva, buf, part);
		else
			memcpy(buf, hva, part);
		gpa += part;
		buf += part;
		len -= part;
	}
	return 0;
}

int vu_mem_read(const struct vu_mem *mem, u64 gpa, void *buf, u64 len)
{
	return mem_copy(mem, gpa, buf, len, false);
}

int vu_mem_write(const struct vu_mem *mem, u64 gpa, const void *buf, u64 len)
{
	return mem_copy(mem, gpa, (u8 *)(uintptr_t)buf, len, true);
}
