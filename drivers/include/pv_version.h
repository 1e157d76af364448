/* SPDX-License-Identifier: GPL-2.0 */
/* pv_version - the one place that holds the version of both modules */
#ifndef PV_VERSION_H
#define PV_VERSION_H

#define PV_VERSION "0.1.0"

#endif /* PV_VERSION_H */
