/* SPDX-License-Identifier: GPL-2.0 */
/*
 * selftest - tests that a kernel runs on its own devices, without user space
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

/* Whatever a device has not answered by then it never will; jiffies. */
#define SELFTEST_TIMEOUT (30 * HZ)

struct selftest;

/**
 * struct selftest_case - one line of the result
 * @name:	as it is reported
 * @run:	0, or what selftest_fail() or selftest_skip() returned
 * @arg:	for @run
 */
struct selftest_case {
	const char *name;
	int (*run)(struct selftest *test, const void *arg);
	const void *arg;
};

/**
 * struct selftest - a case while it runs
 * @reason: why it failed or was skipped
 */
struct selftest {
	const struct selftest_case *test_case;
	char reason[128];
};

/* What the machine should have, from the kernel's command line. */
extern unsigned int selftest_queues;
extern char *selftest_disk_driver;
extern char *selftest_nic_driver;

extern const struct selftest_case disk_cases[];
extern const unsigned int disk_num_cases;
extern const struct selftest_case nic_cases[];
extern const unsigned int nic_num_cases;

/** selftest_fail() - say why; returns what the case returns */
int __printf(2, 3) selftest_fail(struct selftest *test, const char *fmt, ...);

/** selftest_skip() - the same, for what the device does not offer */
int __printf(2, 3) selftest_skip(struct selftest *test, const char *fmt, ...);

/**
 * selftest_count_begin() - the host takes its counters now
 * selftest_count_end() - and now again
 * @what: of which @ops were done in between
 *
 * Both wait until the host has done so, or a moment where no host listens.
 */
void selftest_count_begin(const char *what);
void selftest_count_end(const char *what, unsigned int ops);

#endif /* SELFTEST_H */
