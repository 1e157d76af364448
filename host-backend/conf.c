// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf - options and INI file to a checked configuration
 */
#include "conf.h"

#include "conf_args.h"
#include "conf_device.h"
#include "conf_file.h"
#include "conf_table.h"
#include "log.h"
#include "sandbox.h"

#define POLL_MAX_US_DEFAULT 50
#define STUCK_AFTER_DEFAULT 30

int conf_load(struct conf *conf, int argc, char **argv)
{
	int ret;

	*conf = (struct conf){
		.poll_max_us = POLL_MAX_US_DEFAULT,
		.log_level = LOG_NOTICE,
		.stuck_after = STUCK_AFTER_DEFAULT,
		.sandbox = sandbox_default(),
	};
	ret = conf_args_load(conf, argc, argv);
	if (!ret && conf->config)
		ret = conf_file_load(conf, conf->config);
	if (!ret && !conf->upgrade_from)
		ret = conf_devices_check(conf);
	if (ret)
		conf_free(conf);
	return ret;
}

void conf_free(struct conf *conf)
{
	unsigned int i;

	conf_devices_free(conf);
	for (i = 0; i < conf_num_options; i++)
		if (!(conf_options[i].scopes & CONF_IN_DEVICE))
			conf_option_free(&conf_options[i], conf);
	conf_given_free(conf->given);
	conf->given = NULL;
}
