// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_dev - a vhost-user connection: messages in, a device driven, replies out
 *
 * Theory of operation
 *
 *	socket readable
 *	  vu_msg_recv()		until a message is whole
 *	  check()		every column of its row in messages[]
 *	  device_quiesce()	the queues that the row names; the connection is
 *				parked, others go on
 *	  row's handler		may rely on all that was checked
 *	  device_update()	queues that should run (again) do
 *	  finish()		reply, acknowledgement, or the end
 *
 * Adding a message is a row and a handler; adding a protocol feature is a row's
 * .needs and a bit in protocol_features().
 *
 * Who is at fault: a message that is unknown, malformed, not negotiated or that
 * its handler refuses is the front end's fault.  If it asked for an
 * acknowledgement it gets one that says so, else its connection is closed; both
 * with one line in the log.  Descriptors of a message that nobody took are
 * closed when it is finished, however it ended.
 */
#include "vu_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Messages handled in a row before other connections get their turn. */
#define MESSAGES_MAX 32

/* Bits of enum vu_state, for a row's .states. */
#define IN_NEGOTIATING BIT_ULL(VU_NEGOTIATING)
#define IN_SUSPENDED   BIT_ULL(VU_SUSPENDED)
#define IN_RUNNING     BIT_ULL(VU_RUNNING)
#define IN_ANY	       (IN_NEGOTIATING | IN_SUSPENDED | IN_RUNNING)
#define IN_NO_RING     (IN_NEGOTIATING | IN_SUSPENDED)

#define NEEDS(feature) BIT_ULL(VU_PROTOCOL_F_##feature)

enum fds_kind {
	FDS_NONE,
	FDS_ONE,
	FDS_VRING,	/* one, or none with VU_VRING_NO_FD */
	FDS_REGIONS,	/* one each region of a memory table */
	FDS_IGNORED,	/* front ends differ; closed unused */
};

enum index_kind {
	INDEX_NONE,
	INDEX_STATE,	/* u32 at the start of the payload */
	INDEX_VRING,	/* low byte of a u64 */
};

enum reply_kind {
	REPLY_ACK,	/* a result, if asked for */
	REPLY_OWN,	/* the handler has filled vd->out */
};

enum quiesce_kind {
	QUIESCE_NONE,
	QUIESCE_QUEUE,	/* the one that the message is about */
	QUIESCE_ALL,
};

/**
 * struct vu_message - a row of the table: what must be true of a message
 * @name:	for the log
 * @handler:	0 or -errno with vd->reason filled; what it relies on is checked
 * @size:	bytes of payload, at least
 * @room:	bytes of payload that may follow
 * @states:	connection states in which it may come
 * @needs:	protocol features without which it may not
 */
struct vu_message {
	const char *name;
	int (*handler)(struct vu_dev *vd, struct vu_msg *msg, struct queue *q);
	u16 size;
	u16 room;
	enum fds_kind fds;
	enum index_kind index;
	u64 states;
	u64 needs;
	enum reply_kind reply;
	enum quiesce_kind quiesce;
};

static const char *const state_names[] = {
	[VU_CLOSED] = "closed",
	[VU_NEGOTIATING] = "negotiating",
	[VU_SUSPENDED] = "suspended",
	[VU_RUNNING] = "running",
	[VU_CLOSING] = "closing",
};
static_assert(ARRAY_SIZE(state_names) == VU_STATE_MAX,
	      "every state has a name");

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

static int __attribute__((format(printf, 3, 4)))
refuse(struct vu_dev *vd, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(vd->reason, sizeof(vd->reason), fmt, args);
	va_end(args);
	return err;
}

static bool negotiated(const struct vu_dev *vd, enum vu_protocol_feature bit)
{
	return vd->protocol_features & BIT_ULL(bit);
}

static u64 protocol_features(const struct vu_dev *vd)
{
	return NEEDS(MQ) | NEEDS(REPLY_ACK) | NEEDS(BACKEND_REQ) |
	       NEEDS(CONFIGURE_MEM_SLOTS) | vd->dev->ops->protocol_features;
}

static u64 virtio_features(const struct vu_dev *vd)
{
	return BIT_ULL(VIRTIO_F_VERSION_1) |
	       BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
	       BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
	       BIT_ULL(VU_F_PROTOCOL_FEATURES) |
	       vd->dev->ops->features(vd->dev);
}

/* Replies */

static void reply_start(struct vu_dev *vd, u32 size)
{
	vd->out.msg.hdr = (struct vu_header){
		.request = vd->in.msg.hdr.request,
		.flags = VU_VERSION | VU_FLAG_REPLY,
		.size = size,
	};
	vd->out.msg.num_fds = 0;
	vd->out.done = 0;
	vd->sending = true;
}

static void reply_u64(struct vu_dev *vd, u64 value)
{
	reply_start(vd, sizeof(value));
	vd->out.msg.payload.u64 = value;
}

/* Handlers: features */

static int get_features(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	reply_u64(vd, virtio_features(vd));
	return 0;
}

/* Without a config space a disk's driver does not know its size. */
static bool config_missing(const struct vu_dev *vd, u64 acked)
{
	return vd->dev->ops->config_required && !(acked & NEEDS(CONFIG));
}

static int set_features(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	u64 features = msg->payload.u64;
	u64 extra = features & ~virtio_features(vd);
	unsigned int i;

	if (extra)
		return refuse(vd, -EINVAL, "features 0x%llx are not offered",
			      (unsigned long long)extra);
	if (!(features & BIT_ULL(VU_F_PROTOCOL_FEATURES)) &&
	    config_missing(vd, vd->protocol_features))
		return refuse(vd, -EINVAL,
			      "the front end does not read config space (protocol feature CONFIG), which %s needs",
			      vd->dev->ops->type);
	/* vhost-user, "Ring states": enabled from the start without it */
	for (i = 0; i < vd->dev->num_queues &&
		    !(features & BIT_ULL(VU_F_PROTOCOL_FEATURES)); i++)
		vd->dev->queues[i].enabled = true;
	device_set_features(vd->dev, features);
	return 0;
}

static int get_protocol_features(struct vu_dev *vd, struct vu_msg *msg,
				 struct queue *q)
{
	reply_u64(vd, protocol_features(vd));
	return 0;
}

static int set_protocol_features(struct vu_dev *vd, struct vu_msg *msg,
				 struct queue *q)
{
	u64 features = msg->payload.u64;
	u64 extra = features & ~protocol_features(vd);

	if (extra)
		return refuse(vd, -EINVAL,
			      "protocol features 0x%llx are not offered",
			      (unsigned long long)extra);
	if (config_missing(vd, features))
		return refuse(vd, -EINVAL,
			      "the front end does not read config space (protocol feature CONFIG), which %s needs",
			      vd->dev->ops->type);
	vd->protocol_features = features;
	return 0;
}

static int set_owner(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	return 0;
}

/* Deprecated; may be ignored (vhost-user: RESET_OWNER). */
static int reset_owner(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	return 0;
}

/* QEMU compares the answer with its queues=, which for net means pairs. */
static int get_queue_num(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	reply_u64(vd, vd->dev->num_queues / vd->dev->group);
	return 0;
}

/* Handlers: memory */

static int region_add(struct vu_dev *vd, const struct vu_region *r, int fd)
{
	struct mem_region_desc d = {
		.gpa = r->gpa,
		.size = r->size,
		.uva = r->uva,
		.offset = r->mmap_offset,
	};
	int err;

	err = mem_table_add(&vd->dev->mem, &d, fd);
	if (err)
		return refuse(vd, err,
			      "guest memory at 0x%llx, size 0x%llx, file offset 0x%llx: %s",
			      (unsigned long long)d.gpa,
			      (unsigned long long)d.size,
			      (unsigned long long)d.offset,
			      err == -EINVAL ? "empty, overlaps another, or not inside its file" :
					       strerror(-err));
	return 0;
}

static int set_mem_table(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	const struct vu_mem_table *t = &msg->payload.mem_table;
	unsigned int i;
	int err;

	mem_table_clear(&vd->dev->mem);
	for (i = 0; i < t->num_regions; i++) {
		err = region_add(vd, &t->regions[i], msg->fds[i]);
		if (err) {
			mem_table_clear(&vd->dev->mem);
			return err;
		}
	}
	return 0;
}

static int get_max_mem_slots(struct vu_dev *vd, struct vu_msg *msg,
			     struct queue *q)
{
	reply_u64(vd, MEM_SLOTS_MAX);
	return 0;
}

static int add_mem_reg(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	return region_add(vd, &msg->payload.mem_reg.region, msg->fds[0]);
}

static int rem_mem_reg(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	const struct vu_region *r = &msg->payload.mem_reg.region;
	struct mem_region_desc d = {
		.gpa = r->gpa,
		.size = r->size,
		.uva = r->uva,
	};

	if (mem_table_remove(&vd->dev->mem, &d))
		return refuse(vd, -ENOENT,
			      "no memory region at 0x%llx with size 0x%llx",
			      (unsigned long long)d.gpa,
			      (unsigned long long)d.size);
	return 0;
}

/* Handlers: rings */

static int set_vring_num(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	u32 num = msg->payload.state.num;

	/* virtio 1.3, 2.7: a power of 2 */
	if (!num || (num & (num - 1)) || num > vd->queue_size_max)
		return refuse(vd, -EINVAL,
			      "ring of %u entries; must be a power of 2, at most %u",
			      num, vd->queue_size_max);
	q->setup.size = num;
	return 0;
}

static int set_vring_addr(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	const struct vu_vring_addr *a = &msg->payload.addr;

	if (a->flags)
		return refuse(vd, -EINVAL,
			      "flags 0x%x: dirty logging was not negotiated",
			      a->flags);
	q->setup.desc_uva = a->desc;
	q->setup.avail_uva = a->avail;
	q->setup.used_uva = a->used;
	return 0;
}

static int set_vring_base(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	u32 base = msg->payload.state.num;

	if (base > UINT16_MAX)
		return refuse(vd, -EINVAL, "index %u; at most 65535", base);
	q->setup.base = base;
	return 0;
}

static int get_vring_base(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	queue_unkick(q);
	reply_start(vd, sizeof(struct vu_vring_state));
	vd->out.msg.payload.state = (struct vu_vring_state){
		.index = q->index,
		.num = q->setup.base,
	};
	return 0;
}

/* Replaces *fd by what came with the message, -1 for none. */
static void vring_fd(struct vu_msg *msg, int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = msg->num_fds ? vu_msg_take_fd(msg, 0) : -1;
}

/*
 * A write must fail rather than wait where the other side has filled the
 * counter.  The flag is shared with the front end, which polls it anyway.
 */
static void set_nonblocking(int fd)
{
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int set_vring_kick(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	/* QEMU leaves out memory that it cannot share, and starts all the same. */
	if (!vd->dev->mem.count)
		return refuse(vd, -EFAULT,
			      "the guest's memory is not shared (QEMU: -object memory-backend-memfd,id=m,size=...,share=on -machine memory-backend=m)");
	/* Set up anew, so that what broke it before is over. */
	vq_stop(&q->vq);
	vring_fd(msg, &q->kick_fd);
	q->started = true;
	return 0;
}

static int set_vring_call(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	static const u64 one = 1;

	vring_fd(msg, &q->call_fd);
	set_nonblocking(q->call_fd);
	/* What was completed since the driver began to wait for this eventfd,
	 * and before we had it, signalled nobody.  Where that was nothing, an
	 * interrupt too many does no harm; a full counter is one as well.
	 */
	while (q->started && q->call_fd >= 0 &&
	       write(q->call_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return 0;
}

static int set_vring_err(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	vring_fd(msg, &q->err_fd);
	set_nonblocking(q->err_fd);
	return 0;
}

static int set_vring_enable(struct vu_dev *vd, struct vu_msg *msg,
			    struct queue *q)
{
	u32 enable = msg->payload.state.num;

	if (enable > 1)
		return refuse(vd, -EINVAL, "%u; must be 0 or 1", enable);
	if (q->enabled == (bool)enable)
		return 0;
	WRITE_ONCE(q->enabled, enable);
	if (q->dev->ops->queue_enabled)
		q->dev->ops->queue_enabled(q);
	return 0;
}

/* Handlers: config space and our requests */

static bool config_size_ok(const struct vu_msg *msg)
{
	const struct vu_config *c = &msg->payload.config;

	return c->size && c->size <= VU_CONFIG_MAX &&
	       c->offset <= VU_CONFIG_MAX - c->size &&
	       msg->hdr.size == offsetof(struct vu_config, data) + c->size;
}

/* A reply without payload says that it cannot be read (vhost-user: GET_CONFIG) */
static int get_config(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	const struct vu_config *in = &msg->payload.config;
	struct vu_config *out = &vd->out.msg.payload.config;

	*out = (struct vu_config){ .offset = in->offset, .size = in->size };
	if (config_size_ok(msg) &&
	    !vd->dev->ops->config_read(vd->dev, in->offset, in->size,
				       out->data)) {
		reply_start(vd, msg->hdr.size);
		return 0;
	}
	log_ratelimited(&vd->limit, LOG_WARNING,
			"%s: front end asks for config space at %u, size %u: there is none",
			vd->dev->name, in->offset, in->size);
	reply_start(vd, 0);
	return 0;
}

static int set_config(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	const struct vu_config *c = &msg->payload.config;
	int err = -EPERM;

	if (!config_size_ok(msg))
		return refuse(vd, -EINVAL, "offset %u, size %u in a payload of %u bytes",
			      c->offset, c->size, msg->hdr.size);
	if (c->flags == VU_CONFIG_FROM_DRIVER && vd->dev->ops->config_write)
		err = vd->dev->ops->config_write(vd->dev, c->offset, c->size,
						 c->data);
	if (err)
		return refuse(vd, err, "offset %u, size %u, flags %u: not writable",
			      c->offset, c->size, c->flags);
	return 0;
}

static int set_backend_req_fd(struct vu_dev *vd, struct vu_msg *msg,
			      struct queue *q)
{
	int err = vu_channel_open(&vd->channel, vu_msg_take_fd(msg, 0));

	if (err)
		return refuse(vd, err, "descriptor cannot be watched: %s",
			      strerror(-err));
	return 0;
}

/* Nothing is here that is not offered, and the other way round. */
static const struct vu_message messages[VU_REQUEST_MAX] = {
	[VU_GET_FEATURES] = {
		.name = "GET_FEATURES",
		.handler = get_features,
		.states = IN_ANY,
		.reply = REPLY_OWN,
	},
	[VU_SET_FEATURES] = {
		.name = "SET_FEATURES",
		.handler = set_features,
		.size = sizeof(u64),
		.states = IN_ANY,
		.quiesce = QUIESCE_ALL,
	},
	[VU_SET_OWNER] = {
		.name = "SET_OWNER",
		.handler = set_owner,
		.states = IN_ANY,
	},
	[VU_RESET_OWNER] = {
		.name = "RESET_OWNER",
		.handler = reset_owner,
		.states = IN_ANY,
	},
	[VU_SET_MEM_TABLE] = {
		.name = "SET_MEM_TABLE",
		.handler = set_mem_table,
		.size = offsetof(struct vu_mem_table, regions),
		.room = VU_MEM_TABLE_MAX * sizeof(struct vu_region),
		.fds = FDS_REGIONS,
		.states = IN_ANY,
		.quiesce = QUIESCE_ALL,
	},
	[VU_SET_VRING_NUM] = {
		.name = "SET_VRING_NUM",
		.handler = set_vring_num,
		.size = sizeof(struct vu_vring_state),
		.index = INDEX_STATE,
		.states = IN_ANY,
		.quiesce = QUIESCE_QUEUE,
	},
	[VU_SET_VRING_ADDR] = {
		.name = "SET_VRING_ADDR",
		.handler = set_vring_addr,
		.size = sizeof(struct vu_vring_addr),
		.index = INDEX_STATE,
		.states = IN_ANY,
		.quiesce = QUIESCE_QUEUE,
	},
	[VU_SET_VRING_BASE] = {
		.name = "SET_VRING_BASE",
		.handler = set_vring_base,
		.size = sizeof(struct vu_vring_state),
		.index = INDEX_STATE,
		.states = IN_ANY,
		.quiesce = QUIESCE_QUEUE,
	},
	[VU_GET_VRING_BASE] = {
		.name = "GET_VRING_BASE",
		.handler = get_vring_base,
		.size = sizeof(struct vu_vring_state),
		.index = INDEX_STATE,
		.states = IN_ANY,
		.reply = REPLY_OWN,
		.quiesce = QUIESCE_QUEUE,
	},
	[VU_SET_VRING_KICK] = {
		.name = "SET_VRING_KICK",
		.handler = set_vring_kick,
		.size = sizeof(u64),
		.fds = FDS_VRING,
		.index = INDEX_VRING,
		.states = IN_ANY,
		.quiesce = QUIESCE_QUEUE,
	},
	[VU_SET_VRING_CALL] = {
		.name = "SET_VRING_CALL",
		.handler = set_vring_call,
		.size = sizeof(u64),
		.fds = FDS_VRING,
		.index = INDEX_VRING,
		.states = IN_ANY,
		.quiesce = QUIESCE_QUEUE,
	},
	[VU_SET_VRING_ERR] = {
		.name = "SET_VRING_ERR",
		.handler = set_vring_err,
		.size = sizeof(u64),
		.fds = FDS_VRING,
		.index = INDEX_VRING,
		.states = IN_ANY,
		.quiesce = QUIESCE_QUEUE,
	},
	[VU_GET_PROTOCOL_FEATURES] = {
		.name = "GET_PROTOCOL_FEATURES",
		.handler = get_protocol_features,
		.states = IN_ANY,
		.reply = REPLY_OWN,
	},
	[VU_SET_PROTOCOL_FEATURES] = {
		.name = "SET_PROTOCOL_FEATURES",
		.handler = set_protocol_features,
		.size = sizeof(u64),
		.states = IN_NO_RING,
	},
	[VU_GET_QUEUE_NUM] = {
		.name = "GET_QUEUE_NUM",
		.handler = get_queue_num,
		.states = IN_ANY,
		.needs = NEEDS(MQ),
		.reply = REPLY_OWN,
	},
	[VU_SET_VRING_ENABLE] = {
		.name = "SET_VRING_ENABLE",
		.handler = set_vring_enable,
		.size = sizeof(struct vu_vring_state),
		.index = INDEX_STATE,
		.states = IN_ANY,
		.quiesce = QUIESCE_QUEUE,
	},
	[VU_SET_BACKEND_REQ_FD] = {
		.name = "SET_BACKEND_REQ_FD",
		.handler = set_backend_req_fd,
		.fds = FDS_ONE,
		.states = IN_ANY,
		.needs = NEEDS(BACKEND_REQ),
	},
	[VU_GET_CONFIG] = {
		.name = "GET_CONFIG",
		.handler = get_config,
		.size = offsetof(struct vu_config, data),
		.room = VU_CONFIG_MAX,
		.states = IN_ANY,
		.needs = NEEDS(CONFIG),
		.reply = REPLY_OWN,
	},
	[VU_SET_CONFIG] = {
		.name = "SET_CONFIG",
		.handler = set_config,
		.size = offsetof(struct vu_config, data),
		.room = VU_CONFIG_MAX,
		.states = IN_ANY,
		.needs = NEEDS(CONFIG),
	},
	[VU_GET_MAX_MEM_SLOTS] = {
		.name = "GET_MAX_MEM_SLOTS",
		.handler = get_max_mem_slots,
		.states = IN_ANY,
		.needs = NEEDS(CONFIGURE_MEM_SLOTS),
		.reply = REPLY_OWN,
	},
	[VU_ADD_MEM_REG] = {
		.name = "ADD_MEM_REG",
		.handler = add_mem_reg,
		.size = sizeof(struct vu_mem_reg),
		.fds = FDS_ONE,
		.states = IN_ANY,
		.needs = NEEDS(CONFIGURE_MEM_SLOTS),
		.quiesce = QUIESCE_ALL,
	},
	[VU_REM_MEM_REG] = {
		.name = "REM_MEM_REG",
		.handler = rem_mem_reg,
		.size = sizeof(struct vu_mem_reg),
		.fds = FDS_IGNORED,
		.states = IN_ANY,
		.needs = NEEDS(CONFIGURE_MEM_SLOTS),
		.quiesce = QUIESCE_ALL,
	},
};

/* The dispatcher's checks, a function a column */

static const struct vu_message *message_find(u32 request)
{
	if (request >= VU_REQUEST_MAX || !messages[request].handler)
		return NULL;
	return &messages[request];
}

static int check_size(struct vu_dev *vd, const struct vu_message *m,
		      const struct vu_msg *msg)
{
	if (msg->hdr.size < m->size || msg->hdr.size > m->size + m->room)
		return refuse(vd, -EPROTO, "payload of %u bytes; must be %u%s",
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
		return refuse(vd, -EPROTO,
			      "%u memory regions in %u bytes; must be 1 to %u; is the guest's memory shared (memory-backend-memfd,share=on)?",
			      t->num_regions, msg->hdr.size, VU_MEM_TABLE_MAX);
	if (msg->num_fds != t->num_regions)
		return refuse(vd, -EPROTO, "%u descriptors for %u memory regions",
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
		return refuse(vd, -EPROTO, "%u descriptors; must be %u",
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
		return refuse(vd, -EINVAL, "queue %u; the device has %u", index,
			      vd->dev->num_queues);
	*q = &vd->dev->queues[index];
	return 0;
}

static int check(struct vu_dev *vd, const struct vu_message *m,
		 const struct vu_msg *msg, struct queue **q)
{
	int err;

	if (!m)
		return refuse(vd, -EOPNOTSUPP, "not offered");
	if (m->needs & ~vd->protocol_features)
		return refuse(vd, -EOPNOTSUPP,
			      "protocol feature 0x%llx was not negotiated",
			      (unsigned long long)m->needs);
	if (!(m->states & BIT_ULL(vd->state)))
		return refuse(vd, -EBUSY, "not while the connection is %s",
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
		   negotiated(vd, VU_PROTOCOL_F_REPLY_ACK);

	if (err)
		log_refused(vd, m, !ack);
	if (ack && (err || m->reply == REPLY_ACK))
		reply_u64(vd, err ? 1 : 0);
	vu_transfer_reset(&vd->in);
	return err && !ack ? -EPROTO : 0;
}

static int handle(struct vu_dev *vd, const struct vu_message *m,
		  struct queue *q)
{
	int err;

	err = m->handler(vd, &vd->in.msg, q);
	/* Also after a refusal: what was drained for it goes on. */
	device_update(vd->dev);
	if (!err && q && q->start_err)
		err = refuse(vd, q->start_err, "%s",
			     queue_start_error(q->start_err));
	update_state(vd);
	return finish(vd, m, err);
}

/* For ENABLE on a queue that runs, enabled or not: it only learns of it. */
static bool quiesce_needed(const struct vu_message *m, const struct queue *q)
{
	if (m->handler == set_vring_enable && device_queue_consumes_disabled(q))
		return false;
	return m->quiesce != QUIESCE_NONE;
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
	const struct vu_message *m = message_find(vd->in.msg.hdr.request);
	struct queue *q = NULL;
	int err;

	err = check(vd, m, &vd->in.msg, &q);
	if (err)
		return finish(vd, m, err);
	if (quiesce_needed(m, q)) {
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
static void resume(struct vu_dev *vd)
{
	const struct vu_message *m = message_find(vd->in.msg.hdr.request);
	struct queue *q = NULL;

	if (vd->state == VU_CLOSING) {
		vu_dev_close(vd);
		return;
	}
	check_index(vd, m, &vd->in.msg, &q);
	if (handle(vd, m, q))
		vu_dev_close(vd);
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
	vu_channel_init(&vd->channel, loop, dev->name);
	dev->transport = vd;
}

int vu_dev_open(struct vu_dev *vd, int sock)
{
	vd->ev.fd = sock;
	vd->protocol_features = 0;
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
	vu_channel_close(&vd->channel);
	vu_transfer_reset(&vd->in);
	close(vd->ev.fd);
	vd->ev.fd = -1;
	set_state(vd, VU_CLOSED);
	vd->closed(vd);
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
	if (vd->state != VU_CLOSED && negotiated(vd, VU_PROTOCOL_F_CONFIG))
		vu_channel_config_changed(&vd->channel);
}
