/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evloop - the control thread's loop: sockets, timers, posts from workers
 *
 * One epoll set.  All callbacks run on the control thread, one at a time, and
 * must not block.  evloop_post() is the one call that other threads may make.
 */
#ifndef PV_EVLOOP_H
#define PV_EVLOOP_H

#include "list.h"
#include "util.h"

struct evloop;

/**
 * struct ev_fd - a file descriptor that the loop watches
 * @fd:		watched; stays the caller's
 * @ready:	called with the epoll events that are true
 */
struct ev_fd {
	int fd;
	void (*ready)(struct ev_fd *ev, u32 events);
};

/**
 * struct ev_post - a message to the control thread; embed it in what it is about
 * @run:	called once on the control thread
 *
 * May be posted again after @run was called, not before.
 */
struct ev_post {
	void (*run)(struct ev_post *post);
	struct list node;
};

struct evloop *evloop_create(void);
void evloop_destroy(struct evloop *loop);

/** evloop_add() - watch @ev->fd for epoll @events; 0 or -errno */
int evloop_add(struct evloop *loop, struct ev_fd *ev, u32 events);

/** evloop_modify() - change what is watched for; 0 or -errno */
int evloop_modify(struct evloop *loop, struct ev_fd *ev, u32 events);

/** evloop_del() - no callback comes after this, also none of this turn */
void evloop_del(struct evloop *loop, struct ev_fd *ev);

/** evloop_post() - from any thread: run @post on the control thread */
void evloop_post(struct evloop *loop, struct ev_post *post);

/** evloop_run() - until evloop_quit(); 0 or -errno */
int evloop_run(struct evloop *loop);

/** evloop_quit() - end evloop_run() after this turn; control thread only */
void evloop_quit(struct evloop *loop);

#endif /* PV_EVLOOP_H */
