// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unix_socket - a listening socket in the file system
 */
#include "unix_socket.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define BACKLOG 8

static int fail(const struct unix_socket_conf *conf, int err, const char *why)
{
	log_err("%s: %s=%s: %s", conf->where, conf->option, conf->path, why);
	return err;
}

/* 0 where nothing that lives has the path; a dead program's socket is removed. */
static int path_free(const struct unix_socket_conf *conf,
		     const struct sockaddr_un *addr)
{
	struct stat st;
	int sock, err;

	if (lstat(addr->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return fail(conf, -EEXIST, "exists and is not a socket");
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return fail(conf, -errno, strerror(errno));
	err = connect(sock, (const struct sockaddr *)addr, sizeof(*addr)) ?
		      errno :
		      0;
	close(sock);
	if (err != ECONNREFUSED)
		return fail(conf, -EADDRINUSE,
			    "in use by another program that listens there");
	if (unlink(addr->sun_path) && errno != ENOENT)
		return fail(conf, -errno, strerror(errno));
	log_info("%s: %s=%s: replaced, no program listened there", conf->where,
		 conf->option, conf->path);
	return 0;
}

static int path_bind(int sock, const struct unix_socket_conf *conf,
		     const struct sockaddr_un *addr)
{
	/* Never open to more than it shall be, not for a moment. */
	mode_t old = umask(~conf->mode & 0777);
	int err;

	err = bind(sock, (const struct sockaddr *)addr, sizeof(*addr)) ?
		      -errno :
		      0;
	umask(old);
	if (err == -ENOENT)
		return fail(conf, err, "its directory does not exist");
	if (err)
		return fail(conf, err, strerror(-err));
	return 0;
}

void unix_socket_adopt(struct unix_socket *s, const char *path, int fd)
{
	struct stat st;

	*s = (struct unix_socket){ .fd = fd, .path = path };
	/* Somebody may have removed the file, and the daemon works on. */
	if (!lstat(path, &st)) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
}

static int user_find(const char *name, uid_t *uid)
{
	const struct passwd *user = getpwnam(name);
	char *end;

	*uid = user ? user->pw_uid : (uid_t)strtoul(name, &end, 10);
	return user || (end != name && !*end) ? 0 : -ENOENT;
}

static int group_find(const char *name, gid_t *gid)
{
	const struct group *group = getgrnam(name);
	char *end;

	*gid = group ? group->gr_gid : (gid_t)strtoul(name, &end, 10);
	return group || (end != name && !*end) ? 0 : -ENOENT;
}

static int path_give(const struct unix_socket_conf *conf)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (conf->owner && user_find(conf->owner, &uid))
		return fail(conf, -ENOENT, "there is no such socket-owner");
	if (conf->group && group_find(conf->group, &gid))
		return fail(conf, -ENOENT, "there is no such socket-group");
	if ((conf->owner || conf->group) && chown(conf->path, uid, gid))
		return fail(conf, -errno,
			    "cannot be given to socket-owner and socket-group");
	return 0;
}

int unix_socket_listen(struct unix_socket *s,
		       const struct unix_socket_conf *conf)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int sock, err;

	/* conf_table.c has checked the length. */
	strncpy(addr.sun_path, conf->path, sizeof(addr.sun_path) - 1);
	err = path_free(conf, &addr);
	if (err)
		return err;
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return fail(conf, -errno, strerror(errno));
	err = path_bind(sock, conf, &addr);
	if (err)
		goto close_sock;
	err = path_give(conf);
	if (err)
		goto remove_file;
	if (stat(addr.sun_path, &st) || listen(sock, BACKLOG)) {
		err = fail(conf, -errno, strerror(errno));
		goto remove_file;
	}
	*s = (struct unix_socket){
		.fd = sock,
		.path = conf->path,
		.dev = st.st_dev,
		.ino = st.st_ino,
	};
	return 0;

remove_file:
	unlink(addr.sun_path);
close_sock:
	close(sock);
	return err;
}

int unix_socket_accept(const struct unix_socket *s)
{
	int sock;

	do {
		sock = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (sock < 0 && (errno == EINTR || errno == ECONNABORTED));
	return sock < 0 ? -errno : sock;
}

void unix_socket_close(struct unix_socket *s)
{
	struct stat st;

	close(s->fd);
	s->fd = -1;
	if (s->path && !lstat(s->path, &st) && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		unlink(s->path);
}
