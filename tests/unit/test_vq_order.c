// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_vq_order - buffers done in any order go back in the order they came in
 *
 * The ring is one that writes down what is pushed; what real ones make of it is
 * in test_vq_split and test_vq_packed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "vq_order.h"

#define SIZE 5

/** struct entry - as pushed into the ring */
struct entry {
	u16 id;
	u32 len;
	u16 slots;
};

static struct entry entries[SIZE];
static unsigned int num_entries;
static unsigned int published;

static void log_push(struct vq *vq, u16 id, u32 len, u16 slots)
{
	entries[num_entries++] = (struct entry){ id, len, slots };
}

static bool log_publish(struct vq *vq)
{
	published++;
	return false;
}

static void log_unpop(struct vq *vq, u16 slots)
{
}

static const struct vq_layout_ops log_ops = {
	.push = log_push,
	.publish = log_publish,
	.unpop = log_unpop,
};

static struct vq vq;

static int setup(void **state)
{
	vq = (struct vq){
		.ops = &log_ops,
		.size = SIZE,
		.slots = calloc(SIZE, sizeof(u16)),
		.order = vq_order_new(SIZE),
	};
	num_entries = 0;
	published = 0;
	return vq.slots && vq.order ? 0 : -1;
}

static int teardown(void **state)
{
	vq_stop(&vq);
	return 0;
}

/* As a layout's pop does at its end. */
static void take(u16 id, u64 in_len, u16 slots)
{
	const struct vq_chain chain = { .id = id, .in_len = in_len };

	vq.slots[id] = slots;
	vq_order_take(vq.order, &chain, slots);
}

static void publish_expecting(const struct entry *want, unsigned int count)
{
	unsigned int i;

	num_entries = 0;
	vq_publish(&vq);
	assert_int_equal(num_entries, count);
	for (i = 0; i < count; i++) {
		assert_int_equal(entries[i].id, want[i].id);
		assert_int_equal(entries[i].len, want[i].len);
		assert_int_equal(entries[i].slots, want[i].slots);
	}
	assert_int_equal(vq.staged, 0);
}

static void waits_for_its_turn(void **state)
{
	static const struct entry both[] = { { 3, 7, 1 }, { 1, 9, 1 } };

	take(3, 100, 1);
	take(1, 100, 1);
	take(4, 100, 1);
	vq_push(&vq, 1, 9);
	assert_int_equal(vq.staged, 0);
	publish_expecting(NULL, 0);
	assert_int_equal(published, 0);
	vq_push(&vq, 3, 7);
	assert_int_equal(vq.staged, 2);
	publish_expecting(both, 2);
	assert_int_equal(published, 1);
}

/* virtio 1.3, 2.7.9: what is skipped was read or written completely. */
static void one_entry_for_a_batch(void **state)
{
	static const struct entry last[] = { { 2, 5, 6 } };

	take(0, 0, 1);
	take(1, 513, 3);
	take(2, 100, 2);
	vq_push(&vq, 2, 5);
	vq_push(&vq, 1, 513);
	vq_push(&vq, 0, 0);
	assert_int_equal(vq.staged, 3);
	publish_expecting(last, 1);
}

static void short_ones_speak_for_themselves(void **state)
{
	static const struct entry want[] = { { 1, 512, 4 }, { 3, 1, 3 } };

	take(0, 1, 1);
	take(1, 513, 3);
	take(2, 0, 2);
	take(3, 1, 1);
	vq_push(&vq, 0, 1);
	vq_push(&vq, 1, 512);
	vq_push(&vq, 2, 0);
	vq_push(&vq, 3, 1);
	publish_expecting(want, 2);
}

static void only_what_is_due(void **state)
{
	static const struct entry first[] = { { 0, 0, 1 } };
	static const struct entry rest[] = { { 2, 0, 2 } };

	take(0, 0, 1);
	take(1, 0, 1);
	take(2, 0, 1);
	vq_push(&vq, 0, 0);
	vq_push(&vq, 2, 0);
	publish_expecting(first, 1);
	vq_push(&vq, 1, 0);
	publish_expecting(rest, 1);
}

/* The latest one popped goes back untaken; another takes its place. */
static void unpop(void **state)
{
	static const struct entry want[] = { { 4, 0, 2 } };

	take(0, 0, 1);
	take(1, 0, 1);
	vq_unpop(&vq, 1);
	assert_int_equal(vq.slots[1], 0);
	take(4, 0, 1);
	vq_push(&vq, 4, 0);
	vq_push(&vq, 0, 0);
	publish_expecting(want, 1);
}

/* Also where its place was the circle's last. */
static void unpop_round_the_end(void **state)
{
	static const struct entry want[] = { { 3, 0, SIZE } };
	u16 id;

	for (id = 0; id < SIZE; id++)
		take(id, 0, 1);
	vq_unpop(&vq, SIZE - 1);
	vq_unpop(&vq, SIZE - 2);
	take(SIZE - 1, 0, 1);
	take(SIZE - 2, 0, 1);
	for (id = 0; id < SIZE; id++)
		vq_push(&vq, id, 0);
	publish_expecting(want, 1);
}

/* Rings full of buffers, done backwards, again and again. */
static void full_circles(void **state)
{
	const struct entry want[] = { { SIZE - 1, 0, SIZE } };
	unsigned int round;
	u16 id;

	for (round = 0; round < 7; round++) {
		for (id = 0; id < SIZE; id++)
			take(id, 0, 1);
		for (id = SIZE; id--;)
			vq_push(&vq, id, 0);
		publish_expecting(want, 1);
		/* So that rounds begin at every place of the circle. */
		take(0, 0, 1);
		vq_push(&vq, 0, 0);
		vq_publish(&vq);
	}
}

static void broken_stays_as_it_is(void **state)
{
	take(0, 0, 1);
	vq_push(&vq, 0, 0);
	vq_break(&vq, VQ_FAULT_ANSWER);
	publish_expecting(NULL, 0);
	assert_int_equal(published, 0);
	vq_push(&vq, 0, 0);
	publish_expecting(NULL, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(waits_for_its_turn),
		TEST(one_entry_for_a_batch),
		TEST(short_ones_speak_for_themselves),
		TEST(only_what_is_due),
		TEST(unpop),
		TEST(unpop_round_the_end),
		TEST(full_circles),
		TEST(broken_stays_as_it_is),
	};

	return cmocka_run_group_tests_name("vq_order", tests, NULL, NULL);
}
