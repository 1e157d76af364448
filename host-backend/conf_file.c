// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf_file - the INI file of "run"
 *
 * Theory of operation
 *
 * inih takes lines apart; the lines are brought by our own reader, for what inih
 * does without a word is no way to treat a file that says which disk a guest
 * gets:
 *
 *   a long line, or a long section name, is cut          -> refused
 *   text after " ;" in a line is dropped                 -> refused
 *   text after "[section]" is dropped                    -> refused
 *   an indented line goes on with the value before it    -> is a line like others
 *   a section without keys is not reported               -> begun by the reader
 *
 * So the reader counts lines and opens sections, the handler gets keys, and
 * after the first error the reader says that the file has ended.
 */
#include "conf_file.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "conf_device.h"
#include "conf_set.h"
#include "conf_table.h"
#include "log.h"
#include "suggest.h"

/* "[" and "]" around what inih keeps of a section's name. */
#define SECTION_MAX (49 + 2)

/* A path fills no more (PATH_MAX); newline and zero on top are inih's. */
#define LINE_MAX_BYTES (4096 + 128)

/**
 * struct reader - where we are in the file
 * @place:	file, and line of the latest line
 * @unanswered:	the latest line is a key: the handler must have been called
 *		when the next one is asked for
 * @scope:	what may stand in this section, 0 before the first
 * @dev:	device that the section describes, or NULL
 * @text:	the latest line, for messages
 * @err:	the first error, logged
 */
struct reader {
	struct conf *conf;
	FILE *f;
	struct conf_place place;
	bool unanswered;
	unsigned int scope;
	struct conf_device *dev;
	char text[80];
	int err;
};

static int refuse(struct reader *r, const char *text, const char *want)
{
	char where[CONF_PLACE_LEN];

	log_err("%s: %s: %s", conf_place_text(r->place, where, sizeof(where)),
		text, want);
	r->err = -EINVAL;
	return r->err;
}

static int want_line(struct reader *r)
{
	char quoted[sizeof(r->text) + 2];

	snprintf(quoted, sizeof(quoted), "\"%s\"", r->text);
	return refuse(r, quoted, "want [section], key = value, or # comment");
}

/* Without white space at either end; changes the text. */
static void trim(char *line)
{
	char *start = line + strspn(line, " \t\r\n\v\f");
	size_t len = strlen(start);

	while (len && isspace((unsigned char)start[len - 1]))
		len--;
	memmove(line, start, len);
	line[len] = '\0';
}

/* Sections */

static int section_unknown(struct reader *r, const char *head,
			   const char *type_name)
{
	struct suggest s = { .word = type_name };
	char want[128];
	unsigned int i;

	suggest_try(&s, "daemon");
	for (i = 0; i < CONF_TYPE_MAX; i++)
		suggest_try(&s, conf_types[i].name);
	snprintf(want, sizeof(want),
		 "want [daemon], [blk NAME] or [net NAME]%s%s%s",
		 s.found ? "; did you mean " : "", s.found ? s.found : "",
		 s.found ? "?" : "");
	return refuse(r, head, want);
}

static int section_open(struct reader *r, const char *head)
{
	char type_name[16] = "", name[64], rest[2];
	int type = -ENOENT;

	r->dev = NULL;
	if (sscanf(head, "[ daemon %1[]]", rest) == 1) {
		r->scope = CONF_IN_DAEMON;
		return 0;
	}
	if (sscanf(head, "[ %15[^] ] %63[^]]", type_name, name) == 2) {
		trim(name);
		type = conf_type_find(type_name);
	}
	if (type < 0)
		return section_unknown(r, head, type_name);
	r->scope = conf_types[type].scope;
	r->dev = conf_device_add(r->conf, (enum conf_type)type, name, r->place);
	return r->dev ? 0 : -ENOMEM;
}

static int section_line(struct reader *r, const char *line)
{
	char head[SECTION_MAX + 1];
	size_t len = strlen(line);
	const char *end = strchr(line, ']');

	if (!end || end != line + len - 1)
		return want_line(r);
	if (len > SECTION_MAX)
		return refuse(r, r->text,
			      "at most 49 characters between [ and ]");
	memcpy(head, line, len + 1);
	return section_open(r, head);
}

/* Lines */

/* Is there what inih takes for the beginning of a comment? */
static bool comment_inside(const char *line)
{
	const char *semicolon = line;

	while ((semicolon = strchr(semicolon + 1, ';')))
		if (isspace((unsigned char)semicolon[-1]))
			return true;
	return false;
}

static int line_check(struct reader *r, char *line)
{
	snprintf(r->text, sizeof(r->text), "%s", line);
	if (!*line || *line == '#' || *line == ';')
		return 0;
	if (comment_inside(line))
		return refuse(
			r, r->text,
			"\" ;\" in a line; comments stand on lines of their own");
	if (*line == '[')
		return section_line(r, line);
	r->unanswered = true;
	return 0;
}

/* A whole line of at most @size - 1 bytes; false at the end or on an error. */
static bool line_read(struct reader *r, char *line, int size)
{
	char want[64];
	size_t len;

	if (!fgets(line, size, r->f))
		return false;
	r->place.line++;
	len = strlen(line);
	if (feof(r->f) || (len && line[len - 1] == '\n'))
		return true;
	snprintf(r->text, sizeof(r->text), "%.32s...", line);
	snprintf(want, sizeof(want), "a line of more than %d bytes", size - 2);
	refuse(r, r->text,
	       len < (size_t)size - 1 ? "a zero byte; want text" : want);
	return false;
}

/* inih's reader: like fgets(). */
static char *next_line(char *line, int size, void *stream)
{
	struct reader *r = stream;

	if (!r->err && r->unanswered)
		want_line(r);
	if (r->err || !line_read(r, line, size))
		return NULL;
	/* Some editors' byte order mark. */
	if (r->place.line == 1 && !strncmp(line, "\xef\xbb\xbf", 3))
		memset(line, ' ', 3);
	trim(line);
	r->err = line_check(r, line);
	return r->err ? NULL : line;
}

/* inih's handler: 1 to go on. */
static int on_key(void *user, const char *section, const char *name,
		  const char *value)
{
	struct reader *r = user;

	r->unanswered = false;
	if (!*name)
		return want_line(r) == 0;
	if (!r->scope)
		return refuse(r, name, "stands before any section") == 0;
	r->err = conf_set(r->conf, r->dev, r->scope, name, value, r->place);
	return r->err == 0;
}

static int parse(struct reader *r)
{
	/* Debian's inih has its limits as variables; this one begins as 200. */
	ini_max_line = LINE_MAX_BYTES;
	if (ini_parse_stream(next_line, r, on_key, r) < 0)
		return -ENOMEM;
	/* The last line was not followed by another question. */
	if (!r->err && r->unanswered)
		want_line(r);
	if (!r->err && ferror(r->f)) {
		log_err("--config=%s: %s", r->place.file, strerror(errno));
		return -EINVAL;
	}
	return r->err;
}

int conf_file_load(struct conf *conf, const char *path)
{
	struct reader r = {
		.conf = conf,
		.place.file = path,
		.f = fopen(path, "re"),
	};
	int err;

	if (!r.f) {
		log_err("command line: --config=%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	err = parse(&r);
	fclose(r.f);
	if (err || conf->num_devices)
		return err;
	log_err("%s: no device; want a section like [blk root] or [net eth0]",
		path);
	return -EINVAL;
}
