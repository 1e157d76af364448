// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_full - a disk whose file finds no space, or ends too early
 *
 * The image is sparse, on a file system that is smaller: a tmpfs, and ext4 in a
 * file.  Both are mounted in a mount namespace of the test's own.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define STEP (1u << 20)

/** struct place - where the image is, and on which engine */
struct place {
	const char *name;
	const char *mount;
	const char *engine;
};

static const struct place places[] = {
	{ "tmpfs", "mount -t tmpfs -o size=8m none %s/fs", "auto" },
	{ "ext4",
	  "truncate -s 16M %1$s/ext4 && mkfs.ext4 -qF -m 0 %1$s/ext4 && mount -o loop %1$s/ext4 %1$s/fs",
	  "auto" },
	{ "ext4 on threads",
	  "truncate -s 16M %1$s/ext4 && mkfs.ext4 -qF -m 0 %1$s/ext4 && mount -o loop %1$s/ext4 %1$s/fs",
	  "threads" },
};

static struct daemon d;
static char socket_path[80];

static void run(const char *format)
{
	char command[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(command, sizeof(command), format, d.dir);
#pragma GCC diagnostic pop
	assert_int_equal(system(command), 0);
}

static void start(const struct place *place)
{
	char file[80], sock[100], engine[40];
	const char *const args[] = { "blk", file, sock, engine, NULL };

	assert_int_equal(daemon_dir(&d), 0);
	run("mkdir %s/fs");
	run(place->mount);
	assert_int_equal(daemon_file(&d, "fs/img", DISK_SIZE), 0);
	snprintf(socket_path, sizeof(socket_path), "%s/disk.sock", d.dir);
	snprintf(file, sizeof(file), "--blk-file=%s/fs/img", d.dir);
	snprintf(sock, sizeof(sock), "--socket-path=%s", socket_path);
	snprintf(engine, sizeof(engine), "--io-engine=%s", place->engine);
	assert_int_equal(daemon_start(&d, args), 0);
	if (daemon_wait_socket(&d, socket_path))
		fail_msg("%s", daemon_log_text(&d));
}

static int teardown(void **state)
{
	int status;

	(void)state;
	for (unsigned int i = 0; i < DISKS_MAX; i++)
		if (fx.open[i])
			disk_close(fx.open[i]);
	status = daemon_stop(&d, SIGTERM, 5000);
	run("umount %s/fs");
	run("rmdir %s/fs");
	daemon_remove(&d);
	return status ? -1 : 0;
}

static int put(struct disk *disk, u64 offset, u32 seed)
{
	disk_fill(disk, disk->buf, STEP, seed);
	return disk_io(disk, 0, VIRTIO_BLK_T_OUT, offset >> 9, disk->buf, STEP);
}

static void expect(struct disk *disk, u64 offset, u32 seed)
{
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, offset >> 9,
				 disk->buf + STEP, STEP),
			 VIRTIO_BLK_S_OK);
	disk_expect(disk, disk->buf + STEP, STEP, seed);
}

/* The write that finds no space fails; what was written stays; space helps. */
static void full(void **state)
{
	struct disk *disk;
	u32 n = 0;

	start(*state);
	disk = disk_open(socket_path, NULL);
	while (put(disk, n * (u64)STEP, n) == VIRTIO_BLK_S_OK)
		assert_true(++n < 32);
	assert_true(n > 2);
	assert_int_equal(put(disk, 40 * (u64)STEP, 1), VIRTIO_BLK_S_IOERR);
	assert_true(daemon_alive(&d));
	for (u32 i = 0; i < n; i++)
		expect(disk, i * (u64)STEP, i);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0),
			 VIRTIO_BLK_S_OK);

	/* The guest gives space back. */
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_DISCARD, 0,
				    2 * STEP >> 9, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(put(disk, 40 * (u64)STEP, 7), VIRTIO_BLK_S_OK);
	expect(disk, 40 * (u64)STEP, 7);
	expect(disk, 2 * (u64)STEP, 2);
}

/* Somebody cuts the file: what is gone fails, what is left works. */
static void cut(void **state)
{
	struct disk *disk;

	start(*state);
	disk = disk_open(socket_path, NULL);
	assert_int_equal(put(disk, 0, 3), VIRTIO_BLK_S_OK);
	assert_int_equal(put(disk, 2 * (u64)STEP, 4), VIRTIO_BLK_S_OK);
	assert_int_equal(truncate(daemon_path(&d, "fs/img"), STEP), 0);
	expect(disk, 0, 3);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 2 * STEP >> 9,
				 disk->buf, STEP),
			 VIRTIO_BLK_S_IOERR);
	assert_true(daemon_alive(&d));
	assert_int_equal(truncate(daemon_path(&d, "fs/img"), DISK_SIZE), 0);
	assert_int_equal(put(disk, 2 * (u64)STEP, 5), VIRTIO_BLK_S_OK);
	expect(disk, 2 * (u64)STEP, 5);
	expect(disk, 0, 3);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*func)(void **state);
	} tests[] = { { "full", full }, { "cut", cut } };
	struct CMUnitTest all[ARRAY_SIZE(places) * ARRAY_SIZE(tests)];
	char names[ARRAY_SIZE(all)][40];
	unsigned int n = 0;

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		printf("1..1\nok 1 - full # SKIP needs root, to mount\n");
		printf("# reason: %s\n", strerror(errno));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		for (size_t j = 0; j < ARRAY_SIZE(tests); j++) {
			snprintf(names[n], sizeof(names[n]), "%s: %s",
				 tests[j].name, places[i].name);
			all[n] = (struct CMUnitTest){
				names[n],
				tests[j].func,
				NULL,
				teardown,
				(void *)(uintptr_t)&places[i],
			};
			n++;
		}
	return cmocka_run_group_tests_name("full", all, NULL, NULL);
}
