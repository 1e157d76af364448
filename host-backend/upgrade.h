/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upgrade - one daemon takes over from another, and nobody notices
 *
 * Theory of operation
 *
 *	old daemon (upgrade_old.c)	new daemon (upgrade_new.c)
 *					pvctl starts it; connects, asks
 *	accepts nobody, reads nothing;
 *	queues drain: all I/O in flight
 *	is done and shown to the guest
 *	document, descriptors	----->	opens everything, maps memory, puts
 *					each connection where it was
 *			<-----		"prepared"
 *	"commit"		----->	queues start
 *	ends, closing nothing and
 *	removing nothing
 *
 * The one message that counts is "commit".  Before it, whatever goes wrong, in
 * either, ends in the new daemon's exit and the old one's queues running again;
 * after it the old one touches nothing.  So no request is done twice or never,
 * and a connection is never served by both.  handover.h has what is said.
 *
 * Kicks meanwhile stay in the eventfds, and connections in the backlog.
 */
#ifndef PV_UPGRADE_H
#define PV_UPGRADE_H

#include "handover.h"

struct daemon;
struct upgrade;
struct upgrade_source;

/* The old daemon's side */

/** upgrade_create() - none is under way; before the sandbox; 0 or -errno */
int upgrade_create(struct upgrade **out, struct daemon *d);

void upgrade_destroy(struct upgrade *u);

/** upgrade_active() - is one under way? @u may be NULL */
bool upgrade_active(const struct upgrade *u);

/**
 * upgrade_begin() - hand everything to the daemon at @sock, ours from here on
 *
 * None is under way yet.  Where it succeeds this process ends; where it does
 * not, that is logged, and everything goes on.
 */
void upgrade_begin(struct upgrade *u, int sock);

/** upgrade_abort() - go on here, for @why; nothing where none is under way */
void upgrade_abort(struct upgrade *u, const char *why);

/* The new daemon's side */

/**
 * upgrade_fetch() - ask the daemon at @path for all that it has
 * @d:		its configuration is filled in, descriptors wait in inherit.h
 *
 * Return: 0, or -errno with one line logged.
 */
int upgrade_fetch(struct upgrade_source **out, struct daemon *d,
		  const char *path);

/**
 * upgrade_adopt() - put the devices, which are open now, where they were
 *
 * None of them starts a queue.  Return: 0, or -errno logged.
 */
int upgrade_adopt(struct upgrade_source *src, struct daemon *d);

/**
 * upgrade_commit() - have the old daemon let go, and start
 *
 * Return: 0, or -errno logged: then the old one goes on.
 */
int upgrade_commit(struct upgrade_source *src, struct daemon *d);

/** upgrade_source_free() - hang up where it was not committed */
void upgrade_source_free(struct upgrade_source *src);

#endif /* PV_UPGRADE_H */
