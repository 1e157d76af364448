// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * activation - descriptors that the service manager opened (sd_listen_fds(3))
 */
#include "activation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* sd_listen_fds(3): SD_LISTEN_FDS_START */
#define FDS_START 3

static long env_number(const char *variable)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : 0;
}

int activation_fd(const char *name)
{
	long count = env_number("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	size_t len = strlen(name);
	int i;

	if (count <= 0 || env_number("LISTEN_PID") != getpid())
		return -ENOENT;
	if (count == 1)
		return FDS_START;
	for (i = 0; names && i < count; i++) {
		size_t end = strcspn(names, ":");

		if (end == len && !strncmp(names, name, len))
			return FDS_START + i;
		names = names[end] ? names + end + 1 : NULL;
	}
	return -ENOENT;
}
