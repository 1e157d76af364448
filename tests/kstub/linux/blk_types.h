/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kstub - <linux/blk_types.h> for PURE files in userspace.  The values differ
 * from kernel to kernel and do not matter, as long as they are distinct.
 */
#ifndef KSTUB_LINUX_BLK_TYPES_H
#define KSTUB_LINUX_BLK_TYPES_H

#include <linux/types.h>

enum req_op {
	REQ_OP_READ,
	REQ_OP_WRITE,
	REQ_OP_FLUSH,
	REQ_OP_DISCARD,
	REQ_OP_SECURE_ERASE,
	REQ_OP_WRITE_ZEROES,
	REQ_OP_DRV_IN,
	REQ_OP_DRV_OUT,
};

typedef u8 blk_status_t;
#define BLK_STS_OK ((blk_status_t)0)
#define BLK_STS_NOTSUPP ((blk_status_t)1)
#define BLK_STS_IOERR ((blk_status_t)10)

#endif /* KSTUB_LINUX_BLK_TYPES_H */
