// SPDX-License-Identifier: GPL-2.0
/*
 * selftest - run all cases, report as KTAP on the console, end the machine
 *
 * There is no user space, so the last initcall does it, in process context,
 * when every driver has probed.  The host follows the console.  Between a
 * "# count" line and the byte that it sends back it reads KVM's counters; the
 * byte is read from the UART's register, as no terminal is open.
 */
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/serial_reg.h>

#include "selftest.h"

/* QEMU's isa-debug-exit: writing N ends QEMU with status 2 * N + 1. */
#define EXIT_PORT	0xf4
#define EXIT_PASSED	1
#define EXIT_FAILED	2

#define UART_PORT	0x3f8
#define HOST_TIMEOUT	(5 * HZ)

unsigned int selftest_queues = 1;
module_param_named(queues, selftest_queues, uint, 0444);
MODULE_PARM_DESC(queues, "queues or queue pairs that each device has");

char *selftest_disk_driver = "pvblk";
module_param_named(disk_driver, selftest_disk_driver, charp, 0444);
MODULE_PARM_DESC(disk_driver, "driver that must have the disk");

char *selftest_nic_driver = "pvnet";
module_param_named(nic_driver, selftest_nic_driver, charp, 0444);
MODULE_PARM_DESC(nic_driver, "driver that must have the NIC");

static bool host_counts;
module_param(host_counts, bool, 0444);
MODULE_PARM_DESC(host_counts, "a host answers each count line with a byte");

int selftest_fail(struct selftest *test, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(test->reason, sizeof(test->reason), fmt, args);
	va_end(args);
	return -EIO;
}

int selftest_skip(struct selftest *test, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(test->reason, sizeof(test->reason), fmt, args);
	va_end(args);
	return 1;
}

static void wait_for_host(void)
{
	unsigned long end = jiffies + HOST_TIMEOUT;

	if (!host_counts)
		return;
	while (!(inb(UART_PORT + UART_LSR) & UART_LSR_DR)) {
		if (time_after(jiffies, end)) {
			pr_err("# the host does not answer\n");
			host_counts = false;
			return;
		}
		msleep(20);
	}
	inb(UART_PORT + UART_RX);
}

void selftest_count_begin(const char *what)
{
	pr_info("# count begin: %s\n", what);
	wait_for_host();
}

void selftest_count_end(const char *what, unsigned int ops)
{
	pr_info("# count end: %s: %u\n", what, ops);
	wait_for_host();
}

/* Whether it may count as passed. */
static bool __init run_case(unsigned int number,
			    const struct selftest_case *test_case)
{
	struct selftest test = { .test_case = test_case };
	int err = test_case->run(&test, test_case->arg);

	if (err < 0)
		pr_info("# %s\n", test.reason);
	if (err > 0)
		pr_info("ok %u %s # SKIP %s\n", number, test_case->name,
			test.reason);
	else
		pr_info("%s %u %s\n", err ? "not ok" : "ok", number,
			test_case->name);
	return err >= 0;
}

static unsigned int __init run_cases(const struct selftest_case *cases,
				     unsigned int num, unsigned int number)
{
	unsigned int failed = 0;

	while (num--)
		failed += !run_case(number++, cases++);
	return failed;
}

static int __init selftest_run(void)
{
	unsigned int failed;

	pr_info("KTAP version 1\n");
	pr_info("1..%u\n", disk_num_cases + nic_num_cases);
	failed = run_cases(disk_cases, disk_num_cases, 1);
	failed += run_cases(nic_cases, nic_num_cases, disk_num_cases + 1);
	outl(failed ? EXIT_FAILED : EXIT_PASSED, EXIT_PORT);
	/* Only where QEMU was not given that device. */
	kernel_restart(NULL);
	return 0;
}
late_initcall_sync(selftest_run);
