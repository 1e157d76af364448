// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_mem - the table of guest memory: what it refuses, what it finds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mem.h"

#define PAGE	  4096ul
#define FILE_SIZE (16 * PAGE)
#define UVA	  0x7f0000000000ull

static struct mem_table table;
static int memfd;

static int setup(void **state)
{
	u64 i;

	memfd = memfd_create("guest", MFD_CLOEXEC);
	assert_true(memfd >= 0);
	assert_int_equal(ftruncate(memfd, FILE_SIZE), 0);
	/* Every page begins with its own number. */
	for (i = 0; i < FILE_SIZE / PAGE; i++)
		assert_int_equal(pwrite(memfd, &i, sizeof(i),
					(off_t)(i * PAGE)), sizeof(i));
	return 0;
}

static int teardown(void **state)
{
	mem_table_clear(&table);
	close(memfd);
	return 0;
}

static int add(u64 gpa, u64 size, u64 offset)
{
	const struct mem_region_desc d = {
		.gpa = gpa,
		.size = size,
		.uva = UVA + gpa,
		.offset = offset,
	};

	return mem_table_add(&table, &d, memfd);
}

static u64 page_number(const void *hva)
{
	u64 n;

	memcpy(&n, hva, sizeof(n));
	return n;
}

static void refuses_nonsense(void **state)
{
	struct mem_region_desc d = { .gpa = 0, .size = PAGE, .uva = UVA };

	assert_int_equal(add(0, 0, 0), -EINVAL);
	assert_int_equal(add(UINT64_MAX - PAGE + 2, PAGE, 0), -EINVAL);
	assert_int_equal(add(0, UINT64_MAX, 0), -EINVAL);
	assert_int_equal(add(0, PAGE, UINT64_MAX - PAGE + 1), -EINVAL);
	assert_int_equal(add(0, PAGE, (u64)INT64_MAX), -EINVAL);
	d.uva = UINT64_MAX - PAGE + 2;
	assert_int_equal(mem_table_add(&table, &d, memfd), -EINVAL);
	assert_int_equal(table.count, 0);
}

static void refuses_beyond_file(void **state)
{
	int pipe_fds[2];
	struct mem_region_desc d = { .gpa = 0, .size = PAGE, .uva = UVA };

	assert_int_equal(add(0, FILE_SIZE + 1, 0), -EINVAL);
	assert_int_equal(add(0, PAGE, FILE_SIZE), -EINVAL);
	assert_int_equal(add(0, 2 * PAGE, FILE_SIZE - PAGE), -EINVAL);
	assert_int_equal(add(0, FILE_SIZE, 0), 0);

	assert_int_equal(pipe(pipe_fds), 0);
	d.gpa = FILE_SIZE;
	assert_int_equal(mem_table_add(&table, &d, pipe_fds[0]), -EINVAL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	assert_int_equal(mem_table_add(&table, &d, -1), -EBADF);
	assert_int_equal(table.count, 1);
}

static void refuses_overlap(void **state)
{
	assert_int_equal(add(4 * PAGE, 4 * PAGE, 0), 0);
	assert_int_equal(add(5 * PAGE, PAGE, 0), -EINVAL);
	assert_int_equal(add(0, 4 * PAGE + 1, 0), -EINVAL);
	assert_int_equal(add(8 * PAGE - 1, PAGE, 0), -EINVAL);
	assert_int_equal(add(0, 16 * PAGE, 0), -EINVAL);
	/* Neighbours are none. */
	assert_int_equal(add(8 * PAGE, PAGE, 0), 0);
	assert_int_equal(add(3 * PAGE, PAGE, 0), 0);
	assert_int_equal(table.count, 3);
}

static void keeps_order(void **state)
{
	static const u64 gpas[] = { 8, 2, 12, 0, 4 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gpas); i++)
		assert_int_equal(add(gpas[i] * PAGE, PAGE, gpas[i] * PAGE), 0);
	for (i = 1; i < table.count; i++)
		assert_true(table.region[i - 1].gpa < table.region[i].gpa);
	for (i = 0; i < ARRAY_SIZE(gpas); i++) {
		void *hva = mem_gpa_to_hva(&table, gpas[i] * PAGE, PAGE);

		assert_non_null(hva);
		assert_int_equal(page_number(hva), gpas[i]);
	}
}

static void unaligned_offset(void **state)
{
	u8 *hva;

	assert_int_equal(add(PAGE, PAGE, 3 * PAGE - 8), 0);
	hva = mem_gpa_to_hva(&table, PAGE, PAGE);
	assert_non_null(hva);
	assert_int_equal(page_number(hva + 8), 3);
}

static void bounds(void **state)
{
	assert_int_equal(add(4 * PAGE, 4 * PAGE, 0), 0);
	assert_non_null(mem_gpa_to_hva(&table, 4 * PAGE, 4 * PAGE));
	assert_non_null(mem_gpa_to_hva(&table, 8 * PAGE - 1, 1));
	assert_null(mem_gpa_to_hva(&table, 4 * PAGE - 1, 1));
	assert_null(mem_gpa_to_hva(&table, 8 * PAGE, 1));
	assert_null(mem_gpa_to_hva(&table, 4 * PAGE, 4 * PAGE + 1));
	assert_null(mem_gpa_to_hva(&table, 5 * PAGE, UINT64_MAX));
	assert_null(mem_gpa_to_hva(&table, UINT64_MAX, 1));

	assert_non_null(mem_uva_to_hva(&table, UVA + 4 * PAGE, 4 * PAGE));
	assert_null(mem_uva_to_hva(&table, UVA + 4 * PAGE - 1, 1));
	assert_null(mem_uva_to_hva(&table, UVA + 8 * PAGE, 1));
	assert_null(mem_uva_to_hva(&table, UVA + 5 * PAGE, UINT64_MAX));
}

static void iov_over_border(void **state)
{
	struct iovec iov[3];

	assert_int_equal(add(0, PAGE, 0), 0);
	assert_int_equal(add(PAGE, PAGE, 5 * PAGE), 0);
	assert_int_equal(add(2 * PAGE, PAGE, 9 * PAGE), 0);
	assert_int_equal(mem_gpa_to_iov(&table, 0, PAGE, iov, 3), 1);
	assert_int_equal(mem_gpa_to_iov(&table, PAGE - 1, PAGE + 2, iov, 3), 3);
	assert_int_equal(iov[0].iov_len, 1);
	assert_int_equal(iov[1].iov_len, PAGE);
	assert_int_equal(iov[2].iov_len, 1);
	assert_int_equal(page_number(iov[1].iov_base), 5);
	assert_int_equal(mem_gpa_to_iov(&table, PAGE - 1, PAGE + 2, iov, 2),
			 -ENOBUFS);
	assert_int_equal(mem_gpa_to_iov(&table, 0, 3 * PAGE + 1, iov, 3),
			 -EFAULT);
	assert_int_equal(mem_gpa_to_iov(&table, 4 * PAGE, 1, iov, 3), -EFAULT);
}

static void iov_at_end_of_space(void **state)
{
	const u64 last = UINT64_MAX - PAGE + 1;
	const struct mem_region_desc d = {
		.gpa = last,
		.size = PAGE,
		.uva = UVA,
	};
	struct iovec iov[3];

	assert_int_equal(add(0, PAGE, 0), 0);
	assert_int_equal(mem_table_add(&table, &d, memfd), 0);
	assert_int_equal(mem_gpa_to_iov(&table, last, PAGE, iov, 3), 1);
	/* Address 0 does not follow the last one. */
	assert_int_equal(mem_gpa_to_iov(&table, last, 2 * PAGE, iov, 3),
			 -EFAULT);
}

static void removes_what_is_named(void **state)
{
	struct mem_region_desc d = { .gpa = PAGE, .size = PAGE,
				     .uva = UVA + PAGE };

	assert_int_equal(add(0, PAGE, 0), 0);
	assert_int_equal(add(PAGE, PAGE, PAGE), 0);
	assert_int_equal(add(2 * PAGE, PAGE, 2 * PAGE), 0);
	d.size = 2 * PAGE;
	assert_int_equal(mem_table_remove(&table, &d), -ENOENT);
	d.size = PAGE;
	d.uva++;
	assert_int_equal(mem_table_remove(&table, &d), -ENOENT);
	d.uva--;
	assert_int_equal(mem_table_remove(&table, &d), 0);
	assert_int_equal(mem_table_remove(&table, &d), -ENOENT);
	assert_int_equal(table.count, 2);
	assert_null(mem_gpa_to_hva(&table, PAGE, 1));
	assert_int_equal(page_number(mem_gpa_to_hva(&table, 2 * PAGE, PAGE)),
			 2);
}

/* QEMU 7.2 does so once for each queue pair. */
static void the_same_again(void **state)
{
	struct mem_region_desc d = { .gpa = PAGE, .size = PAGE,
				     .uva = UVA + PAGE, .offset = PAGE };
	int other = memfd_create("other", MFD_CLOEXEC);

	assert_int_equal(ftruncate(other, FILE_SIZE), 0);
	assert_int_equal(mem_table_add(&table, &d, memfd), 0);
	assert_int_equal(mem_table_add(&table, &d, memfd), 0);
	assert_int_equal(table.count, 1);
	/* The same numbers for other memory are no repetition. */
	assert_int_equal(mem_table_add(&table, &d, other), -EINVAL);
	d.offset = 0;
	assert_int_equal(mem_table_add(&table, &d, memfd), -EINVAL);
	close(other);

	assert_int_equal(mem_table_remove(&table, &d), 0);
	assert_non_null(mem_gpa_to_hva(&table, PAGE, PAGE));
	assert_int_equal(mem_table_remove(&table, &d), 0);
	assert_null(mem_gpa_to_hva(&table, PAGE, 1));
	assert_int_equal(mem_table_remove(&table, &d), -ENOENT);
}

static void takes_all_slots(void **state)
{
	u64 i;

	for (i = 0; i < MEM_SLOTS_MAX; i++)
		assert_int_equal(add(i * 2 * PAGE, PAGE, 0), 0);
	assert_int_equal(add(i * 2 * PAGE, PAGE, 0), -ENOSPC);
	assert_non_null(mem_gpa_to_hva(&table, (i - 1) * 2 * PAGE, PAGE));
	assert_null(mem_gpa_to_hva(&table, (i - 1) * 2 * PAGE + PAGE, 1));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_nonsense),
		TEST(refuses_beyond_file),
		TEST(refuses_overlap),
		TEST(keeps_order),
		TEST(unaligned_offset),
		TEST(bounds),
		TEST(iov_over_border),
		TEST(iov_at_end_of_space),
		TEST(removes_what_is_named),
		TEST(the_same_again),
		TEST(takes_all_slots),
	};

	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
