// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main - pvbackend's start and end
 *
 * Theory of operation
 *
 * Two kinds of threads: this one, which owns sockets, messages and signals
 * (evloop.h), and workers, which own running queues (worker.h).  Everything
 * that can fail for the configuration's sake is done before "ready".
 *
 * The end is a start in reverse: sockets close, front ends are let go as their
 * queues drain, then devices and workers go.  If that takes longer than a
 * supervisor's patience, what is left ends with the process.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "blk.h"
#include "control.h"
#include "daemon.h"
#include "evloop.h"
#include "log.h"
#include "net.h"
#include "server.h"
#include "sigbus.h"
#include "stats.h"
#include "stuck.h"
#include "upgrade.h"
#include "workers.h"

/* Longest wait for I/O in flight at the end, seconds. */
#define END_MAX_S 3

static int (*const device_create[CONF_TYPE_MAX])(
	struct device **out, const struct conf_device *conf,
	const struct device_env *env) = {
	[CONF_BLK] = blk_create,
	[CONF_NET] = net_create,
};

/* One process, and server_create()'s callback knows only its server. */
static struct daemon daemon_state;

/* Signals */

static void end_begin(struct daemon *d)
{
	unsigned int i;

	/* The second one means: now. */
	if (d->ending)
		_exit(EXIT_FAILURE);
	d->ending = true;
	alarm(END_MAX_S);
	upgrade_abort(d->upgrade, "the daemon ends");
	if (d->control)
		control_destroy(d->control);
	d->control = NULL;
	for (i = 0; i < d->num_servers; i++)
		server_close(d->servers[i]);
}

static void reload(struct daemon *d)
{
	unsigned int i;

	/* Who takes over reads all sizes anyway. */
	if (d->ending || upgrade_active(d->upgrade))
		return;
	for (i = 0; i < d->num_servers; i++)
		server_reload(d->servers[i]);
}

static void signals_ready(struct ev_fd *ev, u32 events)
{
	struct daemon *d = container_of(ev, struct daemon, signals);
	struct signalfd_siginfo info;

	while (read(ev->fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGUSR1:
			stats_log(d);
			break;
		case SIGHUP:
			reload(d);
			break;
		case SIGALRM:
			log_warn("I/O in flight after %d s: ending without it",
				 END_MAX_S);
			_exit(EXIT_FAILURE);
		default:
			end_begin(d);
			break;
		}
	}
}

static int signals_open(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A front end's pipe may be gone when we write to it. */
	signal(SIGPIPE, SIG_IGN);
	d->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals.fd < 0)
		return -errno;
	d->signals.ready = signals_ready;
	return evloop_add(d->loop, &d->signals, EPOLLIN);
}

/* Start and end */

static void server_closed(struct server *s)
{
	struct daemon *d = &daemon_state;

	if (!--d->open)
		evloop_quit(d->loop);
}

/* Each queue has up to three descriptors, each region of memory one briefly. */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int sigbus_catch(struct daemon *d)
{
	return sigbus_init();
}

static int loop_create(struct daemon *d)
{
	raise_fd_limit();
	d->loop = evloop_create();
	return d->loop ? 0 : -ENOMEM;
}

static int devices_open(struct daemon *d)
{
	struct device_env env = {
		.loop = d->loop,
		.workers = d->workers,
		.num_workers = d->num_workers,
	};
	int err;

	d->devices = calloc(d->conf.num_devices, sizeof(*d->devices));
	if (!d->devices)
		return -ENOMEM;
	while (d->num_devices < d->conf.num_devices) {
		const struct conf_device *conf =
			&d->conf.devices[d->num_devices];

		err = device_create[conf->type](&d->devices[d->num_devices],
						conf, &env);
		if (err)
			return err;
		d->num_devices++;
	}
	return 0;
}

static int servers_open(struct daemon *d)
{
	int err;

	d->servers = calloc(d->num_devices, sizeof(*d->servers));
	if (!d->servers)
		return -ENOMEM;
	while (d->num_servers < d->num_devices) {
		err = server_create(&d->servers[d->num_servers],
				    d->devices[d->num_servers],
				    &d->conf.devices[d->num_servers], d->loop,
				    server_closed);
		if (err)
			return err;
		d->num_servers++;
	}
	d->open = d->num_servers;
	return 0;
}

static int devices_start(struct daemon *d)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < d->num_devices && !err; i++)
		if (d->devices[i]->ops->start)
			err = d->devices[i]->ops->start(d->devices[i]);
	return err;
}

static int sandbox_begin(struct daemon *d)
{
	int err = sandbox_prepare(&d->sandbox, &d->conf);

	return err ?: sandbox_enter(&d->sandbox);
}

static int control_open(struct daemon *d)
{
	return d->conf.control ? control_create(&d->control, d) : 0;
}

static int upgrade_open(struct daemon *d)
{
	return d->conf.control ? upgrade_create(&d->upgrade, d) : 0;
}

static int stuck_watch(struct daemon *d)
{
	return d->conf.stuck_after ? stuck_create(&d->stuck, d) : 0;
}

static int sandbox_end(struct daemon *d)
{
	return sandbox_lock(&d->sandbox);
}

static int source_adopt(struct daemon *d)
{
	return d->source ? upgrade_adopt(d->source, d) : 0;
}

static int source_commit(struct daemon *d)
{
	return d->source ? upgrade_commit(d->source, d) : 0;
}

/* The order of the start: what needs names and rights first, threads last. */
static int (*const steps[])(struct daemon *d) = {
	sigbus_catch,  loop_create,   signals_open,  workers_create,
	devices_open,  servers_open,  control_open,  upgrade_open,
	stuck_watch,   source_adopt,  sandbox_begin, devices_start,
	workers_start, sandbox_end,   source_commit,
};

static int start(struct daemon *d)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(steps) && !err; i++)
		err = steps[i](d);
	return err;
}

static void end(struct daemon *d)
{
	/* A start that has failed further on. */
	if (d->control)
		control_destroy(d->control);
	if (d->upgrade)
		upgrade_destroy(d->upgrade);
	if (d->stuck)
		stuck_destroy(d->stuck);
	while (d->num_servers)
		server_destroy(d->servers[--d->num_servers]);
	while (d->num_devices) {
		struct device *dev = d->devices[--d->num_devices];

		dev->ops->destroy(dev);
	}
	workers_end(d);
	free(d->servers);
	free(d->devices);
	if (d->signals.fd > 0)
		close(d->signals.fd);
	if (d->loop)
		evloop_destroy(d->loop);
	conf_free(&d->conf);
}

/*
 * Where it fails, the daemon before us goes on: nothing of what is its may be
 * closed in a way that shows, no socket file removed.  So this process just ends.
 */
static void take_over(struct daemon *d)
{
	raise_fd_limit();
	if (upgrade_fetch(&d->source, d, d->conf.upgrade_from))
		_exit(EXIT_FAILURE);
	log_set_level(d->conf.log_level);
	if (start(d))
		_exit(EXIT_FAILURE);
	upgrade_source_free(d->source);
	d->source = NULL;
}

int main(int argc, char **argv)
{
	struct daemon *d = &daemon_state;
	int err;

	err = conf_load(&d->conf, argc, argv);
	if (err)
		return err == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
	log_set_level(d->conf.log_level);
	if (d->conf.check_only) {
		printf("%u devices, no errors\n", d->conf.num_devices);
		conf_free(&d->conf);
		return EXIT_SUCCESS;
	}
	if (d->conf.upgrade_from)
		take_over(d);
	else
		err = start(d);
	if (!err) {
		log_notice("ready");
		err = evloop_run(d->loop);
	}
	end(d);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
