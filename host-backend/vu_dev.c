// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_dev - a vhost-user connection: messages in, a device driven, replies out
 *
 * Theory of operation
 *
 *	socket readable
 *	  vu_msg_recv()		until a message is whole
 *	  check()		every column of its row in vu_handler.c
 *	  device_quiesce()	the queues that the row names; the connection is
 *				parked, others go on
 *	  row's handler		may rely on all that was checked
 *	  device_update()	queues that should run (again) do
 *	  finish()		reply, acknowledgement, or the end
 *
 * Who is at fault: a message that is unknown, malformed, not negotiated or that
 * its handler refuses is the front end's fault.  If it asked for an
 * acknowledgement it gets one that says so, else its connection is closed; both
 * with one line in the log.  Descriptors of a message that nobody took are
 * closed when it is finished, however it ended.
 */
#include "vu_dev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vu_handler.h"
#include "vu_move.h"

/* Messages handled in a row before other connections get their turn. */
#define MESSAGES_MAX 32

static const char *const state_names[] = {
	[VU_CLOSED] = "closed",
	[VU_NEGOTIATING] = "negotiating",
	[VU_SUSPENDED] = "suspended",
	[VU_RUNNING] = "running",
	[VU_CLOSING] = "closing",
};
static_assert(ARRAY_SIZE(state_names) == VU_STATE_MAX,
	      "every state has a name");

const char *vu_state_name(enum vu_state state)
{
	return state_names[state];
}

static void set_state(struct vu_dev *vd, enum vu_state state)
{
	if (vd->state == state)
		return;
	log_debug("%s: connection %s -> %s", vd->dev->name,
		  state_names[vd->state], state_names[state]);
	vd->state = state;
	vu_channel_hold(&vd->channel, state != VU_RUNNING);
}

/* What the handlers have made of the device decides where the connection is. */
static void update_state(struct vu_dev *vd)
{
	const struct device *dev = vd->dev;
	unsigned int i;

	if (!dev->features_known) {
		set_state(vd, VU_NEGOTIATING);
		return;
	}
	for (i = 0; i < dev->num_queues; i++) {
		if (dev->queues[i].started) {
			set_state(vd, VU_RUNNING);
			return;
		}
	}
	set_state(vd, VU_SUSPENDED);
}

/* The dispatcher's checks, a function a column */

static int check_size(struct vu_dev *vd, const struct vu_message *m,
		      const struct vu_msg *msg)
{
	if (msg->hdr.size < m->size || msg->hdr.size > m->size + m->room)
		return vu_refuse(vd, -EPROTO, "payload of %u bytes; must be %u%s",
				 msg->hdr.size, m->size,
				 m->room ? " or more" : "");
	return 0;
}

static int check_region_fds(struct vu_dev *vd, const struct vu_msg *msg)
{
	const struct vu_mem_table *t = &msg->payload.mem_table;

	/* UML's front end sends room for two, whatever the number. */
	if (!t->num_regions || t->num_regions > VU_MEM_TABLE_MAX ||
	    msg->hdr.size < offsetof(struct vu_mem_table, regions) +
			    t->num_regions * sizeof(struct vu_region))
		return vu_refuse(vd, -EPROTO,
				 "%u memory regions in %u bytes; must be 1 to %u; is the guest's memory shared (memory-backend-memfd,share=on)?",
				 t->num_regions, msg->hdr.size, VU_MEM_TABLE_MAX);
	if (msg->num_fds != t->num_regions)
		return vu_refuse(vd, -EPROTO, "%u descriptors for %u memory regions",
				 msg->num_fds, t->num_regions);
	return 0;
}

static int check_fds(struct vu_dev *vd, const struct vu_message *m,
		     const struct vu_msg *msg)
{
	unsigned int want = 0;

	switch (m->fds) {
	case FDS_REGIONS:
		return check_region_fds(vd, msg);
	case FDS_IGNORED:
		return 0;
	case FDS_VRING:
		want = msg->payload.u64 & VU_VRING_NO_FD ? 0 : 1;
		break;
	case FDS_ONE:
		want = 1;
		break;
	case FDS_NONE:
		break;
	}
	if (msg->num_fds != want)
		return vu_refuse(vd, -EPROTO, "%u descriptors; must be %u",
				 msg->num_fds, want);
	return 0;
}

/* *q stays NULL for a message that is not about a queue. */
static int check_index(struct vu_dev *vd, const struct vu_message *m,
		       const struct vu_msg *msg, struct queue **q)
{
	u32 index;

	if (m->index == INDEX_NONE)
		return 0;
	index = m->index == INDEX_STATE ?
			msg->payload.state.index :
			(u32)(msg->payload.u64 & VU_VRING_INDEX_MASK);
	if (index >= vd->dev->num_queues)
		return vu_refuse(vd, -EINVAL, "queue %u; the device has %u", index,
				 vd->dev->num_queues);
	*q = &vd->dev->queues[index];
	return 0;
}

static int check(struct vu_dev *vd, const struct vu_message *m,
		 const struct vu_msg *msg, struct queue **q)
{
	int err;

	if (!m)
		return vu_refuse(vd, -EOPNOTSUPP, "not offered");
	if (m->needs & ~vd->protocol_features)
		return vu_refuse(vd, -EOPNOTSUPP,
				 "protocol feature 0x%llx was not negotiated",
				 (unsigned long long)m->needs);
	if (!(m->states & BIT_ULL(vd->state)))
		return vu_refuse(vd, -EBUSY, "not while the connection is %s",
				 state_names[vd->state]);
	err = check_size(vd, m, msg);
	if (!err)
		err = check_fds(vd, m, msg);
	if (!err)
		err = check_index(vd, m, msg, q);
	return err;
}

/* One message, from whole to finished */

static void watch(struct vu_dev *vd)
{
	u32 events = vd->sending ? EPOLLOUT : EPOLLIN;

	if (vd->watched)
		evloop_modify(vd->loop, &vd->ev, events);
	else
		vd->watched = !evloop_add(vd->loop, &vd->ev, events);
}

static void unwatch(struct vu_dev *vd)
{
	if (vd->watched)
		evloop_del(vd->loop, &vd->ev);
	vd->watched = false;
}

static void log_refused(struct vu_dev *vd, const struct vu_message *m,
			bool closing)
{
	log_ratelimited(&vd->limit, LOG_WARNING,
			"%s: front end's message %s (%u) refused: %s%s",
			vd->dev->name, m ? m->name : "unknown",
			vd->in.msg.hdr.request, vd->reason,
			closing ? "; connection closed" : "");
}

/* Return: 0, or -EPROTO where the connection must end. */
static int finish(struct vu_dev *vd, const struct vu_message *m, int err)
{
	bool ack = (vd->in.msg.hdr.flags & VU_FLAG_NEED_REPLY) &&
		   vu_negotiated(vd, VU_PROTOCOL_F_REPLY_ACK);

	if (err)
		log_refused(vd, m, !ack);
	if (ack && (err || m->reply == REPLY_ACK))
		vu_reply_u64(vd, err ? 1 : 0);
	vu_transfer_reset(&vd->in);
	return err && !ack ? -EPROTO : 0;
}

static int handle(struct vu_dev *vd, const struct vu_message *m,
		  struct queue *q)
{
	bool migrating = device_logs(vd->dev);
	bool was_running = vd->state == VU_RUNNING;
	int err;

	if (m->keep)
		vu_keep(vd, &vd->in.msg);
	err = m->handler(vd, &vd->in.msg, q);
	/* Also after a refusal: what was drained for it goes on. */
	device_update(vd->dev);
	if (!err && q && q->start_err)
		err = vu_refuse(vd, q->start_err, "%s",
				queue_start_error(q->start_err));
	update_state(vd);
	/* Before the reply, after which another may use what we had. */
	if (was_running && migrating && vd->state != VU_RUNNING &&
	    vd->dev->ops->release)
		vd->dev->ops->release(vd->dev);
	return finish(vd, m, err);
}

static void resume(struct vu_dev *vd);

static void quiesced(struct device *dev)
{
	struct vu_dev *vd = dev->transport;

	vd->parked = false;
	if (!vd->dispatching)
		resume(vd);
}

/* Return: 0, with vd->parked where it goes on later, or -EPROTO to close. */
static int dispatch(struct vu_dev *vd)
{
	const struct vu_message *m = vu_message_find(vd->in.msg.hdr.request);
	struct queue *q = NULL;
	int err;

	err = check(vd, m, &vd->in.msg, &q);
	if (err)
		return finish(vd, m, err);
	if (m->quiesce != QUIESCE_NONE) {
		vd->parked = true;
		vd->dispatching = true;
		device_quiesce(vd->dev, m->quiesce == QUIESCE_ALL ? NULL : q,
			       quiesced);
		vd->dispatching = false;
	}
	return vd->parked ? 0 : handle(vd, m, q);
}

/* Return: 1 with a message to dispatch, 0 to wait, or -errno. */
static int next_message(struct vu_dev *vd)
{
	int ret;

	if (vd->sending) {
		ret = vu_msg_send(&vd->out, vd->ev.fd);
		if (ret <= 0)
			return ret;
		vu_transfer_reset(&vd->out);
		vd->sending = false;
	}
	return vu_msg_recv(&vd->in, vd->ev.fd);
}

static void log_broken(struct vu_dev *vd, int err)
{
	if (err == -EPIPE || err == -ECONNRESET)
		log_info("%s: front end disconnected", vd->dev->name);
	else
		log_ratelimited(&vd->limit, LOG_WARNING,
				"%s: front end's message %u with flags 0x%x, size %u: %s; connection closed",
				vd->dev->name, vd->in.msg.hdr.request,
				vd->in.msg.hdr.flags, vd->in.msg.hdr.size,
				strerror(-err));
}

static void read_messages(struct vu_dev *vd)
{
	unsigned int i;
	int ret;

	for (i = 0; i < MESSAGES_MAX && !vd->parked; i++) {
		ret = next_message(vd);
		if (!ret)
			break;
		if (ret < 0)
			log_broken(vd, ret);
		else
			ret = dispatch(vd);
		if (ret < 0) {
			vu_dev_close(vd);
			return;
		}
	}
	if (vd->parked)
		unwatch(vd);
	else
		watch(vd);
}

/* The parked message's queues have stopped. */
static void pause_begin(struct vu_dev *vd);

static void resume(struct vu_dev *vd)
{
	const struct vu_message *m = vu_message_find(vd->in.msg.hdr.request);
	struct queue *q = NULL;

	if (vd->state == VU_CLOSING) {
		vu_dev_close(vd);
		return;
	}
	check_index(vd, m, &vd->in.msg, &q);
	if (handle(vd, m, q))
		vu_dev_close(vd);
	else if (vd->paused)
		pause_begin(vd);
	else
		read_messages(vd);
}

static void socket_ready(struct ev_fd *ev, u32 events)
{
	read_messages(container_of(ev, struct vu_dev, ev));
}

/* Beginning and end */

void vu_dev_init(struct vu_dev *vd, struct device *dev,
		 unsigned int queue_size_max, struct evloop *loop)
{
	memset(vd, 0, sizeof(*vd));
	vd->dev = dev;
	vd->loop = loop;
	vd->queue_size_max = queue_size_max;
	vd->ev.fd = -1;
	vd->ev.ready = socket_ready;
	vd->limit = (struct log_limit)LOG_LIMIT_INIT;
	vu_state_init(&vd->state_io, loop, dev);
	vu_channel_init(&vd->channel, loop, dev->name);
	dev->transport = vd;
}

int vu_dev_open(struct vu_dev *vd, int sock)
{
	vd->ev.fd = sock;
	vd->protocol_features = 0;
	vd->status = 0;
	vd->sending = false;
	vd->in.done = 0;
	set_state(vd, VU_NEGOTIATING);
	watch(vd);
	if (!vd->watched) {
		close(sock);
		vd->ev.fd = -1;
		set_state(vd, VU_CLOSED);
		return -ENOMEM;
	}
	log_info("%s: front end connected", vd->dev->name);
	return 0;
}

static void closed(struct device *dev)
{
	struct vu_dev *vd = dev->transport;

	device_reset(dev);
	vu_state_end(&vd->state_io);
	vu_channel_close(&vd->channel);
	vu_keep_clear(vd);
	vu_transfer_reset(&vd->in);
	vu_transfer_reset(&vd->out);
	close(vd->ev.fd);
	vd->ev.fd = -1;
	set_state(vd, VU_CLOSED);
	vd->closed(vd);
	if (vd->paused)
		vd->paused(vd);
}

void vu_dev_close(struct vu_dev *vd)
{
	if (vd->state == VU_CLOSED)
		return;
	set_state(vd, VU_CLOSING);
	unwatch(vd);
	/* One quiesce at a time: resume() comes back here. */
	if (!vd->parked && !vd->dev->quiesced)
		device_quiesce(vd->dev, NULL, closed);
}

void vu_dev_config_changed(struct vu_dev *vd)
{
	if (vd->state != VU_CLOSED && vu_negotiated(vd, VU_PROTOCOL_F_CONFIG))
		vu_channel_config_changed(&vd->channel);
}

/* Pausing, and what another daemon left off */

static void paused(struct device *dev)
{
	struct vu_dev *vd = dev->transport;

	if (vd->state == VU_CLOSING)
		vu_dev_close(vd);
	else if (vd->paused)
		vd->paused(vd);
	else
		vu_dev_unpause(vd);
}

static void pause_begin(struct vu_dev *vd)
{
	device_quiesce(vd->dev, NULL, paused);
}

void vu_dev_pause(struct vu_dev *vd, void (*done)(struct vu_dev *vd))
{
	vd->paused = done;
	if (vd->state == VU_CLOSED) {
		done(vd);
		return;
	}
	unwatch(vd);
	vu_channel_watch(&vd->channel, false);
	/* Where a quiesce is under way, its end comes back here. */
	if (!vd->parked && !vd->dev->quiesced)
		pause_begin(vd);
}

void vu_dev_unpause(struct vu_dev *vd)
{
	vd->paused = NULL;
	if (vd->state == VU_CLOSED || vd->state == VU_CLOSING ||
	    vd->dev->quiesced)
		return;
	device_update(vd->dev);
	vu_channel_watch(&vd->channel, true);
	watch(vd);
}

int vu_dev_replay(struct vu_dev *vd)
{
	const struct vu_message *m = vu_message_find(vd->in.msg.hdr.request);
	struct queue *q = NULL;
	int err;

	err = check(vd, m, &vd->in.msg, &q);
	if (!err && m->keep)
		vu_keep(vd, &vd->in.msg);
	if (!err)
		err = m->handler(vd, &vd->in.msg, q);
	if (err)
		log_err("%s: message %s (%u) of the old daemon refused: %s",
			vd->dev->name, m ? m->name : "unknown",
			vd->in.msg.hdr.request, vd->reason);
	update_state(vd);
	vd->sending = false;
	vu_transfer_reset(&vd->out);
	vu_transfer_reset(&vd->in);
	return err;
}

void vu_dev_start(struct vu_dev *vd)
{
	vd->dev->held = false;
	device_update(vd->dev);
	if (vd->state == VU_CLOSED)
		return;
	watch(vd);
	/* What the other daemon had not sent yet goes out. */
	vu_channel_hold(&vd->channel, vd->state != VU_RUNNING);
	vu_channel_watch(&vd->channel, true);
}
