/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block_cmd - a block device's io_uring commands, for headers that lack them
 */
#ifndef PV_BLOCK_CMD_H
#define PV_BLOCK_CMD_H

#include <linux/ioctl.h>

/* Linux 6.12: what a block device calls discard, also without zeroing. */
#ifndef BLOCK_URING_CMD_DISCARD
#define BLOCK_URING_CMD_DISCARD _IO(0x12, 0)
#endif

#endif /* PV_BLOCK_CMD_H */
