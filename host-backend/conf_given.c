// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf_given - what the user wrote, and where
 */
#include "conf_given.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"

const char *conf_place_text(struct conf_place place, char *buf, size_t size)
{
	if (place.file)
		snprintf(buf, size, "%s:%u", place.file, place.line);
	else
		snprintf(buf, size, "command line");
	return buf;
}

const char *conf_place_dash(struct conf_place place)
{
	return place.file ? "" : "--";
}

const struct conf_given *conf_given_find(const struct conf_given *list,
					 const char *name)
{
	while (list && strcmp(list->name, name))
		list = list->next;
	return list;
}

int conf_given_add(struct conf_given **list, const char *name,
		   const char *value, struct conf_place place)
{
	struct conf_given *given = malloc(sizeof(*given));

	if (!given)
		return -ENOMEM;
	*given = (struct conf_given){
		.name = name,
		.value = strdup(value),
		.place = place,
		.next = *list,
	};
	if (!given->value) {
		free(given);
		return -ENOMEM;
	}
	*list = given;
	return 0;
}

void conf_given_free(struct conf_given *list)
{
	while (list) {
		struct conf_given *next = list->next;

		free(list->value);
		free(list);
		list = next;
	}
}

void conf_log(int level, const struct conf_device *dev, const char *option,
	      const char *fmt, ...)
{
	const struct conf_given *given = conf_given_find(dev->given, option);
	struct conf_place place = given ? given->place : dev->place;
	char where[CONF_PLACE_LEN];
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_msg(level, "%s: %s%s%s%s: %s",
		conf_place_text(place, where, sizeof(where)),
		conf_place_dash(place), option, given ? "=" : "",
		given ? given->value : "", text);
}
