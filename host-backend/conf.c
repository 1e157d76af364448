// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf - options and INI file to a checked configuration
 *
 * Both ways in end in set(): the command line brings names and values of one
 * device and of the daemon, the file those of any number.  When all is read,
 * devices_check() looks at what only shows in the whole.
 */
#include "conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_table.h"
#include "ini.h"
#include "log.h"
#include "pv_version.h"

#define POLL_MAX_US_DEFAULT 50
#define QUEUE_SIZE_DEFAULT  1024

/* QEMU asks for as many as the guest has CPUs and refuses if we have fewer. */
#define BLK_QUEUES_DEFAULT 16

#define CONFIG_BYTES_MAX (1u << 20)

static const struct {
	const char *name;
	unsigned int scope;
	const char *capabilities;
} types[CONF_TYPE_MAX] = {
	[CONF_BLK] = {
		.name = "blk",
		.scope = CONF_IN_BLK,
		.capabilities = "{ \"type\": \"block\", \"features\": [ \"blk-file\", \"read-only\" ] }",
	},
	[CONF_NET] = {
		.name = "net",
		.scope = CONF_IN_NET,
		.capabilities = "{ \"type\": \"net\", \"features\": [ ] }",
	},
};

/**
 * struct reader - where we are in the file
 * @section:	a section has begun: @scope says what may stand in it
 * @dev:	device that the section describes, or NULL
 */
struct reader {
	struct conf *conf;
	const char *file;
	unsigned int scope;
	struct conf_device *dev;
};

static int type_find(const char *name)
{
	int type;

	for (type = 0; type < CONF_TYPE_MAX; type++)
		if (!strcmp(types[type].name, name))
			return type;
	return -ENOENT;
}

/* Devices */

static int device_defaults(struct conf_device *dev)
{
	dev->num_queues = dev->type == CONF_BLK ? BLK_QUEUES_DEFAULT : 1;
	dev->queue_size = QUEUE_SIZE_DEFAULT;
	dev->direct = true;
	if (dev->type == CONF_BLK)
		dev->store = strdup("file");
	else
		dev->port = strdup("tap");
	return dev->store || dev->port ? 0 : -ENOMEM;
}

/* New, with defaults; NULL where there is no memory. */
static struct conf_device *device_add(struct conf *conf, enum conf_type type,
				      const char *name, const char *where)
{
	struct conf_device *devices, *dev;

	devices = realloc(conf->devices,
			  (conf->num_devices + 1) * sizeof(*devices));
	if (!devices)
		return NULL;
	conf->devices = devices;
	dev = &devices[conf->num_devices++];
	memset(dev, 0, sizeof(*dev));
	dev->type = type;
	dev->name = strdup(name);
	dev->where = strdup(where);
	if (!dev->name || !dev->where || device_defaults(dev))
		return NULL;
	return dev;
}

static void device_free(struct conf_device *dev)
{
	unsigned int i;

	for (i = 0; i < conf_num_options; i++)
		if (!(conf_options[i].scopes & CONF_IN_DAEMON))
			conf_option_free(&conf_options[i], dev);
	free((char *)dev->name);
	free((char *)dev->where);
}

void conf_free(struct conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->num_devices; i++)
		device_free(&conf->devices[i]);
	free(conf->devices);
	conf->devices = NULL;
	conf->num_devices = 0;
}

static int missing(const struct conf_device *dev, const char *option)
{
	log_err("%s: %s %s: %s is missing", dev->where, types[dev->type].name,
		dev->name, option);
	return -EINVAL;
}

static int invalid(const struct conf_device *dev, const char *option,
		   unsigned long long value, const char *want)
{
	log_err("%s: %s=%llu: %s", dev->where, option, value, want);
	return -EINVAL;
}

static int device_check(const struct conf_device *dev)
{
	if (!dev->socket_path)
		return missing(dev, "socket-path");
	if (dev->type == CONF_NET && !strcmp(dev->port, "tap") && !dev->tap)
		return missing(dev, "tap");
	if (dev->type == CONF_BLK && !strcmp(dev->store, "file") &&
	    !dev->blk_file)
		return missing(dev, "blk-file");
	if (dev->type == CONF_BLK && !strcmp(dev->store, "null") && !dev->size)
		return missing(dev, "size");
	if (dev->queue_size & (dev->queue_size - 1))
		return invalid(dev, "queue-size", dev->queue_size,
			       "must be a power of 2");
	if (dev->block_size & (dev->block_size - 1))
		return invalid(dev, "block-size", dev->block_size,
			       "must be 512, 1024, 2048 or 4096");
	return 0;
}

static int twins_check(const struct conf_device *a, const struct conf_device *b)
{
	if (!strcmp(a->name, b->name)) {
		log_err("%s: name %s: %s has it already", b->where, b->name,
			a->where);
		return -EINVAL;
	}
	if (!strcmp(a->socket_path, b->socket_path)) {
		log_err("%s: socket-path=%s: %s has it already", b->where,
			b->socket_path, a->where);
		return -EINVAL;
	}
	return 0;
}

static int devices_check(const struct conf *conf, const char *where)
{
	unsigned int i, j;

	if (!conf->num_devices) {
		log_err("%s: no device; want a section like [blk root] or [net eth0]",
			where);
		return -EINVAL;
	}
	for (i = 0; i < conf->num_devices; i++) {
		if (device_check(&conf->devices[i]))
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (twins_check(&conf->devices[j], &conf->devices[i]))
				return -EINVAL;
	}
	return 0;
}

/* One option from either way in; @dash is "--" or "" */

static int unknown(const char *where, const char *dash, const char *name,
		   unsigned int scope)
{
	const struct conf_option *elsewhere = conf_option_find(name, ~0u);
	const char *similar = conf_option_suggest(name, scope);

	if (elsewhere)
		log_err("%s: %s%s: not for this, it belongs to %s%s%s", where,
			dash, name,
			elsewhere->scopes & CONF_IN_BLK ? "blk" : "",
			elsewhere->scopes & CONF_IN_NET ? "net" : "",
			elsewhere->scopes & CONF_IN_DAEMON ? "[daemon]" : "");
	else if (similar)
		log_err("%s: %s%s: unknown; did you mean %s%s?", where, dash,
			name, dash, similar);
	else
		log_err("%s: %s%s: unknown; --help shows all", where, dash,
			name);
	return -EINVAL;
}

static int set(struct conf *conf, struct conf_device *dev,
	       const struct conf_option *opt, const char *value,
	       const char *where, const char *dash)
{
	void *target = opt->scopes & CONF_IN_DAEMON ? (void *)conf :
						      (void *)dev;
	char want[128] = "out of memory";
	int err;

	err = conf_option_set(opt, target, value, want, sizeof(want));
	if (err)
		log_err("%s: %s%s=%s: %s", where, dash, opt->name, value, want);
	return err;
}

/* The file */

static void where_in_file(const struct reader *r, unsigned int line, char *buf,
			  size_t size)
{
	snprintf(buf, size, "%s:%u", r->file, line);
}

static int on_section(void *arg, unsigned int line, const char *text)
{
	struct reader *r = arg;
	char where[512], type_name[16], name[64];
	int type = -ENOENT;

	where_in_file(r, line, where, sizeof(where));
	r->dev = NULL;
	if (!strcmp(text, "daemon")) {
		r->scope = CONF_IN_DAEMON;
		return 0;
	}
	if (sscanf(text, "%15s %63[^\n]", type_name, name) == 2)
		type = type_find(type_name);
	if (type < 0) {
		log_err("%s: [%s]: want [daemon], [blk NAME] or [net NAME]",
			where, text);
		return -EINVAL;
	}
	r->scope = types[type].scope;
	r->dev = device_add(r->conf, (enum conf_type)type, name, where);
	return r->dev ? 0 : -ENOMEM;
}

static int on_value(void *arg, unsigned int line, const char *key,
		    const char *value)
{
	struct reader *r = arg;
	const struct conf_option *opt;
	char where[512];

	where_in_file(r, line, where, sizeof(where));
	if (!r->scope) {
		log_err("%s: %s: stands before any section", where, key);
		return -EINVAL;
	}
	opt = conf_option_find(key, r->scope);
	if (!opt)
		return unknown(where, "", key, r->scope);
	return set(r->conf, r->dev, opt, value, where, "");
}

static int on_bad(void *arg, unsigned int line, const char *text)
{
	const struct reader *r = arg;

	log_err("%s:%u: \"%s\": want [section], key = value, or # comment",
		r->file, line, text);
	return -EINVAL;
}

static const struct ini_handler handler = {
	.section = on_section,
	.value = on_value,
	.bad = on_bad,
};

/* All of a file, zero-terminated; logs why not. */
static char *file_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t len;

	if (!f) {
		log_err("--config=%s: %s", path, strerror(errno));
		return NULL;
	}
	text = malloc(CONFIG_BYTES_MAX + 1);
	if (!text)
		goto close_file;
	len = fread(text, 1, CONFIG_BYTES_MAX + 1, f);
	if (ferror(f) || len > CONFIG_BYTES_MAX || memchr(text, '\0', len)) {
		log_err("--config=%s: %s", path,
			ferror(f) ? strerror(errno) :
				    "not a text of at most 1 MiB");
		free(text);
		text = NULL;
	} else {
		text[len] = '\0';
	}
close_file:
	fclose(f);
	return text;
}

static int file_load(struct conf *conf, const char *path)
{
	struct reader r = { .conf = conf, .file = path };
	char *text = file_read(path);
	int err;

	if (!text)
		return -EINVAL;
	err = ini_parse(text, &handler, &r);
	free(text);
	return err ?: devices_check(conf, path);
}

/* The command line */

static void usage_scope(const char *heading, unsigned int scope)
{
	unsigned int i;

	printf("\n%s\n", heading);
	for (i = 0; i < conf_num_options; i++) {
		const struct conf_option *opt = &conf_options[i];
		char left[64];

		if (!(opt->scopes & scope))
			continue;
		snprintf(left, sizeof(left), "--%s=%s", opt->name, opt->value);
		printf("  %-24s %s\n", left, opt->help);
	}
}

static void usage(void)
{
	printf("usage: pvbackend blk --socket-path=PATH --blk-file=PATH [option...]\n"
	       "       pvbackend net --socket-path=PATH --tap=IF [option...]\n"
	       "       pvbackend run --config=FILE [--check-config]\n"
	       "       pvbackend --version | --help\n"
	       "In FILE, sections [blk NAME], [net NAME] and [daemon] hold the same\n"
	       "options as \"key = value\" lines, without the dashes.\n");
	usage_scope("disks (blk):", CONF_IN_BLK);
	usage_scope("NICs (net):", CONF_IN_NET);
	usage_scope("all commands, [daemon]:", CONF_IN_DAEMON);
}

/**
 * struct cmdline - what is left of the command line
 * @dev:	the one device, NULL for "run"
 * @scope:	which options may come
 */
struct cmdline {
	struct conf *conf;
	struct conf_device *dev;
	unsigned int scope;
	const char *config;
	int argc;
	char **argv;
};

static const char where_cmdline[] = "command line";

/* Value after "=" or in the next argument; NULL where there is none. */
static const char *value_take(struct cmdline *c, const char *equals)
{
	if (equals)
		return equals + 1;
	if (!c->argc)
		return NULL;
	c->argc--;
	return *c->argv++;
}

static int no_value(const char *name)
{
	log_err("%s: --%s: its value is missing", where_cmdline, name);
	return -EINVAL;
}

static int option_take(struct cmdline *c, const char *name, const char *equals)
{
	const struct conf_option *opt = conf_option_find(name, c->scope);
	const char *value;

	if (!opt)
		return unknown(where_cmdline, "--", name, c->scope);
	if (opt->kind == CONF_SWITCH && !equals)
		value = "yes";
	else
		value = value_take(c, equals);
	if (!value)
		return no_value(name);
	return set(c->conf, c->dev, opt, value, where_cmdline, "--");
}

/* Options that are no configuration: 0, 1 (printed, done) or -EINVAL;
 * -ENOENT for all others.
 */
static int special_take(struct cmdline *c, const char *name,
			const char *equals)
{
	if (!strcmp(name, "help")) {
		usage();
		return 1;
	}
	if (!strcmp(name, "version")) {
		printf("pvbackend %s\n", PV_VERSION);
		return 1;
	}
	if (c->dev && !strcmp(name, "print-capabilities")) {
		printf("%s\n", types[c->dev->type].capabilities);
		return 1;
	}
	if (!c->dev && !strcmp(name, "check-config")) {
		c->conf->check_only = true;
		return 0;
	}
	if (!c->dev && !strcmp(name, "config")) {
		c->config = value_take(c, equals);
		return c->config ? 0 : no_value(name);
	}
	return -ENOENT;
}

static int argument_take(struct cmdline *c)
{
	char *arg = *c->argv++;
	char name[64];
	char *equals;
	int ret;

	c->argc--;
	equals = strchr(arg, '=');
	if (strncmp(arg, "--", 2) ||
	    snprintf(name, sizeof(name), "%.*s",
		     equals ? (int)(equals - arg - 2) : (int)strlen(arg) - 2,
		     arg + 2) >= (int)sizeof(name)) {
		log_err("%s: %s: want options like --socket-path=PATH",
			where_cmdline, arg);
		return -EINVAL;
	}
	ret = special_take(c, name, equals);
	return ret == -ENOENT ? option_take(c, name, equals) : ret;
}

static int arguments_take(struct cmdline *c)
{
	int ret = 0;

	while (c->argc && !ret)
		ret = argument_take(c);
	if (ret)
		return ret;
	if (c->dev)
		return devices_check(c->conf, where_cmdline);
	if (!c->config) {
		log_err("%s: --config=FILE is missing", where_cmdline);
		return -EINVAL;
	}
	return file_load(c->conf, c->config);
}

/* Of "pvbackend-blk" the end, else NULL. */
static const char *command_of_program(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *dash = strrchr(slash ? slash : program, '-');

	return dash && type_find(dash + 1) >= 0 ? dash + 1 : NULL;
}

static int command_run(struct cmdline *c, const char *command)
{
	int type = type_find(command);

	c->scope = CONF_IN_DAEMON;
	if (type >= 0) {
		c->dev = device_add(c->conf, (enum conf_type)type, command,
				    where_cmdline);
		if (!c->dev)
			return -ENOMEM;
		c->scope |= types[type].scope;
	} else if (strcmp(command, "run")) {
		log_err("%s: %s: want blk, net or run; --help shows all",
			where_cmdline, command);
		return -EINVAL;
	}
	return arguments_take(c);
}

int conf_load(struct conf *conf, int argc, char **argv)
{
	struct cmdline c = {
		.conf = conf,
		.argc = argc - 1,
		.argv = argv + 1,
	};
	const char *command = command_of_program(argv[0]);
	int ret;

	*conf = (struct conf){
		.poll_max_us = POLL_MAX_US_DEFAULT,
		.log_level = LOG_NOTICE,
	};
	if (!command && !c.argc) {
		log_err("%s: no command: want blk, net or run; --help shows all",
			where_cmdline);
		return -EINVAL;
	}
	if (!command && !strncmp(*c.argv, "--", 2)) {
		ret = special_take(&c, *c.argv + 2, NULL);
		if (ret == 1)
			return ret;
	}
	if (!command) {
		command = *c.argv++;
		c.argc--;
	}
	ret = command_run(&c, command);
	if (ret)
		conf_free(conf);
	return ret;
}
