// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_window - the policy of polling, by a clock of the test's own
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "window.h"

#define MAX 50000u

static struct window win;
static u64 now;

static int setup(void **state)
{
	win = (struct window){ 0 };
	now = 1000000000;
	return 0;
}

/* Looks every @step until it is over; how long that took. */
static u64 look(u64 step)
{
	const u64 start = now;

	while (!window_over(&win, now))
		now += step;
	return now - start;
}

/* Work comes @after the look that found nothing first, asleep or not. */
static bool met(u64 after)
{
	const u64 at = now + after;

	while (now < at) {
		if (window_over(&win, now)) {
			now = at;
			window_wake(&win, now, MAX);
			return false;
		}
		now += 100;
	}
	window_found(&win);
	return true;
}

static void grows_where_work_comes_soon(void **state)
{
	u32 last = 0;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		assert_false(met(20000));
		assert_true(win.length_ns > last);
		last = win.length_ns;
	}
	/* 4, 8, 16, 32: now it is met, for ever. */
	for (i = 0; i < 1000; i++)
		assert_true(met(20000));
	assert_int_equal(win.length_ns, last);
}

static void never_longer_than_the_longest(void **state)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		look(100);
		window_wake(&win, now, MAX);
		win.misses = 0;
	}
	assert_int_equal(win.length_ns, MAX);
	window_found(&win);
	assert_in_range(look(100), MAX, MAX + 100);
}

static void shrinks_where_it_comes_late(void **state)
{
	win.length_ns = MAX;
	for (unsigned int i = 0; i < 4; i++)
		assert_false(met(2 * MAX));
	assert_int_equal(win.length_ns, 0);
	/* Asleep at once, and an idle task does not look again. */
	assert_int_equal(look(100), 0);
}

/* Work always comes right after we gave up: it waits for our CPU. */
static void closes_where_looking_is_in_vain(void **state)
{
	unsigned int i, open = 0;

	for (i = 0; i < 10 * WINDOW_CLOSED_FOR; i++) {
		look(100);
		now += 100;
		window_wake(&win, now, MAX);
		open += win.length_ns != 0;
	}
	assert_in_range(open, 10, 100);
}

static void closes_where_the_cpu_is_taken(void **state)
{
	unsigned int i;

	while (!met(20000))
		;
	look(100);
	window_close(&win);
	/* What comes is not met, and still no window opens... */
	for (i = 0; i < WINDOW_CLOSED_FOR; i++) {
		assert_int_equal(look(100), 0);
		window_wake(&win, now + 1000, MAX);
		assert_int_equal(win.length_ns, 0);
	}
	/* ...until it is tried again. */
	look(100);
	window_wake(&win, now + 1000, MAX);
	assert_int_equal(win.length_ns, WINDOW_STEP_NS);
}

static void one_that_is_met_forgets_misses(void **state)
{
	win.length_ns = 16000;
	win.misses = WINDOW_MISSES_MAX - 1;
	assert_true(met(10000));
	assert_int_equal(win.misses, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(grows_where_work_comes_soon),
		TEST(never_longer_than_the_longest),
		TEST(shrinks_where_it_comes_late),
		TEST(closes_where_looking_is_in_vain),
		TEST(closes_where_the_cpu_is_taken),
		TEST(one_that_is_met_forgets_misses),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
