/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_given - what the user wrote, and where
 *
 * A checked configuration holds values; this holds the words that they came
 * from, so that a message can name the option as its writer knows it: "--size" of
 * the command line, "size" in line 7 of a file.
 */
#ifndef PV_CONF_GIVEN_H
#define PV_CONF_GIVEN_H

#include <stdio.h>

#include "util.h"

struct conf_device;

/**
 * struct conf_place - where something is written
 * @file:	path of the configuration file, NULL: on the command line
 * @line:	from 1
 */
struct conf_place {
	const char *file;
	unsigned int line;
};

/**
 * struct conf_given - one option that the user gave; a list
 * @name:	of the option's row
 * @value:	as written
 */
struct conf_given {
	const char *name;
	char *value;
	struct conf_place place;
	struct conf_given *next;
};

/* Room for "FILE:LINE" of any reasonable path. */
#define CONF_PLACE_LEN 512

/** conf_place_text() - "FILE:LINE" or "command line", into @buf, which it returns */
const char *conf_place_text(struct conf_place place, char *buf, size_t size);

/** conf_place_dash() - "--" on the command line, "" in a file */
const char *conf_place_dash(struct conf_place place);

/** conf_given_find() - the option @name of a list, or NULL */
const struct conf_given *conf_given_find(const struct conf_given *list,
					 const char *name);

/** conf_given_add() - remember @name=@value; @name stays the caller's; 0 or -ENOMEM */
int conf_given_add(struct conf_given **list, const char *name,
		   const char *value, struct conf_place place);

/** conf_given_free() - free a whole list */
void conf_given_free(struct conf_given *list);

/**
 * conf_log() - one line about @option of @dev, named as the user wrote it
 * @level:	syslog level
 * @option:	name of a row of the option table; given or not
 *
 * "FILE:7: size=3: TEXT", "command line: --size=3: TEXT", and without "=3" where
 * the option was not given.
 */
void conf_log(int level, const struct conf_device *dev, const char *option,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define conf_err(dev, option, ...) conf_log(LOG_ERR, dev, option, __VA_ARGS__)

#endif /* PV_CONF_GIVEN_H */
