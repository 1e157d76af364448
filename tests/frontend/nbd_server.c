// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nbd_server - an nbdkit for a test, and a daemon with a disk at it
 */
#include "nbd_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 5000

bool nbd_server_installed(void)
{
	return access("/usr/bin/nbdkit", X_OK) == 0;
}

/* @text with the directory for each "@"; the caller frees it */
static char *expand(const struct nbd_server *s, const char *text)
{
	char *out = malloc(strlen(text) * sizeof(s->daemon.dir));
	size_t n = 0;

	assert_non_null(out);
	for (; *text; text++) {
		if (*text == '@')
			n += (size_t)sprintf(out + n, "%s", s->daemon.dir);
		else
			out[n++] = *text;
	}
	out[n] = 0;
	return out;
}

static void wait_file(const char *path)
{
	unsigned int ms;

	for (ms = 0; access(path, F_OK); ms++) {
		assert_true(ms < WAIT_MS);
		usleep(1000);
	}
}

void nbd_server_start(struct nbd_server *s)
{
	char *pidfile = expand(s, "@/nbdkit.pid");
	int fd;

	s->pid = fork();
	assert_true(s->pid >= 0);
	if (!s->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = open(s->log, O_CREAT | O_APPEND | O_WRONLY, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execv("/usr/bin/nbdkit", s->argv);
		_exit(127);
	}
	/* Written once it listens. */
	wait_file(pidfile);
	free(pidfile);
}

void nbd_server_kill(struct nbd_server *s)
{
	static const char *const left[] = { "nbdkit.pid", "nbd.sock" };

	if (!s->pid)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		unlink(daemon_path(&s->daemon, left[i]));
}

void nbd_server_open(struct nbd_server *s, const char *const *args)
{
	static const char *const first[] = {
		"nbdkit", "-f", "-U", "@/nbd.sock", "-P", "@/nbdkit.pid"
	};
	unsigned int n = 0, i;

	memset(s, 0, sizeof(*s));
	assert_int_equal(daemon_dir(&s->daemon), 0);
	assert_int_equal(daemon_file(&s->daemon, "img", DISK_SIZE), 0);
	strcpy(s->log, daemon_path(&s->daemon, "nbdkit.log"));
	strcpy(s->disk, daemon_path(&s->daemon, "disk.sock"));
	strcpy(s->control, daemon_path(&s->daemon, "control.sock"));
	for (i = 0; i < ARRAY_SIZE(first); i++)
		s->argv[n++] = expand(s, first[i]);
	for (i = 0; args[i]; i++) {
		assert_true(n < NBD_ARGS_MAX - 1);
		s->argv[n++] = expand(s, args[i]);
	}
	nbd_server_start(s);
}

void nbd_server_daemon(struct nbd_server *s, const char *const *args)
{
	const char *argv[16] = { "blk", "--store=nbd" };
	char *uri = expand(s, "--nbd-uri=nbd+unix:///?socket=@/nbd.sock");
	char *path = expand(s, "--socket-path=@/disk.sock");
	char *control = expand(s, "--control=@/control.sock");
	unsigned int n = 2;

	argv[n++] = uri;
	argv[n++] = path;
	argv[n++] = control;
	while (args && *args) {
		assert_true(n < ARRAY_SIZE(argv) - 1);
		argv[n++] = *args++;
	}
	assert_int_equal(daemon_start(&s->daemon, argv), 0);
	if (daemon_wait_socket(&s->daemon, s->disk))
		fail_msg("%s", daemon_log_text(&s->daemon));
	free(uri);
	free(path);
	free(control);
}

void nbd_server_close(struct nbd_server *s)
{
	int status = 0;
	unsigned int i;

	if (s->daemon.pid)
		status = daemon_stop(&s->daemon, SIGTERM, 5000);
	nbd_server_kill(s);
	for (i = 0; i < NBD_ARGS_MAX; i++)
		free(s->argv[i]);
	if (status)
		print_error("SIGTERM: status 0x%x: %s\n", (unsigned int)status,
			    daemon_log_text(&s->daemon));
	daemon_remove(&s->daemon);
	assert_int_equal(status, 0);
}
