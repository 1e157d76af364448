// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mem - guest memory: the table of shared regions, guest-physical to pointer
 *
 * Invariant: regions are sorted by gpa, none is empty, none wraps, no two
 * overlap; each is mapped as a whole.  So a look-up is a binary search and two
 * comparisons, and whatever they let pass is memory that is mapped here.
 */
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Index of the first region that ends after @gpa; count if there is none. */
static unsigned int first_after(const struct mem_table *t, gpa_t gpa)
{
	unsigned int lo = 0, hi = t->count;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (t->region[mid].gpa + (t->region[mid].size - 1) < gpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Numbers alone; what the file says about them comes in region_map(). */
static int desc_check(const struct mem_region_desc *d)
{
	u64 end;

	if (!d->size)
		return -EINVAL;
	if (__builtin_add_overflow(d->gpa, d->size - 1, &end) ||
	    __builtin_add_overflow(d->uva, d->size - 1, &end) ||
	    __builtin_add_overflow(d->offset, d->size, &end) ||
	    end > INT64_MAX)
		return -EINVAL;
	return 0;
}

/*
 * What a mapping's offset must be a multiple of: a page, which is a huge one
 * in hugetlbfs (that file system's st_blksize).
 */
static u64 map_align(const struct stat *st)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 block = (u64)st->st_blksize;

	if (block > page && !(block & (block - 1)))
		return block;
	return page;
}

static int region_map(struct mem_table *t, struct mem_region *r,
		      const struct mem_region_desc *d, int fd)
{
	u64 align, start, len;
	struct stat st;
	void *map;

	if (fstat(fd, &st))
		return -errno;
	/* The end may move later; then there is sigbus.c. */
	if (!S_ISREG(st.st_mode) || d->offset + d->size > (u64)st.st_size)
		return -EINVAL;

	align = map_align(&st);
	start = d->offset & ~(align - 1);
	len = (d->offset - start + d->size + align - 1) & ~(align - 1);
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		   fd, (off_t)start);
	if (map == MAP_FAILED)
		return -errno;
	if (sigbus_watch(map, len, align, &t->lost)) {
		munmap(map, len);
		return -ENOMEM;
	}
	/* A guest's memory has no place in our core dump. */
	madvise(map, len, MADV_DONTDUMP);

	*r = (struct mem_region){
		.gpa = d->gpa,
		.size = d->size,
		.uva = d->uva,
		.hva = (u8 *)map + (d->offset - start),
		.map = map,
		.map_len = len,
		.file_dev = st.st_dev,
		.file_ino = st.st_ino,
		.file_offset = d->offset,
		.added = 1,
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
	};
	return 0;
}

static void region_unmap(const struct mem_region *r)
{
	sigbus_unwatch(r->map);
	munmap(r->map, r->map_len);
	if (r->fd >= 0)
		close(r->fd);
}

static bool region_is(const struct mem_region *r,
		      const struct mem_region_desc *d)
{
	return r->gpa == d->gpa && r->size == d->size && r->uva == d->uva;
}

/* QEMU 7.2 adds every region once for each queue pair, and removes it so too. */
static bool region_again(struct mem_region *r, const struct mem_region_desc *d,
			 int fd)
{
	struct stat st;

	if (!region_is(r, d) || r->file_offset != d->offset || fstat(fd, &st) ||
	    st.st_dev != r->file_dev || st.st_ino != r->file_ino)
		return false;
	r->added++;
	return true;
}

int mem_table_add(struct mem_table *t, const struct mem_region_desc *d, int fd)
{
	struct mem_region region;
	unsigned int at;
	int err;

	err = desc_check(d);
	if (err)
		return err;
	at = first_after(t, d->gpa);
	if (at < t->count && region_again(&t->region[at], d, fd))
		return 0;
	if (t->count >= MEM_SLOTS_MAX)
		return -ENOSPC;
	if (at < t->count && t->region[at].gpa <= d->gpa + (d->size - 1))
		return -EINVAL;
	err = region_map(t, &region, d, fd);
	if (err)
		return err;

	memmove(&t->region[at + 1], &t->region[at],
		(t->count - at) * sizeof(t->region[0]));
	t->region[at] = region;
	t->count++;
	return 0;
}

int mem_table_remove(struct mem_table *t, const struct mem_region_desc *d)
{
	unsigned int at = first_after(t, d->gpa);
	struct mem_region *r = &t->region[at];

	if (at >= t->count || !region_is(r, d))
		return -ENOENT;
	if (--r->added)
		return 0;
	region_unmap(r);
	t->count--;
	memmove(r, r + 1, (t->count - at) * sizeof(*r));
	return 0;
}

void mem_table_clear(struct mem_table *t)
{
	unsigned int i;

	for (i = 0; i < t->count; i++)
		region_unmap(&t->region[i]);
	t->count = 0;
}

const struct mem_region *mem_lost_region(const struct mem_table *t)
{
	const u8 *addr = (const u8 *)t->lost.addr;
	unsigned int i;

	for (i = 0; i < t->count; i++) {
		const struct mem_region *r = &t->region[i];

		if (addr >= r->hva && addr < r->hva + r->size)
			return r;
	}
	return NULL;
}

const struct mem_region *mem_region_find(const struct mem_table *t, gpa_t gpa)
{
	unsigned int at = first_after(t, gpa);

	if (at >= t->count || t->region[at].gpa > gpa)
		return NULL;
	return &t->region[at];
}

void *mem_gpa_to_hva(const struct mem_table *t, gpa_t gpa, u64 len)
{
	const struct mem_region *r = mem_region_find(t, gpa);

	return r ? mem_region_hva(r, gpa, len) : NULL;
}

void *mem_uva_to_hva(const struct mem_table *t, u64 uva, u64 len)
{
	unsigned int i;

	for (i = 0; i < t->count; i++) {
		const struct mem_region *r = &t->region[i];
		u64 off = uva - r->uva;

		if (off < r->size && len <= r->size - off)
			return r->hva + off;
	}
	return NULL;
}

int mem_gpa_to_iov(const struct mem_table *t, gpa_t gpa, u64 len,
		   struct iovec *iov, unsigned int room)
{
	const struct mem_region *r;
	unsigned int n = 0;

	while (len) {
		u64 off, part;

		r = mem_region_find(t, gpa);
		if (!r)
			return -EFAULT;
		if (n == room)
			return -ENOBUFS;
		off = gpa - r->gpa;
		part = min(len, r->size - off);
		iov[n].iov_base = r->hva + off;
		iov[n].iov_len = part;
		n++;
		gpa += part;
		len -= part;
		/* Memory ends at 2^64 at the latest. */
		if (len && !gpa)
			return -EFAULT;
	}
	return (int)n;
}
