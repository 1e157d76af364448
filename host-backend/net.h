/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net - the virtio-net device (virtio 1.3, 5.1)
 */
#ifndef PV_NET_H
#define PV_NET_H

#include "device.h"

struct conf_device;

/** net_create() - open the port and make the device; 0 or -errno, logged */
int net_create(struct device **out, const struct conf_device *conf,
	       const struct device_env *env);

#endif /* PV_NET_H */
