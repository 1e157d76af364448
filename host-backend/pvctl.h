/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvctl - between its files: talking to the daemon, showing what it says
 */
#ifndef PV_PVCTL_H
#define PV_PVCTL_H

#include <jansson.h>

#include "util.h"

/** pvctl_say() - "pvctl: text" on standard error */
void pvctl_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** pvctl_connect() - to the daemon's control socket; descriptor or -errno, said */
int pvctl_connect(const char *path);

/**
 * pvctl_ask() - one request, one answer
 * @sock:	from pvctl_connect()
 *
 * Return: the result, the caller's reference; NULL where the daemon refused or
 * is gone, which has been said.
 */
json_t *pvctl_ask(int sock, const json_t *request);

/**
 * pvctl_query() - connect, ask, hang up, and say nothing
 *
 * Return: the result, the caller's reference; NULL where there is none now.
 */
json_t *pvctl_query(const char *path, const char *command);

/** pvctl_show_status() and pvctl_show_stats() - an answer, for people */
void pvctl_show_status(const json_t *result);
void pvctl_show_stats(const json_t *result);

/** pvctl_show_flat() - "name value" a line */
void pvctl_show_flat(const json_t *result);

/** pvctl_top() - refreshed until interrupted; exit status */
int pvctl_top(int sock);

/**
 * pvctl_upgrade() - have another daemon take over
 * @path:	control socket
 * @binary:	program to start, NULL: the pvbackend beside pvctl
 *
 * Return: exit status.
 */
int pvctl_upgrade(const char *path, const char *binary);

#endif /* PV_PVCTL_H */
