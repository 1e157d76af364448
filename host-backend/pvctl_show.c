// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvctl_show - the daemon's answers as text for people
 */
#include "pvctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "-";
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_value(const json_t *value)
{
	if (json_is_string(value))
		printf("%s", json_string_value(value));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		printf("%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_real(value))
		printf("%.1f", json_real_value(value));
	else
		printf("-");
}

void pvctl_show_flat(const json_t *result)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)result, key, value) {
		printf("%s ", key);
		print_value(value);
		putchar('\n');
	}
}

static void print_list(const char *name, const json_t *list)
{
	size_t i;

	if (!json_array_size(list))
		return;
	printf("  %s:", name);
	for (i = 0; i < json_array_size(list); i++)
		printf(" %s", json_string_value(json_array_get(list, i)));
	putchar('\n');
}

static void show_queue(const json_t *q)
{
	const char *fault = json_string_value(json_object_get(q, "fault"));
	const json_t *oldest = json_object_get(q, "oldest");

	printf("  queue %" JSON_INTEGER_FORMAT ": %s, %s ring of %"
	       JSON_INTEGER_FORMAT ", %s, at %" JSON_INTEGER_FORMAT
	       ", worker %" JSON_INTEGER_FORMAT "%s%s\n",
	       number(q, "queue"), text(q, "state"), text(q, "layout"),
	       number(q, "size"),
	       json_is_true(json_object_get(q, "enabled")) ? "enabled" :
							      "disabled",
	       number(q, "position"), number(q, "worker"),
	       fault ? ", broken: " : "", fault ? fault : "");
	if (json_is_true(json_object_get(oldest, "stuck")))
		printf("    STUCK: %s at %" JSON_INTEGER_FORMAT
		       " has not been answered for %" JSON_INTEGER_FORMAT
		       " s\n", text(oldest, "op"), number(oldest, "offset"),
		       number(oldest, "age_ms") / 1000);
}

/* Keys of a device that stand in its first lines, or are lists. */
static bool is_own(const char *key)
{
	return !strcmp(key, "port") || !strcmp(key, "store") ||
	       !strcmp(key, "capacity") || !strcmp(key, "block_size") ||
	       !strcmp(key, "read_only") || !strcmp(key, "writeback");
}

static void show_limit(const char *name, const json_t *limit)
{
	if (number(limit, "rate"))
		printf(" %s=%" JSON_INTEGER_FORMAT, name,
		       number(limit, "rate"));
}

static void show_own(const json_t *dev)
{
	const char *key;
	json_t *value;

	printf(" ");
	json_object_foreach((json_t *)dev, key, value) {
		if (!is_own(key))
			continue;
		printf(" %s=", key);
		print_value(value);
	}
	show_limit("iops", json_object_get(dev, "iops"));
	show_limit("bps", json_object_get(dev, "bps"));
	putchar('\n');
}

static void show_device(const json_t *dev)
{
	const json_t *queues = json_object_get(dev, "queues");
	bool connected = json_is_true(json_object_get(dev, "connected"));
	size_t i;

	printf("%s: %s at %s, %s%s%s\n", text(dev, "name"), text(dev, "type"),
	       text(dev, "socket"),
	       connected ? "front end connected, " : "no front end",
	       connected ? text(dev, "state") : "", "");
	show_own(dev);
	print_list("features", json_object_get(dev, "features"));
	print_list("protocol", json_object_get(dev, "protocol_features"));
	for (i = 0; i < json_array_size(queues); i++) {
		const json_t *q = json_array_get(queues, i);

		if (json_is_true(json_object_get(q, "started")))
			show_queue(q);
	}
}

void pvctl_show_status(const json_t *result)
{
	const json_t *workers = json_object_get(result, "workers");
	const json_t *devices = json_object_get(result, "devices");
	size_t i;

	printf("pvbackend %s, process %" JSON_INTEGER_FORMAT
	       ", %zu workers on %s\n",
	       text(result, "version"), number(result, "pid"),
	       json_array_size(workers),
	       text(json_array_get(workers, 0), "engine"));
	for (i = 0; i < json_array_size(devices); i++)
		show_device(json_array_get(devices, i));
}

/* Counters that are not zero. */
static void show_counters(const json_t *counters)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)counters, key, value) {
		if (!json_integer_value(value))
			continue;
		printf(" %s=", key);
		print_value(value);
	}
	putchar('\n');
}

static double real(const json_t *object, const char *key)
{
	return json_real_value(json_object_get(object, key));
}

static void show_latency(const json_t *latency)
{
	const char *op;
	json_t *value;

	json_object_foreach((json_t *)latency, op, value)
		printf("    %s: p50 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us\n",
		       op, real(value, "p50_us"), real(value, "p99_us"),
		       real(value, "p99_9_us"), real(value, "max_us"));
}

static bool any_counter(const json_t *counters)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)counters, key, value)
		if (json_integer_value(value))
			return true;
	return false;
}

static void show_device_stats(const json_t *dev)
{
	const json_t *queues = json_object_get(dev, "queues");
	size_t i;

	printf("%s:", text(dev, "name"));
	show_counters(json_object_get(dev, "counters"));
	for (i = 0; i < json_array_size(queues); i++) {
		const json_t *q = json_array_get(queues, i);
		const json_t *counters = json_object_get(q, "counters");

		if (!any_counter(counters))
			continue;
		printf("  queue %" JSON_INTEGER_FORMAT ":", number(q, "queue"));
		show_counters(counters);
		show_latency(json_object_get(q, "latency"));
	}
}

void pvctl_show_stats(const json_t *result)
{
	const json_t *devices = json_object_get(result, "devices");
	const json_t *workers = json_object_get(result, "workers");
	size_t i;

	for (i = 0; i < json_array_size(devices); i++)
		show_device_stats(json_array_get(devices, i));
	for (i = 0; i < json_array_size(workers); i++) {
		const json_t *w = json_array_get(workers, i);

		printf("worker %" JSON_INTEGER_FORMAT ":", number(w, "worker"));
		show_counters(json_object_get(w, "counters"));
	}
}
