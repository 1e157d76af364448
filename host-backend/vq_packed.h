/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vq_packed - the packed ring (virtio 1.3, 2.8)
 */
#ifndef PV_VQ_PACKED_H
#define PV_VQ_PACKED_H

#include "vq.h"

extern const struct vq_layout_ops vq_packed_ops;

#endif /* PV_VQ_PACKED_H */
