// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * handover - what an old daemon tells a new one: a document and descriptors
 */
#include "handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HDR_LEN sizeof(struct vu_header)
#define MSG_MAX (HDR_LEN + VU_PAYLOAD_MAX)

/* Into the document */

static int grow(struct handover *h)
{
	u32 room = h->room ? 2 * h->room : 64;
	int *fds = realloc(h->fds, room * sizeof(*fds));

	if (!fds)
		return -ENOMEM;
	h->fds = fds;
	h->room = room;
	return 0;
}

json_t *handover_put_fd(struct handover *h, int fd)
{
	if (h->num_fds == h->room && grow(h)) {
		h->failed = true;
		return NULL;
	}
	h->fds[h->num_fds] = fd;
	return json_integer(h->num_fds++);
}

json_t *handover_put_bytes(const u8 *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * MSG_MAX];
	size_t i;

	for (i = 0; i < len && i < MSG_MAX; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	return json_stringn(hex, 2 * i);
}

json_t *handover_put_message(struct handover *h, const struct vu_msg *msg,
			     size_t done)
{
	size_t head = min(done, HDR_LEN);
	json_t *fds = json_array();
	u8 bytes[MSG_MAX];
	unsigned int i;

	/* Header and payload lie apart in memory. */
	memcpy(bytes, &msg->hdr, head);
	memcpy(bytes + head, msg->payload.raw, done - head);
	for (i = 0; i < msg->num_fds; i++)
		json_array_append_new(fds, handover_put_fd(h, msg->fds[i]));
	return json_pack("{s:o, s:o}", "data", handover_put_bytes(bytes, done),
			 "fds", fds);
}

void handover_free(struct handover *h)
{
	json_decref(h->json);
	free(h->fds);
	*h = (struct handover){ .json = NULL };
}

/* Out of it: all of it is checked, as a front end's messages are. */

int handover_head_check(const struct handover_head *head)
{
	if (head->magic != HANDOVER_MAGIC)
		return -EPROTO;
	if (head->version != HANDOVER_VERSION)
		return -EPROTONOSUPPORT;
	if (head->bytes > HANDOVER_BYTES_MAX ||
	    head->num_fds > HANDOVER_FDS_MAX)
		return -EPROTO;
	return 0;
}

int handover_take_fd(struct handover *h, const json_t *number)
{
	json_int_t i = json_integer_value(number);
	int fd;

	if (!json_is_integer(number) || i < 0 || i >= h->num_fds ||
	    h->fds[i] < 0)
		return -EBADMSG;
	fd = h->fds[i];
	h->fds[i] = -1;
	return fd;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int handover_take_bytes(const json_t *json, u8 *bytes, size_t max)
{
	const char *hex = json_string_value(json);
	size_t len = json_string_length(json);
	size_t i;

	if (!hex || len % 2 || len / 2 > max)
		return -EBADMSG;
	for (i = 0; i < len / 2; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		bytes[i] = (u8)(high << 4 | low);
	}
	return (int)(len / 2);
}

static int take_data(const json_t *json, struct vu_transfer *t)
{
	u8 bytes[MSG_MAX];
	int len = handover_take_bytes(json, bytes, sizeof(bytes));
	size_t head;

	if (len < 0)
		return len;
	t->done = (size_t)len;
	head = min(t->done, HDR_LEN);
	memcpy(&t->msg.hdr, bytes, head);
	memcpy(t->msg.payload.raw, bytes + head, t->done - head);
	return 0;
}

static int take_fds(struct handover *h, const json_t *list, struct vu_msg *msg)
{
	size_t n = json_array_size(list);
	size_t i;

	if (!json_is_array(list) || n > VU_FDS_MAX)
		return -EBADMSG;
	for (i = 0; i < n; i++) {
		int fd = handover_take_fd(h, json_array_get(list, i));

		if (fd < 0)
			return fd;
		msg->fds[msg->num_fds++] = fd;
	}
	return 0;
}

/* What next_part() in vu_msg.c counts on. */
static bool size_ok(const struct vu_transfer *t)
{
	if (t->done < HDR_LEN)
		return true;
	return t->msg.hdr.size <= VU_PAYLOAD_MAX &&
	       t->done - HDR_LEN <= t->msg.hdr.size;
}

int handover_take_message(struct handover *h, const json_t *json,
			  struct vu_transfer *t)
{
	int err;

	memset(t, 0, sizeof(*t));
	err = take_data(json_object_get(json, "data"), t);
	if (!err && !size_ok(t))
		err = -EBADMSG;
	if (!err)
		err = take_fds(h, json_object_get(json, "fds"), &t->msg);
	if (err)
		vu_transfer_reset(t);
	return err;
}

bool handover_message_whole(const struct vu_transfer *t)
{
	return t->done >= HDR_LEN && t->done == HDR_LEN + t->msg.hdr.size;
}

void handover_close_fds(struct handover *h)
{
	u32 i;

	for (i = 0; i < h->num_fds; i++)
		if (h->fds[i] >= 0)
			close(h->fds[i]);
	h->num_fds = 0;
}
