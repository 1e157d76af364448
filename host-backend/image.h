/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image - the file or block device behind a disk: opened, locked, measured
 */
#ifndef PV_IMAGE_H
#define PV_IMAGE_H

#include "util.h"

struct conf_device;

/**
 * struct image - an open file or block device
 * @fd:		for everything that is aligned; holds the lock
 * @page_fd:	the same file through the page cache, for what O_DIRECT refuses;
 *		-1 where @fd is not O_DIRECT
 * @size:	bytes, a multiple of 512
 * @block_device: else a regular file
 * @locked:	against other programs; not between a migration's two ends
 * @writable:	opened for writing
 * @in_memory:	on a file system that never waits for a device (tmpfs)
 * @mem_align:	of buffers for @fd, bytes, a power of two
 * @offset_align: of offsets and lengths for @fd, bytes, a power of two
 * @physical_size: the unit that the device writes at least, bytes
 * @discard_align: granularity of freeing space, bytes; 0: cannot
 */
struct image {
	int fd;
	int page_fd;
	u64 size;
	bool locked;
	bool block_device;
	bool writable;
	bool in_memory;
	u32 mem_align;
	u32 offset_align;
	u32 physical_size;
	u32 discard_align;
};

/* Names of its descriptors for a daemon that takes over (inherit.h). */
#define IMAGE_ROLE	"image"
#define IMAGE_PAGE_ROLE "image-page"

/**
 * image_open() - open what conf->blk_file names, for this process alone
 *
 * A writer shares an image with nobody, readers with readers (a lock that QEMU
 * and this daemon honour; block devices are also opened exclusively, so a
 * mounted one is refused).
 *
 * Return: 0 or -errno, logged as one line.
 */
int image_open(struct image *img, const struct conf_device *conf);

/**
 * image_lock() - take it for this process alone, where it is not
 *
 * Return: 0 or -EBUSY (another program has it).
 */
int image_lock(struct image *img);

/** image_unlock() - let another program take it */
void image_unlock(struct image *img);

/** image_measure() - current size in bytes; 0 or -errno */
int image_measure(const struct image *img, u64 *size);

/**
 * image_grow() - make a file longer, without allocating space
 *
 * Return: 0, -EOPNOTSUPP for a block device, -EINVAL where it is longer already,
 * or -errno.
 */
int image_grow(const struct image *img, u64 size);

/** image_close() - also gives up the lock */
void image_close(struct image *img);

#endif /* PV_IMAGE_H */
