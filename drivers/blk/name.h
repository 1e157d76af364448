/* SPDX-License-Identifier: GPL-2.0 */
/*
 * name - names of disks: a prefix, then a, b, ... z, aa, ab, ...: PURE
 */
#ifndef PVBLK_NAME_H
#define PVBLK_NAME_H

#include "pv_types.h"

/* Leaves room in DISK_NAME_LEN for the longest number. */
#define PVBLK_PREFIX_MAX 8

bool pvblk_name_prefix_valid(const char *prefix, size_t length);
int pvblk_name_format(char *buf, size_t bytes, const char *prefix,
		      unsigned int index);

#endif /* PVBLK_NAME_H */
