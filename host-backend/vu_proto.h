/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_proto - vhost-user on the wire: messages, features, structures
 *
 * From the protocol's specification (QEMU's docs/interop/vhost-user.rst).  All
 * numbers are in host byte order: both sides run on the same machine.
 */
#ifndef PV_VU_PROTO_H
#define PV_VU_PROTO_H

#include <assert.h>

#include "util.h"

/* Front end to back end. */
enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_RESET_OWNER = 4,
	VU_SET_MEM_TABLE = 5,
	VU_SET_LOG_BASE = 6,
	VU_SET_LOG_FD = 7,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_SEND_RARP = 19,
	VU_NET_SET_MTU = 20,
	VU_SET_BACKEND_REQ_FD = 21,
	VU_IOTLB_MSG = 22,
	VU_SET_VRING_ENDIAN = 23,
	VU_GET_CONFIG = 24,
	VU_SET_CONFIG = 25,
	VU_CREATE_CRYPTO_SESSION = 26,
	VU_CLOSE_CRYPTO_SESSION = 27,
	VU_POSTCOPY_ADVISE = 28,
	VU_POSTCOPY_LISTEN = 29,
	VU_POSTCOPY_END = 30,
	VU_GET_INFLIGHT_FD = 31,
	VU_SET_INFLIGHT_FD = 32,
	VU_GPU_SET_SOCKET = 33,
	VU_RESET_DEVICE = 34,
	VU_VRING_KICK = 35,
	VU_GET_MAX_MEM_SLOTS = 36,
	VU_ADD_MEM_REG = 37,
	VU_REM_MEM_REG = 38,
	VU_SET_STATUS = 39,
	VU_GET_STATUS = 40,
	VU_GET_SHARED_OBJECT = 41,
	VU_SET_DEVICE_STATE_FD = 42,
	VU_CHECK_DEVICE_STATE = 43,
	VU_REQUEST_MAX
};

/* Back end to front end, on the socket of SET_BACKEND_REQ_FD. */
enum vu_backend_request {
	VU_BACKEND_CONFIG_CHANGE = 2,
};

/* Protocol features, by bit number. */
enum vu_protocol_feature {
	VU_PROTOCOL_F_MQ = 0,
	VU_PROTOCOL_F_LOG_SHMFD = 1,
	VU_PROTOCOL_F_RARP = 2,
	VU_PROTOCOL_F_REPLY_ACK = 3,
	VU_PROTOCOL_F_MTU = 4,
	VU_PROTOCOL_F_BACKEND_REQ = 5,
	VU_PROTOCOL_F_CONFIG = 9,
	VU_PROTOCOL_F_INFLIGHT_SHMFD = 12,
	VU_PROTOCOL_F_RESET_DEVICE = 13,
	VU_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15,
	VU_PROTOCOL_F_STATUS = 16,
	VU_PROTOCOL_F_DEVICE_STATE = 19,
};

/* The virtio feature bit that says that protocol features exist. */
#define VU_F_PROTOCOL_FEATURES 30

/* Header flags. */
#define VU_VERSION_MASK	   0x3u
#define VU_VERSION	   0x1u
#define VU_FLAG_REPLY	   0x4u
#define VU_FLAG_NEED_REPLY 0x8u

/* SET_VRING_KICK, CALL, ERR: the queue, and "no descriptor comes along". */
#define VU_VRING_INDEX_MASK 0xffull
#define VU_VRING_NO_FD	    0x100ull

/* SET_VRING_ADDR: log what is written to the used ring. */
#define VU_VRING_F_LOG 0x1u

/* What SET_MEM_TABLE can carry at most. */
#define VU_MEM_TABLE_MAX 8

/* SET_CONFIG: who writes. */
#define VU_CONFIG_FROM_DRIVER 0
#define VU_CONFIG_MIGRATION   1

#define VU_CONFIG_MAX 256

/* No message that we read is longer, nor has more descriptors. */
#define VU_PAYLOAD_MAX 1024
#define VU_FDS_MAX     VU_MEM_TABLE_MAX

struct vu_header {
	u32 request;
	u32 flags;
	u32 size; /* of the payload, bytes */
};
static_assert(sizeof(struct vu_header) == 12, "vhost-user: header");

struct vu_vring_state {
	u32 index;
	u32 num;
};
static_assert(sizeof(struct vu_vring_state) == 8, "vhost-user: vring state");

struct vu_vring_addr {
	u32 index;
	u32 flags;
	u64 desc;
	u64 used;
	u64 avail;
	u64 log;
};
static_assert(sizeof(struct vu_vring_addr) == 40, "vhost-user: vring address");

struct vu_region {
	u64 gpa;
	u64 size;
	u64 uva;
	u64 mmap_offset;
};
static_assert(sizeof(struct vu_region) == 32, "vhost-user: memory region");

struct vu_mem_table {
	u32 num_regions;
	u32 padding;
	struct vu_region regions[VU_MEM_TABLE_MAX];
};
static_assert(offsetof(struct vu_mem_table, regions) == 8,
	      "vhost-user: memory regions");

struct vu_mem_reg {
	u64 padding;
	struct vu_region region;
};
static_assert(sizeof(struct vu_mem_reg) == 40,
	      "vhost-user: single memory region");

struct vu_log {
	u64 size;
	u64 offset;
};
static_assert(sizeof(struct vu_log) == 16, "vhost-user: log");

/* SET_DEVICE_STATE_FD: which way, and when in a migration. */
#define VU_STATE_SAVE	 0
#define VU_STATE_LOAD	 1
#define VU_STATE_STOPPED 0

struct vu_state_transfer {
	u32 direction;
	u32 phase;
};
static_assert(sizeof(struct vu_state_transfer) == 8,
	      "vhost-user: device state transfer");

struct vu_config {
	u32 offset;
	u32 size;
	u32 flags;
	u8 data[VU_CONFIG_MAX];
};
static_assert(offsetof(struct vu_config, data) == 12, "vhost-user: config");

/* Without the padding in the specification, with it from QEMU. */
struct vu_inflight {
	u64 mmap_size;
	u64 mmap_offset;
	u16 num_queues;
	u16 queue_size;
	u32 padding;
};
static_assert(sizeof(struct vu_inflight) == 24, "vhost-user: inflight");

union vu_payload {
	u64 u64;
	struct vu_vring_state state;
	struct vu_vring_addr addr;
	struct vu_mem_table mem_table;
	struct vu_mem_reg mem_reg;
	struct vu_log log;
	struct vu_state_transfer state_transfer;
	struct vu_config config;
	struct vu_inflight inflight;
	u8 raw[VU_PAYLOAD_MAX];
};

#endif /* PV_VU_PROTO_H */
