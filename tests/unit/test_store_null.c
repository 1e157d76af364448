// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_store_null - kinds of store by name, and the one without bytes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "log.h"
#include "store.h"

static char last_line[256];

/* Stands in for log.c: what would be printed can be looked at. */
void log_msg(int level, const char *fmt, ...)
{
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(last_line, sizeof(last_line), fmt, args);
	va_end(args);
}

/* The other kind only says that it was asked. */
static int other_open(struct store **out, const struct conf_device *conf)
{
	(void)out;
	(void)conf;
	return -ENODEV;
}

const struct store_ops store_file_ops = { .open = other_open };

static void found_by_name(void **state)
{
	struct conf_device conf = { .place = { .file = "test", .line = 1 },
				    .store = "null", .size = 512 };
	struct store *st = NULL;

	(void)state;
	assert_int_equal(store_open(&st, &conf), 0);
	assert_ptr_equal(st->ops, &store_null_ops);
	st->ops->close(st);
	conf.store = "file";
	assert_int_equal(store_open(&st, &conf), -ENODEV);
	conf.store = "nul";
	assert_int_equal(store_open(&st, &conf), -EINVAL);
	/* This test is built without its library. */
	conf.store = "nbd";
	assert_int_equal(store_open(&st, &conf), -EOPNOTSUPP);
	assert_non_null(strstr(last_line, "built without libnbd"));
}

static void bad_sizes(void **state)
{
	static const u64 sizes[] = { 0, 1, 511, 513 };
	struct store *st = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct conf_device conf = {
			.place = { .file = "test", .line = 1 },
			.size = sizes[i],
		};

		assert_int_equal(store_null_ops.open(&st, &conf), -EINVAL);
		assert_non_null(strstr(last_line, "test:1: size: "));
		assert_null(st);
	}
}

static void leaves_memory_alone(void **state)
{
	struct conf_device conf = {
		.place = { .file = "test", .line = 1 },
		.size = 1 << 20,
	};
	u8 data[512];
	struct iovec iov = { data, sizeof(data) };
	struct store_req req = {
		.op = STORE_READ,
		.len = sizeof(data),
		.data = { &iov, 1 },
	};
	struct store *st;

	(void)state;
	memset(data, 0xa5, sizeof(data));
	assert_int_equal(store_null_ops.open(&st, &conf), 0);
	assert_int_equal(st->limits.capacity, 1 << 20);
	assert_int_equal(store_submit(st, NULL, &req), 0);
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], 0xa5);
	assert_int_equal(st->ops->sync(st), 0);
	assert_false(st->ops->refresh(st));
	st->ops->close(st);
}

static void read_only_offers_no_change(void **state)
{
	struct conf_device conf = {
		.place = { .file = "test", .line = 1 },
		.size = 4096,
		.read_only = true,
	};
	struct store *st;

	(void)state;
	assert_int_equal(store_null_ops.open(&st, &conf), 0);
	assert_true(st->limits.read_only);
	assert_int_equal(st->limits.discard_align, 0);
	assert_int_equal(st->limits.write_zeroes_max, 0);
	st->ops->close(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_name),
		cmocka_unit_test(bad_sizes),
		cmocka_unit_test(leaves_memory_alone),
		cmocka_unit_test(read_only_offers_no_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
