// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_vu - a whole device with a front end that sends anything
 *
 * Theory of operation
 *
 * The dispatcher, its handlers, queues, a disk (null store) and a NIC (echo
 * port) are the daemon's; the socket is one end of a pair, guest memory a memfd.
 * Only the worker is a stand-in, on this thread.  The input chooses the device
 * and is then a sequence of commands: a byte below CMD_MESSAGES is a message
 *
 *	request, how (HOW_*), descriptors (count, kind), bytes, payload
 *
 * and others are what else a front end and its guest can do.  After each one the
 * daemon gets its turns and the replies are read and checked.  At the end the
 * front end is gone, and nothing that it gave may be left: no descriptor, no
 * memory, no task.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sanitizer/lsan_interface.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "blk.h"
#include "conf.h"
#include "fake_worker.h"
#include "fuzz.h"
#include "log.h"
#include "net.h"
#include "vu_dev.h"
#include "vu_proto.h"

#define GUEST_BYTES  0x10000
#define RECORD_BYTES 0x8000
#define COMMANDS_MAX 64

/* One after the other, in one input. */
#define FRONT_ENDS_MAX 3

/* More than any message needs, so that too many is among what comes. */
#define SEND_FDS_MAX 12

/* Some dozen are open at a time, so that one too many is below this. */
#define FDS_WATCHED 40

/* Turns after which a daemon that is asked for nothing must be done. */
#define TURNS_MAX 64

enum command {
	CMD_MEMORY = 0x60,	/* the guest writes: address, bytes */
	CMD_TURNS,		/* nothing, for a while */
	CMD_KICK,		/* every eventfd, every timer */
	CMD_HANG_UP,
	CMD_RAW,		/* bytes that are no message */
	CMD_CONFIG_CHANGED,	/* the host resized the disk */
	CMD_CHANNEL_CLOSE,	/* our end of the back end's channel */
	CMD_RECORD,		/* as CMD_MEMORY, into log or record */
	CMD_MESSAGES = CMD_MEMORY
};

/* Beside VU_FLAG_NEED_REPLY. */
enum how {
	HOW_NEED_REPLY = 0x01,
	HOW_VERSION = 0x02,	/* a wrong one */
	HOW_IS_REPLY = 0x04,
	HOW_SIZE = 0x08,	/* announces another size: 2 bytes follow */
	HOW_PIECES = 0x10,	/* a turn between header and payload */
	HOW_UNREAD = 0x20,	/* replies stay in the socket */
	HOW_LONG = 0x40,	/* payload's length counts fours */
};

enum fd_kind {
	FD_MEMORY,	/* the guest's */
	FD_EVENT,
	FD_CHANNEL,	/* the other end of our channel */
	FD_NULL,	/* what nobody can map */
	FD_RECORD,	/* sealed: a log, a record of what is in flight */
	FD_PIPE,	/* a state to load */
	FD_KINDS
};

/**
 * struct side - a device of the daemon and the front end's end of its socket
 * @sock:	front end's, or -1
 * @open:	a connection is there
 */
struct side {
	struct device *dev;
	struct vu_dev vd;
	struct conf conf;
	int sock;
	bool open;
};

static struct side sides[2];
static struct evloop *loop;
static u8 *guest;
static u8 *record;
static int fds[FD_KINDS];
static int channel; /* our end, or -1 */
static u64 fds_at_start; /* a bit each */

/* The daemon's turns */

static void always_ready(struct ev_fd *ev, u32 events)
{
	evloop_quit(loop);
}

/* An eventfd that is never read: each turn of the loop is its last. */
static struct ev_fd always = { .ready = always_ready };

static void turn(void)
{
	evloop_run(loop);
}

static void settle(const struct side *s)
{
	unsigned int i;

	turn();
	for (i = 0; i < TURNS_MAX && (fake_worker_turn() || s->vd.parked); i++)
		turn();
	FUZZ_CHECK(!s->vd.parked);
}

/* The connection */

static void side_closed(struct vu_dev *vd)
{
	container_of(vd, struct side, vd)->open = false;
}

static void connect_to(struct side *s)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
	    vu_dev_open(&s->vd, pair[1]))
		abort();
	s->sock = pair[0];
	s->open = true;
}

static void channel_close(void)
{
	if (channel >= 0)
		close(channel);
	channel = -1;
}

/* One call for all: what is not open is what poll() calls invalid. */
static u64 fds_open(void)
{
	struct pollfd p[FDS_WATCHED];
	u64 set = 0;

	for (int fd = 0; fd < FDS_WATCHED; fd++)
		p[fd] = (struct pollfd){ .fd = fd };
	poll(p, FDS_WATCHED, 0);
	for (int fd = 0; fd < FDS_WATCHED; fd++)
		if (!(p[fd].revents & POLLNVAL))
			set |= BIT_ULL(fd);
	return set;
}

static void check_let_go(const struct side *s)
{
	FUZZ_CHECK(!s->dev->mem.count);
	for (unsigned int i = 0; i < s->dev->num_queues; i++) {
		const struct queue *q = &s->dev->queues[i];

		FUZZ_CHECK(q->state == QUEUE_STOPPED);
		FUZZ_CHECK(q->kick_fd < 0 && q->call_fd < 0 && q->err_fd < 0);
	}
	FUZZ_CHECK(fake_worker_idle());
	FUZZ_CHECK(fds_open() == fds_at_start);
}

static void disconnect(struct side *s)
{
	close(s->sock);
	s->sock = -1;
	channel_close();
	settle(s);
	turn();
	FUZZ_CHECK(!s->open && s->vd.state == VU_CLOSED);
	check_let_go(s);
}

/* Replies */

static void check_reply(const struct vu_header *hdr)
{
	FUZZ_CHECK(hdr->flags == (VU_VERSION | VU_FLAG_REPLY));
	FUZZ_CHECK(hdr->size <= VU_PAYLOAD_MAX);
}

/* Descriptors of replies are dropped by the kernel: there is no room for them. */
static void read_replies(struct side *s)
{
	u8 payload[VU_PAYLOAD_MAX];
	struct vu_header hdr;

	while (recv(s->sock, &hdr, sizeof(hdr), MSG_DONTWAIT) ==
	       (ssize_t)sizeof(hdr)) {
		check_reply(&hdr);
		FUZZ_CHECK(!hdr.size ||
			   recv(s->sock, payload, hdr.size, MSG_DONTWAIT) ==
				   (ssize_t)hdr.size);
	}
}

/* Messages */

static int channel_make(void)
{
	int pair[2];

	channel_close();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		abort();
	channel = pair[0];
	return pair[1];
}

static void send_bytes(struct side *s, void *bytes, size_t len, int *send_fds,
		       unsigned int num_fds)
{
	u8 control[CMSG_SPACE(SEND_FDS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { bytes, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (num_fds) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(num_fds * sizeof(int));
		memcpy(CMSG_DATA(c), send_fds, num_fds * sizeof(int));
		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
	}
	/* A daemon that has hung up, or has no room, gets no more of it. */
	if (sendmsg(s->sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

/* A state as a migration brings it, all there, or for the daemon to write. */
static int state_make(struct fuzz_input *in)
{
	u8 how = fuzz_u8(in);
	u8 state[255];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		abort();
	fuzz_bytes(in, state, how & 0x7f);
	if (write(ends[1], state, how & 0x7f) < 0)
		abort();
	close(ends[how >> 7 ? 0 : 1]);
	return ends[how >> 7 ? 1 : 0];
}

/* *theirs: what is to be closed when it has been sent, or -1 */
static unsigned int fds_take(struct fuzz_input *in, int *send_fds, int *theirs)
{
	u8 what = fuzz_u8(in);
	unsigned int n = (what & 0xf) % (SEND_FDS_MAX + 1);
	enum fd_kind kind = (what >> 4) % FD_KINDS;

	for (unsigned int i = 0; i < n; i++)
		send_fds[i] = fds[kind];
	*theirs = -1;
	if (n && kind == FD_CHANNEL)
		*theirs = channel_make();
	if (n && kind == FD_PIPE)
		*theirs = state_make(in);
	if (*theirs >= 0)
		send_fds[0] = *theirs;
	return n;
}

static void message(struct side *s, u8 request, struct fuzz_input *in)
{
	struct {
		struct vu_header hdr;
		u8 payload[4 * 255];
	} m = { .hdr = { .request = request, .flags = VU_VERSION } };
	u8 how = fuzz_u8(in);
	int send_fds[SEND_FDS_MAX];
	int theirs;
	unsigned int n = fds_take(in, send_fds, &theirs);
	size_t len = fuzz_u8(in) * (how & HOW_LONG ? 4U : 1U);

	m.hdr.size = (u32)len;
	if (how & HOW_SIZE)
		m.hdr.size = fuzz_u16(in);
	if (how & HOW_NEED_REPLY)
		m.hdr.flags |= VU_FLAG_NEED_REPLY;
	if (how & HOW_VERSION)
		m.hdr.flags ^= VU_VERSION_MASK;
	if (how & HOW_IS_REPLY)
		m.hdr.flags |= VU_FLAG_REPLY;
	fuzz_bytes(in, m.payload, len);
	if (how & HOW_PIECES) {
		send_bytes(s, &m, 7, send_fds, n);
		settle(s);
		send_bytes(s, (u8 *)&m + 7, sizeof(m.hdr) - 7 + len, NULL, 0);
	} else {
		send_bytes(s, &m, sizeof(m.hdr) + len, send_fds, n);
	}
	/* The other end is the daemon's from here on, and only there. */
	if (theirs >= 0)
		close(theirs);
	settle(s);
	if (!(how & HOW_UNREAD))
		read_replies(s);
}

static void write_memory(u8 *memory, size_t size, struct fuzz_input *in)
{
	size_t at = fuzz_u16(in) % size;
	u8 buf[255];
	u8 len = fuzz_u8(in);

	fuzz_bytes(in, buf, len);
	memcpy(memory + at, buf, min((size_t)len, size - at));
}

static void raw(struct side *s, struct fuzz_input *in)
{
	u8 buf[255];
	u8 len = fuzz_u8(in);

	fuzz_bytes(in, buf, len);
	send_bytes(s, buf, len, NULL, 0);
	settle(s);
}

static void command(struct side *s, struct fuzz_input *in)
{
	u8 cmd = fuzz_u8(in);

	switch (cmd) {
	case CMD_MEMORY:
		write_memory(guest, GUEST_BYTES, in);
		break;
	case CMD_RECORD:
		write_memory(record, RECORD_BYTES, in);
		break;
	case CMD_TURNS:
		settle(s);
		break;
	case CMD_KICK:
		fake_worker_wake();
		settle(s);
		break;
	case CMD_HANG_UP:
		shutdown(s->sock, SHUT_WR);
		settle(s);
		break;
	case CMD_RAW:
		raw(s, in);
		break;
	case CMD_CONFIG_CHANGED:
		vu_dev_config_changed(&s->vd);
		settle(s);
		break;
	case CMD_CHANNEL_CLOSE:
		channel_close();
		settle(s);
		break;
	default:
		message(s, cmd, in);
	}
}

static void one_front_end(struct side *s, struct fuzz_input *in)
{
	unsigned int i;

	connect_to(s);
	for (i = 0; in->left && s->open && i < COMMANDS_MAX; i++)
		command(s, in);
	disconnect(s);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct side *s = &sides[fuzz_u8(&in) & 1];

	memset(guest, 0, GUEST_BYTES);
	memset(record, 0, RECORD_BYTES);
	fds_at_start = fds_open();
	/* A closed connection is followed by the next one, as a server does. */
	for (unsigned int i = 0; in.left && i < FRONT_ENDS_MAX; i++)
		one_front_end(s, &in);
	return 0;
}

/* The daemon's side, made once as the daemon makes it */

static void side_init(struct side *s, char **argv,
		      int (*create)(struct device **out,
				    const struct conf_device *conf,
				    const struct device_env *env))
{
	static struct worker *workers[1];
	struct device_env env = {
		.loop = loop,
		.workers = workers,
		.num_workers = 1,
	};
	int argc = 0;

	workers[0] = fake_worker();
	while (argv[argc])
		argc++;
	if (conf_load(&s->conf, argc, argv) ||
	    create(&s->dev, &s->conf.devices[0], &env))
		abort();
	vu_dev_init(&s->vd, s->dev, s->conf.devices[0].queue_size, loop);
	s->vd.closed = side_closed;
}

static int memory_make(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size))
		abort();
	return fd;
}

static void front_end_init(void)
{
	fds[FD_MEMORY] = memory_make("guest", GUEST_BYTES);
	fds[FD_RECORD] = memory_make("record", RECORD_BYTES);
	fcntl(fds[FD_RECORD], F_ADD_SEALS, F_SEAL_SHRINK);
	record = mmap(NULL, RECORD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fds[FD_RECORD], 0);
	fds[FD_EVENT] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[FD_CHANNEL] = fds[FD_NULL];
	fds[FD_PIPE] = fds[FD_NULL];
	channel = -1;
	guest = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		     fds[FD_MEMORY], 0);
	if (guest == MAP_FAILED || record == MAP_FAILED || fds[FD_EVENT] < 0 || fds[FD_NULL] < 0)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char *blk[] = { "pvbackend", "blk", "--socket-path=/blk",
			       "--store=null", "--size=1M", "--num-queues=4",
			       "--queue-size=256", NULL };
	static char *net[] = { "pvbackend", "net", "--socket-path=/net",
			       "--port=echo", "--num-queues=2",
			       "--mac=02:00:00:00:00:01", "--queue-size=256",
			       NULL };

	log_set_level(LOG_EMERG);
	loop = evloop_create();
	always.fd = eventfd(1, EFD_CLOEXEC);
	if (!loop || evloop_add(loop, &always, EPOLLIN))
		abort();
	/* Devices live as long as we do, and some in memory of their own, where
	 * the leak detector does not look for pointers.
	 */
	__lsan_disable();
	side_init(&sides[0], blk, blk_create);
	side_init(&sides[1], net, net_create);
	__lsan_enable();
	front_end_init();
	return 0;
}
