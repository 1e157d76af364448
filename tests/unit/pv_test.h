/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pv_test - tests of PURE files, one source for cmocka and for KUnit
 *
 *	PV_TEST(what_is_tested)
 *	{
 *		PV_EXPECT_EQ(answer(), 42);
 *	}
 *
 *	PV_SUITE(name, PV_CASE(what_is_tested))
 *
 * Numbers are compared as u64.  The first failure ends a test under cmocka,
 * not under KUnit, so a test must not rely on either.
 */
#ifndef PV_TEST_H
#define PV_TEST_H

#ifdef __KERNEL__

#include <kunit/test.h>

#define PV_TEST(name) static void name(struct kunit *test)
#define PV_CASE(name) KUNIT_CASE(name)
#define PV_EXPECT(condition) KUNIT_EXPECT_TRUE(test, condition)
#define PV_EXPECT_EQ(left, right) \
	KUNIT_EXPECT_EQ(test, (u64)(left), (u64)(right))
#define PV_EXPECT_STREQ(left, right) KUNIT_EXPECT_STREQ(test, left, right)
/* The same for a row of a table, told apart by a text. */
#define PV_EXPECT_ROW(row, left, right) \
	KUNIT_EXPECT_EQ_MSG(test, (u64)(left), (u64)(right), "row: %s", row)

#define PV_SUITE(suite_name, ...)					\
	static struct kunit_case suite_name##_cases[] = {		\
		__VA_ARGS__, {}						\
	};								\
	static struct kunit_suite suite_name##_suite = {		\
		.name = #suite_name,					\
		.test_cases = suite_name##_cases,			\
	};								\
	kunit_test_suite(suite_name##_suite)

#else

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <cmocka.h>

#define PV_TEST(name) static void name(void **state __attribute__((unused)))
#define PV_CASE(name) cmocka_unit_test(name)
#define PV_EXPECT(condition) assert_true(condition)
#define PV_EXPECT_EQ(left, right) \
	assert_true((uint64_t)(left) == (uint64_t)(right))
#define PV_EXPECT_STREQ(left, right) assert_string_equal(left, right)
#define PV_EXPECT_ROW(row, left, right)					\
	do {								\
		if ((uint64_t)(left) != (uint64_t)(right))		\
			fail_msg("row: %s: " #left " is %#jx, not %#jx", row, \
				 (uintmax_t)(left), (uintmax_t)(right)); \
	} while (0)

#define PV_SUITE(suite_name, ...)					\
	int main(void)							\
	{								\
		const struct CMUnitTest tests[] = { __VA_ARGS__ };	\
									\
		return cmocka_run_group_tests_name(#suite_name, tests,	\
						   NULL, NULL);		\
	}

#endif

#endif /* PV_TEST_H */
