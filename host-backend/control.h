/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the socket that operators' tools talk to
 *
 * One JSON object a line in, one a line out (command.h).  All of it runs on the
 * control thread, and nothing a client does or leaves undone holds it up.
 */
#ifndef PV_CONTROL_H
#define PV_CONTROL_H

#include "util.h"

struct control;
struct daemon;

/**
 * control_create() - listen at daemon->conf.control
 *
 * Return: 0, or -errno with one line logged.
 */
int control_create(struct control **out, struct daemon *d);

/** control_fd() - the listening socket, for a daemon that takes over; -1: none */
int control_fd(const struct control *ctl);

/** control_destroy() - hang up on all clients, remove the socket's file */
void control_destroy(struct control *ctl);

#endif /* PV_CONTROL_H */
