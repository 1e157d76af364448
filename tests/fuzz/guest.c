// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest - a small guest memory for the fuzz targets
 */
#include "guest.h"

#include "fuzz.h"

static struct mem_table table;

static void region_init(unsigned int i, gpa_t gpa, size_t size)
{
	void *p;

	/* virtio 1.3, 2.7: areas of a ring are aligned to 16 bytes at most. */
	if (posix_memalign(&p, 4096, size))
		abort();
	table.region[i] = (struct mem_region){
		.gpa = gpa,
		.size = size,
		.uva = gpa + GUEST_UVA,
		.hva = p,
		.map = p,
		.map_len = size,
		.added = 1,
	};
}

struct mem_table *guest_memory(void)
{
	if (!table.count) {
		region_init(0, 0, GUEST_MAIN_SIZE);
		region_init(1, GUEST_MAIN_SIZE, GUEST_NEXT_SIZE);
		region_init(2, GUEST_FAR, GUEST_FAR_SIZE);
		table.count = 3;
	}
	for (unsigned int i = 0; i < table.count; i++)
		memset(table.region[i].hva, 0, table.region[i].size);
	return &table;
}

void guest_write(u64 gpa, const void *buf, size_t len)
{
	void *p = mem_gpa_to_hva(&table, gpa, len);

	if (p)
		memcpy(p, buf, len);
}

bool guest_has(const void *p, size_t len)
{
	for (unsigned int i = 0; i < table.count; i++) {
		const struct mem_region *r = &table.region[i];
		uintptr_t off = (uintptr_t)p - (uintptr_t)r->hva;

		if (off < r->size && len <= r->size - off)
			return true;
	}
	return false;
}

u64 guest_check_iov(const struct iovec *iov, unsigned int count)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < count; i++) {
		FUZZ_CHECK(iov[i].iov_len > 0);
		FUZZ_CHECK(guest_has(iov[i].iov_base, iov[i].iov_len));
		sum += iov[i].iov_len;
	}
	return sum;
}
