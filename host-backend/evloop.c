// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evloop - the control thread's loop: sockets, timers, posts from workers
 *
 * Theory of operation
 *
 * The loop takes a batch of epoll events and calls each one's ev_fd.  An ev_fd
 * that is taken out while the batch is worked through is struck from the rest
 * of the batch too, so its owner may free it at once.
 *
 * Posts are a list under a mutex plus an eventfd that is watched like any
 * other descriptor.  The list is taken as a whole and run without the mutex.
 */
#include "evloop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH 64

struct evloop {
	int epoll_fd;
	bool quit;

	/* the batch being worked through: batch[next..count) is to come */
	struct epoll_event batch[BATCH];
	int next;
	int count;

	struct ev_fd post_ev;
	pthread_mutex_t post_lock; /* protects posts */
	struct list posts;
};

static bool posts_take(struct evloop *loop, struct list *out)
{
	bool any;

	pthread_mutex_lock(&loop->post_lock);
	any = list_splice(out, &loop->posts);
	pthread_mutex_unlock(&loop->post_lock);
	return any;
}

static void posts_ready(struct ev_fd *ev, u32 events)
{
	struct evloop *loop = container_of(ev, struct evloop, post_ev);
	struct list todo;
	u64 count;

	/* Before the list is taken: a later post must make it readable again. */
	if (read(ev->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	list_init(&todo);
	posts_take(loop, &todo);
	while (!list_empty(&todo)) {
		struct ev_post *post =
			list_entry(todo.next, struct ev_post, node);

		/* May be posted again from here on. */
		list_del(&post->node);
		post->run(post);
	}
}

struct evloop *evloop_create(void)
{
	struct evloop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	pthread_mutex_init(&loop->post_lock, NULL);
	list_init(&loop->posts);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		goto free_loop;
	loop->post_ev.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->post_ev.fd < 0)
		goto close_epoll;
	loop->post_ev.ready = posts_ready;
	if (evloop_add(loop, &loop->post_ev, EPOLLIN))
		goto close_post;
	return loop;

close_post:
	close(loop->post_ev.fd);
close_epoll:
	close(loop->epoll_fd);
free_loop:
	free(loop);
	return NULL;
}

void evloop_destroy(struct evloop *loop)
{
	close(loop->post_ev.fd);
	close(loop->epoll_fd);
	pthread_mutex_destroy(&loop->post_lock);
	free(loop);
}

static int control(struct evloop *loop, int op, struct ev_fd *ev, u32 events)
{
	struct epoll_event event = { .events = events, .data.ptr = ev };

	if (epoll_ctl(loop->epoll_fd, op, ev->fd, &event))
		return -errno;
	return 0;
}

int evloop_add(struct evloop *loop, struct ev_fd *ev, u32 events)
{
	return control(loop, EPOLL_CTL_ADD, ev, events);
}

int evloop_modify(struct evloop *loop, struct ev_fd *ev, u32 events)
{
	return control(loop, EPOLL_CTL_MOD, ev, events);
}

void evloop_del(struct evloop *loop, struct ev_fd *ev)
{
	int i;

	control(loop, EPOLL_CTL_DEL, ev, 0);
	for (i = loop->next; i < loop->count; i++)
		if (loop->batch[i].data.ptr == ev)
			loop->batch[i].data.ptr = NULL;
}

void evloop_post(struct evloop *loop, struct ev_post *post)
{
	static const u64 one = 1;
	bool first;

	pthread_mutex_lock(&loop->post_lock);
	first = list_empty(&loop->posts);
	list_add_tail(&loop->posts, &post->node);
	pthread_mutex_unlock(&loop->post_lock);

	/* EAGAIN: the counter is full, so the loop wakes up anyway. */
	while (first && write(loop->post_ev.fd, &one, sizeof(one)) < 0 &&
	       errno == EINTR)
		;
}

static void dispatch_batch(struct evloop *loop)
{
	while (loop->next < loop->count) {
		struct epoll_event *event = &loop->batch[loop->next++];
		struct ev_fd *ev = event->data.ptr;

		if (ev)
			ev->ready(ev, event->events);
	}
}

int evloop_run(struct evloop *loop)
{
	loop->quit = false;
	while (!loop->quit) {
		int n = epoll_wait(loop->epoll_fd, loop->batch, BATCH, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		loop->next = 0;
		loop->count = max(n, 0);
		dispatch_batch(loop);
	}
	return 0;
}

void evloop_quit(struct evloop *loop)
{
	loop->quit = true;
}
