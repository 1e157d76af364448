// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inflight_packed - the record of a packed ring: read once, then written
 *
 * inflight.h has the theory of operation.  A packed ring's descriptors are
 * written over while their buffers are in flight, so the record has copies of
 * them, in entries of its own: one list of free ones, and one a buffer.
 *
 * The header has the free list's head and the used position twice, as they are
 * and as they were ("old").  The order of stores, crash by crash:
 *
 *	copies, mark, free_head		still in the list from old_free_head on
 *	old_free_head			taken
 *
 *	next, free_head, used ...	the ring's descriptor at the old position
 *					is not used: all of this is forgotten
 *	the ring's descriptor		the batch is the driver's
 *	marks away			in the free list they mean nothing
 *	old_free_head			likewise
 *	used, with the old ones		the batch is off the record
 *
 * The positions lie in 8 aligned bytes and are moved by one store: between the
 * index and its wrap counter there is no truth.  Free entries' marks mean
 * nothing; what is in flight is what is marked and not in the free list.
 *
 * A batch that never became visible may have left descriptors in the ring,
 * behind its first, that say that they are used.  Nobody looks at them until
 * their turn comes; then they would be taken for true.  So recovery makes
 * everything between the used position and the last one taken look as the
 * driver had made it.
 */
#include "inflight.h"

#include <errno.h>
#include <string.h>

#define F_AVAIL BIT_ULL(VRING_PACKED_DESC_F_AVAIL)
#define F_USED	BIT_ULL(VRING_PACKED_DESC_F_USED)
#define WRAP	BIT_ULL(VRING_PACKED_EVENT_F_WRAP_CTR)
#define INDEX	(WRAP - 1)

static struct inflight_used used_make(u16 old, u16 used)
{
	return (struct inflight_used){
		.idx = (u16)(used & INDEX),
		.old_idx = (u16)(old & INDEX),
		.wrap_counter = !!(used & WRAP),
		.old_wrap_counter = !!(old & WRAP),
	};
}

/* By one load or store each, see above. */

static struct inflight_used used_read(const struct inflight_packed *r)
{
	u64 word = READ_ONCE(*(const u64 *)&r->used);
	struct inflight_used used;

	memcpy(&used, &word, sizeof(used));
	return used;
}

static void used_store(struct inflight_packed *r, u16 old, u16 used)
{
	struct inflight_used value = used_make(old, used);
	u64 word;

	memcpy(&word, &value, sizeof(word));
	INFLIGHT_STORE(*(u64 *)&r->used, word);
}

/* What a record says */

static enum inflight_fault check_header(const struct inflight_packed *r,
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

static u16 position(u16 idx, u8 wrap_counter)
{
	return (u16)(idx | (wrap_counter ? WRAP : 0));
}

/* Between two positions, of which the first is the older one. */
static u16 distance(u16 old, u16 used, u16 size)
{
	u32 from = old & INDEX;
	u32 to = used & INDEX;

	if ((old ^ used) & WRAP)
		to += size;
	return (u16)(to - from);
}

/* virtio 1.3, 2.8.1: as the driver makes it available in this round */
static bool is_available(const struct vring_packed_desc *desc, u16 pos)
{
	u16 flags = le16_to_cpu(READ_ONCE(desc->flags));

	return (flags & (F_AVAIL | F_USED)) == (pos & WRAP ? F_AVAIL : F_USED);
}

/* The last batch counts if its first descriptor has become visible. */
static enum inflight_fault settle(struct inflight_found *found,
				  const struct inflight_packed *r, u16 size,
				  const struct vring_packed_desc *ring)
{
	const struct inflight_used u = used_read(r);
	u16 old = position(u.old_idx, u.old_wrap_counter);
	u16 used = position(u.idx, u.wrap_counter);

	if (u.idx >= size || u.old_idx >= size || u.wrap_counter > 1 ||
	    u.old_wrap_counter > 1 || distance(old, used, size) > size)
		return INFLIGHT_FAULT_USED;
	found->used = old;
	found->free = READ_ONCE(r->old_free_head);
	if (used == old || is_available(&ring[u.old_idx], old))
		return INFLIGHT_FAULT_NONE;
	found->batch = distance(old, used, size);
	found->used = used;
	found->free = READ_ONCE(r->free_head);
	return INFLIGHT_FAULT_NONE;
}

/* An entry that no list has had yet; INFLIGHT_USED says that one has. */
static bool visit(struct inflight_found *found, u16 at, u16 count)
{
	if (at >= count || found->state[at] == INFLIGHT_USED)
		return false;
	found->state[at] = INFLIGHT_USED;
	return true;
}

static enum inflight_fault read_free_list(struct inflight_found *found, u16 count)
{
	u16 at;

	for (at = found->free; at != count; at = found->next[at])
		if (!visit(found, at, count))
			return INFLIGHT_FAULT_LIST;
	return INFLIGHT_FAULT_NONE;
}

/* The id is in the last descriptor of a buffer (virtio 1.3, 2.8.6). */
static enum inflight_fault read_chain(struct inflight_found *found,
				      const struct inflight_packed *r,
				      u16 count, u16 first)
{
	const u16 num = READ_ONCE(r->desc[first].num);
	u16 last = READ_ONCE(r->desc[first].last);
	u16 at = first;
	u16 i;

	for (i = 0; i < num; i++) {
		if (!visit(found, at, count))
			return INFLIGHT_FAULT_LIST;
		if (i + 1 < num)
			at = found->next[at];
	}
	if (!num || at != last)
		return INFLIGHT_FAULT_LIST;
	found->taken = (u16)(found->taken + num);
	found->item[found->count++] = (struct inflight_item){
		.counter = READ_ONCE(r->desc[first].counter),
		.id = READ_ONCE(r->desc[last].id),
		.first = first,
		.last = last,
		.num = num,
	};
	return INFLIGHT_FAULT_NONE;
}

static enum inflight_fault read_entries(struct inflight_found *found,
					const struct inflight_packed *r,
					u16 count)
{
	u16 i;

	for (i = 0; i < count; i++) {
		found->next[i] = READ_ONCE(r->desc[i].next);
		if (found->next[i] > count)
			return INFLIGHT_FAULT_LIST;
	}
	return read_free_list(found, count);
}

static enum inflight_fault read_chains(struct inflight_found *found,
				       const struct inflight_packed *r,
				       u16 count)
{
	enum inflight_fault fault;
	u8 mark;
	u16 i;

	for (i = 0; i < count; i++) {
		mark = READ_ONCE(r->desc[i].inflight);
		if (found->state[i] == INFLIGHT_USED || !mark)
			continue;
		if (mark > 1)
			return INFLIGHT_FAULT_MARK;
		fault = read_chain(found, r, count, i);
		if (fault)
			return fault;
	}
	/* Neither free nor in flight: lost, which nobody's crash explains. */
	for (i = 0; i < count; i++)
		if (found->state[i] != INFLIGHT_USED)
			return INFLIGHT_FAULT_LIST;
	return INFLIGHT_FAULT_NONE;
}

/* @state has done its work, and is used by id here. */
static enum inflight_fault check_ids(struct inflight_found *found, u16 size)
{
	u16 i, id;

	if (found->taken > size)
		return INFLIGHT_FAULT_LIST;
	memset(found->state, INFLIGHT_FREE, size);
	for (i = 0; i < found->count; i++) {
		id = found->item[i].id;
		if (id >= size || found->state[id] == INFLIGHT_TAKEN)
			return INFLIGHT_FAULT_ID;
		found->state[id] = INFLIGHT_TAKEN;
	}
	return INFLIGHT_FAULT_NONE;
}

enum inflight_fault
inflight_packed_parse(struct inflight_found *found,
		      const struct inflight_part *part, u16 size,
		      const struct vring_packed_desc *ring)
{
	const struct inflight_packed *r = part->hva;
	u16 count = part->queue_size;
	enum inflight_fault fault;

	found->batch = 0;
	found->counter = 0;
	found->count = 0;
	found->taken = 0;
	memset(found->state, INFLIGHT_FREE, count);
	if (part->len < sizeof(*r) + count * sizeof(r->desc[0]))
		return INFLIGHT_FAULT_LEN;
	fault = check_header(r, part, size, &found->fresh);
	if (fault || found->fresh)
		return fault;
	fault = settle(found, r, size, ring);
	if (!fault)
		fault = read_entries(found, r, count);
	if (!fault)
		fault = read_chains(found, r, count);
	if (!fault)
		fault = check_ids(found, size);
	if (!fault)
		fault = inflight_sort(found);
	return fault;
}

/* A running ring */

static void fresh_lists(struct inflight_found *found,
			const struct inflight_part *part)
{
	struct inflight_packed *r = part->hva;
	u16 i;

	for (i = 0; i < part->queue_size; i++) {
		found->next[i] = (u16)(i + 1);
		INFLIGHT_STORE(r->desc[i].next, (u16)(i + 1));
		INFLIGHT_STORE(r->desc[i].inflight, 0);
	}
	found->free = 0;
}

/* Make the record say what was found; the version last, as that makes it one. */
static void apply(const struct inflight_found *found,
		  const struct inflight_part *part)
{
	struct inflight_packed *r = part->hva;
	u16 at;

	for (at = found->free; at != part->queue_size; at = found->next[at])
		INFLIGHT_STORE(r->desc[at].inflight, 0);
	INFLIGHT_STORE(r->old_free_head, found->free);
	INFLIGHT_STORE(r->free_head, found->free);
	used_store(r, found->used, found->used);
	INFLIGHT_STORE(r->desc_num, part->queue_size);
	INFLIGHT_STORE(r->features, 0);
	INFLIGHT_STORE(r->version, INFLIGHT_VERSION);
}

/* See above: of a batch that nobody saw. */
static void scrub(const struct inflight_found *found,
		  const struct inflight_packed_ring *ring)
{
	struct vring_packed_desc *desc;
	u16 flags, i, pos = found->used;

	for (i = 0; i < found->taken; i++) {
		desc = (struct vring_packed_desc *)&ring->desc[pos & INDEX];
		flags = pos & WRAP ? F_AVAIL : F_USED;
		if (!is_available(desc, pos))
			WRITE_ONCE(desc->flags, cpu_to_le16(flags));
		pos++;
		if ((pos & INDEX) == ring->size)
			pos = (u16)((pos & WRAP) ^ WRAP);
	}
}

int inflight_packed_start(struct inflight_track **out,
			  const struct inflight_part *part,
			  const struct inflight_packed_ring *ring, u16 *used,
			  u16 *taken, enum inflight_fault *fault)
{
	struct inflight_found found;
	struct inflight_track *t;
	int err;

	err = inflight_found_alloc(&found, part);
	if (err)
		return err;
	*fault = inflight_packed_parse(&found, part, ring->size, ring->desc);
	err = -EBADMSG;
	if (*fault)
		goto free_found;
	if (found.fresh) {
		fresh_lists(&found, part);
		found.used = *used;
	}
	err = -ENOMEM;
	t = inflight_track_alloc(&found, part);
	if (!t)
		goto free_found;
	scrub(&found, ring);
	apply(&found, part);
	*used = found.used;
	*taken = found.taken;
	*out = t;
	err = 0;
free_found:
	inflight_found_free(&found);
	return err;
}

bool inflight_packed_add(struct inflight_track *t, u64 addr, u32 len, u16 flags)
{
	struct inflight_packed *r = t->part.hva;
	u16 at = t->fill;

	if (unlikely(at == t->part.queue_size))
		return false;
	INFLIGHT_STORE(r->desc[at].addr, addr);
	INFLIGHT_STORE(r->desc[at].len, len);
	INFLIGHT_STORE(r->desc[at].flags, flags);
	t->filled = at;
	t->fill = t->next[at];
	return true;
}

bool inflight_packed_take(struct inflight_track *t, u16 id, u16 num)
{
	struct inflight_packed *r = t->part.hva;
	struct inflight_packed_desc *head = &r->desc[t->free];

	if (unlikely(t->taken[id]))
		return false;
	t->taken[id] = true;
	t->chain[id] = (struct inflight_chain){ t->free, t->filled, num };
	INFLIGHT_STORE(r->desc[t->filled].id, id);
	INFLIGHT_STORE(head->last, t->filled);
	INFLIGHT_STORE(head->num, num);
	INFLIGHT_STORE(head->counter, t->counter++);
	INFLIGHT_STORE(head->inflight, 1);
	t->free = t->fill;
	INFLIGHT_STORE(r->free_head, t->free);
	INFLIGHT_STORE(r->old_free_head, t->free);
	return true;
}

void inflight_packed_stage(struct inflight_track *t, u16 used)
{
	struct inflight_packed *r = t->part.hva;
	const struct inflight_used u = used_read(r);
	u16 i;

	for (i = 0; i < t->staged; i++) {
		const struct inflight_chain *chain = &t->chain[t->ids[i]];

		INFLIGHT_STORE(r->desc[chain->last].next, t->free);
		t->next[chain->last] = t->free;
		t->free = chain->first;
	}
	INFLIGHT_STORE(r->free_head, t->free);
	used_store(r, position(u.old_idx, u.old_wrap_counter), used);
}

void inflight_packed_commit(struct inflight_track *t, u16 used)
{
	struct inflight_packed *r = t->part.hva;
	u16 i;

	/* The ring's flags first: an atomic store, which orders what came
	 * before but not, for the compiler, what comes now.
	 */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	for (i = 0; i < t->staged; i++) {
		INFLIGHT_STORE(r->desc[t->chain[t->ids[i]].first].inflight, 0);
		t->taken[t->ids[i]] = false;
	}
	t->staged = 0;
	INFLIGHT_STORE(r->old_free_head, t->free);
	used_store(r, used, used);
}

u16 inflight_packed_desc(const struct inflight_track *t, u16 at,
			 struct inflight_packed_desc *desc)
{
	const struct inflight_packed *r = t->part.hva;

	*desc = (struct inflight_packed_desc){
		.addr = READ_ONCE(r->desc[at].addr),
		.len = READ_ONCE(r->desc[at].len),
		.flags = READ_ONCE(r->desc[at].flags),
	};
	return t->next[at];
}
