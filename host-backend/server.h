/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server - a device's listening socket: one front end at a time, for ever
 */
#ifndef PV_SERVER_H
#define PV_SERVER_H

#include "device.h"
#include "evloop.h"

struct conf_device;
struct handover;
struct json_t;
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

/**
 * server_pause() - accept nobody, let the queues drain, hold the connection
 * @paused:	called when nothing moves any more, maybe at once
 */
void server_pause(struct server *s, void (*paused)(struct server *s));

/** server_unpause() - go on as if nothing had been; also before @paused came */
void server_unpause(struct server *s);

/**
 * server_move_out() - what another daemon needs to go on here; paused
 * @fds:	gets the listening socket
 * @why:	why not, where the connection cannot move
 *
 * Return: the connection for the handover's document, NULL where none is or
 * with *@why set.
 */
struct json_t *server_move_out(struct server *s, struct handover *h,
			       struct json_t *fds, const char **why);

/** server_move_in() - go on with another daemon's connection; 0 or -errno */
int server_move_in(struct server *s, struct handover *h,
		   const struct json_t *connection);

/** server_start() - after server_move_in(): the device is ours now */
void server_start(struct server *s);

struct device *server_device(struct server *s);

/** server_destroy() - after @closed, or before any front end came */
void server_destroy(struct server *s);

#endif /* PV_SERVER_H */
