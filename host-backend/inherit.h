/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inherit - descriptors that a daemon has from its predecessor
 *
 * Whoever opens something looks here first: what is there under its owner's
 * name and its own role is used instead of opened.  Empty but in a daemon that
 * takes over from another (upgrade.h).  Control thread only, at the start.
 */
#ifndef PV_INHERIT_H
#define PV_INHERIT_H

#include "util.h"

/**
 * inherit_add() - @fd, which is ours from here on, for @owner's @role
 *
 * Return: 0, -EEXIST, -ENOMEM, -ENAMETOOLONG; @fd is closed then.
 */
int inherit_add(const char *owner, const char *role, int fd);

/** inherit_take() - the descriptor, the caller's from here on; -1: none */
int inherit_take(const char *owner, const char *role);

/**
 * inherit_end() - close what nobody wanted
 *
 * Return: how many.
 */
unsigned int inherit_end(void);

#endif /* PV_INHERIT_H */
