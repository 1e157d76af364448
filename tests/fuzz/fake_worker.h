/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_worker - the data path's thread for fuzz targets: no thread, no io_uring
 *
 * Implements worker.h as far as queues, null stores and echo ports need it.
 * The target says when a turn is made and when a kick comes, so that a run is
 * the same each time.
 */
#ifndef FUZZ_FAKE_WORKER_H
#define FUZZ_FAKE_WORKER_H

#include "worker.h"

/** fake_worker() - the one worker there is */
struct worker *fake_worker(void);

/** fake_worker_turn() - messages, completions, tasks; true where any came */
bool fake_worker_turn(void);

/** fake_worker_wake() - every poll and timer that waits becomes true */
void fake_worker_wake(void);

/** fake_worker_idle() - nothing is known to it: no task, no operation */
bool fake_worker_idle(void);

#endif /* FUZZ_FAKE_WORKER_H */
