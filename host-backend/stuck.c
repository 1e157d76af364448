// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stuck - requests that a store has had for too long
 */
#include "stuck.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "device.h"

#define NS_PER_S 1000000000ull

/* Looks in the time after which a request counts as stuck. */
#define LOOKS 4

struct stuck {
	struct daemon *daemon;
	struct ev_fd timer;
};

bool stuck_is_new(u64 *known, u64 start_ns, u64 now, u64 limit_ns)
{
	bool stuck = start_ns && now > start_ns && now - start_ns >= limit_ns;
	bool is_new = stuck && *known != start_ns;

	*known = stuck ? start_ns : 0;
	return is_new;
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

static void queue_look(struct queue *q, u64 now, u64 limit_ns)
{
	struct device_oldest oldest = { .start_ns = 0 };

	if (q->state == QUEUE_STOPPED ||
	    !q->dev->ops->oldest(q, &oldest))
		oldest.start_ns = 0;
	if (!stuck_is_new(&q->stuck_ns, oldest.start_ns, now, limit_ns))
		return;
	q->dev->ops->count_stuck(q);
	log_ratelimited(&q->limit, LOG_WARNING,
			"%s queue %u: %s at %llu has not been answered for %llu s",
			q->dev->name, q->index, oldest.op,
			(unsigned long long)oldest.offset,
			(unsigned long long)((now - oldest.start_ns) / NS_PER_S));
}

static void timer_ready(struct ev_fd *ev, u32 events)
{
	struct stuck *s = container_of(ev, struct stuck, timer);
	const struct daemon *d = s->daemon;
	u64 limit_ns = d->conf.stuck_after * NS_PER_S;
	u64 now = now_ns();
	unsigned int i, j;
	u64 expired;

	if (read(ev->fd, &expired, sizeof(expired)) != sizeof(expired))
		return;
	for (i = 0; i < d->num_devices; i++) {
		struct device *dev = d->devices[i];

		for (j = 0; dev->ops->oldest && j < dev->num_queues; j++)
			queue_look(&dev->queues[j], now, limit_ns);
	}
}

int stuck_create(struct stuck **out, struct daemon *d)
{
	u64 span = d->conf.stuck_after * NS_PER_S / LOOKS;
	struct timespec ts = {
		.tv_sec = (time_t)(span / NS_PER_S),
		.tv_nsec = (long)(span % NS_PER_S),
	};
	struct itimerspec every = { .it_interval = ts, .it_value = ts };
	struct stuck *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->daemon = d;
	s->timer.ready = timer_ready;
	s->timer.fd = timerfd_create(CLOCK_MONOTONIC,
				     TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer.fd < 0) {
		err = -errno;
		goto free_stuck;
	}
	err = timerfd_settime(s->timer.fd, 0, &every, NULL) ? -errno : 0;
	if (!err)
		err = evloop_add(d->loop, &s->timer, EPOLLIN);
	if (err)
		goto close_timer;
	*out = s;
	return 0;

close_timer:
	close(s->timer.fd);
free_stuck:
	free(s);
	return err;
}

void stuck_destroy(struct stuck *s)
{
	evloop_del(s->daemon->loop, &s->timer);
	close(s->timer.fd);
	free(s);
}
