// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_command - words to requests, requests checked, every row of the table
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "log.h"

int log_level_parse(const char *name)
{
	return -EINVAL;
}

#define WORDS_MAX 4

/** struct words - a command line, and the request that it makes or the refusal */
struct words {
	const char *command;
	char *words[WORDS_MAX];
	const char *request;
	const char *refused;
};

static const struct words cases[] = {
	{ "status", { NULL }, "{\"command\":\"status\"}", NULL },
	{ "status", { "disk" },
	  "{\"command\":\"status\",\"device\":\"disk\"}", NULL },
	/* A name is free to hold what looks like another argument. */
	{ "status", { "a=b" }, "{\"command\":\"status\",\"device\":\"a=b\"}",
	  NULL },
	{ "status", { "device=disk" },
	  "{\"command\":\"status\",\"device\":\"disk\"}", NULL },
	{ "status", { "disk", "two" }, NULL, "status: two: one argument too many" },
	{ "status", { "\xff" }, NULL, "not UTF-8" },
	{ "version", { "now" }, NULL, "version: now: one argument too many" },
};

static unsigned int count_words(const struct words *c)
{
	unsigned int n;

	for (n = 0; n < WORDS_MAX && c->words[n]; n++)
		;
	return n;
}

static void words_become_requests(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct words *c = &cases[i];
		char text[256] = "", why[128] = "";
		json_t *request;
		int err;

		err = command_request(command_find(c->command), count_words(c),
				      c->words, &request, why, sizeof(why));
		if (!c->request) {
			assert_int_equal(err, -EINVAL);
			if (!strstr(why, c->refused))
				fail_msg("\"%s\" instead of \"%s\"", why,
					 c->refused);
			continue;
		}
		if (err)
			fail_msg("%s: %s", c->request, why);
		json_dumpb(request, text, sizeof(text) - 1, JSON_COMPACT);
		assert_string_equal(text, c->request);
		/* What one end makes the other takes. */
		assert_ptr_equal(command_check(request, why, sizeof(why)),
				 command_find(c->command));
		json_decref(request);
	}
}

/** struct bad - a request that must be refused, and a part of the sentence */
static const struct bad {
	const char *request;
	const char *why;
} bads[] = {
	{ "[]", "want an object" },
	{ "{}", "want an object" },
	{ "{\"command\":1}", "want an object" },
	{ "{\"command\":\"\"}", "unknown command" },
	{ "{\"command\":\"stat\"}", "stat: unknown command" },
	{ "{\"command\":\"status\",\"dev\":\"a\"}", "dev: unknown argument" },
	{ "{\"command\":\"status\",\"device\":1}", "device: must be a string" },
	{ "{\"command\":\"status\",\"device\":null}",
	  "device: must be a string" },
};

static void bad_requests_are_refused(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bads); i++) {
		json_t *request = json_loads(bads[i].request, 0, NULL);
		char why[128] = "";

		assert_non_null(request);
		assert_null(command_check(request, why, sizeof(why)));
		if (!strstr(why, bads[i].why))
			fail_msg("%s: \"%s\"", bads[i].request, why);
		json_decref(request);
	}
}

/* A long name is cut, never overrun. */
static void long_names(void **state)
{
	char text[600], why[64];
	json_t *request;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	request = json_pack("{s:s}", "command", text);
	assert_null(command_check(request, why, sizeof(why)));
	assert_int_equal(strlen(why), sizeof(why) - 1);
	json_decref(request);
}

static void rows_are_complete(void **state)
{
	const struct command_arg *arg;
	char usage[128];
	unsigned int i;

	for (i = 0; i < COMMAND_MAX; i++) {
		assert_non_null(commands[i].name);
		/* Hand-over is between two daemons. */
		assert_int_equal(!commands[i].help, i == COMMAND_HANDOVER);
		assert_ptr_equal(command_find(commands[i].name), &commands[i]);
		command_usage(&commands[i], usage, sizeof(usage));
		assert_memory_equal(usage, commands[i].name,
				    strlen(commands[i].name));
		assert_in_range(strlen(usage), 1, sizeof(usage) - 2);
		for (arg = commands[i].args; arg->name; arg++)
			assert_string_not_equal(arg->name, "command");
	}
	assert_null(command_find("none"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_requests),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(long_names),
		cmocka_unit_test(rows_are_complete),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
