// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iov - scattered memory as one run of bytes: PURE
 */
#include "iov.h"

#include <string.h>

static void drop_used_up(struct iov_span *s)
{
	while (s->count > 0 && s->iov->iov_len == 0) {
		s->iov++;
		s->count--;
	}
}

static void advance(struct iov_span *s, size_t len)
{
	s->iov->iov_base = (char *)s->iov->iov_base + len;
	s->iov->iov_len -= len;
	drop_used_up(s);
}

size_t iov_pull(struct iov_span *s, void *buf, size_t len)
{
	size_t done = 0;

	drop_used_up(s);
	while (done < len && s->count > 0) {
		size_t n = min(len - done, s->iov->iov_len);

		memcpy((char *)buf + done, s->iov->iov_base, n);
		done += n;
		advance(s, n);
	}
	return done;
}

size_t iov_skip(struct iov_span *s, size_t len)
{
	size_t done = 0;

	drop_used_up(s);
	while (done < len && s->count > 0) {
		size_t n = min(len - done, s->iov->iov_len);

		done += n;
		advance(s, n);
	}
	return done;
}

size_t iov_write(const struct iov_span *s, const void *buf, size_t len)
{
	size_t done = 0;

	for (unsigned int i = 0; i < s->count && done < len; i++) {
		size_t n = min(len - done, s->iov[i].iov_len);

		if (n == 0)
			continue;
		memcpy(s->iov[i].iov_base, (const char *)buf + done, n);
		done += n;
	}
	return done;
}

size_t iov_read(const struct iov_span *s, void *buf, size_t len)
{
	size_t done = 0;

	for (unsigned int i = 0; i < s->count && done < len; i++) {
		size_t n = min(len - done, s->iov[i].iov_len);

		if (n == 0)
			continue;
		memcpy((char *)buf + done, s->iov[i].iov_base, n);
		done += n;
	}
	return done;
}

void *iov_chop_last(struct iov_span *s)
{
	struct iovec *last;

	while (s->count > 0 && s->iov[s->count - 1].iov_len == 0)
		s->count--;
	if (s->count == 0)
		return NULL;
	last = &s->iov[s->count - 1];
	last->iov_len--;
	if (last->iov_len == 0)
		s->count--;
	return (char *)last->iov_base + last->iov_len;
}

u64 iov_bytes(const struct iov_span *s)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < s->count; i++)
		sum += s->iov[i].iov_len;
	return sum;
}

bool iov_aligned(const struct iov_span *s, size_t addr_mask, size_t len_mask)
{
	size_t off = 0;

	for (unsigned int i = 0; i < s->count; i++) {
		off |= (size_t)s->iov[i].iov_base & addr_mask;
		off |= s->iov[i].iov_len & len_mask;
	}
	return off == 0;
}
