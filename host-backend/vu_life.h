/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_life - messages about a device's life: status, reset, migration
 *
 * Handlers for rows of the table in vu_handler.c.
 */
#ifndef PV_VU_LIFE_H
#define PV_VU_LIFE_H

#include "vu_handler.h"

int vu_set_status(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);
int vu_get_status(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);
int vu_reset_device(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);
int vu_set_log_base(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);
int vu_set_log_fd(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);
int vu_set_device_state_fd(struct vu_dev *vd, struct vu_msg *msg,
			   struct queue *q);
int vu_check_device_state(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q);
int vu_send_rarp(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);
int vu_net_set_mtu(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);

#endif /* PV_VU_LIFE_H */
