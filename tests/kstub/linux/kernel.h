/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kstub - <linux/kernel.h> for PURE files in userspace */
#ifndef KSTUB_LINUX_KERNEL_H
#define KSTUB_LINUX_KERNEL_H

#include <linux/types.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define U8_MAX UINT8_MAX
#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX
#define S64_MAX INT64_MAX

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define BIT_ULL(n) (1ULL << (n))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Unlike snprintf() this tells what was written, not what would have been. */
__attribute__((format(printf, 3, 4)))
static inline int scnprintf(char *buf, size_t size, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(buf, size, format, args);
	va_end(args);
	if (length < 0 || !size)
		return 0;
	return (size_t)length < size ? length : (int)size - 1;
}

#endif /* KSTUB_LINUX_KERNEL_H */
