// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf_table - every option: name, meaning, kind of value, bounds, where it goes
 */
#include "conf_table.h"

#include <ctype.h>
#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "log.h"
#include "vq.h"

#define DEVICE_FIELD(field) offsetof(struct conf_device, field)
#define DAEMON_FIELD(field) offsetof(struct conf, field)

/* virtio 1.3, 5.2.6.1: an id is 20 bytes, zero-terminated only if shorter */
#define SERIAL_MAX 20

#define IFNAME_MAX 15

/* Of users and groups (useradd(8)). */
#define NAME_LEN_MAX 32

static const char *const stores[] = { "file", "null", "nbd", "rbd", NULL };
static const char *const io_engines[] = { "auto", "io_uring", "threads", NULL };
static const char *const modes[] = { "server", "client", NULL };
static const char *const ports[] = { "tap", "echo", NULL };

const struct conf_option conf_options[] = {
	{
		.name = "socket-path",
		.value = "PATH",
		.help = "where the device's front end connects",
		.scopes = CONF_IN_DEVICE,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(socket_path),
		.min = 1,
		.max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	},
	{
		.name = "fd",
		.value = "N",
		.help = "instead: a listening or connected socket that was passed",
		.scopes = CONF_IN_DEVICE,
		.kind = CONF_UINT,
		.offset = DEVICE_FIELD(fd),
		.min = 3,
		.max = INT32_MAX,
	},
	{
		.name = "mode",
		.help = "listen at socket-path (default server), or connect to it",
		.scopes = CONF_IN_DEVICE,
		.kind = CONF_CHOICE,
		.offset = DEVICE_FIELD(mode),
		.choices = modes,
	},
	{
		.name = "socket-mode",
		.value = "OCTAL",
		.help = "permissions of the socket file (default 0660)",
		.scopes = CONF_IN_DEVICE,
		.kind = CONF_OCTAL,
		.offset = DEVICE_FIELD(socket_mode),
		.min = 0,
		.max = 0777,
	},
	{
		.name = "socket-owner",
		.value = "USER",
		.help = "whose the socket file is",
		.scopes = CONF_IN_DEVICE,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(socket_owner),
		.min = 1,
		.max = NAME_LEN_MAX,
	},
	{
		.name = "socket-group",
		.value = "GROUP",
		.help = "whose group the socket file's is",
		.scopes = CONF_IN_DEVICE,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(socket_group),
		.min = 1,
		.max = NAME_LEN_MAX,
	},
	{
		.name = "num-queues",
		.value = "N",
		.help = "disk: queues, NIC: queue pairs",
		.scopes = CONF_IN_DEVICE,
		.kind = CONF_UINT,
		.offset = DEVICE_FIELD(num_queues),
		.min = 1,
		.max = 128,
	},
	{
		.name = "queue-size",
		.value = "N",
		.help = "largest ring accepted, entries",
		.scopes = CONF_IN_DEVICE,
		.kind = CONF_UINT,
		.offset = DEVICE_FIELD(queue_size),
		.min = 4,
		.max = VQ_SIZE_MAX,
	},
	{
		.name = "store",
		.help = "what holds the disk's bytes (default file)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_CHOICE,
		.offset = DEVICE_FIELD(store),
		.choices = stores,
	},
	{
		.name = "blk-file",
		.value = "PATH",
		.help = "file or block device (store=file)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(blk_file),
		.min = 1,
		.max = PATH_MAX - 1,
	},
	{
		.name = "nbd-uri",
		.value = "URI",
		.help = "where the NBD server is (store=nbd)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(nbd_uri),
		.min = 1,
		.max = PATH_MAX - 1,
	},
	{
		.name = "nbd-timeout",
		.value = "SECONDS",
		.help = "longest a request waits for the NBD server (default 30)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_UINT,
		.offset = DEVICE_FIELD(nbd_timeout),
		.min = 1,
		.max = 86400,
	},
	{
		.name = "rbd-image",
		.value = "POOL/IMAGE",
		.help = "the image in a Ceph cluster (store=rbd)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(rbd_image),
		.min = 1,
		.max = 256,
	},
	{
		.name = "rbd-conf",
		.value = "PATH",
		.help = "the cluster's configuration (default: where Ceph looks)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(rbd_conf),
		.min = 1,
		.max = PATH_MAX - 1,
	},
	{
		.name = "rbd-user",
		.value = "NAME",
		.help = "Ceph user, without \"client.\" (default admin)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(rbd_user),
		.min = 1,
		.max = 128,
	},
	{
		.name = "size",
		.value = "BYTES",
		.help = "size of the disk (store=null)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_SIZE,
		.offset = DEVICE_FIELD(size),
		.min = 512,
		.max = INT64_MAX,
	},
	{
		.name = "serial",
		.value = "TEXT",
		.help = "what the guest sees as serial number",
		.scopes = CONF_IN_BLK,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(serial),
		.min = 0,
		.max = SERIAL_MAX,
	},
	{
		.name = "block-size",
		.value = "BYTES",
		.help = "logical block size: 512, 1024, 2048 or 4096",
		.scopes = CONF_IN_BLK,
		.kind = CONF_UINT,
		.offset = DEVICE_FIELD(block_size),
		.min = 512,
		.max = 4096,
	},
	{
		.name = "read-only",
		.value = "yes|no",
		.help = "refuse writes",
		.scopes = CONF_IN_BLK,
		.kind = CONF_SWITCH,
		.offset = DEVICE_FIELD(read_only),
	},
	{
		.name = "incoming",
		.value = "yes|no",
		.help = "a guest will migrate here: take the image when it comes",
		.scopes = CONF_IN_BLK,
		.kind = CONF_SWITCH,
		.offset = DEVICE_FIELD(incoming),
	},
	{
		.name = "direct",
		.value = "yes|no",
		.help = "go past the host's page cache (default yes)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_SWITCH,
		.offset = DEVICE_FIELD(direct),
	},
	{
		.name = "iops",
		.value = "N",
		.help = "reads, writes and discards a second at most; 0: unlimited",
		.scopes = CONF_IN_BLK,
		.kind = CONF_SIZE,
		.offset = DEVICE_FIELD(limits[THROTTLE_OPS].rate),
		.min = 0,
		.max = THROTTLE_RATE_MAX,
	},
	{
		.name = "iops-burst",
		.value = "N",
		.help = "of these, at once after idleness (default: iops / 10)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_SIZE,
		.offset = DEVICE_FIELD(limits[THROTTLE_OPS].burst),
		.min = 0,
		.max = THROTTLE_RATE_MAX,
	},
	{
		.name = "bps",
		.value = "BYTES",
		.help = "bytes a second at most; 0: unlimited",
		.scopes = CONF_IN_BLK,
		.kind = CONF_SIZE,
		.offset = DEVICE_FIELD(limits[THROTTLE_BYTES].rate),
		.min = 0,
		.max = THROTTLE_RATE_MAX,
	},
	{
		.name = "bps-burst",
		.value = "BYTES",
		.help = "of these, at once after idleness (default: bps / 10)",
		.scopes = CONF_IN_BLK,
		.kind = CONF_SIZE,
		.offset = DEVICE_FIELD(limits[THROTTLE_BYTES].burst),
		.min = 0,
		.max = THROTTLE_RATE_MAX,
	},
	{
		.name = "tap",
		.value = "IF",
		.help = "tap interface that carries the frames",
		.scopes = CONF_IN_NET,
		.kind = CONF_STRING,
		.offset = DEVICE_FIELD(tap),
		.min = 1,
		.max = IFNAME_MAX,
	},
	{
		.name = "port",
		.help = "where frames go (default tap; echo is for tests)",
		.scopes = CONF_IN_NET,
		.kind = CONF_CHOICE,
		.offset = DEVICE_FIELD(port),
		.choices = ports,
	},
	{
		.name = "mac",
		.value = "MAC",
		.help = "address told to front ends that ask for it",
		.scopes = CONF_IN_NET,
		.kind = CONF_MAC,
		.offset = DEVICE_FIELD(mac),
	},
	{
		.name = "workers",
		.value = "N",
		.help = "data-path threads (default: one a CPU, as far as queues need them)",
		.scopes = CONF_IN_DAEMON,
		.kind = CONF_UINT,
		.offset = DAEMON_FIELD(num_workers),
		.min = 1,
		.max = 256,
	},
	{
		.name = "io-engine",
		.help = "what does the I/O (default auto: io_uring, or threads where that is refused)",
		.scopes = CONF_IN_DAEMON,
		.kind = CONF_CHOICE,
		.offset = DAEMON_FIELD(io_engine),
		.choices = io_engines,
	},
	{
		.name = "poll-max-us",
		.value = "N",
		.help = "longest adaptive polling window, microseconds; 0: never poll",
		.scopes = CONF_IN_DAEMON,
		.kind = CONF_UINT,
		.offset = DAEMON_FIELD(poll_max_us),
		.min = 0,
		.max = 10000,
	},
	{
		.name = "stuck-after",
		.value = "SECONDS",
		.help = "report requests that are out for so long; 0: never",
		.scopes = CONF_IN_DAEMON,
		.kind = CONF_UINT,
		.offset = DAEMON_FIELD(stuck_after),
		.min = 0,
		.max = 86400,
	},
	{
		.name = "control",
		.value = "PATH",
		.help = "socket that pvctl talks to (default: none)",
		.scopes = CONF_IN_DAEMON,
		.kind = CONF_STRING,
		.offset = DAEMON_FIELD(control),
		.min = 1,
		.max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	},
	{
		.name = "log-level",
		.value = "LEVEL",
		.help = "err, warning, notice, info or debug",
		.scopes = CONF_IN_DAEMON,
		.kind = CONF_LOG_LEVEL,
		.offset = DAEMON_FIELD(log_level),
	},
	{
		.name = "sandbox",
		.value = "on|off",
		.help = "lock the process in when it has started (default on)",
		.scopes = CONF_IN_DAEMON,
		.kind = CONF_SWITCH,
		.offset = DAEMON_FIELD(sandbox),
	},
	{
		.name = "upgrade-from",
		.value = "PATH",
		.help = "instead of a command: take over from the daemon with this control socket",
		.scopes = CONF_ON_UPGRADE_LINE,
		.kind = CONF_STRING,
		.offset = DAEMON_FIELD(upgrade_from),
		.min = 1,
		.max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	},
	{
		.name = "config",
		.value = "FILE",
		.help = "run: file with a section for each device",
		.scopes = CONF_ON_RUN_LINE,
		.kind = CONF_STRING,
		.offset = DAEMON_FIELD(config),
		.min = 1,
		.max = PATH_MAX - 1,
	},
	{
		.name = "check-config",
		.value = "yes|no",
		.help = "run: say whether the file is good, and end",
		.scopes = CONF_ON_RUN_LINE,
		.kind = CONF_SWITCH,
		.offset = DAEMON_FIELD(check_only),
	},
	{
		.name = "print-capabilities",
		.help = "blk, net: what QEMU's back-end conventions ask for, as JSON",
		.scopes = CONF_ON_DEVICE_LINE,
		.kind = CONF_ACTION,
	},
	{
		.name = "help",
		.help = "this text",
		.scopes = CONF_ON_ANY_LINE,
		.kind = CONF_ACTION,
	},
	{
		.name = "version",
		.help = "the program's version",
		.scopes = CONF_ON_ANY_LINE,
		.kind = CONF_ACTION,
	},
};
const unsigned int conf_num_options = ARRAY_SIZE(conf_options);

const struct conf_option *conf_option_find(const char *name,
					   unsigned int scopes)
{
	unsigned int i;

	for (i = 0; i < conf_num_options; i++)
		if ((conf_options[i].scopes & scopes) &&
		    !strcmp(conf_options[i].name, name))
			return &conf_options[i];
	return NULL;
}

/* "file, null or nbd", with @comma and @last between. */
static void choices_join(const struct conf_option *opt, const char *comma,
			 const char *last, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; opt->choices[i] && len < size; i++) {
		const char *before = opt->choices[i + 1] ? comma : last;

		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					i ? before : "", opt->choices[i]);
	}
}

void conf_option_value(const struct conf_option *opt, char *buf, size_t size)
{
	if (opt->kind == CONF_CHOICE)
		choices_join(opt, "|", "|", buf, size);
	else
		snprintf(buf, size, "%s", opt->value ? opt->value : "");
}

/* Values: 0, or -EINVAL with @want saying what would be right */

static int set_copy(void *field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static int set_string(const struct conf_option *opt, void *field,
		      const char *text, char *want, size_t want_size)
{
	size_t len = strlen(text);

	if (len < opt->min || len > opt->max) {
		snprintf(want, want_size,
			 "it has %zu characters; must have %llu to %llu", len,
			 (unsigned long long)opt->min,
			 (unsigned long long)opt->max);
		return -EINVAL;
	}
	return set_copy(field, text);
}

static int set_choice(const struct conf_option *opt, void *field,
		      const char *text, char *want, size_t want_size)
{
	int len = snprintf(want, want_size, "must be ");
	unsigned int i;

	for (i = 0; opt->choices[i]; i++)
		if (!strcmp(text, opt->choices[i]))
			return set_copy(field, text);
	choices_join(opt, ", ", " or ", want + len, want_size - (size_t)len);
	return -EINVAL;
}

int conf_parse_number(const char *text, u64 *out, bool unit)
{
	static const char units[] = "KMGT";
	unsigned long long value;
	const char *found;
	u64 scaled;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	scaled = value;
	if (unit && *end) {
		found = strchr(units, toupper((unsigned char)*end));
		if (!found)
			return -EINVAL;
		end++;
		if (__builtin_mul_overflow(
			    value, 1ULL << (10 * (found - units + 1)), &scaled))
			return -ERANGE;
	}
	if (*end)
		return -EINVAL;
	*out = scaled;
	return 0;
}

static int set_number(const struct conf_option *opt, void *field,
		      const char *text, char *want, size_t want_size)
{
	bool size = opt->kind == CONF_SIZE;
	u64 value;

	if (conf_parse_number(text, &value, size) || value < opt->min ||
	    value > opt->max) {
		snprintf(want, want_size,
			 "must be a number from %llu to %llu%s",
			 (unsigned long long)opt->min,
			 (unsigned long long)opt->max,
			 size ? ", K, M, G or T may follow" : "");
		return -EINVAL;
	}
	if (size)
		*(u64 *)field = value;
	else
		*(unsigned int *)field = (unsigned int)value;
	return 0;
}

static int set_octal(const struct conf_option *opt, void *field,
		     const char *text, char *want, size_t want_size)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 8);
	if (*text < '0' || *text > '7' || *end || value > opt->max) {
		snprintf(want, want_size, "must be an octal number up to %llo",
			 (unsigned long long)opt->max);
		return -EINVAL;
	}
	*(unsigned int *)field = (unsigned int)value;
	return 0;
}

static int set_switch(const struct conf_option *opt, void *field,
		      const char *text, char *want, size_t want_size)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {
		{ "yes", true }, { "on", true },     { "true", true },
		{ "1", true },	 { "no", false },    { "off", false },
		{ "0", false },	 { "false", false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(text, words[i].text)) {
			*(bool *)field = words[i].value;
			return 0;
		}
	}
	snprintf(want, want_size, "must be yes or no");
	return -EINVAL;
}

static int set_mac(const struct conf_option *opt, void *field, const char *text,
		   char *want, size_t want_size)
{
	unsigned int part[6];
	u8 mac[6];
	int used = 0;
	unsigned int i;

	if (strlen(text) != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &part[0], &part[1],
		   &part[2], &part[3], &part[4], &part[5], &used) != 6 ||
	    used != 17)
		goto bad;
	for (i = 0; i < 6; i++)
		mac[i] = (u8)part[i];
	/* A station's own address is not a group's. */
	if (mac[0] & 1)
		goto bad;
	memcpy(field, mac, sizeof(mac));
	return 0;
bad:
	snprintf(
		want, want_size,
		"must be six hex bytes like 52:54:00:12:34:56, the first one even");
	return -EINVAL;
}

static int set_log_level(const struct conf_option *opt, void *field,
			 const char *text, char *want, size_t want_size)
{
	int level = log_level_parse(text);

	if (level < 0) {
		snprintf(want, want_size, "must be %s", opt->help);
		return -EINVAL;
	}
	*(int *)field = level;
	return 0;
}

static int (*const setters[])(const struct conf_option *opt, void *field,
			      const char *text, char *want,
			      size_t want_size) = {
	[CONF_STRING] = set_string,	  [CONF_CHOICE] = set_choice,
	[CONF_UINT] = set_number,	  [CONF_SIZE] = set_number,
	[CONF_OCTAL] = set_octal,
	[CONF_SWITCH] = set_switch,	  [CONF_MAC] = set_mac,
	[CONF_LOG_LEVEL] = set_log_level,
};

int conf_option_set(const struct conf_option *opt, void *target,
		    const char *text, char *want, size_t want_size)
{
	return setters[opt->kind](opt, (u8 *)target + opt->offset, text, want,
				  want_size);
}

void conf_option_free(const struct conf_option *opt, void *target)
{
	char **field = (char **)((u8 *)target + opt->offset);

	if (opt->kind != CONF_STRING && opt->kind != CONF_CHOICE)
		return;
	free(*field);
	*field = NULL;
}
