// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_pvblk_name - names of disks and the prefix an administrator may give
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "name.h"

static void names_by_index(void **state)
{
	static const struct {
		unsigned int index;
		const char *name;
	} cases[] = {
		{ 0, "vda" },	   { 25, "vdz" },      { 26, "vdaa" },
		{ 51, "vdaz" },	   { 52, "vdba" },     { 701, "vdzz" },
		{ 702, "vdaaa" },  { 18277, "vdzzz" }, { 18278, "vdaaaa" },
		{ UINT_MAX, "vdmwlqkwv" },
	};
	char name[32];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(pvblk_name_format(name, sizeof(name), "vd",
						   cases[i].index), 0);
		assert_string_equal(name, cases[i].name);
	}
}

static void name_too_long(void **state)
{
	char name[5] = "old";

	(void)state;
	assert_int_equal(pvblk_name_format(name, sizeof(name), "vd", 25), 0);
	assert_string_equal(name, "vdz");
	assert_int_equal(pvblk_name_format(name, sizeof(name), "vd", 700), 0);
	assert_int_equal(pvblk_name_format(name, sizeof(name), "vd", 702),
			 -ENAMETOOLONG);
	assert_string_equal(name, "vdzy");
}

static void prefixes(void **state)
{
	(void)state;
	assert_true(pvblk_name_prefix_valid("vd", 2));
	assert_true(pvblk_name_prefix_valid("x", 1));
	assert_true(pvblk_name_prefix_valid("abcdefgh", 8));
	assert_false(pvblk_name_prefix_valid("", 0));
	assert_false(pvblk_name_prefix_valid("abcdefghi", 9));
	assert_false(pvblk_name_prefix_valid("vd1", 3));
	assert_false(pvblk_name_prefix_valid("VD", 2));
	assert_false(pvblk_name_prefix_valid("../x", 4));
	assert_false(pvblk_name_prefix_valid("v{", 2));
	assert_false(pvblk_name_prefix_valid("v`", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_by_index),
		cmocka_unit_test(name_too_long),
		cmocka_unit_test(prefixes),
	};

	return cmocka_run_group_tests_name("pvblk_name", tests, NULL, NULL);
}
