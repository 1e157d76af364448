/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk_report - what a disk tells operators, and what they may change
 *
 * Rows of struct device_ops, for the control thread.
 */
#ifndef PV_BLK_REPORT_H
#define PV_BLK_REPORT_H

#include "blk_io.h"

struct json_t;

void blk_status(const struct device *dev, struct json_t *json);
void blk_queue_stats(const struct queue *q, struct stats_sources *out);
void blk_device_stats(const struct device *dev, struct stats_sources *out);
const struct hist *blk_latency(const struct queue *q, unsigned int n,
			       const char **name);
void blk_fds(const struct device *dev, device_give *give, void *arg);
bool blk_oldest(const struct queue *q, struct device_oldest *out);
void blk_count_stuck(struct queue *q);
void blk_limits_get(const struct device *dev, struct throttle_limit *limits);
void blk_limits_set(struct device *dev, const struct throttle_limit *limits);
int blk_resize(struct device *dev, u64 size, bool *changed);

#endif /* PV_BLK_REPORT_H */
