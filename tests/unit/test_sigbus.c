// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_sigbus - memory whose file is cut short under whoever uses it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sigbus.h"

#define PAGE  4096ul
#define PAGES 8ul
#define MAPS  100

/** struct area - a file of PAGES pages, mapped and watched */
struct area {
	int fd;
	u8 *map;
	struct sigbus_mark mark;
};

static void area_open(struct area *a)
{
	/* cmocka puts its own handler in place for each test. */
	assert_int_equal(sigbus_init(), 0);
	memset(a, 0, sizeof(*a));
	a->fd = memfd_create("area", MFD_CLOEXEC);
	assert_true(a->fd >= 0);
	assert_int_equal(ftruncate(a->fd, PAGES * PAGE), 0);
	a->map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      a->fd, 0);
	assert_true(a->map != MAP_FAILED);
	memset(a->map, 0xa5, PAGES * PAGE);
	assert_int_equal(sigbus_watch(a->map, PAGES * PAGE, PAGE, &a->mark), 0);
}

static void area_cut(struct area *a, u64 pages)
{
	assert_int_equal(ftruncate(a->fd, (off_t)(pages * PAGE)), 0);
}

static void area_close(struct area *a)
{
	sigbus_unwatch(a->map);
	munmap(a->map, PAGES * PAGE);
	close(a->fd);
}

static u8 look(const u8 *at)
{
	return *(const volatile u8 *)at;
}

static void pages_are_replaced_one_by_one(void **state)
{
	struct area a;

	area_open(&a);
	assert_int_equal(look(a.map + 5 * PAGE), 0xa5);
	area_cut(&a, 3);
	assert_int_equal(sigbus_faults(&a.mark), 0);
	assert_int_equal(look(a.map + 3 * PAGE + 77), 0);
	assert_int_equal(sigbus_faults(&a.mark), 1);
	assert_ptr_equal(a.mark.addr, a.map + 3 * PAGE + 77);
	/* The same page again is no fault, another is. */
	assert_int_equal(look(a.map + 3 * PAGE), 0);
	assert_int_equal(sigbus_faults(&a.mark), 1);
	a.map[7 * PAGE] = 1;
	assert_int_equal(sigbus_faults(&a.mark), 2);
	/* What was not cut off is the file's still. */
	assert_int_equal(look(a.map + 2 * PAGE), 0xa5);
	area_cut(&a, PAGES);
	assert_int_equal(look(a.map + 5 * PAGE), 0);
	assert_int_equal(sigbus_faults(&a.mark), 2);
	area_close(&a);
}

static void many_mappings(void **state)
{
	static struct area areas[MAPS];
	unsigned int i;

	for (i = 0; i < MAPS; i++)
		area_open(&areas[i]);
	for (i = 0; i < MAPS; i += 3)
		area_close(&areas[i]);
	for (i = 0; i < MAPS; i += 6)
		area_open(&areas[i]);
	for (i = 1; i < MAPS; i += 3) {
		area_cut(&areas[i], 0);
		assert_int_equal(look(areas[i].map), 0);
	}
	for (i = 0; i < MAPS; i++)
		assert_int_equal(areas[i].mark.faults, i % 3 == 1);
	for (i = 0; i < MAPS; i++)
		if (i % 3 || i % 6 == 0)
			area_close(&areas[i]);
}

/* Two mappings with one owner: what one lost goes when it goes. */
static void mark_is_a_sum(void **state)
{
	struct area a, b;

	area_open(&a);
	area_open(&b);
	sigbus_unwatch(b.map);
	assert_int_equal(sigbus_watch(b.map, PAGES * PAGE, PAGE, &a.mark), 0);
	area_cut(&a, 0);
	area_cut(&b, 0);
	look(a.map);
	look(b.map);
	look(b.map + PAGE);
	assert_int_equal(sigbus_faults(&a.mark), 3);
	area_close(&b);
	assert_int_equal(sigbus_faults(&a.mark), 1);
	area_close(&a);
	assert_int_equal(sigbus_faults(&a.mark), 0);
}

/* As in hugetlbfs: what is replaced is a piece of several pages. */
static void large_pieces(void **state)
{
	u8 *room = mmap(NULL, 12 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	u8 *map = (u8 *)(((uintptr_t)room + 4 * PAGE - 1) & ~(4 * PAGE - 1));
	struct area a;

	area_open(&a);
	assert_ptr_equal(mmap(map, PAGES * PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, a.fd, 0), map);
	assert_int_equal(sigbus_watch(map, PAGES * PAGE, 4 * PAGE, &a.mark), 0);
	area_cut(&a, 5);
	assert_int_equal(look(map + 6 * PAGE), 0);
	assert_int_equal(look(map + 5 * PAGE), 0);
	assert_int_equal(look(map + 4 * PAGE), 0);
	assert_int_equal(sigbus_faults(&a.mark), 1);
	assert_int_equal(look(map + 3 * PAGE), 0xa5);
	sigbus_unwatch(map);
	area_close(&a);
	munmap(room, 12 * PAGE);
}

static void *other_thread(void *arg)
{
	struct area *a = arg;
	sigset_t all;

	/* As workers do it. */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	return (void *)(uintptr_t)(look(a->map) + 1);
}

static void on_another_thread(void **state)
{
	struct area a;
	pthread_t thread;
	void *seen;

	area_open(&a);
	area_cut(&a, 0);
	assert_int_equal(pthread_create(&thread, NULL, other_thread, &a), 0);
	pthread_join(thread, &seen);
	assert_int_equal((uintptr_t)seen, 1);
	assert_int_equal(sigbus_faults(&a.mark), 1);
	area_close(&a);
}

/* Others come and go while a thread faults again and again. */
static void *fault_again(void *arg)
{
	struct area a;
	unsigned int i;

	for (i = 0; i < 300; i++) {
		struct sigbus_mark *mark = arg;
		u32 before = sigbus_faults(mark);

		memset(&a, 0, sizeof(a));
		a.fd = memfd_create("own", MFD_CLOEXEC);
		a.map = mmap((void *)0x500000000000, PAGE, PROT_READ,
			     MAP_SHARED | MAP_FIXED, a.fd, 0);
		if (look(a.map) || sigbus_faults(mark) != before + 1)
			return "wrong";
		close(a.fd);
	}
	munmap(a.map, PAGE);
	return NULL;
}

static void beside_changes(void **state)
{
	struct sigbus_mark mark = { 0 };
	pthread_t thread;
	struct area a[3];
	unsigned int i;
	void *wrong;

	assert_int_equal(sigbus_init(), 0);
	assert_int_equal(sigbus_watch((void *)0x500000000000, PAGE, PAGE,
				      &mark), 0);
	assert_int_equal(pthread_create(&thread, NULL, fault_again, &mark), 0);
	for (i = 0; i < 300; i++) {
		area_open(&a[i % 3]);
		if (i % 3 == 2) {
			area_close(&a[0]);
			area_close(&a[1]);
			area_close(&a[2]);
		}
	}
	pthread_join(thread, &wrong);
	assert_null(wrong);
	assert_int_equal(mark.faults, 300);
	sigbus_unwatch((void *)0x500000000000);
}

/* How a process ends that does @what. */
static int end_of(void (*what)(struct area *a))
{
	struct area a;
	int status;
	pid_t pid;

	area_open(&a);
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		what(&a);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	area_close(&a);
	return status;
}

static void touch_unwatched(struct area *a)
{
	sigbus_unwatch(a->map);
	area_cut(a, 0);
	look(a->map);
}

static void touch_watched(struct area *a)
{
	area_cut(a, 0);
	look(a->map);
}

static void sent_by_somebody(struct area *a)
{
	kill(getpid(), SIGBUS);
	look(a->map);
}

static void anything_else_ends_the_process(void **state)
{
	int status;

	assert_int_equal(end_of(touch_watched), 0);
	status = end_of(touch_unwatched);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	status = end_of(sent_by_somebody);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_replaced_one_by_one),
		cmocka_unit_test(many_mappings),
		cmocka_unit_test(mark_is_a_sum),
		cmocka_unit_test(large_pieces),
		cmocka_unit_test(on_another_thread),
		cmocka_unit_test(beside_changes),
		cmocka_unit_test(anything_else_ends_the_process),
	};

	return cmocka_run_group_tests_name("sigbus", tests, NULL, NULL);
}
