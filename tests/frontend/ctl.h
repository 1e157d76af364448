/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl - the daemon's control socket, and pvctl, from a test
 */
#ifndef CTL_H
#define CTL_H

#include <jansson.h>

#include "util.h"

/** ctl_connect() - to the control socket at @path; fails the test if it cannot */
int ctl_connect(const char *path);

/** ctl_line() - send @text as it is, read a line; NULL where the peer hung up */
const char *ctl_line(int sock, const char *text);

/**
 * ctl_ask() - one request on a connection of its own
 *
 * Return: the whole answer, the caller's reference.
 */
json_t *ctl_ask(const char *path, const char *request);

/**
 * pvctl() - run build/pvctl with these words
 * @path:	control socket
 * @words:	ends with NULL
 * @status:	exit status
 *
 * Return: what it printed on both outputs; a static buffer.
 */
const char *pvctl(const char *path, const char *const *words, int *status);

#define PVCTL(path, status, ...) \
	pvctl(path, (const char *const[]){ __VA_ARGS__, NULL }, status)

#endif /* CTL_H */
