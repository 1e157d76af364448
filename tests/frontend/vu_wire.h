/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_wire - vhost-user on the wire, written down a second time
 *
 * The daemon has its own (vu_proto.h).  This one is separate on purpose: a
 * wrong number shared by both sides would agree with itself.
 */
#ifndef VU_WIRE_H
#define VU_WIRE_H

#include <assert.h>

#include "util.h"

enum vu_id {
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
	VU_GET_INFLIGHT_FD = 31,
	VU_SET_INFLIGHT_FD = 32,
	VU_RESET_DEVICE = 34,
	VU_GET_MAX_MEM_SLOTS = 36,
	VU_ADD_MEM_REG = 37,
	VU_REM_MEM_REG = 38,
	VU_SET_STATUS = 39,
	VU_GET_STATUS = 40,
	VU_SET_DEVICE_STATE_FD = 42,
	VU_CHECK_DEVICE_STATE = 43,
};

/* What the back end sends on its own channel. */
enum vu_backend_id {
	VU_BACKEND_CONFIG_CHANGE = 2,
};

#define VU_VERSION	   0x1u
#define VU_FLAG_REPLY	   0x4u
#define VU_FLAG_NEED_REPLY 0x8u

/* Protocol features, by bit number. */
enum vu_proto_bit {
	VU_P_MQ = 0,
	VU_P_LOG_SHMFD = 1,
	VU_P_RARP = 2,
	VU_P_REPLY_ACK = 3,
	VU_P_MTU = 4,
	VU_P_BACKEND_REQ = 5,
	VU_P_CONFIG = 9,
	VU_P_INFLIGHT_SHMFD = 12,
	VU_P_RESET_DEVICE = 13,
	VU_P_CONFIGURE_MEM_SLOTS = 15,
	VU_P_STATUS = 16,
	VU_P_DEVICE_STATE = 19,
};

/* VIRTIO_F bits that the host's headers may not name. */
#define VU_F_PROTOCOL_FEATURES 30
#define VU_F_LOG_ALL	       26

/* SET_VRING_ADDR's flag: log what is written to the used ring. */
#define VU_VRING_LOG 1u

#define VU_PAYLOAD_MAX 4096
#define VU_FDS_MAX     16
#define VU_TABLE_MAX   8
#define VU_CONFIG_MAX  256

/* SET_VRING_KICK and its like: the queue's number and "no fd comes along". */
#define VU_VRING_IDX_MASK 0xffull
#define VU_VRING_NOFD	  0x100ull

struct vu_hdr {
	u32 id;
	u32 flags;
	u32 size;
};

struct vu_region_desc {
	u64 gpa;
	u64 size;
	u64 uva;
	u64 offset;
};

struct vu_mem_table {
	u32 count;
	u32 pad;
	struct vu_region_desc region[VU_TABLE_MAX];
};

struct vu_mem_reg {
	u64 pad;
	struct vu_region_desc region;
};

struct vu_vring_state {
	u32 index;
	u32 num;
};

struct vu_vring_addr {
	u32 index;
	u32 flags;
	u64 desc;
	u64 used;
	u64 avail;
	u64 log;
};

struct vu_log_desc {
	u64 size;
	u64 offset;
};

struct vu_state_desc {
	u32 direction; /* 0 save, 1 load */
	u32 phase;
};

struct vu_config {
	u32 offset;
	u32 size;
	u32 flags;
	u8 data[VU_CONFIG_MAX];
};

/* As QEMU sends it: with the padding that its compiler puts there. */
struct vu_inflight {
	u64 mmap_size;
	u64 mmap_offset;
	u16 num_queues;
	u16 queue_size;
	u32 pad;
};

static_assert(sizeof(struct vu_inflight) == 24, "vhost-user: inflight");
static_assert(sizeof(struct vu_hdr) == 12, "vhost-user: header");
static_assert(sizeof(struct vu_mem_reg) == 40, "vhost-user: single region");
static_assert(sizeof(struct vu_vring_addr) == 40, "vhost-user: ring address");
static_assert(offsetof(struct vu_config, data) == 12, "vhost-user: config");

/**
 * struct vu_msg - one message in either direction, with its descriptors
 * @hdr:	size counts the payload only
 * @fds:	a receiver closes what it does not keep
 */
struct vu_msg {
	struct vu_hdr hdr;
	union {
		u64 u64;
		struct vu_vring_state state;
		struct vu_vring_addr addr;
		struct vu_mem_table table;
		struct vu_mem_reg reg;
		struct vu_log_desc log;
		struct vu_state_desc state_desc;
		struct vu_config config;
		struct vu_inflight inflight;
		u8 raw[VU_PAYLOAD_MAX];
	} p;
	int fds[VU_FDS_MAX];
	unsigned int num_fds;
};

#endif /* VU_WIRE_H */
