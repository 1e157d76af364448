// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pages - zeroed memory that costs nothing until it is touched
 */
#include "pages.h"

#include <sys/mman.h>

void *pages_alloc(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

void pages_free(void *mem, size_t size)
{
	if (mem)
		munmap(mem, size);
}
