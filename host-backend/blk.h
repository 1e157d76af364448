/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk - the virtio-blk device (virtio 1.3, 5.2)
 */
#ifndef PV_BLK_H
#define PV_BLK_H

#include "device.h"

struct conf_device;

/** blk_create() - open the store and make the device; 0 or -errno, logged */
int blk_create(struct device **out, const struct conf_device *conf,
	       const struct device_env *env);

#endif /* PV_BLK_H */
