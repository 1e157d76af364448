// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirty - the log of guest pages that we have written, for live migration
 */
#include "dirty.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES_PER_BYTE 8

/* Bits beyond the end of the file would be a SIGBUS later on. */
static int range_check(u64 size, u64 offset, int fd)
{
	struct stat st;
	u64 end;

	if (!size || __builtin_add_overflow(offset, size, &end) ||
	    end > INT64_MAX)
		return -EINVAL;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || end > (u64)st.st_size)
		return -EINVAL;
	return 0;
}

int dirty_map(struct dirty_log *log, u64 size, u64 offset, int fd)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 before = offset & (page - 1);
	void *map;
	int err;

	err = range_check(size, offset, fd);
	if (err)
		return err;
	map = mmap(NULL, before + size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   (off_t)(offset - before));
	if (map == MAP_FAILED)
		return -errno;
	dirty_unmap(log);
	err = sigbus_watch(map, before + size, page, &log->lost);
	if (err) {
		munmap(map, before + size);
		return err;
	}
	*log = (struct dirty_log){
		.bits = (u8 *)map + before,
		.size = size,
		.map = map,
		.map_len = before + size,
	};
	return 0;
}

void dirty_unmap(struct dirty_log *log)
{
	if (log->bits) {
		sigbus_unwatch(log->map);
		munmap(log->map, log->map_len);
	}
	*log = (struct dirty_log){ 0 };
}

bool dirty_covers(const struct dirty_log *log, gpa_t gpa, u64 len)
{
	u64 last;

	if (!len)
		return true;
	if (__builtin_add_overflow(gpa, len - 1, &last))
		return false;
	return (last >> DIRTY_PAGE_SHIFT) / PAGES_PER_BYTE < log->size;
}

void dirty_mark(struct dirty_log *log, gpa_t gpa, u64 len)
{
	u64 page = gpa >> DIRTY_PAGE_SHIFT;
	u64 last;

	if (!len)
		return;
	last = (gpa + min(len - 1, UINT64_MAX - gpa)) >> DIRTY_PAGE_SHIFT;
	while (page <= last && page / PAGES_PER_BYTE < log->size) {
		unsigned int first = (unsigned int)(page % PAGES_PER_BYTE);
		u64 count = min(last - page + 1,
				(u64)(PAGES_PER_BYTE - first));
		unsigned int mask = ((1u << count) - 1) << first;

		/* Pairs with the front end's exchange (dirty.h). */
		__atomic_fetch_or(&log->bits[page / PAGES_PER_BYTE], (u8)mask,
				  __ATOMIC_RELEASE);
		page += count;
	}
}

void dirty_mark_hva(struct dirty_log *log, const struct mem_table *mem,
		    const void *hva, u64 len)
{
	unsigned int i;

	for (i = 0; i < mem->count; i++) {
		const struct mem_region *r = &mem->region[i];
		u64 off = (u64)((uintptr_t)hva - (uintptr_t)r->hva);

		if (off < r->size) {
			dirty_mark(log, r->gpa + off, len);
			return;
		}
	}
}

void dirty_mark_iov(struct dirty_log *log, const struct mem_table *mem,
		    const struct iovec *iov, unsigned int count, u64 len)
{
	unsigned int i;

	for (i = 0; i < count && len; i++) {
		u64 part = min(len, (u64)iov[i].iov_len);

		dirty_mark_hva(log, mem, iov[i].iov_base, part);
		len -= part;
	}
}
