// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf_args - the command line
 *
 * A command, then options: "--name=value", "--name value", and for a switch
 * "--name".  The command may be the end of the program's own name
 * ("pvbackend-blk"), as QEMU's conventions for back-end programs have one type of
 * device for each program (docs/interop/vhost-user.rst).
 */
#include "conf_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf_device.h"
#include "conf_set.h"
#include "conf_table.h"
#include "log.h"
#include "pv_version.h"
#include "suggest.h"

static const struct conf_place line_place = { .file = NULL };

/**
 * struct args - what is left of the command line
 * @dev:	the one device, NULL for "run"
 * @scopes:	which options may come
 */
struct args {
	struct conf *conf;
	struct conf_device *dev;
	unsigned int scopes;
	int argc;
	char **argv;
};

/* What is printed instead of a start */

static void usage_option(const struct conf_option *opt)
{
	char left[64], value[48];
	size_t len;

	conf_option_value(opt, value, sizeof(value));
	snprintf(left, sizeof(left), "--%s%s%s", opt->name, *value ? "=" : "",
		 value);
	len = strlen(left);
	if (len > 24)
		printf("  %s\n  %24s %s\n", left, "", opt->help);
	else
		printf("  %-24s %s\n", left, opt->help);
}

static void usage_scope(const char *heading, unsigned int scopes)
{
	unsigned int i;

	printf("\n%s\n", heading);
	for (i = 0; i < conf_num_options; i++)
		if (conf_options[i].scopes & scopes)
			usage_option(&conf_options[i]);
}

static void usage(const struct args *a)
{
	printf("usage: pvbackend blk --socket-path=PATH --blk-file=PATH [option...]\n"
	       "       pvbackend net --socket-path=PATH --tap=IF [option...]\n"
	       "       pvbackend run --config=FILE [--check-config]\n"
	       "       pvbackend --upgrade-from=PATH\n"
	       "       pvbackend --version | --help\n"
	       "In FILE, sections [blk NAME], [net NAME] and [daemon] hold the same\n"
	       "options as \"key = value\" lines, without the dashes.\n");
	usage_scope("disks (blk):", CONF_IN_BLK);
	usage_scope("NICs (net):", CONF_IN_NET);
	usage_scope("all commands, [daemon]:", CONF_IN_DAEMON);
	usage_scope("command line only:", CONF_ON_LINE);
}

static void version(const struct args *a)
{
	printf("pvbackend %s\n", PV_VERSION);
}

static void capabilities(const struct args *a)
{
	printf("%s\n", conf_types[a->dev->type].capabilities);
}

static const struct {
	const char *name;
	void (*print)(const struct args *a);
} actions[] = {
	{ "help", usage },
	{ "version", version },
	{ "print-capabilities", capabilities },
};

/* Return: 1, done. */
static int action_run(const struct args *a, const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(actions[i].name, name))
			actions[i].print(a);
	return 1;
}

/* Options */

/* Value after "=" or in the next argument; NULL where there is none. */
static const char *value_take(struct args *a, const char *equals)
{
	if (equals)
		return equals + 1;
	if (!a->argc)
		return NULL;
	a->argc--;
	return *a->argv++;
}

static int option_take(struct args *a, const char *name, const char *equals)
{
	const struct conf_option *opt = conf_option_find(name, a->scopes);
	const char *value;

	if (!opt)
		return conf_unknown(name, a->scopes, line_place);
	if (opt->kind == CONF_ACTION)
		return action_run(a, name);
	if (opt->kind == CONF_SWITCH && !equals)
		value = "yes";
	else
		value = value_take(a, equals);
	if (!value) {
		log_err("command line: --%s: its value is missing", name);
		return -EINVAL;
	}
	return conf_set(a->conf, a->dev, a->scopes, name, value, line_place);
}

static int argument_take(struct args *a)
{
	char *arg = *a->argv++;
	char name[64];
	char *equals;

	a->argc--;
	equals = strchr(arg, '=');
	if (strncmp(arg, "--", 2) ||
	    snprintf(name, sizeof(name), "%.*s",
		     equals ? (int)(equals - arg - 2) : (int)strlen(arg) - 2,
		     arg + 2) >= (int)sizeof(name)) {
		log_err("command line: %s: want options like --socket-path=PATH",
			arg);
		return -EINVAL;
	}
	return option_take(a, name, equals);
}

static int arguments_take(struct args *a)
{
	int ret = 0;

	while (a->argc && !ret)
		ret = argument_take(a);
	return ret;
}

/* Commands */

/* QEMU, docs/interop/vhost-user.rst: other arguments are ignored. */
static bool wants_capabilities(const struct args *a)
{
	int i;

	for (i = 0; i < a->argc; i++)
		if (!strcmp(a->argv[i], "--print-capabilities"))
			return true;
	return false;
}

static int device_command(struct args *a, enum conf_type type)
{
	a->dev = conf_device_add(a->conf, type, conf_types[type].name,
				 line_place);
	if (!a->dev) {
		log_err("out of memory");
		return -ENOMEM;
	}
	a->scopes |= conf_types[type].scope | CONF_ON_DEVICE_LINE;
	if (wants_capabilities(a))
		return action_run(a, "print-capabilities");
	return arguments_take(a);
}

static int run_command(struct args *a)
{
	int ret;

	a->scopes |= CONF_ON_RUN_LINE;
	ret = arguments_take(a);
	if (!ret && !a->conf->config) {
		log_err("command line: --config=FILE is missing");
		return -EINVAL;
	}
	return ret;
}

static int unknown_command(const char *command)
{
	struct suggest s = { .word = command };
	unsigned int i;

	suggest_try(&s, "run");
	for (i = 0; i < CONF_TYPE_MAX; i++)
		suggest_try(&s, conf_types[i].name);
	log_err("command line: %s: want blk, net or run%s%s%s; --help shows all",
		command, s.found ? ", did you mean " : "",
		s.found ? s.found : "", s.found ? "?" : "");
	return -EINVAL;
}

static int command_run(struct args *a, const char *command)
{
	int type = conf_type_find(command);

	if (type >= 0)
		return device_command(a, (enum conf_type)type);
	if (!strcmp(command, "run"))
		return run_command(a);
	return unknown_command(command);
}

/* Of "pvbackend-blk" the end, else NULL. */
static const char *command_of_program(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *dash = strrchr(slash ? slash : program, '-');

	return dash && conf_type_find(dash + 1) >= 0 ? dash + 1 : NULL;
}

int conf_args_load(struct conf *conf, int argc, char **argv)
{
	struct args a = {
		.conf = conf,
		.scopes = CONF_IN_DAEMON | CONF_ON_ANY_LINE,
		.argc = argc - 1,
		.argv = argv + 1,
	};
	const char *command = command_of_program(argv[0]);

	if (command)
		return command_run(&a, command);
	if (!a.argc) {
		log_err("command line: no command: want blk, net or run; --help shows all");
		return -EINVAL;
	}
	if (!strncmp(*a.argv, "--upgrade-from", 14)) {
		a.scopes = CONF_ON_UPGRADE_LINE;
		return arguments_take(&a);
	}
	/* "--help" and the like need no command. */
	if (!strncmp(*a.argv, "--", 2) &&
	    conf_option_find(*a.argv + 2, CONF_ON_ANY_LINE))
		return action_run(&a, *a.argv + 2);
	a.argc--;
	return command_run(&a, *a.argv++);
}
