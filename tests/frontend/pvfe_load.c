// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvfe_load - throughput: the same request again and again, data not looked at
 */
#include "pvfe_blk.h"

#include <errno.h>
#include <stdio.h>

static u64 load_slot_bytes(const struct pvfe_conf *conf)
{
	return conf->bs;
}

/* The pieces of a slot's buffer never change: set up once. */
static int load_init(struct pvfe_job *job)
{
	const struct pvfe_conf *conf = job->conf;
	struct pvfe_slot *slot;
	u64 part = conf->bs / conf->segments;
	unsigned int i;
	u64 s;

	for (i = 0; i < conf->iodepth; i++) {
		slot = &job->slots[i];
		slot->req.num_data = (unsigned int)conf->segments;
		for (s = 0; s < conf->segments; s++)
			slot->req.data[s] = (struct drv_sg){
				.gpa = slot->data_gpa + s * part,
				.len = (u32)part,
			};
	}
	return 0;
}

static u64 pick_block(struct pvfe_job *job)
{
	u64 block;

	if (job->conf->rw != RW_READ && job->conf->rw != RW_WRITE)
		return job_random_below(job, job->num_blocks);
	block = job->cursor;
	job->cursor = block + 1 < job->num_blocks ? block + 1 : 0;
	return block;
}

static u32 pick_type(struct pvfe_job *job)
{
	switch (job->conf->rw) {
	case RW_RANDWRITE:
	case RW_WRITE:
		return VIRTIO_BLK_T_OUT;
	case RW_RANDRW:
		return job_random(job) & 1 ? VIRTIO_BLK_T_OUT :
					     VIRTIO_BLK_T_IN;
	default:
		return VIRTIO_BLK_T_IN;
	}
}

static enum pvfe_next load_next(struct pvfe_job *job, struct pvfe_slot *slot)
{
	u64 block;

	if (!job_may_submit(job))
		return NEXT_END;
	block = job->first_block + pick_block(job);
	slot->req.type = pick_type(job);
	slot->req.sector = block * (job->conf->bs / DRV_BLK_SECTOR);
	return NEXT_READY;
}

static bool load_done(struct pvfe_job *job, struct pvfe_slot *slot)
{
	u8 status = drv_blk_status(&slot->req);

	if (likely(status == VIRTIO_BLK_S_OK))
		return true;
	if (!job->errors)
		fprintf(stderr, "queue %u: sector %llu: status %u\n",
			job->index, (unsigned long long)slot->req.sector,
			status);
	return false;
}

static void load_lost(struct pvfe_job *job, struct pvfe_slot *slot)
{
	(void)job;
	(void)slot;
}

static void load_fini(struct pvfe_job *job)
{
	(void)job;
}

const struct pvfe_mode pvfe_load = {
	.slot_bytes = load_slot_bytes,
	.init = load_init,
	.next = load_next,
	.done = load_done,
	.lost = load_lost,
	.fini = load_fini,
};
