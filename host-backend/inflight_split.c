// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inflight_split - the record of a split ring: read once, then written
 *
 * inflight.h has the theory of operation.  The order of stores, crash by crash:
 *
 *	counter, mark			no mark yet: was never taken
 *	next, last_batch_head, ...	the ring's used index does not say so yet
 *	the ring's used index		ahead of used_idx by the list's length
 *	marks away, in any order	likewise: whichever are left are in the list
 *	used_idx			the batch is off the record
 *
 * Recovery repeats the last two, so dying meanwhile changes nothing.
 */
#include "inflight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum inflight_fault check_header(const struct inflight_split *r,
					const struct inflight_part *part,
					u16 size, bool *fresh)
{
	u16 version = READ_ONCE(r->version);

	/* CVE-2026-86565: the ring must not be larger than its record. */
	if (size > part->queue_size)
		return INFLIGHT_FAULT_SIZE;
	*fresh = version == 0;
	if (*fresh)
		return INFLIGHT_FAULT_NONE;
	if (version != INFLIGHT_VERSION || READ_ONCE(r->features))
		return INFLIGHT_FAULT_VERSION;
	if (READ_ONCE(r->desc_num) != part->queue_size)
		return INFLIGHT_FAULT_SIZE;
	return INFLIGHT_FAULT_NONE;
}

static enum inflight_fault read_marks(struct inflight_found *found,
				      const struct inflight_split *r,
				      const struct inflight_part *part,
				      u16 size)
{
	u8 mark;
	u16 i;

	for (i = 0; i < part->queue_size; i++) {
		mark = READ_ONCE(r->desc[i].inflight);
		if (mark > 1 || (mark && i >= size))
			return INFLIGHT_FAULT_MARK;
		if (i < size)
			found->state[i] = mark ? INFLIGHT_TAKEN : INFLIGHT_FREE;
	}
	return INFLIGHT_FAULT_NONE;
}

/* The batch that is in the used ring already; its marks may be gone or not. */
static enum inflight_fault drop_batch(struct inflight_found *found,
				      const struct inflight_split *r, u16 size,
				      u16 used_idx)
{
	u16 batch = (u16)(used_idx - READ_ONCE(r->used_idx));
	u16 at = READ_ONCE(r->last_batch_head);
	u16 i;

	if (batch > size)
		return INFLIGHT_FAULT_USED;
	for (i = 0; i < batch; i++) {
		if (at >= size || found->state[at] == INFLIGHT_USED)
			return INFLIGHT_FAULT_LIST;
		found->state[at] = INFLIGHT_USED;
		at = READ_ONCE(r->desc[at].next);
	}
	found->batch = batch;
	return INFLIGHT_FAULT_NONE;
}

static enum inflight_fault collect(struct inflight_found *found,
				   const struct inflight_split *r, u16 size)
{
	u16 i;

	for (i = 0; i < size; i++)
		if (found->state[i] == INFLIGHT_TAKEN)
			found->item[found->count++] = (struct inflight_item){
				.counter = READ_ONCE(r->desc[i].counter),
				.id = i,
			};
	return inflight_sort(found);
}

enum inflight_fault inflight_split_parse(struct inflight_found *found,
					 const struct inflight_part *part,
					 u16 size, u16 used_idx)
{
	const struct inflight_split *r = part->hva;
	enum inflight_fault fault;

	found->batch = 0;
	found->counter = 0;
	found->count = 0;
	memset(found->state, INFLIGHT_FREE, part->queue_size);
	if (part->len < sizeof(*r) + part->queue_size * sizeof(r->desc[0]))
		return INFLIGHT_FAULT_LEN;
	fault = check_header(r, part, size, &found->fresh);
	if (fault || found->fresh)
		return fault;
	fault = read_marks(found, r, part, size);
	if (!fault)
		fault = drop_batch(found, r, size, used_idx);
	if (!fault)
		fault = collect(found, r, size);
	return fault;
}

/* Make the record say what was found; the version last, as that makes it one. */
static void apply(const struct inflight_found *found,
		  const struct inflight_part *part, u16 size, u16 used_idx)
{
	struct inflight_split *r = part->hva;
	u16 i;

	for (i = 0; i < part->queue_size; i++)
		INFLIGHT_STORE(r->desc[i].inflight,
			       i < size && found->state[i] == INFLIGHT_TAKEN);
	INFLIGHT_STORE(r->used_idx, used_idx);
	INFLIGHT_STORE(r->desc_num, part->queue_size);
	INFLIGHT_STORE(r->features, 0);
	INFLIGHT_STORE(r->version, INFLIGHT_VERSION);
}

int inflight_split_start(struct inflight_track **out,
			 const struct inflight_part *part, u16 size,
			 u16 used_idx, enum inflight_fault *fault)
{
	struct inflight_found found;
	struct inflight_track *t;
	int err;

	err = inflight_found_alloc(&found, part);
	if (err)
		return err;
	*fault = inflight_split_parse(&found, part, size, used_idx);
	err = -EBADMSG;
	if (*fault)
		goto free_found;
	err = -ENOMEM;
	t = inflight_track_alloc(&found, part);
	if (!t)
		goto free_found;
	apply(&found, part, size, used_idx);
	t->last_batch_head = READ_ONCE(
		((const struct inflight_split *)part->hva)->last_batch_head);
	*out = t;
	err = 0;
free_found:
	inflight_found_free(&found);
	return err;
}

void inflight_split_stage(struct inflight_track *t)
{
	struct inflight_split *r = t->part.hva;
	u16 i;

	for (i = 0; i < t->staged; i++) {
		INFLIGHT_STORE(r->desc[t->ids[i]].next, t->last_batch_head);
		INFLIGHT_STORE(r->last_batch_head, t->ids[i]);
		t->last_batch_head = t->ids[i];
	}
}

void inflight_split_commit(struct inflight_track *t, u16 used_idx)
{
	struct inflight_split *r = t->part.hva;
	u16 i;

	/* The used index first: an atomic store, which orders what came before
	 * but not, for the compiler, what comes now.
	 */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	for (i = 0; i < t->staged; i++) {
		INFLIGHT_STORE(r->desc[t->ids[i]].inflight, 0);
		t->taken[t->ids[i]] = false;
	}
	t->staged = 0;
	INFLIGHT_STORE(r->used_idx, used_idx);
}
