/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command - what a running daemon can be asked: names, arguments, help: PURE
 *
 * One table for both ends of the control socket.  pvctl makes requests of its
 * command line by it and prints its usage from it; the daemon checks by it what
 * comes in.  What a command does is in control_cmd.c.
 *
 * On the socket a request is one line, a JSON object, and so is the answer:
 *
 *	{"command": "throttle", "device": "disk0", "iops": 500}
 *	{"result": {...}}  or  {"error": "one sentence"}
 */
#ifndef PV_COMMAND_H
#define PV_COMMAND_H

#include <jansson.h>

#include "util.h"

#define COMMAND_ARGS_MAX 6

/* Longest request, bytes, with its newline. */
#define COMMAND_LINE_MAX 4096

enum command_id {
	COMMAND_STATUS,
	COMMAND_STATS,
	COMMAND_RESIZE,
	COMMAND_THROTTLE,
	COMMAND_VERSION,
	COMMAND_HANDOVER,
	COMMAND_MAX
};

/**
 * enum command_kind - how an argument is written
 * @COMMAND_TEXT:	as it is
 * @COMMAND_SIZE:	bytes, with K, M, G or T after the number
 * @COMMAND_RATE:	a number with such a unit, or "none", which is 0
 */
enum command_kind {
	COMMAND_TEXT,
	COMMAND_SIZE,
	COMMAND_RATE,
};

/**
 * struct command_arg - an argument
 * @name:	key in the request
 * @kind:	of the value
 * @named:	written "name=value"; the others come in the table's order
 * @required:	may not be left out
 */
struct command_arg {
	const char *name;
	enum command_kind kind;
	bool named;
	bool required;
};

/**
 * struct command - a row
 * @name:	of the command
 * @help:	one line, NULL: not for people
 * @changes:	not while an upgrade is under way
 * @args:	ends with the first that has no name
 */
struct command {
	const char *name;
	const char *help;
	bool changes;
	struct command_arg args[COMMAND_ARGS_MAX + 1];
};

extern const struct command commands[COMMAND_MAX];

/** command_find() - by name; NULL where there is none */
const struct command *command_find(const char *name);

/** command_usage() - "resize DEVICE [SIZE]" */
void command_usage(const struct command *cmd, char *buf, size_t size);

/**
 * command_request() - arguments as words to a request
 * @why:	filled on -EINVAL: one sentence
 *
 * Return: 0 with @out the caller's reference, -EINVAL or -ENOMEM.
 */
int command_request(const struct command *cmd, unsigned int count,
		    char *const *words, json_t **out, char *why, size_t size);

/**
 * command_check() - is a request what its row says?
 *
 * Return: the command, or NULL with one sentence in @why.
 */
const struct command *command_check(const json_t *request, char *why,
				    size_t size);

#endif /* PV_COMMAND_H */
