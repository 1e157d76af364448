// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * workers - the daemon's data-path threads: how many, and on what engine
 */
#include "workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "worker.h"

/* Entries of a worker's submission ring; more in one turn cost a system call. */
#define WORKER_ENTRIES 512

static unsigned int workers_wanted(const struct conf *conf)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int queues = 0;
	unsigned int i;

	if (conf->num_workers)
		return conf->num_workers;
	for (i = 0; i < conf->num_devices; i++)
		queues += conf->devices[i].num_queues;
	return cpus > 0 ? min(queues, (unsigned int)cpus) : 1;
}

/* For a message: the sandbox lets nobody read it when it is needed. */
static int io_uring_disabled;

static enum io_engine engine_find(const char *name)
{
	if (name && !strcmp(name, "threads"))
		return IO_ENGINE_THREADS;
	if (name && !strcmp(name, "io_uring"))
		return IO_ENGINE_IO_URING;
	return IO_ENGINE_AUTO;
}

/* Linux 6.6: 1: for a group, and others with CAP_SYS_ADMIN; 2: for nobody */
static int read_sysctl(void)
{
	FILE *f = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%d", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

static void explain(int err, char *buf, size_t size)
{
	if (err == -EPERM && io_uring_disabled)
		snprintf(buf, size, "sysctl kernel.io_uring_disabled=%d",
			 io_uring_disabled);
	else if (err == -EPERM || err == -ENOSYS)
		snprintf(
			buf, size,
			"%s: forbidden by seccomp, as in a container's profile, or not in this kernel",
			strerror(-err));
	else if (err == -EOPNOTSUPP)
		snprintf(buf, size, "this kernel is older than 5.13");
	else if (err == -ENOMEM)
		snprintf(buf, size, "%s: see ulimit -l", strerror(-err));
	else
		snprintf(buf, size, "%s", strerror(-err));
}

/* True where worker @index is to be tried again, on threads. */
static bool fall_back(enum io_engine *engine, unsigned int index, int err)
{
	char why[128];

	if (*engine == IO_ENGINE_THREADS) {
		log_err("worker %u: cannot be started: %s", index,
			strerror(-err));
		return false;
	}
	explain(err, why, sizeof(why));
	if (*engine == IO_ENGINE_IO_URING || index) {
		log_err("worker %u: io_uring cannot be used (%s); io-engine=threads would do without",
			index, why);
		return false;
	}
	log_notice(
		"io_uring cannot be used (%s): I/O is done by threads, at a lower rate",
		why);
	*engine = IO_ENGINE_THREADS;
	return true;
}

int workers_create(struct daemon *d)
{
	unsigned int want = workers_wanted(&d->conf);
	struct worker_conf wc = {
		.poll_max_ns = d->conf.poll_max_us * 1000,
		.entries = WORKER_ENTRIES,
	};
	int err;

	d->workers = calloc(want, sizeof(*d->workers));
	if (!d->workers)
		return -ENOMEM;
	while (d->num_workers < want) {
		wc.index = d->num_workers;
		err = worker_create(&d->workers[wc.index], &wc);
		if (err) {
			log_err("worker %u: %s", wc.index, strerror(-err));
			return err;
		}
		d->num_workers++;
	}
	io_uring_disabled = read_sysctl();
	return 0;
}

int workers_start(struct daemon *d)
{
	enum io_engine engine = engine_find(d->conf.io_engine);
	unsigned int i = 0;

	while (i < d->num_workers) {
		int err = worker_start(d->workers[i], engine);

		if (err && !fall_back(&engine, i, err))
			return err;
		i += !err;
	}
	if (engine == IO_ENGINE_THREADS)
		d->sandbox.needs |= SYSCALLS_THREADS;
	return 0;
}

void workers_end(struct daemon *d)
{
	while (d->num_workers)
		worker_destroy(d->workers[--d->num_workers]);
	free(d->workers);
	d->workers = NULL;
}
