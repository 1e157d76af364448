// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvctl - the operator's side of the control socket
 *
 * A command's arguments are read by its row in command.c, the table that the
 * daemon checks them by; what is pvctl's own is in locals[].
 */
#include "pvctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "command.h"
#include "pv_version.h"

#define SOCKET_DEFAULT "/run/pvbackend/control.sock"

/* A daemon that says nothing for so long is stuck. */
#define ANSWER_MAX_S 10

/* A daemon with 512 devices of 256 queues says some 100 MiB. */
#define ANSWER_MAX (256u << 20)

/** struct options - what stands before or between a command's words */
struct options {
	const char *socket;
	bool json;
};

void pvctl_say(const char *fmt, ...)
{
	va_list args;

	fputs("pvctl: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

/* The daemon */

static int connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = ANSWER_MAX_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	if (!setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience,
			sizeof(patience)) &&
	    !connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
		return sock;
	err = errno;
	close(sock);
	return -err;
}

int pvctl_connect(const char *path)
{
	int sock = connect_to(path);

	if (sock < 0)
		pvctl_say("%s: %s%s", path, strerror(-sock),
			  sock == -ENOENT || sock == -ECONNREFUSED ?
				  " (does the daemon run, with --control=PATH?)" :
				  "");
	return sock;
}

static int request_send(int sock, const json_t *request)
{
	char line[COMMAND_LINE_MAX];
	size_t len = json_dumpb(request, line, sizeof(line) - 1, JSON_COMPACT);
	size_t done = 0;

	if (!len || len >= sizeof(line))
		return -EMSGSIZE;
	line[len++] = '\n';
	while (done < len) {
		ssize_t n = send(sock, line + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

static int answer_grow(char **buf, size_t *size)
{
	size_t want = *size ? 2 * *size : 65536;
	char *grown = want > ANSWER_MAX ? NULL : realloc(*buf, want);

	if (!grown)
		return -ENOMEM;
	*buf = grown;
	*size = want;
	return 0;
}

/* A whole line, without its end, into memory that the caller frees. */
static int answer_recv(int sock, char **out, size_t *len)
{
	size_t size = 0;
	char *buf = NULL;
	ssize_t n;
	int err = 0;

	*len = 0;
	while (!*len || buf[*len - 1] != '\n') {
		if (*len == size)
			err = answer_grow(&buf, &size);
		if (err)
			break;
		n = recv(sock, buf + *len, size - *len, 0);
		if (n > 0)
			*len += (size_t)n;
		else if (!n)
			err = -ECONNRESET;
		else if (errno != EINTR)
			err = errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (err)
			break;
	}
	*out = buf;
	return err;
}

static json_t *answer_read(const char *text, size_t len)
{
	json_error_t error;
	json_t *answer = json_loadb(text, len, 0, &error);
	json_t *result = json_object_get(answer, "result");
	const char *why = json_string_value(json_object_get(answer, "error"));

	if (result)
		json_incref(result);
	else
		pvctl_say("%s", why ? why : "the daemon's answer is no answer");
	json_decref(answer);
	return result;
}

static int exchange(int sock, const json_t *request, char **text, size_t *len)
{
	int err = request_send(sock, request);

	return err ? err : answer_recv(sock, text, len);
}

json_t *pvctl_query(const char *path, const char *command)
{
	json_t *request = json_pack("{s:s}", "command", command);
	json_t *answer = NULL, *result;
	int sock = connect_to(path);
	char *text = NULL;
	size_t len;

	if (sock >= 0 && !exchange(sock, request, &text, &len))
		answer = json_loadb(text, len, 0, NULL);
	result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	json_decref(request);
	free(text);
	if (sock >= 0)
		close(sock);
	return result;
}

json_t *pvctl_ask(int sock, const json_t *request)
{
	json_t *result = NULL;
	char *text = NULL;
	size_t len;
	int err;

	err = exchange(sock, request, &text, &len);
	if (err)
		pvctl_say("no answer: %s", strerror(-err));
	else
		result = answer_read(text, len);
	free(text);
	return result;
}

/* Commands */

static void (*const shows[COMMAND_MAX])(const json_t *result) = {
	[COMMAND_STATUS] = pvctl_show_status,
	[COMMAND_STATS] = pvctl_show_stats,
};

static int run_remote(const struct options *opts, const struct command *cmd,
		      unsigned int count, char *const *words)
{
	void (*show)(const json_t *result) = shows[cmd - commands];
	char why[200] = "out of memory";
	json_t *request, *result = NULL;
	int sock;

	if (command_request(cmd, count, words, &request, why, sizeof(why))) {
		pvctl_say("%s", why);
		return EXIT_FAILURE;
	}
	sock = pvctl_connect(opts->socket);
	if (sock >= 0) {
		result = pvctl_ask(sock, request);
		close(sock);
	}
	json_decref(request);
	if (!result)
		return EXIT_FAILURE;
	if (opts->json)
		json_dumpf(result, stdout, JSON_INDENT(2));
	else
		(show ? show : pvctl_show_flat)(result);
	if (opts->json)
		putchar('\n');
	json_decref(result);
	return EXIT_SUCCESS;
}

static int run_help(const struct options *opts, unsigned int count,
		    char *const *words);

static int run_top(const struct options *opts, unsigned int count,
		   char *const *words)
{
	int sock = pvctl_connect(opts->socket);
	int status;

	if (sock < 0)
		return EXIT_FAILURE;
	status = pvctl_top(sock);
	close(sock);
	return status;
}

static int run_upgrade(const struct options *opts, unsigned int count,
		       char *const *words)
{
	return pvctl_upgrade(opts->socket, count ? words[0] : NULL);
}

/* What the daemon has no command for. */
static const struct {
	const char *name;
	const char *usage;
	const char *help;
	unsigned int words_max;
	int (*run)(const struct options *opts, unsigned int count,
		   char *const *words);
} locals[] = {
	{ "top", "top", "rates, refreshed every second", 0, run_top },
	{ "upgrade", "upgrade [BINARY]",
	  "have a new daemon take over; guests and front ends notice nothing",
	  1, run_upgrade },
	{ "help", "help", "this list", 0, run_help },
};

static int run_help(const struct options *opts, unsigned int count,
		    char *const *words)
{
	char usage[128];
	unsigned int i;

	printf("usage: pvctl [--socket=PATH] [--json] COMMAND\n\n");
	for (i = 0; i < COMMAND_MAX; i++) {
		if (!commands[i].help)
			continue;
		command_usage(&commands[i], usage, sizeof(usage));
		printf("  %s\n        %s\n", usage, commands[i].help);
	}
	for (i = 0; i < ARRAY_SIZE(locals); i++)
		printf("  %s\n        %s\n", locals[i].usage, locals[i].help);
	printf("\nPATH is the daemon's --control=PATH (default %s,\n"
	       "or $PVCTL_SOCKET).  --json prints an answer as it came.\n",
	       SOCKET_DEFAULT);
	return EXIT_SUCCESS;
}

static int run(const struct options *opts, unsigned int count,
	       char *const *words)
{
	const struct command *cmd = command_find(words[0]);
	unsigned int i;

	if (cmd && cmd->help)
		return run_remote(opts, cmd, count - 1, words + 1);
	for (i = 0; i < ARRAY_SIZE(locals); i++) {
		if (strcmp(locals[i].name, words[0]))
			continue;
		if (count - 1 <= locals[i].words_max)
			return locals[i].run(opts, count - 1, words + 1);
		pvctl_say("%s: %s: one argument too many", words[0],
			  words[locals[i].words_max + 1]);
		return EXIT_FAILURE;
	}
	pvctl_say("%s: unknown command; help shows all", words[0]);
	return EXIT_FAILURE;
}

/* 0: it was one; -ENOENT: it is a command's word; -EINVAL: said what is wrong */
static int option_take(struct options *opts, const char *word)
{
	if (strncmp(word, "--", 2))
		return -ENOENT;
	if (!strcmp(word, "--json")) {
		opts->json = true;
		return 0;
	}
	if (!strncmp(word, "--socket=", 9)) {
		opts->socket = word + 9;
		return 0;
	}
	pvctl_say("%s: unknown option; help shows all", word);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	const char *socket_env = getenv("PVCTL_SOCKET");
	struct options opts = {
		.socket = socket_env ? socket_env : SOCKET_DEFAULT,
	};
	unsigned int count = 0;
	int i, err;

	if (argc > 1 && !strcmp(argv[1], "--help"))
		return run_help(&opts, 0, NULL);
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("pvctl %s\n", PV_VERSION);
		return EXIT_SUCCESS;
	}
	/* What is left are the command's words, moved to the front. */
	for (i = 1; i < argc; i++) {
		err = option_take(&opts, argv[i]);
		if (err == -EINVAL)
			return EXIT_FAILURE;
		if (err)
			argv[count++] = argv[i];
	}
	if (count)
		return run(&opts, count, argv);
	pvctl_say("no command; help shows all");
	return EXIT_FAILURE;
}
