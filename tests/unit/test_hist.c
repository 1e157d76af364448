// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_hist - every value falls into the bucket that its ends say
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "hist.h"

static struct hist h;

static void buckets_join(void **state)
{
	unsigned int i;

	assert_int_equal(hist_bucket(0), 0);
	for (i = 0; i < HIST_BUCKETS - 1; i++) {
		u64 end = hist_bucket_end(i);

		assert_int_equal(hist_bucket(end - 1), i);
		assert_int_equal(hist_bucket(end), i + 1);
	}
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
	assert_true(hist_bucket_end(HIST_BUCKETS - 1) == UINT64_MAX);
}

/* What is read back is never too small, and at most a quarter too large. */
static void error_is_bounded(void **state)
{
	u64 ns;

	for (ns = 256; ns < 1ull << HIST_MAX_SHIFT; ns += ns / 7 + 1) {
		u64 end = hist_bucket_end(hist_bucket(ns));

		assert_true(end > ns && end - ns <= ns / 4 + 1);
	}
}

static void quantiles(void **state)
{
	unsigned int i;

	memset(&h, 0, sizeof(h));
	assert_int_equal(hist_quantile(&h, 5000), 0);
	hist_add(&h, 1000000);
	assert_int_equal(hist_quantile(&h, 1), 1000000);
	assert_int_equal(hist_quantile(&h, 9990), 1000000);

	memset(&h, 0, sizeof(h));
	for (i = 0; i < 990; i++)
		hist_add(&h, 1000);
	for (i = 0; i < 9; i++)
		hist_add(&h, 50000);
	hist_add(&h, 7000000);
	assert_int_equal(hist_total(&h), 1000);
	assert_int_equal(hist_quantile(&h, 5000), 1024);
	assert_int_equal(hist_quantile(&h, 9900), 1024);
	assert_in_range(hist_quantile(&h, 9990), 50000, 62500);
	assert_int_equal(hist_quantile(&h, 10000), 7000000);
	assert_int_equal(h.max, 7000000);
}

static void merging_adds(void **state)
{
	static struct hist sum;

	memset(&sum, 0, sizeof(sum));
	memset(&h, 0, sizeof(h));
	hist_add(&h, 300);
	hist_add(&h, 90ull << 30);
	hist_merge(&sum, &h);
	hist_merge(&sum, &h);
	assert_int_equal(hist_total(&sum), 4);
	assert_true(sum.max == 90ull << 30);
	assert_int_equal(sum.count[hist_bucket(300)], 2);
	assert_true(hist_quantile(&sum, 10000) == 90ull << 30);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_join),
		cmocka_unit_test(error_is_bounded),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(merging_adds),
	};

	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
