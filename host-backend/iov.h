/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iov - scattered memory as one run of bytes: PURE
 *
 * The arrays are private copies; what they point at may be guest memory that
 * changes at any time.  Entries of length 0 are allowed everywhere.
 */
#ifndef PV_IOV_H
#define PV_IOV_H

#include <sys/uio.h>

#include "util.h"

/**
 * struct iov_span - a run of entries that is used up from its front
 * @iov:	first entry that still has bytes, if any has
 * @count:	entries left
 */
struct iov_span {
	struct iovec *iov;
	unsigned int count;
};

/** iov_pull() - copy the first @len bytes out of @s and drop them there; bytes copied */
size_t iov_pull(struct iov_span *s, void *buf, size_t len);

/** iov_skip() - drop the first @len bytes of @s; bytes dropped */
size_t iov_skip(struct iov_span *s, size_t len);

/** iov_write() - copy @buf over the first @len bytes; bytes copied */
size_t iov_write(const struct iov_span *s, const void *buf, size_t len);

/** iov_read() - copy the first @len bytes to @buf; bytes copied */
size_t iov_read(const struct iov_span *s, void *buf, size_t len);

/**
 * iov_chop_last() - drop the last byte
 *
 * Return: where it is, or NULL where @s has no byte.
 */
void *iov_chop_last(struct iov_span *s);

/** iov_bytes() - sum of all lengths */
u64 iov_bytes(const struct iov_span *s);

/**
 * iov_aligned() - does O_DIRECT take this?
 * @addr_mask:	alignment of addresses in bytes, less 1
 * @len_mask:	alignment of lengths in bytes, less 1
 */
bool iov_aligned(const struct iov_span *s, size_t addr_mask, size_t len_mask);

#endif /* PV_IOV_H */
