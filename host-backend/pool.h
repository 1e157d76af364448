/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool - a fixed number of threads for system calls that wait
 *
 * Jobs are run in the order in which they came, as many at a time as there are
 * threads.  All threads are made with the pool: later a sandbox may forbid it.
 */
#ifndef PV_POOL_H
#define PV_POOL_H

#include "list.h"

struct pool;

/**
 * struct pool_job - a call to make on one of the threads; embed it in what it
 *		     is about
 * @run:	called once; the job is its owner's again from then on
 */
struct pool_job {
	void (*run)(struct pool_job *job);
	struct list node;
};

/**
 * pool_create() - make the threads
 * @name:	of each thread, up to 15 characters
 *
 * Return: 0 or -errno.
 */
int pool_create(struct pool **out, unsigned int threads, const char *name);

/** pool_submit() - hand over all of @jobs (pool_job.node); any thread */
void pool_submit(struct pool *pool, struct list *jobs);

/** pool_destroy() - run what was handed over, then end the threads */
void pool_destroy(struct pool *pool);

#endif /* PV_POOL_H */
