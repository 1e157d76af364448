// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_null - a disk without bytes, to measure everything but the disk
 *
 * Every request succeeds at once.  A read leaves the guest's buffer as it was:
 * the guest sees its own old memory, never anything of the host.
 */
#include "store.h"

#include <errno.h>
#include <stdlib.h>

#include "conf.h"
#include "log.h"

#define NULL_SECTOR    512
#define NULL_RANGE_MAX (1ULL << 31)

static int null_open(struct store **out, const struct conf_device *conf)
{
	struct store *st;

	if (conf->size < NULL_SECTOR || conf->size % NULL_SECTOR != 0) {
		conf_err(conf, "size",
			 "must be a multiple of %u bytes, at least %u",
			 NULL_SECTOR, NULL_SECTOR);
		return -EINVAL;
	}
	st = calloc(1, sizeof(*st));
	if (!st) {
		conf_err(conf, "store", "out of memory");
		return -ENOMEM;
	}
	st->ops = &store_null_ops;
	st->limits = (struct store_limits){
		.capacity = conf->size,
		.block_size = conf->block_size ? conf->block_size : NULL_SECTOR,
		.physical_size = max(4096u, conf->block_size),
		.discard_align = conf->read_only ? 0 : NULL_SECTOR,
		.discard_max = NULL_RANGE_MAX,
		.write_zeroes_max = conf->read_only ? 0 : NULL_RANGE_MAX,
		.read_only = conf->read_only,
	};
	*out = st;
	return 0;
}

static int null_submit(struct store *st, struct worker *w,
		       struct store_req *req)
{
	req->path = STORE_PATH_NONE;
	return 0;
}

static int null_sync(struct store *st)
{
	return 0;
}

static bool null_refresh(struct store *st)
{
	return false;
}

static void null_close(struct store *st)
{
	free(st);
}

const struct store_ops store_null_ops = {
	.name = "null",
	.open = null_open,
	.submit = null_submit,
	.sync = null_sync,
	.refresh = null_refresh,
	.close = null_close,
};
