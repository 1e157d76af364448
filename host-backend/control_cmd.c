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
#include "throttle.h"
#include "upgrade.h"
#include "vu_dev.h"

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

static struct device *device_required(struct call *call)
{
	int index;

	return device_arg(call, &index) ? call->daemon->devices[index] : NULL;
}

static json_t *resize_refused(struct call *call, const struct device *dev,
			      int err)
{
	if (err == -EINVAL)
		return refuse(call, "%s: a disk can only grow", dev->name);
	if (err == -EOPNOTSUPP)
		return refuse(call, "%s: not a file; resize what is behind it, then leave SIZE out",
			      dev->name);
	return refuse(call, "%s: %s", dev->name, strerror(-err));
}

static json_t *run_resize(struct call *call)
{
	const json_t *size = json_object_get(call->request, "size");
	struct device *dev = device_required(call);
	u64 bytes = (u64)json_integer_value(size);
	bool changed;
	int err;

	if (!dev)
		return NULL;
	if (!dev->ops->resize)
		return refuse(call, "%s: not a disk", dev->name);
	if (size && (!bytes || bytes % 512))
		return refuse(call, "size=%llu: must be a multiple of 512",
			      (unsigned long long)bytes);
	err = dev->ops->resize(dev, bytes, &changed);
	if (err)
		return resize_refused(call, dev, err);
	if (changed)
		vu_dev_config_changed(dev->transport);
	return json_pack("{s:s, s:b}", "device", dev->name, "changed", changed);
}

/* What of a limit the request names replaces what was. */
static void limit_arg(const struct call *call, const char *name, u64 *value)
{
	const json_t *arg = json_object_get(call->request, name);

	if (arg)
		*value = (u64)json_integer_value(arg);
}

static const struct {
	const char *rate;
	const char *burst;
} limit_names[THROTTLE_DIMS] = {
	[THROTTLE_OPS] = { "iops", "iops-burst" },
	[THROTTLE_BYTES] = { "bps", "bps-burst" },
};

static json_t *limits_json(const struct device *dev,
			   const struct throttle_limit *limits)
{
	json_t *json = json_pack("{s:s}", "device", dev->name);
	unsigned int i;

	for (i = 0; i < THROTTLE_DIMS; i++) {
		json_object_set_new(json, limit_names[i].rate,
				    json_integer((json_int_t)limits[i].rate));
		json_object_set_new(json, limit_names[i].burst,
				    json_integer((json_int_t)limits[i].burst));
	}
	return json;
}

static bool limit_ok(struct call *call, unsigned int i,
		     const struct throttle_limit *limit)
{
	if (limit->rate > THROTTLE_RATE_MAX || limit->burst > THROTTLE_RATE_MAX)
		refuse(call, "%s, %s: at most %llu",
		       limit_names[i].rate, limit_names[i].burst,
		       (unsigned long long)THROTTLE_RATE_MAX);
	else if (limit->burst && !limit->rate)
		refuse(call, "%s: means nothing without %s",
		       limit_names[i].burst, limit_names[i].rate);
	else
		return true;
	return false;
}

static json_t *run_throttle(struct call *call)
{
	struct throttle_limit limits[THROTTLE_DIMS];
	struct device *dev = device_required(call);
	unsigned int i;

	if (!dev)
		return NULL;
	if (!dev->ops->limits_set)
		return refuse(call, "%s: only disks have limits", dev->name);
	dev->ops->limits_get(dev, limits);
	for (i = 0; i < THROTTLE_DIMS; i++) {
		limit_arg(call, limit_names[i].rate, &limits[i].rate);
		limit_arg(call, limit_names[i].burst, &limits[i].burst);
		/* Without a rate, what its burst was is over as well. */
		if (!limits[i].rate &&
		    !json_object_get(call->request, limit_names[i].burst))
			limits[i].burst = 0;
		if (!limit_ok(call, i, &limits[i]))
			return NULL;
	}
	if (json_object_size(call->request) > 2)
		dev->ops->limits_set(dev, limits);
	return limits_json(dev, limits);
}

static json_t *run_version(struct call *call)
{
	return json_pack("{s:s, s:i}", "version", PV_VERSION, "pid",
			 (int)getpid());
}

static json_t *run_handover(struct call *call)
{
	const json_t *version = json_object_get(call->request, "version");

	if (json_integer_value(version) != HANDOVER_VERSION)
		return refuse(call, "version %lld is asked for, this daemon hands over by %d",
			      (long long)json_integer_value(version),
			      HANDOVER_VERSION);
	return json_true();
}

static json_t *(*const handlers[COMMAND_MAX])(struct call *call) = {
	[COMMAND_STATUS] = run_status,
	[COMMAND_STATS] = run_stats,
	[COMMAND_RESIZE] = run_resize,
	[COMMAND_THROTTLE] = run_throttle,
	[COMMAND_VERSION] = run_version,
	[COMMAND_HANDOVER] = run_handover,
};

json_t *control_cmd_run(struct daemon *d, const json_t *request, bool *moving)
{
	struct call call = {
		.daemon = d,
		.request = request,
		.why = "out of memory",
	};
	const struct command *cmd;
	json_t *result = NULL;

	cmd = command_check(request, call.why, sizeof(call.why));
	if (cmd && upgrade_active(d->upgrade) && cmd->changes)
		refuse(&call, "an upgrade is under way");
	else if (cmd)
		result = handlers[cmd - commands](&call);
	*moving = result && cmd == &commands[COMMAND_HANDOVER];
	if (result)
		return json_pack("{s:o}", "result", result);
	return json_pack("{s:s}", "error", call.why);
}
