// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_conf - good configurations, and the one line for each bad one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "conf_table.h"
#include "log.h"

#define ARGS_MAX 12

/* log.c's part, kept to be looked at. */
static char logged[2048];
static unsigned int lines;

void log_msg(int level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
	lines++;
}

int log_level_parse(const char *name)
{
	return strcmp(name, "debug") ? -EINVAL : LOG_DEBUG;
}

static char path[] = "/tmp/test_conf.XXXXXX";

static int group_setup(void **state)
{
	int fd = mkstemp(path);

	close(fd);
	return fd < 0;
}

static int group_teardown(void **state)
{
	return unlink(path);
}

static int load(struct conf *conf, const char *const *args)
{
	char *argv[ARGS_MAX + 2] = { "/usr/bin/pvbackend" };
	int argc = 1;

	while (*args)
		argv[argc++] = (char *)*args++;
	lines = 0;
	logged[0] = '\0';
	return conf_load(conf, argc, argv);
}

#define LOAD(conf, ...) load(conf, (const char *const[]){ __VA_ARGS__, NULL })

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int load_file(struct conf *conf, const char *text)
{
	write_file(text);
	return LOAD(conf, "run", "--config", path);
}

static void one_disk(void **state)
{
	struct conf conf;

	assert_int_equal(LOAD(&conf, "blk", "--socket-path=/run/a.sock",
			      "--blk-file", "/disk", "--read-only",
			      "--num-queues=4", "--direct=no", "--serial=s1",
			      "--workers=3", "--log-level=debug"), 0);
	assert_int_equal(conf.num_devices, 1);
	assert_int_equal(conf.devices[0].type, CONF_BLK);
	assert_string_equal(conf.devices[0].name, "blk");
	assert_string_equal(conf.devices[0].socket_path, "/run/a.sock");
	assert_string_equal(conf.devices[0].blk_file, "/disk");
	assert_string_equal(conf.devices[0].store, "file");
	assert_string_equal(conf.devices[0].serial, "s1");
	assert_int_equal(conf.devices[0].num_queues, 4);
	assert_true(conf.devices[0].read_only);
	assert_false(conf.devices[0].direct);
	assert_int_equal(conf.num_workers, 3);
	assert_int_equal(conf.log_level, LOG_DEBUG);
	assert_int_equal(lines, 0);
	conf_free(&conf);
}

static void one_nic(void **state)
{
	static const u8 mac[] = { 0x52, 0x54, 0, 0x12, 0xab, 0xff };
	struct conf conf;

	assert_int_equal(LOAD(&conf, "net", "--socket-path=/run/n.sock",
			      "--tap=tap0", "--mac=52:54:00:12:aB:ff"), 0);
	assert_int_equal(conf.devices[0].type, CONF_NET);
	assert_string_equal(conf.devices[0].tap, "tap0");
	assert_string_equal(conf.devices[0].port, "tap");
	assert_int_equal(conf.devices[0].num_queues, 1);
	assert_memory_equal(conf.devices[0].mac, mac, sizeof(mac));
	conf_free(&conf);
}

static void null_disk_with_units(void **state)
{
	struct conf conf;

	assert_int_equal(LOAD(&conf, "blk", "--socket-path=/s", "--store=null",
			      "--size=3G"), 0);
	assert_true(conf.devices[0].size == 3ull << 30);
	conf_free(&conf);
}

static void command_in_the_name(void **state)
{
	char *argv[] = { "/opt/x-net/pvbackend-blk", "--socket-path=/s",
			 "--blk-file=/d", NULL };
	struct conf conf;

	assert_int_equal(conf_load(&conf, 3, argv), 0);
	assert_int_equal(conf.devices[0].type, CONF_BLK);
	conf_free(&conf);
}

static void several_from_file(void **state)
{
	struct conf conf;

	assert_int_equal(load_file(&conf,
				   "# comment\n"
				   "; another\n"
				   "\n"
				   "[daemon]\n"
				   "  poll-max-us = 7\r\n"
				   "[blk root]\n"
				   "socket-path=/run/a b.sock\n"
				   "blk-file = /images/a;b.img\n"
				   "read-only = yes\n"
				   "[net wan 1]\n"
				   "socket-path = /run/n.sock\n"
				   "tap = tap0"), 0);
	assert_int_equal(conf.poll_max_us, 7);
	assert_int_equal(conf.num_devices, 2);
	assert_string_equal(conf.devices[0].name, "root");
	assert_string_equal(conf.devices[0].socket_path, "/run/a b.sock");
	assert_string_equal(conf.devices[0].blk_file, "/images/a;b.img");
	assert_true(conf.devices[0].read_only);
	assert_string_equal(conf.devices[1].name, "wan 1");
	assert_string_equal(conf.devices[1].place.file, path);
	assert_int_equal(conf.devices[1].place.line, 10);
	conf_free(&conf);
}

static void long_values(void **state)
{
	char text[4200] = "[blk a]\nsocket-path = /s\nblk-file = /";
	struct conf conf;

	memset(text + strlen(text), 'x', 3000);
	assert_int_equal(load_file(&conf, text), 0);
	assert_int_equal(strlen(conf.devices[0].blk_file), 3001);
	conf_free(&conf);
}

/* Of several devices one after the other, and what stands around them. */
static void indented_and_empty(void **state)
{
	struct conf conf;

	assert_int_equal(load_file(&conf,
				   "\xef\xbb\xbf[daemon]\n"
				   " [ blk  a b ]\t\n"
				   "\tsocket-path = /s\n"
				   "    blk-file = /d\n"
				   "\n"
				   "    # a comment\n"
				   "      num-queues = 2\n"), 0);
	assert_int_equal(conf.num_devices, 1);
	assert_string_equal(conf.devices[0].name, "a b");
	assert_string_equal(conf.devices[0].socket_path, "/s");
	assert_string_equal(conf.devices[0].blk_file, "/d");
	assert_int_equal(conf.devices[0].num_queues, 2);
	conf_free(&conf);
}

/* One line each, and the words that it must have in it. */
static void bad(int ret, const char *a, const char *b, const char *c)
{
	assert_int_equal(ret, -EINVAL);
	assert_int_equal(lines, 1);
	if (!strstr(logged, a) || !strstr(logged, b) || !strstr(logged, c))
		fail_msg("\"%s\" lacks one of \"%s\", \"%s\", \"%s\"", logged,
			 a, b, c);
}

static void bad_command_lines(void **state)
{
	const char *const s = "--socket-path=/s";
	struct conf c;

	bad(LOAD(&c, "disk", s), "disk", "blk", "net");
	bad(LOAD(&c, "blkk", s), "blkk", "did you mean blk?", "");
	bad(LOAD(&c, "blk", s), "--blk-file: is", "missing", "");
	bad(LOAD(&c, "blk", "--blk-file=/d"), "--socket-path", "missing", "");
	bad(LOAD(&c, "blk", s, "--store=null"), "size", "missing", "");
	bad(LOAD(&c, "net", s), "tap", "missing", "");
	bad(LOAD(&c, "blk", s, "--blk-fil=/d"), "--blk-fil", "did you mean",
	    "--blk-file");
	bad(LOAD(&c, "blk", s, "--frobnicate=1"), "--frobnicate", "unknown",
	    "--help");
	bad(LOAD(&c, "blk", s, "--tap=t"), "--tap", "belongs to", "net");
	bad(LOAD(&c, "blk", s, "/d"), "/d", "want options", "");
	bad(LOAD(&c, "blk", s, "--blk-file"), "--blk-file", "missing", "");
	bad(LOAD(&c, "run"), "--config", "missing", "");
	bad(LOAD(&c, "run", "--confg=x"), "--confg", "did you mean", "--config");
	bad(LOAD(&c, "blk", s, "--config=x"), "--config", "belongs to", "");
	bad(LOAD(&c, "blk", s, "--store=nul"), "--store=nul",
	    "must be file", "or rbd");
	bad(LOAD(&c, "net", s, "--port=tape"), "--port=tape",
	    "must be tap or echo", "");
	bad(LOAD(&c, "run", "--config=/nowhere/x"), "/nowhere/x", "No such",
	    "");
	bad(LOAD(&c, "run", "--config=/tmp"), "/tmp", "directory", "");
}

static void bad_values(void **state)
{
	static const struct {
		const char *option;
		const char *want;
	} rows[] = {
		{ "--num-queues=0", "1 to 128" },
		{ "--num-queues=129", "1 to 128" },
		{ "--num-queues=-1", "1 to 128" },
		{ "--num-queues=", "1 to 128" },
		{ "--num-queues=4x", "1 to 128" },
		{ "--num-queues=4K", "1 to 128" },
		{ "--num-queues=99999999999999999999", "1 to 128" },
		{ "--num-queues=4294967297", "1 to 128" },
		{ "--queue-size=100", "power of 2" },
		{ "--queue-size=65536", "4 to 32768" },
		{ "--block-size=513", "4096" },
		{ "--block-size=1536", "4096" },
		{ "--block-size=8192", "4096" },
		{ "--size=511", "512" },
		{ "--size=1X", "K, M, G or T" },
		{ "--size=1KK", "K, M, G or T" },
		{ "--size=99999999T", "K, M, G or T" },
		{ "--read-only=maybe", "yes or no" },
		{ "--serial=123456789012345678901", "21 characters" },
		{ "--blk-file=", "1 to" },
		{ "--workers=257", "1 to 256" },
		{ "--poll-max-us=10001", "0 to 10000" },
		{ "--log-level=loud", "debug" },
		{ "--store=tape", "must be file" },
	};
	unsigned int i;
	struct conf c;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bool file = !strncmp(rows[i].option, "--blk-file", 10);

		bad(LOAD(&c, "blk", "--socket-path=/s", rows[i].option,
			 file ? "--workers=1" : "--blk-file=/d"),
		    "command line: ", rows[i].option, rows[i].want);
	}
}

static void bad_macs(void **state)
{
	static const char *const macs[] = {
		"--mac=", "--mac=52:54:00:12:34", "--mac=52:54:00:12:34:5",
		"--mac=52:54:00:12:34:567", "--mac=52-54-00-12-34-56",
		"--mac=53:54:00:12:34:56", "--mac=gg:54:00:12:34:56",
	};
	unsigned int i;
	struct conf c;

	for (i = 0; i < ARRAY_SIZE(macs); i++)
		bad(LOAD(&c, "net", "--socket-path=/s", "--tap=t", macs[i]),
		    "mac", "six hex bytes", "");
}

static void socket_path_length(void **state)
{
	char arg[160] = "--socket-path=/";
	struct conf c;

	memset(arg + strlen(arg), 'x', 106);
	assert_int_equal(LOAD(&c, "blk", arg, "--blk-file=/d"), 0);
	conf_free(&c);
	strcat(arg, "x");
	bad(LOAD(&c, "blk", arg, "--blk-file=/d"), "socket-path", "108 char",
	    "107");
}

static void bad_files(void **state)
{
	struct conf c;

	bad(load_file(&c, ""), path, "no device", "");
	bad(load_file(&c, "size = 3\n"), ":1", "size", "before any section");
	bad(load_file(&c, "[blk a]\nnonsense\n"), ":2", "nonsense",
	    "key = value");
	bad(load_file(&c, "[blk a\n"), ":1", "[blk a", "key = value");
	bad(load_file(&c, "[blk a] x\n"), ":1", "[blk a] x", "key = value");
	bad(load_file(&c, "[blk a] ; x\n"), ":1", "[blk a] ; x", "comments");
	bad(load_file(&c, "[blk a]\n= 3\n"), ":2", "= 3", "key = value");
	bad(load_file(&c, "[blk a]\nnonsense\n[blk b]\nx=1\n"), ":2",
	    "nonsense", "key = value");
	bad(load_file(&c, "[blk a]\nblk-file = /a ;b\n"), ":2",
	    "blk-file = /a ;b", "comments");
	bad(load_file(&c, "[blq a]\n"), ":1", "[blq a]", "did you mean blk?");
	bad(load_file(&c, "[blk]\n"), ":1", "[blk]", "[blk NAME]");
	bad(load_file(&c, "[disk a]\n"), ":1", "[disk a]", "[blk NAME]");
	bad(load_file(&c, "[]\n"), ":1", "[]", "[blk NAME]");
	bad(load_file(&c, "[blk a]\n"), ":1", "socket-path", "missing");
	bad(load_file(&c, "\n[blk a]\nsocket-pth = /s\n"), ":3", "socket-pth",
	    "did you mean socket-path");
	bad(load_file(&c, "[blk a]\nworkers = 2\n"), ":2", "workers",
	    "[daemon]");
	bad(load_file(&c, "[blk a]\nhelp = 2\n"), ":2", "help",
	    "the command line");
	bad(load_file(&c, "[blk a]\nsocket-path=/s\nblk-file=/d\n"
			  "queue-size = 100\n"), ":4: queue-size=100",
	    "power of 2", "");
	bad(load_file(&c, "[blk a]\nread-only\n"), ":2", "read-only",
	    "key = value");
	bad(load_file(&c, "[blk a]\nnum-queues = many\n"), ":2",
	    "num-queues=many", "1 to 128");
}

static void twins(void **state)
{
	struct conf c;

	bad(load_file(&c, "[blk a]\nsocket-path=/1\nblk-file=/d\n"
			  "[blk a]\nsocket-path=/2\nblk-file=/d\n"),
	    ":4", "name a", ":1 has it");
	bad(load_file(&c, "[blk a]\nsocket-path=/1\nblk-file=/d\n"
			  "[blk b]\nsocket-path=/1\nblk-file=/d\n"),
	    ":5: socket-path=/1", ":2 has it", "");
}

static void given_twice(void **state)
{
	const char *const s = "--socket-path=/s";
	struct conf c;

	bad(LOAD(&c, "blk", s, "--blk-file=/1", "--blk-file", "/2"),
	    "command line: --blk-file: given twice",
	    "command line has it as --blk-file=/1", "");
	bad(LOAD(&c, "blk", s, "--read-only", "--read-only=no"),
	    "--read-only: given twice", "--read-only=yes", "");
	bad(LOAD(&c, "run", "--config=/1", "--config=/2"),
	    "--config: given twice", "--config=/1", "");
	bad(load_file(&c, "[blk a]\nsocket-path=/1\nblk-file=/d\n"
			  "# far away\nsocket-path=/2\n"),
	    ":5: socket-path: given twice", ":2 has it as socket-path=/1", "");
	bad(load_file(&c, "[daemon]\nworkers=1\n[blk a]\nsocket-path=/1\n"
			  "blk-file=/d\n[daemon]\nworkers=2\n"),
	    ":7: workers: given twice", ":2 has it as workers=1", "");
	write_file("[daemon]\nworkers=1\n");
	bad(LOAD(&c, "run", "--workers=2", "--config", path),
	    ":2: workers: given twice", "command line has it as --workers=2",
	    "");
}

/* What inih would cut is refused, and one byte less is whole. */
static void long_lines(void **state)
{
	static const char head[] = "[blk a]\nsocket-path = /s\nblk-file = /";
	char text[6000];
	struct conf c;
	size_t n;

	strcpy(text, head);
	n = strlen(text);
	memset(text + n, 'x', 5000);
	strcpy(text + n + 5000, "\nread-only = yes\n");
	bad(load_file(&c, text), ":3", "blk-file", "a line of more than");

	strcpy(text, "[blk 45------------------------------------------x]\n"
		     "socket-path=/s\nblk-file=/d\n");
	assert_int_equal(load_file(&c, text), 0);
	assert_int_equal(strlen(c.devices[0].name), 45);
	assert_int_equal(c.devices[0].name[44], 'x');
	conf_free(&c);
	bad(load_file(&c, "[blk 46-------------------------------------------x]"),
	    ":1", "[blk 46", "at most 49");
}

static void zero_byte(void **state)
{
	FILE *f = fopen(path, "w");
	struct conf c;

	assert_non_null(f);
	assert_int_equal(fwrite("[blk a]\nblk-\0file=/d\n", 1, 22, f), 22);
	assert_int_equal(fclose(f), 0);
	bad(LOAD(&c, "run", "--config", path), ":2", "blk-", "zero byte");
}

static void printed_instead(void **state)
{
	int out = dup(STDOUT_FILENO);
	struct conf c;

	fflush(stdout);
	assert_non_null(freopen("/dev/null", "w", stdout));
	assert_int_equal(LOAD(&c, "--help"), 1);
	assert_int_equal(LOAD(&c, "blk", "--version"), 1);
	assert_int_equal(LOAD(&c, "blk", "--print-capabilities"), 1);
	assert_int_equal(LOAD(&c, "net", "--tap", "--nonsense",
			      "--print-capabilities"), 1);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	assert_int_equal(lines, 0);
	bad(LOAD(&c, "run", "--print-capabilities"), "--print-capabilities",
	    "belongs to", "");
}

static void check_only(void **state)
{
	struct conf c;

	write_file("[blk a]\nsocket-path=/1\nblk-file=/d\n");
	assert_int_equal(LOAD(&c, "run", "--check-config", "--config", path),
			 0);
	assert_true(c.check_only);
	conf_free(&c);
}

/* No two options of one section share a name, and each sets something. */
static void table_is_sound(void **state)
{
	unsigned int i, j;

	for (i = 0; i < conf_num_options; i++) {
		assert_true(conf_options[i].scopes);
		assert_true(strlen(conf_options[i].help) > 5);
		for (j = 0; j < i; j++)
			assert_string_not_equal(conf_options[i].name,
						conf_options[j].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_disk),
		cmocka_unit_test(one_nic),
		cmocka_unit_test(null_disk_with_units),
		cmocka_unit_test(command_in_the_name),
		cmocka_unit_test(several_from_file),
		cmocka_unit_test(long_values),
		cmocka_unit_test(bad_command_lines),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(bad_macs),
		cmocka_unit_test(socket_path_length),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(twins),
		cmocka_unit_test(given_twice),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(zero_byte),
		cmocka_unit_test(indented_and_empty),
		cmocka_unit_test(printed_instead),
		cmocka_unit_test(check_only),
		cmocka_unit_test(table_is_sound),
	};

	return cmocka_run_group_tests_name("conf", tests, group_setup,
					   group_teardown);
}
