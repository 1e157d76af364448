// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_inflight_crash - a daemon that dies after any instruction
 *
 * A life is a script of what driver and daemon do, one letter each:
 *
 *	a	the driver makes a request available
 *	r	the driver takes what came back
 *	p	the daemon pops a request
 *	0-9	the daemon pushes one of those it has, 0: the oldest
 *	f	the daemon publishes
 *
 * A child lives it on shared memory, one instruction at a time (ptrace).
 * Whenever an instruction of the daemon's has changed that memory, a copy of it
 * is what a daemon that died right there would have left.  On each copy:
 *
 *	a new daemon starts, and pops what there is: the driver has every request
 *	back, or the new daemon gets it, and never both; what was popped before
 *	comes first, and in the old order; when it is all pushed and published,
 *	the driver has every request back exactly once
 *
 * That the new daemon dies as well, after any instruction, is tried likewise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inflight_world.h"

/* Requests that a life may hold; more than there are slots. */
#define HELD_MAX 16

/** struct life - what a child does with a world; true: as it should */
struct life {
	const struct world_driver *driver;
	const char *script;
	bool (*live)(struct world *w, const struct life *life);
};

/** struct crash - where a life has ended, for the message of a failure */
struct crash {
	const char *script;
	unsigned int number;
};

/*
 * The sanitizers' instructions are not the daemon's, and ten times as many:
 * they see a short life only.
 */
#ifdef __SANITIZE_ADDRESS__
#define SHORT_LIFE 1
#else
#define SHORT_LIFE 0
#endif

static unsigned int crashes, resubmitted, batches;

/* Lives */

static bool daemon_step(struct vq *vq, char what, u16 *held, unsigned int *count)
{
	unsigned int at = (unsigned int)(what - '0');

	if (what == 'p')
		return *count < HELD_MAX && world_pop(vq, &held[(*count)++]) >= 0;
	if (what == 'f') {
		vq_publish(vq);
		return true;
	}
	if (at >= *count)
		return false;
	vq_push(vq, held[at], sizeof(u64));
	memmove(&held[at], &held[at + 1],
		(--*count - at) * sizeof(held[0]));
	return true;
}

static bool live_script(struct world *w, const struct life *life)
{
	static struct mem_table mem;
	struct vq vq = { 0 };
	u16 held[HELD_MAX];
	unsigned int count = 0;
	bool good = true;
	const char *s;

	w->stepping = true;
	if (world_start(w, life->driver, &mem, &vq))
		return false;
	for (s = life->script; *s && good; s++) {
		w->stepping = false;
		if (*s == 'a') {
			good = world_add(w, life->driver);
		} else if (*s == 'r') {
			good = world_reap(w, life->driver);
		} else {
			w->stepping = true;
			good = daemon_step(&vq, *s, held, &count);
		}
	}
	w->stepping = false;
	vq_stop(&vq);
	return good;
}

/* The next daemon's: recovers and does all there is, newest first. */
static bool live_recovery(struct world *w, const struct life *life)
{
	static struct mem_table mem;
	u16 held[HELD_MAX];
	unsigned int count = 0;
	struct vq vq = { 0 };

	w->stepping = true;
	if (world_start(w, life->driver, &mem, &vq))
		return false;
	while (count < HELD_MAX && world_pop(&vq, &held[count]) >= 0)
		count++;
	while (count)
		vq_push(&vq, held[--count], sizeof(u64));
	vq_publish(&vq);
	w->stepping = false;
	vq_stop(&vq);
	return true;
}

/* A life under the microscope */

static pid_t child_start(struct world *w, const struct life *life)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(2);
	raise(SIGSTOP);
	_exit(life->live(w, life) ? 0 : 1);
}

/*
 * Live @life on @w.  @visit sees, in @copy, each state that the world was in
 * between two instructions of the daemon, once.  Exit status of the life.
 */
static int live_stepwise(struct world *w, const struct life *life,
			 void (*visit)(struct world *copy,
				       const struct life *life, void *arg),
			 void *arg)
{
	static struct world last[2];
	static unsigned int depth;
	struct world *seen = &last[depth];
	struct world copy;
	int status;
	pid_t pid;

	memcpy(seen, w, sizeof(*seen));
	pid = child_start(w, life);
	assert_true(pid > 0);
	depth++;
	for (;;) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			break;
		if (w->stepping && memcmp(seen, w, sizeof(*w))) {
			memcpy(seen, w, sizeof(*seen));
			memcpy(&copy, w, sizeof(copy));
			visit(&copy, life, arg);
		}
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			break;
	}
	depth--;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What must be true wherever a daemon has died */

static void fail_at(const struct crash *c, const char *what, int number)
{
	fail_msg("\"%s\", crash %u: %s (request %d)", c->script, c->number, what,
		 number);
}

static unsigned int pop_all(struct world *w, struct vq *vq, u16 *id,
			    const struct crash *c)
{
	int number, last = -1;
	unsigned int count = 0;

	while ((number = world_pop(vq, &id[count])) >= 0) {
		if (w->done[number])
			fail_at(c, "done, and done again", number);
		if (number <= last)
			fail_at(c, "not in the order of the first time", number);
		last = number;
		if (++count > WORLD_SLOTS)
			fail_at(c, "more than were asked for", number);
	}
	if (vq_broken(vq))
		fail_at(c, vq_fault_name(vq->fault), -1);
	return count;
}

static void expect_all_done(const struct world *w, const struct crash *c)
{
	int i;

	for (i = 0; i < w->made; i++) {
		if (!w->done[i])
			fail_at(c, "lost", i);
		if (w->done[i] > 1)
			fail_at(c, "done twice", i);
	}
}

static void expect_clean(struct world *w, const struct life *life,
			 struct mem_table *mem, struct vq *vq,
			 const struct crash *c)
{
	u16 id;

	if (world_start(w, life->driver, mem, vq))
		fail_at(c, "record refused when all was done", -1);
	if (vq->track->recovered || vq->track->batch || world_pop(vq, &id) >= 0)
		fail_at(c, "in flight when all was done", -1);
	vq_stop(vq);
}

static void check_crash(struct world *w, const struct life *life,
			const struct crash *c)
{
	static struct mem_table mem;
	u16 id[WORLD_SLOTS + 1];
	struct vq vq = { 0 };
	unsigned int count;

	crashes++;
	if (world_start(w, life->driver, &mem, &vq))
		fail_at(c, "record refused", -1);
	resubmitted += vq.track->recovered;
	batches += vq.track->batch;
	if (!world_reap(w, life->driver))
		fail_at(c, "came back without being asked for", -1);
	count = pop_all(w, &vq, id, c);
	/* One at a time: what a batch left behind it must not show up now. */
	while (count) {
		vq_push(&vq, id[--count], sizeof(u64));
		vq_publish(&vq);
		if (!world_reap(w, life->driver))
			fail_at(c, "came back without being asked for, later",
				-1);
	}
	vq_stop(&vq);
	expect_all_done(w, c);
	expect_clean(w, life, &mem, &vq, c);
}

static void visit_crash(struct world *copy, const struct life *life, void *arg)
{
	struct crash *c = arg;

	c->number++;
	check_crash(copy, life, c);
}

/* Shared memory, as the child has to see it. */
static struct world *world_share(void)
{
	struct world *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(w != MAP_FAILED);
	return w;
}

static void visit_and_die_again(struct world *copy, const struct life *life,
				void *arg)
{
	const struct life next = {
		.driver = life->driver,
		.script = life->script,
		.live = live_recovery,
	};
	struct world *again = world_share();

	memcpy(again, copy, sizeof(*again));
	again->stepping = false;
	visit_crash(copy, life, arg);
	assert_int_equal(live_stepwise(again, &next, visit_crash, arg), 0);
	munmap(again, sizeof(*again));
}

/* Tests */

static void live_and_die(const struct world_driver *driver, const char *script,
			 void (*visit)(struct world *copy,
				       const struct life *life, void *arg))
{
	const struct life life = {
		.driver = driver,
		.script = script,
		.live = live_script,
	};
	struct crash c = { .script = script };
	struct world *w = world_share();
	int status;

	world_init(w, driver);
	status = live_stepwise(w, &life, visit, &c);
	if (status)
		fail_msg("\"%s\": the life itself went wrong: %d", script,
			 status);
	munmap(w, sizeof(*w));
}

static const char *const shapes[] = {
	/* one, and one after the other */
	"ap0fr",
	"ap0frap0frap0fr",
	/* batches: in order, reversed, in pieces */
	"aaaapppp0000fr",
	"aaaapppp3210fr",
	"aaaapppp2f0f1f0fr",
	"aaaapppp20f10fr",
	/* taken while others are pushed and not published */
	"aaaapp1aapp0pp2f100fr",
	"aaaappp21p0fraaapp1f0p0f",
	/* given back and asked for again while others stay */
	"aaaapppp3frap2fr",
	"aaappp1frapaap20fr",
	"aaaappp",
	/* available and not taken yet */
	"aaaaaapp1fraa",
	NULL
};

static const struct world_driver *driver_of(void **state)
{
	return *state;
}

static void dies_anywhere(void **state)
{
	unsigned int i;

	crashes = resubmitted = batches = 0;
	for (i = 0; shapes[i] && i <= !SHORT_LIFE * ARRAY_SIZE(shapes); i++)
		live_and_die(driver_of(state), shapes[i], visit_crash);
	if (SHORT_LIFE)
		return;
	/* Else this would prove nothing. */
	assert_true(crashes > 100);
	assert_true(resubmitted > crashes);
	assert_true(batches > 20);
	print_message("# %u crash points, %u requests done again, %u known to be complete\n",
		      crashes, resubmitted, batches);
}

static void dies_again_in_recovery(void **state)
{
	const char *script = "aaapp1p0frap1";

	if (SHORT_LIFE)
		return;

	crashes = resubmitted = batches = 0;
	live_and_die(driver_of(state), script, visit_and_die_again);
	assert_true(crashes > 200);
	print_message("# %u crash points, %u requests done again, %u known to be complete\n",
		      crashes, resubmitted, batches);
}

/* A script that can be lived: what is popped is there, what is pushed is held. */
static void random_script(char *script, size_t len, unsigned int *seed)
{
	unsigned int made = 0, held = 0, pushed = 0, back = 0;
	size_t i;

	for (i = 0; i < len;) {
		unsigned int dice = (unsigned int)rand_r(seed) % 8;

		if (dice < 3 && made + held + pushed + back < WORLD_SLOTS) {
			script[i++] = 'a';
			made++;
		} else if (dice < 5 && made) {
			script[i++] = 'p';
			made--;
			held++;
		} else if (dice < 7 && held) {
			script[i++] = (char)('0' + (unsigned int)rand_r(seed) % held);
			held--;
			pushed++;
		} else if (dice == 7 && pushed) {
			script[i++] = 'f';
			back += pushed;
			pushed = 0;
		} else if (back) {
			script[i++] = 'r';
			back = 0;
		}
	}
	script[i] = 0;
}

/* Long enough for the ring to go round a few times. */
static void dies_anywhere_in_random_lives(void **state)
{
	unsigned int seed = 1;
	char script[200];
	unsigned int i;

	crashes = resubmitted = batches = 0;
	if (SHORT_LIFE)
		return;
	for (i = 0; i < 2; i++) {
		random_script(script, sizeof(script) - 1, &seed);
		live_and_die(driver_of(state), script, visit_crash);
	}
	print_message("# %u crash points, %u requests done again, %u known to be complete\n",
		      crashes, resubmitted, batches);
}

/* A driver that asks again for what is in flight breaks its ring, no more. */
static void asked_for_again(void **state)
{
	const struct world_driver *driver = driver_of(state);
	static struct mem_table mem;
	static struct world w;
	struct vq vq = { 0 };
	u16 id;

	world_init(&w, driver);
	assert_int_equal(world_start(&w, driver, &mem, &vq), 0);
	assert_true(world_add(&w, driver));
	assert_int_equal(world_pop(&vq, &id), 0);
	driver->add(&w, 0, false);
	assert_int_equal(world_pop(&vq, &id), -1);
	assert_int_equal(vq.fault, VQ_FAULT_ID);
	vq_stop(&vq);

	/* The next daemon has it in flight, too. */
	assert_int_equal(world_start(&w, driver, &mem, &vq), 0);
	assert_int_equal(world_pop(&vq, &id), 0);
	assert_int_equal(world_pop(&vq, &id), -1);
	assert_int_equal(vq.fault, VQ_FAULT_ID);
	vq_stop(&vq);
}

#define TESTS_OF(layout, name)                                             \
	{ #layout ": " #name, name, NULL, NULL, (void *)(uintptr_t)&world_##layout }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTS_OF(split, asked_for_again),
		TESTS_OF(packed, asked_for_again),
		TESTS_OF(split, dies_anywhere),
		TESTS_OF(split, dies_again_in_recovery),
		TESTS_OF(split, dies_anywhere_in_random_lives),
		TESTS_OF(packed, dies_anywhere),
		TESTS_OF(packed, dies_again_in_recovery),
		TESTS_OF(packed, dies_anywhere_in_random_lives),
	};

	return cmocka_run_group_tests_name("inflight_crash", tests, NULL, NULL);
}
