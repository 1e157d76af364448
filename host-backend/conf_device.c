// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf_device - the devices of a configuration: added, checked, freed
 */
#include "conf_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "conf_table.h"
#include "log.h"

#define QUEUE_SIZE_DEFAULT  1024
#define NBD_TIMEOUT_DEFAULT 30

/* Whom the file system lets connect: owner and group. */
#define SOCKET_MODE_DEFAULT 0660

/* QEMU asks for as many as the guest has CPUs and refuses if we have fewer. */
#define BLK_QUEUES_DEFAULT 16

const struct conf_type_info conf_types[CONF_TYPE_MAX] = {
	[CONF_BLK] = {
		.name = "blk",
		.scope = CONF_IN_BLK,
		.capabilities = "{ \"type\": \"block\", \"features\": [ \"blk-file\", \"read-only\" ] }",
	},
	[CONF_NET] = {
		/* The schema knows no features of type net. */
		.name = "net",
		.scope = CONF_IN_NET,
		.capabilities = "{ \"type\": \"net\" }",
	},
};

int conf_type_find(const char *name)
{
	int type;

	for (type = 0; type < CONF_TYPE_MAX; type++)
		if (!strcmp(conf_types[type].name, name))
			return type;
	return -ENOENT;
}

static int defaults(struct conf_device *dev)
{
	dev->num_queues = dev->type == CONF_BLK ? BLK_QUEUES_DEFAULT : 1;
	dev->queue_size = QUEUE_SIZE_DEFAULT;
	dev->socket_mode = SOCKET_MODE_DEFAULT;
	dev->direct = true;
	dev->nbd_timeout = NBD_TIMEOUT_DEFAULT;
	if (dev->type == CONF_BLK)
		dev->store = strdup("file");
	else
		dev->port = strdup("tap");
	return dev->store || dev->port ? 0 : -ENOMEM;
}

struct conf_device *conf_device_add(struct conf *conf, enum conf_type type,
				    const char *name, struct conf_place place)
{
	struct conf_device *devices, *dev;

	devices = realloc(conf->devices,
			  (conf->num_devices + 1) * sizeof(*devices));
	if (!devices)
		return NULL;
	conf->devices = devices;
	dev = &devices[conf->num_devices++];
	memset(dev, 0, sizeof(*dev));
	dev->type = type;
	dev->name = strdup(name);
	dev->place = place;
	if (!dev->name || defaults(dev))
		return NULL;
	return dev;
}

static void device_free(struct conf_device *dev)
{
	unsigned int i;

	for (i = 0; i < conf_num_options; i++)
		if (conf_options[i].scopes & CONF_IN_DEVICE)
			conf_option_free(&conf_options[i], dev);
	conf_given_free(dev->given);
	free((char *)dev->name);
}

void conf_devices_free(struct conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->num_devices; i++)
		device_free(&conf->devices[i]);
	free(conf->devices);
	conf->devices = NULL;
	conf->num_devices = 0;
}

static int missing(const struct conf_device *dev, const char *option)
{
	conf_err(dev, option, "is missing, %s %s needs it",
		 conf_types[dev->type].name, dev->name);
	return -EINVAL;
}

static int invalid(const struct conf_device *dev, const char *option,
		   const char *want)
{
	conf_err(dev, option, "%s", want);
	return -EINVAL;
}

/* What a store cannot do without, and what is of no use to others. */
static const struct {
	const char *store;
	const char *option;
	bool needed;
} store_options[] = {
	{ "file", "blk-file", true }, { "null", "size", true },
	{ "nbd", "nbd-uri", true },   { "nbd", "nbd-timeout", false },
	{ "rbd", "rbd-image", true }, { "rbd", "rbd-conf", false },
	{ "rbd", "rbd-user", false },
};

static int store_check(const struct conf_device *dev)
{
	for (size_t i = 0; i < ARRAY_SIZE(store_options); i++) {
		const char *option = store_options[i].option;
		bool given = conf_given_find(dev->given, option);

		if (strcmp(store_options[i].store, dev->store) != 0) {
			if (!given)
				continue;
			conf_err(dev, option,
				 "is for store=%s, this is store=%s",
				 store_options[i].store, dev->store);
			return -EINVAL;
		}
		if (store_options[i].needed && !given)
			return missing(dev, option);
	}
	return 0;
}

static int device_check(const struct conf_device *dev)
{
	if (!dev->socket_path && !dev->fd)
		return missing(dev, "socket-path");
	if (dev->socket_path && dev->fd)
		return invalid(dev, "fd", "either this or socket-path");
	if (conf_is_client(dev) && dev->fd)
		return invalid(dev, "mode", "a client needs socket-path");
	if (dev->type == CONF_NET && !strcmp(dev->port, "tap") && !dev->tap)
		return missing(dev, "tap");
	if (dev->type == CONF_BLK && store_check(dev))
		return -EINVAL;
	if (dev->limits[THROTTLE_OPS].burst && !dev->limits[THROTTLE_OPS].rate)
		return invalid(dev, "iops-burst", "means nothing without iops");
	if (dev->limits[THROTTLE_BYTES].burst &&
	    !dev->limits[THROTTLE_BYTES].rate)
		return invalid(dev, "bps-burst", "means nothing without bps");
	if (dev->queue_size & (dev->queue_size - 1))
		return invalid(dev, "queue-size", "must be a power of 2");
	if (dev->block_size & (dev->block_size - 1))
		return invalid(dev, "block-size",
			       "must be 512, 1024, 2048 or 4096");
	return 0;
}

static int twins_check(const struct conf_device *a, const struct conf_device *b)
{
	char where[CONF_PLACE_LEN], other[CONF_PLACE_LEN];

	if (!strcmp(a->name, b->name)) {
		log_err("%s: name %s: %s has it already",
			conf_place_text(b->place, where, sizeof(where)),
			b->name,
			conf_place_text(a->place, other, sizeof(other)));
		return -EINVAL;
	}
	if (a->fd && a->fd == b->fd)
		return invalid(b, "fd", "another device has it already");
	if (a->socket_path && b->socket_path &&
	    !strcmp(a->socket_path, b->socket_path)) {
		const struct conf_given *first =
			conf_given_find(a->given, "socket-path");

		conf_err(b, "socket-path", "%s has it already",
			 conf_place_text(first->place, other, sizeof(other)));
		return -EINVAL;
	}
	return 0;
}

/* A device without a socket of its own has the service manager's. */
static void activation_use(struct conf_device *dev)
{
	int fd = dev->socket_path || dev->fd ? 0 : activation_fd(dev->name);

	if (fd > 0)
		dev->fd = (unsigned int)fd;
}

int conf_devices_check(const struct conf *conf)
{
	unsigned int i, j;

	for (i = 0; i < conf->num_devices; i++) {
		activation_use(&conf->devices[i]);
		if (device_check(&conf->devices[i]))
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (twins_check(&conf->devices[j], &conf->devices[i]))
				return -EINVAL;
	}
	return 0;
}
