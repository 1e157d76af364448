/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_set - one option, from the command line or a file, into a configuration
 */
#ifndef PV_CONF_SET_H
#define PV_CONF_SET_H

#include "conf.h"

/**
 * conf_set() - look the option up, check its value, put it where it belongs
 * @dev:	device that options of a device go to, NULL where none may come
 * @scopes:	CONF_IN_* of what may come here
 * @place:	where it is written; a second time is an error that names both
 *
 * Return: 0, -EINVAL or -ENOMEM, logged.
 */
int conf_set(struct conf *conf, struct conf_device *dev, unsigned int scopes,
	     const char *name, const char *value, struct conf_place place);

/** conf_unknown() - log that there is no such option here; -EINVAL */
int conf_unknown(const char *name, unsigned int scopes,
		 struct conf_place place);

#endif /* PV_CONF_SET_H */
