// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * drv_blk - virtio-blk requests as a driver makes them (virtio 1.3, 5.2.6)
 */
#include "drv_blk.h"

#include <errno.h>

int drv_blk_req_alloc(struct drv_blk_req *req, struct vu_mem *mem)
{
	req->head_gpa = vu_mem_alloc_any(mem, sizeof(*req->head), CACHE_LINE);
	if (req->head_gpa == VU_MEM_NONE)
		return -ENOMEM;
	req->head = vu_mem_hva(mem, req->head_gpa, sizeof(*req->head));
	return 0;
}

void drv_blk_set_range(struct drv_blk_req *req, u64 sector, u32 num_sectors,
		       u32 flags)
{
	struct virtio_blk_discard_write_zeroes *range = &req->head->range;

	range->sector = (__force __le64)htole64(sector);
	range->num_sectors = (__force __le32)htole32(num_sectors);
	range->flags = (__force __le32)htole32(flags);
	req->data[0] = (struct drv_sg){
		.gpa = req->head_gpa + offsetof(struct drv_blk_head, range),
		.len = sizeof(*range),
	};
	req->num_data = 1;
	req->sector = 0;
}

static bool device_writes_data(u32 type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

int drv_blk_add(struct drv_vq *vq, struct drv_blk_req *req, u32 token)
{
	struct drv_sg sg[DRV_BLK_DATA_MAX + 2];
	struct drv_blk_head *head = req->head;
	unsigned int i;
	int n;

	head->hdr.type = (__force __virtio32)htole32(req->type);
	head->hdr.ioprio = 0;
	head->hdr.sector = (__force __virtio64)htole64(req->sector);
	head->status = DRV_BLK_UNDONE;
	sg[0] = (struct drv_sg){ req->head_gpa, sizeof(head->hdr) };
	for (i = 0; i < req->num_data; i++)
		sg[i + 1] = req->data[i];
	sg[i + 1] = (struct drv_sg){
		req->head_gpa + offsetof(struct drv_blk_head, status), 1
	};
	n = device_writes_data(req->type) ?
		    drv_vq_add(vq, sg, 1, i + 1, token) :
		    drv_vq_add(vq, sg, i + 1, 1, token);
	return n < 0 ? n : 0;
}

int drv_blk_do(struct drv_dev *dev, unsigned int queue,
	       struct drv_blk_req *req, u32 *used_len)
{
	struct drv_vq *vq = &dev->vq[queue];
	struct drv_used used;
	int n;

	n = drv_blk_add(vq, req, 0);
	if (n)
		return n;
	drv_vq_kick(vq);
	n = drv_vq_reap_wait(vq, &used, dev->conf.timeout_ms);
	if (n < 0)
		return n;
	if (used_len)
		*used_len = used.len;
	return drv_blk_status(req);
}

int drv_blk_capacity(struct drv_dev *dev, u64 *bytes)
{
	struct virtio_blk_config c;
	int err;

	/*
	 * With the cache mode, as drivers and their front ends do, and as far
	 * as older back ends go too (qemu-storage-daemon 7.2).
	 */
	err = vu_fe_get_config(&dev->fe, 0,
			       offsetof(struct virtio_blk_config,
					max_secure_erase_sectors),
			       &c);
	if (err)
		return err;
	*bytes = le64toh((__force u64)c.capacity) * DRV_BLK_SECTOR;
	return 0;
}
