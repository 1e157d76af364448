/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image_map - an image that lies in memory, read and written without a call
 *
 * The file (tmpfs) is mapped, and a request is a copy.  Only where the file has
 * all its pages: a read through a mapping would fill a hole, and a write to one
 * could find the file system full, which has no errno here.  What the mapping
 * does not do the caller does by pread() and pwrite(); those are the authority,
 * and this is a short cut that can be left at any time.
 */
#ifndef PV_IMAGE_MAP_H
#define PV_IMAGE_MAP_H

#include "iov.h"
#include "util.h"

struct image;
struct image_map;

/**
 * image_map_create() - map @img's first @size bytes
 * @older:	what is replaced, or NULL: may be in use, kept until the end
 *
 * Control thread.
 *
 * Return: the map, or NULL where there is nothing to gain or no memory.
 */
struct image_map *image_map_create(const struct image *img, u64 size,
				   struct image_map *older);

/** image_map_destroy() - nobody uses it or an older one; NULL is fine */
void image_map_destroy(struct image_map *m);

/** struct image_range - bytes of the image */
struct image_range {
	u64 offset;
	u64 len;
};

/**
 * image_map_read() - copy @range into @data; any thread
 *
 * Return: false where the caller must do it otherwise; @data then has no
 * defined content, but is all there.
 */
bool image_map_read(struct image_map *m, struct image_range range,
		    const struct iov_span *data);

/** image_map_write() - copy @data over @range; likewise */
bool image_map_write(struct image_map *m, struct image_range range,
		     const struct iov_span *data);

/** image_map_forget() - @range may have holes now; any thread; NULL is fine */
void image_map_forget(struct image_map *m, struct image_range range);

#endif /* PV_IMAGE_MAP_H */
