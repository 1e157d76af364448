// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_list - the intrusive list
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "list.h"

struct item {
	int n;
	struct list node;
};

static struct item items[4] = { { .n = 0 }, { .n = 1 }, { .n = 2 }, { .n = 3 } };

static void fill(struct list *head, unsigned int from, unsigned int to)
{
	list_init(head);
	for (; from < to; from++)
		list_add_tail(head, &items[from].node);
}

static void expect(struct list *head, const int *want, unsigned int count)
{
	struct item *item;
	unsigned int i = 0;

	list_for_each_entry(item, head, node) {
		assert_true(i < count);
		assert_int_equal(item->n, want[i]);
		i++;
	}
	assert_int_equal(i, count);
	assert_int_equal(list_empty(head), count == 0);
}

static void order(void **state)
{
	struct list head;

	fill(&head, 0, 4);
	expect(&head, (const int[]){ 0, 1, 2, 3 }, 4);
}

static void removal(void **state)
{
	struct list head;

	fill(&head, 0, 4);
	list_del(&items[2].node);
	list_del(&items[0].node);
	/* In no list, and so may be taken out once more. */
	assert_true(list_empty(&items[2].node));
	list_del(&items[2].node);
	expect(&head, (const int[]){ 1, 3 }, 2);
}

static void removal_while_walking(void **state)
{
	struct item *item, *tmp;
	struct list head;

	fill(&head, 0, 4);
	list_for_each_entry_safe(item, tmp, &head, node)
		if (item->n != 2)
			list_del(&item->node);
	expect(&head, (const int[]){ 2 }, 1);
}

static void splice(void **state)
{
	struct list a, b;

	fill(&a, 0, 2);
	fill(&b, 2, 4);
	assert_true(list_splice(&a, &b));
	expect(&a, (const int[]){ 0, 1, 2, 3 }, 4);
	expect(&b, NULL, 0);
	assert_false(list_splice(&a, &b));
	assert_true(list_splice(&b, &a));
	expect(&b, (const int[]){ 0, 1, 2, 3 }, 4);
	expect(&a, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(removal),
		cmocka_unit_test(removal_while_walking),
		cmocka_unit_test(splice),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
