// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * drv_dev - a whole device from the driver's side: RAM, connection, queues
 */
#include "drv_dev.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_RAM (64ull << 20)

static void conf_defaults(struct drv_dev_conf *conf)
{
	if (!conf->num_queues)
		conf->num_queues = 1;
	if (!conf->group)
		conf->group = 1;
	if (!conf->queue_size)
		conf->queue_size = 256;
	if (!conf->layout.regions)
		conf->layout.regions = 1;
	if (!conf->layout.size)
		conf->layout.size = DEFAULT_RAM;
	if (!conf->indirect_max)
		conf->indirect_max = 64;
	if (!conf->timeout_ms)
		conf->timeout_ms = 3000;
}

static int handshake(struct drv_dev *dev)
{
	const struct drv_dev_conf *conf = &dev->conf;
	int err;

	err = vu_fe_connect(&dev->fe, conf->path);
	if (err)
		return err;
	err = vu_fe_negotiate(&dev->fe,
			      (conf->features | conf->require |
			       DRV_RING_FEATURES) &
				      ~conf->no_features,
			      DRV_PROTO_FEATURES & ~conf->no_proto);
	if (!err && conf->num_queues > dev->fe.num_queues * conf->group &&
	    vu_fe_has_proto(&dev->fe, VU_P_MQ)) {
		snprintf(dev->fe.err, sizeof(dev->fe.err),
			 "the back end has %u queues, not %u",
			 dev->fe.num_queues * conf->group, conf->num_queues);
		err = -EINVAL;
	}
	if (!err && conf->require & ~dev->fe.features) {
		snprintf(dev->fe.err, sizeof(dev->fe.err),
			 "the back end does not offer features 0x%llx",
			 (unsigned long long)(conf->require &
					      ~dev->fe.features));
		err = -EOPNOTSUPP;
	}
	if (err)
		vu_fe_close(&dev->fe);
	return err;
}

static int queues_init(struct drv_dev *dev)
{
	struct drv_vq_conf vc = {
		.size = dev->conf.queue_size,
		.features = dev->fe.features,
		.indirect_max = dev->conf.indirect_max,
	};
	int err;

	dev->vq = calloc(dev->conf.num_queues, sizeof(*dev->vq));
	if (!dev->vq)
		return -ENOMEM;
	for (vc.index = 0; vc.index < dev->conf.num_queues; vc.index++) {
		if (dev->conf.spread_rings)
			vc.region = vc.index % dev->mem.count;
		err = drv_vq_init(&dev->vq[vc.index], &dev->mem, &vc);
		if (err)
			return err;
	}
	return 0;
}

int drv_dev_connect(struct drv_dev *dev, const struct drv_dev_conf *conf)
{
	int err;

	memset(dev, 0, sizeof(*dev));
	dev->conf = *conf;
	conf_defaults(&dev->conf);
	vu_fe_init(&dev->fe);
	dev->record.fd = -1;
	dev->fe.timeout_ms = dev->conf.timeout_ms;
	dev->fe.ack_all = dev->conf.ack_all;
	err = handshake(dev);
	if (err)
		return err;
	err = vu_mem_create(&dev->mem, &dev->conf.layout);
	if (!err)
		err = queues_init(dev);
	if (err) {
		drv_dev_close(dev);
		snprintf(dev->fe.err, sizeof(dev->fe.err), "RAM or rings: %s",
			 strerror(-err));
	}
	return err;
}

int drv_dev_start(struct drv_dev *dev)
{
	const unsigned int n = dev->conf.num_queues;
	struct vu_ring *rings;
	unsigned int i;
	int err;

	rings = calloc(n, sizeof(*rings));
	if (!rings)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		rings[i] = dev->vq[i].ring;
	err = vu_fe_start(&dev->fe, &dev->mem, rings, n,
			  max(n, dev->fe.num_queues * dev->conf.group),
			  &dev->record);
	free(rings);
	return err;
}

int drv_dev_open(struct drv_dev *dev, const struct drv_dev_conf *conf)
{
	int err;

	err = drv_dev_connect(dev, conf);
	if (err)
		return err;
	err = drv_dev_start(dev);
	if (err)
		drv_dev_close(dev);
	return err;
}

int drv_dev_stop(struct drv_dev *dev)
{
	unsigned int i;
	int err;

	for (i = 0; i < dev->conf.num_queues; i++) {
		err = vu_fe_get_vring_base(&dev->fe, i, &dev->vq[i].ring.base);
		if (err)
			return err;
	}
	return 0;
}

int drv_dev_reconnect(struct drv_dev *dev)
{
	unsigned int i;
	int err;

	vu_fe_close(&dev->fe);
	err = handshake(dev);
	if (err)
		return err;
	for (i = 0; i < dev->conf.num_queues; i++)
		drv_vq_reset(&dev->vq[i]);
	vu_record_close(&dev->record);
	return drv_dev_start(dev);
}

int drv_dev_resume(struct drv_dev *dev)
{
	unsigned int i;
	int err;

	vu_fe_close(&dev->fe);
	err = handshake(dev);
	if (err)
		return err;
	for (i = 0; i < dev->conf.num_queues; i++)
		drv_vq_resume(&dev->vq[i]);
	return drv_dev_start(dev);
}

void drv_dev_close(struct drv_dev *dev)
{
	unsigned int i;

	vu_fe_close(&dev->fe);
	for (i = 0; dev->vq && i < dev->conf.num_queues; i++)
		drv_vq_fini(&dev->vq[i]);
	free(dev->vq);
	dev->vq = NULL;
	vu_record_close(&dev->record);
	vu_mem_destroy(&dev->mem);
}
