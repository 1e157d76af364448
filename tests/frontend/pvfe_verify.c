// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvfe_verify - write stamped sectors at random, read back, know what may be
 *
 * For every sector two generations are kept, @cur and @alt: the content is one
 * of them.  They differ only while a request that changes the sector is in
 * flight, after such a request was lost with its back end, and after a discard
 * (old content or zeroes).  A sector in doubt is read before it is changed
 * again, which settles it.
 *
 * A stamp fills the sector from (seed, sector, generation), so torn, moved and
 * stale sectors all show.  A block has at most one request in flight.
 */
#include "pvfe_blk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_WORDS (DRV_BLK_SECTOR / sizeof(u64))
#define RANGE_BLOCKS 4u
#define MAX_REPORTS  10

/* Generations with a meaning of their own; writes count from GEN_FIRST. */
enum {
	GEN_ZERO,	/* reads as zeroes */
	GEN_UNKNOWN,	/* never written by us: anything */
	GEN_FIRST,
};

struct state {
	u32 cur;
	u32 alt;
};

/**
 * struct verify - a job's knowledge
 * @sectors:	state of each sector of the job's share
 * @busy:	blocks with a request in flight
 * @buf:	to make and check data in
 * @spb:	sectors in a block
 * @gen:	last generation used
 * @final:	next block of the last pass, which reads everything
 */
struct verify {
	struct state *sectors;
	bool *busy;
	u64 *buf;
	u32 spb;
	u32 gen;
	u64 final;
};

static u64 verify_slot_bytes(const struct pvfe_conf *conf)
{
	return RANGE_BLOCKS * conf->bs + DRV_BLK_SECTOR;
}

static int verify_init(struct pvfe_job *job)
{
	const u64 count = job->num_blocks * (job->conf->bs / DRV_BLK_SECTOR);
	struct verify *v = calloc(1, sizeof(*v));
	u64 i;

	job->verify = v;
	if (!v)
		return -ENOMEM;
	v->spb = (u32)(job->conf->bs / DRV_BLK_SECTOR);
	v->gen = GEN_FIRST;
	v->sectors = calloc(count, sizeof(*v->sectors));
	v->busy = calloc(job->num_blocks, sizeof(*v->busy));
	v->buf = malloc(verify_slot_bytes(job->conf));
	if (!v->sectors || !v->busy || !v->buf)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		v->sectors[i] = (struct state){ GEN_UNKNOWN, GEN_UNKNOWN };
	return 0;
}

static void verify_fini(struct pvfe_job *job)
{
	free(job->verify->sectors);
	free(job->verify->busy);
	free(job->verify->buf);
	free(job->verify);
}

static u64 mix(u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* The first two words name sector and generation for the reader of a dump. */
static void stamp(u64 *word, u64 seed, u64 sector, u32 gen)
{
	u64 z = mix(seed ^ mix(sector) ^ ((u64)gen << 32));
	unsigned int i;

	word[0] = sector;
	word[1] = gen;
	for (i = 2; i < SECTOR_WORDS; i++) {
		z += 0x9e3779b97f4a7c15ull;
		word[i] = z ^ (z >> 29);
	}
}

static bool sector_is(const u64 *word, u64 seed, u64 sector, u32 gen)
{
	u64 want[SECTOR_WORDS] = { 0 };

	if (gen == GEN_UNKNOWN)
		return true;
	if (gen != GEN_ZERO)
		stamp(want, seed, sector, gen);
	return !memcmp(word, want, sizeof(want));
}

static struct state *slot_state(struct pvfe_job *job,
				const struct pvfe_slot *slot)
{
	return job->verify->sectors + (u64)slot->first * job->verify->spb;
}

static u32 slot_sectors(const struct pvfe_job *job,
			const struct pvfe_slot *slot)
{
	return slot->count * job->verify->spb;
}

static u64 slot_sector(const struct pvfe_job *job,
		       const struct pvfe_slot *slot)
{
	return (job->first_block + slot->first) * job->verify->spb;
}

static void set_busy(struct pvfe_job *job, const struct pvfe_slot *slot,
		     bool busy)
{
	memset(job->verify->busy + slot->first, busy, slot->count);
}

/* A free range of blocks; false where the first one is taken. */
static bool pick_range(struct pvfe_job *job, struct pvfe_slot *slot)
{
	const bool *busy = job->verify->busy;
	u32 want = 1 + (u32)job_random_below(job, RANGE_BLOCKS);
	u32 first = (u32)job_random_below(job, job->num_blocks);
	u32 count = 0;

	while (count < want && first + count < job->num_blocks &&
	       !busy[first + count])
		count++;
	slot->first = first;
	slot->count = count;
	return count;
}

static bool in_doubt(struct pvfe_job *job, const struct pvfe_slot *slot)
{
	const struct state *s = slot_state(job, slot);
	u32 i;

	for (i = 0; i < slot_sectors(job, slot); i++)
		if (s[i].cur != s[i].alt && s[i].cur != GEN_UNKNOWN)
			return true;
	return false;
}

/* Split the data at random; with --misalign at any byte. */
static void split_data(struct pvfe_job *job, struct pvfe_slot *slot)
{
	const u64 unit = job->conf->misalign ? 1 : DRV_BLK_SECTOR;
	u64 len = slot->count * job->conf->bs;
	u64 gpa = slot->data_gpa;
	struct drv_blk_req *req = &slot->req;
	u64 part;

	if (job->conf->misalign)
		gpa += job_random_below(job, DRV_BLK_SECTOR);
	req->num_data = 0;
	while (len && req->num_data + 1 < job->conf->segments) {
		part = (1 + job_random_below(job, len / unit)) * unit;
		req->data[req->num_data++] = (struct drv_sg){ gpa, (u32)part };
		gpa += part;
		len -= part;
	}
	if (len)
		req->data[req->num_data++] = (struct drv_sg){ gpa, (u32)len };
}

static void prepare_read(struct pvfe_job *job, struct pvfe_slot *slot)
{
	slot->req.type = VIRTIO_BLK_T_IN;
	split_data(job, slot);
}

static void prepare_write(struct pvfe_job *job, struct pvfe_slot *slot)
{
	struct verify *v = job->verify;
	u32 i;

	slot->req.type = VIRTIO_BLK_T_OUT;
	slot->gen = ++v->gen;
	split_data(job, slot);
	for (i = 0; i < slot_sectors(job, slot); i++)
		stamp(v->buf + i * SECTOR_WORDS, job->conf->seed,
		      slot->req.sector + i, slot->gen);
	vu_mem_write(&job->run->dev.mem, slot->req.data[0].gpa, v->buf,
		     slot->count * job->conf->bs);
}

static void prepare_range(struct pvfe_job *job, struct pvfe_slot *slot,
			  u32 type)
{
	slot->req.type = type;
	slot->gen = GEN_ZERO;
	drv_blk_set_range(&slot->req, slot->req.sector,
			  slot_sectors(job, slot), 0);
	if (type == VIRTIO_BLK_T_WRITE_ZEROES && job_random(job) & 1)
		drv_blk_set_range(&slot->req, slot_sector(job, slot),
				  slot_sectors(job, slot),
				  VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
}

static void prepare_flush(struct pvfe_slot *slot)
{
	slot->req.type = VIRTIO_BLK_T_FLUSH;
	slot->req.sector = 0;
	slot->req.num_data = 0;
	slot->count = 0;
}

/* Whatever changes sectors may be done or not from now on. */
static void expect_change(struct pvfe_job *job, struct pvfe_slot *slot)
{
	struct state *s = slot_state(job, slot);
	u32 i;

	for (i = 0; i < slot_sectors(job, slot); i++)
		s[i].alt = slot->gen;
}

static u32 pick_type(struct pvfe_job *job)
{
	static const struct {
		u32 percent;
		u32 type;
		int feature;
	} table[] = {
		{ 4, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_F_FLUSH },
		{ 10, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_F_DISCARD },
		{ 20, VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_F_WRITE_ZEROES },
		{ 55, VIRTIO_BLK_T_IN, -1 },
	};
	u32 dice = (u32)job_random_below(job, 100);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (dice >= table[i].percent)
			continue;
		if (table[i].feature >= 0 &&
		    !drv_dev_has(&job->run->dev,
				 (unsigned int)table[i].feature))
			break;
		return table[i].type;
	}
	return VIRTIO_BLK_T_OUT;
}

static void prepare(struct pvfe_job *job, struct pvfe_slot *slot)
{
	u32 type = in_doubt(job, slot) ? VIRTIO_BLK_T_IN : pick_type(job);

	slot->req.sector = slot_sector(job, slot);
	switch (type) {
	case VIRTIO_BLK_T_IN:
		prepare_read(job, slot);
		return;
	case VIRTIO_BLK_T_FLUSH:
		prepare_flush(slot);
		return;
	case VIRTIO_BLK_T_OUT:
		prepare_write(job, slot);
		break;
	default:
		prepare_range(job, slot, type);
		break;
	}
	expect_change(job, slot);
}

/* The last pass reads every block once. */
static enum pvfe_next next_final(struct pvfe_job *job, struct pvfe_slot *slot)
{
	struct verify *v = job->verify;

	if (v->final == job->num_blocks)
		return NEXT_END;
	if (v->busy[v->final])
		return NEXT_LATER;
	slot->first = (u32)v->final;
	slot->count = 0;
	while (slot->count < RANGE_BLOCKS && v->final < job->num_blocks &&
	       !v->busy[v->final]) {
		slot->count++;
		v->final++;
	}
	set_busy(job, slot, true);
	slot->req.sector = slot_sector(job, slot);
	prepare_read(job, slot);
	return NEXT_READY;
}

static enum pvfe_next verify_next(struct pvfe_job *job, struct pvfe_slot *slot)
{
	unsigned int tries = 8;

	if (!job_may_submit(job))
		return next_final(job, slot);
	while (!pick_range(job, slot))
		if (!--tries)
			return NEXT_LATER;
	prepare(job, slot);
	set_busy(job, slot, true);
	return NEXT_READY;
}

static bool complain(struct pvfe_job *job, u64 sector, const u64 *word,
		     const struct state *s)
{
	if (job->errors < MAX_REPORTS)
		fprintf(stderr,
			"queue %u: sector %llu: wanted generation %u or %u, found words %llx %llx\n",
			job->index, (unsigned long long)sector, s->cur, s->alt,
			(unsigned long long)word[0],
			(unsigned long long)word[1]);
	return false;
}

/* What a read brought must be one of the two; then it is the one. */
static bool check_data(struct pvfe_job *job, struct pvfe_slot *slot)
{
	const u64 seed = job->conf->seed;
	struct state *s = slot_state(job, slot);
	u64 *word = job->verify->buf;
	u64 sector = slot->req.sector;
	bool good = true;
	u32 i;

	vu_mem_read(&job->run->dev.mem, slot->req.data[0].gpa, word,
		    slot->count * job->conf->bs);
	for (i = 0; i < slot_sectors(job, slot); i++) {
		if (sector_is(word, seed, sector, s[i].cur))
			s[i].alt = s[i].cur;
		else if (sector_is(word, seed, sector, s[i].alt))
			s[i].cur = s[i].alt;
		else
			good = complain(job, sector, word, &s[i]);
		word += SECTOR_WORDS;
		sector++;
	}
	return good;
}

static void settle(struct pvfe_job *job, struct pvfe_slot *slot)
{
	struct state *s = slot_state(job, slot);
	u32 i;

	if (slot->req.type == VIRTIO_BLK_T_DISCARD)
		return;
	for (i = 0; i < slot_sectors(job, slot); i++)
		s[i].cur = slot->gen;
}

static bool verify_done(struct pvfe_job *job, struct pvfe_slot *slot)
{
	u8 status = drv_blk_status(&slot->req);

	set_busy(job, slot, false);
	if (status != VIRTIO_BLK_S_OK) {
		if (job->errors < MAX_REPORTS)
			fprintf(stderr,
				"queue %u: type %u, sector %llu: status %u\n",
				job->index, slot->req.type,
				(unsigned long long)slot_sector(job, slot),
				status);
		return false;
	}
	if (slot->req.type == VIRTIO_BLK_T_IN)
		return check_data(job, slot);
	settle(job, slot);
	return true;
}

/* Done or not: both are kept as possible. */
static void verify_lost(struct pvfe_job *job, struct pvfe_slot *slot)
{
	set_busy(job, slot, false);
	if (slot->req.type == VIRTIO_BLK_T_IN && !job_may_submit(job))
		job->verify->final = min(job->verify->final, (u64)slot->first);
}

const struct pvfe_mode pvfe_verify = {
	.slot_bytes = verify_slot_bytes,
	.init = verify_init,
	.next = verify_next,
	.done = verify_done,
	.lost = verify_lost,
	.fini = verify_fini,
};
