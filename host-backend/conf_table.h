/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_table - every option: name, meaning, kind of value, bounds, where it goes
 *
 * An option's name is its key in the file and, after "--", its name on the
 * command line.  Usage text, and later man page and completion, come from here.
 */
#ifndef PV_CONF_TABLE_H
#define PV_CONF_TABLE_H

#include "conf.h"

/* Where an option may stand; a section in the file, a command on the line. */
#define CONF_IN_BLK    0x1u
#define CONF_IN_NET    0x2u
#define CONF_IN_DAEMON 0x4u
#define CONF_IN_DEVICE (CONF_IN_BLK | CONF_IN_NET)

/* On the command line alone: of all commands, of "run", of a device's. */
#define CONF_ON_ANY_LINE    0x8u
#define CONF_ON_RUN_LINE    0x10u
#define CONF_ON_DEVICE_LINE 0x20u
#define CONF_ON_UPGRADE_LINE 0x40u
#define CONF_ON_LINE	    (CONF_ON_ANY_LINE | CONF_ON_RUN_LINE | \
			     CONF_ON_DEVICE_LINE | CONF_ON_UPGRADE_LINE)

/** enum conf_kind - how a value is written */
enum conf_kind {
	CONF_STRING,
	CONF_CHOICE, /* one of conf_option.choices */
	CONF_UINT, /* decimal */
	CONF_SIZE, /* bytes, with K, M, G or T after the number */
	CONF_OCTAL,	/* permissions */
	CONF_SWITCH, /* yes or no; alone on the command line: yes */
	CONF_MAC,
	CONF_LOG_LEVEL,
	CONF_ACTION, /* none; asks for something to be printed */
};

/**
 * struct conf_option - a row
 * @name:	long option and key
 * @value:	how usage shows the value; of a choice, @choices are shown
 * @help:	one line
 * @scopes:	CONF_IN_* and CONF_ON_*
 * @kind:	of the value
 * @offset:	in struct conf_device for CONF_IN_DEVICE, else in struct conf
 * @choices:	the words of a choice, the last one followed by NULL
 * @min:	smallest value of a number, longest text of a string: @max
 * @max:	largest
 */
struct conf_option {
	const char *name;
	const char *value;
	const char *help;
	unsigned int scopes;
	enum conf_kind kind;
	size_t offset;
	const char *const *choices;
	u64 min;
	u64 max;
};

extern const struct conf_option conf_options[];
extern const unsigned int conf_num_options;

/** conf_option_find() - by name, allowed in one of @scopes; or NULL */
const struct conf_option *conf_option_find(const char *name,
					   unsigned int scopes);

/** conf_option_value() - how usage shows its value, "" for none, into @buf */
void conf_option_value(const struct conf_option *opt, char *buf, size_t size);

/**
 * conf_option_set() - check @text and put its value where it belongs
 * @target:	struct conf_device or struct conf, see conf_option.offset
 * @want:	what a right value looks like, filled on -EINVAL
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int conf_option_set(const struct conf_option *opt, void *target,
		    const char *text, char *want, size_t want_size);

/**
 * conf_parse_number() - digits, and K, M, G or T where @unit says so
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int conf_parse_number(const char *text, u64 *out, bool unit);

/** conf_option_free() - free what conf_option_set() allocated in @target */
void conf_option_free(const struct conf_option *opt, void *target);

#endif /* PV_CONF_TABLE_H */
