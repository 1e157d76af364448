/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vq_split - the split ring (virtio 1.3, 2.7)
 */
#ifndef PV_VQ_SPLIT_H
#define PV_VQ_SPLIT_H

#include "vq.h"

extern const struct vq_layout_ops vq_split_ops;

#endif /* PV_VQ_SPLIT_H */
