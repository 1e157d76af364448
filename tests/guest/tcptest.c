// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tcptest - move bytes over TCP, or count one-byte round trips
 *
 *	tcptest recv PORT		accept once, write what comes to stdout
 *	tcptest send HOST PORT		send standard input, wait until it is taken
 *	tcptest echo PORT		answer every connection's bytes, for ever
 *	tcptest rr HOST PORT MS		print round trips done in MS milliseconds
 *					and the time that they took in nanoseconds
 *
 * Both ends of the tests use it, so that neither depends on a netcat's idea of
 * when a transfer is over.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES	65536
#define NS_PER_MS	1000000ull
#define PEER_WAIT_S	60

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "tcptest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
	};

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
		errno = EINVAL;
		fail(host);
	}
	return address;
}

/* No wait for the peer is without end: a test that hangs tells nothing. */
static void set_options(int fd)
{
	const struct timeval limit = { .tv_sec = PEER_WAIT_S };
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int connect_to(const char *host, const char *port)
{
	struct sockaddr_in address = address_of(host, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket");
	set_options(fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	return fd;
}

static int listen_on(const char *port)
{
	struct sockaddr_in address = address_of("0.0.0.0", port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	const int on = 1;

	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 16))
		fail("listen");
	return fd;
}

static void write_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t done = write(fd, data, bytes);

		if (done <= 0)
			fail("write");
		data += done;
		bytes -= done;
	}
}

static void copy_all(int from, int to)
{
	char data[CHUNK_BYTES];
	ssize_t bytes;

	while ((bytes = read(from, data, sizeof(data))) > 0)
		write_all(to, data, bytes);
	if (bytes < 0)
		fail("read");
}

static int run_recv(char **args)
{
	int listener = listen_on(args[0]);
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		fail("accept");
	set_options(fd);
	copy_all(fd, STDOUT_FILENO);
	return 0;
}

static int run_send(char **args)
{
	int fd = connect_to(args[0], args[1]);
	char end;

	copy_all(STDIN_FILENO, fd);
	shutdown(fd, SHUT_WR);
	/* The receiver closes when it has everything. */
	if (read(fd, &end, 1) != 0)
		fail("end of transfer");
	return 0;
}

static void echo_until_closed(int fd)
{
	char data[CHUNK_BYTES];
	ssize_t bytes;

	set_options(fd);
	while ((bytes = read(fd, data, sizeof(data))) > 0)
		write_all(fd, data, bytes);
	exit(0);
}

static int run_echo(char **args)
{
	int listener = listen_on(args[0]);
	int fd;

	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			fail("accept");
		if (!fork())
			echo_until_closed(fd);
		close(fd);
	}
}

static int run_rr(char **args)
{
	uint64_t limit_ns = strtoull(args[2], NULL, 10) * NS_PER_MS;
	int fd = connect_to(args[0], args[1]);
	uint64_t start = now_ns();
	unsigned long trips = 0;
	char byte = 0;

	while (now_ns() - start < limit_ns) {
		write_all(fd, &byte, 1);
		if (read(fd, &byte, 1) != 1)
			fail("answer");
		trips++;
	}
	printf("%lu %llu\n", trips, (unsigned long long)(now_ns() - start));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		int (*run)(char **args);
	} modes[] = {
		{ "recv", 1, run_recv },
		{ "send", 2, run_send },
		{ "echo", 1, run_echo },
		{ "rr", 3, run_rr },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc - 2 == modes[i].arguments &&
		    !strcmp(argv[1], modes[i].name))
			return modes[i].run(argv + 2);
	fputs("usage: tcptest recv PORT | send HOST PORT | echo PORT | rr HOST PORT MS\n",
	      stderr);
	return 2;
}
