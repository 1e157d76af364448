/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pages - zeroed memory that costs nothing until it is touched
 *
 * For what is large and mostly unused: tables for 509 regions, histograms of
 * operations that never come.  calloc() clears memory that it has had before,
 * and what is cleared is real.
 */
#ifndef PV_PAGES_H
#define PV_PAGES_H

#include <stddef.h>

/** pages_alloc() - @size bytes, > 0, zero, aligned to a page; NULL: no memory */
void *pages_alloc(size_t size);

/** pages_free() - the same size again; NULL is fine */
void pages_free(void *mem, size_t size);

#endif /* PV_PAGES_H */
