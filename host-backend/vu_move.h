/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vu_move - a connection that goes from one daemon to the next
 *
 * The front end notices nothing.  What it has said is told to the new daemon in
 * as few messages as lead to the same state: made anew from what the device
 * knows, and for the rest those of the front end's own that vu_keep() kept.
 */
#ifndef PV_VU_MOVE_H
#define PV_VU_MOVE_H

#include <jansson.h>

#include "vu_dev.h"

struct handover;
struct vu_message;

/**
 * struct vu_kept - a front end's message whose meaning is kept nowhere else
 * @msg:	the last of its kind, with descriptors of its own
 */
struct vu_kept {
	struct vu_msg msg;
	struct vu_kept *next;
};

/**
 * vu_keep() - remember the message at hand, instead of an earlier one of its kind
 *
 * Before its handler, which takes its descriptors.  Without memory for it the
 * connection cannot move (vu_dev.kept_lost).
 */
void vu_keep(struct vu_dev *vd, const struct vu_msg *msg);

/** vu_keep_clear() - forget all */
void vu_keep_clear(struct vu_dev *vd);

/**
 * vu_move_out() - the paused connection of @vd
 *
 * Return: for the handover's document; NULL with the reason in *@why.
 */
json_t *vu_move_out(struct vu_dev *vd, struct handover *h, const char **why);

/**
 * vu_move_in() - take over a connection; vd->dev.held is set
 *
 * Return: 0 or -errno, logged.  What was taken from @h is closed by
 * vu_dev_close() also then.
 */
int vu_move_in(struct vu_dev *vd, struct handover *h, const json_t *json);

#endif /* PV_VU_MOVE_H */
