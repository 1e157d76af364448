// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store - the kinds of store by name
 *
 * Kinds that need a large library are modules, loaded where a device asks for
 * one: libnbd alone, with what it links to, would add 400 KiB to the private
 * memory of every daemon.  A module, pvbackend-store-KIND.so, is beside the
 * program or in ../lib/pvpack, and has one symbol, store_KIND_ops.  It stays
 * loaded for the rest of the process.
 */
#include "store.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "conf_given.h"
#include "log.h"

/* In the words of conf_table.c; @library is what a build needs for a module. */
static const struct {
	const char *name;
	const struct store_ops *ops;
	const char *library;
} kinds[] = {
	{ "file", &store_file_ops, NULL },
	{ "null", &store_null_ops, NULL },
	{ "nbd", NULL, "libnbd" },
	{ "rbd", NULL, "librbd" },
};

static const char *const places[] = { "", "../lib/pvpack/" };

/* Length of our own program's directory with its slash, into @path; 0: unknown */
static size_t own_directory(char *path, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", path, size);

	while (len > 0 && path[len - 1] != '/')
		len--;
	return len > 0 ? (size_t)len : 0;
}

static bool module_find(const char *name, char *path, size_t size)
{
	size_t len = own_directory(path, size);

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path + len, size - len, "%spvbackend-store-%s.so",
			 places[i], name);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* NULL, with a line in the log, where it is not there or does not fit */
static const struct store_ops *module_load(const struct conf_device *conf,
					   const char *library)
{
	const struct store_ops *ops = NULL;
	char path[4096], symbol[32];
	void *module;

	if (!module_find(conf->store, path, sizeof(path))) {
		conf_err(conf, "store", "this pvbackend was built without %s",
			 library);
		return NULL;
	}
	snprintf(symbol, sizeof(symbol), "store_%s_ops", conf->store);
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module)
		ops = dlsym(module, symbol);
	if (!ops)
		conf_err(conf, "store", "%s", dlerror());
	return ops;
}

int store_open(struct store **out, const struct conf_device *conf)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct store_ops *ops = kinds[i].ops;

		if (strcmp(kinds[i].name, conf->store) != 0)
			continue;
		if (!ops)
			ops = module_load(conf, kinds[i].library);
		return ops ? ops->open(out, conf) : -EOPNOTSUPP;
	}
	conf_err(conf, "store", "no such kind of store");
	return -EINVAL;
}
