/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server - a device's listening socket: one front end at a time, for ever
 */
#ifndef PV_SERVER_H
#define PV_SERVER_H

#include "device.h"
#include "evloop.h"

struct conf_device;
struct server;

/**
 * server_create() - listen for a device's front end
 * @closed:	called once, after server_close(), when nothing of the front
 *		end is held any more
 *
 * Return: 0 or -errno, logged.
 */
int server_create(struct server **out, struct device *dev,
		  const struct conf_device *conf, struct evloop *loop,
		  void (*closed)(struct server *s));

/** server_close() - no further front end; let go of the present one */
void server_close(struct server *s);

/** server_reload() - the device looks again at what is behind it */
void server_reload(struct server *s);

struct device *server_device(struct server *s);

/** server_destroy() - after @closed, or before any front end came */
void server_destroy(struct server *s);

#endif /* PV_SERVER_H */
