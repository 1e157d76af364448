// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store - the kinds of store by name
 */
#include "store.h"

#include <string.h>

const struct store_ops *store_find(const char *name)
{
	static const struct store_ops *const kinds[] = {
		&store_file_ops,
		&store_null_ops,
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}
