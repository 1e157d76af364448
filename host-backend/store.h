/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - what holds a disk's bytes: file, block device, null; later NBD, RBD
 *
 * A store is opened once, by the control thread; its operations run on workers,
 * each request on the worker that submitted it.  Offsets and lengths have been
 * checked against the capacity by the caller (blk_req.c) and are multiples of
 * 512.
 */
#ifndef PV_STORE_H
#define PV_STORE_H

#include "iov.h"
#include "util.h"
#include "worker.h"

struct conf_device;
struct stats_sources;
struct store;

/** enum store_op - what a request does */
enum store_op {
	STORE_READ,
	STORE_WRITE,
	STORE_FLUSH, /* data and metadata durable when complete */
	STORE_DISCARD, /* content undefined afterwards, space freed */
	STORE_WRITE_ZEROES, /* reads as zero; keeps the space allocated */
	STORE_WRITE_ZEROES_UNMAP, /* reads as zero; may free the space */
};

/*
 * Aligned scratch memory that the caller lends with each request: a store
 * copies through it, piece by piece, where guest memory is not aligned as
 * O_DIRECT wants it.
 */
#define STORE_BOUNCE_SIZE 16384

/**
 * enum store_path - how the bytes of a request travel, decided by the store
 * @STORE_PATH_NONE:	no data moves
 * @STORE_PATH_MAPPED:	copied in submit(), without a call; file in memory
 * @STORE_PATH_INLINE:	copied by a system call in submit(); file in memory
 * @STORE_PATH_DIRECT:	as opened; O_DIRECT where the file allows it
 * @STORE_PATH_BOUNCE:	O_DIRECT through @bounce
 * @STORE_PATH_BUFFERED: page cache, for a piece of a block
 */
enum store_path {
	STORE_PATH_NONE,
	STORE_PATH_MAPPED,
	STORE_PATH_INLINE,
	STORE_PATH_DIRECT,
	STORE_PATH_BOUNCE,
	STORE_PATH_BUFFERED,
	STORE_PATH_MAX
};

/**
 * struct store_remote - of a request to a store that another party answers
 * @msg:	on its way to the connection's worker, and back
 * @node:	in the connection's lists
 * @conn:	that connection
 * @deadline_ns: CLOCK_MONOTONIC; fails with -ETIMEDOUT then
 * @pending:	commands sent and not answered
 * @err:	0 or -errno, the first one
 */
struct store_remote {
	struct worker_msg msg;
	struct list node;
	void *conn;
	u64 deadline_ns;
	unsigned int pending;
	int err;
};

/**
 * struct store_req - one operation; memory of the caller until it is done
 * @op:		what
 * @fua:	durable before done (writes and write-zeroes)
 * @offset:	bytes from the start of the disk
 * @len:	bytes, > 0 but for STORE_FLUSH
 * @data:	for read and write: guest memory, @len bytes; the store uses up
 *		the array, which is the caller's private copy
 * @bounce:	STORE_BOUNCE_SIZE bytes aligned to a page
 * @done:	called on the same worker with 0 or -errno where submit() said
 *		-EINPROGRESS, short transfers already retried
 * @path:	told by the store, for the caller's counters
 * @retries:	told by the store: short transfers, EINTR and EAGAIN gone through
 * @store, @worker, @wop, @remote, @pos, @phase: the store's own
 */
struct store_req {
	enum store_op op;
	bool fua;
	u64 offset;
	u64 len;
	struct iov_span data;
	void *bounce;
	void (*done)(struct store_req *req, int err);
	enum store_path path;
	u16 retries;
	u8 phase;
	struct store *store;
	struct worker *worker;
	union {
		struct worker_op wop;
		struct store_remote remote;
	};
	u64 pos;
};

/**
 * struct store_limits - what a store can do, for config space
 * @capacity:	bytes; changed by refresh() alone, read by workers with
 *		READ_ONCE()
 * @block_size:	smallest unit without read-modify-write, bytes
 * @physical_size: the device's own unit, bytes, >= @block_size
 * @discard_align: bytes, 0: cannot discard
 * @discard_max: bytes at a time
 * @write_zeroes_max: bytes at a time, 0: cannot
 * @read_only:	refuses writes
 * @bounces:	may use store_req.bounce
 */
struct store_limits {
	u64 capacity;
	u32 block_size;
	u32 physical_size;
	u32 discard_align;
	u64 discard_max;
	u64 write_zeroes_max;
	bool read_only;
	bool bounces;
};

/**
 * struct store_ops - a kind of store
 * @name:	value of --store
 * @open:	from the device's configuration; logs one clear line on failure
 * @start:	in the sandbox, before the first request: threads of its own; 0 or
 *		-errno, logged; may be NULL
 * @submit:	start @req on @worker; 0 or -errno where it is already over
 *		(@done is not called), else -EINPROGRESS
 * @sync:	make all completed writes durable, blocking; control thread
 * @acquire:	a driver begins: nobody else may use the disk; 0 or -EBUSY.
 *		Again and again, control thread.  Optional, as @release
 * @release:	its driver has moved to another host process, which may use it
 * @fds:	as device_ops.fds; where it is missing, another daemon opens anew
 * @grow:	make it @size bytes, more than it has; refresh() comes after.
 *		Optional
 * @refresh:	look at the size again; true where it changed
 * @stats:	say where the store's own counters are.  Optional
 * @close:	no request in flight
 */
struct store_ops {
	const char *name;
	int (*open)(struct store **out, const struct conf_device *conf);
	int (*start)(struct store *st);
	int (*submit)(struct store *st, struct worker *w,
		      struct store_req *req);
	int (*sync)(struct store *st);
	int (*acquire)(struct store *st);
	void (*release)(struct store *st);
	void (*fds)(const struct store *st,
		    void (*give)(void *arg, const char *role, int fd),
		    void *arg);
	int (*grow)(struct store *st, u64 size);
	bool (*refresh)(struct store *st);
	void (*stats)(const struct store *st, struct stats_sources *out);
	void (*close)(struct store *st);
};

/** struct store - common part; kinds embed it as their first member */
struct store {
	const struct store_ops *ops;
	struct store_limits limits;
};

extern const struct store_ops store_file_ops;
extern const struct store_ops store_null_ops;

/* Of the modules: see store.c. */
extern const struct store_ops store_nbd_ops;
extern const struct store_ops store_rbd_ops;

/**
 * store_open() - of the kind that @conf->store names
 *
 * Return: 0 or -errno, logged as one line.
 */
int store_open(struct store **out, const struct conf_device *conf);

static inline int store_submit(struct store *st, struct worker *w,
			       struct store_req *req)
{
	return st->ops->submit(st, w, req);
}

#endif /* PV_STORE_H */
