/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * list - an intrusive doubly linked list with a head node
 */
#ifndef PV_LIST_H
#define PV_LIST_H

#include "util.h"

struct list {
	struct list *next;
	struct list *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Leaves @node pointing at itself, so that list_empty(node) asks "in no list". */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Moves all of @from to the end of @to; true where there was anything. */
static inline bool list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return false;
	from->next->prev = to->prev;
	from->prev->next = to;
	to->prev->next = from->next;
	to->prev = from->prev;
	list_init(from);
	return true;
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

#define list_for_each_entry(pos, head, member)                               \
	for (pos = list_entry((head)->next, __typeof__(*pos), member);       \
	     &pos->member != (head);                                         \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))

/* As above, where the body may take @pos out of the list. */
#define list_for_each_entry_safe(pos, tmp, head, member)                     \
	for (pos = list_entry((head)->next, __typeof__(*pos), member),       \
	    tmp = list_entry(pos->member.next, __typeof__(*pos), member);    \
	     &pos->member != (head);                                         \
	     pos = tmp,                                                      \
	    tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))

#endif /* PV_LIST_H */
