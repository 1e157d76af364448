// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_sandbox - a running daemon is locked in, every thread of it
 *
 * What the lock is worth is tests/unit/test_sandbox.c's; that it does not get in
 * the way is shown by all other tests here, which run with it.
 */
#include "fixture.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct daemon d;

/* A line of /proc/PID/task/TID/status, as a number. */
static unsigned long long status_of(const char *tid, const char *key, int base)
{
	char path[PATH_MAX], line[256];
	unsigned long long value = ULLONG_MAX;
	size_t len = strlen(key);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", d.pid, tid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ':')
			value = strtoull(line + len + 1, NULL, base);
	fclose(f);
	return value;
}

/* Returns how many threads were looked at. */
static unsigned int threads_check(bool locked)
{
	unsigned int count = 0;
	struct dirent *e;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", d.pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		count++;
		assert_int_equal(status_of(e->d_name, "Seccomp", 10),
				 locked ? 2 : 0);
		assert_int_equal(status_of(e->d_name, "NoNewPrivs", 10),
				 locked);
		if (!locked)
			continue;
		assert_int_equal(status_of(e->d_name, "CapEff", 16), 0);
		assert_int_equal(status_of(e->d_name, "CapPrm", 16), 0);
		assert_int_equal(status_of(e->d_name, "CapInh", 16), 0);
		assert_int_equal(status_of(e->d_name, "CapAmb", 16), 0);
	}
	closedir(dir);
	return count;
}

static void start(const char *sandbox)
{
	const char *const args[] = { "blk",
				     "--socket-path",
				     daemon_path(&d, "s"),
				     "--store=null",
				     "--size=1M",
				     "--workers=3",
				     "--log-level=info",
				     sandbox,
				     NULL };

	assert_int_equal(daemon_start(&d, args), 0);
	if (daemon_wait_socket(&d, daemon_path(&d, "s")))
		fail_msg("did not start: %s", daemon_log_text(&d));
}

/* "ready" comes after the lock, the socket before. */
static void wait_ready(void)
{
	unsigned int ms;

	for (ms = 0; ms < 5000; ms++) {
		if (strstr(daemon_log_text(&d), "ready"))
			return;
		usleep(1000);
	}
	fail_msg("never ready: %s", daemon_log_text(&d));
}

static void stop(void)
{
	int status = daemon_stop(&d, SIGTERM, 5000);

	if (status)
		fail_msg("status 0x%x: %s", (unsigned int)status,
			 daemon_log_text(&d));
}

static void on_by_default(void **state)
{
	(void)state;
	start(NULL);
	wait_ready();
	assert_int_equal(threads_check(true), 4);
	assert_non_null(strstr(daemon_log_text(&d), "sandbox: "));
	stop();
	/* What Landlock still allows. */
	assert_int_not_equal(access(daemon_path(&d, "s"), F_OK), 0);
}

static void off(void **state)
{
	(void)state;
	start("--sandbox=off");
	wait_ready();
	assert_int_equal(threads_check(false), 4);
	stop();
}

static int setup(void **state)
{
	(void)state;
	return daemon_dir(&d);
}

static int teardown(void **state)
{
	(void)state;
	daemon_remove(&d);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_by_default),
		cmocka_unit_test(off),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sandbox", tests, setup, teardown);
}
