/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unix_socket - a listening socket in the file system
 *
 * A socket file that is there already belongs to a program that lives (then it
 * accepts, and we refuse) or to one that died (then connecting is refused, and
 * the file is replaced).  At the end the file is removed if it is still the one
 * that we made.
 */
#ifndef PV_UNIX_SOCKET_H
#define PV_UNIX_SOCKET_H

#include <sys/types.h>

#include "util.h"

/**
 * struct unix_socket - what listens
 * @fd:		the socket, non-blocking
 * @path:	its file; the caller's text; NULL: not our business
 * @dev, @ino:	the file that we made
 */
struct unix_socket {
	int fd;
	const char *path;
	dev_t dev;
	ino_t ino;
};

/**
 * struct unix_socket_conf - where to listen
 * @where:	"file:line" or "command line", for messages
 * @option:	name of the option that @path is the value of
 * @path:	of the file; shorter than sun_path
 * @mode:	of the file
 * @owner, @group: of the file, by name or number; NULL: our own
 */
struct unix_socket_conf {
	const char *where;
	const char *option;
	const char *path;
	mode_t mode;
	const char *owner;
	const char *group;
};

/** unix_socket_adopt() - @fd, of a daemon before us, listens at @path already */
void unix_socket_adopt(struct unix_socket *s, const char *path, int fd);

/** unix_socket_listen() - 0, or -errno with one line logged */
int unix_socket_listen(struct unix_socket *s,
		       const struct unix_socket_conf *conf);

/**
 * unix_socket_accept() - the next connection, non-blocking
 *
 * Return: descriptor, or -errno (-EAGAIN: nobody waits).
 */
int unix_socket_accept(const struct unix_socket *s);

/** unix_socket_close() - close it and remove its file, if it has a path */
void unix_socket_close(struct unix_socket *s);

#endif /* PV_UNIX_SOCKET_H */
