/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_cmd - what each command of the control socket does
 */
#ifndef PV_CONTROL_CMD_H
#define PV_CONTROL_CMD_H

#include <jansson.h>
#include <stdbool.h>

struct daemon;

/**
 * control_cmd_run() - check and do what a client asks for
 *
 * @moving:	set where the client is a daemon that takes over: no answer is
 *		sent, upgrade_begin() follows
 *
 * Return: the answer, the caller's reference; NULL without memory for one.
 */
json_t *control_cmd_run(struct daemon *d, const json_t *request, bool *moving);

#endif /* PV_CONTROL_CMD_H */
