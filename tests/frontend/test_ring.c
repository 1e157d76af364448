// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ring - rings that lie: chains, indirect tables, indices, addresses
 *
 * A driver that breaks the ring's rules loses that queue: the error eventfd is
 * signalled, nothing comes back, the daemon lives, and after GET_VRING_BASE the
 * ring can be set up anew.  What is odd but allowed must work.
 */
#include "ring.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NEXT	 VRING_DESC_F_NEXT
#define WRITE	 VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

#define NO_INDIRECT  BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define NO_EVENT_IDX BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

static struct ring open_ring(const struct hostile *h)
{
	const struct drv_dev_conf conf = {
		.no_features = h ? h->no_features : 0,
	};

	return ring_open(&conf);
}

static void desc_set(struct vring_desc *d, u64 addr, u32 len, u16 flags,
		     u16 next)
{
	*d = (struct vring_desc){ addr, len, flags, next };
}

/* A read of 4 KiB as it should be, in @d[0..2]. */
static void good_chain(struct ring *r, struct vring_desc *d)
{
	ring_request(r);
	desc_set(&d[0], r->disk->req.head_gpa, 16, NEXT, 1);
	desc_set(&d[1], r->disk->buf, 4096, NEXT | WRITE, 2);
	desc_set(&d[2], ring_status_gpa(r), 1, WRITE, 0);
}

static void avail_set(struct ring *r, u16 head)
{
	r->vq->avail->ring[r->vq->avail_next++ & (r->vq->size - 1)] = head;
}

/* Publish and kick whatever the device says it wants. */
static void go(struct ring *r)
{
	__atomic_store_n(&r->vq->avail->idx, r->vq->avail_next,
			 __ATOMIC_RELEASE);
	drv_vq_kick_always(r->vq);
}

static void go_with(struct ring *r, u16 head)
{
	avail_set(r, head);
	go(r);
}

static void good_then(struct ring *r)
{
	good_chain(r, r->vq->desc);
}

/* 3. Chains. */

static void head_is_size(struct ring *r)
{
	go_with(r, r->vq->size);
}

static void head_is_max(struct ring *r)
{
	go_with(r, 0xffff);
}

static void next_is_size(struct ring *r)
{
	good_then(r);
	r->vq->desc[0].next = r->vq->size;
	go_with(r, 0);
}

static void next_is_max(struct ring *r)
{
	good_then(r);
	r->vq->desc[1].next = 0xffff;
	go_with(r, 0);
}

static void loop_of_one(struct ring *r)
{
	good_then(r);
	r->vq->desc[0].next = 0;
	go_with(r, 0);
}

static void loop_of_writable(struct ring *r)
{
	good_then(r);
	desc_set(&r->vq->desc[2], ring_status_gpa(r), 1, WRITE | NEXT, 1);
	go_with(r, 0);
}

static void loop_of_all(struct ring *r)
{
	u16 i;

	for (i = 0; i < r->vq->size; i++)
		desc_set(&r->vq->desc[i], r->disk->buf, 1, NEXT,
			 (u16)((i + 1) % r->vq->size));
	go_with(r, 5);
}

static void loop_of_empty(struct ring *r)
{
	u16 i;

	for (i = 0; i < r->vq->size; i++)
		desc_set(&r->vq->desc[i], r->disk->buf, 0, NEXT,
			 (u16)((i + 1) % r->vq->size));
	go_with(r, 0);
}

static void write_before_read(struct ring *r)
{
	good_then(r);
	r->vq->desc[0].flags |= WRITE;
	r->vq->desc[2].flags &= (u16)~WRITE;
	go_with(r, 0);
}

static void all_empty(struct ring *r)
{
	good_then(r);
	r->vq->desc[0].len = 0;
	r->vq->desc[1].len = 0;
	r->vq->desc[2].len = 0;
	go_with(r, 0);
}

static void one_empty(struct ring *r)
{
	good_then(r);
	r->vq->desc[1].len = 0;
	go_with(r, 0);
}

static void unknown_flags(struct ring *r)
{
	good_then(r);
	r->vq->desc[0].flags |= 0xfff8;
	r->vq->desc[1].flags |= 0xfff8;
	r->vq->desc[2].flags |= 0xfff8;
	go_with(r, 0);
}

/* The same chain several times at once; each comes back. */
static void same_head_again(struct ring *r)
{
	unsigned int i;

	good_then(r);
	for (i = 0; i < r->vq->size; i++)
		avail_set(r, 0);
	go(r);
}

/*
 * The same with a table that the guest has more memory for: what lies behind
 * the ring's last entry looks right, and is no part of the ring.
 */
static u16 halve_ring(struct ring *r)
{
	struct vu_fe *fe = &r->disk->dev.fe;
	const u16 half = r->vq->size / 2;
	struct vu_ring ring;

	fe_ok(fe, vu_fe_get_vring_base(fe, 0, &r->vq->ring.base));
	drv_vq_reset(r->vq);
	ring = r->vq->ring;
	ring.num = half;
	fe_ok(fe, vu_fe_ring_start(fe, &ring));
	good_chain(r, r->vq->desc);
	return half;
}

static void head_behind_half_ring(struct ring *r)
{
	u16 half = halve_ring(r);

	memcpy(&r->vq->desc[half], r->vq->desc, 3 * sizeof(*r->vq->desc));
	go_with(r, half);
}

static void next_behind_half_ring(struct ring *r)
{
	u16 half = halve_ring(r);

	r->vq->desc[half] = r->vq->desc[1];
	r->vq->desc[0].next = half;
	go_with(r, 0);
}

/* 1. Addresses. */

static void data_at(struct ring *r, u64 gpa, u32 len)
{
	good_then(r);
	r->vq->desc[1].addr = gpa;
	r->vq->desc[1].len = len;
	go_with(r, 0);
}

static void address_outside(struct ring *r)
{
	data_at(r, 1ull << 40, 4096);
}

static void address_wraps(struct ring *r)
{
	data_at(r, UINT64_MAX - 100, 4096);
}

static void address_max(struct ring *r)
{
	data_at(r, UINT64_MAX, 1);
}

static void address_past_end(struct ring *r)
{
	data_at(r, RING_RAM - 2048, 4096);
}

static void address_just_past_end(struct ring *r)
{
	data_at(r, RING_RAM - 4095, 4096);
}

static void length_max(struct ring *r)
{
	data_at(r, r->disk->buf, 0xffffffff);
}

static void lengths_that_wrap(struct ring *r)
{
	good_then(r);
	desc_set(&r->vq->desc[1], r->disk->buf, 0x80000000, NEXT | WRITE, 3);
	desc_set(&r->vq->desc[3], r->disk->buf, 0x80000200, NEXT | WRITE, 2);
	go_with(r, 0);
}

static void address_of_uva(struct ring *r)
{
	data_at(r, r->disk->dev.mem.region[0].uva, 4096);
}

static void data_on_last_byte(struct ring *r)
{
	data_at(r, RING_RAM - 4096, 4096);
}

/* A buffer that is the ring itself: our data or the ring's, nobody else's. */
static void data_over_ring(struct ring *r)
{
	data_at(r, r->vq->ring.avail - r->disk->dev.mem.region[0].uva, 4096);
}

/* 4. Indirect. */

static void indirect_go(struct ring *r, u32 len, u16 flags)
{
	desc_set(&r->vq->desc[0], r->table_gpa, len, flags, 0);
	go_with(r, 0);
}

static void indirect_good(struct ring *r)
{
	good_chain(r, r->table);
	indirect_go(r, 48, INDIRECT);
}

/* virtio 1.3, 2.7.5.3.2: the device ignores WRITE there. */
static void indirect_write_flag(struct ring *r)
{
	good_chain(r, r->table);
	indirect_go(r, 48, INDIRECT | WRITE);
}

static void indirect_longer_than_chain(struct ring *r)
{
	good_chain(r, r->table);
	indirect_go(r, 16 * 1000, INDIRECT);
}

static void indirect_nested(struct ring *r)
{
	good_chain(r, r->table);
	desc_set(&r->table[1], r->table_gpa, 48, INDIRECT, 0);
	indirect_go(r, 48, INDIRECT);
}

static void indirect_nested_first(struct ring *r)
{
	desc_set(&r->table[0], r->table_gpa, 48, INDIRECT, 0);
	indirect_go(r, 48, INDIRECT);
}

static void indirect_odd_length(struct ring *r)
{
	good_chain(r, r->table);
	indirect_go(r, 47, INDIRECT);
}

static void indirect_odd_tail(struct ring *r)
{
	good_chain(r, r->table);
	indirect_go(r, 63, INDIRECT);
}

static void indirect_empty(struct ring *r)
{
	good_chain(r, r->table);
	indirect_go(r, 0, INDIRECT);
}

static void indirect_huge(struct ring *r)
{
	good_chain(r, r->table);
	indirect_go(r, 0xfffffff0, INDIRECT);
}

static void indirect_with_next(struct ring *r)
{
	good_chain(r, r->table);
	desc_set(&r->vq->desc[1], r->disk->buf, 1, WRITE, 0);
	desc_set(&r->vq->desc[0], r->table_gpa, 48, INDIRECT | NEXT, 1);
	go_with(r, 0);
}

static void indirect_next_outside(struct ring *r)
{
	good_chain(r, r->table);
	r->table[1].next = 3;
	indirect_go(r, 48, INDIRECT);
}

static void indirect_loop(struct ring *r)
{
	good_chain(r, r->table);
	r->table[1].next = 1;
	indirect_go(r, 48, INDIRECT);
}

static void indirect_table_outside(struct ring *r)
{
	desc_set(&r->vq->desc[0], 1ull << 50, 48, INDIRECT, 0);
	go_with(r, 0);
}

static void indirect_table_past_end(struct ring *r)
{
	desc_set(&r->vq->desc[0], RING_RAM - 16, 48, INDIRECT, 0);
	go_with(r, 0);
}

static void indirect_table_over_border(struct ring *r)
{
	struct vring_desc d[3];

	good_chain(r, d);
	vu_mem_write(&r->disk->dev.mem, RING_RAM / 2 - 16, d, sizeof(d));
	desc_set(&r->vq->desc[0], RING_RAM / 2 - 16, 48, INDIRECT, 0);
	go_with(r, 0);
}

static void indirect_endless_chain(struct ring *r)
{
	u32 count = 32768;
	u32 i;

	for (i = 0; i < count; i++)
		desc_set(&r->table[i], r->disk->buf, 512,
			 (u16)(NEXT | (i ? WRITE : 0)), (u16)(i + 1));
	r->table[count - 1].flags = WRITE;
	indirect_go(r, count * 16, INDIRECT);
}

/* 7. Indices. */

static void avail_ahead_by_size_and_one(struct ring *r)
{
	good_then(r);
	r->vq->avail_next = (u16)(r->vq->avail_next + r->vq->size + 1);
	go(r);
}

static void avail_ahead_by_half(struct ring *r)
{
	good_then(r);
	r->vq->avail_next = (u16)(r->vq->avail_next + 0x8000);
	go(r);
}

static void avail_backwards(struct ring *r)
{
	good_then(r);
	r->vq->avail_next--;
	go(r);
}

static void event_garbage(struct ring *r)
{
	r->vq->avail->ring[r->vq->size] = 0xdead;
	r->vq->avail->flags = 0xffff;
	good_then(r);
	go_with(r, 0);
}

static void used_ring_garbage(struct ring *r)
{
	memset(r->vq->used->ring, 0xff,
	       sizeof(struct vring_used_elem) * r->vq->size);
	r->vq->used->flags = 0xffff;
	good_then(r);
	go_with(r, 0);
}

static void used_index_moved(struct ring *r)
{
	r->vq->used->idx = 0x1234;
	good_then(r);
	go_with(r, 0);
}

/* 5. Runts. */

static void two_pieces(struct ring *r, u32 head_len, u32 in_len)
{
	good_then(r);
	r->vq->desc[0].len = head_len;
	desc_set(&r->vq->desc[1], ring_status_gpa(r), in_len, WRITE, 0);
	go_with(r, 0);
}

static void header_of_8(struct ring *r)
{
	two_pieces(r, 8, 1);
}

static void header_of_15(struct ring *r)
{
	two_pieces(r, 15, 1);
}

static void header_only(struct ring *r)
{
	good_then(r);
	r->vq->desc[0].flags = 0;
	go_with(r, 0);
}

static void status_only(struct ring *r)
{
	good_then(r);
	go_with(r, 2);
}

static void data_without_status(struct ring *r)
{
	good_then(r);
	r->disk->req.head->hdr.type = VIRTIO_BLK_T_OUT;
	desc_set(&r->vq->desc[1], r->disk->buf, 4096, 0, 0);
	go_with(r, 0);
}

static const struct hostile table[] = {
	{ "chain: head = size", BROKEN, head_is_size, 0 },
	{ "chain: head = 65535", BROKEN, head_is_max, 0 },
	{ "chain: next = size", BROKEN, next_is_size, 0 },
	{ "chain: next = 65535", BROKEN, next_is_max, 0 },
	{ "chain: head behind the ring", BROKEN, head_behind_half_ring, 0 },
	{ "chain: next behind the ring", BROKEN, next_behind_half_ring, 0 },
	{ "chain: loop of one", BROKEN, loop_of_one, 0 },
	{ "chain: loop of writable", BROKEN, loop_of_writable, 0 },
	{ "chain: loop of all", BROKEN, loop_of_all, 0 },
	{ "chain: loop of empty", BROKEN, loop_of_empty, 0 },
	{ "chain: write before read", BROKEN, write_before_read, 0 },
	{ "chain: all empty", FAILED, all_empty, 0 },
	{ "chain: one empty", ALIVE, one_empty, 0 },
	{ "chain: unknown flags", ALIVE, unknown_flags, 0 },
	{ "chain: same head again", ALIVE, same_head_again, NO_EVENT_IDX },
	{ "address: outside", BROKEN, address_outside, 0 },
	{ "address: wraps", BROKEN, address_wraps, 0 },
	{ "address: 2^64 - 1", BROKEN, address_max, 0 },
	{ "address: past the end", BROKEN, address_past_end, 0 },
	{ "address: one byte past the end", BROKEN, address_just_past_end, 0 },
	{ "address: length 2^32 - 1", BROKEN, length_max, 0 },
	{ "address: lengths that wrap", BROKEN, lengths_that_wrap, 0 },
	{ "address: front end's", BROKEN, address_of_uva, 0 },
	{ "address: last bytes", GOOD, data_on_last_byte, 0 },
	{ "address: the ring itself", ALIVE, data_over_ring, 0 },
	{ "indirect: good", GOOD, indirect_good, 0 },
	{ "indirect: WRITE is ignored", GOOD, indirect_write_flag, 0 },
	{ "indirect: table longer than chain", GOOD, indirect_longer_than_chain,
	  0 },
	{ "indirect: nested", BROKEN, indirect_nested, 0 },
	{ "indirect: nested at once", BROKEN, indirect_nested_first, 0 },
	{ "indirect: length 47", BROKEN, indirect_odd_length, 0 },
	{ "indirect: length 63", BROKEN, indirect_odd_tail, 0 },
	{ "indirect: length 0", BROKEN, indirect_empty, 0 },
	{ "indirect: length 2^32 - 16", BROKEN, indirect_huge, 0 },
	{ "indirect: with NEXT", BROKEN, indirect_with_next, 0 },
	{ "indirect: not negotiated", BROKEN, indirect_good, NO_INDIRECT },
	{ "indirect: next outside", BROKEN, indirect_next_outside, 0 },
	{ "indirect: loop", BROKEN, indirect_loop, 0 },
	{ "indirect: table outside", BROKEN, indirect_table_outside, 0 },
	{ "indirect: table past the end", BROKEN, indirect_table_past_end, 0 },
	{ "indirect: table over a border", ALIVE, indirect_table_over_border,
	  0 },
	{ "indirect: chain of 32768", BROKEN, indirect_endless_chain, 0 },
	{ "index: ahead by size + 1", BROKEN, avail_ahead_by_size_and_one, 0 },
	{ "index: ahead by 32768", BROKEN, avail_ahead_by_half, 0 },
	{ "index: backwards", BROKEN, avail_backwards, 0 },
	{ "index: garbage in the event", ALIVE, event_garbage, 0 },
	{ "index: garbage in the used ring", ALIVE, used_ring_garbage, 0 },
	{ "index: used index moved", ALIVE, used_index_moved, 0 },
	{ "runt: header of 8 bytes", FAILED, header_of_8, 0 },
	{ "runt: header of 15 bytes", FAILED, header_of_15, 0 },
	{ "runt: header only", FAILED, header_only, 0 },
	{ "runt: status only", FAILED, status_only, 0 },
	{ "runt: data without status", FAILED, data_without_status, 0 },
};

static void hostile(void **state)
{
	const struct hostile *h = *state;
	struct ring r = open_ring(h);

	disk_works(r.disk);
	h->act(&r);
	ring_check_end(&r, h->end);
	ring_revive(&r);
	disk_close(r.disk);
}

/* 2. Double fetch: the other CPU changes descriptors all the time. */

struct flipper {
	struct ring *r;
	bool stop;
};

static void *flip(void *arg)
{
	struct flipper *f = arg;
	struct vring_desc *d = f->r->vq->desc;
	struct vring_desc *t = f->r->table;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		WRITE_ONCE(d[1].addr, UINT64_MAX - 64);
		WRITE_ONCE(d[1].len, 0xffffffff);
		WRITE_ONCE(d[0].next, 0xffff);
		WRITE_ONCE(t[1].next, 0xffff);
		WRITE_ONCE(t[0].flags, INDIRECT);
		WRITE_ONCE(d[1].addr, f->r->disk->buf);
		WRITE_ONCE(d[1].len, 4096);
		WRITE_ONCE(d[0].next, 1);
		WRITE_ONCE(t[1].next, 2);
		WRITE_ONCE(t[0].flags, NEXT);
		WRITE_ONCE(f->r->disk->req.head->hdr.type, 0xffffffff);
		WRITE_ONCE(f->r->disk->req.head->hdr.sector, UINT64_MAX);
		WRITE_ONCE(f->r->disk->req.head->hdr.type, 0);
		WRITE_ONCE(f->r->disk->req.head->hdr.sector, 0);
	}
	return NULL;
}

static void double_fetch(void **state)
{
	struct ring r = open_ring(NULL);
	struct flipper f = { .r = &r };
	pthread_t thread;
	unsigned int i;

	(void)state;
	good_chain(&r, r.vq->desc);
	good_chain(&r, r.table);
	desc_set(&r.vq->desc[3], r.table_gpa, 48, INDIRECT, 0);
	assert_int_equal(pthread_create(&thread, NULL, flip, &f), 0);
	for (i = 0; i < 1500; i++) {
		go_with(&r, i & 1 ? 0 : 3);
		usleep(100);
		if (!ring_readable(r.vq->ring.err_fd, 0))
			continue;
		fe_ok(&r.disk->dev.fe,
		      vu_fe_get_vring_base(&r.disk->dev.fe, 0,
					   &r.vq->ring.base));
		r.vq->ring.base = r.vq->avail_next;
		fe_ok(&r.disk->dev.fe,
		      vu_fe_ring_start(&r.disk->dev.fe, &r.vq->ring));
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	disk_close(r.disk);
}

/* Whatever lies in the ring, often close to something right. */
static void scribble(struct ring *r, unsigned int *seed)
{
	struct vring_desc *d;
	u16 i;

	for (i = 0; i < 64; i++) {
		d = i & 1 ? &r->vq->desc[i] : &r->table[i];
		desc_set(d,
			 rand_r(seed) & 1 ? (u64)rand_r(seed) % RING_RAM :
					    (u64)rand_r(seed) << 33,
			 rand_r(seed) & 7 ? (u32)rand_r(seed) % 70000 :
					    (u32)rand_r(seed) * 2,
			 (u16)(rand_r(seed) % 8), (u16)(rand_r(seed) % 65));
		if (d->flags & INDIRECT && rand_r(seed) & 3) {
			d->addr = r->table_gpa;
			d->len = (u32)(rand_r(seed) % 66) * 16;
		}
		r->vq->avail->ring[i] = (u16)(rand_r(seed) % 65);
	}
	for (i = 0; i < 4096; i += 16) {
		struct virtio_blk_outhdr hdr = {
			.type = (u32)rand_r(seed) % 14,
			.sector = (u32)rand_r(seed) % 200000,
		};

		vu_mem_write(&r->disk->dev.mem, r->disk->buf + i, &hdr,
			     sizeof(hdr));
	}
}

static void random_rings(void **state)
{
	struct ring r = open_ring(NULL);
	struct vu_fe *fe = &r.disk->dev.fe;
	unsigned int seed = fixture_seed();
	unsigned int i;

	(void)state;
	for (i = 0; i < 400; i++) {
		drv_vq_reset(r.vq);
		scribble(&r, &seed);
		r.vq->avail_next = (u16)(1 + rand_r(&seed) % 64);
		fe_ok(fe, vu_fe_ring_start(fe, &r.vq->ring));
		go(&r);
		if (i % 4)
			usleep(500);
		fe_ok(fe, vu_fe_get_vring_base(fe, 0, &r.vq->ring.base));
		r.vq->ring.base = 0;
	}
	drv_vq_reset(r.vq);
	fe_ok(fe, vu_fe_ring_start(fe, &r.vq->ring));
	disk_works(r.disk);
	disk_close(r.disk);
}

/* A broken ring says so once and then uses no CPU. */
static void broken_ring_is_quiet(void **state)
{
	struct ring r = open_ring(NULL);
	unsigned int i;
	u64 cpu;

	(void)state;
	head_is_max(&r);
	assert_true(ring_readable(r.vq->ring.err_fd, 2000));
	usleep(50000);
	cpu = daemon_cpu_ns(&fx.daemon);
	usleep(300000);
	assert_true(daemon_cpu_ns(&fx.daemon) - cpu < 5000000);
	/* Nor does kicking it do anything but wake. */
	for (i = 0; i < 1000; i++)
		drv_vq_kick_always(r.vq);
	assert_int_equal(r.vq->used->idx, r.vq->used_next);
	disk_close(r.disk);
}

/* The other queues of the same device go on. */
static void other_queues_go_on(void **state)
{
	const struct drv_dev_conf conf = { .num_queues = 4 };
	struct ring r = { .disk = disk_open(fx.disk, &conf) };
	unsigned int q;

	(void)state;
	r.vq = &r.disk->dev.vq[2];
	head_is_size(&r);
	assert_true(ring_readable(r.vq->ring.err_fd, 2000));
	for (q = 0; q < 4; q++) {
		if (q == 2)
			continue;
		assert_int_equal(disk_io(r.disk, q, VIRTIO_BLK_T_IN, 0,
					 r.disk->buf, 4096),
				 VIRTIO_BLK_S_OK);
	}
	disk_close(r.disk);
}

static const struct CMUnitTest more[] = {
	cmocka_unit_test_teardown(double_fetch, fixture_after),
	cmocka_unit_test_teardown(random_rings, fixture_after),
	cmocka_unit_test_teardown(broken_ring_is_quiet, fixture_after),
	cmocka_unit_test_teardown(other_queues_go_on, fixture_after),
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
	return fixture_run("ring", tests, ARRAY_SIZE(tests));
}
