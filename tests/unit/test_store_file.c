// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_store_file - the file store on a real worker: tmpfs and a disk's file
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "log.h"
#include "sigbus.h"
#include "store.h"

#define SIZE (4u << 20)
#define DATA (1u << 20)

static char last_line[512];
static struct worker *worker;

/* Stands in for log.c: what would be printed can be looked at. */
void log_msg(int level, const char *fmt, ...)
{
	va_list args;

	if (level == LOG_DEBUG)
		return;
	va_start(args, fmt);
	vsnprintf(last_line, sizeof(last_line), fmt, args);
	va_end(args);
}

/**
 * struct disk - a file with a store on it
 * @data:	DATA bytes of "guest memory", page aligned
 */
struct disk {
	char dir[64];
	char path[96];
	struct conf_device conf;
	struct store *st;
	u8 *data;
	u8 *bounce;
};

static void make_file(struct disk *d, off_t size)
{
	int fd = open(d->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static int setup_in(void **state, const char *where)
{
	struct disk *d = calloc(1, sizeof(*d));

	snprintf(d->dir, sizeof(d->dir), "%s/pv-test-XXXXXX", where);
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->path, sizeof(d->path), "%s/image", d->dir);
	make_file(d, SIZE);
	d->conf = (struct conf_device){
		.place = { .file = "test", .line = 1 },
		.blk_file = d->path,
		.direct = true,
	};
	d->data = mmap(NULL, 2 * DATA, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	d->bounce = d->data + DATA;
	last_line[0] = '\0';
	*state = d;
	return 0;
}

static int setup_memory(void **state)
{
	return setup_in(state, "/dev/shm");
}

static int setup_disk(void **state)
{
	return setup_in(state, "/var/tmp");
}

static int teardown(void **state)
{
	struct disk *d = *state;

	if (d->st)
		d->st->ops->close(d->st);
	munmap(d->data, 2 * DATA);
	unlink(d->path);
	rmdir(d->dir);
	free(d);
	return 0;
}

static void open_store(struct disk *d)
{
	assert_int_equal(store_file_ops.open(&d->st, &d->conf), 0);
}

/* A request on its way through the worker, waited for. */

struct job {
	struct worker_msg msg;
	struct store_req req;
	struct store *st;
	int err;
	sem_t over;
};

static void job_done(struct store_req *req, int err)
{
	struct job *job = container_of(req, struct job, req);

	job->err = err;
	sem_post(&job->over);
}

static void job_run(struct worker *w, struct worker_msg *msg)
{
	struct job *job = container_of(msg, struct job, msg);

	job->err = store_submit(job->st, w, &job->req);
	if (job->err != -EINPROGRESS)
		sem_post(&job->over);
}

static int run(struct disk *d, struct store_req *req)
{
	struct job job = {
		.msg.run = job_run,
		.req = *req,
		.st = d->st,
	};

	job.req.done = job_done;
	job.req.bounce = d->bounce;
	sem_init(&job.over, 0, 0);
	worker_post(worker, &job.msg);
	while (sem_wait(&job.over))
		;
	sem_destroy(&job.over);
	req->path = job.req.path;
	return job.err;
}

static struct store_req transfer(struct disk *d, enum store_op op, u64 offset,
				 size_t from, size_t len, struct iovec *iov,
				 unsigned int pieces)
{
	for (unsigned int i = 0; i < pieces; i++) {
		iov[i].iov_base = d->data + from + i * (len / pieces);
		iov[i].iov_len = len / pieces;
	}
	return (struct store_req){
		.op = op,
		.offset = offset,
		.len = len,
		.data = { iov, pieces },
	};
}

static int read_write(struct disk *d, enum store_op op, u64 offset, size_t from,
		      size_t len, unsigned int pieces, enum store_path *path)
{
	struct iovec iov[16];
	struct store_req req = transfer(d, op, offset, from, len, iov, pieces);
	int err = run(d, &req);

	if (path)
		*path = req.path;
	return err;
}

static void fill(struct disk *d, size_t from, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		d->data[from + i] = (u8)(seed + i * 7 + i / 251);
}

/* What is in the file, seen without the store. */
static void assert_file(struct disk *d, u64 offset, const u8 *want, size_t len)
{
	u8 *have = malloc(len);
	int fd = open(d->path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, have, len, (off_t)offset), (ssize_t)len);
	assert_memory_equal(have, want, len);
	close(fd);
	free(have);
}

static void assert_zero(struct disk *d, u64 offset, size_t len)
{
	u8 *zero = calloc(1, len);

	assert_file(d, offset, zero, len);
	free(zero);
}

static void round_trip(struct disk *d, u64 offset, size_t from, size_t len,
		       unsigned int pieces)
{
	u8 *copy = malloc(len);

	fill(d, from, len, (unsigned int)(offset + len));
	memcpy(copy, d->data + from, len);
	assert_int_equal(read_write(d, STORE_WRITE, offset, from, len, pieces,
				    NULL), 0);
	assert_file(d, offset, copy, len);
	memset(d->data + from, 0xee, len);
	assert_int_equal(read_write(d, STORE_READ, offset, from, len, pieces,
				    NULL), 0);
	assert_memory_equal(d->data + from, copy, len);
	free(copy);
}

static void transfers(void **state)
{
	struct disk *d = *state;

	open_store(d);
	assert_int_equal(d->st->limits.capacity, SIZE);
	round_trip(d, 0, 0, 4096, 1);
	round_trip(d, SIZE - 4096, 0, 4096, 1);
	round_trip(d, 8192, 4096, 3 * 4096, 3);
	round_trip(d, 65536, 0, DATA, 16);
	round_trip(d, 512, 512, 512, 1);
	round_trip(d, 4096 - 512, 512, 1024, 2);
}

/* Guest memory as firmware has it: anywhere. */
static void misaligned_memory(void **state)
{
	struct disk *d = *state;

	open_store(d);
	round_trip(d, 4096, 3, 4096, 1);
	round_trip(d, 8192, 1, 2 * STORE_BOUNCE_SIZE + 8192, 1);
	round_trip(d, 65536, 5, 12 * 101 * 512, 12);
	round_trip(d, 512, 7, 512, 1);
}

static void paths(void **state)
{
	struct disk *d = *state;
	enum store_path path;

	open_store(d);
	read_write(d, STORE_READ, 0, 0, 4096, 1, &path);
	assert_int_equal(path, STORE_PATH_DIRECT);
	read_write(d, STORE_READ, 0, 1, 4096, 1, &path);
	assert_int_equal(path, d->st->limits.bounces ? STORE_PATH_BOUNCE :
						       STORE_PATH_DIRECT);
}

static void paths_in_memory(void **state)
{
	struct disk *d = *state;
	enum store_path path;

	open_store(d);
	assert_false(d->st->limits.bounces);
	read_write(d, STORE_READ, 0, 1, 4096, 1, &path);
	assert_int_equal(path, STORE_PATH_INLINE);
	read_write(d, STORE_READ, 0, 0, DATA, 1, &path);
	assert_int_equal(path, STORE_PATH_DIRECT);
}

static int range(struct disk *d, enum store_op op, u64 offset, u64 len, bool fua)
{
	struct store_req req = {
		.op = op,
		.offset = offset,
		.len = len,
		.fua = fua,
	};

	return run(d, &req);
}

static void fill_image(struct disk *d)
{
	fill(d, 0, DATA, 6);
	for (u64 offset = 0; offset < SIZE; offset += DATA)
		assert_int_equal(read_write(d, STORE_WRITE, offset, 0, DATA, 1,
					    NULL), 0);
}

/* Without holes it is copied; with one again, that part is not. */
static void paths_of_whole_image(void **state)
{
	struct disk *d = *state;
	enum store_path path;

	open_store(d);
	fill_image(d);
	d->st->ops->close(d->st);
	open_store(d);
	read_write(d, STORE_READ, DATA, 0, 4096, 1, &path);
	assert_int_equal(path, STORE_PATH_MAPPED);
	round_trip(d, 4096, 0, 3 * 4096, 3);
	assert_int_equal(range(d, STORE_DISCARD, 65536, 4096, false), 0);
	read_write(d, STORE_READ, 65536, 0, 4096, 1, &path);
	assert_int_equal(path, STORE_PATH_INLINE);
	assert_zero(d, 65536, 4096);
	read_write(d, STORE_READ, SIZE - DATA, 0, 4096, 1, &path);
	assert_int_equal(path, STORE_PATH_MAPPED);
}

/* What a call says of it is what the guest is told. */
static void truncated_whole_image(void **state)
{
	struct disk *d = *state;

	open_store(d);
	fill_image(d);
	d->st->ops->close(d->st);
	open_store(d);
	/* cmocka puts its own handler in place for each test. */
	assert_int_equal(sigbus_init(), 0);
	assert_int_equal(truncate(d->path, DATA + 512), 0);
	assert_int_equal(read_write(d, STORE_READ, DATA, 0, 4096, 1, NULL),
			 -EIO);
	assert_int_equal(read_write(d, STORE_READ, DATA, 0, 512, 1, NULL), 0);
	assert_int_equal(read_write(d, STORE_READ, 2 * DATA, 0, 4096, 1, NULL),
			 -EIO);
	/* A write makes the file longer again, as the guest sees it. */
	round_trip(d, SIZE - 8192, 0, 4096, 1);
	assert_true(store_file_ops.refresh(d->st));
}

static void ranges(void **state)
{
	static const enum store_op ops[] = { STORE_DISCARD, STORE_WRITE_ZEROES,
					     STORE_WRITE_ZEROES_UNMAP };
	struct disk *d = *state;

	open_store(d);
	assert_true(d->st->limits.discard_align > 0);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(ops); i++) {
		fill(d, 0, DATA, 1);
		assert_int_equal(read_write(d, STORE_WRITE, 0, 0, DATA, 1,
					    NULL), 0);
		assert_int_equal(range(d, ops[i / 2], 4096, DATA - 8192, i & 1),
				 0);
		assert_file(d, 0, d->data, 4096);
		assert_zero(d, 4096, DATA - 8192);
		assert_file(d, DATA - 4096, d->data + DATA - 4096, 4096);
	}
}

static void zeroes_of_odd_sectors(void **state)
{
	struct disk *d = *state;

	open_store(d);
	fill(d, 0, 16384, 9);
	assert_int_equal(read_write(d, STORE_WRITE, 0, 0, 16384, 1, NULL), 0);
	assert_int_equal(range(d, STORE_WRITE_ZEROES, 512, 8192 + 512, true),
			 0);
	assert_int_equal(range(d, STORE_WRITE_ZEROES_UNMAP, 12288, 512, false),
			 0);
	assert_file(d, 0, d->data, 512);
	assert_zero(d, 512, 8192 + 512);
	assert_file(d, 9216, d->data + 9216, 12288 - 9216);
	assert_zero(d, 12288, 512);
	assert_file(d, 12800, d->data + 12800, 16384 - 12800);
}

static u64 allocated(struct disk *d)
{
	struct stat st;

	assert_int_equal(stat(d->path, &st), 0);
	return (u64)st.st_blocks * 512;
}

static void unmap_frees_and_zeroes_allocate(void **state)
{
	struct disk *d = *state;
	u64 full;

	open_store(d);
	fill(d, 0, DATA, 4);
	assert_int_equal(read_write(d, STORE_WRITE, 0, 0, DATA, 1, NULL), 0);
	assert_int_equal(range(d, STORE_FLUSH, 0, 0, false), 0);
	full = allocated(d);
	assert_true(full >= DATA);
	assert_int_equal(range(d, STORE_WRITE_ZEROES, 0, DATA, false), 0);
	assert_true(allocated(d) >= DATA);
	assert_int_equal(range(d, STORE_WRITE_ZEROES_UNMAP, 0, DATA, false), 0);
	assert_true(allocated(d) < DATA);
}

static void durable_write_and_flush(void **state)
{
	struct disk *d = *state;
	struct iovec iov[1];
	struct store_req req;

	open_store(d);
	fill(d, 0, 4096, 77);
	req = transfer(d, STORE_WRITE, 4096, 0, 4096, iov, 1);
	req.fua = true;
	assert_int_equal(run(d, &req), 0);
	assert_file(d, 4096, d->data, 4096);
	assert_int_equal(range(d, STORE_FLUSH, 0, 0, false), 0);
	assert_int_equal(store_file_ops.sync(d->st), 0);
}

/* Everything that the ring was asked for, in order; by --wrap. */
static const struct io_uring_sqe *asked[16];
static unsigned int num_asked;

struct io_uring_sqe *__real_worker_sqe(struct worker *w);
struct io_uring_sqe *__wrap_worker_sqe(struct worker *w);

struct io_uring_sqe *__wrap_worker_sqe(struct worker *w)
{
	struct io_uring_sqe *sqe = __real_worker_sqe(w);

	if (num_asked < ARRAY_SIZE(asked))
		asked[num_asked++] = sqe;
	return sqe;
}

static bool is_write(const struct io_uring_sqe *sqe)
{
	return sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_WRITEV;
}

/* A write's pieces are durable one by one, or none of them need be. */
static void expect_writes(bool durable)
{
	assert_true(num_asked > 0);
	for (unsigned int i = 0; i < num_asked; i++) {
		assert_true(is_write(asked[i]));
		assert_int_equal(asked[i]->rw_flags, durable ? RWF_DSYNC : 0);
	}
}

static enum store_path write_path(struct disk *d, size_t from, size_t len,
				  unsigned int pieces, bool fua)
{
	struct iovec iov[16];
	struct store_req req =
		transfer(d, STORE_WRITE, DATA, from, len, iov, pieces);

	req.fua = fua;
	num_asked = 0;
	assert_int_equal(run(d, &req), 0);
	return req.path;
}

static enum store_path path_of_misaligned(const struct disk *d)
{
	return d->st->limits.bounces ? STORE_PATH_BOUNCE : STORE_PATH_DIRECT;
}

static enum store_path path_of_sector(const struct disk *d)
{
	return d->st->limits.block_size > 512 ? STORE_PATH_BUFFERED :
						STORE_PATH_DIRECT;
}

/* virtio 1.3, 5.2.6.2: what is complete while writeback is off is durable. */
static void durable_on_each_path(void **state)
{
	struct disk *d = *state;

	for (unsigned int i = 0; i < 4; i++) {
		bool fua = i & 1;

		d->conf.direct = i & 2;
		open_store(d);
		assert_int_equal(write_path(d, 0, 4096, 1, fua),
				 STORE_PATH_DIRECT);
		expect_writes(fua);
		assert_int_equal(write_path(d, 0, 16384, 4, fua),
				 STORE_PATH_DIRECT);
		expect_writes(fua);
		assert_int_equal(write_path(d, 1, 3 * STORE_BOUNCE_SIZE, 1,
					    fua),
				 path_of_misaligned(d));
		assert_int_equal(num_asked, d->st->limits.bounces ? 3 : 1);
		expect_writes(fua);
		assert_int_equal(write_path(d, 0, 512, 1, fua),
				 path_of_sector(d));
		expect_writes(fua);
		d->st->ops->close(d->st);
	}
	d->st = NULL;
}

static bool is_datasync(const struct io_uring_sqe *sqe)
{
	return sqe->opcode == IORING_OP_FSYNC &&
	       sqe->fsync_flags == IORING_FSYNC_DATASYNC;
}

static void durable_zeroes(void **state)
{
	static const enum store_op ops[] = { STORE_WRITE_ZEROES,
					     STORE_WRITE_ZEROES_UNMAP };
	struct disk *d = *state;

	open_store(d);
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(ops); i++) {
		bool fua = i & 1;

		num_asked = 0;
		assert_int_equal(range(d, ops[i / 2], 4096, 8192, fua), 0);
		assert_true(num_asked > 0);
		assert_int_equal(is_datasync(asked[num_asked - 1]), fua);
	}
	num_asked = 0;
	assert_int_equal(range(d, STORE_FLUSH, 0, 0, false), 0);
	assert_int_equal(num_asked, 1);
	assert_true(is_datasync(asked[0]));
}

/* Where nothing outlives the host's crash, nothing is waited for. */
static void nothing_durable_in_memory(void **state)
{
	struct disk *d = *state;

	open_store(d);
	assert_int_equal(write_path(d, 0, 4096, 1, true), STORE_PATH_INLINE);
	assert_int_equal(num_asked, 0);
	fill_image(d);
	d->st->ops->close(d->st);
	open_store(d);
	assert_int_equal(write_path(d, 0, 4096, 1, true), STORE_PATH_MAPPED);
	assert_int_equal(num_asked, 0);
	assert_int_equal(range(d, STORE_FLUSH, 0, 0, false), 0);
	assert_int_equal(num_asked, 0);
}

/* The host's administrator truncated the image under the running guest. */
static void truncated_image(void **state)
{
	struct disk *d = *state;

	open_store(d);
	assert_int_equal(truncate(d->path, 8192), 0);
	assert_int_equal(read_write(d, STORE_READ, 4096, 0, 4096, 1, NULL), 0);
	assert_int_equal(read_write(d, STORE_READ, 8192, 0, 4096, 1, NULL),
			 -EIO);
	assert_int_equal(read_write(d, STORE_READ, 4096, 0, 16384, 4, NULL),
			 -EIO);
	assert_true(store_file_ops.refresh(d->st));
	assert_int_equal(d->st->limits.capacity, 8192);
	assert_int_equal(truncate(d->path, SIZE * 2 + 100), 0);
	assert_true(store_file_ops.refresh(d->st));
	assert_int_equal(d->st->limits.capacity, SIZE * 2);
	assert_false(store_file_ops.refresh(d->st));
}

static void unmapped_guest_memory(void **state)
{
	struct disk *d = *state;

	open_store(d);
	munmap(d->data + 65536, 4096);
	assert_int_equal(read_write(d, STORE_READ, 0, 65536, 4096, 1, NULL),
			 -EFAULT);
}

static void refused(struct disk *d, int err, const char *says)
{
	last_line[0] = '\0';
	d->st = (void *)1;
	assert_int_equal(store_file_ops.open(&d->st, &d->conf), err);
	assert_ptr_equal(d->st, (void *)1);
	d->st = NULL;
	assert_non_null(strstr(last_line, "test:1: blk-file: "));
	if (!strstr(last_line, says))
		fail_msg("\"%s\" does not say \"%s\"", last_line, says);
}

static void bad_files(void **state)
{
	struct disk *d = *state;
	char fifo[128];

	make_file(d, 100);
	refused(d, -EINVAL, "is 100 bytes; a disk is a multiple of 512");
	make_file(d, 0);
	refused(d, -EINVAL, "at least 512");
	make_file(d, 1025);
	refused(d, -EINVAL, "is 1025 bytes");
	d->conf.blk_file = d->dir;
	refused(d, -EISDIR, "is a directory");
	d->conf.blk_file = "/dev/null";
	refused(d, -EINVAL, "neither a file nor a block device");
	d->conf.blk_file = "/nonexistent/image";
	refused(d, -ENOENT, "No such file or directory");
	snprintf(fifo, sizeof(fifo), "%s/fifo", d->dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	d->conf.blk_file = fifo;
	refused(d, -EINVAL, "neither a file nor a block device");
	unlink(fifo);
}

static void one_writer_or_many_readers(void **state)
{
	struct disk *d = *state;
	struct store *second;

	open_store(d);
	assert_int_equal(store_file_ops.open(&second, &d->conf), -EBUSY);
	assert_non_null(strstr(last_line, "another program uses it"));
	d->conf.read_only = true;
	assert_int_equal(store_file_ops.open(&second, &d->conf), -EBUSY);
	assert_non_null(strstr(last_line, "another program writes to it"));
	d->st->ops->close(d->st);

	open_store(d);
	assert_int_equal(store_file_ops.open(&second, &d->conf), 0);
	second->ops->close(second);
	d->conf.read_only = false;
	assert_int_equal(store_file_ops.open(&second, &d->conf), -EBUSY);
}

static void read_only_offers_no_change(void **state)
{
	struct disk *d = *state;

	d->conf.read_only = true;
	open_store(d);
	assert_true(d->st->limits.read_only);
	assert_int_equal(d->st->limits.discard_align, 0);
	assert_int_equal(d->st->limits.write_zeroes_max, 0);
	assert_int_equal(read_write(d, STORE_READ, 0, 0, 4096, 1, NULL), 0);
}

static enum io_engine engine = IO_ENGINE_IO_URING;

static int start_worker(void **state)
{
	const struct worker_conf conf = { .entries = 64 };

	(void)state;
	return worker_create(&worker, &conf) || worker_start(worker, engine);
}

static int stop_worker(void **state)
{
	(void)state;
	worker_destroy(worker);
	return 0;
}

#define ON_DISK(f)	 cmocka_unit_test_setup_teardown(f, setup_disk, teardown)
#define IN_MEMORY(f, name)                                 \
	{                                                  \
		name, f, setup_memory, teardown, NULL      \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_DISK(transfers),
		ON_DISK(misaligned_memory),
		ON_DISK(paths),
		ON_DISK(ranges),
		ON_DISK(zeroes_of_odd_sectors),
		ON_DISK(unmap_frees_and_zeroes_allocate),
		ON_DISK(durable_write_and_flush),
		ON_DISK(durable_on_each_path),
		ON_DISK(durable_zeroes),
		ON_DISK(truncated_image),
		ON_DISK(unmapped_guest_memory),
		ON_DISK(bad_files),
		ON_DISK(one_writer_or_many_readers),
		ON_DISK(read_only_offers_no_change),
		IN_MEMORY(transfers, "transfers_in_memory"),
		IN_MEMORY(misaligned_memory, "misaligned_memory_in_memory"),
		IN_MEMORY(paths_in_memory, "paths_in_memory"),
		IN_MEMORY(paths_of_whole_image, "paths_of_whole_image"),
		IN_MEMORY(truncated_whole_image, "truncated_whole_image"),
		IN_MEMORY(ranges, "ranges_in_memory"),
		IN_MEMORY(zeroes_of_odd_sectors, "zeroes_in_memory"),
		IN_MEMORY(unmap_frees_and_zeroes_allocate, "unmap_in_memory"),
		IN_MEMORY(durable_write_and_flush, "flush_in_memory"),
		IN_MEMORY(nothing_durable_in_memory, "nothing_durable_in_memory"),
		IN_MEMORY(truncated_image, "truncated_image_in_memory"),
		IN_MEMORY(unmapped_guest_memory, "unmapped_memory_in_memory"),
		IN_MEMORY(one_writer_or_many_readers, "lock_in_memory"),
	};

	int failed;

	failed = cmocka_run_group_tests_name("io_uring", tests, start_worker,
					     stop_worker);
	engine = IO_ENGINE_THREADS;
	return failed + cmocka_run_group_tests_name("threads", tests,
						    start_worker, stop_worker);
}
