// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvfe_net - the NIC load tool: packets per second in one or both directions
 *
 * One thread per queue pair owns both of its queues.  Frames are written into
 * their slots once and sent again and again; received ones are counted and
 * their buffers put back, without a copy.  With --mode=echo the back end must
 * have an echo port: every frame must come back, and --burst of them are on
 * their way at any time.  (That they come back right is test_net's business.)
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "drv_net.h"
#include "pvfe_opts.h"

#define WAKE_MS 20

enum mode {
	MODE_TX,
	MODE_RX,
	MODE_BOTH,
	MODE_ECHO,
};

static const char *const mode_names[] = { "tx", "rx", "both", "echo", NULL };

/** struct conf - command line */
struct conf {
	const char *socket;
	int mode;
	u64 pairs;
	u64 len;
	u64 burst;
	u64 queue_size;
	u64 rx_len;
	u64 runtime;
	int ring;
	bool in_order;
	bool no_mergeable;
	bool json;
};

/**
 * struct job - a pair and its thread
 * @sent:	frames given to the device and taken back
 * @received:	frames that came
 * @bytes:	in them
 * @errors:	lies of the device, frames missing
 * @in_flight:	echo: sent and not yet back
 */
struct job {
	const struct conf *conf;
	struct drv_net net;
	pthread_t thread;
	u64 sent;
	u64 received;
	u64 bytes;
	u64 errors;
	u64 in_flight;
	u16 parts_left;
};

static bool stop;

static int parse(struct conf *c, int argc, char **argv)
{
	const struct opt opts[] = {
		{ "socket", OPT_STRING, &c->socket, NULL, "vhost-user socket" },
		{ "mode", OPT_CHOICE, &c->mode, mode_names,
		  "tx, rx, both, or echo (frames come back)" },
		{ "pairs", OPT_NUMBER, &c->pairs, NULL,
		  "queue pairs, a thread each" },
		{ "len", OPT_NUMBER, &c->len, NULL, "bytes of a frame" },
		{ "burst", OPT_NUMBER, &c->burst, NULL,
		  "frames sent with one kick, at most 64" },
		{ "queue-size", OPT_NUMBER, &c->queue_size, NULL,
		  "ring entries, of a split one a power of two" },
		{ "ring", OPT_CHOICE, &c->ring, opts_ring_names,
		  "split or packed" },
		{ "in-order", OPT_FLAG, &c->in_order, NULL,
		  "acknowledge IN_ORDER" },
		{ "rx-len", OPT_NUMBER, &c->rx_len, NULL,
		  "bytes of a receive buffer" },
		{ "runtime", OPT_NUMBER, &c->runtime, NULL, "seconds" },
		{ "no-mergeable", OPT_FLAG, &c->no_mergeable, NULL,
		  "do not acknowledge MRG_RXBUF" },
		{ "json", OPT_FLAG, &c->json, NULL, "report as JSON" },
		{ NULL }
	};

	return opts_parse(opts, argc, argv);
}

static const char *conf_problem(const struct conf *c)
{
	if (!c->socket)
		return "--socket is needed";
	if (!c->pairs || c->pairs > 128)
		return "--pairs: 1 to 128";
	if (c->len < ETH_HLEN || c->len > DRV_NET_FRAME_MAX)
		return "--len: 14 to 65549";
	if (!c->burst || c->burst > DRV_NET_SLOTS)
		return "--burst: 1 to 64";
	if (c->queue_size < 2 * DRV_NET_SLOTS || c->queue_size > 32768 ||
	    (!c->ring && c->queue_size & (c->queue_size - 1)))
		return "--queue-size: 128 to 32768, of a split ring a power of two";
	if (c->rx_len < DRV_NET_HDR_LEN + ETH_HLEN || c->rx_len > (1u << 20))
		return "--rx-len: 26 to 1m";
	return NULL;
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

static u64 own_cpu_ns(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (u64)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000ull +
	       (u64)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000ull;
}

/* Broadcast, so that any bridge passes it on, of a local experiment's type. */
static void fill_slots(struct job *job)
{
	u8 frame[DRV_NET_FRAME_MAX] = { 0 };
	u32 slot;
	u64 gpa;

	memset(frame, 0xff, ETH_ALEN);
	memcpy(frame + ETH_ALEN, "\x02pvfe", ETH_ALEN);
	frame[12] = 0x88;
	frame[13] = 0xb5;
	for (slot = 0; slot < DRV_NET_SLOTS; slot++) {
		gpa = job->net.tx_gpa + (u64)slot * DRV_NET_SLOT;
		vu_mem_write(job->net.mem, gpa + DRV_NET_HDR_LEN, frame,
			     job->conf->len);
	}
}

static unsigned int send_burst(struct job *job)
{
	struct drv_net *net = &job->net;
	const struct conf *c = job->conf;
	unsigned int n = 0;
	int taken;
	u32 slot;

	taken = drv_net_sent(net);
	if (taken < 0)
		job->errors++;
	else
		job->sent += (u64)taken;
	while (n < c->burst && net->num_tx_free) {
		struct drv_sg sg;

		if (c->mode == MODE_ECHO && job->in_flight >= c->burst)
			break;
		slot = net->tx_free[net->num_tx_free - 1];
		sg = (struct drv_sg){
			net->tx_gpa + (u64)slot * DRV_NET_SLOT,
			DRV_NET_HDR_LEN + (u32)c->len
		};
		if (drv_vq_add(net->tx, &sg, 1, 0, slot) < 0)
			break;
		net->num_tx_free--;
		job->in_flight++;
		n++;
	}
	drv_vq_kick(net->tx);
	return n + (taken > 0 ? (unsigned int)taken : 0);
}

/* A frame may lie in several buffers; the first one's header says in how many. */
static void count_buffer(struct job *job, const struct drv_used *used)
{
	const struct virtio_net_hdr_v1 *hdr;
	u16 parts = 1;
	u64 gpa = job->net.rx_gpa + (u64)used->token * job->net.rx_len;

	job->bytes += used->len;
	if (job->parts_left) {
		job->parts_left--;
		return;
	}
	hdr = vu_mem_hva(job->net.mem, gpa, sizeof(*hdr));
	/* DPDK's vhost leaves a 0 there where it does not merge. */
	if (hdr && job->net.mergeable)
		parts = le16toh((__force u16)hdr->num_buffers);
	if (used->len < DRV_NET_HDR_LEN || !hdr || !parts) {
		job->errors++;
		return;
	}
	job->bytes -= DRV_NET_HDR_LEN;
	job->parts_left = (u16)(parts - 1);
	job->received++;
	job->in_flight--;
}

static unsigned int receive(struct job *job)
{
	struct drv_used used;
	unsigned int n = 0;
	int ret;

	while (n < 256 && (ret = drv_vq_reap(job->net.rx, &used)) != 0) {
		if (ret < 0) {
			job->errors++;
			break;
		}
		count_buffer(job, &used);
		drv_net_refill(&job->net, used.token);
		n++;
	}
	if (n)
		drv_vq_kick(job->net.rx);
	return n;
}

static void wait_for_work(struct job *job)
{
	struct drv_vq *vq = job->conf->mode == MODE_TX ? job->net.tx :
							 job->net.rx;
	bool pending = drv_vq_calls_on(vq);

	if (!pending)
		drv_vq_wait(vq, job->conf->mode == MODE_BOTH ? 0 : WAKE_MS);
	drv_vq_calls_off(vq);
}

static void *job_main(void *arg)
{
	struct job *job = arg;
	unsigned int n;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		n = 0;
		if (job->conf->mode != MODE_RX)
			n += send_burst(job);
		if (job->conf->mode != MODE_TX)
			n += receive(job);
		if (!n)
			wait_for_work(job);
	}
	return NULL;
}

/* Echo: what was on its way at the end must still come. */
static void collect_rest(struct job *job)
{
	u64 end = now_ns() + 1000000000ull;

	while (job->conf->mode == MODE_ECHO && job->in_flight &&
	       now_ns() < end)
		if (!receive(job))
			usleep(100);
	if (job->conf->mode == MODE_ECHO)
		job->errors += job->in_flight;
}

static int open_nic(struct drv_dev *dev, const struct conf *c)
{
	const u64 per_pair = c->rx_len * c->queue_size +
			     (u64)DRV_NET_SLOT * DRV_NET_SLOTS +
			     c->queue_size * 64 + (64u << 10);
	struct drv_dev_conf dc = {
		.path = c->socket,
		.num_queues = (unsigned int)c->pairs * 2,
		.group = 2,
		.queue_size = (u16)c->queue_size,
		.features = DRV_NET_FEATURES,
		.indirect_max = 2,
		.layout = { .regions = 1,
			    .size = (per_pair * c->pairs + 0xfffff) &
				    ~0xfffffull },
	};

	if (c->ring)
		dc.require |= DRV_PACKED;
	if (c->in_order)
		dc.require |= DRV_IN_ORDER;
	if (c->no_mergeable)
		dc.no_features = BIT_ULL(VIRTIO_NET_F_MRG_RXBUF);
	return drv_dev_open(dev, &dc);
}

static int jobs_init(struct job *jobs, struct drv_dev *dev,
		     const struct conf *c)
{
	struct drv_net_conf nc = { .rx_len = (u32)c->rx_len,
				   .num_rx = (unsigned int)c->queue_size };
	int err;

	for (nc.pair = 0; nc.pair < c->pairs; nc.pair++) {
		jobs[nc.pair].conf = c;
		err = drv_net_init(&jobs[nc.pair].net, dev, &nc);
		if (err)
			return err;
		fill_slots(&jobs[nc.pair]);
		drv_vq_calls_off(jobs[nc.pair].net.rx);
	}
	return 0;
}

static u64 run(struct job *jobs, const struct conf *c, double *seconds)
{
	u64 start = now_ns();
	u64 errors = 0;
	unsigned int i;

	for (i = 0; i < c->pairs; i++)
		if (pthread_create(&jobs[i].thread, NULL, job_main, &jobs[i]))
			exit(EXIT_FAILURE);
	usleep((useconds_t)(c->runtime * 1000000));
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < c->pairs; i++)
		pthread_join(jobs[i].thread, NULL);
	*seconds = (double)(now_ns() - start) / 1e9;
	for (i = 0; i < c->pairs; i++) {
		collect_rest(&jobs[i]);
		errors += jobs[i].errors;
	}
	return errors;
}

static void report(const struct job *jobs, const struct conf *c,
		   double seconds, u64 errors)
{
	static const char json[] =
		"{\"mode\":\"%s\",\"len\":%llu,\"pairs\":%llu,"
		"\"tx_pps\":%.0f,\"rx_pps\":%.0f,\"rx_mbps\":%.1f,"
		"\"kicks\":%llu,\"calls\":%llu,"
		"\"cpu_us_per_frame\":%.3f,\"errors\":%llu}\n";
	static const char text[] =
		"%s, %llu-byte frames, %llu pairs: sent %.0f/s, "
		"received %.0f/s, %.1f MB/s\n"
		"kicks %llu, calls %llu; own CPU %.3f us a frame; "
		"errors %llu\n";
	u64 sent = 0, received = 0, bytes = 0, kicks = 0, calls = 0;
	const struct drv_net *net;
	unsigned int i;
	double cpu;
	u64 frames;

	for (i = 0; i < c->pairs; i++) {
		net = &jobs[i].net;
		sent += jobs[i].sent;
		received += jobs[i].received;
		bytes += jobs[i].bytes;
		kicks += net->rx->kicks + net->tx->kicks;
		calls += net->rx->calls + net->tx->calls;
	}
	frames = sent + received;
	cpu = frames ? (double)own_cpu_ns() / 1000 / (double)frames : 0;
	printf(c->json ? json : text, mode_names[c->mode],
	       (unsigned long long)c->len, (unsigned long long)c->pairs,
	       (double)sent / seconds, (double)received / seconds,
	       (double)bytes / seconds / 1e6, (unsigned long long)kicks,
	       (unsigned long long)calls, cpu, (unsigned long long)errors);
}

int main(int argc, char **argv)
{
	struct conf c = { .mode = MODE_ECHO, .pairs = 1, .len = 64,
			  .burst = 32, .queue_size = 256, .rx_len = 1536,
			  .runtime = 5 };
	static struct drv_dev dev;
	const char *problem;
	struct job *jobs;
	double seconds;
	u64 errors;
	int err;

	err = parse(&c, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	problem = conf_problem(&c);
	if (problem) {
		fprintf(stderr, "%s: %s\n", argv[0], problem);
		return 2;
	}
	if (open_nic(&dev, &c)) {
		fprintf(stderr, "%s: %s\n", c.socket, dev.fe.err);
		return EXIT_FAILURE;
	}
	jobs = calloc(c.pairs, sizeof(*jobs));
	if (!jobs || jobs_init(jobs, &dev, &c)) {
		fprintf(stderr, "%s: not enough memory\n", argv[0]);
		return EXIT_FAILURE;
	}
	errors = run(jobs, &c, &seconds);
	report(jobs, &c, seconds, errors);
	free(jobs);
	drv_dev_close(&dev);
	return errors ? EXIT_FAILURE : EXIT_SUCCESS;
}
