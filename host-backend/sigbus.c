// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sigbus - memory that is a file of somebody else's, who may cut it short
 *
 * Theory of operation
 *
 * The handler looks the address up in a table of watched mappings: chunks of
 * slots, linked, never freed.  The control thread changes slots while any
 * worker may be in the handler for another mapping, so each slot has a sequence
 * number, odd while it changes; a reader takes only what it saw between two
 * equal even ones.  It need not try again: the mapping of its own address
 * cannot change, because who unwatches it has first stopped all who use it.
 *
 * The count goes up before the page is there, and mmap() reaches other CPUs
 * only after that: so a thread that has read the replacement sees the count.
 *
 * A page at a time is replaced: the others are still the owner's, and requests
 * in flight may yet write the right bytes to them.
 */
#include "sigbus.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_SLOTS 32

/**
 * struct slot - a watched mapping; @start 0: free
 * @seq:	odd while the others change
 * @faults:	its share of mark->faults
 */
struct slot {
	u32 seq;
	u32 faults;
	uintptr_t start;
	size_t len;
	size_t page;
	struct sigbus_mark *mark;
};

struct chunk {
	struct chunk *next;
	struct slot slots[CHUNK_SLOTS];
};

static struct chunk *chunks;

/* The handler's side: async-signal-safe */

/* Is @addr in it?  @out is a copy that was whole at one moment. */
static bool slot_has(struct slot *slot, uintptr_t addr, struct slot *out)
{
	u32 seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);

	out->start = READ_ONCE(slot->start);
	out->len = READ_ONCE(slot->len);
	out->page = READ_ONCE(slot->page);
	out->mark = READ_ONCE(slot->mark);
	/* Pairs with the fences in slot_change(). */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(seq & 1) && seq == READ_ONCE(slot->seq) && out->start &&
	       addr - out->start < out->len;
}

static struct slot *slot_of(uintptr_t addr, struct slot *copy)
{
	struct chunk *chunk = __atomic_load_n(&chunks, __ATOMIC_ACQUIRE);

	for (; chunk; chunk = __atomic_load_n(&chunk->next, __ATOMIC_ACQUIRE))
		for (unsigned int i = 0; i < CHUNK_SLOTS; i++)
			if (slot_has(&chunk->slots[i], addr, copy))
				return &chunk->slots[i];
	return NULL;
}

static bool replace(uintptr_t addr)
{
	struct slot *slot, copy;
	uintptr_t page;

	slot = slot_of(addr, &copy);
	if (!slot)
		return false;
	__atomic_store_n(&copy.mark->addr, addr, __ATOMIC_RELAXED);
	__atomic_fetch_add(&slot->faults, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&copy.mark->faults, 1, __ATOMIC_SEQ_CST);
	page = addr & ~(uintptr_t)(copy.page - 1);
	return mmap((void *)page, copy.page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		    0) != MAP_FAILED;
}

static void handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	/* Positive codes are the kernel's, about an access. */
	if (info->si_code > 0 && replace((uintptr_t)info->si_addr)) {
		errno = saved;
		return;
	}
	signal(SIGBUS, SIG_DFL);
	/* Comes when this returns, if the access does not do it first. */
	raise(SIGBUS);
}

int sigbus_init(void)
{
	struct sigaction act = { .sa_sigaction = handler,
				 .sa_flags = SA_SIGINFO };

	sigfillset(&act.sa_mask);
	return sigaction(SIGBUS, &act, NULL) ? -errno : 0;
}

/* The control thread's side */

static void slot_change(struct slot *slot, const struct slot *to)
{
	__atomic_store_n(&slot->seq, slot->seq + 1, __ATOMIC_RELAXED);
	/* Both fences pair with slot_has(): odd before, even after. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(slot->start, to->start);
	WRITE_ONCE(slot->len, to->len);
	WRITE_ONCE(slot->page, to->page);
	WRITE_ONCE(slot->mark, to->mark);
	WRITE_ONCE(slot->faults, 0);
	__atomic_store_n(&slot->seq, slot->seq + 1, __ATOMIC_RELEASE);
}

/* The slot whose mapping begins at @start; 0 finds a free one. */
static struct slot *slot_find(uintptr_t start)
{
	for (struct chunk *chunk = chunks; chunk; chunk = chunk->next)
		for (unsigned int i = 0; i < CHUNK_SLOTS; i++)
			if (chunk->slots[i].start == start)
				return &chunk->slots[i];
	return NULL;
}

static struct slot *chunk_add(void)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->next = chunks;
	__atomic_store_n(&chunks, chunk, __ATOMIC_RELEASE);
	return &chunk->slots[0];
}

int sigbus_watch(void *map, size_t len, size_t page, struct sigbus_mark *mark)
{
	const struct slot to = {
		.start = (uintptr_t)map,
		.len = len,
		.page = page,
		.mark = mark,
	};
	struct slot *slot = slot_find(0);

	if (!slot)
		slot = chunk_add();
	if (!slot)
		return -ENOMEM;
	slot_change(slot, &to);
	return 0;
}

void sigbus_unwatch(void *map)
{
	static const struct slot none;
	struct slot *slot = slot_find((uintptr_t)map);

	if (!slot)
		return;
	__atomic_fetch_sub(&slot->mark->faults, slot->faults, __ATOMIC_RELAXED);
	slot_change(slot, &none);
}
