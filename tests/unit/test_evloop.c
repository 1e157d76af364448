// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_evloop - descriptors, removal in the middle of a batch, posts
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "evloop.h"

#define WATCHED 3
#define POSTS	100000u

static struct evloop *loop;

struct watched {
	struct ev_fd ev;
	unsigned int calls;
};

static struct watched watched[WATCHED];

static int setup(void **state)
{
	loop = evloop_create();
	assert_non_null(loop);
	return 0;
}

static int teardown(void **state)
{
	evloop_destroy(loop);
	return 0;
}

/* The first that is called takes all others out, whichever that is. */
static void take_others_out(struct ev_fd *ev, u32 events)
{
	unsigned int i;

	container_of(ev, struct watched, ev)->calls++;
	for (i = 0; i < WATCHED; i++) {
		if (&watched[i].ev == ev)
			continue;
		evloop_del(loop, &watched[i].ev);
	}
	evloop_del(loop, ev);
	evloop_quit(loop);
}

static void del_in_the_same_turn(void **state)
{
	unsigned int i, calls = 0;

	for (i = 0; i < WATCHED; i++) {
		watched[i].ev.fd = eventfd(1, EFD_NONBLOCK);
		watched[i].ev.ready = take_others_out;
		watched[i].calls = 0;
		assert_int_equal(evloop_add(loop, &watched[i].ev, EPOLLIN), 0);
	}
	assert_int_equal(evloop_run(loop), 0);
	for (i = 0; i < WATCHED; i++) {
		calls += watched[i].calls;
		close(watched[i].ev.fd);
	}
	assert_int_equal(calls, 1);
}

static void count_and_change(struct ev_fd *ev, u32 events)
{
	struct watched *w = container_of(ev, struct watched, ev);

	assert_int_equal(events, w->calls ? EPOLLIN : EPOLLOUT);
	if (w->calls++)
		evloop_quit(loop);
	assert_int_equal(evloop_modify(loop, ev, EPOLLIN), 0);
}

static void modify(void **state)
{
	watched[0].ev.fd = eventfd(1, EFD_NONBLOCK);
	watched[0].ev.ready = count_and_change;
	watched[0].calls = 0;
	assert_int_equal(evloop_add(loop, &watched[0].ev, EPOLLOUT), 0);
	assert_int_equal(evloop_run(loop), 0);
	assert_int_equal(watched[0].calls, 2);
	evloop_del(loop, &watched[0].ev);
	close(watched[0].ev.fd);
}

static void bad_descriptor(void **state)
{
	struct ev_fd ev = { .fd = -1 };

	assert_int_not_equal(evloop_add(loop, &ev, EPOLLIN), 0);
}

struct counter {
	struct ev_post post;
	unsigned int seen;
	pthread_t last_run_by;
	unsigned int posted;
};

static void *post_often(void *arg)
{
	struct counter *c = arg;

	evloop_post(loop, &c->post);
	return NULL;
}

/* Posts itself again as often as it should come. */
static void count_post(struct ev_post *post)
{
	struct counter *c = container_of(post, struct counter, post);

	c->last_run_by = pthread_self();
	if (++c->seen == POSTS)
		evloop_quit(loop);
	else
		evloop_post(loop, post);
}

static void posts_come_once_each(void **state)
{
	struct counter c = { .post.run = count_post };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, post_often, &c), 0);
	assert_int_equal(evloop_run(loop), 0);
	pthread_join(thread, NULL);
	assert_int_equal(c.seen, POSTS);
	assert_true(pthread_equal(c.last_run_by, pthread_self()));
}

static unsigned int order[3];
static unsigned int ordered;

struct numbered {
	struct ev_post post;
	unsigned int n;
};

static void note_order(struct ev_post *post)
{
	order[ordered++] = container_of(post, struct numbered, post)->n;
	if (ordered == 3)
		evloop_quit(loop);
}

static void posts_keep_order(void **state)
{
	struct numbered p[3];
	unsigned int i;

	ordered = 0;
	for (i = 0; i < 3; i++) {
		p[i] = (struct numbered){ .post.run = note_order, .n = i };
		evloop_post(loop, &p[i].post);
	}
	assert_int_equal(evloop_run(loop), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(order[i], i);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(del_in_the_same_turn),
		TEST(modify),
		TEST(bad_descriptor),
		TEST(posts_come_once_each),
		TEST(posts_keep_order),
	};

	return cmocka_run_group_tests_name("evloop", tests, NULL, NULL);
}
