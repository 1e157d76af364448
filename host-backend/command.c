// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * command - what a running daemon can be asked: names, arguments, help: PURE
 */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf_table.h"

#define DEVICE                                 \
	{                                      \
		.name = "device", .kind = COMMAND_TEXT \
	}

#define DEVICE_REQUIRED                                \
	{                                              \
		.name = "device", .kind = COMMAND_TEXT, \
		.required = true                       \
	}

#define RATE(key)                                             \
	{                                                     \
		.name = key, .kind = COMMAND_RATE, .named = true \
	}

const struct command commands[COMMAND_MAX] = {
	[COMMAND_STATUS] = {
		.name = "status",
		.help = "devices, their connections and queues",
		.args = { DEVICE },
	},
	[COMMAND_STATS] = {
		.name = "stats",
		.help = "counters",
		.args = { DEVICE },
	},
	[COMMAND_RESIZE] = {
		.name = "resize",
		.changes = true,
		.help = "tell the guest a disk's size anew, after growing its file to SIZE",
		.args = { DEVICE_REQUIRED,
			  { .name = "size", .kind = COMMAND_SIZE } },
	},
	[COMMAND_THROTTLE] = {
		.name = "throttle",
		.changes = true,
		.help = "limit I/Os and bytes a second, none: unlimited; without any, show the limits",
		.args = { DEVICE_REQUIRED, RATE("iops"), RATE("bps"),
			  RATE("iops-burst"), RATE("bps-burst") },
	},
	[COMMAND_VERSION] = {
		.name = "version",
		.help = "the running daemon's version and process id",
	},
	[COMMAND_HANDOVER] = {
		.name = "handover",
		.changes = true,
		.args = { { .name = "version", .kind = COMMAND_SIZE,
			    .required = true } },
	},
};

const struct command *command_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < COMMAND_MAX; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static const struct command_arg *arg_find(const struct command *cmd,
					  const char *name, size_t len)
{
	const struct command_arg *arg;

	for (arg = cmd->args; arg->name; arg++)
		if (strlen(arg->name) == len && !strncmp(arg->name, name, len))
			return arg;
	return NULL;
}

/* As snprintf(), further into a buffer that may be full already. */
__attribute__((format(printf, 4, 5))) static void
append(char *buf, size_t size, size_t *used, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf + *used, size - *used, fmt, args);
	va_end(args);
	if (n > 0)
		*used = min(*used + (size_t)n, size - 1);
}

/* "DEVICE", or "iops=N" for one that is written with its name */
static void arg_usage(const struct command_arg *arg, char *buf, size_t size)
{
	size_t used = 0;
	const char *c;

	if (arg->named) {
		append(buf, size, &used, "%s=N", arg->name);
		return;
	}
	for (c = arg->name; *c; c++)
		append(buf, size, &used, "%c", toupper(*c));
}

void command_usage(const struct command *cmd, char *buf, size_t size)
{
	const struct command_arg *arg;
	size_t used = 0;
	char text[32];

	append(buf, size, &used, "%s", cmd->name);
	for (arg = cmd->args; arg->name; arg++) {
		arg_usage(arg, text, sizeof(text));
		append(buf, size, &used, arg->required ? " %s" : " [%s]", text);
	}
}

/* Words to a request */

static int value_make(const struct command_arg *arg, const char *text,
		      json_t **out, char *why, size_t size)
{
	u64 number = 0;

	if (arg->kind == COMMAND_TEXT) {
		*out = json_string(text);
		if (*out)
			return 0;
		snprintf(why, size, "%s=%s: not UTF-8", arg->name, text);
		return -EINVAL;
	}
	if ((arg->kind != COMMAND_RATE || strcmp(text, "none")) &&
	    (conf_parse_number(text, &number, true) || number > INT64_MAX)) {
		snprintf(why, size,
			 "%s=%s: must be a number, K, M, G or T may follow%s",
			 arg->name, text,
			 arg->kind == COMMAND_RATE ? ", or none" : "");
		return -EINVAL;
	}
	*out = json_integer((json_int_t)number);
	return *out ? 0 : -ENOMEM;
}

/* The argument that a word is for, and where its value begins; or NULL */
static const struct command_arg *word_arg(const struct command *cmd,
					  const json_t *request,
					  const char *word, const char **value)
{
	const char *equals = strchr(word, '=');
	const struct command_arg *arg;

	if (equals) {
		*value = equals + 1;
		arg = arg_find(cmd, word, (size_t)(equals - word));
		if (arg)
			return arg;
	}
	*value = word;
	for (arg = cmd->args; arg->name; arg++)
		if (!arg->named && !json_object_get(request, arg->name))
			return arg;
	return NULL;
}

static int word_add(const struct command *cmd, json_t *request,
		    const char *word, char *why, size_t size)
{
	const struct command_arg *arg;
	const char *text;
	json_t *value;
	int err;

	arg = word_arg(cmd, request, word, &text);
	if (!arg || json_object_get(request, arg->name)) {
		snprintf(why, size, "%s: %s: %s", cmd->name, word,
			 arg ? "given twice" : "one argument too many");
		return -EINVAL;
	}
	err = value_make(arg, text, &value, why, size);
	if (err)
		return err;
	return json_object_set_new(request, arg->name, value) ? -ENOMEM : 0;
}

static int required_check(const struct command *cmd, const json_t *request,
			  char *why, size_t size)
{
	const struct command_arg *arg;

	for (arg = cmd->args; arg->name; arg++) {
		if (!arg->required || json_object_get(request, arg->name))
			continue;
		snprintf(why, size, "%s: %s is missing", cmd->name, arg->name);
		return -EINVAL;
	}
	return 0;
}

int command_request(const struct command *cmd, unsigned int count,
		    char *const *words, json_t **out, char *why, size_t size)
{
	json_t *request = json_pack("{s:s}", "command", cmd->name);
	unsigned int i;
	int err = request ? 0 : -ENOMEM;

	for (i = 0; i < count && !err; i++)
		err = word_add(cmd, request, words[i], why, size);
	if (!err)
		err = required_check(cmd, request, why, size);
	if (err)
		json_decref(request);
	else
		*out = request;
	return err;
}

/* A request that came in */

static bool value_ok(const struct command_arg *arg, const json_t *value)
{
	if (arg->kind == COMMAND_TEXT)
		return json_is_string(value);
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static int args_check(const struct command *cmd, const json_t *request,
		      char *why, size_t size)
{
	const char *key;
	json_t *value;

	/* Only read: jansson's iterator takes no const. */
	json_object_foreach((json_t *)request, key, value) {
		const struct command_arg *arg;

		if (!strcmp(key, "command"))
			continue;
		arg = arg_find(cmd, key, strlen(key));
		if (!arg || !value_ok(arg, value)) {
			snprintf(why, size, "%s: %.64s: %s", cmd->name, key,
				 !arg ? "unknown argument" :
				 arg->kind == COMMAND_TEXT ?
					"must be a string" :
					"must be a whole number, 0 or more");
			return -EINVAL;
		}
	}
	return required_check(cmd, request, why, size);
}

const struct command *command_check(const json_t *request, char *why,
				    size_t size)
{
	const json_t *name = json_object_get(request, "command");
	const struct command *cmd;

	if (!json_is_string(name)) {
		snprintf(why, size,
			 "want an object like {\"command\": \"status\"}");
		return NULL;
	}
	cmd = command_find(json_string_value(name));
	if (!cmd) {
		snprintf(why, size, "%.64s: unknown command",
			 json_string_value(name));
		return NULL;
	}
	return args_check(cmd, request, why, size) ? NULL : cmd;
}
