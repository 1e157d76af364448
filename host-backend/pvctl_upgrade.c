// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvctl_upgrade - start a new daemon that takes over from the one that runs
 *
 * The new one is a process of its own from the start.  Whether it has taken
 * over shows in who answers at the control socket.
 */
#include "pvctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The old daemon's own patience is shorter. */
#define TAKE_OVER_MS 30000
#define LOOK_MS	     20

/* Process that answers at @path, 0: nobody does at the moment */
static pid_t daemon_pid(const char *path)
{
	json_t *result = pvctl_query(path, "version");
	pid_t pid = (pid_t)json_integer_value(json_object_get(result, "pid"));

	json_decref(result);
	return pid;
}

static int binary_beside(char *buf, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	if (len < 0)
		return -errno;
	buf[len] = 0;
	slash = strrchr(buf, '/');
	if (!slash || (size_t)(slash - buf) + sizeof("/pvbackend") > size)
		return -ENAMETOOLONG;
	strcpy(slash, "/pvbackend");
	return 0;
}

static void child(const char *path, const char *binary)
{
	char option[PATH_MAX];
	char *const argv[] = { (char *)"pvbackend", option, NULL };
	int null = open("/dev/null", O_RDONLY);

	snprintf(option, sizeof(option), "--upgrade-from=%s", path);
	setsid();
	dup2(null, STDIN_FILENO);
	close(null);
	execv(binary, argv);
	pvctl_say("%s: %s", binary, strerror(errno));
	_exit(EXIT_FAILURE);
}

/* Return: true where @pid answers in the old one's place before it ends. */
static bool takes_over(const char *path, pid_t pid)
{
	unsigned int ms;

	for (ms = 0; ms < TAKE_OVER_MS; ms += LOOK_MS) {
		if (daemon_pid(path) == pid)
			return true;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		usleep(LOOK_MS * 1000);
	}
	pvctl_say("the new daemon is not ready in %d s", TAKE_OVER_MS / 1000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return false;
}

int pvctl_upgrade(const char *path, const char *binary)
{
	pid_t old = daemon_pid(path), pid;
	char beside[PATH_MAX];

	if (!old) {
		pvctl_say("%s: no daemon answers", path);
		return EXIT_FAILURE;
	}
	if (!binary && binary_beside(beside, sizeof(beside))) {
		pvctl_say("no pvbackend beside pvctl; name one");
		return EXIT_FAILURE;
	}
	pid = fork();
	if (!pid)
		child(path, binary ? binary : beside);
	if (pid < 0) {
		pvctl_say("%s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (takes_over(path, pid)) {
		printf("process %d has taken over from %d\n", pid, old);
		return EXIT_SUCCESS;
	}
	pvctl_say("not upgraded; %s", daemon_pid(path) == old ?
						"the old daemon goes on" :
						"and the old daemon does not answer");
	return EXIT_FAILURE;
}
