/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drv_blk - virtio-blk requests as a driver makes them (virtio 1.3, 5.2.6)
 */
#ifndef DRV_BLK_H
#define DRV_BLK_H

#include <linux/virtio_blk.h>

#include "drv_dev.h"

#define DRV_BLK_SECTOR	 512u
#define DRV_BLK_DATA_MAX 256

#define DRV_BLK_FEATURES                                               \
	(BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | \
	 BIT_ULL(VIRTIO_BLK_F_RO) | BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |   \
	 BIT_ULL(VIRTIO_BLK_F_FLUSH) | BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) | \
	 BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE) | BIT_ULL(VIRTIO_BLK_F_MQ) | \
	 BIT_ULL(VIRTIO_BLK_F_DISCARD) |                               \
	 BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES))

/* What status holds while a request is in flight; no virtio status. */
#define DRV_BLK_UNDONE 0xee

/**
 * struct drv_blk_head - the fixed parts of a request, in RAM
 * @hdr:	type, sector
 * @range:	for discard and write-zeroes
 * @status:	written by the device
 */
struct drv_blk_head {
	struct virtio_blk_outhdr hdr;
	struct virtio_blk_discard_write_zeroes range;
	u8 status;
} __cacheline_aligned;

/**
 * struct drv_blk_req - a request
 * @head:	in RAM, where we see it
 * @head_gpa:	and where the device does
 * @type:	VIRTIO_BLK_T_*
 * @sector:	512-byte units
 * @data:	pieces of the data buffer
 * @num_data:	of them
 */
struct drv_blk_req {
	struct drv_blk_head *head;
	u64 head_gpa;
	u32 type;
	u64 sector;
	struct drv_sg data[DRV_BLK_DATA_MAX];
	unsigned int num_data;
};

/** drv_blk_req_alloc() - RAM for the head; 0 or -ENOMEM */
int drv_blk_req_alloc(struct drv_blk_req *req, struct vu_mem *mem);

/**
 * drv_blk_add() - put @req into the ring, not yet published
 *
 * Return: 0 or -ENOSPC.
 */
int drv_blk_add(struct drv_vq *vq, struct drv_blk_req *req, u32 token);

/** drv_blk_set_range() - what a discard or write-zeroes is about */
void drv_blk_set_range(struct drv_blk_req *req, u64 sector, u32 num_sectors,
		       u32 flags);

/** drv_blk_status() - VIRTIO_BLK_S_* or DRV_BLK_UNDONE */
static inline u8 drv_blk_status(const struct drv_blk_req *req)
{
	return READ_ONCE(req->head->status);
}

/**
 * drv_blk_do() - one request from submission to its end
 * @used_len:	what the device says it wrote, or NULL
 *
 * Return: VIRTIO_BLK_S_*, -ETIMEDOUT, -EPROTO, -ENOMSG (drv_vq_reap_wait()).
 */
int drv_blk_do(struct drv_dev *dev, unsigned int queue,
	       struct drv_blk_req *req, u32 *used_len);

/** drv_blk_capacity() - bytes, from config space */
int drv_blk_capacity(struct drv_dev *dev, u64 *bytes);

#endif /* DRV_BLK_H */
