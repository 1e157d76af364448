// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_map - an image that lies in memory, read and written without a call
 *
 * Theory of operation
 *
 * Chunks of 2 MiB have a hint each: whether all pages are there.  It is asked
 * of the kernel when a request first needs it, one call a chunk, and no more
 * than ASK_SHARE of the time goes into asking.  A hint is cleared when a hole
 * may have been made.  One that is wrong costs memory or time, never data: a
 * page that is missing reads as zeroes as the hole did, and if none can be had
 * for it there is a SIGBUS, as beyond the end of a file that was cut short.
 *
 * Then sigbus.c counts it in @lost, and whoever copied finds the count changed
 * and does it again by call.  From then on @sound differs from the count, and
 * the mapping is left alone until the file is whole and mapped anew, over the
 * same addresses, so that a straggler reads the one or the other:
 *
 *	copying				making it sound
 *	c = count
 *	c == sound, else by call	c = count
 *	copy				map the file over all of it
 *	c == count, else by call	sound = c
 *
 * Workers share a map without a lock: hints are bytes, and the rest is as above.
 */
#include "image_map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "image.h"
#include "log.h"
#include "sigbus.h"

#define PAGE	    4096ul
#define CHUNK_SHIFT 21
#define CHUNK_SIZE  (1ul << CHUNK_SHIFT)
#define CHUNK_PAGES (CHUNK_SIZE / PAGE)

/* Asking takes at most one part in so many of the time. */
#define ASK_SHARE 20

/* Longest pause after that; the thread may have been kept from running. */
#define ASK_PAUSE_MAX_NS 20000000u

/* Requests done by call between two looks whether the file is whole again. */
#define MEND_EVERY 64

/**
 * struct image_map - a mapping of the image from its start
 * @older:	one that this replaced
 * @map:	start
 * @size:	bytes of the image, a multiple of 512
 * @len:	bytes mapped, whole pages
 * @fd:		the image's
 * @writable:	may be written to, and so holes may come and go
 * @lost:	written by sigbus.c
 * @sound:	@lost.faults that are mended
 * @mending:	somebody is at it
 * @waited:	requests since the last look
 * @ask_after:	when the next chunk may be asked for, ns
 * @whole:	a hint each chunk
 */
struct image_map {
	struct image_map *older;
	u8 *map;
	u64 size;
	size_t len;
	int fd;
	bool writable;
	struct sigbus_mark lost;
	u32 sound;
	bool mending;
	u32 waited;
	u64 ask_after;
	bool whole[];
};

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

/* Hints */

static bool ask(struct image_map *m, size_t chunk)
{
	size_t start = chunk << CHUNK_SHIFT;
	size_t len = min(CHUNK_SIZE, m->len - start);
	u8 present[CHUNK_PAGES];

	if (mincore(m->map + start, len, present))
		return false;
	for (size_t i = 0; i < len / PAGE; i++)
		if (!(present[i] & 1))
			return false;
	return true;
}

static bool chunk_whole(struct image_map *m, size_t chunk)
{
	u64 begin, pause;

	if (likely(READ_ONCE(m->whole[chunk])))
		return true;
	if (!m->writable)
		return false;
	begin = now_ns();
	if (begin < READ_ONCE(m->ask_after))
		return false;
	WRITE_ONCE(m->whole[chunk], ask(m, chunk));
	pause = ASK_SHARE * (now_ns() - begin);
	WRITE_ONCE(m->ask_after, begin + min(pause, (u64)ASK_PAUSE_MAX_NS));
	return READ_ONCE(m->whole[chunk]);
}

static bool range_whole(struct image_map *m, struct image_range range)
{
	size_t chunk = range.offset >> CHUNK_SHIFT;
	size_t last = (range.offset + range.len - 1) >> CHUNK_SHIFT;

	for (; chunk <= last; chunk++)
		if (!chunk_whole(m, chunk))
			return false;
	return true;
}

void image_map_forget(struct image_map *m, struct image_range range)
{
	size_t chunk = range.offset >> CHUNK_SHIFT;
	u64 end = range.offset + range.len;

	if (!m)
		return;
	for (; chunk << CHUNK_SHIFT < min(end, m->size); chunk++)
		WRITE_ONCE(m->whole[chunk], false);
}

/* Damage */

static void *map_file(const struct image_map *m, void *at)
{
	return mmap(at, m->len, PROT_READ | (m->writable ? PROT_WRITE : 0),
		    MAP_SHARED | MAP_NORESERVE | (at ? MAP_FIXED : 0), m->fd,
		    0);
}

static bool mend(struct image_map *m)
{
	u32 faults = sigbus_faults(&m->lost);
	struct stat st;

	if (fstat(m->fd, &st) || (u64)st.st_size < m->size)
		return false;
	/* The file may be as long as it was, and have holes. */
	image_map_forget(m, (struct image_range){ 0, m->size });
	if (map_file(m, m->map) == MAP_FAILED)
		return false;
	__atomic_store_n(&m->sound, faults, __ATOMIC_RELEASE);
	return true;
}

static void mend_now_and_then(struct image_map *m)
{
	u32 waited = __atomic_fetch_add(&m->waited, 1, __ATOMIC_RELAXED);

	if (waited % MEND_EVERY != MEND_EVERY - 1 ||
	    __atomic_exchange_n(&m->mending, true, __ATOMIC_ACQUIRE))
		return;
	mend(m);
	__atomic_store_n(&m->mending, false, __ATOMIC_RELEASE);
}

/* Transfers */

/*
 * A file may be cut short within a page, whose rest then reads as zeroes; but
 * the page after it is gone.  So a copy ends with a look at that, and the last
 * page of all is left to the system calls.
 */
static const u8 *page_after(const struct image_map *m, struct image_range range)
{
	return m->map + ((range.offset + range.len + PAGE - 1) & ~(PAGE - 1));
}

static bool may_copy(struct image_map *m, struct image_range range, u32 faults)
{
	u64 room = m->len - PAGE;

	if (unlikely(faults != __atomic_load_n(&m->sound, __ATOMIC_ACQUIRE))) {
		mend_now_and_then(m);
		return false;
	}
	if (range.offset >= room || range.len > room - range.offset)
		return false;
	/* The page after it must not be made out of a hole either. */
	range.len += PAGE;
	return range_whole(m, range);
}

static bool copied_well(const struct image_map *m, struct image_range range,
			u32 faults)
{
	sigbus_fence();
	(void)READ_ONCE(*page_after(m, range));
	return likely(sigbus_faults(&m->lost) == faults);
}

bool image_map_read(struct image_map *m, struct image_range range,
		    const struct iov_span *data)
{
	u32 faults = sigbus_faults(&m->lost);

	if (!may_copy(m, range, faults))
		return false;
	__builtin_prefetch(page_after(m, range));
	iov_write(data, m->map + range.offset, range.len);
	return copied_well(m, range, faults);
}

bool image_map_write(struct image_map *m, struct image_range range,
		     const struct iov_span *data)
{
	u32 faults = sigbus_faults(&m->lost);

	if (!may_copy(m, range, faults))
		return false;
	__builtin_prefetch(page_after(m, range));
	iov_read(data, m->map + range.offset, range.len);
	return copied_well(m, range, faults);
}

/* Birth and death */

/* Does the file have all its blocks? */
static bool is_whole(const struct image *img, u64 size)
{
	struct stat st;

	return !fstat(img->fd, &st) && (u64)st.st_blocks * 512 >= size;
}

static struct image_map *map_new(const struct image *img, u64 size)
{
	size_t chunks = (size + CHUNK_SIZE - 1) >> CHUNK_SHIFT;
	struct image_map *m = calloc(1, sizeof(*m) + chunks * sizeof(bool));

	if (!m)
		return NULL;
	m->fd = img->fd;
	m->size = size;
	m->len = (size + PAGE - 1) & ~(PAGE - 1);
	m->writable = img->writable;
	m->map = map_file(m, NULL);
	if (m->map == MAP_FAILED)
		goto err_free;
	if (sigbus_watch(m->map, m->len, PAGE, &m->lost))
		goto err_unmap;
	/* A disk's content has no place in our core dump. */
	madvise(m->map, m->len, MADV_DONTDUMP);
	if (is_whole(img, size))
		memset(m->whole, true, chunks * sizeof(bool));
	return m;

err_unmap:
	munmap(m->map, m->len);
err_free:
	free(m);
	return NULL;
}

struct image_map *image_map_create(const struct image *img, u64 size,
				   struct image_map *older)
{
	struct image_map *m;

	/* Without the right to write, the kernel does not tell of holes. */
	if (!img->in_memory || (!img->writable && !is_whole(img, size)))
		return NULL;
	m = map_new(img, size);
	if (!m) {
		log_notice(
			"an image in memory cannot be mapped; it is read and written by system calls");
		return NULL;
	}
	m->older = older;
	/* Its page tables go; if it is in use, they come again. */
	if (older)
		madvise(older->map, older->len, MADV_DONTNEED);
	return m;
}

void image_map_destroy(struct image_map *m)
{
	struct image_map *older;

	for (; m; m = older) {
		older = m->older;
		sigbus_unwatch(m->map);
		munmap(m->map, m->len);
		free(m);
	}
}
