/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pv_types - what a PURE file may rely on
 *
 * PURE files (no I/O, no allocation, no locks) are compiled three times: into
 * the module, into the KUnit suite, and in userspace for unit tests and
 * fuzzers.  This is the only kernel header they include by themselves; in
 * userspace -I tests/kstub supplies stand-ins under the same names.
 */
#ifndef PV_TYPES_H
#define PV_TYPES_H

#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#endif /* PV_TYPES_H */
