/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvfe_blk - the disk load tool: READ THIS FIRST
 *
 * Theory of operation
 *
 * One thread per queue owns that queue, its requests and a share of the disk of
 * its own, so nothing is locked.  The main thread owns the connection: it
 * watches the socket, and with --reconnect it parks the threads when the back
 * end hangs up, connects anew and lets them go on:
 *
 *	main				queue threads
 *	hangup: pause = true	-->	job_parked(): parked++, sleep
 *	parked == all: reconnect
 *	pause = false		-->	what was in flight comes back; without a
 *					record of it, it is lost: ops->lost()
 *
 * What a thread does with a queue is a struct pvfe_mode: throughput (load) or
 * verification (verify).
 */
#ifndef PVFE_BLK_H
#define PVFE_BLK_H

#include <pthread.h>

#include "drv_blk.h"
#include "pvfe_hist.h"

enum pvfe_rw {
	RW_RANDREAD,
	RW_RANDWRITE,
	RW_RANDRW,
	RW_READ,
	RW_WRITE,
	RW_VERIFY,
};

enum pvfe_wait {
	WAIT_POLL,
	WAIT_EVENT,
	WAIT_ADAPTIVE,
};

/** struct pvfe_conf - command line, checked */
struct pvfe_conf {
	const char *socket;
	int rw;
	int wait;
	u64 bs;
	u64 iodepth;
	u64 queues;
	u64 queue_size;
	u64 runtime;
	u64 ramp;
	u64 ios;
	u64 regions;
	u64 size;
	u64 seed;
	u64 segments;
	bool json;
	bool reconnect;
	int ring;
	bool in_order;
	bool no_indirect;
	bool no_event_idx;
	bool no_inflight;
	bool misalign;
};

enum pvfe_phase {
	PHASE_RAMP,
	PHASE_MEASURE,
	PHASE_STOP,
};

/** enum pvfe_next - what a mode has to do */
enum pvfe_next {
	NEXT_READY,	/* the slot's request is prepared */
	NEXT_LATER,	/* nothing while these are in flight */
	NEXT_END,	/* nothing any more */
};

struct pvfe_job;

/**
 * struct pvfe_slot - a request that can be in flight
 * @req:	virtio-blk request
 * @data_gpa:	its buffer in RAM
 * @start_ns:	when it was submitted
 * @first:	verify: first block of the range
 * @count:	verify: blocks, 0: idle
 * @gen:	verify: generation written
 */
struct pvfe_slot {
	struct drv_blk_req req;
	u64 data_gpa;
	u64 start_ns;
	u32 first;
	u32 count;
	u32 gen;
};

/**
 * struct pvfe_mode - what to do with a queue
 * @slot_bytes:	data buffer that each request needs
 * @init:	allocate the job's own state; 0 or -errno
 * @next:	prepare the request of an idle slot
 * @done:	a request came back; false: wrong data or status, counted
 * @lost:	the back end is gone and with it this request
 * @fini:	free
 */
struct pvfe_mode {
	u64 (*slot_bytes)(const struct pvfe_conf *conf);
	int (*init)(struct pvfe_job *job);
	enum pvfe_next (*next)(struct pvfe_job *job, struct pvfe_slot *slot);
	bool (*done)(struct pvfe_job *job, struct pvfe_slot *slot);
	void (*lost)(struct pvfe_job *job, struct pvfe_slot *slot);
	void (*fini)(struct pvfe_job *job);
};

extern const struct pvfe_mode pvfe_load;
extern const struct pvfe_mode pvfe_verify;

/**
 * struct pvfe_job - one queue and its thread
 * @first_block: share of the disk, in units of conf->bs
 * @num_blocks:	of them
 * @cursor:	sequential modes: next block
 * @rng:	random state
 * @idle:	slots without a request in flight
 * @ended:	the mode has nothing to do any more
 * @submitted:	requests so far, for conf->ios
 * @ops:	requests done while measuring
 * @bytes:	moved by them
 * @errors:	bad status, wrong data, lies of the back end
 * @hist:	latencies
 * @verify:	verify mode's state
 */
struct pvfe_job {
	struct pvfe_run *run;
	const struct pvfe_conf *conf;
	const struct pvfe_mode *mode;
	unsigned int index;
	struct drv_vq *vq;
	pthread_t thread;
	u64 first_block;
	u64 num_blocks;
	u64 cursor;
	u64 rng;
	struct pvfe_slot *slots;
	u32 *idle;
	unsigned int num_idle;
	bool ended;
	u64 submitted;
	u64 ops;
	u64 bytes;
	u64 errors;
	u64 kicks_base;
	u64 calls_base;
	u64 lost;
	u64 resumed;
	struct hist hist;
	struct verify *verify;
};

/**
 * struct pvfe_run - everything
 * @phase:	written by main, read by all
 * @pause:	main asks the threads to park
 * @parked:	how many have
 * @finished:	threads that have ended
 */
struct pvfe_run {
	struct pvfe_conf conf;
	struct drv_dev dev;
	u64 capacity;
	struct pvfe_job *jobs;
	int phase;
	bool pause;
	unsigned int parked;
	unsigned int finished;
	u64 reconnects;
};

/** job_main() - thread of a queue */
void *job_main(void *arg);

/** job_may_submit() - neither time nor number of requests is used up */
bool job_may_submit(const struct pvfe_job *job);

/** job_random() - 64 random bits */
static inline u64 job_random(struct pvfe_job *job)
{
	u64 z = job->rng += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/** job_random_below() - 0 <= x < limit, without a division */
static inline u64 job_random_below(struct pvfe_job *job, u64 limit)
{
	__uint128_t wide = (__uint128_t)job_random(job) * limit;

	return (u64)(wide >> 64);
}

/** now_ns() - monotonic clock */
u64 now_ns(void);

#endif /* PVFE_BLK_H */
