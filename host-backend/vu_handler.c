// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vu_handler - the message table and what each message does
 *
 * A handler runs on the control thread when everything that its row says has
 * been checked and the queues that the row names stand still.  It returns 0, or
 * -errno with the reason in vu_refuse(); it never closes anything itself.
 *
 * Adding a message is a row and a handler; adding a protocol feature is a row's
 * .needs and a bit in protocol_features().
 */
#include "vu_handler.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vu_life.h"

/* Bits of enum vu_state, for a row's .states. */
#define IN_NEGOTIATING BIT_ULL(VU_NEGOTIATING)
#define IN_SUSPENDED   BIT_ULL(VU_SUSPENDED)
#define IN_RUNNING     BIT_ULL(VU_RUNNING)
#define IN_ANY	       (IN_NEGOTIATING | IN_SUSPENDED | IN_RUNNING)
#define IN_NO_RING     (IN_NEGOTIATING | IN_SUSPENDED)

#define NEEDS(feature) BIT_ULL(VU_PROTOCOL_F_##feature)

int vu_refuse(struct vu_dev *vd, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(vd->reason, sizeof(vd->reason), fmt, args);
	va_end(args);
	return err;
}

static u64 protocol_features(const struct vu_dev *vd)
{
	const struct device_ops *ops = vd->dev->ops;
	u64 features = NEEDS(MQ) | NEEDS(LOG_SHMFD) | NEEDS(REPLY_ACK) |
		       NEEDS(BACKEND_REQ) | NEEDS(RESET_DEVICE) |
		       NEEDS(CONFIGURE_MEM_SLOTS) | NEEDS(STATUS);

	if (ops->state_save)
		features |= NEEDS(DEVICE_STATE);
	if (ops->announce)
		features |= NEEDS(RARP);
	if (ops->mtu_set)
		features |= NEEDS(MTU);
	return features | ops->protocol_features;
}

static u64 virtio_features(const struct vu_dev *vd)
{
	return BIT_ULL(VIRTIO_F_VERSION_1) | VQ_FEATURES |
	       BIT_ULL(VU_F_PROTOCOL_FEATURES) | BIT_ULL(VHOST_F_LOG_ALL) |
	       vd->dev->ops->features(vd->dev);
}

/* Replies */

void vu_reply_start(struct vu_dev *vd, u32 size)
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

void vu_reply_u64(struct vu_dev *vd, u64 value)
{
	vu_reply_start(vd, sizeof(value));
	vd->out.msg.payload.u64 = value;
}

/* Descriptors */

void vu_take_fd(struct vu_msg *msg, int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = msg->num_fds ? vu_msg_take_fd(msg, 0) : -1;
}

void vu_set_nonblocking(int fd)
{
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Handlers: features */

static int get_features(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	vu_reply_u64(vd, virtio_features(vd));
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
		return vu_refuse(vd, -EINVAL, "features 0x%llx are not offered",
				 (unsigned long long)extra);
	if (!(features & BIT_ULL(VU_F_PROTOCOL_FEATURES)) &&
	    config_missing(vd, vd->protocol_features))
		return vu_refuse(vd, -EINVAL,
				 "the front end does not read config space (protocol feature CONFIG), which %s needs",
				 vd->dev->ops->type);
	if ((features & BIT_ULL(VHOST_F_LOG_ALL)) &&
	    !vu_negotiated(vd, VU_PROTOCOL_F_LOG_SHMFD))
		return vu_refuse(vd, -EINVAL,
				 "dirty logging (feature bit %u) without protocol feature LOG_SHMFD: no log can be shared",
				 VHOST_F_LOG_ALL);
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
	vu_reply_u64(vd, protocol_features(vd));
	return 0;
}

static int set_protocol_features(struct vu_dev *vd, struct vu_msg *msg,
				 struct queue *q)
{
	u64 features = msg->payload.u64;
	u64 extra = features & ~protocol_features(vd);

	if (extra)
		return vu_refuse(vd, -EINVAL,
				 "protocol features 0x%llx are not offered",
				 (unsigned long long)extra);
	if (config_missing(vd, features))
		return vu_refuse(vd, -EINVAL,
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
	vu_reply_u64(vd, vd->dev->num_queues / vd->dev->group);
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
		return vu_refuse(vd, err,
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
	vu_reply_u64(vd, MEM_SLOTS_MAX);
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
		return vu_refuse(vd, -ENOENT,
				 "no memory region at 0x%llx with size 0x%llx",
				 (unsigned long long)d.gpa,
				 (unsigned long long)d.size);
	return 0;
}

/* Handlers: rings */

/*
 * Surely so: before SET_FEATURES nobody knows.  What is let pass here is checked
 * when the ring starts.
 */
static bool split_ring(const struct vu_dev *vd)
{
	return vd->dev->features_known &&
	       !(vd->dev->features & BIT_ULL(VIRTIO_F_RING_PACKED));
}

static int set_vring_num(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	u32 num = msg->payload.state.num;

	if (!num || num > vd->queue_size_max)
		return vu_refuse(vd, -EINVAL,
				 "ring of %u entries; must be 1 to %u", num,
				 vd->queue_size_max);
	/* virtio 1.3, 2.7: a power of 2, unlike 2.8 */
	if (split_ring(vd) && (num & (num - 1)))
		return vu_refuse(vd, -EINVAL,
				 "split ring of %u entries; must be a power of 2",
				 num);
	q->setup.size = num;
	return 0;
}

static int set_vring_addr(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	const struct vu_vring_addr *a = &msg->payload.addr;

	u32 known = vu_negotiated(vd, VU_PROTOCOL_F_LOG_SHMFD) ?
			    VU_VRING_F_LOG : 0;

	if (a->flags & ~known)
		return vu_refuse(vd, -EINVAL, "flags 0x%x; must be within 0x%x",
				 a->flags, known);
	q->setup.desc_uva = a->desc;
	q->setup.avail_uva = a->avail;
	q->setup.used_uva = a->used;
	q->setup.log_ring = a->flags & VU_VRING_F_LOG;
	q->setup.ring_log = a->log;
	return 0;
}

static int set_vring_base(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	u32 base = msg->payload.state.num;

	if (split_ring(vd) && base > UINT16_MAX)
		return vu_refuse(vd, -EINVAL, "index %u; at most 65535", base);
	q->setup.base = base;
	return 0;
}

static int get_vring_base(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	queue_unkick(q);
	vu_reply_start(vd, sizeof(struct vu_vring_state));
	vd->out.msg.payload.state = (struct vu_vring_state){
		.index = q->index,
		.num = q->setup.base,
	};
	return 0;
}

static int set_vring_kick(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	struct device *dev = vd->dev;
	int err;

	/* QEMU leaves out memory that it cannot share, and starts all the same. */
	if (!vd->dev->mem.count)
		return vu_refuse(vd, -EFAULT,
				 "the guest's memory is not shared (QEMU: -object memory-backend-memfd,id=m,size=...,share=on -machine memory-backend=m)");
	err = dev->ops->acquire ? dev->ops->acquire(dev) : 0;
	if (err)
		return vu_refuse(vd, err,
				 "what is behind it is in use by another program");
	/* Set up anew, so that what broke it before is over. */
	vq_stop(&q->vq);
	vu_take_fd(msg, &q->kick_fd);
	vu_set_nonblocking(q->kick_fd);
	q->started = true;
	return 0;
}

static int set_vring_call(struct vu_dev *vd, struct vu_msg *msg,
			  struct queue *q)
{
	static const u64 one = 1;

	vu_take_fd(msg, &q->call_fd);
	vu_set_nonblocking(q->call_fd);
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
	vu_take_fd(msg, &q->err_fd);
	vu_set_nonblocking(q->err_fd);
	return 0;
}

static int set_vring_enable(struct vu_dev *vd, struct vu_msg *msg,
			    struct queue *q)
{
	u32 enable = msg->payload.state.num;

	if (enable > 1)
		return vu_refuse(vd, -EINVAL, "%u; must be 0 or 1", enable);
	if (q->enabled == (bool)enable)
		return 0;
	WRITE_ONCE(q->enabled, enable);
	if (!enable && device_queue_consumes_disabled(q))
		queue_disable(q);
	if (q->dev->ops->queue_enabled)
		q->dev->ops->queue_enabled(q);
	return 0;
}

/* Handlers: the record of what is in flight */

static int check_inflight(struct vu_dev *vd, const struct vu_inflight *in)
{
	/* CVE-2021-3839: queues that the device does not have */
	if (!in->num_queues || in->num_queues > vd->dev->num_queues)
		return vu_refuse(vd, -EINVAL, "%u queues; the device has %u",
				 in->num_queues, vd->dev->num_queues);
	if (!in->queue_size || in->queue_size > VQ_SIZE_MAX)
		return vu_refuse(vd, -EINVAL,
				 "rings of %u entries; must be 1 to %u",
				 in->queue_size, VQ_SIZE_MAX);
	return 0;
}

/* A front end that asks before the features are known gets room for either. */
static bool may_be_packed(const struct device *dev)
{
	return !dev->features_known ||
	       (dev->features & BIT_ULL(VIRTIO_F_RING_PACKED));
}

static int get_inflight_fd(struct vu_dev *vd, struct vu_msg *msg,
			   struct queue *q)
{
	struct vu_inflight *in = &msg->payload.inflight;
	struct inflight_shape shape = {
		.num_queues = in->num_queues,
		.queue_size = in->queue_size,
	};
	int err, fd;

	err = check_inflight(vd, in);
	if (err)
		return err;
	fd = inflight_create(&shape, may_be_packed(vd->dev),
			     vd->dev->ops->note(vd->dev));
	if (fd < 0)
		return vu_refuse(vd, fd, "no memory for it: %s", strerror(-fd));
	vu_reply_start(vd, msg->hdr.size);
	vd->out.msg.payload.inflight = (struct vu_inflight){
		.mmap_size = shape.len,
		.mmap_offset = shape.offset,
		.num_queues = shape.num_queues,
		.queue_size = shape.queue_size,
	};
	vd->out.msg.fds[vd->out.msg.num_fds++] = fd;
	return 0;
}

static const char *map_error(int err)
{
	if (err == -EINVAL)
		return "empty, or not inside the file";
	if (err == -EPERM)
		return "not a memfd that can be sealed against shrinking";
	return strerror(-err);
}

static int set_inflight_fd(struct vu_dev *vd, struct vu_msg *msg,
			   struct queue *q)
{
	const struct vu_inflight *in = &msg->payload.inflight;
	const struct inflight_shape shape = {
		.len = in->mmap_size,
		.offset = in->mmap_offset,
		.num_queues = in->num_queues,
		.queue_size = in->queue_size,
	};
	int err;

	err = check_inflight(vd, in);
	if (err)
		return err;
	err = inflight_map(&vd->dev->inflight, &shape, msg->fds[0]);
	if (err)
		return vu_refuse(vd, err, "size 0x%llx, file offset 0x%llx: %s",
				 (unsigned long long)shape.len,
				 (unsigned long long)shape.offset,
				 map_error(err));
	vd->dev->ops->note_set(vd->dev);
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
		vu_reply_start(vd, msg->hdr.size);
		return 0;
	}
	log_ratelimited(&vd->limit, LOG_WARNING,
			"%s: front end asks for config space at %u, size %u: there is none",
			vd->dev->name, in->offset, in->size);
	vu_reply_start(vd, 0);
	return 0;
}

static int set_config(struct vu_dev *vd, struct vu_msg *msg, struct queue *q)
{
	const struct vu_config *c = &msg->payload.config;
	int err = -EPERM;

	if (!config_size_ok(msg))
		return vu_refuse(vd, -EINVAL, "offset %u, size %u in a payload of %u bytes",
				 c->offset, c->size, msg->hdr.size);
	if (c->flags == VU_CONFIG_FROM_DRIVER && vd->dev->ops->config_write)
		err = vd->dev->ops->config_write(vd->dev, c->offset, c->size,
						 c->data);
	if (err)
		return vu_refuse(vd, err, "offset %u, size %u, flags %u: not writable",
				 c->offset, c->size, c->flags);
	return 0;
}

static int set_backend_req_fd(struct vu_dev *vd, struct vu_msg *msg,
			      struct queue *q)
{
	int err = vu_channel_open(&vd->channel, vu_msg_take_fd(msg, 0));

	if (err)
		return vu_refuse(vd, err, "descriptor cannot be watched: %s",
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
	[VU_SET_LOG_BASE] = {
		.name = "SET_LOG_BASE",
		.handler = vu_set_log_base,
		.size = sizeof(struct vu_log),
		.fds = FDS_ONE,
		.states = IN_ANY,
		.needs = NEEDS(LOG_SHMFD),
		.reply = REPLY_OWN,
		.quiesce = QUIESCE_ALL,
		.keep = true,
	},
	[VU_SET_LOG_FD] = {
		.name = "SET_LOG_FD",
		.handler = vu_set_log_fd,
		.fds = FDS_ONE,
		.states = IN_ANY,
		.needs = NEEDS(LOG_SHMFD),
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
	[VU_GET_INFLIGHT_FD] = {
		.name = "GET_INFLIGHT_FD",
		.handler = get_inflight_fd,
		.size = offsetof(struct vu_inflight, padding),
		.room = sizeof(u32),
		.states = IN_ANY,
		.needs = NEEDS(INFLIGHT_SHMFD),
		.reply = REPLY_OWN,
	},
	[VU_SET_INFLIGHT_FD] = {
		.name = "SET_INFLIGHT_FD",
		.handler = set_inflight_fd,
		.size = offsetof(struct vu_inflight, padding),
		.room = sizeof(u32),
		.fds = FDS_ONE,
		.states = IN_ANY,
		.needs = NEEDS(INFLIGHT_SHMFD),
		.quiesce = QUIESCE_ALL,
		.keep = true,
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
	[VU_SEND_RARP] = {
		.name = "SEND_RARP",
		.handler = vu_send_rarp,
		.size = sizeof(u64),
		.states = IN_ANY,
		.needs = NEEDS(RARP),
	},
	[VU_NET_SET_MTU] = {
		.name = "NET_SET_MTU",
		.handler = vu_net_set_mtu,
		.size = sizeof(u64),
		.states = IN_ANY,
		.needs = NEEDS(MTU),
		.keep = true,
	},
	[VU_RESET_DEVICE] = {
		.name = "RESET_DEVICE",
		.handler = vu_reset_device,
		.states = IN_ANY,
		.needs = NEEDS(RESET_DEVICE),
		.quiesce = QUIESCE_ALL,
	},
	[VU_SET_STATUS] = {
		.name = "SET_STATUS",
		.handler = vu_set_status,
		.size = sizeof(u64),
		.states = IN_ANY,
		.needs = NEEDS(STATUS),
		.quiesce = QUIESCE_ALL,
	},
	[VU_GET_STATUS] = {
		.name = "GET_STATUS",
		.handler = vu_get_status,
		.states = IN_ANY,
		.needs = NEEDS(STATUS),
		.reply = REPLY_OWN,
	},
	[VU_SET_DEVICE_STATE_FD] = {
		.name = "SET_DEVICE_STATE_FD",
		.handler = vu_set_device_state_fd,
		.size = sizeof(struct vu_state_transfer),
		.fds = FDS_ONE,
		.states = IN_NO_RING,
		.needs = NEEDS(DEVICE_STATE),
		.reply = REPLY_OWN,
	},
	[VU_CHECK_DEVICE_STATE] = {
		.name = "CHECK_DEVICE_STATE",
		.handler = vu_check_device_state,
		.states = IN_NO_RING,
		.needs = NEEDS(DEVICE_STATE),
		.reply = REPLY_OWN,
	},
};

const struct vu_message *vu_message_find(u32 request)
{
	if (request >= VU_REQUEST_MAX || !messages[request].handler)
		return NULL;
	return &messages[request];
}
