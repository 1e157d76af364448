/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers - the daemon's data-path threads: how many, and on what engine
 */
#ifndef PV_WORKERS_H
#define PV_WORKERS_H

struct daemon;

/** workers_create() - all, but none of their threads; 0 or -errno, logged */
int workers_create(struct daemon *d);

/**
 * workers_start() - start their threads
 *
 * With io-engine=auto the first one finds out whether io_uring can be used; if
 * not, one line says why and all run on threads.
 *
 * Return: 0 or -errno, logged as one line.
 */
int workers_start(struct daemon *d);

/** workers_end() - nothing may be in flight any more */
void workers_end(struct daemon *d);

#endif /* PV_WORKERS_H */
