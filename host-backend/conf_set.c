// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf_set - one option, from the command line or a file, into a configuration
 */
#include "conf_set.h"

#include <errno.h>
#include <string.h>

#include "conf_table.h"
#include "log.h"
#include "suggest.h"

/* An option of another section or command: say which. */
static void elsewhere_log(const struct conf_option *opt, const char *where,
			  const char *dash)
{
	log_err("%s: %s%s: not for this, it belongs to %s%s%s%s", where, dash,
		opt->name, opt->scopes & CONF_IN_BLK ? "blk" : "",
		opt->scopes & CONF_IN_NET ? "net" : "",
		opt->scopes & CONF_IN_DAEMON ? "[daemon]" : "",
		opt->scopes & CONF_ON_LINE ? "the command line" : "");
}

int conf_unknown(const char *name, unsigned int scopes, struct conf_place place)
{
	const struct conf_option *elsewhere = conf_option_find(name, ~0u);
	struct suggest s = { .word = name };
	const char *dash = conf_place_dash(place);
	char where[CONF_PLACE_LEN];
	unsigned int i;

	conf_place_text(place, where, sizeof(where));
	for (i = 0; i < conf_num_options; i++)
		if (conf_options[i].scopes & scopes)
			suggest_try(&s, conf_options[i].name);
	if (elsewhere)
		elsewhere_log(elsewhere, where, dash);
	else if (s.found)
		log_err("%s: %s%s: unknown; did you mean %s%s?", where, dash,
			name, dash, s.found);
	else
		log_err("%s: %s%s: unknown; --help shows all", where, dash,
			name);
	return -EINVAL;
}

static int twice(const struct conf_given *first, struct conf_place second)
{
	char where[CONF_PLACE_LEN], before[CONF_PLACE_LEN];

	log_err("%s: %s%s: given twice, %s has it as %s%s=%s",
		conf_place_text(second, where, sizeof(where)),
		conf_place_dash(second), first->name,
		conf_place_text(first->place, before, sizeof(before)),
		conf_place_dash(first->place), first->name, first->value);
	return -EINVAL;
}

int conf_set(struct conf *conf, struct conf_device *dev, unsigned int scopes,
	     const char *name, const char *value, struct conf_place place)
{
	const struct conf_option *opt = conf_option_find(name, scopes);
	char want[128] = "out of memory", where[CONF_PLACE_LEN];
	const struct conf_given *before;
	struct conf_given **list;
	bool of_device;
	int err;

	if (!opt)
		return conf_unknown(name, scopes, place);
	of_device = opt->scopes & CONF_IN_DEVICE;
	list = of_device ? &dev->given : &conf->given;
	before = conf_given_find(*list, name);
	if (before)
		return twice(before, place);
	err = conf_option_set(opt, of_device ? (void *)dev : (void *)conf,
			      value, want, sizeof(want));
	if (!err)
		err = conf_given_add(list, opt->name, value, place);
	if (err)
		log_err("%s: %s%s=%s: %s",
			conf_place_text(place, where, sizeof(where)),
			conf_place_dash(place), name, value, want);
	return err;
}
