/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util - the few macros and types that every file of the daemon uses
 */
#ifndef PV_UTIL_H
#define PV_UTIL_H

#include <endian.h>
#include <linux/types.h>
#include <linux/virtio_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

/* A guest-physical address in bytes; never mixed with a host pointer. */
typedef u64 gpa_t;

#ifdef __CHECKER__
#define __force __attribute__((force))
#else
#define __force
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT_ULL(n) (1ULL << (n))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/* The data path puts what one side writes on cache lines of its own. */
#define CACHE_LINE 64
#define __cacheline_aligned __attribute__((aligned(CACHE_LINE)))

#define min(a, b)                       \
	({                              \
		__typeof__(a) _a = (a); \
		__typeof__(b) _b = (b); \
		_a < _b ? _a : _b;      \
	})
#define max(a, b)                       \
	({                              \
		__typeof__(a) _a = (a); \
		__typeof__(b) _b = (b); \
		_a > _b ? _a : _b;      \
	})

static inline u16 le16_to_cpu(__le16 v)
{
	return le16toh((__force u16)v);
}

static inline u32 le32_to_cpu(__le32 v)
{
	return le32toh((__force u32)v);
}

static inline u64 le64_to_cpu(__le64 v)
{
	return le64toh((__force u64)v);
}

static inline __le16 cpu_to_le16(u16 v)
{
	return (__force __le16)htole16(v);
}

static inline __le32 cpu_to_le32(u32 v)
{
	return (__force __le32)htole32(v);
}

static inline __le64 cpu_to_le64(u64 v)
{
	return (__force __le64)htole64(v);
}

/*
 * Rings and headers of virtio 1.x are little-endian (virtio 1.3, 1.4), and
 * VERSION_1 is all that we offer, so a __virtio value is an __le one.
 */
static inline u16 virtio16_to_cpu(__virtio16 v)
{
	return le16toh((__force u16)v);
}

static inline u32 virtio32_to_cpu(__virtio32 v)
{
	return le32toh((__force u32)v);
}

static inline u64 virtio64_to_cpu(__virtio64 v)
{
	return le64toh((__force u64)v);
}

static inline __virtio16 cpu_to_virtio16(u16 v)
{
	return (__force __virtio16)htole16(v);
}

static inline __virtio32 cpu_to_virtio32(u32 v)
{
	return (__force __virtio32)htole32(v);
}

static inline __virtio64 cpu_to_virtio64(u64 v)
{
	return (__force __virtio64)htole64(v);
}

/*
 * Copy a value once out of memory that another party may change meanwhile;
 * what is checked and used afterwards is the copy.
 */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#endif /* PV_UTIL_H */
