// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_upgrade - one daemon takes over from another, under load and when it fails
 *
 * The new daemon is pvctl's child, and ours when pvctl has ended: this program
 * is a subreaper, so it can wait for each of them.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"
#include "drv_net.h"

#define TOOL	 TOP "/build/frontend/pvfe-blk"
#define OPTS_MAX 8
#define MIB	 (1u << 20)

static struct daemon d;
static char disk_sock[108], null_sock[108], echo_sock[108], control[108];

static int write_config(void)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "[daemon]\ncontrol = %s\n"
		 "[blk disk]\nsocket-path = %s\nblk-file = %s/disk.img\n"
		 "num-queues = 4\n"
		 "[blk null]\nsocket-path = %s\nstore = null\nsize = 1G\n"
		 "[net echo]\nsocket-path = %s\nport = echo\n",
		 control, disk_sock, d.dir, null_sock, echo_sock);
	return daemon_write(&d, "conf", text);
}

static int group_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (daemon_dir(&d) || daemon_file(&d, "disk.img", 64 * MIB))
		return -1;
	strcpy(disk_sock, daemon_path(&d, "disk.sock"));
	strcpy(null_sock, daemon_path(&d, "null.sock"));
	strcpy(echo_sock, daemon_path(&d, "echo.sock"));
	strcpy(control, daemon_path(&d, "control.sock"));
	return write_config();
}

static int group_teardown(void **state)
{
	(void)state;
	if (!getenv("PVTEST_KEEP"))
		daemon_remove(&d);
	return 0;
}

static int start(void **state)
{
	char arg[128];
	const char *const args[] = { "run", arg, NULL };

	(void)state;
	snprintf(arg, sizeof(arg), "--config=%s", daemon_path(&d, "conf"));
	if (daemon_start(&d, args))
		return -1;
	return daemon_wait_socket(&d, control);
}

/* The last daemon ends as any other, and nothing of it stays. */
static int stop(void **state)
{
	int status;

	(void)state;
	status = daemon_stop(&d, SIGTERM, 5000);
	if (status || !access(control, F_OK) || !access(disk_sock, F_OK)) {
		fprintf(stderr, "status 0x%x: %s", (unsigned int)status,
			daemon_log_text(&d));
		return -1;
	}
	return 0;
}

static pid_t answering_pid(void)
{
	json_t *answer = ctl_ask(control, "{\"command\":\"version\"}");
	json_t *result = json_object_get(answer, "result");
	pid_t pid = (pid_t)json_integer_value(json_object_get(result, "pid"));

	json_decref(answer);
	return pid;
}

static void upgrade(void)
{
	const char *text;
	int status;

	text = PVCTL(control, &status, "upgrade", daemon_program());
	if (status)
		fail_msg("%s; the log: %s", text, daemon_log_text(&d));
	/* The old one has ended well. */
	status = daemon_wait(&d, 5000);
	if (status)
		fail_msg("status 0x%x: %s", (unsigned int)status,
			 daemon_log_text(&d));
	d.pid = answering_pid();
}

/* Load */

static pid_t load_start(const char *const *opts)
{
	const char *argv[OPTS_MAX + 4] = { TOOL, "--rw=verify" };
	char socket[128];
	unsigned int i;
	pid_t pid;
	int fd;

	snprintf(socket, sizeof(socket), "--socket=%s", disk_sock);
	argv[2] = socket;
	for (i = 0; i < OPTS_MAX && opts[i]; i++)
		argv[i + 3] = opts[i];
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(daemon_path(&d, "tool"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execv(TOOL, (char **)(uintptr_t)argv);
	_exit(127);
}

static void load_end(pid_t pid)
{
	char text[2000] = "";
	int status;
	FILE *f;

	kill(pid, SIGINT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	f = fopen(daemon_path(&d, "tool"), "re");
	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = 0;
		fclose(f);
	}
	if (status || !strstr(text, "reconnects 0,") ||
	    !strstr(text, "lost 0, errors 0"))
		fail_msg("status 0x%x: %s; the log: %s", (unsigned int)status,
			 text, daemon_log_text(&d));
}

/* Requests done so far, by the daemon's counters. */
static json_int_t done(void)
{
	json_t *answer = ctl_ask(control,
				 "{\"command\":\"stats\",\"device\":\"disk\"}");
	json_t *dev, *q;
	json_int_t sum = 0;
	size_t i;

	dev = json_object_get(json_object_get(answer, "result"), "devices");
	dev = json_array_get(dev, 0);
	json_array_foreach(json_object_get(dev, "queues"), i, q)
		sum += json_integer_value(json_object_get(json_object_get(q, "counters"),
							  "chains"));
	json_decref(answer);
	return sum;
}

static void wait_for_progress(void)
{
	json_int_t from = done();
	unsigned int ms;

	for (ms = 0; ms < 10000; ms += 5) {
		if (done() >= from + 200)
			return;
		usleep(5000);
	}
	fail_msg("the load stands still: %s", daemon_log_text(&d));
}

/* The sanitized daemon takes its time to start. */
static unsigned int upgrades(void)
{
	return strstr(daemon_program(), "asan") ? 4 : 20;
}

static void under_load(const char *const *opts)
{
	pid_t load = load_start(opts);
	json_int_t before = 0;
	unsigned int i;

	for (i = 0; i < upgrades(); i++) {
		wait_for_progress();
		/* Counters go along. */
		assert_true(done() >= before);
		before = done();
		upgrade();
	}
	wait_for_progress();
	load_end(load);
}

/* Without a record of what is in flight, positions are all that there is. */
static void split_under_load(void **state)
{
	static const char *const opts[] = { "--queues=4", "--iodepth=16",
					    "--runtime=100", "--no-inflight",
					    NULL };

	(void)state;
	under_load(opts);
}

static void packed_under_load(void **state)
{
	static const char *const opts[] = { "--queues=4", "--iodepth=16",
					    "--runtime=100", "--ring=packed",
					    "--wait=event", NULL };

	(void)state;
	under_load(opts);
}

/* Failures: the old one goes on, and the load notices nothing. */

static void expect_no_upgrade(const char *binary, const char *says)
{
	pid_t before = answering_pid();
	const char *text;
	int status;

	text = PVCTL(control, &status, "upgrade", binary);
	assert_int_equal(status, 1);
	if (!strstr(text, says) || !strstr(text, "the old daemon goes on"))
		fail_msg("\"%s\" instead of \"%s\"", text, says);
	assert_int_equal(answering_pid(), before);
	wait_for_progress();
}

static int ask_for_all(void)
{
	static const char request[] =
		"{\"command\":\"handover\",\"version\":1}\n";
	int sock = ctl_connect(control);

	assert_int_equal(send(sock, request, strlen(request), 0),
			 (ssize_t)strlen(request));
	return sock;
}

/* Reads @bytes of what the old daemon hands over, then hangs up. */
static void hang_up_after(size_t bytes)
{
	int sock = ask_for_all();
	char c;

	while (bytes-- && recv(sock, &c, 1, 0) == 1)
		;
	close(sock);
	wait_for_progress();
}

static void says_nonsense(void)
{
	int sock = ask_for_all();
	char buf[4096];

	send(sock, "commit\n", 7, MSG_NOSIGNAL);
	/* It goes on with the rest of its own, or hangs up. */
	while (recv(sock, buf, sizeof(buf), 0) > 0)
		;
	close(sock);
	wait_for_progress();
}

static void failures_change_nothing(void **state)
{
	static const char *const opts[] = { "--queues=2", "--iodepth=16",
					    "--runtime=100", NULL };
	static const size_t cuts[] = { 0, 1, 16, 17, 18, 100, 1000, 4000 };
	json_t *answer;
	unsigned int i;
	pid_t load;

	(void)state;
	load = load_start(opts);
	wait_for_progress();
	expect_no_upgrade("/none", "/none: No such file");
	expect_no_upgrade("/bin/false", "not upgraded");
	expect_no_upgrade("/bin/true", "not upgraded");
	for (i = 0; i < ARRAY_SIZE(cuts); i++)
		hang_up_after(cuts[i]);
	says_nonsense();
	answer = ctl_ask(control, "{\"command\":\"handover\",\"version\":99}");
	assert_non_null(strstr(json_string_value(json_object_get(answer,
								 "error")),
			       "version 99"));
	json_decref(answer);
	/* And after all that it can. */
	upgrade();
	wait_for_progress();
	load_end(load);
}

/* While one is under way: a second one, and what would change things. */
static void one_at_a_time(void **state)
{
	int sock = ask_for_all(), status;
	json_t *answer;
	char head[16];

	(void)state;
	assert_int_equal(recv(sock, head, sizeof(head), MSG_WAITALL),
			 sizeof(head));
	answer = ctl_ask(control, "{\"command\":\"handover\",\"version\":1}");
	assert_non_null(strstr(json_string_value(json_object_get(answer,
								 "error")),
			       "under way"));
	json_decref(answer);
	assert_non_null(strstr(PVCTL(control, &status, "throttle", "disk",
				     "iops=5"), "under way"));
	assert_int_equal(status, 1);
	assert_int_equal(answering_pid(), d.pid);
	close(sock);
}

/* SIGTERM counts at any time; stop() sees that it ends well. */
static void ended_while_handing_over(void **state)
{
	int sock = ask_for_all();
	int status;
	char c;

	(void)state;
	assert_int_equal(recv(sock, &c, 1, 0), 1);
	status = stop(NULL);
	close(sock);
	assert_int_equal(status, 0);
	assert_int_equal(start(NULL), 0);
}

/* What was set, by the driver and by operators, is set after it. */
static void state_goes_along(void **state)
{
	const struct drv_dev_conf conf = { .num_queues = 3 };
	struct disk *disk = disk_open(disk_sock, &conf);
	struct vu_fe *fe = &disk->dev.fe;
	u8 writethrough = 0;
	struct vu_msg m;
	const char *text;
	u64 bytes;
	int status;

	(void)state;
	disk_works(disk);
	fe_ok(fe, vu_fe_set_config(fe, offsetof(struct virtio_blk_config, wce),
				   1, &writethrough));
	fe_ok(fe, vu_fe_vring_enable(fe, 2, false));
	fe_ok(fe, vu_fe_sync(fe));
	PVCTL(control, &status, "throttle", "disk", "iops=5000", "bps=1G");
	upgrade();
	text = PVCTL(control, &status, "throttle", "disk");
	assert_non_null(strstr(text, "iops 5000"));
	assert_non_null(strstr(text, "bps 1073741824"));
	text = PVCTL(control, &status, "status", "disk");
	if (!strstr(text, "writeback=no") ||
	    !strstr(text, "queue 2: stopped, split ring of 256, disabled"))
		fail_msg("%s", text);
	fe_ok(fe, vu_fe_vring_enable(fe, 2, true));
	disk_works(disk);
	/* The way back to the front end works. */
	PVCTL(control, &status, "resize", "disk", "80M");
	assert_int_equal(status, 0);
	fe_ok(fe, vu_fe_channel_recv(fe, &m));
	assert_int_equal(m.hdr.id, VU_BACKEND_CONFIG_CHANGE);
	fe_ok(fe, drv_blk_capacity(&disk->dev, &bytes));
	assert_int_equal(bytes, 80 * MIB);
	disk_close(disk);
	/* The next front end finds somebody. */
	disk = disk_open(disk_sock, NULL);
	disk_works(disk);
	disk_close(disk);
}

/* Regions over many descriptors, and a message cut in two by the upgrade. */
static void memory_and_half_a_message(void **state)
{
	static const struct drv_dev_conf conf = {
		.num_queues = 4,
		.layout = { .regions = 40, .size = 8 * MIB, .hole = MIB },
		.spread_rings = true,
	};
	struct vu_msg m = { .hdr = { .id = VU_GET_FEATURES,
				     .flags = 1 } };
	struct disk *disk = disk_open(disk_sock, &conf);
	struct vu_fe *fe = &disk->dev.fe;

	(void)state;
	disk_works(disk);
	assert_int_equal(send(fe->sock, &m.hdr, 5, 0), 5);
	upgrade();
	assert_int_equal(send(fe->sock, (u8 *)&m.hdr + 5, sizeof(m.hdr) - 5,
			      0), sizeof(m.hdr) - 5);
	fe_ok(fe, vu_fe_recv(fe, &m));
	assert_int_equal(m.hdr.id, VU_GET_FEATURES);
	disk_works(disk);
	upgrade();
	disk_works(disk);
	disk_close(disk);
}

/* A front end that has said only half of what it has to say. */
static void negotiation_goes_on(void **state)
{
	struct disk *disk = disk_connect(disk_sock, NULL);

	(void)state;
	upgrade();
	disk_start(disk);
	disk_works(disk);
	upgrade();
	disk_works(disk);
	disk_close(disk);
}

/* Descriptors of the new daemon are as many as the old one had. */
static void nothing_is_left_behind(void **state)
{
	struct disk *disk;
	int fds, i;

	(void)state;
	upgrade();
	disk = disk_open(disk_sock, NULL);
	disk_works(disk);
	disk_close(disk);
	usleep(50000);
	fds = daemon_count_fds(&d);
	disk = disk_open(disk_sock, NULL);
	for (i = 0; i < 5; i++)
		upgrade();
	disk_works(disk);
	disk_close(disk);
	for (i = 0; i < 600 && daemon_count_fds(&d) != fds; i++)
		usleep(5000);
	assert_int_equal(daemon_count_fds(&d), fds);
}

/* Nobody could connect to the new daemon's end, so the old one keeps it. */
static void who_does_not_listen_stays(void **state)
{
	char text[512], arg[128];
	const char *const args[] = { "run", arg, NULL };
	const char *said;
	int status;

	(void)state;
	snprintf(text, sizeof(text),
		 "[daemon]\ncontrol = %s\n"
		 "[blk caller]\nsocket-path = %s\nmode = client\n"
		 "store = null\nsize = 1G\n",
		 control, null_sock);
	assert_int_equal(daemon_write(&d, "client.conf", text), 0);
	snprintf(arg, sizeof(arg), "--config=%s",
		 daemon_path(&d, "client.conf"));
	assert_int_equal(daemon_start(&d, args), 0);
	assert_int_equal(daemon_wait_socket(&d, control), 0);
	said = PVCTL(control, &status, "upgrade", daemon_program());
	assert_int_equal(status, 1);
	assert_non_null(strstr(said, "the old daemon goes on"));
	assert_int_equal(answering_pid(), d.pid);
	assert_non_null(strstr(daemon_log_text(&d),
			       "caller: cannot move to another daemon: only devices that listen"));
	assert_int_equal(daemon_stop(&d, SIGTERM, 5000), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
		T(split_under_load),
		T(packed_under_load),
		T(failures_change_nothing),
		T(one_at_a_time),
		T(ended_while_handing_over),
		T(state_goes_along),
		T(memory_and_half_a_message),
		T(negotiation_goes_on),
		T(nothing_is_left_behind),
#undef T
		cmocka_unit_test(who_does_not_listen_stays),
	};
	const char *filter = getenv("PVTEST_FILTER");

	if (filter)
		cmocka_set_test_filter(filter);
	return cmocka_run_group_tests_name("upgrade", tests, group_setup,
					   group_teardown);
}
