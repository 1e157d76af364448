/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status - what the daemon's devices, connections and queues are at, as JSON
 */
#ifndef PV_STATUS_H
#define PV_STATUS_H

#include <jansson.h>

struct daemon;

/**
 * status_json() - of one device, or of all
 * @index:	of the device, -1: all
 *
 * Return: the caller's reference, or NULL without memory.
 */
json_t *status_json(const struct daemon *d, int index);

#endif /* PV_STATUS_H */
