/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap_open - the queues of an existing tap interface, opened and set up
 */
#ifndef PV_TAP_OPEN_H
#define PV_TAP_OPEN_H

#include <linux/fs.h>

#include "util.h"

struct conf_device;

/**
 * tap_open() - open @conf->num_queues queues of the tap that @conf names
 * @fds:	filled with as many non-blocking descriptors, whose frames begin
 *		with a little-endian virtio-net header of PORT_HDR_LEN bytes
 *
 * @inherited:	they are those of the daemon before us, set up already
 *
 * The interface is the operator's: it must be there already, and nobody else
 * may have it open.
 *
 * Return: 0, or -errno after one line in the log that says what is wrong.
 */
int tap_open(const struct conf_device *conf, int *fds, bool *inherited);

/* Room for a role's name. */
#define TAP_ROLE_SIZE 16

/** tap_role() - name of queue @i's descriptor (inherit.h), into @buf */
const char *tap_role(unsigned int i, char *buf);

/**
 * tap_rw_flags() - what makes io_uring return -EAGAIN instead of waiting
 *
 * Return: RWF_NOWAIT, or 0 where a tap does not take it.
 */
__kernel_rwf_t tap_rw_flags(int fd);

/** tap_offloads() - TUN_F_* bits that the kernel takes for this tap */
unsigned int tap_offloads(int fd);

#endif /* PV_TAP_OPEN_H */
