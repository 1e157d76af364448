/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_device - the devices of a configuration: added, checked, freed
 */
#ifndef PV_CONF_DEVICE_H
#define PV_CONF_DEVICE_H

#include "conf.h"

/**
 * struct conf_type_info - a type of device
 * @name:	in section heads, and as a command
 * @scope:	CONF_IN_* of its options
 * @capabilities: what --print-capabilities prints (QEMU,
 *		docs/interop/vhost-user.json, VHostUserBackendCapabilities)
 */
struct conf_type_info {
	const char *name;
	unsigned int scope;
	const char *capabilities;
};

extern const struct conf_type_info conf_types[CONF_TYPE_MAX];

/** conf_type_find() - enum conf_type by name, or -ENOENT */
int conf_type_find(const char *name);

/** conf_device_add() - one more, with defaults; NULL where there is no memory */
struct conf_device *conf_device_add(struct conf *conf, enum conf_type type,
				    const char *name, struct conf_place place);

/** conf_devices_check() - what shows only in the whole; 0 or -EINVAL, logged */
int conf_devices_check(const struct conf *conf);

/** conf_devices_free() - all of them */
void conf_devices_free(struct conf *conf);

#endif /* PV_CONF_DEVICE_H */
