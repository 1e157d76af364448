// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvfe_blk - the disk load tool: command line, set-up, connection, report
 */
#include "pvfe_blk.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pvfe_opts.h"

#define PAGE 4096ull
/* Generations are kept for every sector: 16 bytes a KiB of disk. */
#define VERIFY_SIZE_MAX (4ull << 30)

static const char *const rw_names[] = { "randread", "randwrite", "randrw",
					"read",	    "write",	 "verify",
					NULL };
static const char *const wait_names[] = { "poll", "event", "adaptive", NULL };

static const struct pvfe_conf defaults = {
	.wait = WAIT_ADAPTIVE,
	.bs = 4096,
	.iodepth = 1,
	.queues = 1,
	.queue_size = 256,
	.runtime = 5,
	.regions = 1,
	.seed = 1,
	.segments = 1,
};

static int parse(struct pvfe_conf *c, int argc, char **argv)
{
	const struct opt opts[] = {
		{ "socket", OPT_STRING, &c->socket, NULL, "vhost-user socket" },
		{ "rw", OPT_CHOICE, &c->rw, rw_names,
		  "randread, randwrite, randrw, read, write or verify" },
		{ "bs", OPT_NUMBER, &c->bs, NULL, "bytes a request" },
		{ "iodepth", OPT_NUMBER, &c->iodepth, NULL,
		  "requests in flight in each queue" },
		{ "queues", OPT_NUMBER, &c->queues, NULL,
		  "queues, a thread each" },
		{ "queue-size", OPT_NUMBER, &c->queue_size, NULL,
		  "ring entries, of a split one a power of two" },
		{ "ring", OPT_CHOICE, &c->ring, opts_ring_names,
		  "split or packed" },
		{ "in-order", OPT_FLAG, &c->in_order, NULL,
		  "acknowledge IN_ORDER" },
		{ "runtime", OPT_NUMBER, &c->runtime, NULL,
		  "seconds to measure" },
		{ "ramp", OPT_NUMBER, &c->ramp, NULL, "seconds before that" },
		{ "ios", OPT_NUMBER, &c->ios, NULL,
		  "end after so many requests in each queue, 0: by time" },
		{ "regions", OPT_NUMBER, &c->regions, NULL, "RAM regions" },
		{ "size", OPT_NUMBER, &c->size, NULL,
		  "bytes of the disk to use, 0: all (verify: at most 4g)" },
		{ "seed", OPT_NUMBER, &c->seed, NULL, "of the random numbers" },
		{ "segments", OPT_NUMBER, &c->segments, NULL,
		  "pieces a request's data is split into" },
		{ "wait", OPT_CHOICE, &c->wait, wait_names,
		  "for completions: poll, event or adaptive" },
		{ "json", OPT_FLAG, &c->json, NULL, "report as JSON" },
		{ "reconnect", OPT_FLAG, &c->reconnect, NULL,
		  "go on when the back end comes back" },
		{ "no-indirect", OPT_FLAG, &c->no_indirect, NULL,
		  "do not acknowledge INDIRECT_DESC" },
		{ "no-event-idx", OPT_FLAG, &c->no_event_idx, NULL,
		  "do not acknowledge EVENT_IDX" },
		{ "no-inflight", OPT_FLAG, &c->no_inflight, NULL,
		  "do not keep a record of what is in flight" },
		{ "misalign", OPT_FLAG, &c->misalign, NULL,
		  "verify: buffers that begin and end anywhere" },
		{ NULL }
	};

	return opts_parse(opts, argc, argv);
}

static const char *conf_problem(const struct pvfe_conf *c)
{
	if (!c->socket)
		return "--socket is needed";
	if (!c->bs || c->bs % DRV_BLK_SECTOR || c->bs > (16u << 20))
		return "--bs: a multiple of 512 up to 16m";
	if (!c->iodepth || c->iodepth > c->queue_size)
		return "--iodepth: 1 to --queue-size";
	if (c->queue_size < 2 || c->queue_size > 32768 ||
	    (!c->ring && c->queue_size & (c->queue_size - 1)))
		return "--queue-size: 2 to 32768, of a split ring a power of two";
	if (!c->queues || c->queues > 256)
		return "--queues: 1 to 256";
	if (!c->regions || c->regions > VU_MEM_REGIONS_MAX)
		return "--regions: 1 to 509";
	if (!c->segments || c->segments > DRV_BLK_DATA_MAX ||
	    c->bs % c->segments)
		return "--segments: a divisor of --bs up to 256";
	return NULL;
}

static const struct pvfe_mode *mode_of(const struct pvfe_conf *c)
{
	return c->rw == RW_VERIFY ? &pvfe_verify : &pvfe_load;
}

static unsigned int indirect_entries(const struct pvfe_conf *c)
{
	return max((unsigned int)c->segments + 2, 16u);
}

/*
 * Rings, tables and request heads go to the first region.  Data goes there too
 * where it is the only one; else it fills the others from end to end, across
 * their borders.
 */
static struct vu_mem_layout ram_layout(const struct pvfe_conf *c)
{
	const u64 slots = c->queues * c->iodepth;
	u64 fixed = c->queues * c->queue_size * (64 + 16 * indirect_entries(c));
	u64 data = slots * (mode_of(c)->slot_bytes(c) + PAGE);
	u64 size;

	fixed += slots * 2 * sizeof(struct drv_blk_head) + 16 * PAGE;
	size = c->regions == 1 ? fixed + data :
				 max(fixed, data / (c->regions - 1) + PAGE);
	return (struct vu_mem_layout){
		.regions = (unsigned int)c->regions,
		.size = (size + PAGE - 1) / PAGE * PAGE,
	};
}

static int device_open(struct pvfe_run *run)
{
	const struct pvfe_conf *c = &run->conf;
	struct drv_dev_conf dc = {
		.path = c->socket,
		.num_queues = (unsigned int)c->queues,
		.queue_size = (u16)c->queue_size,
		.layout = ram_layout(c),
		.features = DRV_BLK_FEATURES,
		.indirect_max = indirect_entries(c),
		/* Who replaces the back end may take a while. */
		.timeout_ms = c->reconnect ? 30000 : 0,
	};

	if (c->ring)
		dc.require |= DRV_PACKED;
	if (c->in_order)
		dc.require |= DRV_IN_ORDER;
	if (c->no_indirect)
		dc.no_features |= BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	if (c->no_inflight)
		dc.no_proto |= BIT_ULL(VU_P_INFLIGHT_SHMFD);
	if (c->no_event_idx)
		dc.no_features |= BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	return drv_dev_open(&run->dev, &dc);
}

static u64 data_alloc(struct pvfe_run *run, u64 len)
{
	const struct vu_mem *mem = &run->dev.mem;
	static u64 next;
	u64 gpa;

	if (mem->count == 1)
		return vu_mem_alloc(&run->dev.mem, 0, len, PAGE);
	if (!next)
		next = mem->region[1].gpa;
	gpa = next;
	/* An odd number of pages, so that requests drift over the borders. */
	next += (len + PAGE - 1) / PAGE * PAGE;
	return next <= mem->region[mem->count - 1].gpa + mem->region[0].size ?
		       gpa : VU_MEM_NONE;
}

static int slots_init(struct pvfe_job *job)
{
	const u64 len = job->mode->slot_bytes(job->conf);
	struct pvfe_slot *slot;
	unsigned int i;

	job->slots = calloc(job->conf->iodepth, sizeof(*job->slots));
	job->idle = calloc(job->conf->iodepth, sizeof(*job->idle));
	if (!job->slots || !job->idle)
		return -ENOMEM;
	for (i = 0; i < job->conf->iodepth; i++) {
		slot = &job->slots[i];
		slot->data_gpa = data_alloc(job->run, len);
		if (slot->data_gpa == VU_MEM_NONE ||
		    drv_blk_req_alloc(&slot->req, &job->run->dev.mem))
			return -ENOMEM;
		job->idle[job->num_idle++] = i;
	}
	return 0;
}

static int jobs_init(struct pvfe_run *run)
{
	const struct pvfe_conf *c = &run->conf;
	const u64 share = run->capacity / c->bs / c->queues;
	struct pvfe_job *job;
	unsigned int i;
	int err;

	if (!share)
		return -ENOSPC;
	run->jobs = calloc(c->queues, sizeof(*run->jobs));
	if (!run->jobs)
		return -ENOMEM;
	for (i = 0; i < c->queues; i++) {
		job = &run->jobs[i];
		job->run = run;
		job->conf = c;
		job->mode = mode_of(c);
		job->index = i;
		job->vq = &run->dev.vq[i];
		job->first_block = i * share;
		job->num_blocks = share;
		job->rng = c->seed * 1000003 + i;
		err = slots_init(job);
		if (!err)
			err = job->mode->init(job);
		if (err)
			return err;
	}
	return 0;
}

static void jobs_fini(struct pvfe_run *run)
{
	unsigned int i;

	for (i = 0; i < run->conf.queues; i++) {
		run->jobs[i].mode->fini(&run->jobs[i]);
		free(run->jobs[i].slots);
		free(run->jobs[i].idle);
	}
	free(run->jobs);
}

static unsigned int finished(const struct pvfe_run *run)
{
	return __atomic_load_n(&run->finished, __ATOMIC_ACQUIRE);
}

/* SIGINT: enough; everything is finished and checked as if time were over. */
static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static int reconnect(struct pvfe_run *run)
{
	int err;

	__atomic_store_n(&run->pause, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&run->parked, __ATOMIC_ACQUIRE) +
		       finished(run) < run->conf.queues)
		usleep(500);
	do {
		err = drv_dev_resumes(&run->dev) ?
			      drv_dev_resume(&run->dev) :
			      drv_dev_reconnect(&run->dev);
		/* It may die again while it greets us. */
	} while (err == -EPIPE);
	run->reconnects++;
	__atomic_store_n(&run->pause, false, __ATOMIC_RELEASE);
	while (__atomic_load_n(&run->parked, __ATOMIC_ACQUIRE))
		usleep(500);
	return err;
}

/* Until @end_ns or all threads are done; 0 or -errno of the connection. */
static int watch(struct pvfe_run *run, u64 end_ns)
{
	struct pollfd p = { .events = POLLRDHUP };
	u64 left;
	int err;

	while (finished(run) < run->conf.queues && now_ns() < end_ns &&
	       !interrupted) {
		left = (end_ns - now_ns()) / 1000000 + 1;
		p.fd = run->dev.fe.sock;
		p.revents = 0;
		poll(&p, 1, (int)min(left, (u64)20));
		if (!p.revents)
			continue;
		if (!run->conf.reconnect) {
			fprintf(stderr, "%s: the back end hung up\n",
				run->conf.socket);
			return -EPIPE;
		}
		err = reconnect(run);
		if (err) {
			fprintf(stderr, "%s\n", run->dev.fe.err);
			return err;
		}
	}
	return 0;
}

static void set_phase(struct pvfe_run *run, enum pvfe_phase phase)
{
	__atomic_store_n(&run->phase, phase, __ATOMIC_RELEASE);
}

static u64 own_cpu_ns(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (u64)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000ull +
	       (u64)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000ull;
}

/* With what its ended threads have used, which the kernel's io_uring ones do. */
static u64 peer_cpu_ns(const struct pvfe_run *run)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	struct timespec ts;
	clockid_t clock;

	if (getsockopt(run->dev.fe.sock, SOL_SOCKET, SO_PEERCRED, &peer,
		       &len) ||
	    clock_getcpuclockid(peer.pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

/** struct report - what came out, all queues together */
struct report {
	double seconds;
	u64 own_cpu_ns;
	u64 peer_cpu_ns;
	u64 ops;
	u64 bytes;
	u64 errors;
	u64 kicks;
	u64 calls;
	u64 lost;
	u64 resumed;
	struct hist hist;
};

static void collect(const struct pvfe_run *run, struct report *r)
{
	const struct pvfe_job *job;
	unsigned int i;

	for (i = 0; i < run->conf.queues; i++) {
		job = &run->jobs[i];
		r->ops += job->ops;
		r->bytes += job->bytes;
		r->errors += job->errors;
		r->lost += job->lost;
		r->resumed += job->resumed;
		r->kicks += job->vq->kicks - job->kicks_base;
		r->calls += job->vq->calls - job->calls_base;
		hist_merge(&r->hist, &job->hist);
	}
}

static double us(u64 ns)
{
	return (double)ns / 1000;
}

static double per_op(const struct report *r, u64 value)
{
	return r->ops ? (double)value / (double)r->ops : 0;
}

static void print_json(const struct pvfe_run *run, const struct report *r)
{
	const struct pvfe_conf *c = &run->conf;

	printf("{\"rw\":\"%s\",\"bs\":%llu,\"iodepth\":%llu,\"queues\":%llu,"
	       "\"wait\":\"%s\",\"seconds\":%.3f,\"ios\":%llu,\"iops\":%.0f,"
	       "\"mbps\":%.1f,",
	       rw_names[c->rw], (unsigned long long)c->bs,
	       (unsigned long long)c->iodepth, (unsigned long long)c->queues,
	       wait_names[c->wait], r->seconds, (unsigned long long)r->ops,
	       (double)r->ops / r->seconds,
	       (double)r->bytes / r->seconds / 1e6);
	printf("\"lat_us\":{\"mean\":%.2f,\"p50\":%.2f,\"p99\":%.2f,"
	       "\"p999\":%.2f,\"max\":%.2f},",
	       us(r->hist.count ? r->hist.sum / r->hist.count : 0),
	       us(hist_quantile(&r->hist, 500)),
	       us(hist_quantile(&r->hist, 990)),
	       us(hist_quantile(&r->hist, 999)), us(r->hist.max));
	printf("\"kicks\":%llu,\"calls\":%llu,\"cpu_us_per_io\":%.3f,"
	       "\"peer_cpu_us_per_io\":%.3f,\"reconnects\":%llu,"
	       "\"resumed\":%llu,\"lost\":%llu,\"errors\":%llu}\n",
	       (unsigned long long)r->kicks, (unsigned long long)r->calls,
	       per_op(r, r->own_cpu_ns) / 1000,
	       per_op(r, r->peer_cpu_ns) / 1000,
	       (unsigned long long)run->reconnects,
	       (unsigned long long)r->resumed,
	       (unsigned long long)r->lost, (unsigned long long)r->errors);
}

static void print_text(const struct pvfe_run *run, const struct report *r)
{
	printf("%.0f IOPS, %.1f MB/s, %llu requests in %.2f s\n",
	       (double)r->ops / r->seconds,
	       (double)r->bytes / r->seconds / 1e6,
	       (unsigned long long)r->ops, r->seconds);
	printf("latency us: p50 %.2f, p99 %.2f, max %.2f\n",
	       us(hist_quantile(&r->hist, 500)),
	       us(hist_quantile(&r->hist, 990)), us(r->hist.max));
	printf("per request: %.4f kicks, %.4f calls; CPU us: own %.3f, "
	       "back end %.3f\n",
	       per_op(r, r->kicks), per_op(r, r->calls),
	       per_op(r, r->own_cpu_ns) / 1000,
	       per_op(r, r->peer_cpu_ns) / 1000);
	printf("reconnects %llu, resumed %llu, lost %llu, errors %llu\n",
	       (unsigned long long)run->reconnects,
	       (unsigned long long)r->resumed,
	       (unsigned long long)r->lost, (unsigned long long)r->errors);
}

static int measure(struct pvfe_run *run, struct report *r)
{
	const struct pvfe_conf *c = &run->conf;
	u64 start;
	int err;

	err = watch(run, now_ns() + c->ramp * 1000000000ull);
	if (err)
		return err;
	signal(SIGINT, interrupt);
	set_phase(run, PHASE_MEASURE);
	r->own_cpu_ns = own_cpu_ns();
	r->peer_cpu_ns = peer_cpu_ns(run);
	start = now_ns();
	err = watch(run, c->ios ? UINT64_MAX :
				  start + c->runtime * 1000000000ull);
	r->seconds = (double)(now_ns() - start) / 1e9;
	r->own_cpu_ns = own_cpu_ns() - r->own_cpu_ns;
	/* A back end that was replaced has another process's count. */
	r->peer_cpu_ns = run->reconnects ? 0 :
					   peer_cpu_ns(run) - r->peer_cpu_ns;
	interrupted = 0;
	signal(SIGINT, SIG_DFL);
	set_phase(run, PHASE_STOP);
	return err ? err : watch(run, UINT64_MAX);
}

static int run_jobs(struct pvfe_run *run)
{
	static struct report r;
	unsigned int i;
	int err;

	for (i = 0; i < run->conf.queues; i++)
		if (pthread_create(&run->jobs[i].thread, NULL, job_main,
				   &run->jobs[i]))
			return -EAGAIN;
	err = measure(run, &r);
	if (err)
		return err;
	for (i = 0; i < run->conf.queues; i++)
		pthread_join(run->jobs[i].thread, NULL);
	collect(run, &r);
	if (run->conf.json)
		print_json(run, &r);
	else
		print_text(run, &r);
	return r.errors ? -EIO : 0;
}

static int prepare(struct pvfe_run *run)
{
	struct pvfe_conf *c = &run->conf;
	int err;

	err = device_open(run);
	if (!err)
		err = drv_blk_capacity(&run->dev, &run->capacity);
	if (err) {
		fprintf(stderr, "%s: %s\n", c->socket, run->dev.fe.err);
		return err;
	}
	if (c->size)
		run->capacity = min(run->capacity, c->size);
	if (c->rw == RW_VERIFY)
		run->capacity = min(run->capacity, (u64)VERIFY_SIZE_MAX);
	err = jobs_init(run);
	if (err)
		fprintf(stderr, "set-up: %s\n", strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	static struct pvfe_run run;
	const char *problem;
	int err;

	run.conf = defaults;
	err = parse(&run.conf, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	problem = conf_problem(&run.conf);
	if (problem) {
		fprintf(stderr, "%s: %s\n", argv[0], problem);
		return 2;
	}
	if (prepare(&run) || run_jobs(&run))
		return EXIT_FAILURE;
	jobs_fini(&run);
	drv_dev_close(&run.dev);
	return EXIT_SUCCESS;
}
