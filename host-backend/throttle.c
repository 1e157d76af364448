// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * throttle - how many requests and bytes a second a disk may do: PURE
 *
 * Limits change while workers use them.  Each value is read once; a request
 * that sees one old and one new is charged a little too much or too little, and
 * the next is right.
 */
#include "throttle.h"

#define NS_PER_S 1000000000ull

/* A portion paid for in advance: what the rate allows in this time, at least
 * one unit.  It bounds how often a queue that waits is woken.
 */
#define PORTION_NS 1000000ull

/* Longest burst, and longest debt of one request. */
#define SPAN_MAX_NS (3600 * NS_PER_S)

/* Time that @units take at @rate. */
static u64 span_ns(u64 units, u64 rate)
{
	u64 whole = units / rate;

	if (whole >= SPAN_MAX_NS / NS_PER_S)
		return SPAN_MAX_NS;
	/* The remainder is below THROTTLE_RATE_MAX, so the product fits. */
	return whole * NS_PER_S + units % rate * NS_PER_S / rate;
}

/*
 * Move the bucket's time on by what @units take, from now on where it lies in
 * the past: what was not used is not saved up, beyond the burst.
 *
 * Return: the time before.
 */
static u64 bucket_charge(struct throttle_bucket *b, u64 now, u64 units)
{
	u64 rate = READ_ONCE(b->rate);
	u64 tat, from;

	if (!rate)
		return now;
	tat = __atomic_load_n(&b->tat, __ATOMIC_RELAXED);
	do {
		from = max(tat, now);
	} while (!__atomic_compare_exchange_n(&b->tat, &tat,
					      from + span_ns(units, rate), true,
					      __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return from;
}

static bool bucket_open(const struct throttle_bucket *b, u64 now)
{
	return !READ_ONCE(b->rate) ||
	       __atomic_load_n(&b->tat, __ATOMIC_RELAXED) <
		       now + READ_ONCE(b->burst_ns);
}

static u64 portion(const struct throttle_bucket *b)
{
	u64 rate = READ_ONCE(b->rate);

	return max(rate / (NS_PER_S / PORTION_NS), (u64)1);
}

/* Pay for a portion of each; the later time is when both may be taken. */
static void ticket_draw(struct throttle *t, struct throttle_queue *tq, u64 now)
{
	unsigned int i;

	tq->ticket_ns = now;
	for (i = 0; i < THROTTLE_DIMS; i++) {
		struct throttle_bucket *b = &t->bucket[i];
		u64 burst = READ_ONCE(b->burst_ns);
		u64 from;

		if (!READ_ONCE(b->rate) || tq->paid[i])
			continue;
		tq->paid[i] = portion(b);
		from = bucket_charge(b, now, tq->paid[i]);
		/* The burst is open until its end, not until just before. */
		if (from >= burst)
			tq->ticket_ns = max(tq->ticket_ns, from - burst + 1);
	}
}

/* Something of each limited dimension is paid for. */
static bool is_paid(const struct throttle *t, const struct throttle_queue *tq)
{
	unsigned int i;

	for (i = 0; i < THROTTLE_DIMS; i++)
		if (READ_ONCE(t->bucket[i].rate) && !tq->paid[i])
			return false;
	return true;
}

static bool is_open(const struct throttle *t, const struct throttle_queue *tq,
		    u64 now)
{
	unsigned int i;

	for (i = 0; i < THROTTLE_DIMS; i++)
		if (!tq->paid[i] && !bucket_open(&t->bucket[i], now))
			return false;
	return true;
}

u64 throttle_wait(struct throttle *t, struct throttle_queue *tq, u64 now)
{
	u32 generation = READ_ONCE(t->generation);

	if (tq->generation != generation)
		*tq = (struct throttle_queue){ .generation = generation };
	if (!tq->ticket_ns) {
		if (is_paid(t, tq) || is_open(t, tq, now))
			return 0;
		ticket_draw(t, tq, now);
	}
	if (now < tq->ticket_ns)
		return tq->ticket_ns - now;
	tq->ticket_ns = 0;
	return 0;
}

static void charge(struct throttle *t, struct throttle_queue *tq, u64 now,
		   enum throttle_dim dim, u64 units)
{
	u64 paid = min(tq->paid[dim], units);

	tq->paid[dim] -= paid;
	if (units > paid)
		bucket_charge(&t->bucket[dim], now, units - paid);
}

void throttle_charge(struct throttle *t, struct throttle_queue *tq, u64 now,
		     u64 bytes)
{
	charge(t, tq, now, THROTTLE_OPS, 1);
	charge(t, tq, now, THROTTLE_BYTES, bytes);
}

static void bucket_set(struct throttle_bucket *b,
		       const struct throttle_limit *limit)
{
	u64 burst = limit->burst ? limit->burst : limit->rate / 10;

	WRITE_ONCE(b->rate, limit->rate);
	WRITE_ONCE(b->burst_ns,
		   limit->rate ? span_ns(max(burst, (u64)1), limit->rate) : 0);
	__atomic_store_n(&b->tat, 0, __ATOMIC_RELAXED);
}

void throttle_set(struct throttle *t,
		  const struct throttle_limit limits[THROTTLE_DIMS])
{
	bool limited = false;
	unsigned int i;

	for (i = 0; i < THROTTLE_DIMS; i++) {
		bucket_set(&t->bucket[i], &limits[i]);
		limited |= limits[i].rate != 0;
	}
	WRITE_ONCE(t->generation, t->generation + 1);
	WRITE_ONCE(t->limited, limited);
}
