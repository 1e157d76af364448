// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_vq_packed - the packed ring against a driver that does what it likes
 *
 * Guest memory is two memfd regions, neighbours in guest-physical space and
 * apart in ours.  The ring lies at the start of the first; its size is no power
 * of 2.  The driver below keeps its own position and flags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vq.h"

#define REGION		0x10000ul
#define BORDER		REGION /* gpa where the second region begins */
#define UVA		0x7f0000000000ull
#define SIZE		7u
#define DESC_GPA	0x0ul
#define DRIVER_GPA	0x1000ul
#define DEVICE_GPA	0x2000ul
#define TABLE_GPA	0x3000ul /* indirect descriptors */
#define BUF_GPA		0x4000ul
#define IOV_MAX_ENTRIES 1024

#define PACKED	 BIT_ULL(VIRTIO_F_RING_PACKED)
#define INDIRECT BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define IN_ORDER BIT_ULL(VIRTIO_F_IN_ORDER)
#define EVENT	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

#define NEXT  VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define TABLE VRING_DESC_F_INDIRECT

#define F_AVAIL 0x80u
#define F_USED	0x8000u

static struct mem_table table;
static u8 *ram[2];
static int fds[2];
static struct vring_packed_desc *desc;
static struct vring_packed_desc_event *driver, *device;
static struct vq vq;
static struct iovec iov[IOV_MAX_ENTRIES];
static struct vq_chain chain;

/* The driver's own positions. */
static u16 avail_at, used_at;
static bool avail_wrap, used_wrap;

static int setup(void **state)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct mem_region_desc d = {
			.gpa = i * REGION,
			.size = REGION,
			.uva = UVA + i * REGION,
		};

		fds[i] = memfd_create("ram", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fds[i], REGION), 0);
		ram[i] = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED,
			      fds[i], 0);
		assert_true(ram[i] != MAP_FAILED);
		assert_int_equal(mem_table_add(&table, &d, fds[i]), 0);
	}
	desc = (void *)(ram[0] + DESC_GPA);
	driver = (void *)(ram[0] + DRIVER_GPA);
	device = (void *)(ram[0] + DEVICE_GPA);
	memset(&vq, 0, sizeof(vq));
	chain = (struct vq_chain){ .iov = iov, .iov_max = IOV_MAX_ENTRIES };
	return 0;
}

static int teardown(void **state)
{
	unsigned int i;

	vq_stop(&vq);
	mem_table_clear(&table);
	for (i = 0; i < 2; i++) {
		munmap(ram[i], REGION);
		close(fds[i]);
	}
	return 0;
}

static struct vq_setup ring_setup(u64 features, u32 base)
{
	return (struct vq_setup){
		.mem = &table,
		.features = features | PACKED,
		.size = SIZE,
		.desc_uva = UVA + DESC_GPA,
		.avail_uva = UVA + DRIVER_GPA,
		.used_uva = UVA + DEVICE_GPA,
		.base = base,
	};
}

/* As GET_VRING_BASE has it: both positions the same. */
static u32 base_of(u16 at, bool wrap)
{
	u32 pos = at | (wrap ? 0x8000u : 0);

	return pos | pos << 16;
}

/* A ring that has come to @at in a round with @wrap, everything used so far. */
static void start_at(u64 features, u16 at, bool wrap)
{
	const struct vq_setup s = ring_setup(features, base_of(at, wrap));
	u16 i;

	memset(desc, 0, SIZE * sizeof(*desc));
	memset(driver, 0, sizeof(*driver));
	memset(device, 0, sizeof(*device));
	for (i = 0; i < SIZE; i++)
		if (wrap ? i < at : i >= at)
			desc[i].flags = cpu_to_le16(F_AVAIL | F_USED);
	avail_at = at;
	used_at = at;
	avail_wrap = wrap;
	used_wrap = wrap;
	assert_int_equal(vq_start(&vq, &s), 0);
}

static void start(u64 features)
{
	start_at(features, 0, true);
}

static void fill(struct vring_packed_desc *d, u64 addr, u32 len, u16 id,
		 u16 flags)
{
	*d = (struct vring_packed_desc){
		.addr = cpu_to_le64(addr),
		.len = cpu_to_le32(len),
		.id = cpu_to_le16(id),
		.flags = cpu_to_le16(flags),
	};
}

/* The next descriptor, available; returns where it lies. */
static u16 put(u64 addr, u32 len, u16 id, u16 flags)
{
	u16 at = avail_at;

	flags |= avail_wrap ? F_AVAIL : F_USED;
	fill(&desc[at], addr, len, id, flags);
	if (++avail_at == SIZE) {
		avail_at = 0;
		avail_wrap = !avail_wrap;
	}
	return at;
}

/* What the driver sees: id of the next buffer, or -1; @slots it had. */
static int reap(u16 slots, u32 *len)
{
	const struct vring_packed_desc *d = &desc[used_at];
	u16 flags = le16_to_cpu(d->flags);

	if (!!(flags & F_AVAIL) != used_wrap || !!(flags & F_USED) != used_wrap)
		return -1;
	if (len)
		*len = le32_to_cpu(d->len);
	used_at = (u16)(used_at + slots);
	if (used_at >= SIZE) {
		used_at = (u16)(used_at - SIZE);
		used_wrap = !used_wrap;
	}
	return le16_to_cpu(d->id);
}

static void expect_fault(enum vq_fault fault)
{
	struct vring_packed_desc before[SIZE];

	memcpy(before, desc, sizeof(before));
	assert_int_equal(vq_pop(&vq, &chain), -EPROTO);
	assert_int_equal(vq.fault, fault);
	/* Broken for good: nothing moves, nothing is signalled. */
	assert_int_equal(vq_pop(&vq, &chain), -EPROTO);
	vq_push(&vq, 0, 0);
	assert_false(vq_publish(&vq));
	assert_memory_equal(before, desc, sizeof(before));
	assert_false(vq_pending(&vq));
	assert_false(vq_notify_on(&vq));
}

/* Setting up */

static void start_checks(void **state)
{
	static const u32 sizes[] = { 0, 32769, 65536, UINT32_MAX };
	static const u32 good[] = { 1, 2, 3, 7, 8, 1000, 4000 };
	struct vq_setup s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		s = ring_setup(0, 0);
		s.size = sizes[i];
		assert_int_equal(vq_start(&vq, &s), -EINVAL);
	}
	s = ring_setup(0, 0);
	s.desc_uva += 8;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s = ring_setup(0, 0);
	s.avail_uva += 2;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s = ring_setup(0, 0);
	s.used_uva += 2;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	/* Untouched on failure. */
	assert_null(vq.ops);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		s = ring_setup(0, 0);
		s.size = good[i];
		assert_int_equal(vq_start(&vq, &s), 0);
	}
}

static void start_largest(void **state)
{
	const u64 len = VQ_SIZE_MAX * 16;
	struct mem_region_desc d = {
		.gpa = 1ull << 32,
		.size = len,
		.uva = UVA + (1ull << 32),
	};
	struct vq_setup s = ring_setup(0, VQ_SIZE_MAX - 1);
	int fd = memfd_create("ring", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(mem_table_add(&table, &d, fd), 0);
	close(fd);
	s.size = VQ_SIZE_MAX;
	s.desc_uva = d.uva;
	assert_int_equal(vq_start(&vq, &s), 0);
	assert_int_equal(vq_base(&vq) & 0xffff, VQ_SIZE_MAX - 1);
}

/* The index must be one of the ring's; what is above bit 15 is not looked at. */
static void start_base(void **state)
{
	struct vq_setup s;

	s = ring_setup(0, SIZE);
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s.base = 0x8000 | SIZE;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s.base = 0x7fff;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s.base = SIZE - 1;
	assert_int_equal(vq_start(&vq, &s), 0);
	assert_int_equal(vq_base(&vq), base_of(SIZE - 1, false));
	s.base = 0x8000;
	assert_int_equal(vq_start(&vq, &s), 0);
	assert_int_equal(vq_base(&vq), 0x80008000);
}

/* Each area must be inside one region to its last byte. */
static void start_area_ends(void **state)
{
	const u64 end = UVA + REGION;
	struct vq_setup s;

	s = ring_setup(0, 0);
	s.desc_uva = end - SIZE * 16;
	assert_int_equal(vq_start(&vq, &s), 0);
	s.desc_uva += 16;
	assert_int_equal(vq_start(&vq, &s), -EFAULT);

	s = ring_setup(0, 0);
	s.avail_uva = UVA + 2 * REGION - 4;
	assert_int_equal(vq_start(&vq, &s), 0);
	s.avail_uva += 4;
	assert_int_equal(vq_start(&vq, &s), -EFAULT);

	s = ring_setup(0, 0);
	s.used_uva = UVA + 2 * REGION - 4;
	assert_int_equal(vq_start(&vq, &s), 0);
	s.used_uva += 4;
	assert_int_equal(vq_start(&vq, &s), -EFAULT);

	s = ring_setup(0, 0);
	s.desc_uva = UINT64_MAX - 15;
	assert_int_equal(vq_start(&vq, &s), -EFAULT);
}

static void split_without_the_bit(void **state)
{
	struct vq_setup s = ring_setup(0, 0);

	s.features = 0;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s.size = 8;
	assert_int_equal(vq_start(&vq, &s), 0);
	assert_int_equal(vq_base(&vq), 0);
}

/* Good chains */

static void empty_ring(void **state)
{
	start(0);
	assert_int_equal(vq_pop(&vq, &chain), 0);
	assert_false(vq_pending(&vq));
	assert_false(vq_publish(&vq));
}

static void plain_chain(void **state)
{
	u32 len;

	start(0);
	put(BUF_GPA, 16, 99, NEXT);
	put(BUF_GPA + 0x100, 512, 99, NEXT | WRITE);
	put(BUF_GPA + 0x400, 1, 3, WRITE);
	assert_true(vq_pending(&vq));
	assert_int_equal(vq_pop(&vq, &chain), 1);
	/* The last one's id; the others' mean nothing. */
	assert_int_equal(chain.id, 3);
	assert_int_equal(chain.out_num, 1);
	assert_int_equal(chain.in_num, 2);
	assert_int_equal(chain.out_len, 16);
	assert_int_equal(chain.in_len, 513);
	assert_int_equal(iov[1].iov_len, 512);
	/* The same memory, mapped elsewhere. */
	ram[0][BUF_GPA + 0x100] = 0x5a;
	assert_int_equal(*(u8 *)iov[1].iov_base, 0x5a);
	assert_int_equal(vq_pop(&vq, &chain), 0);

	vq_push(&vq, 3, 513);
	assert_int_equal(reap(3, &len), -1);
	assert_true(vq_publish(&vq));
	assert_int_equal(le16_to_cpu(desc[0].flags), F_AVAIL | F_USED | WRITE);
	assert_int_equal(reap(3, &len), 3);
	assert_int_equal(len, 513);
	assert_int_equal(vq_pop(&vq, &chain), 0);
}

static void write_flag_of_used(void **state)
{
	start(0);
	put(BUF_GPA, 1, 0, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_push(&vq, 0, 0);
	vq_publish(&vq);
	assert_int_equal(le16_to_cpu(desc[0].flags), F_AVAIL | F_USED);
}

static void empty_parts_are_skipped(void **state)
{
	start(0);
	put(BUF_GPA, 0, 0, NEXT);
	put(BUF_GPA, 4, 0, NEXT);
	put(0xdeadbeef000, 0, 0, WRITE);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.out_num, 1);
	assert_int_equal(chain.in_num, 0);
}

static void chain_of_ring_length(void **state)
{
	u16 i;

	start_at(0, 3, false);
	for (i = 0; i < SIZE; i++)
		put(BUF_GPA + i, 1, 5, i < SIZE - 1 ? NEXT : 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.out_num, SIZE);
	vq_push(&vq, 5, 0);
	vq_publish(&vq);
	assert_int_equal(reap(SIZE, NULL), 5);
	assert_int_equal(vq_base(&vq), base_of(3, true));
}

static void ring_of_one(void **state)
{
	struct vq_setup s = ring_setup(0, base_of(0, true));
	u16 i;

	s.size = 1;
	assert_int_equal(vq_start(&vq, &s), 0);
	for (i = 0; i < 4; i++) {
		fill(&desc[0], BUF_GPA, 1, 0, i & 1 ? F_USED : F_AVAIL);
		assert_int_equal(vq_pop(&vq, &chain), 1);
		assert_int_equal(vq_pop(&vq, &chain), 0);
		vq_push(&vq, 0, 0);
		vq_publish(&vq);
		assert_int_equal(le16_to_cpu(desc[0].flags),
				 i & 1 ? 0 : F_AVAIL | F_USED);
	}
}

static void buffer_over_border(void **state)
{
	start(0);
	put(BORDER - 3, 10, 0, WRITE);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.in_num, 2);
	assert_int_equal(chain.in_len, 10);
	assert_int_equal(iov[0].iov_len, 3);
	assert_int_equal(iov[1].iov_len, 7);
	memset(iov[1].iov_base, 0x33, 7);
	assert_int_equal(ram[1][6], 0x33);
}

/* Whose a descriptor is */

static void nothing_in_zeroes(void **state)
{
	start_at(0, 2, false);
	memset(desc, 0, SIZE * sizeof(*desc));
	assert_int_equal(vq_pop(&vq, &chain), 0);
	start_at(0, 2, true);
	memset(desc, 0, SIZE * sizeof(*desc));
	assert_int_equal(vq_pop(&vq, &chain), 0);
	memset(desc, 0xff, SIZE * sizeof(*desc));
	assert_int_equal(vq_pop(&vq, &chain), 0);
}

/* Available in the other round is not available. */
static void wrong_round(void **state)
{
	start_at(0, 2, true);
	fill(&desc[2], BUF_GPA, 1, 0, F_USED);
	assert_int_equal(vq_pop(&vq, &chain), 0);
	assert_false(vq_pending(&vq));
	start_at(0, 2, false);
	fill(&desc[2], BUF_GPA, 1, 0, F_AVAIL);
	assert_int_equal(vq_pop(&vq, &chain), 0);
}

/* Bad chains, a function for each enum vq_fault that this layout finds */

static void fault_id(void **state)
{
	static const u16 bad[] = { SIZE, 0x7fff, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(0);
		put(BUF_GPA, 1, bad[i], 0);
		expect_fault(VQ_FAULT_ID);
	}
}

static void fault_id_in_use(void **state)
{
	start(0);
	put(BUF_GPA, 1, 4, 0);
	put(BUF_GPA, 1, 4, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	expect_fault(VQ_FAULT_ID);
}

static void id_again_after_use(void **state)
{
	start(0);
	put(BUF_GPA, 1, 4, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_push(&vq, 4, 0);
	put(BUF_GPA, 1, 4, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 4);
}

/* Descriptors made available again that were not given back. */
static void fault_more_than_size(void **state)
{
	u16 i;

	start(0);
	for (i = 0; i < SIZE; i++)
		put(BUF_GPA, 1, i, 0);
	for (i = 0; i < SIZE; i++)
		assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(vq_pop(&vq, &chain), 0);
	put(BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_AVAIL_JUMP);
}

/* A list that reaches into what was not given back. */
static void fault_list_over_taken(void **state)
{
	u16 i;

	start(0);
	put(BUF_GPA, 1, 0, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	for (i = 1; i <= SIZE; i++)
		put(BUF_GPA, 1, 1, i < SIZE ? NEXT : 0);
	expect_fault(VQ_FAULT_LOOP);
}

static void fault_loop(void **state)
{
	u16 i;

	start_at(0, 5, true);
	for (i = 0; i < SIZE; i++)
		put(BUF_GPA, 1, 0, NEXT);
	expect_fault(VQ_FAULT_LOOP);
}

static void fault_loop_of_nothing(void **state)
{
	u16 i;

	start(0);
	for (i = 0; i < SIZE; i++)
		put(BUF_GPA, 0, 0, NEXT);
	expect_fault(VQ_FAULT_LOOP);
}

static void fault_partial(void **state)
{
	start(0);
	put(BUF_GPA, 1, 0, NEXT);
	expect_fault(VQ_FAULT_PARTIAL);

	/* Over the end of the ring, with the flags of the round before. */
	start_at(0, SIZE - 1, true);
	put(BUF_GPA, 1, 0, NEXT);
	fill(&desc[0], BUF_GPA, 1, 0, F_AVAIL);
	expect_fault(VQ_FAULT_PARTIAL);
}

static void fault_order(void **state)
{
	start(0);
	put(BUF_GPA, 1, 0, NEXT | WRITE);
	put(BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_ORDER);
}

static void fault_address(void **state)
{
	static const struct {
		u64 addr;
		u32 len;
	} bad[] = {
		{ 2 * REGION, 1 },	 { 2 * REGION - 1, 2 },
		{ UINT64_MAX, 1 },	 { UINT64_MAX, 2 },
		{ BUF_GPA, UINT32_MAX }, { UINT64_MAX - 0xfff, 0x2000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(0);
		put(bad[i].addr, bad[i].len, 0, 0);
		expect_fault(VQ_FAULT_ADDRESS);
	}
}

static void fault_iov(void **state)
{
	start(0);
	chain.iov_max = 2;
	put(BUF_GPA, 1, 0, NEXT);
	put(BUF_GPA, 1, 0, NEXT);
	put(BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_IOV);
}

static void fault_empty(void **state)
{
	start(0);
	put(BUF_GPA, 0, 0, NEXT);
	put(BUF_GPA, 0, 0, WRITE);
	expect_fault(VQ_FAULT_EMPTY);
}

/* Indirect descriptors */

static struct vring_packed_desc *indirect(u32 count, u16 flags)
{
	put(TABLE_GPA, count * 16, 2, (u16)(TABLE | flags));
	return (void *)(ram[0] + TABLE_GPA);
}

/* All of them, in their order, whatever NEXT and id say. */
static void indirect_good(void **state)
{
	struct vring_packed_desc *t;
	u32 len;
	u16 i;

	start(INDIRECT);
	t = indirect(SIZE + 4, 0);
	for (i = 0; i < SIZE + 4; i++)
		fill(&t[i], BUF_GPA + i, 1, (u16)(60000 + i),
		     (u16)(WRITE | (i & 1 ? NEXT : 0)));
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 2);
	assert_int_equal(chain.in_num, SIZE + 4);
	vq_push(&vq, 2, 5);
	vq_publish(&vq);
	assert_int_equal(reap(1, &len), 2);
	assert_int_equal(len, 5);
}

/* virtio 1.3, 2.8.7: WRITE is reserved there and ignored. */
static void indirect_write_flag(void **state)
{
	start(INDIRECT);
	fill(indirect(1, WRITE), BUF_GPA, 1, 0, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.out_num, 1);
	assert_int_equal(chain.in_num, 0);
}

/* virtio 1.3, 2.8.7: in a table other flags are ignored, so it is a buffer. */
static void indirect_in_table_is_a_buffer(void **state)
{
	start(INDIRECT);
	fill(indirect(1, 0), TABLE_GPA, 16, 0, TABLE);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.out_num, 1);
	assert_int_equal(chain.out_len, 16);
}

static void indirect_not_negotiated(void **state)
{
	start(0);
	fill(indirect(1, 0), BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_INDIRECT);
}

static void indirect_with_next(void **state)
{
	start(INDIRECT);
	fill(indirect(1, NEXT), BUF_GPA, 1, 0, 0);
	put(BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_INDIRECT);
}

static void indirect_after_direct(void **state)
{
	start(INDIRECT);
	put(BUF_GPA, 16, 0, NEXT);
	fill(indirect(1, 0), BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_INDIRECT);
}

static void indirect_lengths(void **state)
{
	static const u32 bad[] = { 0, 1, 15, 17, 16 * 32768 + 16, UINT32_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(INDIRECT);
		put(TABLE_GPA, bad[i], 0, TABLE);
		expect_fault(VQ_FAULT_INDIRECT);
	}
}

static void indirect_places(void **state)
{
	start(INDIRECT);
	put(BORDER - 16, 32, 0, TABLE);
	expect_fault(VQ_FAULT_ADDRESS);
	start(INDIRECT);
	put(2 * REGION, 16, 0, TABLE);
	expect_fault(VQ_FAULT_ADDRESS);
	start(INDIRECT);
	put(TABLE_GPA + 1, 16, 0, TABLE);
	expect_fault(VQ_FAULT_INDIRECT);
}

static void indirect_too_long_for_us(void **state)
{
	struct vring_packed_desc *t = (void *)ram[1];
	u16 i;

	start(INDIRECT);
	put(BORDER, (VQ_CHAIN_IOV_MAX + 1) * 16, 0, TABLE);
	for (i = 0; i <= VQ_CHAIN_IOV_MAX; i++)
		fill(&t[i], BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_IOV);
}

/* Positions */

static void one_round(u16 id, u16 parts)
{
	u32 len;
	u16 i;

	for (i = 0; i < parts; i++)
		put(BUF_GPA + id, 1, id, i + 1 < parts ? NEXT : 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, id);
	assert_int_equal(chain.out_num, parts);
	vq_push(&vq, chain.id, 100u + id);
	assert_int_equal(reap(parts, &len), -1);
	vq_publish(&vq);
	assert_int_equal(reap(parts, &len), id);
	assert_int_equal(len, 100 + id);
}

static void many_rounds(void **state)
{
	u32 at = 0;
	u16 i;

	start(0);
	for (i = 0; i < 200; i++) {
		u16 parts = (u16)(1 + i % SIZE);

		one_round((u16)(i * 3 % SIZE), parts);
		at += parts;
		assert_int_equal(vq_base(&vq),
				 base_of((u16)(at % SIZE), !(at / SIZE & 1)));
	}
}

static void base_goes_on(void **state)
{
	struct vq_setup s;

	start(0);
	one_round(0, 5);
	one_round(1, 3);
	assert_int_equal(vq_base(&vq), base_of(1, false));
	s = ring_setup(0, vq_base(&vq));
	vq_stop(&vq);
	assert_int_equal(vq_start(&vq, &s), 0);
	one_round(2, 6);
	one_round(3, 1);
	assert_int_equal(vq_base(&vq), base_of(1, true));
}

/* As DPDK's virtio-user has it: nothing above bit 15. */
static void base_of_virtio_user(void **state)
{
	struct vq_setup s;

	start(0);
	s = ring_setup(0, 0x8000);
	assert_int_equal(vq_start(&vq, &s), 0);
	one_round(2, 6);
	one_round(2, 6);
}

/* As Linux's virtio_uml has it: 0 for a new ring, full or not. */
static void base_of_virtio_uml(void **state)
{
	struct vq_setup s = ring_setup(0, 0);
	u16 i;

	start(0);
	assert_int_equal(vq_start(&vq, &s), 0);
	assert_int_equal(vq_base(&vq), base_of(0, true));
	one_round(2, 6);

	start(0);
	for (i = 0; i < SIZE; i++)
		put(BUF_GPA, 1, i, 0);
	assert_int_equal(vq_start(&vq, &s), 0);
	assert_int_equal(vq_base(&vq), base_of(0, true));
	assert_int_equal(vq_pop(&vq, &chain), 1);
}

/* The same number after a round, of one buffer even, means what it says. */
static void base_after_a_round(void **state)
{
	struct vq_setup s = ring_setup(0, 0);

	start(0);
	one_round(1, SIZE);
	assert_int_equal(vq_base(&vq), 0);
	put(BUF_GPA, 1, 3, 0);
	assert_int_equal(vq_start(&vq, &s), 0);
	assert_int_equal(vq_base(&vq), 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 3);
}

static void unpop_gives_back(void **state)
{
	u16 i;

	start_at(0, 4, true);
	for (i = 0; i < 3; i++) {
		put(BUF_GPA + i, 1, i, NEXT);
		put(BUF_GPA + i, 1, i, 0);
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(vq_base(&vq) & 0xffff, 3);
	vq_unpop(&vq, 2);
	vq_unpop(&vq, 1);
	assert_int_equal(vq_base(&vq) & 0xffff, 0x8006);
	assert_true(vq_pending(&vq));
	for (i = 1; i < 3; i++) {
		assert_int_equal(vq_pop(&vq, &chain), 1);
		assert_int_equal(chain.id, i);
	}
	assert_int_equal(vq_pop(&vq, &chain), 0);
	for (i = 0; i < 3; i++)
		vq_push(&vq, i, 0);
	vq_publish(&vq);
	for (i = 0; i < 3; i++)
		assert_int_equal(reap(2, NULL), i);
	assert_int_equal(vq_base(&vq), base_of(3, false));
}

/* Back to index 0, of this round and over the end of the last. */
static void unpop_to_zero(void **state)
{
	start(0);
	put(BUF_GPA, 1, 0, NEXT);
	put(BUF_GPA, 1, 0, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_unpop(&vq, 0);
	assert_int_equal(vq_base(&vq), base_of(0, true));

	start_at(0, SIZE - 2, true);
	put(BUF_GPA, 1, 0, NEXT);
	put(BUF_GPA, 1, 0, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(vq_base(&vq) & 0xffff, 0);
	vq_unpop(&vq, 0);
	assert_int_equal(vq_base(&vq), base_of(SIZE - 2, true));
}

/* Used in another order than taken: each where the last one ended. */
static void out_of_order(void **state)
{
	start_at(0, 3, true);
	put(BUF_GPA, 1, 0, NEXT);
	put(BUF_GPA, 1, 0, NEXT);
	put(BUF_GPA, 1, 0, 0);
	put(BUF_GPA, 1, 1, 0);
	put(BUF_GPA, 1, 2, NEXT);
	put(BUF_GPA, 1, 2, 0);
	while (vq_pop(&vq, &chain) == 1)
		;
	vq_push(&vq, 2, 0);
	vq_publish(&vq);
	assert_int_equal(reap(2, NULL), 2);
	assert_int_equal(reap(1, NULL), -1);
	vq_push(&vq, 0, 0);
	vq_push(&vq, 1, 0);
	vq_publish(&vq);
	assert_int_equal(reap(3, NULL), 0);
	assert_int_equal(reap(1, NULL), 1);
}

/* A batch shows itself by its first descriptor, at once. */
static void published_once(void **state)
{
	u16 i;

	start_at(0, 5, false);
	for (i = 0; i < 4; i++) {
		put(BUF_GPA, 1, i, 0);
		assert_int_equal(vq_pop(&vq, &chain), 1);
		vq_push(&vq, chain.id, 0);
	}
	assert_int_equal(reap(1, NULL), -1);
	/* All but the first are ready. */
	assert_int_equal(le16_to_cpu(desc[6].flags), 0);
	assert_int_equal(le16_to_cpu(desc[0].flags), F_AVAIL | F_USED);
	assert_int_equal(vq.staged, 4);
	assert_true(vq_publish(&vq));
	for (i = 0; i < 4; i++)
		assert_int_equal(reap(1, NULL), i);
	assert_int_equal(vq.staged, 0);
	assert_false(vq_publish(&vq));
}

/*
 * virtio 1.3, 2.8.9: the descriptor for a batch is where the first one's would
 * be, the position moves by all of them.
 */
static void in_order_batch(void **state)
{
	u16 i;

	start_at(IN_ORDER, 4, true);
	for (i = 0; i < 3; i++) {
		put(BUF_GPA, 16, i, NEXT | WRITE);
		put(BUF_GPA, 16, i, WRITE);
		assert_int_equal(vq_pop(&vq, &chain), 1);
	}
	vq_push(&vq, 2, 5);
	vq_push(&vq, 1, 32);
	assert_false(vq_publish(&vq));
	assert_int_equal(reap(6, NULL), -1);
	vq_push(&vq, 0, 32);
	assert_true(vq_publish(&vq));
	assert_int_equal(le32_to_cpu(desc[4].len), 5);
	assert_int_equal(reap(6, NULL), 2);
	/* Nothing else was written. */
	assert_int_equal(le16_to_cpu(desc[6].flags), F_AVAIL | NEXT | WRITE);
	assert_int_equal(le16_to_cpu(desc[1].flags), F_USED | NEXT | WRITE);
	assert_int_equal(vq_base(&vq), base_of(3, false));
	put(BUF_GPA, 16, 1, WRITE);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_push(&vq, 1, 1);
	vq_publish(&vq);
	assert_int_equal(reap(1, NULL), 1);
}

/* Notifications */

static bool round_calls(u16 parts)
{
	u16 i;

	for (i = 0; i < parts; i++)
		put(BUF_GPA, 1, 0, i + 1 < parts ? NEXT : 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_push(&vq, chain.id, 0);
	return vq_publish(&vq);
}

static void driver_asks(u16 flags, u16 at, bool wrap)
{
	driver->off_wrap = cpu_to_le16((u16)(at | (wrap ? 0x8000u : 0)));
	driver->flags = cpu_to_le16(flags);
}

static void call_by_flag(void **state)
{
	start(0);
	assert_true(round_calls(1));
	driver_asks(VRING_PACKED_EVENT_FLAG_DISABLE, 0, false);
	assert_false(round_calls(1));
	driver_asks(VRING_PACKED_EVENT_FLAG_ENABLE, 0, false);
	assert_true(round_calls(1));
	/* Not negotiated, or reserved: what asks for more calls. */
	driver_asks(VRING_PACKED_EVENT_FLAG_DESC, 0, true);
	assert_true(round_calls(1));
	driver_asks(3, 0, true);
	assert_true(round_calls(1));
	/* virtio 1.3, 2.8.14: the upper bits are reserved. */
	driver_asks(0xfffc | VRING_PACKED_EVENT_FLAG_DISABLE, 0, true);
	assert_false(round_calls(1));
}

/* What the driver had asked for when we were not there cannot be known. */
static void first_call_always(void **state)
{
	start(0);
	driver_asks(VRING_PACKED_EVENT_FLAG_DISABLE, 0, false);
	assert_true(round_calls(1));
	assert_false(round_calls(1));

	start(EVENT);
	driver_asks(VRING_PACKED_EVENT_FLAG_DESC, 5, true);
	assert_true(round_calls(1));
	assert_false(round_calls(1));
}

static void call_by_event(void **state)
{
	start(EVENT);
	assert_true(round_calls(1));
	driver_asks(VRING_PACKED_EVENT_FLAG_DESC, 3, true);
	assert_false(round_calls(1)); /* used 2 */
	assert_false(round_calls(1)); /* used 3: up to there, not it */
	assert_true(round_calls(1)); /* used 4 passes 3 */
	assert_false(round_calls(1)); /* not asked for again */
	driver_asks(VRING_PACKED_EVENT_FLAG_DISABLE, 5, true);
	assert_false(round_calls(1));
	driver_asks(VRING_PACKED_EVENT_FLAG_ENABLE, 1, true);
	assert_true(round_calls(1));
}

/* In the next round, in a buffer's midst, and a whole round later. */
static void call_by_event_at_wrap(void **state)
{
	start_at(EVENT, 5, true);
	driver_asks(VRING_PACKED_EVENT_FLAG_DESC, 0, false);
	assert_true(round_calls(1)); /* the first: used 6 */
	assert_false(round_calls(1)); /* used 0, other round */
	assert_true(round_calls(1)); /* used 1 */
	driver_asks(VRING_PACKED_EVENT_FLAG_DESC, 2, false);
	assert_true(round_calls(3)); /* used 4 */
	/* The same place in the round to come, not in this one. */
	driver_asks(VRING_PACKED_EVENT_FLAG_DESC, 5, true);
	assert_false(round_calls(2)); /* used 6 */
	assert_false(round_calls(4)); /* used 3, next round */
	assert_false(round_calls(2)); /* used 5 */
	assert_true(round_calls(1)); /* used 6 */
}

/* One publish that jumps over the event, round the end of the ring. */
static void call_by_event_in_batch(void **state)
{
	u16 i;

	start_at(EVENT, 4, true);
	assert_true(round_calls(1));
	driver_asks(VRING_PACKED_EVENT_FLAG_DESC, 1, false);
	for (i = 0; i < 5; i++) {
		put(BUF_GPA, 1, i, 0);
		assert_int_equal(vq_pop(&vq, &chain), 1);
		vq_push(&vq, chain.id, 0);
	}
	assert_true(vq_publish(&vq));
}

static void notify_by_flag(void **state)
{
	start(0);
	vq_notify_off(&vq);
	assert_int_equal(le16_to_cpu(device->flags),
			 VRING_PACKED_EVENT_FLAG_DISABLE);
	assert_false(vq_notify_on(&vq));
	assert_int_equal(le16_to_cpu(device->flags),
			 VRING_PACKED_EVENT_FLAG_ENABLE);
	put(BUF_GPA, 1, 0, 0);
	assert_true(vq_notify_on(&vq));
}

static void notify_by_event(void **state)
{
	start_at(EVENT, SIZE - 1, true);
	vq_notify_off(&vq);
	assert_int_equal(le16_to_cpu(device->flags),
			 VRING_PACKED_EVENT_FLAG_DISABLE);
	assert_false(vq_notify_on(&vq));
	assert_int_equal(le16_to_cpu(device->flags),
			 VRING_PACKED_EVENT_FLAG_DESC);
	assert_int_equal(le16_to_cpu(device->off_wrap), 0x8000 | (SIZE - 1));
	one_round(0, 2);
	assert_false(vq_notify_on(&vq));
	assert_int_equal(le16_to_cpu(device->off_wrap), 1);
	/* Once is enough: the driver's cache line is left alone. */
	vq_notify_off(&vq);
	device->flags = cpu_to_le16(0x1234);
	vq_notify_off(&vq);
	assert_int_equal(le16_to_cpu(device->flags), 0x1234);
}

/* Double fetch: what is checked is what is used */

static int flipping;

/* Another CPU writes good and bad values in turn, as fast as it can. */
static void *flip(void *arg)
{
	struct vring_packed_desc *t = (void *)(ram[0] + TABLE_GPA);
	u32 i;

	for (i = 0; __atomic_load_n(&flipping, __ATOMIC_RELAXED); i++) {
		bool bad = i & 1;

		WRITE_ONCE(desc[0].len, cpu_to_le32(bad ? 0xfffffff0 : 32));
		WRITE_ONCE(desc[0].id, cpu_to_le16(bad ? 60000 : 1));
		WRITE_ONCE(t[0].flags, cpu_to_le16(bad ? WRITE : 0));
		WRITE_ONCE(t[1].len, cpu_to_le32(bad ? 0x7fffffff : 64));
		WRITE_ONCE(t[1].flags, cpu_to_le16(bad ? 0 : WRITE));
	}
	return NULL;
}

static void iov_inside_ram(const struct vq_chain *c)
{
	u64 sum = 0;
	unsigned int i;

	assert_in_range(c->id, 0, SIZE - 1);
	for (i = 0; i < (unsigned int)c->out_num + c->in_num; i++) {
		const struct mem_region *r;
		bool inside = false;

		for (r = table.region; r < table.region + table.count; r++) {
			u64 off = (u64)((u8 *)iov[i].iov_base - r->hva);

			inside |= off < r->size &&
				  iov[i].iov_len <= r->size - off;
		}
		assert_true(inside);
		sum += iov[i].iov_len;
	}
	assert_int_equal(sum, c->out_len + c->in_len);
}

/* Rounds until both outcomes were seen often: else the race was not run. */
#define FLIP_ROUNDS 50000u
#define FLIP_SEEN   10u
#define FLIP_MAX_S  20

static void double_fetch(void **state)
{
	struct vring_packed_desc *t = (void *)(ram[0] + TABLE_GPA);
	const struct vq_setup s = ring_setup(INDIRECT, base_of(0, true));
	time_t end = time(NULL) + FLIP_MAX_S;
	unsigned int good = 0, bad = 0;
	pthread_t thread;

	fill(&desc[0], TABLE_GPA, 32, 1, TABLE | F_AVAIL);
	fill(&t[0], BUF_GPA, 8, 0, 0);
	fill(&t[1], BORDER - 32, 64, 0, WRITE);
	__atomic_store_n(&flipping, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_create(&thread, NULL, flip, NULL), 0);
	while (time(NULL) < end && (good + bad < FLIP_ROUNDS ||
				    good < FLIP_SEEN || bad < FLIP_SEEN)) {
		assert_int_equal(vq_start(&vq, &s), 0);
		if (vq_pop(&vq, &chain) == 1) {
			iov_inside_ram(&chain);
			good++;
		} else {
			assert_true(vq.fault == VQ_FAULT_ADDRESS ||
				    vq.fault == VQ_FAULT_ORDER ||
				    vq.fault == VQ_FAULT_ID ||
				    vq.fault == VQ_FAULT_INDIRECT);
			bad++;
		}
	}
	__atomic_store_n(&flipping, 0, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(good >= FLIP_SEEN && bad >= FLIP_SEEN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(start_checks),
		TEST(start_largest),
		TEST(start_base),
		TEST(start_area_ends),
		TEST(split_without_the_bit),
		TEST(empty_ring),
		TEST(plain_chain),
		TEST(write_flag_of_used),
		TEST(empty_parts_are_skipped),
		TEST(chain_of_ring_length),
		TEST(ring_of_one),
		TEST(buffer_over_border),
		TEST(nothing_in_zeroes),
		TEST(wrong_round),
		TEST(fault_id),
		TEST(fault_id_in_use),
		TEST(id_again_after_use),
		TEST(fault_more_than_size),
		TEST(fault_list_over_taken),
		TEST(fault_loop),
		TEST(fault_loop_of_nothing),
		TEST(fault_partial),
		TEST(fault_order),
		TEST(fault_address),
		TEST(fault_iov),
		TEST(fault_empty),
		TEST(indirect_good),
		TEST(indirect_write_flag),
		TEST(indirect_in_table_is_a_buffer),
		TEST(indirect_not_negotiated),
		TEST(indirect_with_next),
		TEST(indirect_after_direct),
		TEST(indirect_lengths),
		TEST(indirect_places),
		TEST(indirect_too_long_for_us),
		TEST(many_rounds),
		TEST(base_goes_on),
		TEST(base_of_virtio_user),
		TEST(base_of_virtio_uml),
		TEST(base_after_a_round),
		TEST(unpop_gives_back),
		TEST(unpop_to_zero),
		TEST(out_of_order),
		TEST(published_once),
		TEST(in_order_batch),
		TEST(call_by_flag),
		TEST(first_call_always),
		TEST(call_by_event),
		TEST(call_by_event_at_wrap),
		TEST(call_by_event_in_batch),
		TEST(notify_by_flag),
		TEST(notify_by_event),
		TEST(double_fetch),
	};

	return cmocka_run_group_tests_name("vq_packed", tests, NULL, NULL);
}
