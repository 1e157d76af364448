// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_image_map - the short cut to images in memory: when it is taken, and that
 *		    it never gives anything but the file's content
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image.h"
#include "image_map.h"
#include "log.h"
#include "sigbus.h"

#define PAGE  4096ul
#define CHUNK (2ul << 20)
#define SIZE  (3 * CHUNK)

#define PATIENCE_S 20

void log_msg(int level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static struct image img;
static struct image_map *map;
static u8 buf[4 * PAGE];

static u8 byte_at(u64 offset)
{
	return (u8)(offset / 512 * 31 + offset % 251) | 1;
}

static void fill_file(u64 from, u64 to)
{
	u8 page[PAGE];

	for (u64 at = from; at < to; at += PAGE) {
		for (u64 i = 0; i < PAGE; i++)
			page[i] = byte_at(at + i);
		assert_int_equal(pwrite(img.fd, page, PAGE, (off_t)at), PAGE);
	}
}

static int setup(void **state)
{
	(void)state;
	img = (struct image){
		.fd = memfd_create("image", MFD_CLOEXEC),
		.writable = true,
		.in_memory = true,
	};
	assert_true(img.fd >= 0);
	assert_int_equal(ftruncate(img.fd, SIZE), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	image_map_destroy(map);
	map = NULL;
	close(img.fd);
	return 0;
}

static void open_map(void)
{
	/* cmocka puts its own handler in place for each test. */
	assert_int_equal(sigbus_init(), 0);
	map = image_map_create(&img, SIZE, NULL);
	assert_non_null(map);
}

/* In two pieces, as a guest's buffer may be. */
static struct iov_span pieces(struct iovec iov[2], u64 len)
{
	iov[0] = (struct iovec){ buf, len / 4 };
	iov[1] = (struct iovec){ buf + len / 4, len - len / 4 };
	return (struct iov_span){ iov, 2 };
}

static bool get(u64 offset, u64 len)
{
	const struct image_range range = { offset, len };
	struct iovec iov[2];
	struct iov_span data = pieces(iov, len);

	memset(buf, 0, sizeof(buf));
	return image_map_read(map, range, &data);
}

static bool put(u64 offset, u64 len, u8 byte)
{
	const struct image_range range = { offset, len };
	struct iovec iov[2];
	struct iov_span data = pieces(iov, len);

	memset(buf, byte, sizeof(buf));
	return image_map_write(map, range, &data);
}

/* Asked for a chunk's state so seldom that it takes some patience. */
static bool get_soon(u64 offset, u64 len)
{
	const time_t end = time(NULL) + PATIENCE_S;

	while (time(NULL) < end)
		if (get(offset, len))
			return true;
	return false;
}

static void assert_content(u64 offset, u64 len)
{
	for (u64 i = 0; i < len; i++)
		if (buf[i] != byte_at(offset + i))
			fail_msg("byte %llu differs",
				 (unsigned long long)(offset + i));
}

static u64 allocated(void)
{
	struct stat st;

	assert_int_equal(fstat(img.fd, &st), 0);
	return (u64)st.st_blocks * 512;
}

static void whole_file(void **state)
{
	u8 back[PAGE];

	(void)state;
	fill_file(0, SIZE);
	open_map();
	assert_true(get(0, PAGE));
	assert_content(0, PAGE);
	assert_true(get(CHUNK - 1024, 4 * PAGE));
	assert_content(CHUNK - 1024, 4 * PAGE);
	assert_true(get(SIZE - 3 * PAGE, 2 * PAGE));
	assert_content(SIZE - 3 * PAGE, 2 * PAGE);
	assert_true(put(CHUNK + 512, 1024, 0x77));
	assert_int_equal(pread(img.fd, back, PAGE, CHUNK), PAGE);
	assert_int_equal(back[511], byte_at(CHUNK + 511));
	assert_int_equal(back[512], 0x77);
	assert_int_equal(back[1535], 0x77);
	assert_int_equal(back[1536], byte_at(CHUNK + 1536));
}

/* The end is where a file is cut short unseen. */
static void last_page_and_beyond(void **state)
{
	(void)state;
	fill_file(0, SIZE);
	open_map();
	assert_false(get(SIZE - PAGE, PAGE));
	assert_false(get(SIZE - 512, 512));
	assert_false(get(SIZE - 2 * PAGE, 2 * PAGE));
	assert_false(get(SIZE, 512));
	assert_false(get(SIZE * 4, 512));
	assert_false(get(UINT64_MAX - 511, 512));
	assert_true(get(SIZE - 2 * PAGE, PAGE));
}

/* Reading holes allocates nothing. */
static void holes_are_left_alone(void **state)
{
	u64 before;

	(void)state;
	fill_file(0, CHUNK);
	fill_file(2 * CHUNK, SIZE);
	before = allocated();
	open_map();
	assert_true(get_soon(0, PAGE));
	assert_content(0, PAGE);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_false(get(CHUNK + i % 500 * PAGE, PAGE));
		assert_false(put(CHUNK, PAGE, 1));
		/* The page after the last of a whole chunk is a hole. */
		assert_false(get(CHUNK - PAGE, PAGE));
	}
	assert_int_equal(allocated(), before);
	assert_true(get_soon(2 * CHUNK, PAGE));
	/* The hole is filled: found out by and by. */
	fill_file(CHUNK, 2 * CHUNK);
	assert_true(get_soon(CHUNK + PAGE, PAGE));
	assert_content(CHUNK + PAGE, PAGE);
}

static void forgets_what_it_is_told(void **state)
{
	u64 before;

	(void)state;
	fill_file(0, SIZE);
	open_map();
	assert_int_equal(fallocate(img.fd,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   CHUNK + PAGE, PAGE),
			 0);
	image_map_forget(map, (struct image_range){ CHUNK + PAGE, PAGE });
	before = allocated();
	for (unsigned int i = 0; i < 1000; i++)
		assert_false(get(CHUNK + PAGE, PAGE));
	assert_int_equal(allocated(), before);
	assert_true(get(0, PAGE));
	assert_true(get(2 * CHUNK, PAGE));
	/* Beyond the end there is nothing to forget. */
	image_map_forget(map, (struct image_range){ SIZE - 512, 1ull << 40 });
	image_map_forget(NULL, (struct image_range){ 0, SIZE });
	assert_true(get(0, PAGE));
}

static void read_only(void **state)
{
	(void)state;
	img.writable = false;
	fill_file(0, CHUNK);
	/* Holes could not be told from data. */
	assert_null(image_map_create(&img, SIZE, NULL));
	fill_file(CHUNK, SIZE);
	open_map();
	assert_true(get(PAGE, PAGE));
	assert_content(PAGE, PAGE);
	img.in_memory = false;
	assert_null(image_map_create(&img, SIZE, NULL));
}

static void cut_short(void **state)
{
	(void)state;
	fill_file(0, SIZE);
	open_map();
	assert_int_equal(ftruncate(img.fd, CHUNK), 0);
	assert_true(get(0, PAGE));
	assert_false(get(CHUNK, PAGE));
	/* From now on nothing is taken from it, until the file is whole. */
	for (unsigned int i = 0; i < 1000; i++) {
		assert_false(get(0, PAGE));
		assert_false(put(CHUNK + PAGE, PAGE, 3));
	}
	fill_file(CHUNK, SIZE);
	assert_true(get_soon(CHUNK, PAGE));
	assert_content(CHUNK, PAGE);
	assert_true(get_soon(0, PAGE));
	assert_content(0, PAGE);
	/* And again, with a write. */
	assert_int_equal(ftruncate(img.fd, CHUNK), 0);
	assert_false(put(2 * CHUNK, PAGE, 3));
	fill_file(CHUNK, SIZE);
	assert_true(get_soon(2 * CHUNK, PAGE));
	assert_content(2 * CHUNK, PAGE);
}

/* The rest of the page reads as zeroes, and no access faults. */
static void cut_within_a_page(void **state)
{
	(void)state;
	for (u64 cut = 512; cut < PAGE; cut += 512) {
		fill_file(0, SIZE);
		open_map();
		assert_int_equal(ftruncate(img.fd, (off_t)(CHUNK + cut)), 0);
		assert_false(get(CHUNK, PAGE));
		image_map_destroy(map);

		fill_file(0, SIZE);
		open_map();
		assert_int_equal(ftruncate(img.fd, (off_t)(SIZE - cut)), 0);
		assert_false(get(SIZE - PAGE, PAGE));
		image_map_destroy(map);
	}
	map = NULL;
}

static void grows(void **state)
{
	(void)state;
	fill_file(0, SIZE);
	open_map();
	assert_int_equal(ftruncate(img.fd, 2 * SIZE), 0);
	fill_file(SIZE, 2 * SIZE);
	assert_false(get(SIZE, PAGE));
	map = image_map_create(&img, 2 * SIZE, map);
	assert_non_null(map);
	assert_true(get(SIZE, PAGE));
	assert_content(SIZE, PAGE);
	assert_true(get(SIZE - PAGE, PAGE));
	assert_content(SIZE - PAGE, PAGE);
}

/* A hint that became wrong, and no memory: the write is not taken for done. */
static void full_file_system(void **state)
{
	char dir[] = "/tmp/pv-full-XXXXXX";
	char path[64];
	int filler;

	(void)state;
	assert_non_null(mkdtemp(dir));
	if (mount("test", dir, "tmpfs", 0, "size=8m")) {
		rmdir(dir);
		if (errno == EPERM)
			skip();
		fail_msg("mount: %s", strerror(errno));
	}
	close(img.fd);
	snprintf(path, sizeof(path), "%s/image", dir);
	img.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(img.fd, SIZE), 0);
	fill_file(0, SIZE);
	open_map();
	assert_int_equal(fallocate(img.fd,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   0, CHUNK),
			 0);
	snprintf(path, sizeof(path), "%s/filler", dir);
	filler = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	while (write(filler, buf, PAGE) == PAGE)
		;
	assert_false(put(8 * PAGE, PAGE, 9));
	assert_int_equal(pwrite(img.fd, buf, PAGE, 8 * PAGE), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(ftruncate(filler, 0), 0);
	fill_file(0, CHUNK);
	assert_true(get_soon(8 * PAGE, PAGE));
	assert_content(8 * PAGE, PAGE);
	close(filler);
	image_map_destroy(map);
	map = NULL;
	close(img.fd);
	img.fd = -1;
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_file),
		TEST(last_page_and_beyond),
		TEST(holes_are_left_alone),
		TEST(forgets_what_it_is_told),
		TEST(read_only),
		TEST(cut_short),
		TEST(cut_within_a_page),
		TEST(grows),
		TEST(full_file_system),
	};

	return cmocka_run_group_tests_name("image_map", tests, NULL, NULL);
}
