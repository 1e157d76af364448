/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest - a small guest memory for the fuzz targets
 *
 * Three regions, each an allocation of its own, so that the address sanitizer
 * sees a byte beyond any of them: two that follow each other, and a third one
 * after a gap.
 */
#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H

#include <sys/uio.h>

#include "mem.h"

#define GUEST_MAIN_SIZE 0x4000U
#define GUEST_NEXT_SIZE 0x1000U
#define GUEST_FAR	0x8000U
#define GUEST_FAR_SIZE	0x0800U

/* The front end's own addresses are guest-physical ones plus this. */
#define GUEST_UVA 0x7f0000000000ULL

/** guest_memory() - the memory, all zeroes; the same at every call */
struct mem_table *guest_memory(void);

/** guest_write() - as the driver writes: what is not memory is left out */
void guest_write(u64 gpa, const void *buf, size_t len);

/** guest_has() - is all of this inside one region? */
bool guest_has(const void *p, size_t len);

/** guest_check_iov() - every entry is in guest memory, none is empty; bytes */
u64 guest_check_iov(const struct iovec *iov, unsigned int count);

#endif /* FUZZ_GUEST_H */
