// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_iov - scattered memory as one run of bytes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "iov.h"

static u8 memory[64];

/* "abc" "" "defgh" "i" */
static struct iov_span make(struct iovec iov[4])
{
	memcpy(memory, "abcdefghi", 9);
	iov[0] = (struct iovec){ memory, 3 };
	iov[1] = (struct iovec){ memory + 3, 0 };
	iov[2] = (struct iovec){ memory + 3, 5 };
	iov[3] = (struct iovec){ memory + 8, 1 };
	return (struct iov_span){ iov, 4 };
}

static void pull_crosses_entries(void **state)
{
	struct iovec iov[4];
	struct iov_span s = make(iov);
	char buf[16] = { 0 };

	(void)state;
	assert_int_equal(iov_pull(&s, buf, 4), 4);
	assert_string_equal(buf, "abcd");
	assert_int_equal(iov_bytes(&s), 5);
	assert_ptr_equal(s.iov->iov_base, memory + 4);
	assert_int_equal(iov_pull(&s, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "efghi", 5);
	assert_int_equal(s.count, 0);
	assert_int_equal(iov_pull(&s, buf, 1), 0);
}

static void skip_ends_at_borders(void **state)
{
	struct iovec iov[4];
	struct iov_span s = make(iov);

	(void)state;
	assert_int_equal(iov_skip(&s, 3), 3);
	assert_int_equal(s.count, 2);
	assert_ptr_equal(s.iov->iov_base, memory + 3);
	assert_int_equal(iov_skip(&s, 100), 6);
	assert_int_equal(s.count, 0);
}

static void write_and_read_leave_the_span(void **state)
{
	struct iovec iov[4];
	struct iov_span s = make(iov);
	char buf[16] = { 0 };

	(void)state;
	assert_int_equal(iov_write(&s, "12345", 5), 5);
	assert_memory_equal(memory, "12345fghi", 9);
	assert_int_equal(iov_read(&s, buf, sizeof(buf)), 9);
	assert_string_equal(buf, "12345fghi");
	assert_int_equal(s.count, 4);
	assert_int_equal(iov_write(&s, "0123456789", 10), 9);
}

static void chop_takes_the_last_byte(void **state)
{
	struct iovec iov[5];
	struct iov_span s = make(iov);

	(void)state;
	iov[4] = (struct iovec){ memory, 0 };
	s.count = 5;
	assert_ptr_equal(iov_chop_last(&s), memory + 8);
	assert_int_equal(s.count, 3);
	assert_ptr_equal(iov_chop_last(&s), memory + 7);
	assert_int_equal(s.count, 3);
	assert_int_equal(iov_bytes(&s), 7);
}

static void chop_of_nothing(void **state)
{
	struct iovec iov = { memory, 0 };
	struct iov_span s = { &iov, 1 };

	(void)state;
	assert_null(iov_chop_last(&s));
	s.count = 0;
	assert_null(iov_chop_last(&s));
}

static void alignment(void **state)
{
	struct iovec iov[2] = {
		{ (void *)0x10000, 512 },
		{ (void *)0x20200, 1024 },
	};
	struct iov_span s = { iov, 2 };

	(void)state;
	assert_true(iov_aligned(&s, 511, 511));
	assert_true(iov_aligned(&s, 0, 0));
	assert_false(iov_aligned(&s, 1023, 511));
	assert_false(iov_aligned(&s, 511, 1023));
	iov[1].iov_base = (void *)0x20201;
	assert_false(iov_aligned(&s, 511, 511));
	assert_true(iov_aligned(&s, 0, 511));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pull_crosses_entries),
		cmocka_unit_test(skip_ends_at_borders),
		cmocka_unit_test(write_and_read_leave_the_span),
		cmocka_unit_test(chop_takes_the_last_byte),
		cmocka_unit_test(chop_of_nothing),
		cmocka_unit_test(alignment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
