// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * init - first process of a test guest: serves commands over a virtio port
 *
 * Theory of operation: after the mounts and the modules named in
 * /etc/init.modules, init opens the virtio-serial port "org.pvpack.guest" and
 * serves it from one poll loop until the machine is ended from outside.
 * Nothing here sleeps without bound except the port itself, which the host
 * always drains.
 *
 * Both directions carry frames: a line "TYPE ID LENGTH\n", then LENGTH bytes.
 *
 *	to the guest	run ID n	shell command; ID is the host's choice
 *			kill ID 0	SIGKILL to everything the command started
 *	to the host	hello 0 n	kernel release, once, when ready
 *			out ID n	a piece of the command's standard output
 *			err ID n	a piece of its standard error
 *			exit ID n	exit status in decimal, 128 + N for signal N
 *
 * Commands run side by side.  "exit" is a command's last frame and is sent
 * when its shell ends; what it left in the background goes on unheard.
 * Trouble before the port is open is reported on the serial console.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT_NAME	"org.pvpack.guest"
#define PORT_WAIT_MS	20000
#define JOBS_MAX	16
#define STREAMS		2	/* standard output, standard error */
#define CHUNK_BYTES	16384
#define COMMAND_BYTES	(1 << 20)

/**
 * struct job - one running command
 * @id: the host's number for it
 * @pid: its shell, leader of its own process group; 0: the slot is free
 * @fd: read ends of its output pipes, -1 after end of file
 */
struct job {
	unsigned long id;
	pid_t pid;
	int fd[STREAMS];
};

static const char *const stream_names[STREAMS] = { "out", "err" };
static struct job jobs[JOBS_MAX];
static int port_fd = -1;

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("init: ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	fflush(stdout);
	va_end(args);
}

static void __attribute__((noreturn)) give_up(const char *what)
{
	say("%s: %s; powering off", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void write_all(const void *data, size_t bytes)
{
	const char *at = data;

	while (bytes) {
		ssize_t done = write(port_fd, at, bytes);

		if (done < 0 && errno != EINTR && errno != EAGAIN)
			give_up("write to the command port");
		if (done > 0) {
			at += done;
			bytes -= done;
		}
	}
}

static void send_frame(const char *type, unsigned long id, const void *data,
		       size_t bytes)
{
	static char frame[64 + CHUNK_BYTES];
	int head = snprintf(frame, 64, "%s %lu %zu\n", type, id, bytes);

	memcpy(frame + head, data, bytes);
	write_all(frame, head + bytes);
}

static void send_exit(unsigned long id, int status)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", status);

	send_frame("exit", id, text, len);
}

static struct job *find_job(unsigned long id)
{
	for (struct job *job = jobs; job < jobs + JOBS_MAX; job++)
		if (job->pid && job->id == id)
			return job;
	return NULL;
}

static struct job *find_free_job(void)
{
	for (struct job *job = jobs; job < jobs + JOBS_MAX; job++)
		if (!job->pid)
			return job;
	return NULL;
}

static void __attribute__((noreturn))
exec_command(const char *command, int pipes[STREAMS][2])
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(pipes[0][1], STDOUT_FILENO);
	dup2(pipes[1][1], STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, NULL);
	fprintf(stderr, "init: cannot start /bin/sh: %s\n", strerror(errno));
	_exit(127);
}

static void start_job(unsigned long id, const char *command)
{
	struct job *job = find_free_job();
	int pipes[STREAMS][2];

	if (!job) {
		send_exit(id, 126);
		return;
	}
	for (int i = 0; i < STREAMS; i++)
		if (pipe2(pipes[i], O_CLOEXEC))
			give_up("pipe");
	job->id = id;
	job->pid = fork();
	if (job->pid < 0)
		give_up("fork");
	if (!job->pid)
		exec_command(command, pipes);
	for (int i = 0; i < STREAMS; i++) {
		close(pipes[i][1]);
		job->fd[i] = pipes[i][0];
		fcntl(job->fd[i], F_SETFL, O_NONBLOCK);
	}
}

/* Sends one piece; false when there is nothing more for now. */
static bool forward_piece(struct job *job, int stream)
{
	char data[CHUNK_BYTES];
	ssize_t bytes;

	if (job->fd[stream] < 0)
		return false;
	bytes = read(job->fd[stream], data, sizeof(data));
	if (bytes > 0) {
		send_frame(stream_names[stream], job->id, data, bytes);
		return true;
	}
	if (!bytes || (errno != EAGAIN && errno != EINTR)) {
		close(job->fd[stream]);
		job->fd[stream] = -1;
	}
	return false;
}

static void end_job(struct job *job, int status)
{
	for (int i = 0; i < STREAMS; i++) {
		while (forward_piece(job, i))
			;
		if (job->fd[i] >= 0)
			close(job->fd[i]);
	}
	send_exit(job->id, WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
						 WEXITSTATUS(status));
	job->pid = 0;
}

static void reap_children(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < JOBS_MAX; i++)
			if (jobs[i].pid == pid)
				end_job(&jobs[i], status);
}

static void read_exactly(char *data, size_t bytes)
{
	while (bytes) {
		ssize_t done = read(port_fd, data, bytes);

		if (done > 0) {
			data += done;
			bytes -= done;
		} else if (done < 0 && errno != EINTR && errno != EAGAIN) {
			give_up("read from the command port");
		} else {
			usleep(10000);
		}
	}
}

static void read_line(char *line, size_t bytes)
{
	size_t used = 0;

	do {
		if (used == bytes - 1) {
			errno = EPROTO;
			give_up("frame header from the host");
		}
		read_exactly(line + used, 1);
	} while (line[used++] != '\n');
	line[used] = '\0';
}

static void handle_frame(void)
{
	static char command[COMMAND_BYTES];
	char line[64], type[16];
	unsigned long id;
	struct job *job;
	size_t bytes;

	read_line(line, sizeof(line));
	if (sscanf(line, "%15s %lu %zu", type, &id, &bytes) != 3 ||
	    bytes >= sizeof(command)) {
		errno = EPROTO;
		give_up("frame from the host");
	}
	read_exactly(command, bytes);
	command[bytes] = '\0';
	if (!strcmp(type, "run")) {
		start_job(id, command);
	} else if (!strcmp(type, "kill")) {
		job = find_job(id);
		if (job)
			kill(-job->pid, SIGKILL);
	}
}

static void handle_signal(int signal_fd)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
		reap_children();
}

static void __attribute__((noreturn)) serve(int signal_fd)
{
	struct pollfd fds[2 + JOBS_MAX * STREAMS] = {
		{ .fd = port_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	struct pollfd *out = fds + 2;

	for (;;) {
		for (int i = 0; i < JOBS_MAX * STREAMS; i++) {
			const struct job *job = &jobs[i / STREAMS];

			out[i].fd = job->pid ? job->fd[i % STREAMS] : -1;
			out[i].events = POLLIN;
		}
		if (poll(fds, 2 + JOBS_MAX * STREAMS, -1) < 0)
			continue;
		for (int i = 0; i < JOBS_MAX * STREAMS; i++)
			if (out[i].fd >= 0 && out[i].revents)
				forward_piece(&jobs[i / STREAMS], i % STREAMS);
		if (fds[1].revents)
			handle_signal(signal_fd);
		if (fds[0].revents & POLLIN)
			handle_frame();
		else if (fds[0].revents)
			usleep(10000);
	}
}

/* The device node of our port in @path, or false if it is not there yet. */
static bool find_port(char *path, size_t bytes)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	char name[sizeof(PORT_NAME) + 1];
	bool found = false;
	struct dirent *entry;
	FILE *file;

	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, bytes, "/sys/class/virtio-ports/%s/name",
			 entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		found = fgets(name, sizeof(name), file) &&
			!strcmp(strtok(name, "\n") ?: "", PORT_NAME);
		fclose(file);
		snprintf(path, bytes, "/dev/%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void open_port(void)
{
	char path[320];

	for (int ms = 0; ms < PORT_WAIT_MS; ms += 20) {
		if (find_port(path, sizeof(path)))
			port_fd = open(path, O_RDWR | O_CLOEXEC);
		if (port_fd >= 0)
			return;
		usleep(20000);
	}
	errno = ENODEV;
	give_up("command port " PORT_NAME);
}

static void mount_all(void)
{
	static const struct { const char *type, *where; } mounts[] = {
		{ "devtmpfs", "/dev" },
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "tracefs", "/sys/kernel/tracing" },
		{ "tmpfs", "/tmp" },
		{ "tmpfs", "/run" },
		{ "tmpfs", "/dev/shm" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, ""))
			say("mount %s: %s", mounts[i].where, strerror(errno));
	}
}

static void load_modules(void)
{
	if (!access("/etc/init.modules", R_OK) &&
	    system("modprobe -ab $(cat /etc/init.modules)"))
		say("some module of /etc/init.modules did not load");
}

/* The kernel opened no console for us if the image has no /dev/console. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

int main(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct utsname name;
	sigset_t child;
	int signal_fd;

	/* As a service of an installed system we find all this done. */
	if (getpid() == 1) {
		mount_all();
		open_console();
	}
	uname(&name);
	say("hello from %s", name.release);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/tmp", 1);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	load_modules();
	open_port();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal_fd = signalfd(-1, &child, SFD_CLOEXEC);
	if (signal_fd < 0)
		give_up("signalfd");
	send_frame("hello", 0, name.release, strlen(name.release));
	serve(signal_fd);
}
