/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd_server - an nbdkit for a test, and a daemon with a disk at it
 */
#ifndef NBD_SERVER_H
#define NBD_SERVER_H

#include "fixture.h"

#define NBD_ARGS_MAX 24

/**
 * struct nbd_server - both processes; files are in the daemon's directory
 * @pid:	nbdkit, 0: none
 * @argv:	how it was started
 * @log:	what nbdkit says
 * @disk:	the daemon's socket
 * @control:	its control socket
 */
struct nbd_server {
	struct daemon daemon;
	pid_t pid;
	char *argv[NBD_ARGS_MAX];
	char log[80];
	char disk[80];
	char control[80];
};

/** nbd_server_installed() - is there an nbdkit? */
bool nbd_server_installed(void);

/**
 * nbd_server_open() - start nbdkit with @args, which end with NULL
 *
 * "@" in them stands for the test's directory, where "img" has DISK_SIZE bytes.
 */
void nbd_server_open(struct nbd_server *s, const char *const *args);

/** nbd_server_start() - nbdkit again, after nbd_server_kill() */
void nbd_server_start(struct nbd_server *s);

/** nbd_server_kill() - at once */
void nbd_server_kill(struct nbd_server *s);

/** nbd_server_daemon() - a daemon with the disk; @args end with NULL */
void nbd_server_daemon(struct nbd_server *s, const char *const *args);

/** nbd_server_close() - both, and their files */
void nbd_server_close(struct nbd_server *s);

#endif /* NBD_SERVER_H */
