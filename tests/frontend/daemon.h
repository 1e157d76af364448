/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon - a pvbackend of the test's own, in a directory of its own
 *
 * The program is $PVBACKEND, else build/pvbackend.  It is ended by its process
 * id only, and dies with the test.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <sys/types.h>

#include "util.h"

/**
 * struct daemon - a process
 * @pid:	0: none
 * @dir:	temporary directory: sockets, images, log
 * @log:	its standard output and error
 */
struct daemon {
	pid_t pid;
	char dir[48];
	char log[64];
};

/** daemon_dir() - make the directory; 0 or -errno */
int daemon_dir(struct daemon *d);

/** daemon_path() - @name in the directory; a static buffer, used in turns */
const char *daemon_path(const struct daemon *d, const char *name);

/** daemon_file() - make a file of @size zero bytes there; 0 or -errno */
int daemon_file(const struct daemon *d, const char *name, u64 size);

/** daemon_write() - make a file with this text there; 0 or -errno */
int daemon_write(const struct daemon *d, const char *name, const char *text);

/** daemon_start() - run it; @args ends with NULL and has no program name */
int daemon_start(struct daemon *d, const char *const *args);

/** daemon_wait_socket() - until somebody listens at @path; 0 or -errno */
int daemon_wait_socket(struct daemon *d, const char *path);

/** daemon_alive() - has it not ended? */
bool daemon_alive(struct daemon *d);

/**
 * daemon_stop() - send @sig, wait up to @timeout_ms
 *
 * Return: wait status, -ETIMEDOUT (killed then).
 */
int daemon_stop(struct daemon *d, int sig, int timeout_ms);

/** daemon_wait() - for its own end, likewise */
int daemon_wait(struct daemon *d, int timeout_ms);

/** daemon_remove() - the directory and what is in it */
void daemon_remove(struct daemon *d);

/** daemon_log_text() - what it printed; a static buffer */
const char *daemon_log_text(const struct daemon *d);

/* What it uses; -errno where /proc cannot tell. */
int daemon_count_fds(const struct daemon *d);
int daemon_count_threads(const struct daemon *d);
long daemon_rss_kib(const struct daemon *d);

/** daemon_cpu_ns() - of all its threads so far, ended ones too */
u64 daemon_cpu_ns(const struct daemon *d);

/** daemon_program() - path of the program under test */
const char *daemon_program(void);

#endif /* DAEMON_H */
