// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvctl_top - rates of each device, refreshed every second
 *
 * On a terminal the table is drawn anew in place; elsewhere one table follows
 * the other.  Rates are differences of two answers over the daemon's own time
 * between them.
 */
#include "pvctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLEAR_SCREEN "\033[H\033[J"

/** struct column - a rate: the sum of some counters of all queues of a device */
struct column {
	const char *title;
	const char *const counters[3];
	double scale;
};

static const struct column columns[] = {
	{ "reads/s", { "reads" }, 1 },
	{ "writes/s", { "writes" }, 1 },
	{ "frames/s", { "frames" }, 1 },
	{ "MB/s", { "bytes_read", "bytes_written", "bytes" }, 1e6 },
	{ "kicks/s", { "kicks" }, 1 },
	{ "calls/s", { "calls" }, 1 },
	{ "errors/s", { "errors" }, 1 },
};

static json_int_t queue_sum(const json_t *q, const struct column *col)
{
	const json_t *counters = json_object_get(q, "counters");
	json_int_t sum = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(col->counters) && col->counters[i]; i++)
		sum += json_integer_value(json_object_get(counters,
							  col->counters[i]));
	return sum;
}

static json_int_t device_sum(const json_t *dev, const struct column *col)
{
	const json_t *queues = json_object_get(dev, "queues");
	json_int_t sum = 0;
	size_t i;

	for (i = 0; i < json_array_size(queues); i++)
		sum += queue_sum(json_array_get(queues, i), col);
	return sum;
}

static const json_t *device_named(const json_t *stats, const char *name)
{
	const json_t *devices = json_object_get(stats, "devices");
	size_t i;

	for (i = 0; i < json_array_size(devices); i++) {
		const json_t *dev = json_array_get(devices, i);

		if (!strcmp(json_string_value(json_object_get(dev, "name")),
			    name))
			return dev;
	}
	return NULL;
}

static void print_rates(const json_t *was, const json_t *dev, double seconds)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(columns); i++) {
		json_int_t more = device_sum(dev, &columns[i]) -
				  device_sum(was, &columns[i]);

		printf(" %10.*f", columns[i].scale > 1 ? 1 : 0,
		       (double)more / columns[i].scale / seconds);
	}
	putchar('\n');
}

static double seconds_between(const json_t *was, const json_t *is)
{
	json_int_t ms = json_integer_value(json_object_get(is, "time_ms")) -
			json_integer_value(json_object_get(was, "time_ms"));

	return ms > 0 ? (double)ms / 1000 : 1;
}

static void print_table(const json_t *was, const json_t *is)
{
	const json_t *devices = json_object_get(is, "devices");
	double seconds = seconds_between(was, is);
	unsigned int i;
	size_t n;

	printf("%-20s", "device");
	for (i = 0; i < ARRAY_SIZE(columns); i++)
		printf(" %10s", columns[i].title);
	putchar('\n');
	for (n = 0; n < json_array_size(devices); n++) {
		const json_t *dev = json_array_get(devices, n);
		const char *name;

		name = json_string_value(json_object_get(dev, "name"));
		printf("%-20s", name);
		print_rates(device_named(was, name), dev, seconds);
	}
	fflush(stdout);
}

int pvctl_top(int sock)
{
	json_t *request = json_pack("{s:s}", "command", "stats");
	json_t *was = pvctl_ask(sock, request);
	bool terminal = isatty(STDOUT_FILENO);
	json_t *is = was;

	while (is) {
		sleep(1);
		is = pvctl_ask(sock, request);
		if (!is)
			break;
		if (terminal)
			fputs(CLEAR_SCREEN, stdout);
		print_table(was, is);
		json_decref(was);
		was = is;
	}
	json_decref(was);
	json_decref(request);
	return EXIT_FAILURE;
}
