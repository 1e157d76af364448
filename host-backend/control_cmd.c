// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control_cmd - what each command of the control socket does
 *
 * A handler returns the result, or NULL with the reason in refuse().  What it
 * is given has been checked against the command's row (command.c); what a name
 * in it means has not.
 */
#include "control_cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "daemon.h"
#include "device.h"
#include "pv_version.h"
#include "stats.h"
#include "status.h"

/**
 * struct call - a command at work
 * @daemon:	asked
 * @request:	checked by command_check()
 * @why:	why not, where the handler returns NULL
 */
struct call {
	struct daemon *daemon;
	const json_t *request;
	char why[200];
};

__attribute__((format(printf, 2, 3))) static json_t *
refuse(struct call *call, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(call->why, sizeof(call->why), fmt, args);
	va_end(args);
	return NULL;
}

/* True where "device" names one (*index) or was left out (*index = -1). */
static bool device_arg(struct call *call, int *index)
{
	const json_t *name = json_object_get(call->request, "device");
	const struct daemon *d = call->daemon;
	unsigned int i;

	*index = -1;
	if (!name)
		return true;
	for (i = 0; i < d->num_devices; i++) {
		if (strcmp(d->devices[i]->name, json_string_value(name)))
			continue;
		*index = (int)i;
		return true;
	}
	refuse(call, "%.64s: no such device; status shows all",
	       json_string_value(name));
	return false;
}

static json_t *run_status(struct call *call)
{
	int index;

	return device_arg(call, &index) ? status_json(call->daemon, index) :
					  NULL;
}

static json_t *run_stats(struct call *call)
{
	int index;

	return device_arg(call, &index) ? stats_json(call->daemon, index) :
					  NULL;
}

static json_t *run_version(struct call *call)
{
	return json_pack("{s:s, s:i}", "version", PV_VERSION, "pid",
			 (int)getpid());
}

static json_t *(*const handlers[COMMAND_MAX])(struct call *call) = {
	[COMMAND_STATUS] = run_status,
	[COMMAND_STATS] = run_stats,
	[COMMAND_VERSION] = run_version,
};

json_t *control_cmd_run(struct daemon *d, const json_t *request)
{
	struct call call = {
		.daemon = d,
		.request = request,
		.why = "out of memory",
	};
	const struct command *cmd;
	json_t *result = NULL;

	cmd = command_check(request, call.why, sizeof(call.why));
	if (cmd)
		result = handlers[cmd - commands](&call);
	if (result)
		return json_pack("{s:o}", "result", result);
	return json_pack("{s:s}", "error", call.why);
}
