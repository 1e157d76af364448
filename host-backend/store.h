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

#include <sys/uio.h>

#include "util.h"
#include "worker.h"

struct conf_device;
struct store;

/** enum store_op - what a request does */
enum store_op {
	STORE_READ,
	STORE_WRITE,
	STORE_FLUSH,		/* data and metadata durable when complete */
	STORE_DISCARD,		/* content undefined afterwards, space freed */
	STORE_WRITE_ZEROES,	/* reads as zero; keeps the space allocated */
	STORE_WRITE_ZEROES_UNMAP, /* reads as zero; may free the space */
};

/**
 * struct store_req - one operation; memory of the caller until @done
 * @op:		what
 * @offset:	bytes from the start of the disk
 * @len:	bytes
 * @iov:	data for read and write; guest memory
 * @iovcnt:	entries of @iov
 * @done:	called on the same worker with 0 or -errno, never before
 *		submit() returns to the event loop's turn, short transfers
 *		already retried
 * @wop:	for the store: its completion entry
 * @pos:	for the store: bytes done so far
 */
struct store_req {
	enum store_op op;
	u64 offset;
	u64 len;
	struct iovec *iov;
	unsigned int iovcnt;
	void (*done)(struct store_req *req, int err);
	struct store *store;
	struct worker *worker;
	struct worker_op wop;
	u64 pos;
};

/**
 * struct store_limits - what a store can do, for config space
 * @capacity:	bytes
 * @block_size:	smallest unit without read-modify-write, bytes
 * @physical_size: the device's own unit, bytes, >= @block_size
 * @discard_align: bytes, 0: cannot discard
 * @write_zeroes: can write zeroes without being sent them
 * @read_only:	refuses writes
 * @dma_align:	required alignment of memory and length of each iov entry, bytes
 */
struct store_limits {
	u64 capacity;
	u32 block_size;
	u32 physical_size;
	u32 discard_align;
	bool write_zeroes;
	bool read_only;
	u32 dma_align;
};

/**
 * struct store_ops - a kind of store
 * @name:	value of --store
 * @open:	from the device's configuration; logs one clear line on failure
 * @submit:	start @req on @worker
 * @refresh:	look at the size again; true where it changed
 * @close:	no request in flight
 */
struct store_ops {
	const char *name;
	int (*open)(struct store **out, const struct conf_device *conf);
	void (*submit)(struct store *st, struct worker *w,
		       struct store_req *req);
	bool (*refresh)(struct store *st);
	void (*close)(struct store *st);
};

/** struct store - common part; kinds embed it as their first member */
struct store {
	const struct store_ops *ops;
	struct store_limits limits;
};

extern const struct store_ops store_file_ops;
extern const struct store_ops store_null_ops;

/** store_find() - kind by name ("file", "null"), or NULL */
const struct store_ops *store_find(const char *name);

static inline void store_submit(struct store *st, struct worker *w,
				struct store_req *req)
{
	st->ops->submit(st, w, req);
}

#endif /* PV_STORE_H */
