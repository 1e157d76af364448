// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats - the daemon's counters, as JSON and as lines of the log
 *
 * Control thread.  Counters are read while their workers count on: each is
 * right by itself, their sums need not agree to the last request.
 */
#include "stats.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "daemon.h"
#include "device.h"
#include "hist.h"

#define LINE_SIZE 2048

void stats_of_queue(const struct queue *q, struct stats_sources *out)
{
	*out = (struct stats_sources){ .base[STATS_QUEUE] = &q->stats };
	if (q->dev->ops->stats)
		q->dev->ops->stats(q, out);
}

static void stats_of_device(const struct device *dev, struct stats_sources *out)
{
	*out = (struct stats_sources){ .base[STATS_QUEUE] = NULL };
	if (dev->ops->device_stats)
		dev->ops->device_stats(dev, out);
}

static void stats_of_worker(const struct worker *w, struct stats_sources *out)
{
	*out = (struct stats_sources){
		.base[STATS_WORKER] = worker_stats(w),
	};
}

json_t *stats_counters(const struct stats_sources *from)
{
	json_t *json = json_object();
	unsigned int i;

	for (i = 0; i < stats_table_len; i++) {
		const u64 *value = stats_value(&stats_table[i], from);

		if (value)
			json_object_set_new(json, stats_table[i].name,
					    json_integer((json_int_t)READ_ONCE(*value)));
	}
	return json;
}

static double us(u64 ns)
{
	return (double)ns / 1000;
}

static json_t *hist_json(const struct hist *h)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:f}",
			 "count", (json_int_t)hist_total(h),
			 "p50_us", us(hist_quantile(h, 5000)),
			 "p99_us", us(hist_quantile(h, 9900)),
			 "p99_9_us", us(hist_quantile(h, 9990)),
			 "max_us", us(READ_ONCE(h->max)));
}

/* By operation, of those that ever happened; NULL where the type has none. */
static json_t *latency_json(const struct queue *q)
{
	const struct hist *h;
	const char *name;
	unsigned int n;
	json_t *json;

	if (!q->dev->ops->latency)
		return NULL;
	json = json_object();
	for (n = 0; (h = q->dev->ops->latency(q, n, &name)); n++)
		if (hist_total(h))
			json_object_set_new(json, name, hist_json(h));
	return json;
}

static json_t *queue_json(const struct queue *q)
{
	struct stats_sources from;
	json_t *json;

	stats_of_queue(q, &from);
	json = json_pack("{s:i, s:o, s:o*}", "queue", (int)q->index, "counters",
			 stats_counters(&from), "latency", latency_json(q));
	return json;
}

static json_t *device_json(const struct device *dev)
{
	json_t *list = json_array();
	struct stats_sources from;
	unsigned int i;

	for (i = 0; i < dev->num_queues; i++)
		json_array_append_new(list, queue_json(&dev->queues[i]));
	stats_of_device(dev, &from);
	return json_pack("{s:s, s:s, s:o, s:o}", "name", dev->name, "type",
			 dev->ops->type, "counters", stats_counters(&from),
			 "queues", list);
}

static json_t *devices_json(const struct daemon *d, int index)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < d->num_devices; i++)
		if (index < 0 || (unsigned int)index == i)
			json_array_append_new(list, device_json(d->devices[i]));
	return list;
}

static json_t *workers_json(const struct daemon *d)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < d->num_workers; i++) {
		struct stats_sources from;

		stats_of_worker(d->workers[i], &from);
		json_array_append_new(list, json_pack("{s:i, s:o}", "worker",
						      (int)i, "counters",
						      stats_counters(&from)));
	}
	return list;
}

/* For rates: when these values were so. */
static json_int_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (json_int_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

json_t *stats_json(const struct daemon *d, int index)
{
	json_t *json = json_pack("{s:I, s:o}", "time_ms", now_ms(), "devices",
				 devices_json(d, index));

	if (json && index < 0)
		json_object_set_new(json, "workers", workers_json(d));
	return json;
}

/* Lines of the log */

struct line {
	char text[LINE_SIZE];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void
line_add(struct line *line, const char *fmt, ...)
{
	size_t room = sizeof(line->text) - line->len;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line->text + line->len, room, fmt, args);
	va_end(args);
	if (n > 0)
		line->len += min((size_t)n, room - 1);
}

/* Of what is a type's own, only what has ever happened. */
static void line_counters(struct line *line, const struct stats_sources *from)
{
	unsigned int i;

	for (i = 0; i < stats_table_len; i++) {
		const struct stats_row *row = &stats_table[i];
		const u64 *at = stats_value(row, from);
		u64 value = at ? READ_ONCE(*at) : 0;

		if (at && (value || row->scope == STATS_QUEUE ||
			   row->scope == STATS_WORKER))
			line_add(line, " %s=%" PRIu64, row->name, value);
	}
}

static void queue_log(const struct queue *q)
{
	const struct queue_stats *s = &q->stats;
	struct stats_sources from;
	struct line line = { .len = 0 };

	if (!READ_ONCE(s->chains) && !READ_ONCE(s->kicks) &&
	    !READ_ONCE(s->faults))
		return;
	stats_of_queue(q, &from);
	line_add(&line, "stats device=%s queue=%u", q->dev->name, q->index);
	line_counters(&line, &from);
	log_notice("%s", line.text);
}

static void device_log(const struct device *dev)
{
	struct stats_sources from;
	struct line line = { .len = 0 };
	size_t empty;

	stats_of_device(dev, &from);
	line_add(&line, "stats device=%s", dev->name);
	empty = line.len;
	line_counters(&line, &from);
	if (line.len > empty)
		log_notice("%s", line.text);
}

static void worker_log(unsigned int index, const struct worker *w)
{
	struct stats_sources from;
	struct line line = { .len = 0 };

	stats_of_worker(w, &from);
	line_add(&line, "stats worker=%u", index);
	line_counters(&line, &from);
	log_notice("%s", line.text);
}

void stats_log(const struct daemon *d)
{
	unsigned int i, j;

	for (i = 0; i < d->num_devices; i++) {
		device_log(d->devices[i]);
		for (j = 0; j < d->devices[i]->num_queues; j++)
			queue_log(&d->devices[i]->queues[j]);
	}
	for (i = 0; i < d->num_workers; i++)
		worker_log(i, d->workers[i]);
}
