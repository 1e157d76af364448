/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ini - sections and "key = value" lines, each with its line number
 *
 * PURE: no I/O, no allocation.  Written here instead of taken from inih because
 * that one limits a line to 200 bytes, does not tell line numbers in Debian's
 * build, and hides a section without keys.
 */
#ifndef PV_INI_H
#define PV_INI_H

#include "util.h"

/**
 * struct ini_handler - what ini_parse() calls
 * @section:	"[name]" at @line; 0 to go on
 * @value:	"key = value" at @line; 0 to go on
 * @bad:	@line is neither; its text is given
 */
struct ini_handler {
	int (*section)(void *arg, unsigned int line, const char *name);
	int (*value)(void *arg, unsigned int line, const char *key,
		     const char *value);
	int (*bad)(void *arg, unsigned int line, const char *text);
};

/**
 * ini_parse() - go through @text, which is changed in place
 * @text:	zero-terminated; lines end with a newline, '#' and ';' begin
 *		comment lines, white space around names and values is cut off
 *
 * Return: 0, or what the handler that ended it returned.
 */
int ini_parse(char *text, const struct ini_handler *handler, void *arg);

#endif /* PV_INI_H */
