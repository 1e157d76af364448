/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stuck - requests that a store has had for too long
 *
 * A worker says since when its queue's oldest request is out; the control
 * thread looks at that from time to time.  So a worker that is itself stuck is
 * noticed as well.  Nothing is done about it but to say it: a line in the log
 * for each request found so, a counter, and status.
 */
#ifndef PV_STUCK_H
#define PV_STUCK_H

#include "util.h"

struct daemon;
struct queue;
struct stuck;

/** stuck_create() - look at all devices of @d, which outlive it; 0 or -errno */
int stuck_create(struct stuck **out, struct daemon *d);

void stuck_destroy(struct stuck *s);

/**
 * stuck_is_new() - is this the first time that a request is found stuck?
 * @known:	start of the one that was found last, 0: none; updated
 * @start_ns:	since when the oldest request is out, 0: none is
 * @limit_ns:	from this age on
 */
bool stuck_is_new(u64 *known, u64 start_ns, u64 now, u64 limit_ns);

#endif /* PV_STUCK_H */
