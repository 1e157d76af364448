/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - one event, one line on stderr
 *
 * Lines read "pvbackend: disk0 queue 1: text".  Under systemd (JOURNAL_STREAM)
 * a "<N>" priority stands in front.  What a guest or front end can cause again
 * and again goes through log_ratelimited(), which counts what it swallows.
 * Nothing is logged on the data path above LOG_DEBUG, and never guest data.
 */
#ifndef PV_LOG_H
#define PV_LOG_H

#include <stdarg.h>
#include <syslog.h>

#include "util.h"

/* Levels are syslog's: LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG. */
void log_set_level(int level);

/** log_level_parse() - "err", "warning", "notice", "info", "debug" to a level, or -EINVAL */
int log_level_parse(const char *name);

void log_msg(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...) log_msg(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_msg(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)

/**
 * struct log_limit - at most @burst lines in @interval_ms; one per source of
 *		      trouble, used by one thread
 */
struct log_limit {
	u32 interval_ms;
	u32 burst;
	u32 count;
	u32 suppressed;
	u64 window_start_ms;
};

#define LOG_LIMIT_INIT { .interval_ms = 5000, .burst = 10 }

void log_ratelimited(struct log_limit *limit, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* PV_LOG_H */
