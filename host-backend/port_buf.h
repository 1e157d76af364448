/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port_buf - private memory for frames of any size: a row of equal slots
 *
 * Slots are large enough for the longest frame, but only the pages that frames
 * have touched take memory.
 */
#ifndef PV_PORT_BUF_H
#define PV_PORT_BUF_H

#include <assert.h>
#include <sys/mman.h>

#include "port.h"

/* Bigger than any frame by more than a byte, so that a cut one is noticed. */
#define PORT_SLOT_SIZE (68 * 1024)
static_assert(PORT_HDR_LEN + PORT_DATA_MAX < PORT_SLOT_SIZE,
	      "a slot holds any frame");

/** port_buf_alloc() - @slots slots of zeroes, or NULL */
static inline u8 *port_buf_alloc(unsigned int slots)
{
	void *p = mmap(NULL, (size_t)slots * PORT_SLOT_SIZE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/** port_buf_free() - @buf may be NULL */
static inline void port_buf_free(u8 *buf, unsigned int slots)
{
	if (buf)
		munmap(buf, (size_t)slots * PORT_SLOT_SIZE);
}

/** port_buf_slot() - start of slot @i */
static inline u8 *port_buf_slot(u8 *buf, unsigned int i)
{
	return buf + (size_t)i * PORT_SLOT_SIZE;
}

#endif /* PV_PORT_BUF_H */
