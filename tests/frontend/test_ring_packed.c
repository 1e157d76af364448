// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ring_packed - packed rings that lie: lists, ids, wrap counters, tables
 *
 * As test_ring, for what the packed layout has of its own.  Descriptors are
 * placed by the front end's driver state, so that the ring goes on from there.
 */
#include "ring.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEXT	 VRING_DESC_F_NEXT
#define WRITE	 VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED	(1u << VRING_PACKED_DESC_F_USED)

#define NO_INDIRECT BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)

#define SIZE 16

static struct ring open_ring(u64 no_features, u16 size)
{
	const struct drv_dev_conf conf = {
		.no_features = no_features,
		.require = DRV_PACKED,
		.queue_size = size,
	};

	return ring_open(&conf);
}

/** struct part - a descriptor to be; its flags without whose it is */
struct part {
	u64 addr;
	u32 len;
	u16 flags;
	u16 id;
};

/* A read of 4 KiB as it should be. */
static void good_list(struct ring *r, struct part p[3])
{
	ring_request(r);
	p[0] = (struct part){ r->disk->req.head_gpa, 16, NEXT, 0 };
	p[1] = (struct part){ r->disk->buf, 4096, NEXT | WRITE, 0 };
	p[2] = (struct part){ ring_status_gpa(r), 1, WRITE, 0 };
}

static void fill(struct vring_packed_desc *d, const struct part *p)
{
	d->addr = (__force __le64)htole64(p->addr);
	d->len = (__force __le32)htole32(p->len);
	d->id = (__force __le16)htole16(p->id);
}

static void flags_set(struct vring_packed_desc *d, u16 flags)
{
	/* As in drv_packed: pairs with the device's acquire of these flags. */
	__atomic_store_n((u16 *)&d->flags, htole16(flags), __ATOMIC_RELEASE);
}

/* What makes the descriptor @at places after the driver's position available. */
static u16 whose(const struct ring *r, unsigned int at)
{
	const struct drv_packed *p = &r->vq->packed;
	bool wrap = p->avail_wrap ^ (p->avail + at >= r->vq->size);

	return wrap ? F_AVAIL : F_USED;
}

static struct vring_packed_desc *desc_at(const struct ring *r, unsigned int at)
{
	return &r->vq->packed.desc[(r->vq->packed.avail + at) % r->vq->size];
}

/* Into the ring, the first one's flags last; @flip as in go_flipped(). */
static void place(struct ring *r, const struct part *p, unsigned int n,
		  unsigned int which, u16 flip)
{
	while (n--) {
		u16 flags = p[n].flags ^ whose(r, n);

		fill(desc_at(r, n), &p[n]);
		flags_set(desc_at(r, n), n == which ? flags ^ flip : flags);
	}
}

/* With bits of descriptor @which's flags the other way round. */
static void go_flipped(struct ring *r, const struct part *p, unsigned int n,
		       unsigned int which, u16 flip)
{
	place(r, p, n, which, flip);
	drv_vq_kick_always(r->vq);
}

static void go(struct ring *r, const struct part *p, unsigned int n)
{
	go_flipped(r, p, n, n, 0);
}

/* Lists and ids */

static void list(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	go(r, p, 3);
}

static void id_is_size(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	p[2].id = SIZE;
	go(r, p, 3);
}

static void id_is_max(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	p[2].id = 0xffff;
	go(r, p, 3);
}

/* Only the last one's id counts. */
static void other_ids_are_ignored(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	p[0].id = 0xffff;
	p[1].id = SIZE;
	go(r, p, 3);
}

static void list_ends_in_nothing(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	go(r, p, 2);
}

static void list_of_all(struct ring *r)
{
	struct part p[SIZE];
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		p[i] = (struct part){ r->disk->buf, 512, NEXT, 0 };
	go(r, p, SIZE);
}

static void list_of_all_empty(struct ring *r)
{
	struct part p[SIZE];
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		p[i] = (struct part){ r->disk->buf, 0, NEXT, 0 };
	go(r, p, SIZE);
}

static void write_before_read(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	p[0].flags |= WRITE;
	p[2].flags = 0;
	go(r, p, 3);
}

static void all_empty(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	p[0].len = 0;
	p[1].len = 0;
	p[2].len = 0;
	go(r, p, 3);
}

static void one_empty(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	p[1].len = 0;
	go(r, p, 3);
}

static void unknown_flags(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	p[0].flags |= 0x7f78;
	p[1].flags |= 0x7f78;
	p[2].flags |= 0x7f78;
	go(r, p, 3);
}

/* Addresses */

static void data_at(struct ring *r, u64 gpa, u32 len)
{
	struct part p[3];

	good_list(r, p);
	p[1].addr = gpa;
	p[1].len = len;
	go(r, p, 3);
}

static void address_outside(struct ring *r)
{
	data_at(r, 1ull << 40, 4096);
}

static void address_wraps(struct ring *r)
{
	data_at(r, UINT64_MAX - 100, 4096);
}

static void address_just_past_end(struct ring *r)
{
	data_at(r, RING_RAM - 4095, 4096);
}

static void length_max(struct ring *r)
{
	data_at(r, r->disk->buf, 0xffffffff);
}

static void data_on_last_byte(struct ring *r)
{
	data_at(r, RING_RAM - 4096, 4096);
}

static void data_over_ring(struct ring *r)
{
	data_at(r, r->vq->ring.desc - r->disk->dev.mem.region[0].uva,
		SIZE * 16 / 512 * 512 ?: 512);
}

/* Whose a descriptor is, and wrap counters */

static void advance_to(struct ring *r, u16 at)
{
	while (r->vq->packed.avail != at)
		assert_int_equal(disk_io(r->disk, 0, VIRTIO_BLK_T_IN, 0,
					 r->disk->buf, 4096),
				 VIRTIO_BLK_S_OK);
}

static void list_round_the_end(struct ring *r)
{
	advance_to(r, SIZE - 1);
	list(r);
}

/* The part at the start of the ring says that it is of the round before. */
static void list_into_the_old_round(struct ring *r)
{
	struct part p[3];

	advance_to(r, SIZE - 1);
	good_list(r, p);
	go_flipped(r, p, 3, 1, F_AVAIL | F_USED);
}

static void middle_used(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	go_flipped(r, p, 3, 1, F_USED);
}

/* Not made available: nothing to take, nothing wrong. */
static void first_of_other_round(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	go_flipped(r, p, 3, 0, F_AVAIL | F_USED);
}

static void first_marked_used(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	go_flipped(r, p, 3, 0, F_USED);
}

/* Everything there is, in both rounds, as fast as it is used. */
static void available_for_ever(struct ring *r)
{
	struct part p[SIZE];
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		p[i] = (struct part){ r->disk->buf, 512, 0, (u16)i };
	for (i = 0; i < 200; i++) {
		place(r, p, SIZE, SIZE, 0);
		drv_vq_kick_always(r->vq);
		r->vq->packed.avail_wrap = !r->vq->packed.avail_wrap;
	}
}

static void ring_of_ones(struct ring *r)
{
	memset(r->vq->packed.desc, 0xff, sizeof(*r->vq->packed.desc) * SIZE);
	drv_vq_kick_always(r->vq);
}

static void event_reserved(struct ring *r)
{
	*r->vq->packed.driver_event = 0xffffffff;
	list(r);
}

static void event_far_away(struct ring *r)
{
	*r->vq->packed.driver_event = VRING_PACKED_EVENT_FLAG_DESC << 16 |
				      0x7fff;
	list(r);
}

static void device_event_garbage(struct ring *r)
{
	*r->vq->packed.device_event = 0xdeadbeef;
	list(r);
}

/* Tables */

static void table_put(struct ring *r, const struct part *p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		fill(&r->packed_table[i], &p[i]);
		flags_set(&r->packed_table[i], p[i].flags);
	}
}

static void table_good(struct ring *r)
{
	struct part p[3];

	good_list(r, p);
	table_put(r, p, 3);
}

static void indirect_go(struct ring *r, u64 addr, u32 len, u16 flags)
{
	const struct part p = { addr, len, INDIRECT | flags, 0 };

	table_good(r);
	go(r, &p, 1);
}

static void indirect_good(struct ring *r)
{
	indirect_go(r, r->table_gpa, 48, 0);
}

/* virtio 1.3, 2.8.7: the device ignores WRITE there. */
static void indirect_write_flag(struct ring *r)
{
	indirect_go(r, r->table_gpa, 48, WRITE);
}

/* And in the table all but WRITE: no NEXT, no nesting, no ids. */
static void indirect_flags_in_table(struct ring *r)
{
	const struct part all = { r->table_gpa, 48, INDIRECT, 0 };
	struct part p[3];
	unsigned int i;

	good_list(r, p);
	for (i = 0; i < 3; i++) {
		p[i].flags = (u16)((p[i].flags & WRITE) | (0xfffd & ~NEXT));
		p[i].id = 0xffff;
	}
	table_put(r, p, 3);
	go(r, &all, 1);
}

static void indirect_with_next(struct ring *r)
{
	struct part p[2] = { { r->table_gpa, 48, INDIRECT | NEXT, 0 },
			     { r->disk->buf, 1, WRITE, 0 } };

	table_good(r);
	go(r, p, 2);
}

static void indirect_after_direct(struct ring *r)
{
	struct part p[2] = { { r->disk->req.head_gpa, 16, NEXT, 0 },
			     { r->table_gpa, 48, INDIRECT, 0 } };

	table_good(r);
	go(r, p, 2);
}

static void indirect_odd_length(struct ring *r)
{
	indirect_go(r, r->table_gpa, 47, 0);
}

static void indirect_empty(struct ring *r)
{
	indirect_go(r, r->table_gpa, 0, 0);
}

static void indirect_huge(struct ring *r)
{
	indirect_go(r, r->table_gpa, 0xfffffff0, 0);
}

static void indirect_table_outside(struct ring *r)
{
	indirect_go(r, 1ull << 50, 48, 0);
}

static void indirect_table_past_end(struct ring *r)
{
	indirect_go(r, RING_RAM - 16, 48, 0);
}

static void indirect_table_over_border(struct ring *r)
{
	indirect_go(r, RING_RAM / 2 - 16, 48, 0);
}

static void indirect_endless(struct ring *r)
{
	const u32 count = 32768;
	const struct part all = { r->table_gpa, count * 16, INDIRECT, 0 };
	u32 i;

	for (i = 0; i < count; i++) {
		const struct part p = { r->disk->buf, 512, i ? WRITE : 0, 0 };

		fill(&r->packed_table[i], &p);
		flags_set(&r->packed_table[i], p.flags);
	}
	go(r, &all, 1);
}

static const struct hostile table[] = {
	{ "list: good", GOOD, list, 0 },
	{ "list: id = size", BROKEN, id_is_size, 0 },
	{ "list: id = 65535", BROKEN, id_is_max, 0 },
	{ "list: ids of other parts", GOOD, other_ids_are_ignored, 0 },
	{ "list: ends in nothing", BROKEN, list_ends_in_nothing, 0 },
	{ "list: of all", BROKEN, list_of_all, 0 },
	{ "list: of all, empty", BROKEN, list_of_all_empty, 0 },
	{ "list: write before read", BROKEN, write_before_read, 0 },
	{ "list: all empty", FAILED, all_empty, 0 },
	{ "list: one empty", ALIVE, one_empty, 0 },
	{ "list: unknown flags", GOOD, unknown_flags, 0 },
	{ "address: outside", BROKEN, address_outside, 0 },
	{ "address: wraps", BROKEN, address_wraps, 0 },
	{ "address: one byte past the end", BROKEN, address_just_past_end, 0 },
	{ "address: length 2^32 - 1", BROKEN, length_max, 0 },
	{ "address: last bytes", GOOD, data_on_last_byte, 0 },
	{ "address: the ring itself", ALIVE, data_over_ring, 0 },
	{ "wrap: list round the end", GOOD, list_round_the_end, 0 },
	{ "wrap: list into the old round", BROKEN, list_into_the_old_round, 0 },
	{ "wrap: used in the middle", BROKEN, middle_used, 0 },
	{ "wrap: first of the other round", ALIVE, first_of_other_round, 0 },
	{ "wrap: first marked used", ALIVE, first_marked_used, 0 },
	{ "wrap: available for ever", ALIVE, available_for_ever, 0 },
	{ "wrap: ring of ones", ALIVE, ring_of_ones, 0 },
	{ "event: reserved flags", GOOD, event_reserved, 0 },
	{ "event: outside the ring", GOOD, event_far_away, 0 },
	{ "event: garbage in the device's", GOOD, device_event_garbage, 0 },
	{ "indirect: good", GOOD, indirect_good, 0 },
	{ "indirect: WRITE is ignored", GOOD, indirect_write_flag, 0 },
	{ "indirect: flags in the table", GOOD, indirect_flags_in_table, 0 },
	{ "indirect: not negotiated", BROKEN, indirect_good, NO_INDIRECT },
	{ "indirect: with NEXT", BROKEN, indirect_with_next, 0 },
	{ "indirect: after direct", BROKEN, indirect_after_direct, 0 },
	{ "indirect: length 47", BROKEN, indirect_odd_length, 0 },
	{ "indirect: length 0", BROKEN, indirect_empty, 0 },
	{ "indirect: length 2^32 - 16", BROKEN, indirect_huge, 0 },
	{ "indirect: table outside", BROKEN, indirect_table_outside, 0 },
	{ "indirect: table past the end", BROKEN, indirect_table_past_end, 0 },
	{ "indirect: table over a border", ALIVE, indirect_table_over_border,
	  0 },
	{ "indirect: list of 32768", BROKEN, indirect_endless, 0 },
};

static void hostile(void **state)
{
	const struct hostile *h = *state;
	struct ring r = open_ring(h->no_features, SIZE);

	disk_works(r.disk);
	h->act(&r);
	ring_check_end(&r, h->end);
	ring_revive(&r);
	disk_close(r.disk);
}

/*
 * vhost-user, "Vring descriptor indices for packed virtqueues": a position that
 * the ring has not.  The front end is at fault and loses the connection.
 */
static void base_outside(void **state)
{
	static const u32 bad[] = { SIZE, 0x7fff, 0x8000 | SIZE, 0xffffffff };
	unsigned int i;
	u32 base;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ring r = open_ring(0, SIZE);
		struct vu_fe *fe = &r.disk->dev.fe;

		fe_ok(fe, vu_fe_get_vring_base(fe, 0, &base));
		r.vq->ring.base = bad[i];
		err = vu_fe_ring_start(fe, &r.vq->ring);
		if (!err)
			err = vu_fe_get_vring_base(fe, 0, &base);
		assert_int_equal(err, -EPIPE);
		disk_close(r.disk);
	}
}

/* Double fetch: the other CPU changes descriptors all the time. */

struct flipper {
	struct ring *r;
	bool stop;
};

static void *flip(void *arg)
{
	struct flipper *f = arg;
	struct vring_packed_desc *d = f->r->vq->packed.desc;
	struct vring_packed_desc *t = f->r->packed_table;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		WRITE_ONCE(d[0].len, 0xffffffff);
		WRITE_ONCE(d[0].id, 0xffff);
		WRITE_ONCE(t[1].addr, UINT64_MAX - 64);
		WRITE_ONCE(t[1].len, 0xffffffff);
		WRITE_ONCE(t[2].flags, 0);
		WRITE_ONCE(d[0].len, 48);
		WRITE_ONCE(d[0].id, 0);
		WRITE_ONCE(t[1].addr, f->r->disk->buf);
		WRITE_ONCE(t[1].len, 4096);
		WRITE_ONCE(t[2].flags, WRITE);
	}
	return NULL;
}

static void double_fetch(void **state)
{
	struct ring r = open_ring(0, 1);
	const struct part all = { r.table_gpa, 48, INDIRECT, 0 };
	struct vu_fe *fe = &r.disk->dev.fe;
	struct flipper f = { .r = &r };
	pthread_t thread;
	unsigned int i;

	(void)state;
	table_good(&r);
	assert_int_equal(pthread_create(&thread, NULL, flip, &f), 0);
	for (i = 0; i < 1500; i++) {
		go(&r, &all, 1);
		usleep(100);
		r.vq->packed.avail_wrap = !r.vq->packed.avail_wrap;
		if (!ring_readable(r.vq->ring.err_fd, 0))
			continue;
		fe_ok(fe, vu_fe_get_vring_base(fe, 0, &r.vq->ring.base));
		drv_vq_reset(r.vq);
		fe_ok(fe, vu_fe_ring_start(fe, &r.vq->ring));
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	disk_close(r.disk);
}

static struct part random_part(const struct ring *r, unsigned int *seed)
{
	struct part p = {
		.addr = rand_r(seed) & 1 ? (u64)rand_r(seed) % RING_RAM :
					   (u64)rand_r(seed) << 33,
		.len = rand_r(seed) & 7 ? (u32)rand_r(seed) % 70000 :
					  (u32)rand_r(seed) * 2,
		.flags = (u16)(rand_r(seed) % 8),
		.id = (u16)(rand_r(seed) % (SIZE + 1)),
	};

	if (p.flags & INDIRECT && rand_r(seed) & 3) {
		p.addr = r->table_gpa;
		p.len = (u32)(rand_r(seed) % 66) * 16;
	}
	return p;
}

/* Whatever lies in the ring, often close to something right. */
static void random_rings(void **state)
{
	struct ring r = open_ring(0, SIZE);
	struct vu_fe *fe = &r.disk->dev.fe;
	unsigned int seed = fixture_seed();
	struct part p[64];
	unsigned int i;
	unsigned int k;

	(void)state;
	for (i = 0; i < 400; i++) {
		drv_vq_reset(r.vq);
		for (k = 0; k < ARRAY_SIZE(p); k++)
			p[k] = random_part(&r, &seed);
		table_put(&r, p, ARRAY_SIZE(p));
		place(&r, p, 1 + (u32)rand_r(&seed) % SIZE,
		      (u32)rand_r(&seed) % SIZE,
		      rand_r(&seed) & 1 ? 0 : F_AVAIL | F_USED);
		*r.vq->packed.driver_event = (u32)rand_r(&seed) * 2;
		fe_ok(fe, vu_fe_ring_start(fe, &r.vq->ring));
		drv_vq_kick_always(r.vq);
		if (i % 4)
			usleep(500);
		fe_ok(fe, vu_fe_get_vring_base(fe, 0, &r.vq->ring.base));
	}
	drv_vq_reset(r.vq);
	fe_ok(fe, vu_fe_ring_start(fe, &r.vq->ring));
	disk_works(r.disk);
	disk_close(r.disk);
}

static const struct CMUnitTest more[] = {
	cmocka_unit_test_teardown(base_outside, fixture_after),
	cmocka_unit_test_teardown(double_fetch, fixture_after),
	cmocka_unit_test_teardown(random_rings, fixture_after),
};

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(table) + ARRAY_SIZE(more)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		tests[i] = (struct CMUnitTest){
			.name = table[i].name,
			.test_func = hostile,
			.teardown_func = fixture_after,
			.initial_state = (void *)(uintptr_t)&table[i],
		};
	memcpy(tests + i, more, sizeof(more));
	return fixture_run("ring_packed", tests, ARRAY_SIZE(tests));
}
