// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_worker - posts, tasks, adaptive polling, completions, signals
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

static struct worker *w;
static sem_t done;
static enum io_engine engine = IO_ENGINE_IO_URING;

static int start_worker(u32 poll_max_ns)
{
	const struct worker_conf conf = {
		.poll_max_ns = poll_max_ns,
		.entries = 8,
	};

	sem_init(&done, 0, 0);
	return worker_create(&w, &conf) || worker_start(w, engine);
}

static int setup(void **state)
{
	return start_worker(0);
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

/* Runs @run on the worker, and returns when it has. */
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

/* A task that has @work units to do, and notes what is asked of it. */
struct job {
	struct worker_task task;
	unsigned int work;
	unsigned int runs;
	unsigned int arms;
	unsigned int disarms;
	bool work_at_arm;
};

static unsigned int job_run(struct worker_task *task)
{
	struct job *j = container_of(task, struct job, task);

	j->runs++;
	if (!j->work)
		return 0;
	j->work--;
	return 1;
}

static bool job_arm(struct worker_task *task)
{
	struct job *j = container_of(task, struct job, task);

	j->arms++;
	if (j->work_at_arm) {
		j->work_at_arm = false;
		j->work = 1;
		return true;
	}
	sem_post(&done);
	return false;
}

static void job_disarm(struct worker_task *task)
{
	container_of(task, struct job, task)->disarms++;
}

static struct job job_new(unsigned int work)
{
	return (struct job){
		.task = { .run = job_run, .arm = job_arm,
			  .disarm = job_disarm },
		.work = work,
	};
}

static void add_job(void *arg)
{
	struct worker_task *task = &((struct job *)arg)->task;

	worker_task_add(w, task);
	worker_task_wake(w, task);
}

static void wake_job(void *arg)
{
	worker_task_wake(w, &((struct job *)arg)->task);
}

static void del_job(void *arg)
{
	worker_task_del(w, &((struct job *)arg)->task);
}

static void task_works_then_sleeps(void **state)
{
	struct job j = job_new(5);
	struct worker_stats before;

	on_worker(add_job, &j);
	wait_done();
	assert_int_equal(j.runs, 6);
	assert_int_equal(j.disarms, 1);
	assert_int_equal(j.arms, 1);
	/* Armed: nothing runs, no turn is made. */
	usleep(20000);
	before = *worker_stats(w);
	usleep(50000);
	assert_int_equal(worker_stats(w)->turns, before.turns);
	assert_int_equal(j.runs, 6);

	j.work = 2;
	on_worker(wake_job, &j);
	wait_done();
	assert_int_equal(j.runs, 9);
	assert_int_equal(j.disarms, 2);
	on_worker(del_job, &j);
}

static void work_that_races_with_arm(void **state)
{
	struct job j = job_new(0);

	j.work_at_arm = true;
	on_worker(add_job, &j);
	wait_done();
	assert_int_equal(j.arms, 2);
	assert_int_equal(j.runs, 3);
	assert_int_equal(j.disarms, 1);
	on_worker(del_job, &j);
}

static void deleted_task_does_not_run(void **state)
{
	struct job j = job_new(0);
	unsigned int runs;

	on_worker(add_job, &j);
	wait_done();
	on_worker(del_job, &j);
	runs = j.runs;
	usleep(20000);
	assert_int_equal(j.runs, runs);
}

/*
 * The policy is test_window.c's.  Here: a worker that looks for work notices
 * that it did not run, made so by a signal that takes its time.
 */
static pthread_t looker;

static void take_the_cpu(int sig)
{
	usleep(5000);
}

static void look_for_long(void *arg)
{
	struct job *j = arg;

	looker = pthread_self();
	worker_task_wake(w, &j->task);
	j->task.window.length_ns = 4000000000;
}

static void cpu_taken_while_looking(void **state)
{
	struct job j = job_new(0);

	teardown(NULL);
	signal(SIGBUS, take_the_cpu);
	assert_int_equal(start_worker(4000000000), 0);
	on_worker(add_job, &j);
	wait_done();
	on_worker(look_for_long, &j);
	pthread_kill(looker, SIGBUS);
	wait_done();
	on_worker(del_job, &j);
	assert_true(worker_stats(w)->stolen > 0);
	assert_int_equal(j.task.window.length_ns, 0);
	assert_int_equal(j.task.window.closed_for, WINDOW_CLOSED_FOR);
}

/* Work that always comes when we have just given up is not waited for. */
static void polling_in_vain(void **state)
{
	struct job j = job_new(0);
	unsigned int i, without = 0;

	teardown(NULL);
	/* Whatever the machine, no work seems to come late. */
	assert_int_equal(start_worker(4000000000), 0);
	on_worker(add_job, &j);
	wait_done();
	for (i = 0; i < 200; i++) {
		j.work = 1;
		on_worker(wake_job, &j);
		wait_done();
		without += !j.task.window.length_ns;
	}
	assert_true(without > 150);
	on_worker(del_job, &j);
}

struct completion {
	struct worker_op op;
	int res;
	unsigned int times;
};

static void completion_done(struct worker_op *op, int res, u32 flags)
{
	struct completion *c = container_of(op, struct completion, op);

	c->res = res;
	c->times++;
	sem_post(&done);
}

static bool completed_inside;

static void complete_now(void *arg)
{
	struct completion *c = arg;

	worker_op_complete(w, &c->op, -5);
	completed_inside = c->times;
}

static void completion_without_io(void **state)
{
	struct completion c = { .op.done = completion_done };

	on_worker(complete_now, &c);
	wait_done();
	assert_false(completed_inside);
	assert_int_equal(c.times, 1);
	assert_int_equal(c.res, -5);
}

#define NOPS 100

static struct completion nops[NOPS];

static void many_nops(void *arg)
{
	unsigned int i;

	for (i = 0; i < NOPS; i++) {
		struct io_uring_sqe *sqe = worker_sqe(w);

		nops[i] = (struct completion){ .op.done = completion_done };
		io_uring_prep_nop(sqe);
		worker_sqe_bind(sqe, &nops[i].op);
	}
}

/* More in one turn than the ring has entries. */
static void ring_overflow(void **state)
{
	unsigned int i;

	on_worker(many_nops, NULL);
	for (i = 0; i < NOPS; i++)
		wait_done();
	for (i = 0; i < NOPS; i++)
		assert_int_equal(nops[i].times, 1);
	assert_true(worker_stats(w)->overflow_submits > 0);
}

static void signal_fd(void *arg)
{
	worker_signal(w, *(int *)arg);
}

static void signal_arrives(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	eventfd_t value;

	on_worker(signal_fd, &fd);
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(eventfd_read(fd, &value), 0);
	assert_int_equal(value, 1);

	/* A full counter holds nobody up. */
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	on_worker(signal_fd, &fd);
	on_worker(signal_fd, &fd);
	assert_int_equal(eventfd_read(fd, &value), 0);
	assert_true(value == UINT64_MAX - 1);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(task_works_then_sleeps),
		TEST(work_that_races_with_arm),
		TEST(deleted_task_does_not_run),
		TEST(cpu_taken_while_looking),
		TEST(polling_in_vain),
		TEST(completion_without_io),
		TEST(ring_overflow),
		TEST(signal_arrives),
	};

	int failed;

	failed = cmocka_run_group_tests_name("io_uring", tests, NULL, NULL);
	engine = IO_ENGINE_THREADS;
	return failed + cmocka_run_group_tests_name("threads", tests, NULL,
						    NULL);
}
