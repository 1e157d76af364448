/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvfe_opts - a command line from a table; shared by the pvfe tools
 */
#ifndef PVFE_OPTS_H
#define PVFE_OPTS_H

#include "util.h"

enum opt_kind {
	OPT_FLAG,	/* bool */
	OPT_STRING,	/* const char * */
	OPT_NUMBER,	/* u64, suffixes k, m, g */
	OPT_CHOICE,	/* int: index in choices */
};

/**
 * struct opt - one option
 * @name:	without the dashes
 * @kind:	how to parse
 * @value:	where to put it; the default stands there
 * @choices:	NULL-terminated, for OPT_CHOICE
 * @help:	one line
 */
struct opt {
	const char *name;
	enum opt_kind kind;
	void *value;
	const char *const *choices;
	const char *help;
};

/* --ring: index is true for packed */
extern const char *const opts_ring_names[];

/**
 * opts_parse() - fill in what the command line says
 * @opts:	ends with a NULL name
 *
 * Return: 0, 1 where --help was printed, -EINVAL after one line on stderr.
 */
int opts_parse(const struct opt *opts, int argc, char **argv);

#endif /* PVFE_OPTS_H */
