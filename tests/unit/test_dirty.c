// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_dirty - the bitmap of written guest pages: its place, bounds, each bit
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dirty.h"

#define PAGE	  4096ull
#define FILE_SIZE 0x5000u
#define LOG_SIZE  16u /* bytes: 128 pages */
#define THREADS	  4

static struct dirty_log log_;
static u8 *file;
static int fd;

static int setup(void **state)
{
	fd = memfd_create("log", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, FILE_SIZE), 0);
	file = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(file != MAP_FAILED);
	memset(&log_, 0, sizeof(log_));
	return 0;
}

static int teardown(void **state)
{
	dirty_unmap(&log_);
	munmap(file, FILE_SIZE);
	close(fd);
	return 0;
}

static void map(u64 size, u64 offset)
{
	assert_int_equal(dirty_map(&log_, size, offset, fd), 0);
}

/* Exactly the pages @first ... @last are marked; unmarks them. */
static void expect(u64 offset, u64 first, u64 last)
{
	u64 page;

	for (page = 0; page < (FILE_SIZE - offset) * 8; page++) {
		u8 bit = file[offset + page / 8] >> page % 8 & 1;

		if (bit != (page >= first && page <= last))
			fail_msg("page %llu: %u; marked were %llu to %llu",
				 (unsigned long long)page, bit,
				 (unsigned long long)first,
				 (unsigned long long)last);
	}
	memset(file, 0, FILE_SIZE);
}

static void expect_none(void)
{
	expect(0, 1, 0);
}

/* 10. What the front end says of the log's place and size. */
static void bad_places(void **state)
{
	static const struct {
		u64 size;
		u64 offset;
	} bad[] = {
		{ 0, 0 },
		{ FILE_SIZE + 1, 0 },
		{ FILE_SIZE, 1 },
		{ 1, FILE_SIZE },
		{ UINT64_MAX, 1 },
		{ 1, UINT64_MAX },
		{ UINT64_MAX - 0xfff, 0x1000 },
		{ (u64)INT64_MAX + 1, 0 },
		{ 0x1000, (u64)INT64_MAX },
	};
	struct dirty_log before;
	unsigned int i;

	map(LOG_SIZE, 0);
	before = log_;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(dirty_map(&log_, bad[i].size, bad[i].offset,
					   fd), -EINVAL);
		assert_memory_equal(&log_, &before, sizeof(log_));
	}
}

static void no_regular_file(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(dirty_map(&log_, LOG_SIZE, 0, null), -EINVAL);
	close(null);
	assert_int_equal(dirty_map(&log_, LOG_SIZE, 0, -1), -EBADF);
	assert_null(log_.bits);
}

/* The offset is counted once (CVE-2026-86563), and need not be a page's. */
static void offsets(void **state)
{
	static const u64 offset[] = { 0, 1, 8, 0xfff, 0x1000, 0x1001, 0x2ff8,
				      FILE_SIZE - LOG_SIZE };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offset); i++) {
		map(LOG_SIZE, offset[i]);
		dirty_mark(&log_, 9 * PAGE, 1);
		expect(offset[i], 9, 9);
	}
}

static void every_first_and_last_page(void **state)
{
	u64 first, last;

	map(LOG_SIZE, 0);
	for (first = 0; first < 20; first++) {
		for (last = first; last < 40; last++) {
			dirty_mark(&log_, first * PAGE,
				   (last - first + 1) * PAGE);
			expect(0, first, last);
			dirty_mark(&log_, first * PAGE + PAGE - 1,
				   (last - first) * PAGE + 1);
			expect(0, first, last);
		}
	}
	dirty_mark(&log_, 0, LOG_SIZE * 8 * PAGE);
	expect(0, 0, LOG_SIZE * 8 - 1);
	dirty_mark(&log_, 3 * PAGE, 0);
	expect_none();
}

/* Nothing outside the bitmap is written, whatever is marked. */
static void beyond_the_log(void **state)
{
	const u64 end = LOG_SIZE * 8 * PAGE;

	map(LOG_SIZE, 0x1000);
	dirty_mark(&log_, end, 1);
	dirty_mark(&log_, UINT64_MAX, 1);
	dirty_mark(&log_, UINT64_MAX - 10, UINT64_MAX);
	expect_none();
	dirty_mark(&log_, end - 1, 2);
	expect(0x1000, LOG_SIZE * 8 - 1, LOG_SIZE * 8 - 1);
	dirty_mark(&log_, end - PAGE, UINT64_MAX);
	expect(0x1000, LOG_SIZE * 8 - 1, LOG_SIZE * 8 - 1);
}

static void covers(void **state)
{
	const u64 end = LOG_SIZE * 8 * PAGE;

	assert_false(dirty_covers(&log_, 0, 1));
	map(LOG_SIZE, 0);
	assert_true(dirty_covers(&log_, 0, end));
	assert_true(dirty_covers(&log_, end - 1, 1));
	assert_true(dirty_covers(&log_, end, 0));
	assert_false(dirty_covers(&log_, 0, end + 1));
	assert_false(dirty_covers(&log_, end, 1));
	assert_false(dirty_covers(&log_, UINT64_MAX, 1));
	assert_false(dirty_covers(&log_, 1, UINT64_MAX));
	assert_false(dirty_covers(&log_, UINT64_MAX, UINT64_MAX));
}

/* From pointers back to guest-physical addresses, over two regions. */
static void by_pointer(void **state)
{
	static struct mem_table mem;
	const struct mem_region_desc d[] = {
		{ .gpa = 4 * PAGE, .size = 2 * PAGE, .uva = 1ull << 40 },
		{ .gpa = 60 * PAGE, .size = PAGE, .uva = 2ull << 40 },
	};
	struct iovec iov[3];
	unsigned int i;
	u8 byte;

	map(LOG_SIZE, 0x1000);
	for (i = 0; i < ARRAY_SIZE(d); i++)
		assert_int_equal(mem_table_add(&mem, &d[i], fd), 0);
	dirty_mark_hva(&log_, &mem, mem.region[0].hva + PAGE - 1, 2);
	expect(0x1000, 4, 5);
	dirty_mark_hva(&log_, &mem, mem.region[1].hva, PAGE);
	expect(0x1000, 60, 60);
	dirty_mark_hva(&log_, &mem, &byte, 1);
	expect_none();

	iov[0] = (struct iovec){ mem.region[0].hva + PAGE, 100 };
	iov[1] = (struct iovec){ mem.region[1].hva, 0 };
	iov[2] = (struct iovec){ mem.region[1].hva, 100 };
	dirty_mark_iov(&log_, &mem, iov, 3, 100);
	expect(0x1000, 5, 5);
	dirty_mark_iov(&log_, &mem, iov + 1, 2, 1);
	expect(0x1000, 60, 60);
	mem_table_clear(&mem);
}

/* Each thread has one bit of every byte: none may be lost. */
static void *mark_column(void *arg)
{
	u64 page;

	for (page = (u64)(uintptr_t)arg; page < FILE_SIZE * 8; page += THREADS)
		dirty_mark(&log_, page * PAGE, 1);
	return NULL;
}

static void many_threads(void **state)
{
	pthread_t thread[THREADS];
	unsigned int i;

	map(FILE_SIZE, 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, mark_column,
						(void *)(uintptr_t)i), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	expect(0, 0, FILE_SIZE * 8 - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(bad_places),
		T(no_regular_file),
		T(offsets),
		T(every_first_and_last_page),
		T(beyond_the_log),
		T(covers),
		T(by_pointer),
		T(many_threads),
#undef T
	};

	return cmocka_run_group_tests_name("dirty", tests, NULL, NULL);
}
