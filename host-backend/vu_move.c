// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_move - a connection that goes from one daemon to the next
 *
 * Theory of operation
 *
 * Out: all queues stand still, so a ring is its size, addresses and position.
 * Messages come in the order in which front ends send them: features, memory,
 * what was kept, rings.  What a ring's messages would set anyway is left out.
 *
 * In: each message goes through the dispatcher's checks and its handler, as if it
 * had come from the socket; answers are dropped, since the front end has them.
 * No queue starts meanwhile (struct device.held).
 */
#include "vu_move.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handover.h"
#include "vu_handler.h"

#define HDR_LEN sizeof(struct vu_header)

/* What was kept */

static void kept_free(struct vu_kept *kept)
{
	vu_msg_close_fds(&kept->msg);
	free(kept);
}

static struct vu_kept *kept_new(const struct vu_msg *msg)
{
	struct vu_kept *kept = malloc(sizeof(*kept));
	unsigned int i;

	if (!kept)
		return NULL;
	kept->msg = *msg;
	kept->msg.num_fds = 0;
	for (i = 0; i < msg->num_fds; i++) {
		int fd = fcntl(msg->fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			kept_free(kept);
			return NULL;
		}
		kept->msg.fds[kept->msg.num_fds++] = fd;
	}
	return kept;
}

static void kept_remove(struct vu_dev *vd, u32 request)
{
	struct vu_kept **at = &vd->kept;

	while (*at && (*at)->msg.hdr.request != request)
		at = &(*at)->next;
	if (*at) {
		struct vu_kept *gone = *at;

		*at = gone->next;
		kept_free(gone);
	}
}

void vu_keep(struct vu_dev *vd, const struct vu_msg *msg)
{
	struct vu_kept *kept = kept_new(msg);

	kept_remove(vd, msg->hdr.request);
	if (!kept) {
		vd->kept_lost = true;
		return;
	}
	kept->next = vd->kept;
	vd->kept = kept;
}

void vu_keep_clear(struct vu_dev *vd)
{
	while (vd->kept)
		kept_remove(vd, vd->kept->msg.hdr.request);
	vd->kept_lost = false;
}

/* Out */

/** struct writer - messages being written */
struct writer {
	struct vu_dev *vd;
	struct handover *h;
	json_t *list;
};

static void put(struct writer *w, struct vu_msg *msg, u32 request, size_t size)
{
	msg->hdr = (struct vu_header){
		.request = request,
		.flags = VU_VERSION,
		.size = (u32)size,
	};
	json_array_append_new(w->list, handover_put_message(w->h, msg,
							    HDR_LEN + size));
}

static void put_u64(struct writer *w, u32 request, u64 value)
{
	struct vu_msg msg = { .payload.u64 = value };

	put(w, &msg, request, sizeof(value));
}

static void put_fd(struct writer *w, u32 request, int fd)
{
	struct vu_msg msg = { .num_fds = 1, .fds = { fd } };

	put(w, &msg, request, 0);
}

static void put_state(struct writer *w, u32 request, const struct queue *q,
		      u32 num)
{
	struct vu_msg msg = {
		.payload.state = { .index = q->index, .num = num },
	};

	put(w, &msg, request, sizeof(msg.payload.state));
}

/* -1: the front end said that there is none. */
static void put_vring_fd(struct writer *w, u32 request, const struct queue *q,
			 int fd)
{
	struct vu_msg msg = {
		.payload.u64 = q->index | (fd < 0 ? VU_VRING_NO_FD : 0),
		.num_fds = fd >= 0,
		.fds = { fd },
	};

	put(w, &msg, request, sizeof(msg.payload.u64));
}

static struct vu_region region_wire(const struct mem_region *r)
{
	return (struct vu_region){
		.gpa = r->gpa,
		.size = r->size,
		.uva = r->uva,
		.mmap_offset = r->file_offset,
	};
}

static void put_slots(struct writer *w, const struct mem_table *mem)
{
	unsigned int i, again;

	for (i = 0; i < mem->count; i++) {
		const struct mem_region *r = &mem->region[i];
		struct vu_msg msg = {
			.payload.mem_reg.region = region_wire(r),
			.num_fds = 1,
			.fds = { r->fd },
		};

		for (again = 0; again < r->added; again++)
			put(w, &msg, VU_ADD_MEM_REG,
			    sizeof(msg.payload.mem_reg));
	}
}

static void put_table(struct writer *w, const struct mem_table *mem)
{
	struct vu_msg msg = {
		.payload.mem_table.num_regions = mem->count,
		.num_fds = mem->count,
	};
	unsigned int i;

	if (!mem->count)
		return;
	for (i = 0; i < mem->count; i++) {
		msg.payload.mem_table.regions[i] =
			region_wire(&mem->region[i]);
		msg.fds[i] = mem->region[i].fd;
	}
	put(w, &msg, VU_SET_MEM_TABLE,
	    offsetof(struct vu_mem_table, regions) +
		    mem->count * sizeof(struct vu_region));
}

static void put_memory(struct writer *w)
{
	const struct mem_table *mem = &w->vd->dev->mem;

	if (vu_negotiated(w->vd, VU_PROTOCOL_F_CONFIGURE_MEM_SLOTS))
		put_slots(w, mem);
	else
		put_table(w, mem);
}

static void put_kept(struct writer *w)
{
	const struct vu_kept *kept;
	u32 request;

	for (request = 0; request < VU_REQUEST_MAX; request++)
		for (kept = w->vd->kept; kept; kept = kept->next)
			if (kept->msg.hdr.request == request)
				json_array_append_new(w->list,
						      handover_put_message(w->h,
									   &kept->msg,
									   HDR_LEN + kept->msg.hdr.size));
}

static void put_ring(struct writer *w, const struct queue *q)
{
	const struct vq_setup *s = &q->setup;
	struct vu_msg msg = {
		.payload.addr = {
			.index = q->index,
			.flags = s->log_ring ? VU_VRING_F_LOG : 0,
			.desc = s->desc_uva,
			.used = s->used_uva,
			.avail = s->avail_uva,
			.log = s->ring_log,
		},
	};

	put_state(w, VU_SET_VRING_NUM, q, s->size);
	put(w, &msg, VU_SET_VRING_ADDR, sizeof(msg.payload.addr));
	put_state(w, VU_SET_VRING_BASE, q, s->base);
}

static void put_queue(struct writer *w, const struct queue *q)
{
	const struct device *dev = w->vd->dev;
	/* vhost-user, "Ring states": enabled from the start without it */
	bool enabled = dev->features_known &&
		       !(dev->features & BIT_ULL(VU_F_PROTOCOL_FEATURES));

	if (q->setup.size)
		put_ring(w, q);
	if (q->err_fd >= 0)
		put_vring_fd(w, VU_SET_VRING_ERR, q, q->err_fd);
	if (q->call_fd >= 0)
		put_vring_fd(w, VU_SET_VRING_CALL, q, q->call_fd);
	if (q->enabled != enabled)
		put_state(w, VU_SET_VRING_ENABLE, q, q->enabled);
	if (q->started)
		put_vring_fd(w, VU_SET_VRING_KICK, q, q->kick_fd);
}

static json_t *messages(struct vu_dev *vd, struct handover *h)
{
	struct writer w = { .vd = vd, .h = h, .list = json_array() };
	const struct device *dev = vd->dev;
	unsigned int i;

	if (vd->protocol_features)
		put_u64(&w, VU_SET_PROTOCOL_FEATURES, vd->protocol_features);
	if (dev->features_known)
		put_u64(&w, VU_SET_FEATURES, dev->features);
	if (vd->channel.ev.fd >= 0)
		put_fd(&w, VU_SET_BACKEND_REQ_FD, vd->channel.ev.fd);
	put_memory(&w);
	put_kept(&w);
	if (dev->log_fd >= 0)
		put_fd(&w, VU_SET_LOG_FD, dev->log_fd);
	if (vd->status)
		put_u64(&w, VU_SET_STATUS, vd->status);
	for (i = 0; i < dev->num_queues; i++)
		put_queue(&w, &dev->queues[i]);
	return w.list;
}

static const char *cannot_move(const struct vu_dev *vd)
{
	unsigned int i;

	for (i = 0; i < vd->dev->mem.count; i++)
		if (vd->dev->mem.region[i].fd < 0)
			return "too few descriptors to keep guest memory's";
	if (vd->state_io.ev.fd >= 0)
		return "it is being migrated";
	if (vd->kept_lost)
		return "a message of its front end could not be kept";
	return NULL;
}

/* A whole one, of which the first @sent bytes are out. */
static json_t *put_sending(struct handover *h, struct vu_transfer *t)
{
	json_t *json;

	if (t->done)
		t->msg.num_fds = 0;
	json = handover_put_message(h, &t->msg, HDR_LEN + t->msg.hdr.size);
	json_object_set_new(json, "sent", json_integer((json_int_t)t->done));
	return json;
}

json_t *vu_move_out(struct vu_dev *vd, struct handover *h, const char **why)
{
	json_t *json;

	*why = cannot_move(vd);
	if (*why)
		return NULL;
	json = json_pack("{s:o, s:o, s:o, s:b}",
			 "socket", handover_put_fd(h, vd->ev.fd),
			 "in", handover_put_message(h, &vd->in.msg, vd->in.done),
			 "messages", messages(vd, h),
			 "config_changed", vd->channel.config_changed);
	if (vd->sending)
		json_object_set_new(json, "out", put_sending(h, &vd->out));
	if (vd->channel.sending)
		json_object_set_new(json, "channel_out",
				    put_sending(h, &vd->channel.out));
	*why = json ? NULL : "out of memory";
	return json;
}

/* In */

static int bad(const struct vu_dev *vd, const char *what)
{
	log_err("%s: %s of the old daemon's connection makes no sense",
		vd->dev->name, what);
	return -EBADMSG;
}

static int replay(struct vu_dev *vd, struct handover *h, const json_t *list)
{
	size_t i, n = json_array_size(list);

	for (i = 0; i < n; i++) {
		int err = handover_take_message(h, json_array_get(list, i),
						&vd->in);

		if (err || !handover_message_whole(&vd->in))
			return bad(vd, "a message");
		err = vu_dev_replay(vd);
		if (err)
			return err;
	}
	return 0;
}

static int take_sending(struct handover *h, const json_t *json,
			struct vu_transfer *t, bool *sending)
{
	json_int_t sent = json_integer_value(json_object_get(json, "sent"));

	if (!json)
		return 0;
	if (handover_take_message(h, json, t) || !handover_message_whole(t) ||
	    sent < 0 || (u64)sent >= t->done)
		return -EBADMSG;
	t->done = (size_t)sent;
	*sending = true;
	return 0;
}

int vu_move_in(struct vu_dev *vd, struct handover *h, const json_t *json)
{
	int sock = handover_take_fd(h, json_object_get(json, "socket"));
	int err;

	if (sock < 0)
		return bad(vd, "the socket");
	err = vu_dev_open(vd, sock);
	if (!err)
		err = replay(vd, h, json_object_get(json, "messages"));
	if (err)
		return err;
	if (handover_take_message(h, json_object_get(json, "in"), &vd->in))
		return bad(vd, "the message being read");
	if (take_sending(h, json_object_get(json, "out"), &vd->out,
			 &vd->sending) ||
	    take_sending(h, json_object_get(json, "channel_out"),
			 &vd->channel.out, &vd->channel.sending))
		return bad(vd, "the message being sent");
	vd->channel.config_changed =
		json_is_true(json_object_get(json, "config_changed"));
	return 0;
}
