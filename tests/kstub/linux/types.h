/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kstub - stand-ins for kernel headers, so that PURE files of the drivers
 * compile in userspace.  Only what those files use; see drivers/include/pv_types.h.
 */
#ifndef KSTUB_LINUX_TYPES_H
#define KSTUB_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For sparse, which checks these files in the modules' build. */
#define __force

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#endif /* KSTUB_LINUX_TYPES_H */
