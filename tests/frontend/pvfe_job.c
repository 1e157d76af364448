// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvfe_job - a queue's thread: keep iodepth requests in flight
 */
#include "pvfe_blk.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long an adaptive waiter spins before it sleeps. */
#define SPIN_NS 30000
/* A sleeper looks at phase and pause this often. */
#define WAKE_MS 50

u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

static void count_from_here(struct pvfe_job *job)
{
	job->ops = 0;
	job->bytes = 0;
	job->kicks_base = job->vq->kicks;
	job->calls_base = job->vq->calls;
	memset(&job->hist, 0, sizeof(job->hist));
}

bool job_may_submit(const struct pvfe_job *job)
{
	const struct pvfe_run *run = job->run;

	if (__atomic_load_n(&run->phase, __ATOMIC_ACQUIRE) == PHASE_STOP)
		return false;
	return !job->conf->ios || job->submitted < job->conf->ios;
}

static u64 request_bytes(const struct pvfe_slot *slot)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < slot->req.num_data; i++)
		sum += slot->req.data[i].len;
	return sum;
}

/* Fill the queue from the idle slots; one kick for all. */
static void submit(struct pvfe_job *job, u64 now)
{
	struct pvfe_slot *slot;
	enum pvfe_next next;
	u32 token;

	while (job->num_idle && !job->ended) {
		token = job->idle[job->num_idle - 1];
		slot = &job->slots[token];
		next = job->mode->next(job, slot);
		job->ended = next == NEXT_END;
		if (next != NEXT_READY)
			break;
		if (drv_blk_add(job->vq, &slot->req, token)) {
			job->mode->lost(job, slot);
			break;
		}
		slot->start_ns = now;
		job->num_idle--;
		job->submitted++;
	}
	drv_vq_kick(job->vq);
}

static unsigned int reap(struct pvfe_job *job, u64 *now)
{
	struct drv_used used;
	struct pvfe_slot *slot;
	unsigned int count = 0;
	int n;

	while ((n = drv_vq_reap(job->vq, &used)) > 0) {
		if (!count++)
			*now = now_ns();
		slot = &job->slots[used.token];
		job->ops++;
		job->bytes += request_bytes(slot);
		hist_add(&job->hist, *now - slot->start_ns);
		if (!job->mode->done(job, slot))
			job->errors++;
		job->idle[job->num_idle++] = used.token;
	}
	if (n < 0) {
		fprintf(stderr, "queue %u: the used ring lies\n", job->index);
		exit(EXIT_FAILURE);
	}
	return count;
}

static void sleep_for_call(struct pvfe_job *job)
{
	if (drv_vq_calls_on(job->vq)) {
		drv_vq_calls_off(job->vq);
		return;
	}
	drv_vq_wait(job->vq, WAKE_MS);
	drv_vq_calls_off(job->vq);
}

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static bool spin_for_work(struct pvfe_job *job, u64 limit_ns)
{
	u64 end = now_ns() + limit_ns;
	unsigned int i;

	do {
		for (i = 0; i < 64; i++) {
			if (drv_vq_pending(job->vq))
				return true;
			cpu_relax();
		}
		/* Where CPUs are short, whom we wait for may need this one. */
		sched_yield();
	} while (now_ns() < end);
	return false;
}

static void wait_for_work(struct pvfe_job *job)
{
	switch (job->conf->wait) {
	case WAIT_POLL:
		/* Bounded, so that phase and pause are seen. */
		spin_for_work(job, WAKE_MS * 1000000ull);
		return;
	case WAIT_ADAPTIVE:
		if (spin_for_work(job, SPIN_NS))
			return;
		break;
	}
	sleep_for_call(job);
}

static void lose_all(struct pvfe_job *job)
{
	bool busy[job->conf->iodepth];
	unsigned int i;

	memset(busy, true, sizeof(busy));
	for (i = 0; i < job->num_idle; i++)
		busy[job->idle[i]] = false;
	for (i = 0; i < job->conf->iodepth; i++) {
		if (!busy[i])
			continue;
		job->mode->lost(job, &job->slots[i]);
		job->lost++;
		job->idle[job->num_idle++] = i;
	}
}

/* The back end is gone; what was in flight is the next one's, or lost. */
static void park(struct pvfe_job *job)
{
	struct pvfe_run *run = job->run;

	job->resumed += job->conf->iodepth - job->num_idle;
	if (!drv_dev_resumes(&run->dev))
		lose_all(job);
	__atomic_add_fetch(&run->parked, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&run->pause, __ATOMIC_ACQUIRE))
		usleep(1000);
	__atomic_sub_fetch(&run->parked, 1, __ATOMIC_ACQ_REL);
}

static void work(struct pvfe_job *job)
{
	int phase = PHASE_RAMP;
	u64 now = now_ns();

	drv_vq_calls_off(job->vq);
	while (job->num_idle < job->conf->iodepth || !job->ended) {
		submit(job, now);
		if (!reap(job, &now) && job->num_idle < job->conf->iodepth)
			wait_for_work(job);
		if (__atomic_load_n(&job->run->pause, __ATOMIC_ACQUIRE)) {
			park(job);
			now = now_ns();
		}
		if (phase == PHASE_RAMP && job->run->phase == PHASE_MEASURE) {
			phase = PHASE_MEASURE;
			count_from_here(job);
		}
	}
}

void *job_main(void *arg)
{
	struct pvfe_job *job = arg;

	work(job);
	__atomic_add_fetch(&job->run->finished, 1, __ATOMIC_ACQ_REL);
	return NULL;
}
