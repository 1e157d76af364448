/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon - what a pvbackend process has; main.c makes it and ends it
 *
 * For what looks at all of it (status, statistics, the control socket).  The
 * control thread's alone.
 */
#ifndef PV_DAEMON_H
#define PV_DAEMON_H

#include "conf.h"
#include "evloop.h"
#include "sandbox.h"

struct control;
struct device;
struct server;
struct stuck;
struct upgrade;
struct upgrade_source;
struct worker;

/**
 * struct daemon - everything, in the order in which it is made
 * @conf:	as loaded
 * @loop:	the control thread's
 * @signals:	signalfd
 * @source:	daemon that this one takes over from, NULL: none, or it has
 * @sandbox:	see there
 * @workers:	@num_workers of them
 * @devices:	in the configuration's order
 * @servers:	one per device, same index
 * @control:	control socket, NULL: none
 * @upgrade:	handing over to another daemon, NULL without @control
 * @stuck:	looks for stuck requests, NULL: nobody does
 * @open:	servers that have not said closed()
 * @ending:	a signal said so
 */
struct daemon {
	struct conf conf;
	struct evloop *loop;
	struct ev_fd signals;
	struct sandbox sandbox;
	struct worker **workers;
	unsigned int num_workers;
	struct device **devices;
	unsigned int num_devices;
	struct server **servers;
	unsigned int num_servers;
	struct control *control;
	struct upgrade_source *source;
	struct upgrade *upgrade;
	struct stuck *stuck;
	unsigned int open;
	bool ending;
};

#endif /* PV_DAEMON_H */
