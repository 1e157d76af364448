// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox - what the process can still do after its start: little
 */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/prctl.h>

#include "conf.h"
#include "log.h"

static int fail(int err, const char *what)
{
	log_err("sandbox: %s: %s; --sandbox=off runs without it", what,
		strerror(-err));
	return err;
}

static unsigned int needs_of(const struct conf *conf)
{
	static const unsigned int types[CONF_TYPE_MAX] = {
		[CONF_BLK] = SYSCALLS_BLK,
		[CONF_NET] = SYSCALLS_NET,
	};
	unsigned int needs = conf->control ? SYSCALLS_CONTROL : 0;
	unsigned int i;

	for (i = 0; i < conf->num_devices; i++) {
		const struct conf_device *dev = &conf->devices[i];

		needs |= types[dev->type];
		if (dev->nbd_uri || conf_is_client(dev))
			needs |= SYSCALLS_SOCKETS;
	}
	return needs;
}

/*
 * Ceph's threads, which start with the first image, open files and sockets as
 * they like, and TLS reads certificates at each new connection.
 */
static bool needs_all(const struct conf_device *dev)
{
	return dev->rbd_image ||
	       (dev->nbd_uri && strncmp(dev->nbd_uri, "nbds", 4) == 0);
}

static bool anybody_needs_all(const struct conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->num_devices; i++) {
		if (!needs_all(&conf->devices[i]))
			continue;
		log_notice(
			"%s: its store's library needs more than the sandbox allows: there is none",
			conf->devices[i].name);
		return true;
	}
	return false;
}

/* Socket files are removed at the end. */
static int files_allow(struct sandbox *sb, const struct conf *conf)
{
	unsigned int i;
	int err = 0;

	if (conf->control)
		err = landlock_allow_remove(&sb->landlock, conf->control);
	for (i = 0; i < conf->num_devices && !err; i++)
		if (conf->devices[i].socket_path)
			err = landlock_allow_remove(
				&sb->landlock, conf->devices[i].socket_path);
	return err;
}

int sandbox_prepare(struct sandbox *sb, const struct conf *conf)
{
	int err;

	*sb = (struct sandbox){
		.on = conf->sandbox && !anybody_needs_all(conf),
		.needs = needs_of(conf),
	};
	if (!sb->on)
		return 0;
	/*
	 * A heap for each thread would be made when a thread first allocates,
	 * which looks at the CPUs that there are; no thread allocates often.
	 */
	mallopt(M_ARENA_MAX, 1);
	err = landlock_open(&sb->landlock, sb->needs & SYSCALLS_SOCKETS);
	if (!err)
		err = files_allow(sb, conf);
	return err ? fail(err, "Landlock") : 0;
}

static int capabilities_drop(void)
{
	capng_select_t set = CAPNG_SELECT_CAPS;

	capng_get_caps_process();
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		set = CAPNG_SELECT_ALL;
	capng_clear(set);
	return capng_apply(set) ? -EPERM : 0;
}

int sandbox_enter(struct sandbox *sb)
{
	int err;

	if (!sb->on) {
		log_info("sandbox: off");
		return 0;
	}
	err = capabilities_drop();
	if (err)
		return fail(err, "cannot drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fail(-errno, "no_new_privs");
	err = landlock_enter(&sb->landlock);
	if (err)
		return fail(err, "Landlock");
	if (!sb->landlock.abi)
		log_notice(
			"sandbox: this kernel has no Landlock, only system calls are limited");
	return 0;
}

int sandbox_lock(struct sandbox *sb)
{
	int count;

	if (!sb->on)
		return 0;
	count = syscalls_lock(sb->needs);
	if (count < 0)
		return fail(count, "cannot limit system calls");
	log_info("sandbox: %d system calls, Landlock version %d", count,
		 sb->landlock.abi);
	return 0;
}
