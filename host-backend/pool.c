// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pool - a fixed number of threads for system calls that wait
 *
 * Theory of operation
 *
 * One list of jobs under one mutex.  A thread that finds it empty counts itself
 * as idle and waits; who adds jobs wakes as many as are idle, at most one a
 * job.  The mutex is never held while a job runs.
 */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct pool - threads and their list
 * @lock:	protects @jobs, @idle, @ending
 * @more:	a job was added, or the end has come
 * @idle:	threads that wait for @more and were not yet woken
 * @started:	posted by each thread that runs
 * @name:	of the threads
 * @num_threads: of @threads
 */
struct pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list jobs;
	unsigned int idle;
	sem_t started;
	const char *name;
	bool ending;
	unsigned int num_threads;
	pthread_t threads[];
};

/* The next job, or NULL at the end. */
static struct pool_job *take_job(struct pool *pool)
{
	struct pool_job *job = NULL;

	pthread_mutex_lock(&pool->lock);
	while (list_empty(&pool->jobs) && !pool->ending) {
		pool->idle++;
		pthread_cond_wait(&pool->more, &pool->lock);
		pool->idle--;
	}
	if (!list_empty(&pool->jobs)) {
		job = list_entry(pool->jobs.next, struct pool_job, node);
		list_del(&job->node);
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void *thread_main(void *arg)
{
	struct pool *pool = arg;
	struct pool_job *job;

	pthread_setname_np(pthread_self(), pool->name);
	sem_post(&pool->started);
	while ((job = take_job(pool)))
		job->run(job);
	return NULL;
}

void pool_submit(struct pool *pool, struct list *jobs)
{
	unsigned int added = 0;
	struct list *node;

	for (node = jobs->next; node != jobs; node = node->next)
		added++;
	pthread_mutex_lock(&pool->lock);
	list_splice(&pool->jobs, jobs);
	for (added = min(added, pool->idle); added; added--)
		pthread_cond_signal(&pool->more);
	pthread_mutex_unlock(&pool->lock);
}

/*
 * Signals are the control thread's business, but for those of its own doing.
 *
 * A thread makes system calls before it runs, which the sandbox may forbid
 * from here on: they are waited for.
 */
static int threads_start(struct pool *pool, unsigned int threads)
{
	sigset_t all, old;
	int err = 0;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (pool->num_threads < threads) {
		pthread_t *thread = &pool->threads[pool->num_threads];

		err = -pthread_create(thread, NULL, thread_main, pool);
		if (err)
			break;
		while (sem_wait(&pool->started))
			;
		pool->num_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int pool_create(struct pool **out, unsigned int threads, const char *name)
{
	struct pool *pool;
	int err;

	pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
	if (!pool)
		return -ENOMEM;
	list_init(&pool->jobs);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	sem_init(&pool->started, 0, 0);
	pool->name = name;
	err = threads_start(pool, threads);
	if (err) {
		pool_destroy(pool);
		return err;
	}
	*out = pool;
	return 0;
}

void pool_destroy(struct pool *pool)
{
	unsigned int i;

	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->num_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
