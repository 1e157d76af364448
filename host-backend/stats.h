/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats - the daemon's counters, as JSON and as lines of the log
 */
#ifndef PV_STATS_H
#define PV_STATS_H

#include <jansson.h>

#include "stats_table.h"

struct daemon;
struct queue;

/** stats_of_queue() - where a queue's counters are */
void stats_of_queue(const struct queue *q, struct stats_sources *out);

/** stats_counters() - name and value of each; NULL without memory */
json_t *stats_counters(const struct stats_sources *from);

/**
 * stats_json() - of one device's queues, or of all and the workers
 * @index:	of the device, -1: all
 *
 * Return: the caller's reference, or NULL without memory.
 */
json_t *stats_json(const struct daemon *d, int index);

/**
 * stats_log() - a line for each queue that ever ran, each worker, and each
 *		 device that counts something of its own
 */
void stats_log(const struct daemon *d);

#endif /* PV_STATS_H */
