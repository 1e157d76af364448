/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kstub - <linux/string.h> for PURE files in userspace */
#ifndef KSTUB_LINUX_STRING_H
#define KSTUB_LINUX_STRING_H

#include <string.h>

#endif /* KSTUB_LINUX_STRING_H */
