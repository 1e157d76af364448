// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * log - one event, one line on stderr
 *
 * A line is put together in a buffer and leaves in one write(), so lines of
 * several threads do not mix.  The level is set once, before threads start.
 */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static int log_level = LOG_NOTICE;

static const struct {
	const char *name;
	int level;
} level_names[] = {
	{ "err", LOG_ERR },	  { "warning", LOG_WARNING },
	{ "notice", LOG_NOTICE }, { "info", LOG_INFO },
	{ "debug", LOG_DEBUG },
};

void log_set_level(int level)
{
	log_level = level;
}

int log_level_parse(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(level_names); i++)
		if (!strcmp(name, level_names[i].name))
			return level_names[i].level;
	return -EINVAL;
}

static size_t line_prefix(char *line, size_t size, int level)
{
	int len;

	if (getenv("JOURNAL_STREAM"))
		len = snprintf(line, size, "<%d>pvbackend: ", level);
	else
		len = snprintf(line, size, "pvbackend: ");
	return (size_t)len;
}

static void __attribute__((format(printf, 2, 0)))
log_vmsg(int level, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];
	ssize_t written;
	size_t len;
	int body;

	if (level > log_level)
		return;
	len = line_prefix(line, sizeof(line), level);
	body = vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
	if (body < 0)
		return;
	len = min(len + (size_t)body, sizeof(line) - 2);
	line[len++] = '\n';
	/* Nobody to tell where stderr itself is gone. */
	written = write(STDERR_FILENO, line, len);
	(void)written;
}

void log_msg(int level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_vmsg(level, fmt, args);
	va_end(args);
}

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

void log_ratelimited(struct log_limit *limit, int level, const char *fmt, ...)
{
	u64 now = now_ms();
	va_list args;

	if (now - limit->window_start_ms >= limit->interval_ms) {
		if (limit->suppressed)
			log_msg(level, "%u similar messages suppressed",
				limit->suppressed);
		limit->window_start_ms = now;
		limit->count = 0;
		limit->suppressed = 0;
	}
	if (limit->count >= limit->burst) {
		limit->suppressed++;
		return;
	}
	limit->count++;
	va_start(args, fmt);
	log_vmsg(level, fmt, args);
	va_end(args);
}
