// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nbd_link - a connection to an NBD server: made, and asked what it can; blocks
 */
#include "nbd_link.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* How often to look whether it is still wanted. */
#define LOOK_MS 50

/* NBD protocol: what a server takes that says nothing of block sizes. */
#define BLOCK_MIN_DEFAULT	1
#define BLOCK_PREFERRED_DEFAULT 4096
#define BLOCK_MAX_DEFAULT	(32u << 20)

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

/* The address of @host as text that may stand in a URI; 0 or -errno */
static int address_of(const char *host, char *out, size_t size, char *why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char text[NI_MAXHOST];
	struct addrinfo *found;
	int ret;

	ret = getaddrinfo(host, NULL, &hints, &found);
	if (!ret) {
		ret = getnameinfo(found->ai_addr, found->ai_addrlen, text,
				  sizeof(text), NULL, 0, NI_NUMERICHOST);
		snprintf(out, size,
			 found->ai_family == AF_INET6 ? "[%s]" : "%s", text);
		freeaddrinfo(found);
	}
	if (!ret)
		return 0;
	snprintf(why, NBD_WHY_LEN, "%s: %s", host, gai_strerror(ret));
	return -EHOSTUNREACH;
}

int nbd_uri_resolve(const char *uri, char **out, char *why)
{
	static const char scheme[] = "nbd://";
	char host[256] = "", address[NI_MAXHOST + 2];
	const char *rest = uri + strlen(scheme);
	size_t len;
	int err;

	if (strncmp(uri, scheme, strlen(scheme)) == 0 && *rest != '[') {
		len = strcspn(rest, ":/?@");
		/* A user's name before the host is of use for TLS alone. */
		if (rest[len] != '@' && len < sizeof(host)) {
			memcpy(host, rest, len);
			rest += len;
		}
	}
	if (!*host) {
		*out = strdup(uri);
		return *out ? 0 : -ENOMEM;
	}
	err = address_of(host, address, sizeof(address), why);
	if (err)
		return err;
	return asprintf(out, "%s%s%s", scheme, address, rest) < 0 ? -ENOMEM : 0;
}

/* libnbd's own words, without its function's name before them. */
static int explain(char *why)
{
	const char *text = nbd_get_error();
	int err = nbd_get_errno();

	snprintf(why, NBD_WHY_LEN, "%s", text ? text : "no connection");
	return err ? -err : -EIO;
}

static int wait_ready(struct nbd_handle *nbd, unsigned int timeout_ms,
		      const bool *stop, char *why)
{
	u64 until = now_ms() + timeout_ms;

	while (!nbd_aio_is_ready(nbd)) {
		if (nbd_aio_is_dead(nbd) || nbd_aio_is_closed(nbd))
			return explain(why);
		if (now_ms() >= until || READ_ONCE(*stop)) {
			snprintf(why, NBD_WHY_LEN, "no answer in %u ms",
				 timeout_ms);
			return -ETIMEDOUT;
		}
		if (nbd_poll(nbd, LOOK_MS) < 0)
			return explain(why);
	}
	return 0;
}

static u32 power_of_two_or(s64 value, u32 instead)
{
	return value > 0 && value <= UINT32_MAX && !(value & (value - 1)) ?
		       (u32)value :
		       instead;
}

static int ask(struct nbd_handle *nbd, struct nbd_caps *caps, char *why)
{
	s64 size = nbd_get_size(nbd);
	s64 block_max = nbd_get_block_size(nbd, LIBNBD_SIZE_MAXIMUM);

	if (size < 0)
		return explain(why);
	*caps = (struct nbd_caps){
		.size = (u64)size,
		.block_min = power_of_two_or(
			nbd_get_block_size(nbd, LIBNBD_SIZE_MINIMUM),
			BLOCK_MIN_DEFAULT),
		.block_preferred = power_of_two_or(
			nbd_get_block_size(nbd, LIBNBD_SIZE_PREFERRED),
			BLOCK_PREFERRED_DEFAULT),
		.block_max = block_max > 0 && block_max < BLOCK_MAX_DEFAULT ?
				     (u32)block_max :
				     BLOCK_MAX_DEFAULT,
		.read_only = nbd_is_read_only(nbd) > 0,
		.flush = nbd_can_flush(nbd) > 0,
		.fua = nbd_can_fua(nbd) > 0,
		.trim = nbd_can_trim(nbd) > 0,
		.zero = nbd_can_zero(nbd) > 0,
		.multi_conn = nbd_can_multi_conn(nbd) > 0,
	};
	/* A guest's block is at most a page (blk_size, virtio 1.3, 5.2.4). */
	if (caps->block_min > 4096 || caps->block_max < 4096) {
		snprintf(
			why, NBD_WHY_LEN,
			"the server wants requests of %u to %u bytes; must be 4096 or less to 4096 or more",
			caps->block_min, caps->block_max);
		return -EINVAL;
	}
	return 0;
}

int nbd_link_open(struct nbd_handle **out, struct nbd_caps *caps,
		  const char *uri, unsigned int timeout_ms, const bool *stop,
		  char *why)
{
	struct nbd_handle *nbd = nbd_create();
	int err;

	if (!nbd)
		return explain(why);
	/* A read's every byte is checked to have come: no need to clear first. */
	nbd_set_pread_initialize(nbd, false);
	/* A server may grow, so only it knows where it ends. */
	nbd_set_strict_mode(nbd, LIBNBD_STRICT_MASK & ~LIBNBD_STRICT_BOUNDS);
	if (nbd_aio_connect_uri(nbd, uri) < 0)
		err = explain(why);
	else
		err = wait_ready(nbd, timeout_ms, stop, why);
	if (!err)
		err = ask(nbd, caps, why);
	if (err) {
		nbd_close(nbd);
		return err;
	}
	*out = nbd;
	return 0;
}

static bool lost(char *why, const char *what)
{
	snprintf(why, NBD_WHY_LEN, "the server is another one: %s", what);
	return false;
}

bool nbd_caps_keep(const struct nbd_caps *promised, const struct nbd_caps *now,
		   char *why)
{
	if (now->size < promised->size)
		return lost(why, "its export is smaller");
	if (now->block_min > promised->block_min)
		return lost(why, "it wants larger blocks");
	if (now->read_only && !promised->read_only)
		return lost(why, "it is read-only");
	if (promised->flush && !now->flush)
		return lost(why, "it cannot flush");
	if (promised->trim && !now->trim)
		return lost(why, "it cannot trim");
	if (promised->zero && !now->zero)
		return lost(why, "it cannot write zeroes");
	return true;
}
