// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_limits - what operators change and watch: rate limits, size, latency,
 *		 requests that are stuck
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"

#define MIB (1u << 20)

/** struct sample - counters at a moment */
struct sample {
	json_int_t ms;
	json_int_t reads;
	json_int_t writes;
	json_int_t throttled;
	json_int_t stuck;
	json_int_t sleeps;
};

static json_int_t in(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static struct sample sample_at(const char *control, const char *name)
{
	json_t *answer = ctl_ask(control, "{\"command\":\"stats\"}");
	json_t *result = json_object_get(answer, "result");
	struct sample s = { .ms = in(result, "time_ms") };
	json_t *dev, *q, *w;
	size_t i, j;

	json_array_foreach(json_object_get(result, "devices"), i, dev) {
		if (strcmp(json_string_value(json_object_get(dev, "name")),
			   name))
			continue;
		json_array_foreach(json_object_get(dev, "queues"), j, q) {
			const json_t *c = json_object_get(q, "counters");

			s.reads += in(c, "reads");
			s.writes += in(c, "writes");
			s.throttled += in(c, "throttled");
			s.stuck += in(c, "stuck");
		}
	}
	json_array_foreach(json_object_get(result, "workers"), j, w)
		s.sleeps += in(json_object_get(w, "counters"), "sleeps");
	json_decref(answer);
	return s;
}

static void pvctl_ok(const char *const *words)
{
	int status;
	const char *text = pvctl(fx.control, words, &status);

	if (status)
		fail_msg("%s", text);
}

#define PVCTL_OK(...) pvctl_ok((const char *const[]){ __VA_ARGS__, NULL })

static void unlimited(void)
{
	PVCTL_OK("throttle", "disk", "iops=none", "bps=none");
}

static int after(void **state)
{
	unlimited();
	return fixture_after(state);
}

/*
 * By the daemon's own clock and counters, whatever else the machine does: never
 * more than the limit, its burst, and a portion of each queue; and not idle.
 */
static void iops_are_limited(void **state)
{
	static const struct drv_dev_conf conf = { .num_queues = 2 };
	struct disk *disk = disk_open(fx.disk, &conf);
	struct sample before, now;
	json_int_t allowed;
	unsigned int i;

	(void)state;
	PVCTL_OK("throttle", "disk", "iops=500", "iops-burst=20");
	before = sample_at(fx.control, "disk");
	for (i = 0; i < 500; i++)
		assert_int_equal(disk_io(disk, i & 1, VIRTIO_BLK_T_IN,
					 8 * i, disk->buf, 4096),
				 VIRTIO_BLK_S_OK);
	now = sample_at(fx.control, "disk");
	allowed = (now.ms - before.ms + 1) * 500 / 1000 + 20 + 2;
	assert_int_equal(now.reads - before.reads, 500);
	if (allowed < 500)
		fail_msg("500 requests in %d ms", (int)(now.ms - before.ms));
	/* It slept for it. */
	assert_true(now.throttled - before.throttled > 200);
	assert_true(now.sleeps - before.sleeps >=
		    (now.throttled - before.throttled) / 2);
	disk_close(disk);
}

static void bytes_are_limited(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct sample before, now;
	unsigned int i;

	(void)state;
	PVCTL_OK("throttle", "disk", "bps=20M", "bps-burst=1M");
	before = sample_at(fx.control, "disk");
	for (i = 0; i < 40; i++)
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, 2048 * i,
					 disk->buf, 512 * 1024),
				 VIRTIO_BLK_S_OK);
	now = sample_at(fx.control, "disk");
	/* The last request's debt is still open. */
	assert_true((now.ms - before.ms + 1) * 20 * MIB / 1000 + MIB +
			    512 * 1024 >= 40 * 512 * 1024);
	disk_close(disk);
}

/* A limit that is lifted lets go at once what waited for a thousand seconds. */
static void lifting_takes_effect(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct drv_vq *vq = &disk->dev.vq[0];
	struct drv_used used;
	unsigned int i;

	(void)state;
	PVCTL_OK("throttle", "disk", "bps=1K", "bps-burst=1");
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.sector = 0;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, MIB };
	for (i = 0; i < 3; i++)
		assert_int_equal(drv_blk_add(vq, &disk->req, i), 0);
	drv_vq_kick(vq);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 3000), 1);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 300), -ETIMEDOUT);
	unlimited();
	assert_int_equal(drv_vq_reap_wait(vq, &used, 3000), 1);
	assert_int_equal(drv_vq_reap_wait(vq, &used, 3000), 1);
	disk_close(disk);
}

/* A front end that goes while its queues wait holds up nothing. */
static void gone_while_throttled(void **state)
{
	struct disk *disk;
	unsigned int i;

	(void)state;
	PVCTL_OK("throttle", "disk", "iops=1", "iops-burst=1");
	disk = disk_open(fx.disk, NULL);
	disk->req.type = VIRTIO_BLK_T_IN;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
	for (i = 0; i < 8; i++)
		assert_int_equal(drv_blk_add(&disk->dev.vq[0], &disk->req, i),
				 0);
	drv_vq_kick(&disk->dev.vq[0]);
	disk_close(disk);
	assert_true(fixture_settled());
}

static void expect_refused(const char *const *words, const char *why)
{
	int status;
	const char *text = pvctl(fx.control, words, &status);

	assert_int_equal(status, 1);
	if (!strstr(text, why))
		fail_msg("\"%s\" instead of \"%s\"", text, why);
}

#define REFUSED(why, ...) \
	expect_refused((const char *const[]){ __VA_ARGS__, NULL }, why)

static void bad_values(void **state)
{
	(void)state;
	REFUSED("device is missing", "throttle");
	REFUSED("only disks", "throttle", "echo", "iops=1");
	REFUSED("none: no such device", "throttle", "none", "iops=1");
	REFUSED("iops=many: must be a number", "throttle", "disk",
		"iops=many");
	REFUSED("means nothing without iops", "throttle", "disk",
		"iops-burst=5");
	REFUSED("at most", "throttle", "disk", "bps=1T");
	REFUSED("given twice", "throttle", "disk", "bps=1", "bps=2");
	REFUSED("one argument too many", "throttle", "disk", "5");
	REFUSED("not a disk", "resize", "echo");
	REFUSED("multiple of 512", "resize", "disk", "1000");
	REFUSED("multiple of 512", "resize", "disk", "0");
	REFUSED("can only grow", "resize", "disk", "1M");
	REFUSED("size=big: must be a number", "resize", "disk", "big");
	REFUSED("not a file", "resize", "null", "8T");
}

static void expect_capacity(struct disk *disk, u64 want)
{
	struct vu_fe *fe = &disk->dev.fe;
	struct vu_msg m;
	u64 bytes;

	fe_ok(fe, vu_fe_channel_recv(fe, &m));
	assert_int_equal(m.hdr.id, VU_BACKEND_CONFIG_CHANGE);
	fe_ok(fe, drv_blk_capacity(&disk->dev, &bytes));
	assert_int_equal(bytes, want);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, want / 512 - 8,
				 disk->buf, 4096), VIRTIO_BLK_S_OK);
}

static void grows_live(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	struct stat st;

	(void)state;
	assert_int_equal(truncate(fx.image, DISK_SIZE + MIB), 0);
	PVCTL_OK("resize", "disk");
	expect_capacity(disk, DISK_SIZE + MIB);
	PVCTL_OK("resize", "disk", "96M");
	expect_capacity(disk, 96 * MIB);
	assert_int_equal(stat(fx.image, &st), 0);
	assert_int_equal(st.st_size, 96 * MIB);
	/* The same again is no change. */
	PVCTL_OK("resize", "disk", "96M");
	disk_close(disk);
}

static void latency_is_shown(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	json_t *answer, *q, *read;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 0,
					 disk->buf, 4096), VIRTIO_BLK_S_OK);
	answer = ctl_ask(fx.control,
			 "{\"command\":\"stats\",\"device\":\"disk\"}");
	q = json_object_get(json_object_get(answer, "result"), "devices");
	q = json_array_get(json_object_get(json_array_get(q, 0), "queues"), 0);
	read = json_object_get(json_object_get(q, "latency"), "read");
	assert_int_equal(in(read, "count"),
			 in(json_object_get(q, "counters"), "reads"));
	assert_true(json_real_value(json_object_get(read, "p50_us")) > 0);
	assert_true(json_real_value(json_object_get(read, "p50_us")) <=
		    json_real_value(json_object_get(read, "max_us")));
	json_decref(answer);
	disk_close(disk);
}

/* A file system that is frozen, and a daemon with a disk on it. */

static struct daemon frozen;

static int run(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(argv[0], (char **)(uintptr_t)argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static bool frozen_setup(void)
{
	const char *image, *dir;

	if (geteuid() || daemon_dir(&frozen) ||
	    daemon_file(&frozen, "fs", 32 * MIB))
		return false;
	image = daemon_path(&frozen, "fs");
	dir = daemon_path(&frozen, "mnt");
	return !mkdir(dir, 0700) && !RUN("mkfs.ext4", "-q", image) &&
	       !RUN("mount", "-o", "loop", image, dir);
}

static void freeze(unsigned long what)
{
	int fd = open(daemon_path(&frozen, "mnt"), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, what, 0), 0);
	close(fd);
}

static void frozen_teardown(void)
{
	int fd = open(daemon_path(&frozen, "mnt"), O_RDONLY | O_CLOEXEC);

	/* A test that failed may have left it frozen: nobody could end. */
	if (fd >= 0)
		ioctl(fd, FITHAW, 0);
	close(fd);
	if (frozen.pid)
		daemon_stop(&frozen, SIGTERM, 5000);
	umount2(daemon_path(&frozen, "mnt"), MNT_DETACH);
	rmdir(daemon_path(&frozen, "mnt"));
	daemon_remove(&frozen);
}

static void frozen_start(void)
{
	char socket[128], file[128], control[128];
	const char *const args[] = { "blk", socket, file, control,
				     "--stuck-after=1", NULL };

	assert_int_equal(daemon_file(&frozen, "mnt/disk", 4 * MIB), 0);
	sprintf(socket, "--socket-path=%s", daemon_path(&frozen, "s"));
	sprintf(file, "--blk-file=%s", daemon_path(&frozen, "mnt/disk"));
	sprintf(control, "--control=%s", daemon_path(&frozen, "c"));
	assert_int_equal(daemon_start(&frozen, args), 0);
	if (daemon_wait_socket(&frozen, daemon_path(&frozen, "c")))
		fail_msg("%s", daemon_log_text(&frozen));
}

static void wait_for_stuck(const char *control)
{
	unsigned int ms;

	for (ms = 0; ms < 10000; ms += 50) {
		if (sample_at(control, "blk").stuck)
			return;
		usleep(50000);
	}
	fail_msg("nothing was found stuck in %u ms", ms);
}

static int frozen_end(void **state)
{
	frozen_teardown();
	return fixture_after(state);
}

static void stuck_requests_are_reported(void **state)
{
	const char *control;
	struct disk *disk;
	struct drv_used used;
	const char *text;
	int status;

	(void)state;
	if (!frozen_setup())
		skip();
	frozen_start();
	control = daemon_path(&frozen, "c");
	disk = disk_open(daemon_path(&frozen, "s"), NULL);
	freeze(FIFREEZE);
	disk->req.type = VIRTIO_BLK_T_OUT;
	disk->req.sector = 16;
	disk->req.num_data = 1;
	disk->req.data[0] = (struct drv_sg){ disk->buf, 4096 };
	assert_int_equal(drv_blk_add(&disk->dev.vq[0], &disk->req, 0), 0);
	drv_vq_kick(&disk->dev.vq[0]);
	wait_for_stuck(control);
	text = PVCTL(control, &status, "status", "blk");
	if (!strstr(text, "STUCK: write at 8192"))
		fail_msg("%s", text);
	assert_non_null(strstr(daemon_log_text(&frozen),
			       "blk queue 0: write at 8192 has not been answered"));
	freeze(FITHAW);
	assert_int_equal(drv_vq_reap_wait(&disk->dev.vq[0], &used, 3000), 1);
	assert_int_equal(drv_blk_status(&disk->req), VIRTIO_BLK_S_OK);
	text = PVCTL(control, &status, "status", "blk");
	assert_null(strstr(text, "STUCK"));
	/* It was counted once, however often it was looked at. */
	assert_int_equal(sample_at(control, "blk").stuck, 1);
	disk_close(disk);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, after)
		T(iops_are_limited),
		T(bytes_are_limited),
		T(lifting_takes_effect),
		T(gone_while_throttled),
		T(bad_values),
		T(grows_live),
		T(latency_is_shown),
		cmocka_unit_test_teardown(stuck_requests_are_reported,
					  frozen_end),
#undef T
	};

	return fixture_run("limits", tests, ARRAY_SIZE(tests));
}
