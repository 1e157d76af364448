/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_file - the INI file of "run"
 */
#ifndef PV_CONF_FILE_H
#define PV_CONF_FILE_H

#include "conf.h"

/**
 * conf_file_load() - read @path, add its devices and options to @conf
 * @path:	lives as long as @conf, which refers to it
 *
 * Return: 0, -EINVAL or -ENOMEM, logged.
 */
int conf_file_load(struct conf *conf, const char *path);

#endif /* PV_CONF_FILE_H */
