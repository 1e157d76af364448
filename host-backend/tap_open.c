// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tap_open - the queues of an existing tap interface, opened and set up
 *
 * TUNSETIFF answers most mistakes with EINVAL and makes an interface that is
 * not there, so what the name stands for is asked first, through ethtool,
 * which needs no rights.  A multi-queue tap lets any number of processes
 * attach, who would then share its frames; its count of queues tells.
 */
#include "tap_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "conf.h"
#include "inherit.h"
#include "log.h"
#include "port.h"

#define TUN_PATH "/dev/net/tun"

/* How long a killed daemon's I/O may hold its tap, and how often to look. */
#define OWNER_GONE_MS 1000
#define OWNER_POLL_MS 20

/**
 * struct tap_info - what an interface is
 * @multi_queue: made with IFF_MULTI_QUEUE
 * @attached:	queues that somebody has open
 */
struct tap_info {
	bool multi_queue;
	unsigned int attached;
};

static int complain(const struct conf_device *conf, int err, const char *why)
{
	conf_err(conf, "tap", "%s", why);
	return err;
}

static void ifreq_init(struct ifreq *ifr, const struct conf_device *conf)
{
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, conf->tap, strlen(conf->tap));
}

static int ethtool(int sock, const struct conf_device *conf, void *cmd)
{
	struct ifreq ifr;

	ifreq_init(&ifr, conf);
	ifr.ifr_data = cmd;
	return ioctl(sock, SIOCETHTOOL, &ifr) ? -errno : 0;
}

static int missing(const struct conf_device *conf)
{
	conf_err(
		conf, "tap",
		"there is no such interface; make it with: ip tuntap add dev %s mode tap%s user NAME",
		conf->tap, conf->num_queues > 1 ? " multi_queue" : "");
	return -ENODEV;
}

static int info_read(int sock, const struct conf_device *conf,
		     struct tap_info *info)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_drvinfo drv = { .cmd = ETHTOOL_GDRVINFO };
	int err;

	err = ethtool(sock, conf, &drv);
	if (err == -ENODEV)
		return missing(conf);
	if (err || strcmp(drv.driver, "tun"))
		return complain(conf, -EINVAL, "is not a tap interface");
	if (strcmp(drv.bus_info, "tap"))
		return complain(
			conf, -EINVAL,
			"is a tun interface (IP packets), not a tap (Ethernet frames)");
	err = ethtool(sock, conf, &channels);
	if (err)
		return complain(conf, err, "cannot read its number of queues");
	info->multi_queue = channels.max_combined > 1;
	info->attached = channels.combined_count;
	return 0;
}

static int info_get(const struct conf_device *conf, struct tap_info *info)
{
	int sock, err;

	if (!conf->tap || !*conf->tap || strlen(conf->tap) >= IFNAMSIZ) {
		conf_err(conf, "tap",
			 "want the name of a tap interface, 1 to %d characters",
			 IFNAMSIZ - 1);
		return -EINVAL;
	}
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return complain(conf, -errno, "cannot open a socket");
	err = info_read(sock, conf, info);
	close(sock);
	return err;
}

/*
 * The kernel lets go of a killed daemon's files when its last I/O has ended,
 * moments after the process itself is gone; a new one must not trip over that.
 */
static int wait_for_owner(const struct conf_device *conf, struct tap_info *info)
{
	unsigned int waited_ms = 0;
	int err = 0;

	while (!err && info->attached && waited_ms < OWNER_GONE_MS) {
		usleep(OWNER_POLL_MS * 1000);
		waited_ms += OWNER_POLL_MS;
		err = info_get(conf, info);
	}
	return err;
}

static int info_check(const struct conf_device *conf,
		      const struct tap_info *info)
{
	if (info->attached)
		return complain(conf, -EBUSY, "another process has it open");
	if (conf->num_queues > 1 && !info->multi_queue) {
		conf_err(
			conf, "tap",
			"has a single queue, num-queues=%u needs one made with: ip tuntap add dev %s mode tap multi_queue",
			conf->num_queues, conf->tap);
		return -EINVAL;
	}
	return 0;
}

static int attach_fail(const struct conf_device *conf, int err)
{
	switch (err) {
	case EPERM:
		return complain(
			conf, -EPERM,
			"belongs to another user; make it with: ip tuntap add ... user NAME");
	case EBUSY:
		return complain(conf, -EBUSY, "another process has it open");
	case E2BIG:
		return complain(conf, -E2BIG, "has no more queues");
	default:
		return complain(conf, -err, strerror(err));
	}
}

static int hdr_setup(int fd)
{
	int len = PORT_HDR_LEN;
	int little = 1;

	if (ioctl(fd, TUNSETVNETHDRSZ, &len) ||
	    ioctl(fd, TUNSETVNETLE, &little))
		return -errno;
	return 0;
}

static int queue_open(const struct conf_device *conf, bool multi_queue)
{
	struct ifreq ifr;
	int fd, err;

	fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		conf_err(conf, "tap", "cannot open %s: %s", TUN_PATH,
			 strerror(-err));
		return err;
	}
	ifreq_init(&ifr, conf);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (multi_queue)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	if (ioctl(fd, TUNSETIFF, &ifr)) {
		err = attach_fail(conf, errno);
		goto close_fd;
	}
	err = hdr_setup(fd);
	if (err) {
		complain(conf, err, "the kernel cannot do virtio-net headers");
		goto close_fd;
	}
	return fd;

close_fd:
	close(fd);
	return err;
}

const char *tap_role(unsigned int i, char *buf)
{
	snprintf(buf, TAP_ROLE_SIZE, "tap-%u", i);
	return buf;
}

/* All, or none; one without the others would be of no use. */
static bool inherit(const struct conf_device *conf, int *fds)
{
	char role[TAP_ROLE_SIZE];
	unsigned int i;

	for (i = 0; i < conf->num_queues; i++) {
		fds[i] = inherit_take(conf->name, tap_role(i, role));
		if (fds[i] < 0)
			break;
	}
	if (i == conf->num_queues)
		return true;
	while (i-- > 0)
		close(fds[i]);
	return false;
}

int tap_open(const struct conf_device *conf, int *fds, bool *inherited)
{
	struct tap_info info = { 0 };
	unsigned int i;
	int err;

	*inherited = inherit(conf, fds);
	if (*inherited)
		return 0;
	err = info_get(conf, &info);
	if (err)
		return err;
	err = wait_for_owner(conf, &info);
	if (err)
		return err;
	err = info_check(conf, &info);
	if (err)
		return err;
	for (i = 0; i < conf->num_queues; i++) {
		fds[i] = queue_open(conf, info.multi_queue);
		if (fds[i] < 0)
			goto close_opened;
	}
	return 0;

close_opened:
	err = fds[i];
	while (i-- > 0)
		close(fds[i]);
	return err;
}

/*
 * From 6.4 on taps take RWF_NOWAIT, and io_uring waits for a descriptor that
 * does, O_NONBLOCK or not.  Before, it returned -EAGAIN for O_NONBLOCK.
 *
 * Asked with a write that is too short for its header and so does nothing: a
 * read would take a frame that has come already, and its error depends on that.
 */
__kernel_rwf_t tap_rw_flags(int fd)
{
	u8 byte = 0;
	struct iovec iov = { &byte, sizeof(byte) };

	if (pwritev2(fd, &iov, 1, -1, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP)
		return 0;
	return (__force __kernel_rwf_t)RWF_NOWAIT;
}

unsigned int tap_offloads(int fd)
{
	static const unsigned int wanted[] = {
		TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, TUN_F_TSO_ECN, TUN_F_UFO,
	};
	unsigned int taken = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!ioctl(fd, TUNSETOFFLOAD, taken | wanted[i]))
			taken |= wanted[i];
	if (ioctl(fd, TUNSETOFFLOAD, 0))
		return 0;
	return taken;
}
