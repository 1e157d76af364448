// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvfe_soak - a daemon full of devices: connect, use, disconnect, again and again
 *
 * Starts a daemon with --devices devices; every eighth is a NIC that echoes, the
 * others are disks with images.  In a round a front end connects to each, all
 * are connected at the same time, each writes and reads back what no other
 * device and no other round would; then every other one says good-bye (GET_VRING_
 * BASE) and the rest just hang up.  When the daemon has let go of everything,
 * what it uses is looked at.
 *
 * Prints TAP: an answer for data, descriptors, threads, memory, idle CPU time.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "drv_blk.h"
#include "drv_net.h"
#include "pvfe_opts.h"

/* A device's RAM, of which it touches little: rings, buffers. */
#define RAM	(32u << 20)
#define BLOCK	4096u
#define IMAGE	(1u << 20)
#define ENTRIES 64
#define NIC_EVERY 8
#define FRAME	256u
#define RX_BUFS 4

/* Until then caches fill: allocator, kernel's and ours. */
#define WARM_ROUNDS 3

/* The echo port has a ring of slots whose pages are there once a frame was. */
#define WARM_FRAMES 160

/* The allocator may keep other pages than the last time; a leak of one
 * allocation per connection is more than this within a few rounds.
 */
#define RSS_SLACK_KIB 512

/* A loaded machine may take this long; a healthy daemon, milliseconds. */
#define REPLY_MS  60000
#define SETTLE_MS 60000

#define IDLE_S	  2
#define IDLE_MAX_MS 2

struct soak_conf {
	u64 devices;
	u64 rounds;
	u64 ios;
};

static struct soak_conf conf = { .devices = 512, .rounds = 100, .ios = 4 };

static const struct opt opts[] = {
	{ .name = "devices", .kind = OPT_NUMBER, .value = &conf.devices,
	  .help = "how many the daemon has" },
	{ .name = "rounds", .kind = OPT_NUMBER, .value = &conf.rounds,
	  .help = "how often all are connected" },
	{ .name = "ios", .kind = OPT_NUMBER, .value = &conf.ios,
	  .help = "blocks or frames of a device in a round" },
	{ 0 },
};

/**
 * struct unit - a device and its front end
 * @nic:	valid where it is one
 * @req:	a disk's
 * @buf:	gpa of a block
 */
struct unit {
	struct drv_dev dev;
	struct drv_net net;
	struct drv_blk_req req;
	u64 buf;
	bool nic;
};

/* What the daemon uses while nobody is connected. */
struct usage {
	int fds;
	int threads;
	long rss_kib;
};

static struct daemon daemon_;
static struct unit *units;
static unsigned int cases;

static int say(bool good, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int say(bool good, const char *fmt, ...)
{
	va_list args;

	printf("%sok %u - soak: ", good ? "" : "not ", ++cases);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	return good ? 0 : -1;
}

/* The daemon */

static void section(FILE *f, u64 i)
{
	char image[32];

	if (i % NIC_EVERY == NIC_EVERY - 1) {
		fprintf(f, "[net n%llu]\nport = echo\n", (unsigned long long)i);
	} else {
		snprintf(image, sizeof(image), "img%llu",
			 (unsigned long long)i);
		daemon_file(&daemon_, image, IMAGE);
		fprintf(f, "[blk d%llu]\nblk-file = %s\nnum-queues = 1\n",
			(unsigned long long)i, daemon_path(&daemon_, image));
	}
	fprintf(f, "socket-path = %s/s%llu\n", daemon_.dir,
		(unsigned long long)i);
}

static int config_write(void)
{
	FILE *f = fopen(daemon_path(&daemon_, "conf"), "we");

	if (!f)
		return -errno;
	fprintf(f, "[daemon]\nworkers = 2\nlog-level = notice\n");
	for (u64 i = 0; i < conf.devices; i++)
		section(f, i);
	return fclose(f) ? -errno : 0;
}

static void unit_path(char *path, size_t size, u64 i)
{
	snprintf(path, size, "%s/s%llu", daemon_.dir, (unsigned long long)i);
}

/* Sockets are there before workers are. */
static int ready_wait(void)
{
	for (int ms = 0; ms < SETTLE_MS; ms += 10) {
		if (strstr(daemon_log_text(&daemon_), "ready"))
			return 0;
		if (!daemon_alive(&daemon_))
			return -ECHILD;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

static int daemon_begin(void)
{
	char config[128];
	const char *args[] = { "run", config, NULL };
	int err;

	err = daemon_dir(&daemon_);
	if (!err)
		err = config_write();
	if (err)
		return err;
	snprintf(config, sizeof(config), "--config=%s",
		 daemon_path(&daemon_, "conf"));
	err = daemon_start(&daemon_, args);
	return err ? err : ready_wait();
}

/* Three descriptors or more a device, here and there. */
static void limits_raise(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static struct usage usage_now(void)
{
	return (struct usage){
		.fds = daemon_count_fds(&daemon_),
		.threads = daemon_count_threads(&daemon_),
		.rss_kib = daemon_rss_kib(&daemon_),
	};
}

/* It lets go of a connection at its own time. */
static struct usage usage_settled(const struct usage *base)
{
	struct usage now = usage_now();

	for (int ms = 0; ms < SETTLE_MS && now.fds > base->fds; ms += 10) {
		usleep(10000);
		now = usage_now();
	}
	return now;
}

/* Front ends */

static int unit_open(struct unit *u, u64 i)
{
	char path[108];
	struct drv_dev_conf dc = {
		.path = path,
		.queue_size = ENTRIES,
		.layout = { .regions = 1, .size = RAM },
		.timeout_ms = REPLY_MS,
		.require = i & 1 ? DRV_PACKED : 0,
	};
	const struct drv_net_conf nc = { .rx_len = 2048, .num_rx = RX_BUFS };
	int err;

	unit_path(path, sizeof(path), i);
	u->nic = i % NIC_EVERY == NIC_EVERY - 1;
	dc.features = u->nic ? DRV_NET_FEATURES : DRV_BLK_FEATURES;
	if (u->nic) {
		dc.num_queues = 2;
		dc.group = 2;
	}
	err = drv_dev_open(&u->dev, &dc);
	if (err)
		return err;
	if (u->nic)
		return drv_net_init(&u->net, &u->dev, &nc);
	u->buf = vu_mem_alloc_any(&u->dev.mem, BLOCK, BLOCK);
	return drv_blk_req_alloc(&u->req, &u->dev.mem);
}

static void pattern(u32 *words, size_t bytes, u64 device, u64 round, u64 io)
{
	u32 x = (u32)(device * 2654435761u + round * 40503u + io * 97u + 1);

	for (size_t i = 0; i < bytes / sizeof(*words); i++) {
		x = x * 1664525 + 1013904223;
		words[i] = x;
	}
}

static int disk_do(struct unit *u, u32 type, u64 sector)
{
	u->req.type = type;
	u->req.sector = sector;
	u->req.num_data = 1;
	u->req.data[0] = (struct drv_sg){ .gpa = u->buf, .len = BLOCK };
	return drv_blk_do(&u->dev, 0, &u->req, NULL) ? -EIO : 0;
}

static int disk_use(struct unit *u, u64 i, u64 round, u64 io)
{
	u64 sector = io * BLOCK % IMAGE / DRV_BLK_SECTOR;
	u8 *ram = vu_mem_hva(&u->dev.mem, u->buf, BLOCK);
	u32 want[BLOCK / sizeof(u32)];
	int err;

	pattern(want, sizeof(want), i, round, io);
	memcpy(ram, want, sizeof(want));
	err = disk_do(u, VIRTIO_BLK_T_OUT, sector);
	memset(ram, 0xa5, sizeof(want));
	if (!err)
		err = disk_do(u, VIRTIO_BLK_T_IN, sector);
	if (!err && memcmp(ram, want, sizeof(want)))
		err = -EBADMSG;
	return err;
}

/* The echo comes with the addresses swapped. */
static int nic_use(struct unit *u, u64 i, u64 round, u64 io)
{
	static u8 frame[DRV_NET_FRAME_MAX];
	struct virtio_net_hdr_v1 hdr = { 0 };
	u32 want[FRAME / sizeof(u32)];
	u8 *bytes = (u8 *)want;
	int n;

	pattern(want, sizeof(want), i, round, io);
	bytes[0] &= 0xfe;
	bytes[6] &= 0xfe;
	n = drv_net_send(&u->net, &hdr, want, FRAME, NULL);
	if (n)
		return n;
	drv_vq_kick(u->net.tx);
	n = drv_net_recv(&u->net, &hdr, frame);
	if (n != (int)FRAME || memcmp(frame, bytes + 6, 6) ||
	    memcmp(frame + 6, bytes, 6) ||
	    memcmp(frame + 12, bytes + 12, FRAME - 12))
		return n < 0 ? n : -EBADMSG;
	return 0;
}

static int unit_use(struct unit *u, u64 i, u64 round)
{
	u64 ios = u->nic && !round ? max(conf.ios, (u64)WARM_FRAMES) : conf.ios;
	int err = 0;

	for (u64 io = 0; io < ios && !err; io++)
		err = u->nic ? nic_use(u, i, round, io) :
			       disk_use(u, i, round, io);
	return err;
}

static int complain(const struct unit *u, u64 i, u64 round, const char *what,
		    int err)
{
	say(false, "round %llu, device %llu: %s: %s",
	    (unsigned long long)round, (unsigned long long)i, what,
	    u->dev.fe.err[0] ? u->dev.fe.err : strerror(-err));
	return err;
}

static int round_run(u64 round)
{
	u64 i, open;
	int err = 0;

	for (open = 0; open < conf.devices && !err; open++) {
		err = unit_open(&units[open], open);
		if (err)
			complain(&units[open], open, round, "connect", err);
	}
	for (i = 0; i < conf.devices && !err; i++) {
		err = unit_use(&units[i], i, round);
		if (err)
			complain(&units[i], i, round, "use", err);
	}
	for (i = 0; i < open; i++) {
		if (!err && !(i & 2))
			drv_dev_stop(&units[i].dev);
		drv_dev_close(&units[i].dev);
	}
	return err;
}

/* Results */

static int idle_cpu(void)
{
	u64 before = daemon_cpu_ns(&daemon_);
	u64 used;

	sleep(IDLE_S);
	used = (daemon_cpu_ns(&daemon_) - before) / 1000;
	return say(used <= IDLE_MAX_MS * 1000,
		   "idle CPU: %llu us in %u s", (unsigned long long)used,
		   IDLE_S);
}

static int rounds_run(struct usage *warm, struct usage *end)
{
	struct usage base = usage_now();
	u64 round;

	for (round = 0; round < conf.rounds; round++) {
		if (round_run(round))
			return -1;
		*end = usage_settled(&base);
		if (round < WARM_ROUNDS)
			*warm = *end;
	}
	say(true, "%llu devices, %llu rounds: all that was written came back",
	    (unsigned long long)conf.devices, (unsigned long long)conf.rounds);
	say(end->fds == base.fds, "descriptors: %d before, %d after", base.fds,
	    end->fds);
	say(end->threads == base.threads, "threads: %d before, %d after",
	    base.threads, end->threads);
	return 0;
}

static bool soak(void)
{
	struct usage warm = { 0 }, end = { 0 };
	int bad = 0;

	if (rounds_run(&warm, &end))
		return false;
	bad |= say(end.rss_kib <= warm.rss_kib + RSS_SLACK_KIB,
		   "memory: %ld KiB after round %u, %ld KiB at the end",
		   warm.rss_kib, WARM_ROUNDS, end.rss_kib);
	bad |= say(daemon_alive(&daemon_), "the daemon lives");
	bad |= idle_cpu();
	return !bad && end.fds == warm.fds && end.threads == warm.threads;
}

int main(int argc, char **argv)
{
	int ret = opts_parse(opts, argc, argv);
	bool good;

	if (ret)
		return ret < 0 ? 2 : 0;
	if (!conf.devices || conf.rounds <= WARM_ROUNDS) {
		fprintf(stderr, "%s: --devices must be 1 or more, --rounds %u or more\n",
			argv[0], WARM_ROUNDS + 1);
		return 2;
	}
	limits_raise();
	units = calloc(conf.devices, sizeof(*units));
	if (!units)
		return 2;
	ret = daemon_begin();
	if (ret)
		say(false, "the daemon does not start: %s", strerror(-ret));
	good = !ret && soak();
	if (!good)
		printf("# daemon's log:\n%s", daemon_log_text(&daemon_));
	printf("1..%u\n", cases);
	daemon_stop(&daemon_, SIGTERM, 10000);
	daemon_remove(&daemon_);
	free(units);
	return !good;
}
