// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inherit - descriptors that a daemon has from its predecessor
 */
#include "inherit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_SIZE 72

struct item {
	char owner[NAME_SIZE];
	char role[NAME_SIZE];
	int fd;
	struct item *next;
};

static struct item *items;

/* Where the pointer to the item is, so that it can be taken out. */
static struct item **find(const char *owner, const char *role)
{
	struct item **at = &items;

	while (*at && (strcmp((*at)->owner, owner) || strcmp((*at)->role, role)))
		at = &(*at)->next;
	return at;
}

static int check(const char *owner, const char *role)
{
	if (strlen(owner) >= NAME_SIZE || strlen(role) >= NAME_SIZE)
		return -ENAMETOOLONG;
	return *find(owner, role) ? -EEXIST : 0;
}

int inherit_add(const char *owner, const char *role, int fd)
{
	struct item *item = NULL;
	int err = check(owner, role);

	if (!err) {
		item = calloc(1, sizeof(*item));
		err = item ? 0 : -ENOMEM;
	}
	if (err) {
		close(fd);
		return err;
	}
	strcpy(item->owner, owner);
	strcpy(item->role, role);
	item->fd = fd;
	item->next = items;
	items = item;
	return 0;
}

int inherit_take(const char *owner, const char *role)
{
	struct item **at = find(owner, role);
	struct item *item = *at;
	int fd;

	if (!item)
		return -1;
	fd = item->fd;
	*at = item->next;
	free(item);
	return fd;
}

unsigned int inherit_end(void)
{
	unsigned int n = 0;

	while (items) {
		close(inherit_take(items->owner, items->role));
		n++;
	}
	return n;
}
