// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_inflight - the record of what is in flight: made, mapped, and foreign
 *
 * What a daemon writes there, and what its successor makes of it, is
 * test_inflight_crash's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inflight.h"

#define RING  8u
#define ROOM  16u /* descriptors that the record is for */
#define PAGE  4096u

/* The memory */

static int file_of(u64 size, unsigned int seals)
{
	int fd = memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void made_and_mapped(void **state)
{
	struct inflight_shape shape = { .num_queues = 3, .queue_size = ROOM };
	struct inflight inf = { 0 };
	struct inflight_part part;
	unsigned int i;
	int fd;

	(void)state;
	fd = inflight_create(&shape, false, 7);
	assert_true(fd >= 0);
	assert_int_equal(shape.offset, 0);
	/* 16 bytes and 16 a descriptor, padded to 64, and the note. */
	assert_int_equal(shape.len, 3 * 320 + 64);
	/* It cannot become smaller under us. */
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(inflight_map(&inf, &shape, fd), 0);
	close(fd);
	for (i = 0; i < 3; i++) {
		assert_int_equal(inflight_part(&inf, i, false, &part), 0);
		assert_ptr_equal(part.hva, inf.hva + i * 320);
		assert_int_equal(part.len, 16 + ROOM * 16);
		assert_int_equal(part.queue_size, ROOM);
	}
	assert_int_equal(inflight_part(&inf, 3, false, &part), -EBADMSG);
	/* Not enough for packed rings: 32 bytes and 32 a descriptor each. */
	assert_int_equal(inflight_part(&inf, 0, true, &part), 0);
	assert_int_equal(inflight_part(&inf, 2, true, &part), -EBADMSG);
	assert_int_equal(inflight_note(&inf), 7);
	inflight_set_note(&inf, 9);
	assert_int_equal(inflight_note(&inf), 9);
	inflight_unmap(&inf);
	assert_int_equal(inflight_part(&inf, 0, false, &part), 0);
	assert_null(part.hva);
	assert_int_equal(inflight_note(&inf), 0);
	inflight_set_note(&inf, 1);
}

static void packed_is_larger(void **state)
{
	struct inflight_shape shape = { .num_queues = 2, .queue_size = ROOM };
	struct inflight inf = { 0 };
	struct inflight_part part;
	int fd;

	(void)state;
	fd = inflight_create(&shape, true, 1);
	assert_int_equal(shape.len, 2 * 576 + 64);
	assert_int_equal(inflight_map(&inf, &shape, fd), 0);
	assert_int_equal(inflight_part(&inf, 1, true, &part), 0);
	assert_ptr_equal(part.hva, inf.hva + 576);
	assert_int_equal(part.len, 32 + ROOM * 32);
	inflight_unmap(&inf);
	close(fd);
}

static const struct {
	struct inflight_shape shape;
	int err;
} shapes[] = {
	{ { PAGE, 0, 1, ROOM }, 0 },
	{ { PAGE, PAGE, 1, ROOM }, 0 },
	{ { PAGE, 64, 1, ROOM }, 0 },
	{ { PAGE, PAGE + 1, 1, ROOM }, -EINVAL },
	{ { 2 * PAGE + 1, 0, 1, ROOM }, -EINVAL },
	{ { 1, 2 * PAGE, 1, ROOM }, -EINVAL },
	{ { 0, 0, 1, ROOM }, -EINVAL },
	{ { PAGE, 0, 0, ROOM }, -EINVAL },
	{ { PAGE, 0, 1, 0 }, -EINVAL },
	{ { UINT64_MAX, PAGE, 1, ROOM }, -EINVAL },
	{ { PAGE, UINT64_MAX - 10, 1, ROOM }, -EINVAL },
	{ { UINT64_MAX - PAGE, PAGE, 1, ROOM }, -EINVAL },
};

static void shapes_that_cannot_be(void **state)
{
	int fd = file_of(2 * PAGE, F_SEAL_SHRINK);
	struct inflight inf = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (inflight_map(&inf, &shapes[i].shape, fd) != shapes[i].err)
			fail_msg("shape %u", i);
		assert_int_equal(inf.map != NULL, true);
	}
	/* The last good one is still there. */
	assert_ptr_equal(inf.hva, (u8 *)inf.map + 64);
	inflight_unmap(&inf);
	close(fd);
}

static void memory_that_may_vanish(void **state)
{
	const struct inflight_shape shape = { PAGE, 0, 1, ROOM };
	struct inflight inf = { 0 };
	int pipes[2];
	int fd;

	(void)state;
	/* It can still be sealed: then it is. */
	fd = file_of(PAGE, 0);
	assert_int_equal(inflight_map(&inf, &shape, fd), 0);
	assert_true(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK);
	close(fd);
	fd = file_of(PAGE, F_SEAL_SEAL);
	assert_int_equal(inflight_map(&inf, &shape, fd), -EPERM);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(inflight_map(&inf, &shape, fd), -EPERM);
	close(fd);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(inflight_map(&inf, &shape, pipes[0]), -EPERM);
	close(pipes[0]);
	close(pipes[1]);
	/* Written to by nobody, not by us either. */
	fd = file_of(PAGE, F_SEAL_SHRINK | F_SEAL_WRITE);
	assert_int_equal(inflight_map(&inf, &shape, fd), -EPERM);
	close(fd);
	inflight_unmap(&inf);
}

/* A note that is not where ours is, or where a queue is. */
static void no_note(void **state)
{
	struct inflight_shape shape = { .num_queues = 1, .queue_size = ROOM };
	struct inflight inf = { 0 };
	int fd;

	(void)state;
	fd = inflight_create(&shape, false, 3);
	shape.len -= 64;
	assert_int_equal(inflight_map(&inf, &shape, fd), 0);
	assert_int_equal(inflight_note(&inf), 0);
	shape.len += 64;
	shape.num_queues = 2;
	assert_int_equal(inflight_map(&inf, &shape, fd), 0);
	assert_int_equal(inflight_note(&inf), 0);
	shape.num_queues = 1;
	assert_int_equal(inflight_map(&inf, &shape, fd), 0);
	assert_int_equal(inflight_note(&inf), 3);
	inf.hva[shape.len - 64] ^= 1;
	assert_int_equal(inflight_note(&inf), 0);
	inflight_unmap(&inf);
	close(fd);
}

/* A split ring's record */

static union {
	struct inflight_split r;
	u8 bytes[sizeof(struct inflight_split) +
		 ROOM * sizeof(struct inflight_split_desc)];
} split;
static struct inflight_item item[ROOM];
static u8 marks[ROOM];
static struct inflight_found found;

/* Three in flight: 5, 2, 7; the used index of the ring is 100. */
static int split_setup(void **state)
{
	(void)state;
	memset(&split, 0, sizeof(split));
	split.r.version = 1;
	split.r.desc_num = ROOM;
	split.r.used_idx = 100;
	split.r.desc[5] = (struct inflight_split_desc){ .inflight = 1,
							.counter = 11 };
	split.r.desc[2] = (struct inflight_split_desc){ .inflight = 1,
							.counter = 12 };
	split.r.desc[7] = (struct inflight_split_desc){ .inflight = 1,
							.counter = 40 };
	found = (struct inflight_found){ .item = item, .state = marks };
	return 0;
}

static enum inflight_fault split_parse(u16 used_idx)
{
	const struct inflight_part part = {
		.hva = &split,
		.len = sizeof(split),
		.queue_size = ROOM,
	};

	return inflight_split_parse(&found, &part, RING, used_idx);
}

static void split_order(void **state)
{
	(void)state;
	assert_int_equal(split_parse(100), INFLIGHT_FAULT_NONE);
	assert_false(found.fresh);
	assert_int_equal(found.count, 3);
	assert_int_equal(found.batch, 0);
	assert_int_equal(found.counter, 41);
	assert_int_equal(item[0].id, 5);
	assert_int_equal(item[1].id, 2);
	assert_int_equal(item[2].id, 7);
}

static void split_whole_batch(void **state)
{
	(void)state;
	split.r.last_batch_head = 7;
	split.r.desc[7].next = 5;
	split.r.desc[5].next = 3;
	split.r.used_idx = 0xffff;
	/* Three used, of which one mark is gone already. */
	assert_int_equal(split_parse(2), INFLIGHT_FAULT_NONE);
	assert_int_equal(found.batch, 3);
	assert_int_equal(found.count, 1);
	assert_int_equal(item[0].id, 2);
	assert_int_equal(found.counter, 13);
}

static void split_nobody_used_it(void **state)
{
	(void)state;
	/* Whatever else is there: nothing but the version counts. */
	split.r.version = 0;
	split.r.desc[0].inflight = 77;
	split.r.features = ~0ull;
	assert_int_equal(split_parse(9), INFLIGHT_FAULT_NONE);
	assert_true(found.fresh);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.counter, 0);
}

/* struct lie - @size bytes at @offset of the record are @value */
static const struct lie {
	const char *name;
	size_t offset;
	size_t size;
	u64 value;
	u16 used_idx;
	enum inflight_fault fault;
} lies[] = {
#define FIELD(field) \
	offsetof(struct inflight_split, field), \
		sizeof(((struct inflight_split *)0)->field)
	{ "version", FIELD(version), 2, 100, INFLIGHT_FAULT_VERSION },
	{ "features", FIELD(features), 1, 100, INFLIGHT_FAULT_VERSION },
	{ "fewer descriptors", FIELD(desc_num), RING, 100,
	  INFLIGHT_FAULT_SIZE },
	{ "more descriptors", FIELD(desc_num), 0xffff, 100,
	  INFLIGHT_FAULT_SIZE },
	{ "used index behind", FIELD(used_idx), 101, 100, INFLIGHT_FAULT_USED },
	{ "used index far ahead", FIELD(used_idx), 100, 100 + RING + 1,
	  INFLIGHT_FAULT_USED },
	{ "batch begins nowhere", FIELD(last_batch_head), RING, 101,
	  INFLIGHT_FAULT_LIST },
	{ "batch goes on nowhere", FIELD(desc[0].next), 0xffff, 102,
	  INFLIGHT_FAULT_LIST },
	/* All zero: descriptor 0 follows itself. */
	{ "batch goes round", FIELD(desc[0].next), 0, 102,
	  INFLIGHT_FAULT_LIST },
	{ "a mark of 2", FIELD(desc[1].inflight), 2, 100,
	  INFLIGHT_FAULT_MARK },
	{ "a mark of 255", FIELD(desc[7].inflight), 255, 100,
	  INFLIGHT_FAULT_MARK },
	{ "a mark beyond the ring", FIELD(desc[RING].inflight), 1, 100,
	  INFLIGHT_FAULT_MARK },
	{ "equal counters", FIELD(desc[2].counter), 11, 100,
	  INFLIGHT_FAULT_COUNTER },
	{ "the last counter", FIELD(desc[2].counter), UINT64_MAX, 100,
	  INFLIGHT_FAULT_COUNTER },
	{ "half the counters", FIELD(desc[2].counter), 1ull << 63, 100,
	  INFLIGHT_FAULT_COUNTER },
#undef FIELD
};

static void split_lies(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		const struct lie *lie = &lies[i];

		split_setup(state);
		memcpy(split.bytes + lie->offset, &lie->value, lie->size);
		if (split_parse(lie->used_idx) != lie->fault)
			fail_msg("%s", lie->name);
	}
}

static void split_does_not_fit(void **state)
{
	struct inflight_part part = {
		.hva = &split,
		.len = sizeof(split) - 1,
		.queue_size = ROOM,
	};

	(void)state;
	assert_int_equal(inflight_split_parse(&found, &part, RING, 100),
			 INFLIGHT_FAULT_LEN);
	/* CVE-2026-86565: a ring that is larger than the record says */
	part.len = sizeof(split);
	part.queue_size = RING - 1;
	split.r.desc_num = RING - 1;
	assert_int_equal(inflight_split_parse(&found, &part, RING, 100),
			 INFLIGHT_FAULT_SIZE);
	split.r.version = 0;
	assert_int_equal(inflight_split_parse(&found, &part, RING, 100),
			 INFLIGHT_FAULT_SIZE);
}

/* Likewise with what is allocated for that record, and so as short as it. */
static void split_ring_larger_than_record(void **state)
{
	const struct inflight_part part = {
		.hva = &split,
		.len = sizeof(split),
		.queue_size = 1,
	};
	struct inflight_found small;

	(void)state;
	assert_int_equal(inflight_found_alloc(&small, &part), 0);
	assert_int_equal(inflight_split_parse(&small, &part, RING, 100),
			 INFLIGHT_FAULT_SIZE);
	inflight_found_free(&small);
}

/* Whatever is there is refused, or is something that a ring can have. */
static void split_noise(void **state)
{
	unsigned int seed = 1, accepted = 0, round, i;

	for (round = 0; round < 20000; round++) {
		split_setup(state);
		for (i = rand_r(&seed) % 6; i; i--)
			split.bytes[(unsigned int)rand_r(&seed) % sizeof(split)] =
				(u8)(rand_r(&seed) % 9);
		if (split_parse((u16)(97 + rand_r(&seed) % 8)))
			continue;
		accepted++;
		assert_true(found.count <= RING && found.batch <= RING);
		for (i = 0; i < found.count; i++)
			assert_int_equal(marks[item[i].id], INFLIGHT_TAKEN);
	}
	assert_true(accepted > 100 && accepted < 20000);
}

/* A packed ring's record */

static union {
	struct inflight_packed r;
	u8 bytes[sizeof(struct inflight_packed) +
		 ROOM * sizeof(struct inflight_packed_desc)];
} packed;
static struct vring_packed_desc ring[RING];

#define AVAIL BIT_ULL(VRING_PACKED_DESC_F_AVAIL)
#define USED  BIT_ULL(VRING_PACKED_DESC_F_USED)

/*
 * In flight: buffer 3 (entries 0 and 1 of the record), and before it 5 (entry
 * 2).  In the ring they have 4 to 6 of the first round.
 */
static int packed_setup(void **state)
{
	unsigned int i;

	(void)state;
	if (found.item == item)
		found = (struct inflight_found){ 0 };
	memset(&packed, 0, sizeof(packed));
	memset(ring, 0, sizeof(ring));
	packed.r.version = 1;
	packed.r.desc_num = ROOM;
	packed.r.free_head = 3;
	packed.r.old_free_head = 3;
	packed.r.used = (struct inflight_used){ 4, 4, 1, 1, { 0 } };
	for (i = 0; i < ROOM; i++)
		packed.r.desc[i].next = (u16)(i + 1);
	packed.r.desc[0] = (struct inflight_packed_desc){
		.inflight = 1, .next = 1, .last = 1, .num = 2, .counter = 11,
	};
	packed.r.desc[1].id = 3;
	packed.r.desc[2] = (struct inflight_packed_desc){
		.inflight = 1, .next = 3, .last = 2, .num = 1, .counter = 9,
		.id = 5,
	};
	for (i = 4; i < 7; i++)
		ring[i].flags = cpu_to_le16(AVAIL);
	return 0;
}

static enum inflight_fault packed_parse(void)
{
	const struct inflight_part part = {
		.hva = &packed,
		.len = sizeof(packed),
		.queue_size = ROOM,
	};
	enum inflight_fault fault;

	inflight_found_free(&found);
	assert_int_equal(inflight_found_alloc(&found, &part), 0);
	fault = inflight_packed_parse(&found, &part, RING, ring);
	return fault;
}

static int packed_teardown(void **state)
{
	(void)state;
	inflight_found_free(&found);
	found = (struct inflight_found){ 0 };
	return 0;
}

static void packed_order(void **state)
{
	(void)state;
	assert_int_equal(packed_parse(), INFLIGHT_FAULT_NONE);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.item[0].id, 5);
	assert_int_equal(found.item[1].id, 3);
	assert_int_equal(found.item[1].first, 0);
	assert_int_equal(found.item[1].last, 1);
	assert_int_equal(found.item[1].num, 2);
	assert_int_equal(found.counter, 12);
	assert_int_equal(found.taken, 3);
	assert_int_equal(found.used, 0x8004);
	assert_int_equal(found.free, 3);
}

/* Buffer 5 is given back: into the free list, the position moves on by one. */
static void packed_stage(void)
{
	packed.r.desc[2].next = 3;
	packed.r.free_head = 2;
	packed.r.used.idx = 5;
}

static void packed_batch_nobody_saw(void **state)
{
	(void)state;
	packed_stage();
	assert_int_equal(packed_parse(), INFLIGHT_FAULT_NONE);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.batch, 0);
	assert_int_equal(found.used, 0x8004);
	assert_int_equal(found.free, 3);
}

static void packed_batch_seen(void **state)
{
	(void)state;
	packed_stage();
	ring[4].flags = cpu_to_le16(AVAIL | USED);
	assert_int_equal(packed_parse(), INFLIGHT_FAULT_NONE);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.item[0].id, 3);
	assert_int_equal(found.batch, 1);
	assert_int_equal(found.used, 0x8005);
	assert_int_equal(found.free, 2);
}

static const struct lie packed_lies[] = {
#define FIELD(field) \
	offsetof(struct inflight_packed, field), \
		sizeof(((struct inflight_packed *)0)->field)
	{ "version", FIELD(version), 3, 0, INFLIGHT_FAULT_VERSION },
	{ "features", FIELD(features), 1, 0, INFLIGHT_FAULT_VERSION },
	{ "descriptors", FIELD(desc_num), RING, 0, INFLIGHT_FAULT_SIZE },
	{ "used index", FIELD(used.idx), RING, 0, INFLIGHT_FAULT_USED },
	{ "old used index", FIELD(used.old_idx), 0xffff, 0,
	  INFLIGHT_FAULT_USED },
	{ "used index behind", FIELD(used.idx), 3, 0, INFLIGHT_FAULT_USED },
	{ "wrap counter", FIELD(used.wrap_counter), 2, 0, INFLIGHT_FAULT_USED },
	{ "old wrap counter", FIELD(used.old_wrap_counter), 255, 0,
	  INFLIGHT_FAULT_USED },
	{ "free list begins nowhere", FIELD(old_free_head), ROOM + 1, 0,
	  INFLIGHT_FAULT_LIST },
	{ "free list goes on nowhere", FIELD(desc[9].next), 0xffff, 0,
	  INFLIGHT_FAULT_LIST },
	{ "free list goes round", FIELD(desc[9].next), 5, 0,
	  INFLIGHT_FAULT_LIST },
	{ "free list misses some", FIELD(desc[9].next), 12, 0,
	  INFLIGHT_FAULT_LIST },
	{ "free list is empty", FIELD(old_free_head), ROOM, 0,
	  INFLIGHT_FAULT_LIST },
	{ "buffer goes into the free list", FIELD(desc[0].next), 3, 0,
	  INFLIGHT_FAULT_LIST },
	{ "buffer goes into another", FIELD(desc[0].next), 2, 0,
	  INFLIGHT_FAULT_LIST },
	{ "buffer goes round", FIELD(desc[0].next), 0, 0, INFLIGHT_FAULT_LIST },
	{ "buffer of none", FIELD(desc[0].num), 0, 0, INFLIGHT_FAULT_LIST },
	{ "buffer longer than it is", FIELD(desc[0].num), 3, 0,
	  INFLIGHT_FAULT_LIST },
	{ "buffer without end", FIELD(desc[0].num), 0xffff, 0,
	  INFLIGHT_FAULT_LIST },
	{ "buffer ends elsewhere", FIELD(desc[0].last), 2, 0,
	  INFLIGHT_FAULT_LIST },
	{ "a mark of 2", FIELD(desc[0].inflight), 2, 0, INFLIGHT_FAULT_MARK },
	{ "a mark is missing", FIELD(desc[2].inflight), 0, 0,
	  INFLIGHT_FAULT_LIST },
	{ "buffer id", FIELD(desc[1].id), RING, 0, INFLIGHT_FAULT_ID },
	{ "equal buffer ids", FIELD(desc[1].id), 5, 0, INFLIGHT_FAULT_ID },
	{ "equal counters", FIELD(desc[0].counter), 9, 0,
	  INFLIGHT_FAULT_COUNTER },
	{ "the last counter", FIELD(desc[0].counter), UINT64_MAX, 0,
	  INFLIGHT_FAULT_COUNTER },
	{ "marks in the free list mean nothing", FIELD(desc[9].inflight), 0x77,
	  0, INFLIGHT_FAULT_NONE },
#undef FIELD
};

static void packed_lies_refused(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(packed_lies); i++) {
		const struct lie *lie = &packed_lies[i];

		packed_setup(state);
		memcpy(packed.bytes + lie->offset, &lie->value, lie->size);
		if (packed_parse() != lie->fault)
			fail_msg("%s", lie->name);
	}
}

/* More descriptors in flight than the ring has; the record has room for them. */
static void packed_more_than_the_ring(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 2; i < RING + 2; i++)
		packed.r.desc[i] = (struct inflight_packed_desc){
			.inflight = 1, .next = (u16)(i + 1), .last = (u16)i,
			.num = 1, .counter = 100 + i, .id = (u16)i,
		};
	packed.r.free_head = RING + 2;
	packed.r.old_free_head = RING + 2;
	assert_int_equal(packed_parse(), INFLIGHT_FAULT_LIST);
}

static void packed_noise(void **state)
{
	unsigned int seed = 1, accepted = 0, round, i;

	for (round = 0; round < 20000; round++) {
		packed_setup(state);
		for (i = (unsigned int)rand_r(&seed) % 6; i; i--)
			packed.bytes[(unsigned int)rand_r(&seed) %
				     sizeof(packed)] = (u8)(rand_r(&seed) % 9);
		if (packed_parse())
			continue;
		accepted++;
		assert_true(found.taken <= RING && found.count <= found.taken);
		for (i = 0; i < found.count; i++)
			assert_true(found.item[i].id < RING &&
				    found.item[i].last < ROOM);
	}
	assert_true(accepted > 100 && accepted < 20000);
}

static void faults_have_names(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < INFLIGHT_FAULT_MAX; i++)
		assert_true(strlen(inflight_fault_name(i)) > 3);
}

#define PACKED(name) \
	cmocka_unit_test_setup_teardown(name, packed_setup, packed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_and_mapped),
		cmocka_unit_test(packed_is_larger),
		cmocka_unit_test(shapes_that_cannot_be),
		cmocka_unit_test(memory_that_may_vanish),
		cmocka_unit_test(no_note),
		cmocka_unit_test_setup(split_order, split_setup),
		cmocka_unit_test_setup(split_whole_batch, split_setup),
		cmocka_unit_test_setup(split_nobody_used_it, split_setup),
		cmocka_unit_test_setup(split_lies, split_setup),
		cmocka_unit_test_setup(split_does_not_fit, split_setup),
		cmocka_unit_test_setup(split_ring_larger_than_record,
				       split_setup),
		cmocka_unit_test_setup(split_noise, split_setup),
		PACKED(packed_order),
		PACKED(packed_batch_nobody_saw),
		PACKED(packed_batch_seen),
		PACKED(packed_lies_refused),
		PACKED(packed_more_than_the_ring),
		PACKED(packed_noise),
		cmocka_unit_test(faults_have_names),
	};

	return cmocka_run_group_tests_name("inflight", tests, NULL, NULL);
}
