// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * port - the kinds of port by name
 */
#include "port.h"

#include <string.h>

const struct port_ops *port_find(const char *name)
{
	static const struct port_ops *const kinds[] = {
		&port_tap_ops,
		&port_echo_ops,
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}
