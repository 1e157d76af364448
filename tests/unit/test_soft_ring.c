// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_soft_ring - a worker's operations, the same on the kernel's io_uring and
 * on ours
 *
 * The kernel's is the reference: each test runs on both engines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define MS 1000000L

static struct worker *w;
static sem_t done;
static bool threads;

static int setup(void **state)
{
	const struct worker_conf conf = {
		.entries = 8,
	};

	sem_init(&done, 0, 0);
	return worker_create(&w, &conf) ||
	       worker_start(w, threads ? IO_ENGINE_THREADS : IO_ENGINE_IO_URING);
}

static int teardown(void **state)
{
	worker_destroy(w);
	sem_destroy(&done);
	return 0;
}

static void wait_done(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	assert_int_equal(sem_timedwait(&done, &until), 0);
}

struct call {
	struct worker_msg msg;
	void (*run)(void *arg);
	void *arg;
};

static void call_run(struct worker *on, struct worker_msg *msg)
{
	struct call *c = container_of(msg, struct call, msg);

	c->run(c->arg);
	sem_post(&done);
}

static void on_worker(void (*run)(void *arg), void *arg)
{
	struct call c = { .msg.run = call_run, .run = run, .arg = arg };

	worker_post(w, &c.msg);
	wait_done();
}

/* Operations, with what came of each; @order numbers the completions. */
struct op {
	struct worker_op op;
	void (*prepare)(struct io_uring_sqe *sqe, struct op *o);
	int fd;
	void *ptr;
	u64 len;
	int res;
	u32 flags;
	unsigned int times;
	unsigned int order;
};

static unsigned int order;

static void op_done(struct worker_op *op, int res, u32 flags)
{
	struct op *o = container_of(op, struct op, op);

	o->res = res;
	o->flags = flags;
	o->times++;
	o->order = ++order;
	sem_post(&done);
}

static void op_start(void *arg)
{
	struct op *o = arg;
	struct io_uring_sqe *sqe = worker_sqe(w);

	o->op.done = op_done;
	o->prepare(sqe, o);
	worker_sqe_bind(sqe, &o->op);
}

static void start(struct op *o)
{
	on_worker(op_start, o);
}

static int run(struct op *o)
{
	start(o);
	wait_done();
	return o->res;
}

static void prep_poll(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_poll_add(sqe, o->fd, (unsigned int)o->len);
}

static void prep_watch(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_poll_multishot(sqe, o->fd, (unsigned int)o->len);
}

static void prep_cancel(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_cancel(sqe, o->ptr, 0);
}

static void prep_timeout(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_timeout(sqe, o->ptr, 0, 0);
}

static void prep_timeout_remove(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_timeout_remove(sqe, (u64)(uintptr_t)o->ptr, 0);
}

static void prep_read(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_read(sqe, o->fd, o->ptr, (unsigned int)o->len, 0);
}

static void prep_read_now(struct io_uring_sqe *sqe, struct op *o)
{
	prep_read(sqe, o);
	sqe->rw_flags = (__force __kernel_rwf_t)RWF_NOWAIT;
}

static void prep_write(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_write(sqe, o->fd, o->ptr, (unsigned int)o->len, 0);
}

static void prep_write_dsync(struct io_uring_sqe *sqe, struct op *o)
{
	prep_write(sqe, o);
	sqe->rw_flags = (__force __kernel_rwf_t)RWF_DSYNC;
}

static void prep_readv(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_readv(sqe, o->fd, o->ptr, (unsigned int)o->len, 0);
}

static void prep_writev(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_writev(sqe, o->fd, o->ptr, (unsigned int)o->len, 0);
}

static void prep_fsync(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_fsync(sqe, o->fd, (unsigned int)o->len);
}

static void prep_punch(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_fallocate(sqe, o->fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				(off_t)o->len);
}

static void prep_unknown(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_nop(sqe);
	sqe->opcode = 255;
}

static void prep_unknown_flag(struct io_uring_sqe *sqe, struct op *o)
{
	io_uring_prep_nop(sqe);
	sqe->flags = 1u << 7;
}

/* A poll's result is a set of events; an error has their bits as well. */
static void assert_polled(int res, int event)
{
	assert_true(res > 0);
	assert_true(res & event);
}

/* An eventfd that nobody reads: each write to it is told of. */
static void watched_eventfd(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	struct op watch = { .prepare = prep_watch, .fd = fd, .len = POLLIN };
	struct op cancel = { .prepare = prep_cancel, .ptr = &watch.op };
	unsigned int i;

	start(&watch);
	for (i = 1; i <= 3; i++) {
		assert_int_equal(eventfd_write(fd, 1), 0);
		wait_done();
		assert_int_equal(watch.times, i);
		assert_polled(watch.res, POLLIN);
		assert_true(watch.flags & IORING_CQE_F_MORE);
	}
	start(&cancel);
	wait_done();
	wait_done();
	assert_int_equal(cancel.res, 0);
	assert_int_equal(watch.res, -ECANCELED);
	assert_false(watch.flags & IORING_CQE_F_MORE);
	assert_int_equal(eventfd_write(fd, 1), 0);
	assert_int_equal(run(&cancel), -ENOENT);
	assert_int_equal(watch.times, 4);
	close(fd);
}

/* One that is readable before it is watched. */
static void watched_too_late(void **state)
{
	int fd = eventfd(1, EFD_NONBLOCK);
	struct op watch = { .prepare = prep_watch, .fd = fd, .len = POLLIN };
	struct op cancel = { .prepare = prep_cancel, .ptr = &watch.op };

	assert_polled(run(&watch), POLLIN);
	start(&cancel);
	wait_done();
	wait_done();
	close(fd);
}

/* One descriptor polled for two things, as a tap is. */
static void polled_both_ways(void **state)
{
	struct op in = { .prepare = prep_poll, .len = POLLIN };
	struct op out = { .prepare = prep_poll, .len = POLLOUT };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	in.fd = fds[0];
	out.fd = fds[0];
	start(&in);
	assert_polled(run(&out), POLLOUT);
	assert_int_equal(in.times, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	wait_done();
	assert_polled(in.res, POLLIN);
	assert_false(in.flags & IORING_CQE_F_MORE);
	assert_int_equal(in.times, 1);
	/* Once is once. */
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_polled(run(&out), POLLOUT);
	assert_int_equal(in.times, 1);
	close(fds[0]);
	close(fds[1]);
}

static void poll_of_nothing(void **state)
{
	struct op poll_op = { .prepare = prep_poll, .fd = -1, .len = POLLIN };

	assert_int_equal(run(&poll_op), -EBADF);
}

static void timeouts_in_order(void **state)
{
	struct __kernel_timespec times[] = { { .tv_nsec = 60 * MS },
					     { .tv_nsec = 20 * MS },
					     { .tv_nsec = 40 * MS } };
	struct op ops[3];
	unsigned int i;

	order = 0;
	for (i = 0; i < 3; i++) {
		ops[i] = (struct op){ .prepare = prep_timeout,
				      .ptr = &times[i] };
		start(&ops[i]);
	}
	for (i = 0; i < 3; i++)
		wait_done();
	for (i = 0; i < 3; i++)
		assert_int_equal(ops[i].res, -ETIME);
	assert_int_equal(ops[1].order, 1);
	assert_int_equal(ops[2].order, 2);
	assert_int_equal(ops[0].order, 3);
}

static void timeout_removed(void **state)
{
	struct __kernel_timespec hour = { .tv_sec = 3600 };
	struct __kernel_timespec soon = { .tv_nsec = 10 * MS };
	struct op late = { .prepare = prep_timeout, .ptr = &hour };
	struct op early = { .prepare = prep_timeout, .ptr = &soon };
	struct op removal = { .prepare = prep_timeout_remove, .ptr = &late.op };

	start(&late);
	assert_int_equal(run(&early), -ETIME);
	start(&removal);
	wait_done();
	wait_done();
	assert_int_equal(removal.res, 0);
	assert_int_equal(late.res, -ECANCELED);
	assert_int_equal(run(&removal), -ENOENT);
}

static int temporary_file(void)
{
	char path[] = "/tmp/pvtest-ring-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void file_operations(void **state)
{
	int fd = temporary_file();
	char text[] = "abcdefgh", got[8], parts[2][4];
	struct iovec iov[2] = { { text + 4, 4 }, { text, 4 } };
	struct iovec into[2] = { { parts[0], 4 }, { parts[1], 4 } };
	struct op write_op = {
		.prepare = prep_write, .fd = fd, .ptr = text, .len = 8
	};
	struct op dsync = {
		.prepare = prep_write_dsync, .fd = fd, .ptr = text, .len = 8
	};
	struct op read_op = {
		.prepare = prep_read, .fd = fd, .ptr = got, .len = 8
	};
	struct op writev_op = {
		.prepare = prep_writev, .fd = fd, .ptr = iov, .len = 2
	};
	struct op readv_op = {
		.prepare = prep_readv, .fd = fd, .ptr = into, .len = 2
	};
	struct op sync = { .prepare = prep_fsync, .fd = fd };
	struct op datasync = { .prepare = prep_fsync,
			       .fd = fd,
			       .len = IORING_FSYNC_DATASYNC };

	assert_int_equal(run(&write_op), 8);
	assert_int_equal(run(&dsync), 8);
	assert_int_equal(run(&read_op), 8);
	assert_memory_equal(got, "abcdefgh", 8);
	assert_int_equal(run(&writev_op), 8);
	assert_int_equal(run(&readv_op), 8);
	assert_memory_equal(parts[0], "efgh", 4);
	assert_memory_equal(parts[1], "abcd", 4);
	assert_int_equal(run(&sync), 0);
	assert_int_equal(run(&datasync), 0);
	close(fd);
}

static void hole_in_a_file(void **state)
{
	int fd = temporary_file();
	char block[4096], got[4096];
	struct op punch = { .prepare = prep_punch, .fd = fd, .len = 4096 };

	memset(block, 'x', sizeof(block));
	assert_int_equal(pwrite(fd, block, 4096, 0), 4096);
	assert_int_equal(pwrite(fd, block, 4096, 4096), 4096);
	assert_int_equal(run(&punch), 0);
	assert_int_equal(pread(fd, got, 4096, 0), 4096);
	memset(block, 0, sizeof(block));
	assert_memory_equal(got, block, 4096);
	assert_int_equal(pread(fd, got, 4096, 4096), 4096);
	assert_int_equal(got[0], 'x');
	close(fd);
}

static void errors_come_back(void **state)
{
	int fd = open("/dev/full", O_RDWR);
	char byte = 0;
	struct op full = {
		.prepare = prep_write, .fd = fd, .ptr = &byte, .len = 1
	};
	struct op none = {
		.prepare = prep_read, .fd = -1, .ptr = &byte, .len = 1
	};
	struct op unknown = { .prepare = prep_unknown };
	struct op flag = { .prepare = prep_unknown_flag };

	assert_int_equal(run(&full), -ENOSPC);
	assert_int_equal(run(&none), -EBADF);
	assert_int_equal(run(&unknown), -EINVAL);
	assert_int_equal(run(&flag), -EINVAL);
	close(fd);
}

/* A descriptor without offsets that does not wait, as a tap's. */
static void non_blocking_descriptor(void **state)
{
	char byte = 'x';
	struct op read_op = { .prepare = prep_read_now,
			      .ptr = &byte,
			      .len = 1 };
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	read_op.fd = fds[0];
	assert_int_equal(run(&read_op), -EAGAIN);
	assert_int_equal(write(fds[1], "y", 1), 1);
	assert_int_equal(run(&read_op), 1);
	assert_int_equal(byte, 'y');
	close(fds[0]);
	close(fds[1]);
}

/* More at a time than both rings have entries, and than there are threads. */
#define MANY 300

static struct op many[MANY];
static char many_buf[MANY][64];

static void start_many(void *arg)
{
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		many[i] = (struct op){ .prepare = prep_read,
				       .len = 64,
				       .fd = *(int *)arg,
				       .ptr = many_buf[i] };
		op_start(&many[i]);
	}
}

static void many_at_a_time(void **state)
{
	int fd = temporary_file();
	char text[64];
	unsigned int i;

	memset(text, 'q', sizeof(text));
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	on_worker(start_many, &fd);
	for (i = 0; i < MANY; i++)
		wait_done();
	for (i = 0; i < MANY; i++) {
		assert_int_equal(many[i].times, 1);
		assert_int_equal(many[i].res, 64);
		assert_memory_equal(many_buf[i], text, 64);
	}
	close(fd);
}

/* More watches that fire at a time than a ring has completions. */
static struct op watches[64];

static void start_watches(void *arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(watches); i++)
		op_start(&watches[i]);
}

static void many_watches_at_a_time(void **state)
{
	struct op cancel = { .prepare = prep_cancel };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(watches); i++)
		watches[i] = (struct op){ .prepare = prep_watch,
					  .len = POLLIN,
					  .fd = eventfd(1, EFD_NONBLOCK) };
	on_worker(start_watches, NULL);
	for (i = 0; i < ARRAY_SIZE(watches); i++)
		wait_done();
	for (i = 0; i < ARRAY_SIZE(watches); i++) {
		bool more = watches[i].flags & IORING_CQE_F_MORE;

		assert_int_equal(watches[i].times, 1);
		/* The kernel ends a watch that finds the ring full. */
		assert_true(more || !threads);
		cancel.ptr = &watches[i].op;
		start(&cancel);
		wait_done();
		if (more)
			wait_done();
		assert_int_equal(cancel.res, more ? 0 : -ENOENT);
		close(watches[i].fd);
	}
}

/* Whatever the daemon prepares is something that the tests above have seen. */
static void no_other_operation_is_used(void **state)
{
	static const char *const known[] = {
		"cancel",	  "fallocate",	    "fsync", "poll_add",
		"poll_multishot", "read",	    "readv", "rw",
		"timeout",	  "timeout_remove", "write", "writev",
	};
	char line[64];
	FILE *f;

	f = popen("cd \"$(dirname '" __FILE__ "')/../../host-backend\" 2>&1 && "
		  "grep -oh 'io_uring_prep_[a-z_]*' *.c | sort -u",
		  "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		const char *name = line + strlen("io_uring_prep_");
		bool found = false;
		size_t i;

		line[strcspn(line, "\n")] = 0;
		for (i = 0; i < ARRAY_SIZE(known); i++)
			found |= !strcmp(known[i], name);
		if (!found)
			fail_msg("soft_ring.c may not know %s", line);
	}
	assert_int_equal(pclose(f), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(watched_eventfd),
		TEST(watched_too_late),
		TEST(polled_both_ways),
		TEST(poll_of_nothing),
		TEST(timeouts_in_order),
		TEST(timeout_removed),
		TEST(file_operations),
		TEST(hole_in_a_file),
		TEST(errors_come_back),
		TEST(non_blocking_descriptor),
		TEST(many_at_a_time),
		TEST(many_watches_at_a_time),
		cmocka_unit_test(no_other_operation_is_used),
	};
	int failed;

	failed = cmocka_run_group_tests_name("io_uring", tests, NULL, NULL);
	threads = true;
	return failed +
	       cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
