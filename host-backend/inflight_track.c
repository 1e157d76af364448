// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inflight_track - what the ring layouts share: memory, order of the first time
 */
#include "inflight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A counter that no daemon reaches by counting. */
#define COUNTER_MAX (UINT64_MAX / 2)

static int compare_items(const void *a, const void *b)
{
	u64 left = ((const struct inflight_item *)a)->counter;
	u64 right = ((const struct inflight_item *)b)->counter;

	return left < right ? -1 : left > right;
}

enum inflight_fault inflight_sort(struct inflight_found *found)
{
	u16 i;

	qsort(found->item, found->count, sizeof(*found->item), compare_items);
	for (i = 1; i < found->count; i++)
		if (found->item[i].counter == found->item[i - 1].counter)
			return INFLIGHT_FAULT_COUNTER;
	if (!found->count)
		return INFLIGHT_FAULT_NONE;
	found->counter = found->item[found->count - 1].counter;
	return found->counter++ < COUNTER_MAX ? INFLIGHT_FAULT_NONE :
						INFLIGHT_FAULT_COUNTER;
}

int inflight_found_alloc(struct inflight_found *found,
			 const struct inflight_part *part)
{
	*found = (struct inflight_found){
		.item = calloc(part->queue_size, sizeof(*found->item)),
		.state = calloc(part->queue_size, sizeof(*found->state)),
		.next = calloc(part->queue_size, sizeof(*found->next)),
	};
	if (found->item && found->state && found->next)
		return 0;
	inflight_found_free(found);
	return -ENOMEM;
}

void inflight_found_free(struct inflight_found *found)
{
	free(found->item);
	free(found->state);
	free(found->next);
}

static void take_over(struct inflight_track *t,
		      const struct inflight_found *found)
{
	const struct inflight_item *item = found->item;
	u16 i;

	for (i = 0; i < found->count; i++, item++) {
		t->again[i] = item->id;
		t->taken[item->id] = true;
		t->chain[item->id] = (struct inflight_chain){
			item->first, item->last, item->num
		};
	}
	memcpy(t->next, found->next, t->part.queue_size * sizeof(*t->next));
}

struct inflight_track *inflight_track_alloc(const struct inflight_found *found,
					    const struct inflight_part *part)
{
	struct inflight_track *t = calloc(1, sizeof(*t));
	size_t size = part->queue_size;

	if (!t)
		return NULL;
	*t = (struct inflight_track){
		.part = *part,
		.counter = found->counter,
		.fresh = found->fresh,
		.recovered = found->count,
		.batch = found->batch,
		.free = found->free,
		.again = calloc(size, sizeof(*t->again)),
		.ids = calloc(size, sizeof(*t->ids)),
		.taken = calloc(size, sizeof(*t->taken)),
		.chain = calloc(size, sizeof(*t->chain)),
		.next = calloc(size, sizeof(*t->next)),
	};
	if (!t->again || !t->ids || !t->taken || !t->chain || !t->next) {
		inflight_track_free(t);
		return NULL;
	}
	take_over(t, found);
	return t;
}

void inflight_track_free(struct inflight_track *t)
{
	if (!t)
		return;
	free(t->again);
	free(t->ids);
	free(t->taken);
	free(t->chain);
	free(t->next);
	free(t);
}
