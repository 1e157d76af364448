// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring - a virtqueue under fuzz: what split and packed rings have in common
 */
#include "ring.h"

#include <errno.h>
#include <linux/virtio_config.h>

#define COMMANDS_MAX 400

static struct iovec iov[VQ_CHAIN_IOV_MAX];

/* Beside the VRING_DESC_F_* bits in an input's flag byte. */
#define DESC_LONG 0x40
#define DESC_HIGH 0x80

struct ring_desc ring_desc_take(struct fuzz_input *in)
{
	struct ring_desc d = { .addr = fuzz_u16(in) };
	u8 flags;

	d.len = fuzz_u16(in);
	flags = fuzz_u8(in);
	d.next = fuzz_u8(in);
	d.flags = flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE |
			   VRING_DESC_F_INDIRECT);
	if (flags & DESC_LONG) {
		d.len <<= 16;
		d.next = (u16)(d.next * 257);
	}
	if (flags & DESC_HIGH)
		d.addr |= 0xffffffffffff0000;
	return d;
}

/* Exactly as long as its shape says; some have had another owner. */
static void record_take(struct ring *r, struct fuzz_input *in, bool foreign)
{
	bool packed = r->driver->features & BIT_ULL(VIRTIO_F_RING_PACKED);
	struct inflight_part *part = &r->setup.inflight;
	u16 room = (u16)min(r->setup.size, 1024U);

	part->queue_size = room;
	part->len = packed ? sizeof(struct inflight_packed) +
				     room * sizeof(struct inflight_packed_desc) :
			     sizeof(struct inflight_split) +
				     room * sizeof(struct inflight_split_desc);
	part->hva = calloc(1, part->len);
	if (!part->hva)
		abort();
	r->setup.inflight_fault = &r->fault;
	if (foreign)
		fuzz_bytes(in, part->hva, min((size_t)fuzz_u8(in), part->len));
}

static u64 area_take(struct fuzz_input *in, bool regular, u64 gpa)
{
	return GUEST_UVA + (regular ? gpa : fuzz_u16(in));
}

static void setup_take(struct ring *r, struct fuzz_input *in)
{
	u8 how = fuzz_u8(in);
	bool regular = !(how & 0x80);

	r->setup = (struct vq_setup){
		.mem = guest_memory(),
		.features = r->driver->features |
			    (r->driver->choices &
			     ((u64)fuzz_u8(in) << VIRTIO_RING_F_INDIRECT_DESC |
			      (u64)fuzz_u8(in) << 32)),
		.size = how & 0x40 ? fuzz_u16(in) : 1U << (how & 7),
	};
	r->setup.desc_uva = area_take(in, regular, RING_DESC);
	r->setup.avail_uva = area_take(in, regular, RING_AVAIL);
	r->setup.used_uva = area_take(in, regular, RING_USED);
	if (how & 0x20)
		r->setup.base = fuzz_u32(in) & r->driver->base_mask;
	if (how & 0x08)
		record_take(r, in, how & 0x10);
}

/* A ring that is started stands where it was told to. */
static bool start(struct ring *r)
{
	struct vq before = r->vq;

	if (vq_start(&r->vq, &r->setup)) {
		FUZZ_CHECK(!memcmp(&before, &r->vq, sizeof(before)));
		vq_stop(&r->vq);
		return false;
	}
	FUZZ_CHECK(r->vq.size == r->setup.size && r->vq.size > 0);
	FUZZ_CHECK(!vq_broken(&r->vq));
	r->num_popped = 0;
	r->num_pushed = 0;
	r->fresh = 0;
	return true;
}

/* Both ends of each piece are memory that the device may use. */
static void touch(const struct vq_chain *c)
{
	for (unsigned int i = 0; i < c->in_num; i++) {
		u8 *p = c->iov[c->out_num + i].iov_base;

		p[0] = 0x5a;
		p[c->iov[c->out_num + i].iov_len - 1] = 0x5a;
	}
}

/* A layout that keeps a record by id never gives the same one twice. */
static void check_new(const struct ring *r, u16 id)
{
	for (unsigned int i = 0; r->vq.slots && i < r->num_popped; i++)
		FUZZ_CHECK(r->popped[i] != id);
}

static void check_chain(const struct ring *r, const struct vq_chain *c)
{
	FUZZ_CHECK(c->id < r->vq.size);
	check_new(r, c->id);
	FUZZ_CHECK((u32)c->out_num + c->in_num > 0);
	FUZZ_CHECK((u32)c->out_num + c->in_num <= c->iov_max);
	FUZZ_CHECK(guest_check_iov(c->iov, c->out_num) == c->out_len);
	FUZZ_CHECK(guest_check_iov(c->iov + c->out_num, c->in_num) ==
		   c->in_len);
}

static void pop(struct ring *r, struct fuzz_input *in)
{
	u8 room = fuzz_u8(in);
	struct vq_chain c = {
		.iov = iov,
		.iov_max = room ? room : VQ_CHAIN_IOV_MAX,
	};
	bool broken = vq_broken(&r->vq);
	int ret;

	/* A device holds no more than the ring has. */
	if (r->num_popped >= min((u32)r->vq.size,
				 (u32)ARRAY_SIZE(r->popped)))
		return;
	ret = vq_pop(&r->vq, &c);
	FUZZ_CHECK(ret == 1 || ret == 0 || ret == -EPROTO);
	FUZZ_CHECK((ret == -EPROTO) == vq_broken(&r->vq));
	FUZZ_CHECK(!broken || ret == -EPROTO);
	if (ret != 1)
		return;
	check_chain(r, &c);
	touch(&c);
	r->popped[r->num_popped++] = c.id;
	r->fresh++;
}

static void push(struct ring *r, struct fuzz_input *in)
{
	u8 which = fuzz_u8(in);
	unsigned int i;

	if (!r->num_popped)
		return;
	i = which % r->num_popped;
	vq_push(&r->vq, r->popped[i], fuzz_u16(in));
	if (r->num_pushed < ARRAY_SIZE(r->pushed))
		r->pushed[r->num_pushed++] = r->popped[i];
	r->num_popped--;
	memmove(&r->popped[i], &r->popped[i + 1],
		(r->num_popped - i) * sizeof(r->popped[0]));
	r->fresh = 0;
}

static void publish(struct ring *r)
{
	bool call = vq_publish(&r->vq);

	FUZZ_CHECK(!call || !vq_broken(&r->vq));
	FUZZ_CHECK(!vq_publish(&r->vq));
	/* With IN_ORDER some may still wait for their turn. */
	if (!r->vq.order)
		r->num_pushed = 0;
}

static void unpop(struct ring *r, struct fuzz_input *in)
{
	unsigned int n = fuzz_u8(in) % (r->fresh + 1);

	/* Not with a record: no device that unpops has one. */
	if (vq_broken(&r->vq) || r->vq.track)
		return;
	r->fresh -= n;
	while (n--)
		vq_unpop(&r->vq, r->popped[--r->num_popped]);
}

static void notify(struct ring *r, struct fuzz_input *in)
{
	bool more;

	if (fuzz_u8(in) & 1) {
		vq_notify_off(&r->vq);
		return;
	}
	more = vq_notify_on(&r->vq);
	FUZZ_CHECK(more == vq_pending(&r->vq));
	FUZZ_CHECK(!more || !vq_broken(&r->vq));
}

static void write_raw(struct fuzz_input *in)
{
	u8 buf[256];
	u16 gpa = fuzz_u16(in);
	u8 len = fuzz_u8(in);

	fuzz_bytes(in, buf, len);
	guest_write(gpa, buf, len);
}

/* GET_VRING_BASE and back: nothing in flight, the position goes on. */
static bool restart(struct ring *r)
{
	if (r->num_popped || vq_broken(&r->vq))
		return true;
	publish(r);
	r->setup.base = vq_base(&r->vq);
	return start(r);
}

/* All that is not yet the driver's, among it what no one has popped again. */
static unsigned int outstanding(const struct ring *r, u16 *ids)
{
	const struct inflight_track *t = r->vq.track;
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->num_popped; i++)
		ids[n++] = r->popped[i];
	for (unsigned int i = 0; i < r->num_pushed; i++)
		ids[n++] = r->pushed[i];
	for (unsigned int i = t->again_next; i < t->recovered; i++)
		ids[n++] = t->again[i];
	return n;
}

static bool among(const u16 *ids, unsigned int count, u16 id)
{
	for (unsigned int i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/*
 * The daemon dies here, and another one goes on with the record: nothing comes
 * back of what the driver has got back, and nothing twice.
 */
static bool killed(struct ring *r)
{
	static u16 ids[3 * VQ_SIZE_MAX];
	const struct inflight_track *t;
	unsigned int n;

	if (!r->vq.track || vq_broken(&r->vq) ||
	    r->num_pushed == ARRAY_SIZE(r->pushed))
		return true;
	n = outstanding(r, ids);
	r->setup.base = vq_base(&r->vq);
	/* The guest may have changed what the record is checked against. */
	if (!start(r))
		return false;
	t = r->vq.track;
	FUZZ_CHECK(t->recovered <= n);
	for (unsigned int i = 0; i < t->recovered; i++) {
		FUZZ_CHECK(among(ids, n, t->again[i]));
		FUZZ_CHECK(!among(t->again, i, t->again[i]));
	}
	return true;
}

enum command {
	CMD_DESC,
	CMD_TABLE_DESC,
	CMD_AVAILABLE,
	CMD_JUMP,
	CMD_POP,
	CMD_PUSH,
	CMD_PUBLISH,
	CMD_UNPOP,
	CMD_NOTIFY,
	CMD_RAW,
	CMD_RESTART,
	CMD_KILLED,
	CMD_MAX
};

static bool command(struct ring *r, struct fuzz_input *in)
{
	switch (fuzz_u8(in) % CMD_MAX) {
	case CMD_DESC:
		r->driver->desc_write(r, in, RING_DESC);
		break;
	case CMD_TABLE_DESC:
		r->driver->desc_write(r, in, fuzz_u16(in));
		break;
	case CMD_AVAILABLE:
		r->driver->available(r, in);
		break;
	case CMD_JUMP:
		r->driver->jump(r, in);
		break;
	case CMD_POP:
		pop(r, in);
		break;
	case CMD_PUSH:
		push(r, in);
		break;
	case CMD_PUBLISH:
		publish(r);
		break;
	case CMD_UNPOP:
		unpop(r, in);
		break;
	case CMD_NOTIFY:
		notify(r, in);
		break;
	case CMD_RAW:
		write_raw(in);
		break;
	case CMD_RESTART:
		return restart(r);
	case CMD_KILLED:
		return killed(r);
	}
	return true;
}

void ring_run(const struct ring_driver *driver, struct fuzz_input *in)
{
	static struct ring r;

	memset(&r, 0, sizeof(r));
	r.driver = driver;
	r.wrap = true;
	setup_take(&r, in);
	if (start(&r)) {
		for (unsigned int i = 0; in->left && i < COMMANDS_MAX; i++)
			if (!command(&r, in))
				break;
		vq_stop(&r.vq);
	}
	free(r.setup.inflight.hva);
}
