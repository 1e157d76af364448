// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_inflight - a ring's record: anybody's content, and our own
 *
 * First a record with the input's content is parsed and, where it is accepted,
 * gone on from.  Then commands take, push and publish, and after each store that
 * a kill could follow the record is parsed once more: it must say exactly what
 * is in flight, in the order in which it was taken.  (Commands are the split
 * ring's; what a packed ring writes is in fuzz_packed, through vq.h.)
 *
 *	input: layout, ring size, room, used index, header, marks (4 bytes each), commands
 */
#include <stdlib.h>

#include "fuzz.h"
#include "inflight.h"

#define SIZE_MAX_LOG2 6

/**
 * struct model - what is true, beside what the record says
 * @order:	heads in flight, oldest first
 * @used_idx:	the ring's
 */
struct model {
	struct inflight_part part;
	u16 size;
	u16 used_idx;
	u16 order[1 << SIZE_MAX_LOG2];
	unsigned int count;
};

static void entry_take(struct inflight_split_desc *d, struct fuzz_input *in)
{
	u8 what = fuzz_u8(in);

	d->inflight = what & 0x80 ? what & 3 : what & 1;
	d->next = fuzz_u8(in);
	d->counter = fuzz_u16(in);
	if (what & 0x40)
		d->counter |= UINT64_MAX << 16;
}

/* Memory exactly as long as the record is said to be. */
static void record_take(struct model *m, struct fuzz_input *in)
{
	u8 how = fuzz_u8(in);
	u16 room = (u16)(1 << (how >> 4) % (SIZE_MAX_LOG2 + 1));
	struct inflight_split *r;

	m->size = (u16)(1 << (how & 0xf) % (SIZE_MAX_LOG2 + 1));
	m->used_idx = fuzz_u16(in);
	m->part.queue_size = room;
	m->part.len = sizeof(*r) + room * sizeof(r->desc[0]);
	m->part.hva = calloc(1, m->part.len);
	if (!m->part.hva)
		abort();
	r = m->part.hva;
	if (!(fuzz_u8(in) & 1)) {
		fuzz_bytes(in, r, sizeof(*r));
	} else {
		r->version = INFLIGHT_VERSION;
		r->desc_num = room;
		r->used_idx = (u16)(m->used_idx - fuzz_u8(in) % 8);
		r->last_batch_head = fuzz_u8(in);
	}
	for (unsigned int i = 0; i < room; i++)
		entry_take(&r->desc[i], in);
}

static enum inflight_fault parse(struct inflight_found *found,
				 const struct model *m)
{
	if (inflight_found_alloc(found, &m->part))
		abort();
	return inflight_split_parse(found, &m->part, m->size, m->used_idx);
}

/* What a parser lets pass is safe to go on from. */
static void check_found(const struct inflight_found *found,
			const struct model *m)
{
	FUZZ_CHECK(found->count <= m->size && found->batch <= m->size);
	for (unsigned int i = 0; i < found->count; i++) {
		const struct inflight_item *item = &found->item[i];

		FUZZ_CHECK(item->id < m->size);
		FUZZ_CHECK(found->state[item->id] == INFLIGHT_TAKEN);
		FUZZ_CHECK(!i || item[-1].counter < item->counter);
		FUZZ_CHECK(item->counter < found->counter);
	}
}

/* As a daemon that starts now would find it. */
static void check_truth(const struct model *m)
{
	struct inflight_found found;

	FUZZ_CHECK(parse(&found, m) == INFLIGHT_FAULT_NONE);
	check_found(&found, m);
	FUZZ_CHECK(found.count == m->count);
	for (unsigned int i = 0; i < m->count; i++)
		FUZZ_CHECK(found.item[i].id == m->order[i]);
	inflight_found_free(&found);
}

static void take(struct model *m, struct inflight_track *t, u16 head)
{
	bool twice = t->taken[head];

	FUZZ_CHECK(inflight_split_take(t, head) == !twice);
	if (!twice)
		m->order[m->count++] = head;
	check_truth(m);
}

static void forget(struct model *m, unsigned int i)
{
	m->count--;
	memmove(&m->order[i], &m->order[i + 1],
		(m->count - i) * sizeof(m->order[0]));
}

/* Some of what is in flight becomes used, as one batch. */
static void publish(struct model *m, struct inflight_track *t,
		    struct fuzz_input *in)
{
	struct model before;
	u16 n = fuzz_u8(in) % (m->count + 1);

	if (!n)
		return;
	before = *m;
	for (u16 i = 0; i < n; i++) {
		unsigned int which = fuzz_u8(in) % m->count;

		inflight_push(t, m->order[which]);
		forget(m, which);
	}
	inflight_split_stage(t);
	check_truth(&before);
	m->used_idx = (u16)(m->used_idx + n);
	check_truth(m);
	inflight_split_commit(t, m->used_idx);
	check_truth(m);
}

/* The next daemon: it finds what the last one had. */
static struct inflight_track *start(struct model *m)
{
	enum inflight_fault fault = INFLIGHT_FAULT_NONE;
	struct inflight_track *t = NULL;

	if (inflight_split_start(&t, &m->part, m->size, m->used_idx, &fault)) {
		FUZZ_CHECK(fault && inflight_fault_name(fault));
		return NULL;
	}
	m->count = t->recovered;
	memcpy(m->order, t->again, m->count * sizeof(m->order[0]));
	t->again_next = t->recovered;
	check_truth(m);
	return t;
}

static struct inflight_track *command(struct model *m, struct inflight_track *t,
				      struct fuzz_input *in)
{
	u8 cmd = fuzz_u8(in);

	if (cmd < 0xa0) {
		take(m, t, cmd % m->size);
	} else if (cmd < 0xf8) {
		publish(m, t, in);
	} else {
		inflight_track_free(t);
		t = start(m);
		FUZZ_CHECK(t);
	}
	return t;
}

static void split(struct fuzz_input *in)
{
	struct inflight_found found;
	struct inflight_track *t;
	struct model m = { 0 };
	enum inflight_fault fault;

	record_take(&m, in);
	fault = parse(&found, &m);
	if (!fault)
		check_found(&found, &m);
	inflight_found_free(&found);
	t = start(&m);
	FUZZ_CHECK(!t == !!fault);
	for (unsigned int i = 0; t && in->left && i < 200; i++)
		t = command(&m, t, in);
	inflight_track_free(t);
	free(m.part.hva);
}

/* Packed: the record has descriptors of its own, in lists. */

static void packed_entry_take(struct inflight_packed_desc *d,
			      struct fuzz_input *in)
{
	u8 what = fuzz_u8(in);

	d->inflight = what & 0x80 ? what & 3 : what & 1;
	d->next = fuzz_u8(in);
	d->last = fuzz_u8(in);
	d->num = what >> 4 & 7;
	d->id = fuzz_u8(in);
	d->counter = fuzz_u16(in);
}

static void packed_record_take(struct model *m, struct fuzz_input *in)
{
	u8 how = fuzz_u8(in);
	u16 room = (u16)(1 + (how >> 4));
	struct inflight_packed *r;

	m->size = (u16)(1 + (how & 0xf));
	m->part.queue_size = room;
	m->part.len = sizeof(*r) + room * sizeof(r->desc[0]);
	m->part.hva = calloc(1, m->part.len);
	if (!m->part.hva)
		abort();
	r = m->part.hva;
	fuzz_bytes(in, &r->free_head, 4);
	fuzz_bytes(in, &r->used, sizeof(r->used));
	if (fuzz_u8(in) & 1) {
		r->version = INFLIGHT_VERSION;
		r->desc_num = room;
	} else {
		fuzz_bytes(in, r, 12);
	}
	for (unsigned int i = 0; i < room; i++)
		packed_entry_take(&r->desc[i], in);
}

static struct vring_packed_desc *packed_ring_take(u16 size,
						  struct fuzz_input *in)
{
	struct vring_packed_desc *desc = calloc(size, sizeof(*desc));

	if (!desc)
		abort();
	for (u16 i = 0; i < size; i++)
		desc[i].flags = cpu_to_le16((u16)(fuzz_u8(in) << 8 |
						  (i & 1) << 7));
	return desc;
}

/* What goes on from it stays inside the record, and says the same again. */
static void packed_go_on(const struct model *m,
			 const struct inflight_packed_ring *ring,
			 bool accepted)
{
	enum inflight_fault fault = INFLIGHT_FAULT_NONE;
	struct inflight_track *t = NULL;
	struct inflight_found found;
	u16 used = 0, taken = 0;
	int err = inflight_packed_start(&t, &m->part, ring, &used, &taken,
					&fault);

	FUZZ_CHECK(!err == accepted && !err == !fault);
	if (err)
		return;
	FUZZ_CHECK(taken <= m->size && (used & 0x7fff) < m->size);
	if (inflight_found_alloc(&found, &m->part))
		abort();
	FUZZ_CHECK(!inflight_packed_parse(&found, &m->part, m->size,
					  ring->desc));
	FUZZ_CHECK(found.count == t->recovered && found.taken == taken);
	FUZZ_CHECK(!found.batch && found.used == used);
	inflight_found_free(&found);
	inflight_track_free(t);
}

static void packed(struct fuzz_input *in)
{
	struct inflight_packed_ring ring;
	struct inflight_found found;
	struct model m = { 0 };
	enum inflight_fault fault;

	packed_record_take(&m, in);
	ring.size = m.size;
	ring.desc = packed_ring_take(m.size, in);
	if (inflight_found_alloc(&found, &m.part))
		abort();
	fault = inflight_packed_parse(&found, &m.part, m.size, ring.desc);
	if (!fault)
		check_found(&found, &m);
	inflight_found_free(&found);
	packed_go_on(&m, &ring, !fault);
	free((void *)ring.desc);
	free(m.part.hva);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };

	if (fuzz_u8(&in) & 1)
		packed(&in);
	else
		split(&in);
	return 0;
}
