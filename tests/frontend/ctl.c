// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ctl - the daemon's control socket, and pvctl, from a test
 */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define WORDS_MAX  12
#define PATIENCE_S 10

int ctl_connect(const char *path)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
		fail_msg("%s: %s", path, strerror(errno));
	return sock;
}

const char *ctl_line(int sock, const char *text)
{
	static char line[1 << 20];
	size_t len = 0;

	if (text)
		send(sock, text, strlen(text), MSG_NOSIGNAL);
	while (len < sizeof(line) - 1) {
		ssize_t n = recv(sock, line + len, 1, 0);

		if (n <= 0)
			return NULL;
		if (line[len] == '\n') {
			line[len] = 0;
			return line;
		}
		len++;
	}
	return NULL;
}

json_t *ctl_ask(const char *path, const char *request)
{
	char text[4096];
	const char *line;
	json_t *answer;
	int sock = ctl_connect(path);

	snprintf(text, sizeof(text), "%s\n", request);
	line = ctl_line(sock, text);
	assert_non_null(line);
	answer = json_loads(line, 0, NULL);
	if (!answer)
		fail_msg("no JSON: %s", line);
	close(sock);
	return answer;
}

static void child(const char *path, const char *const *words, int out)
{
	const char *argv[WORDS_MAX + 2] = { TOP "/build/pvctl" };
	char socket[128];
	unsigned int i;

	snprintf(socket, sizeof(socket), "--socket=%s", path);
	argv[1] = socket;
	for (i = 0; words[i] && i + 3 < ARRAY_SIZE(argv); i++)
		argv[i + 2] = words[i];
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv(argv[0], (char **)(uintptr_t)argv);
	_exit(127);
}

const char *pvctl(const char *path, const char *const *words, int *status)
{
	static char text[1 << 20];
	size_t len = 0;
	int pipes[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (!pid)
		child(path, words, pipes[1]);
	close(pipes[1]);
	while ((n = read(pipes[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(pipes[0]);
	text[len] = 0;
	assert_int_equal(waitpid(pid, status, 0), pid);
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
	return text;
}
