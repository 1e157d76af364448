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

int inflight_found_alloc(struct inflight_found *found, u16 size)
{
	*found = (struct inflight_found){
		.item = calloc(size, sizeof(*found->item)),
		.state = calloc(size, sizeof(*found->state)),
	};
	if (found->item && found->state)
		return 0;
	inflight_found_free(found);
	return -ENOMEM;
}

void inflight_found_free(struct inflight_found *found)
{
	free(found->item);
	free(found->state);
}

struct inflight_track *inflight_track_alloc(const struct inflight_found *found,
					    const struct inflight_part *part,
					    u16 size)
{
	struct inflight_track *t = calloc(1, sizeof(*t));
	u16 i;

	if (!t)
		return NULL;
	*t = (struct inflight_track){
		.part = *part,
		.size = size,
		.counter = found->counter,
		.fresh = found->fresh,
		.recovered = found->count,
		.batch = found->batch,
		.again = calloc(size, sizeof(*t->again)),
		.heads = calloc(size, sizeof(*t->heads)),
		.taken = calloc(size, sizeof(*t->taken)),
	};
	if (!t->again || !t->heads || !t->taken) {
		inflight_track_free(t);
		return NULL;
	}
	for (i = 0; i < found->count; i++) {
		t->again[i] = found->item[i].head;
		t->taken[found->item[i].head] = true;
	}
	return t;
}

void inflight_track_free(struct inflight_track *t)
{
	if (!t)
		return;
	free(t->again);
	free(t->heads);
	free(t->taken);
	free(t);
}
