/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kstub - <linux/errno.h> for PURE files in userspace */
#ifndef KSTUB_LINUX_ERRNO_H
#define KSTUB_LINUX_ERRNO_H

#include_next <linux/errno.h>
#include <errno.h>

#endif /* KSTUB_LINUX_ERRNO_H */
