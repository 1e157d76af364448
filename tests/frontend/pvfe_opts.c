// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvfe_opts - a command line from a table; shared by the pvfe tools
 */
#include "pvfe_opts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const opts_ring_names[] = { "split", "packed", NULL };

static void help(const struct opt *o, const char *program)
{
	printf("usage: %s [--option=value]...\n", program);
	for (; o->name; o++) {
		printf("  --%-14s %s", o->name, o->help);
		if (o->kind == OPT_NUMBER)
			printf(" (%llu)", (unsigned long long)*(u64 *)o->value);
		if (o->kind == OPT_CHOICE)
			printf(" (%s)", o->choices[*(int *)o->value]);
		printf("\n");
	}
}

static int parse_number(u64 *out, const char *text)
{
	static const char suffixes[] = "kmg";
	const char *suffix;
	char *end;
	u64 value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
		return -EINVAL;
	if (*end) {
		suffix = strchr(suffixes, *end | 0x20);
		if (!suffix || end[1])
			return -EINVAL;
		value <<= 10 * (suffix - suffixes + 1);
	}
	*out = value;
	return 0;
}

static int parse_choice(const struct opt *o, const char *text)
{
	int i;

	for (i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], text))
			continue;
		*(int *)o->value = i;
		return 0;
	}
	return -EINVAL;
}

static int set_value(const struct opt *o, const char *text)
{
	if ((o->kind == OPT_FLAG) != !text)
		return -EINVAL;
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->value = true;
		return 0;
	case OPT_STRING:
		*(const char **)o->value = text;
		return 0;
	case OPT_NUMBER:
		return parse_number(o->value, text);
	case OPT_CHOICE:
		return parse_choice(o, text);
	}
	return -EINVAL;
}

static const struct opt *find(const struct opt *o, const char *arg, size_t len)
{
	if (strncmp(arg, "--", 2))
		return NULL;
	for (; o->name; o++)
		if (strlen(o->name) == len - 2 &&
		    !strncmp(o->name, arg + 2, len - 2))
			return o;
	return NULL;
}

int opts_parse(const struct opt *opts, int argc, char **argv)
{
	const struct opt *o;
	const char *text;
	size_t len;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			help(opts, argv[0]);
			return 1;
		}
		len = strcspn(argv[i], "=");
		text = argv[i][len] ? argv[i] + len + 1 : NULL;
		o = find(opts, argv[i], len);
		if (!o) {
			fprintf(stderr, "%s: unknown option %s (--help)\n",
				argv[0], argv[i]);
			return -EINVAL;
		}
		if (set_value(o, text)) {
			fprintf(stderr, "%s: %s: bad value; --%s is: %s\n",
				argv[0], argv[i], o->name, o->help);
			return -EINVAL;
		}
	}
	return 0;
}
