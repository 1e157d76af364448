/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat - every difference between kernels that the drivers must bridge
 *
 * Force-included into every driver file (drivers/Kbuild), so that the drivers
 * themselves read like code for one kernel and hold no version check.
 */
#ifndef PV_COMPAT_H
#define PV_COMPAT_H

#endif /* PV_COMPAT_H */
