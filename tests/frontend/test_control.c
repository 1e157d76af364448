// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_control - the control socket: pvctl's commands, and clients that are rude
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"

/* As in control.c. */
#define CLIENTS_MAX 32
#define LINE_MAX    4096

static json_t *ask(const char *request)
{
	return ctl_ask(fx.control, request);
}

static void expect_error(const char *request, const char *why)
{
	json_t *answer = ask(request);
	const char *text = json_string_value(json_object_get(answer, "error"));

	if (!text || !strstr(text, why))
		fail_msg("%s: \"%s\" instead of \"%s\"", request,
			 text ? text : "no error", why);
	json_decref(answer);
}

static json_t *device_of(json_t *answer, unsigned int index)
{
	json_t *result = json_object_get(answer, "result");
	json_t *dev;

	dev = json_array_get(json_object_get(result, "devices"), index);
	assert_non_null(dev);
	return dev;
}

static void status_of_all(void **state)
{
	json_t *answer = ask("{\"command\":\"status\"}");
	json_t *result = json_object_get(answer, "result");
	json_t *devices = json_object_get(result, "devices");

	(void)state;
	assert_int_equal(json_array_size(devices), 5);
	assert_int_equal(json_integer_value(json_object_get(result, "pid")),
			 fx.daemon.pid);
	json_decref(answer);
}

static bool has_name(const json_t *list, const char *name)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++)
		if (!strcmp(json_string_value(json_array_get(list, i)), name))
			return true;
	return false;
}

static void expect_text(const json_t *object, const char *key,
			  const char *value)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text || strcmp(text, value))
		fail_msg("%s is \"%s\" instead of \"%s\"", key,
			 text ? text : "missing", value);
}

/* What is connected and running is seen as such, and as nothing afterwards. */
static void status_follows_the_connection(void **state)
{
	static const char request[] =
		"{\"command\":\"status\",\"device\":\"disk\"}";
	struct drv_dev_conf conf = { .num_queues = 2, .queue_size = 64 };
	struct disk *disk = disk_open(fx.disk, &conf);
	json_t *answer, *dev, *q;

	(void)state;
	disk_works(disk);
	answer = ask(request);
	dev = device_of(answer, 0);
	expect_text(dev, "name", "disk");
	expect_text(dev, "type", "blk");
	expect_text(dev, "socket", fx.disk);
	expect_text(dev, "state", "running");
	assert_true(json_is_true(json_object_get(dev, "connected")));
	assert_true(has_name(json_object_get(dev, "features"), "EVENT_IDX"));
	assert_true(has_name(json_object_get(dev, "protocol_features"),
			     "CONFIG"));
	q = json_array_get(json_object_get(dev, "queues"), 1);
	expect_text(q, "state", "running");
	expect_text(q, "layout", "split");
	assert_int_equal(json_integer_value(json_object_get(q, "size")), 64);
	assert_int_equal(json_integer_value(json_object_get(q, "position")),
			 disk->dev.vq[1].avail_published);
	q = json_array_get(json_object_get(dev, "queues"), 2);
	expect_text(q, "state", "stopped");
	json_decref(answer);
	disk_close(disk);
	assert_true(fixture_settled());

	answer = ask(request);
	dev = device_of(answer, 0);
	expect_text(dev, "state", "closed");
	assert_true(json_is_false(json_object_get(dev, "connected")));
	json_decref(answer);
}

static json_int_t counter(const char *device, unsigned int queue,
			  const char *name)
{
	char request[128];
	json_t *answer, *list;
	json_int_t value;

	snprintf(request, sizeof(request),
		 "{\"command\":\"stats\",\"device\":\"%s\"}", device);
	answer = ask(request);
	list = json_object_get(device_of(answer, 0), "queues");
	list = json_object_get(json_array_get(list, queue), "counters");
	assert_true(json_is_integer(json_object_get(list, name)));
	value = json_integer_value(json_object_get(list, name));
	json_decref(answer);
	return value;
}

static void counters_count(void **state)
{
	json_int_t reads = counter("disk", 0, "reads");
	json_int_t bytes = counter("disk", 0, "bytes_read");
	struct disk *disk = disk_open(fx.disk, NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < 7; i++)
		assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN, 8 * i,
					 disk->buf, 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(disk_io(disk, 0, VIRTIO_BLK_T_IN,
				 DISK_SIZE / 512, disk->buf, 4096),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(counter("disk", 0, "reads") - reads, 7);
	assert_int_equal(counter("disk", 0, "bytes_read") - bytes, 7 * 4096);
	assert_true(counter("disk", 0, "rejected_past_end") > 0);
	disk_close(disk);
}

static void pvctl_shows(void **state)
{
	struct disk *disk = disk_open(fx.disk, NULL);
	const char *text;
	int status;

	(void)state;
	disk_works(disk);
	text = PVCTL(fx.control, &status, "status", "disk");
	assert_int_equal(status, 0);
	if (!strstr(text, "disk: blk at ") || !strstr(text, "running") ||
	    !strstr(text, "split ring of 256"))
		fail_msg("%s", text);
	text = PVCTL(fx.control, &status, "stats", "disk");
	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "reads="));
	text = PVCTL(fx.control, &status, "--json", "stats");
	assert_int_equal(status, 0);
	assert_int_equal(text[0], '{');
	text = PVCTL(fx.control, &status, "version");
	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "version "));
	text = PVCTL(fx.control, &status, "help");
	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "status [DEVICE]"));
	disk_close(disk);
}

/* One line on what is wrong, and a status that says so. */
static void pvctl_refuses(void **state)
{
	static const struct {
		const char *words[4];
		const char *says;
	} cases[] = {
		{ { NULL }, "no command" },
		{ { "statu" }, "statu: unknown command" },
		{ { "--jsn", "status" }, "--jsn: unknown option" },
		{ { "status", "none" }, "none: no such device" },
		{ { "status", "disk", "ro" }, "ro: one argument too many" },
		{ { "top", "disk" }, "disk: one argument too many" },
	};
	unsigned int i;
	int status;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = pvctl(fx.control, cases[i].words, &status);

		assert_int_equal(status, 1);
		if (strncmp(text, "pvctl: ", 7) || !strstr(text, cases[i].says) ||
		    strchr(text, '\n') != text + strlen(text) - 1)
			fail_msg("\"%s\" instead of \"%s\"", text,
				 cases[i].says);
	}
	assert_non_null(strstr(PVCTL("/none/c", &status, "status"),
			       "/none/c: No such file"));
	assert_int_equal(status, 1);
}

static void bad_lines(void **state)
{
	(void)state;
	expect_error("", "not a line of JSON");
	expect_error("status", "not a line of JSON");
	expect_error("{\"command\":\"status\"", "not a line of JSON");
	expect_error("{\"command\":\"status\"} x", "not a line of JSON");
	expect_error("[]", "want an object");
	expect_error("{\"command\":\"none\"}", "unknown command");
	expect_error("{\"command\":\"status\",\"command\":\"stats\"}",
		     "not a line of JSON");
	expect_error("{\"command\":\"status\",\"device\":\"none\"}",
		     "no such device");
}

/* Several requests in one packet, and one in many. */
static void lines_in_pieces(void **state)
{
	static const char version[] = "{\"command\":\"version\"}\n";
	char many[sizeof(version) * 40] = "";
	int sock = ctl_connect(fx.control);
	unsigned int i;

	(void)state;
	for (i = 0; i < 40; i++)
		strcat(many, version);
	assert_non_null(strstr(ctl_line(sock, many), "result"));
	for (i = 1; i < 40; i++)
		assert_non_null(strstr(ctl_line(sock, NULL), "result"));
	for (i = 0; i < strlen(version); i++)
		assert_int_equal(send(sock, version + i, 1, 0), 1);
	assert_non_null(strstr(ctl_line(sock, NULL), "result"));
	close(sock);
}

static void endless_line(void **state)
{
	char text[LINE_MAX + 1];
	int sock = ctl_connect(fx.control);

	(void)state;
	memset(text, ' ', LINE_MAX);
	text[LINE_MAX] = 0;
	assert_non_null(strstr(ctl_line(sock, text), "too long"));
	assert_null(ctl_line(sock, NULL));
	close(sock);
}

/* Asks and asks and never reads: others are served, nothing grows. */
static void never_reads(void **state)
{
	static const char request[] = "{\"command\":\"status\"}\n";
	int sock = ctl_connect(fx.control);
	unsigned int sent = 0;

	(void)state;
	while (sent < 100000 &&
	       send(sock, request, strlen(request),
		    MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)strlen(request))
		sent++;
	assert_in_range(sent, 1, 99999);
	assert_int_equal(counter("ro", 0, "reads"), 0);
	close(sock);
}

/* The one that has been silent the longest makes room. */
static void silent_clients_make_room(void **state)
{
	int socks[CLIENTS_MAX + 1];
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(socks); i++) {
		socks[i] = ctl_connect(fx.control);
		/* In the loop's hands, before the next one comes. */
		assert_non_null(ctl_line(socks[i], "{}\n"));
	}
	assert_null(ctl_line(socks[0], NULL));
	assert_non_null(ctl_line(socks[1], "{}\n"));
	for (i = 0; i < ARRAY_SIZE(socks); i++)
		close(socks[i]);
}

static void hangs_up_early(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		int sock = ctl_connect(fx.control);

		send(sock, "{\"command\":\"stats\"}\n{", 21, MSG_NOSIGNAL);
		close(sock);
	}
}

static int connect_as(uid_t uid, gid_t gid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	pid_t pid = fork();
	int status;
	char c;

	if (!pid) {
		int sock = socket(AF_UNIX, SOCK_STREAM, 0);

		strcpy(addr.sun_path, fx.control);
		if (setgid(gid) || setuid(uid) ||
		    connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
			_exit(2);
		send(sock, "{}\n", 3, MSG_NOSIGNAL);
		_exit(recv(sock, &c, 1, 0) != 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/* The file's mode keeps others out, and so does the daemon by itself. */
static void strangers_stay_outside(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(fx.control, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	if (geteuid())
		skip();
	assert_int_equal(chmod(fx.daemon.dir, 0711), 0);
	assert_int_equal(connect_as(65534, 65534), 2);
	assert_int_equal(chmod(fx.control, 0666), 0);
	assert_int_equal(connect_as(65534, 65534), 1);
	/* An administrator may let in a group. */
	assert_int_equal(chown(fx.control, 0, 65534), 0);
	assert_int_equal(connect_as(65534, 65534), 0);
	assert_int_equal(chown(fx.control, 0, 0), 0);
	assert_int_equal(chmod(fx.control, 0600), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, fixture_after)
		T(status_of_all),
		T(status_follows_the_connection),
		T(counters_count),
		T(pvctl_shows),
		T(pvctl_refuses),
		T(bad_lines),
		T(lines_in_pieces),
		T(endless_line),
		T(never_reads),
		T(silent_clients_make_room),
		T(hangs_up_early),
		T(strangers_stay_outside),
#undef T
	};

	return fixture_run("control", tests, ARRAY_SIZE(tests));
}
