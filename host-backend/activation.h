/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * activation - descriptors that the service manager opened (sd_listen_fds(3))
 */
#ifndef PV_ACTIVATION_H
#define PV_ACTIVATION_H

/**
 * activation_fd() - the descriptor that is called @name
 *
 * LISTEN_FDS descriptors from 3 on, if LISTEN_PID is this process;
 * LISTEN_FDNAMES has their names, with ":" between.  A single descriptor is
 * everybody's whatever its name.
 *
 * Return: descriptor, or -ENOENT.
 */
int activation_fd(const char *name);

#endif /* PV_ACTIVATION_H */
