// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ini - sections and "key = value" lines, each with its line number
 */
#include "ini.h"

#include <ctype.h>
#include <string.h>

/* Without white space at either end; changes the text. */
static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

static int parse_section(char *text, unsigned int line,
			 const struct ini_handler *handler, void *arg)
{
	size_t len = strlen(text);

	if (text[len - 1] != ']')
		return handler->bad(arg, line, text);
	text[len - 1] = '\0';
	return handler->section(arg, line, trim(text + 1));
}

static int parse_line(char *text, unsigned int line,
		      const struct ini_handler *handler, void *arg)
{
	char *equals;

	text = trim(text);
	if (!*text || *text == '#' || *text == ';')
		return 0;
	if (*text == '[')
		return parse_section(text, line, handler, arg);
	equals = strchr(text, '=');
	if (!equals || equals == text)
		return handler->bad(arg, line, text);
	*equals = '\0';
	return handler->value(arg, line, trim(text), trim(equals + 1));
}

int ini_parse(char *text, const struct ini_handler *handler, void *arg)
{
	unsigned int line = 0;
	int ret = 0;

	while (*text && !ret) {
		char *next = strchr(text, '\n');

		if (next)
			*next++ = '\0';
		else
			next = text + strlen(text);
		ret = parse_line(text, ++line, handler, arg);
		text = next;
	}
	return ret;
}
