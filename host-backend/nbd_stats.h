/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd_stats - what a disk at an NBD server counts of its connections
 */
#ifndef PV_NBD_STATS_H
#define PV_NBD_STATS_H

#include "util.h"

/**
 * struct nbd_stats - of all connections of a store; added to by their workers,
 * atomically, and read by anyone
 * @connects:	connections made
 * @losses:	connections given up: closed, silent, or for the server's new size
 * @interrupted: requests that were with the server then, and wait again
 * @timeouts:	requests that failed for want of an answer in time
 */
struct nbd_stats {
	u64 connects;
	u64 losses;
	u64 interrupted;
	u64 timeouts;
};

#endif /* PV_NBD_STATS_H */
