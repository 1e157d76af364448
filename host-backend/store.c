// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store - the kinds of store by name
 */
#include "store.h"

#include <errno.h>
#include <string.h>

#include "conf.h"
#include "conf_given.h"
#include "log.h"

#ifdef PV_NBD
#define NBD_OPS (&store_nbd_ops)
#else
#define NBD_OPS NULL
#endif

#ifdef PV_RBD
#define RBD_OPS (&store_rbd_ops)
#else
#define RBD_OPS NULL
#endif

/* In the words of conf_table.c; @library is what a build needs for it. */
static const struct {
	const char *name;
	const struct store_ops *ops;
	const char *library;
} kinds[] = {
	{ "file", &store_file_ops, NULL },
	{ "null", &store_null_ops, NULL },
	{ "nbd", NBD_OPS, "libnbd" },
	{ "rbd", RBD_OPS, "librbd" },
};

int store_open(struct store **out, const struct conf_device *conf)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, conf->store) != 0)
			continue;
		if (kinds[i].ops)
			return kinds[i].ops->open(out, conf);
		conf_err(conf, "store", "this pvbackend was built without %s",
			 kinds[i].library);
		return -EOPNOTSUPP;
	}
	conf_err(conf, "store", "no such kind of store");
	return -EINVAL;
}
