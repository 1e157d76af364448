/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inflight - what the device has taken and not given back, kept where a killed
 *	      daemon does not lose it
 *
 * Theory of operation
 *
 * The record is shared memory that the front end holds on to (vhost-user,
 * "Inflight I/O tracking").  A daemon makes it for GET_INFLIGHT_FD, gets it
 * back with SET_INFLIGHT_FD each time the device starts, and so finds what its
 * predecessor had in flight:
 *
 *	| queue 0 | queue 1 | ... | note |	each padded to INFLIGHT_ALIGN
 *
 * Ours is the note, behind all that the specification knows: what the driver
 * chose in config space, which no front end repeats.
 *
 * A queue's part is written in three places of its layout (vq_split.c,
 * vq_packed.c), in an order such that it tells the truth after every single
 * store:
 *
 *	take	at vq_pop(): what was taken, then the mark "in flight"
 *	stage	at vq_publish(), before: the batch as a list
 *	commit	at vq_publish(), after the batch is visible: marks away, then
 *		the used position as the record knows it
 *
 * Whoever dies between the last two leaves a ring whose used position is ahead
 * of the record's by exactly the batch whose list is there.  So every buffer is
 * found either used in the ring or in flight, never both and never neither.
 * Only the compiler has to keep the order: a killed thread has left user space,
 * and all that it had stored is there for its successor.
 *
 * Recovery, when a ring starts: the whole last batch is taken off the record,
 * what is left is popped again, in the order of the first time and before
 * anything new.  The device position follows from the record, not from the
 * front end's base, which QEMU sets to the used index.
 *
 * Doing a request twice is harmless only if nothing came in between.  Two
 * things see to it.  First, no buffer is done again that the driver has got
 * back: it may have reused the memory, and rewritten the sectors.  Second, a
 * predecessor's I/O that the kernel still works on must be over before any is
 * done again, or it could land on top of later writes, or in memory that the
 * guest uses otherwise by now: the lock on the image goes with the last such
 * request, and image.c waits for it.  Of requests that were in flight
 * together, and overlap, no order was ever promised (virtio 1.3, 5.2.6.2), so
 * a write of before the kill, repeated after another one that overlaps it, is
 * an order that the driver had to expect anyway.
 *
 * The record's content is foreign: another back end's, or a front end's lie.
 * It is read once, into private memory, when a ring starts, and refused as a
 * whole where it cannot be true; from then on it is only written.
 *
 * Who runs it: the control thread maps, starts and ends; the queue's worker
 * takes, stages and commits.
 */
#ifndef PV_INFLIGHT_H
#define PV_INFLIGHT_H

#include <linux/virtio_ring.h>

#include "util.h"

#define INFLIGHT_VERSION 1

/* What other back ends align to, so that records can be exchanged. */
#define INFLIGHT_ALIGN 64

/* Records, as the specification lays them out; host byte order. */

struct inflight_split_desc {
	u8 inflight;
	u8 padding[5];
	u16 next;
	u64 counter;
};

struct inflight_split {
	u64 features;
	u16 version;
	u16 desc_num;
	u16 last_batch_head;
	u16 used_idx;
	struct inflight_split_desc desc[];
};

struct inflight_packed_desc {
	u8 inflight;
	u8 padding;
	u16 next;
	u16 last;
	u16 num;
	u64 counter;
	u16 id;
	u16 flags;
	u32 len;
	u64 addr;
};

/* Aligned and of 8 bytes, so that one store moves all of it. */
struct inflight_used {
	u16 idx;
	u16 old_idx;
	u8 wrap_counter;
	u8 old_wrap_counter;
	u8 padding[2];
};

struct inflight_packed {
	u64 features;
	u16 version;
	u16 desc_num;
	u16 free_head;
	u16 old_free_head;
	struct inflight_used used;
	u8 padding[8];
	struct inflight_packed_desc desc[];
};

/* The shared memory as such: inflight.c */

/**
 * struct inflight_shape - what the front end says about its record
 * @len:	bytes of it, from @offset on
 * @offset:	of its first byte in the file
 * @num_queues:	parts
 * @queue_size:	descriptors that each part has room for
 */
struct inflight_shape {
	u64 len;
	u64 offset;
	u16 num_queues;
	u16 queue_size;
};

/**
 * struct inflight - a device's record, mapped
 * @map, @map_len: for munmap(); NULL while there is none
 * @hva:	first byte
 * @shape:	as checked
 */
struct inflight {
	void *map;
	size_t map_len;
	u8 *hva;
	struct inflight_shape shape;
};

/** struct inflight_part - a queue's part of a record; @hva NULL: none is kept */
struct inflight_part {
	void *hva;
	size_t len;
	u16 queue_size;
};

/**
 * inflight_create() - make an empty record
 * @shape:	@num_queues and @queue_size set by the caller, the rest filled in
 * @packed:	layout of the rings
 * @note:	> 0, for inflight_note() of whoever maps it
 *
 * Return: descriptor of a sealed memfd, or -errno.
 */
int inflight_create(struct inflight_shape *shape, bool packed, u8 note);

/**
 * inflight_map() - map a record that the front end holds, in place of the last
 * @fd:		stays the caller's, may be closed afterwards
 *
 * Return: 0, -EINVAL (shape not possible, or not inside the file), -EPERM (not
 * memory that can be sealed against shrinking, so that it could vanish under
 * us), -errno of mmap().  @inf is untouched on failure.
 */
int inflight_map(struct inflight *inf, const struct inflight_shape *shape,
		 int fd);

/** inflight_unmap() - no ring that is tracked in it runs */
void inflight_unmap(struct inflight *inf);

/**
 * inflight_part() - the part of queue @index
 *
 * Return: 0, -EBADMSG where there is a record, but not for this queue with this
 * layout of rings.
 */
int inflight_part(const struct inflight *inf, unsigned int index, bool packed,
		  struct inflight_part *part);

/** inflight_note() - the note's value, or 0: none, or not made by us */
u8 inflight_note(const struct inflight *inf);

/** inflight_set_note() - keep another value; nothing where there is no note */
void inflight_set_note(struct inflight *inf, u8 note);

/* What a record says: PURE */

/**
 * enum inflight_fault - why a record cannot be this ring's
 */
enum inflight_fault {
	INFLIGHT_FAULT_NONE,
	INFLIGHT_FAULT_LEN,	/* shorter than its descriptors */
	INFLIGHT_FAULT_VERSION, /* made by rules that we do not know */
	INFLIGHT_FAULT_SIZE,	/* for another number of descriptors */
	INFLIGHT_FAULT_USED,	/* its used index is not near the ring's */
	INFLIGHT_FAULT_LIST,	/* index out of range, or twice in a list */
	INFLIGHT_FAULT_MARK,	/* marks that nobody makes */
	INFLIGHT_FAULT_COUNTER, /* twice the same, or none that we can go on from */
	INFLIGHT_FAULT_ID,	/* buffer id out of range, or twice */
	INFLIGHT_FAULT_MAX
};

/** inflight_fault_name() - in words, for the log */
const char *inflight_fault_name(enum inflight_fault fault);

/**
 * struct inflight_item - a buffer in flight
 * @counter:	they are sorted by it
 * @id:		split: its head
 * @first, @last, @num: packed: its descriptors in the record
 */
struct inflight_item {
	u64 counter;
	u16 id;
	u16 first;
	u16 last;
	u16 num;
};

/** enum inflight_state - of an entry of the record */
enum inflight_state {
	INFLIGHT_FREE,
	INFLIGHT_TAKEN, /* in flight */
	INFLIGHT_USED,	/* split: of the batch that is in the used ring already;
			 * packed: seen in a list
			 */
};

/**
 * struct inflight_found - what a record says, checked
 * @fresh:	nobody has used it yet; all else is 0
 * @batch:	buffers (packed: descriptors) of the last batch, visible to the
 *		driver, that the dead daemon did not get to take off the record
 * @counter:	for the next buffer taken
 * @count:	entries of @item
 * @item:	in flight, in the order of the first time; caller's, as all that
 *		follows, with room for as many as the record has descriptors
 * @state:	enum inflight_state of each descriptor
 * @next:	packed: lists of descriptors in the record, which end with the
 *		number of them
 * @used:	packed: where the device goes on, as in struct vq_packed
 * @free:	packed: first free descriptor of the record
 * @taken:	packed: descriptors in flight
 */
struct inflight_found {
	bool fresh;
	u16 batch;
	u64 counter;
	u16 count;
	struct inflight_item *item;
	u8 *state;
	u16 *next;
	u16 used;
	u16 free;
	u16 taken;
};

/** inflight_found_alloc() - the caller's part; 0 or -ENOMEM */
int inflight_found_alloc(struct inflight_found *found,
			 const struct inflight_part *part);

void inflight_found_free(struct inflight_found *found);

/** inflight_sort() - items in order, and the counter to go on from */
enum inflight_fault inflight_sort(struct inflight_found *found);

/**
 * inflight_split_parse() - what is in flight in a split ring
 * @part:	memory that may change meanwhile
 * @size:	entries of the ring
 * @used_idx:	the ring's
 */
enum inflight_fault inflight_split_parse(struct inflight_found *found,
					 const struct inflight_part *part,
					 u16 size, u16 used_idx);

/**
 * inflight_packed_parse() - what is in flight in a packed ring
 * @part:	memory that may change meanwhile
 * @size:	entries of the ring
 * @ring:	the ring, memory that may change meanwhile
 */
enum inflight_fault
inflight_packed_parse(struct inflight_found *found,
		      const struct inflight_part *part, u16 size,
		      const struct vring_packed_desc *ring);

/* A running ring: inflight_track.c, inflight_split.c, inflight_packed.c */

/** struct inflight_chain - packed: a buffer's descriptors in the record */
struct inflight_chain {
	u16 first;
	u16 last;
	u16 num;
};

/**
 * struct inflight_track - a ring's side of its record
 * @part:	record
 * @counter:	for the next buffer taken
 * @fresh:	nobody had used the record before
 * @recovered:	entries of @again at the start
 * @batch:	entries of a batch found complete at the start
 * @again_next:	first of @again not popped yet
 * @again:	buffers that a dead daemon had in flight, in their order
 * @staged:	entries of @ids
 * @ids:	pushed since the last publication
 * @taken:	in flight; never so twice, which bounds all of the above
 * @last_batch_head: split: as in the record
 * @chain:	packed: by buffer id, where @taken
 * @next:	packed: lists of descriptors in the record
 * @free:	packed: first free one, end of the list: their number
 * @fill:	packed: the next one of the buffer that is being popped
 * @filled:	packed: the last one
 */
struct inflight_track {
	struct inflight_part part;
	u64 counter;
	bool fresh;
	u16 recovered;
	u16 batch;
	u16 again_next;
	u16 *again;
	u16 staged;
	u16 *ids;
	bool *taken;
	u16 last_batch_head;
	struct inflight_chain *chain;
	u16 *next;
	u16 free;
	u16 fill;
	u16 filled;
};

/**
 * inflight_split_start() - recover, and be ready to track
 *
 * Return: 0, -ENOMEM, -EBADMSG with *@fault set.
 */
int inflight_split_start(struct inflight_track **out,
			 const struct inflight_part *part, u16 size,
			 u16 used_idx, enum inflight_fault *fault);

/** inflight_track_alloc() - a ring's side of what was found, or NULL */
struct inflight_track *inflight_track_alloc(const struct inflight_found *found,
					    const struct inflight_part *part);

/** struct inflight_packed_ring - what a record of a packed ring is about */
struct inflight_packed_ring {
	const struct vring_packed_desc *desc;
	u16 size;
};

/**
 * inflight_packed_start() - recover, and be ready to track
 * @used:	position where the device goes on; in: where the front end says,
 *		out: where the record says, unless it is fresh
 * @taken:	descriptors from there on that are in flight
 *
 * Return: 0, -ENOMEM, -EBADMSG with *@fault set.
 */
int inflight_packed_start(struct inflight_track **out,
			  const struct inflight_part *part,
			  const struct inflight_packed_ring *ring, u16 *used,
			  u16 *taken, enum inflight_fault *fault);

/** inflight_track_free() - @t may be NULL; the record stays as it is */
void inflight_track_free(struct inflight_track *t);

/** inflight_split_stage() - before the used index is made visible */
void inflight_split_stage(struct inflight_track *t);

/** inflight_split_commit() - after that; @used_idx is what is visible */
void inflight_split_commit(struct inflight_track *t, u16 used_idx);

/** inflight_packed_stage() - before a batch is made visible; @used: after it */
void inflight_packed_stage(struct inflight_track *t, u16 used);

/** inflight_packed_commit() - after that */
void inflight_packed_commit(struct inflight_track *t, u16 used);

/**
 * inflight_packed_add() - a descriptor of the buffer that is being popped
 *
 * The first call of a buffer is inflight_packed_begin().
 *
 * Return: false where the record has no room: more than a ring can hold.
 */
bool inflight_packed_add(struct inflight_track *t, u64 addr, u32 len,
			 u16 flags);

/** inflight_packed_take() - that was all; false where @id is in flight already */
bool inflight_packed_take(struct inflight_track *t, u16 id, u16 num);

/**
 * inflight_packed_desc() - of a buffer that a dead daemon had in flight
 * @at:		struct inflight_chain.first, then what was returned
 * @desc:	copy; no more to be trusted than what a driver writes
 *
 * Return: the next one.
 */
u16 inflight_packed_desc(const struct inflight_track *t, u16 at,
			 struct inflight_packed_desc *desc);

/*
 * What is written in order.  Volatile accesses are not reordered with each
 * other, and nothing else is written to the record.
 */
#define INFLIGHT_STORE(x, v) WRITE_ONCE(x, v)

/** inflight_split_take() - false where @head is in flight already */
static inline bool inflight_split_take(struct inflight_track *t, u16 head)
{
	struct inflight_split *r = t->part.hva;

	if (unlikely(t->taken[head]))
		return false;
	t->taken[head] = true;
	INFLIGHT_STORE(r->desc[head].counter, t->counter++);
	INFLIGHT_STORE(r->desc[head].inflight, 1);
	return true;
}

/** inflight_packed_begin() - a buffer is being popped */
static inline void inflight_packed_begin(struct inflight_track *t)
{
	t->fill = t->free;
}

/** inflight_push() - @id will be in the next batch that is published */
static inline void inflight_push(struct inflight_track *t, u16 id)
{
	t->ids[t->staged++] = id;
}

/** inflight_again() - is something of a dead daemon still to be popped? */
static inline bool inflight_again(const struct inflight_track *t)
{
	return t->again_next < t->recovered;
}

#endif /* PV_INFLIGHT_H */
