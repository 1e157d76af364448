/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats_table - every counter: name, meaning, unit, where it is kept
 *
 * One table.  The control socket's answer, the log's lines at SIGUSR1, what a
 * new daemon takes over from the old one, and later metrics all come from it.
 * A counter is a u64 in one of the structs that a scope stands for.  Its worker
 * writes it with plain stores (a device's, which has several: with atomic
 * additions), and anyone reads it.
 */
#ifndef PV_STATS_TABLE_H
#define PV_STATS_TABLE_H

#include "util.h"

/** enum stats_scope - which struct a counter is in */
enum stats_scope {
	STATS_QUEUE,	/* struct queue_stats: every queue */
	STATS_BLK,	/* struct blk_stats: a disk's queue */
	STATS_NBD,	/* struct nbd_stats: a disk */
	STATS_NET,	/* struct net_stats: a NIC's queue */
	STATS_PORT,	/* struct port_stats: a NIC's queue */
	STATS_WORKER,	/* struct worker_stats: a worker */
	STATS_SCOPE_MAX
};

/** enum stats_unit - of a counter; all of them only ever grow */
enum stats_unit {
	STATS_EVENTS,
	STATS_BYTES,
};

/**
 * struct stats_row - a counter
 * @scope:	struct that it is in
 * @name:	unique among the scopes of a queue, of a device, and of a worker
 * @help:	one line
 * @unit:	of the value
 * @offset:	in the struct
 */
struct stats_row {
	enum stats_scope scope;
	const char *name;
	const char *help;
	enum stats_unit unit;
	size_t offset;
};

extern const struct stats_row stats_table[];
extern const unsigned int stats_table_len;

/**
 * struct stats_sources - the structs of one queue, device or worker
 * @base:	by scope; NULL where it has none
 */
struct stats_sources {
	const void *base[STATS_SCOPE_MAX];
};

/** stats_value() - a row's counter, NULL where @from has not its scope */
static inline const u64 *stats_value(const struct stats_row *row,
				     const struct stats_sources *from)
{
	const u8 *base = from->base[row->scope];

	return base ? (const u64 *)(base + row->offset) : NULL;
}

#endif /* PV_STATS_TABLE_H */
