/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kstub - <linux/virtio_byteorder.h> for PURE files in userspace */
#ifndef KSTUB_LINUX_VIRTIO_BYTEORDER_H
#define KSTUB_LINUX_VIRTIO_BYTEORDER_H

#include <asm/byteorder.h>
#include <linux/types.h>
#include <linux/virtio_types.h>

static inline __virtio16 __cpu_to_virtio16(bool little_endian, u16 value)
{
	return little_endian ? cpu_to_le16(value) : cpu_to_be16(value);
}

static inline __virtio32 __cpu_to_virtio32(bool little_endian, u32 value)
{
	return little_endian ? cpu_to_le32(value) : cpu_to_be32(value);
}

static inline __virtio64 __cpu_to_virtio64(bool little_endian, u64 value)
{
	return little_endian ? cpu_to_le64(value) : __cpu_to_be64(value);
}

static inline u16 __virtio16_to_cpu(bool little_endian, __virtio16 value)
{
	return little_endian ? le16_to_cpu(value) : be16_to_cpu(value);
}

static inline u32 __virtio32_to_cpu(bool little_endian, __virtio32 value)
{
	return little_endian ? le32_to_cpu(value) : be32_to_cpu(value);
}

#endif /* KSTUB_LINUX_VIRTIO_BYTEORDER_H */
