// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_loop - a disk that is a block device of the host: a loop device over a
 * file, where it can be seen what a discard frees
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB  (1u << 20)
#define SIZE (16ULL * MIB)

/** struct setting - how the disk is made */
struct setting {
	const char *name;
	unsigned int block;
	const char *engine;
};

static const struct setting settings[] = {
	{ "io_uring", 512, "auto" },
	{ "threads", 512, "threads" },
	{ "blocks of 4096", 4096, "auto" },
	{ "blocks of 4096, threads", 4096, "threads" },
};

static struct daemon d;
static char loop[64];

/* To the device's name in @loop; false where there are none. */
static bool loop_attach(unsigned int block)
{
	char command[256];
	FILE *f;

	snprintf(command, sizeof(command), "losetup --show -f -b %u %s", block,
		 daemon_path(&d, "img"));
	f = popen(command, "re");
	loop[0] = 0;
	if (f && !fgets(loop, sizeof(loop), f))
		loop[0] = 0;
	loop[strcspn(loop, "\n")] = 0;
	return f && !pclose(f) && loop[0];
}

/* At once, or when the last who has it open closes it. */
static void loop_detach(void)
{
	char command[128];

	if (!loop[0])
		return;
	snprintf(command, sizeof(command), "losetup -d %s", loop);
	assert_int_equal(system(command), 0);
	loop[0] = 0;
}

static struct disk *start(const struct setting *s)
{
	char file[80], sock[100], engine[40], path[80];
	const char *const args[] = { "blk", file, sock, engine, NULL };

	assert_int_equal(daemon_dir(&d), 0);
	assert_int_equal(daemon_file(&d, "img", SIZE), 0);
	assert_true(loop_attach(s->block));
	snprintf(path, sizeof(path), "%s/disk.sock", d.dir);
	snprintf(file, sizeof(file), "--blk-file=%s", loop);
	snprintf(sock, sizeof(sock), "--socket-path=%s", path);
	snprintf(engine, sizeof(engine), "--io-engine=%s", s->engine);
	assert_int_equal(daemon_start(&d, args), 0);
	if (daemon_wait_socket(&d, path))
		fail_msg("%s", daemon_log_text(&d));
	loop_detach();
	return disk_open(path, NULL);
}

static int teardown(void **state)
{
	int status = 0;

	(void)state;
	for (unsigned int i = 0; i < DISKS_MAX; i++)
		if (fx.open[i])
			disk_close(fx.open[i]);
	if (d.pid)
		status = daemon_stop(&d, SIGTERM, 5000);
	loop_detach();
	daemon_remove(&d);
	return status ? -1 : 0;
}

static u64 allocated(void)
{
	struct stat st;

	assert_int_equal(stat(daemon_path(&d, "img"), &st), 0);
	return (u64)st.st_blocks * 512;
}

static void put(struct disk *disk, u64 offset, u32 len, u32 seed)
{
	disk_fill(disk, disk->buf, len, seed);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_OUT, offset >> 9,
				 disk->buf, len),
			 VIRTIO_BLK_S_OK);
}

static void get(struct disk *disk, u64 offset, u32 len)
{
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, offset >> 9,
				 disk->buf, len),
			 VIRTIO_BLK_S_OK);
}

static void flush(struct disk *disk)
{
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0),
			 VIRTIO_BLK_S_OK);
}

static void discard_frees(void **state)
{
	struct disk *disk = start(*state);
	u64 full;

	for (u32 i = 0; i < 6; i++)
		put(disk, i * (u64)MIB, MIB, i);
	flush(disk);
	full = allocated();
	assert_true(full >= 6 * MIB);
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_DISCARD, MIB >> 9,
				    4 * MIB >> 9, 0),
			 VIRTIO_BLK_S_OK);
	assert_true(allocated() <= full - 4 * MIB);
	get(disk, 0, MIB);
	disk_expect(disk, disk->buf, MIB, 0);
	get(disk, 5 * MIB, MIB);
	disk_expect(disk, disk->buf, MIB, 5);
	put(disk, 2 * MIB, MIB, 9);
	get(disk, 2 * MIB, MIB);
	disk_expect(disk, disk->buf, MIB, 9);
}

static void zeroes_read_zero(void **state)
{
	static const u32 flags[] = { 0, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP };
	struct disk *disk = start(*state);

	for (u32 i = 0; i < ARRAY_SIZE(flags); i++) {
		put(disk, 0, MIB, i + 1);
		put(disk, MIB, MIB, i + 3);
		put(disk, 2 * MIB, MIB, i + 5);
		assert_int_equal(disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES,
					    MIB >> 9, MIB >> 9, flags[i]),
				 VIRTIO_BLK_S_OK);
		get(disk, MIB, MIB);
		disk_expect_byte(disk, disk->buf, MIB, 0);
		get(disk, 0, MIB);
		disk_expect(disk, disk->buf, MIB, i + 1);
		get(disk, 2 * MIB, MIB);
		disk_expect(disk, disk->buf, MIB, i + 5);
	}
}

/* Pieces of the device's block leave the rest of it as it is. */
static void single_sectors(void **state)
{
	struct disk *disk = start(*state);

	put(disk, 0, 4096, 1);
	disk_fill(disk, disk->buf + 4096, 4096, 1);
	put(disk, 1024, 512, 2);
	get(disk, 1024, 512);
	disk_expect(disk, disk->buf, 512, 2);
	assert_int_equal(disk_range(disk, VIRTIO_BLK_T_WRITE_ZEROES, 2, 1, 0),
			 VIRTIO_BLK_S_OK);
	flush(disk);
	get(disk, 0, 4096);
	disk_expect_byte(disk, disk->buf + 1024, 512, 0);
	assert_memory_equal(vu_mem_hva(&disk->dev.mem, disk->buf, 1024),
			    vu_mem_hva(&disk->dev.mem, disk->buf + 4096, 1024),
			    1024);
	assert_memory_equal(vu_mem_hva(&disk->dev.mem, disk->buf + 1536, 2560),
			    vu_mem_hva(&disk->dev.mem, disk->buf + 4096 + 1536,
				       2560),
			    2560);
}

/* Containers have no loop devices, and some kernels none at all. */
static bool loop_works(void)
{
	bool works;

	if (daemon_dir(&d) || daemon_file(&d, "img", SIZE))
		return false;
	works = loop_attach(4096);
	loop_detach();
	daemon_remove(&d);
	return works;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*func)(void **state);
	} tests[] = { { "discard frees", discard_frees },
		      { "zeroes read zero", zeroes_read_zero },
		      { "single sectors", single_sectors } };
	struct CMUnitTest all[ARRAY_SIZE(settings) * ARRAY_SIZE(tests)];
	char names[ARRAY_SIZE(all)][64];
	unsigned int n = 0;

	if (!loop_works()) {
		printf("1..1\nok 1 - loop # SKIP no loop device\n");
		printf("# reason: losetup needs root and the kernel's loop devices\n");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		for (size_t j = 0; j < ARRAY_SIZE(tests); j++) {
			snprintf(names[n], sizeof(names[n]), "%s: %s",
				 tests[j].name, settings[i].name);
			all[n] = (struct CMUnitTest){
				names[n],
				tests[j].func,
				NULL,
				teardown,
				(void *)(uintptr_t)&settings[i],
			};
			n++;
		}
	return cmocka_run_group_tests_name("loop", all, NULL, NULL);
}
