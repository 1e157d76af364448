// SPDX-License-Identifier: GPL-2.0
/*
 * name - names of disks: a prefix, then a, b, ... z, aa, ab, ...: PURE
 */
#include "name.h"

#define LETTERS 26

/* 26 + 26^2 + ... + 26^7 exceeds 32 bits */
#define MAX_LETTERS 7

/**
 * pvblk_name_prefix_valid() - may disks be named like this?
 * @prefix: the text
 * @length: its length
 *
 * One to PVBLK_PREFIX_MAX lower-case letters: partitions append digits.
 */
bool pvblk_name_prefix_valid(const char *prefix, size_t length)
{
	size_t i;

	if (!length || length > PVBLK_PREFIX_MAX)
		return false;
	for (i = 0; i < length; i++)
		if (prefix[i] < 'a' || prefix[i] > 'z')
			return false;
	return true;
}

/**
 * pvblk_name_format() - the name of disk number @index
 * @buf: receives the name; untouched on failure
 * @bytes: size of @buf
 * @prefix: first part of the name
 * @index: number, from 0
 *
 * Return: 0, or -ENAMETOOLONG
 */
int pvblk_name_format(char *buf, size_t bytes, const char *prefix,
		      unsigned int index)
{
	char letters[MAX_LETTERS + 1];
	size_t at = MAX_LETTERS;
	u64 rest = (u64)index + 1;

	letters[at] = '\0';
	while (rest) {
		rest--;
		letters[--at] = 'a' + (unsigned int)rest % LETTERS;
		rest = (unsigned int)rest / LETTERS;
	}

	if (strlen(prefix) + (MAX_LETTERS - at) >= bytes)
		return -ENAMETOOLONG;
	scnprintf(buf, bytes, "%s%s", prefix, &letters[at]);
	return 0;
}
