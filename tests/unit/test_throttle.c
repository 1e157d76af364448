// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_throttle - rate limits, by a clock of the test's own
 *
 * run() plays a worker that always has requests to do: it takes whenever it may
 * and sleeps as long as it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "throttle.h"

#define S 1000000000ull
#define START (5 * S)
#define QUEUES_MAX 4

static struct throttle t;
static struct throttle_queue tq[QUEUES_MAX];

static void set(u64 iops, u64 iops_burst, u64 bps, u64 bps_burst)
{
	const struct throttle_limit limits[THROTTLE_DIMS] = {
		[THROTTLE_OPS] = { iops, iops_burst },
		[THROTTLE_BYTES] = { bps, bps_burst },
	};

	throttle_set(&t, limits);
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	memset(tq, 0, sizeof(tq));
	return 0;
}

/** struct load - of one queue */
struct load {
	u64 bytes;	/* of each request */
	u64 done;
	u64 wakeups;
	u64 wake_at;
};

/* All queues busy from @from to @to; the clock jumps to whoever wakes first. */
static void run(struct load *loads, unsigned int n, u64 from, u64 to)
{
	u64 now = from;

	while (now < to) {
		u64 next = UINT64_MAX;
		unsigned int i;

		for (i = 0; i < n; i++) {
			struct load *l = &loads[i];
			u64 wait = 0;

			while (l->wake_at <= now &&
			       !(wait = throttle_wait(&t, &tq[i], now))) {
				throttle_charge(&t, &tq[i], now, l->bytes);
				l->done++;
			}
			if (wait) {
				l->wake_at = now + wait;
				l->wakeups++;
			}
			if (l->wake_at < next)
				next = l->wake_at;
		}
		now = next;
	}
}

static void expect_near(u64 value, u64 want, u64 percent)
{
	if (value * 100 < want * (100 - percent) ||
	    value * 100 > want * (100 + percent))
		fail_msg("%llu instead of %llu", (unsigned long long)value,
			 (unsigned long long)want);
}

static void unlimited(void **state)
{
	assert_false(throttle_limited(&t));
	set(0, 0, 0, 0);
	assert_false(throttle_limited(&t));
	assert_int_equal(throttle_wait(&t, &tq[0], START), 0);
}

static void burst_then_rate(void **state)
{
	struct load load = { .bytes = 4096 };

	set(1000, 50, 0, 0);
	assert_true(throttle_limited(&t));
	run(&load, 1, START, START + 1);
	assert_in_range(load.done, 50, 51);
	run(&load, 1, START + 1, START + 10 * S);
	assert_in_range(load.done, 9990, 10052);
}

static void bytes_are_limited(void **state)
{
	struct load load = { .bytes = 65536 };

	set(0, 0, 10 << 20, 1 << 20);
	run(&load, 1, START, START + 10 * S);
	expect_near(load.done * load.bytes, (10ull << 20) * 10 + (1 << 20), 1);
}

/* The tighter of the two counts. */
static void both(void **state)
{
	struct load small = { .bytes = 512 }, large = { .bytes = 1 << 20 };

	set(100, 1, 10 << 20, 1);
	run(&small, 1, START, START + 10 * S);
	expect_near(small.done, 1000, 1);
	setup(NULL);
	set(100, 1, 10 << 20, 1);
	run(&large, 1, START, START + 10 * S);
	expect_near(large.done, 100, 2);
}

/* Passes, and its debt is paid before the next one. */
static void larger_than_the_burst(void **state)
{
	set(0, 0, 1 << 20, 4096);
	assert_int_equal(throttle_wait(&t, &tq[0], START), 0);
	throttle_charge(&t, &tq[0], START, 8 << 20);
	expect_near(throttle_wait(&t, &tq[0], START), 8 * S, 1);
	assert_true(throttle_wait(&t, &tq[0], START + 7 * S) > 0);
	assert_int_equal(throttle_wait(&t, &tq[0], START + 8 * S + 1), 0);
}

/* Idle time fills the bucket up to the burst, and no further. */
static void idleness_is_not_saved_up(void **state)
{
	struct load load = { .bytes = 512 };

	set(1000, 10, 0, 0);
	run(&load, 1, START, START + 1);
	load.done = 0;
	run(&load, 1, START + 3600 * S, START + 3600 * S + 1);
	assert_in_range(load.done, 10, 12);
}

static void queues_share_evenly(void **state)
{
	struct load loads[QUEUES_MAX] = {
		{ .bytes = 4096 }, { .bytes = 4096 },
		{ .bytes = 4096 }, { .bytes = 4096 },
	};
	u64 sum = 0;
	unsigned int i;

	set(2000, 10, 0, 0);
	run(loads, QUEUES_MAX, START, START + 10 * S);
	for (i = 0; i < QUEUES_MAX; i++) {
		expect_near(loads[i].done, 5000, 3);
		sum += loads[i].done;
	}
	expect_near(sum, 20010, 1);
}

/* A portion is bought at a time: waking costs less than the requests do. */
static void wakeups_are_few(void **state)
{
	struct load load = { .bytes = 4096 };

	set(100000, 100, 0, 0);
	run(&load, 1, START, START + S);
	expect_near(load.done, 100000, 1);
	assert_in_range(load.wakeups, 1, 1100);
}

static void new_limits_forget_old_debts(void **state)
{
	set(1, 1, 0, 0);
	throttle_charge(&t, &tq[0], START, 0);
	throttle_charge(&t, &tq[0], START, 0);
	assert_true(throttle_wait(&t, &tq[0], START) > S / 2);
	set(1000, 1, 0, 0);
	assert_int_equal(throttle_wait(&t, &tq[0], START), 0);
	set(0, 0, 0, 0);
	assert_int_equal(throttle_wait(&t, &tq[0], START), 0);
}

static void extremes(void **state)
{
	static const u64 rates[] = { 1, 7, 1000003, THROTTLE_RATE_MAX };
	unsigned int i, n;

	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		set(rates[i], THROTTLE_RATE_MAX, rates[i], 1);
		for (n = 0; n < 1000; n++)
			throttle_charge(&t, &tq[0], START, UINT32_MAX);
		/* An hour a request at most, and never negative. */
		assert_in_range(throttle_wait(&t, &tq[0], START), 0,
				1000 * 3600 * S + 1);
	}
}

/* Charges of several threads are all there in the end. */
static void *charger(void *arg)
{
	struct throttle_queue own = { .generation = t.generation };
	unsigned int i;

	for (i = 0; i < 100000; i++)
		throttle_charge(&t, &own, START, 0);
	return NULL;
}

static void charges_from_threads(void **state)
{
	pthread_t threads[QUEUES_MAX];
	unsigned int i;

	set(1000000, 1, 0, 0);
	for (i = 0; i < QUEUES_MAX; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, charger,
						NULL), 0);
	for (i = 0; i < QUEUES_MAX; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(t.bucket[THROTTLE_OPS].tat,
			 START + QUEUES_MAX * 100000 * 1000ull);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, setup)
		T(unlimited),
		T(burst_then_rate),
		T(bytes_are_limited),
		T(both),
		T(larger_than_the_burst),
		T(idleness_is_not_saved_up),
		T(queues_share_evenly),
		T(wakeups_are_few),
		T(new_limits_forget_old_debts),
		T(extremes),
		T(charges_from_threads),
#undef T
	};

	return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
