// SPDX-License-Identifier: GPL-2.0
/*
 * test_pvblk_name - names of disks and the prefix an administrator may give
 */
#include "pv_test.h"
#include "name.h"

PV_TEST(names_by_index)
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

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		PV_EXPECT_EQ(pvblk_name_format(name, sizeof(name), "vd",
						   cases[i].index), 0);
		PV_EXPECT_STREQ(name, cases[i].name);
	}
}

PV_TEST(name_too_long)
{
	char name[5] = "old";

	PV_EXPECT_EQ(pvblk_name_format(name, sizeof(name), "vd", 25), 0);
	PV_EXPECT_STREQ(name, "vdz");
	PV_EXPECT_EQ(pvblk_name_format(name, sizeof(name), "vd", 700), 0);
	PV_EXPECT_EQ(pvblk_name_format(name, sizeof(name), "vd", 702),
			 -ENAMETOOLONG);
	PV_EXPECT_STREQ(name, "vdzy");
}

PV_TEST(prefixes)
{
	PV_EXPECT(pvblk_name_prefix_valid("vd", 2));
	PV_EXPECT(pvblk_name_prefix_valid("x", 1));
	PV_EXPECT(pvblk_name_prefix_valid("abcdefgh", 8));
	PV_EXPECT(!pvblk_name_prefix_valid("", 0));
	PV_EXPECT(!pvblk_name_prefix_valid("abcdefghi", 9));
	PV_EXPECT(!pvblk_name_prefix_valid("vd1", 3));
	PV_EXPECT(!pvblk_name_prefix_valid("VD", 2));
	PV_EXPECT(!pvblk_name_prefix_valid("../x", 4));
	PV_EXPECT(!pvblk_name_prefix_valid("v{", 2));
	PV_EXPECT(!pvblk_name_prefix_valid("v`", 2));
}

PV_SUITE(pvblk_name,
	 PV_CASE(names_by_index),
	 PV_CASE(name_too_long),
	 PV_CASE(prefixes));
