/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_args - the command line
 */
#ifndef PV_CONF_ARGS_H
#define PV_CONF_ARGS_H

#include "conf.h"

/**
 * conf_args_load() - read the command line into @conf
 * @argv:	lives as long as @conf, which refers to it
 *
 * Return: 0, 1 where all that was asked for is printed, -EINVAL or -ENOMEM,
 * logged.
 */
int conf_args_load(struct conf *conf, int argc, char **argv);

#endif /* PV_CONF_ARGS_H */
