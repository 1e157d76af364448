// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_vq_split - the split ring against a driver that does what it likes
 *
 * Guest memory is two memfd regions, neighbours in guest-physical space and
 * apart in ours.  The ring lies at the start of the first.
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

#define REGION	   0x10000ul
#define BORDER	   REGION /* gpa where the second region begins */
#define UVA	   0x7f0000000000ull
#define SIZE	   8u
#define DESC_GPA   0x0ul
#define AVAIL_GPA  0x1000ul
#define USED_GPA   0x2000ul
#define TABLE_GPA  0x3000ul /* indirect descriptors */
#define BUF_GPA	   0x4000ul
#define IOV_MAX_ENTRIES 1024

#define INDIRECT BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

static struct mem_table table;
static u8 *ram[2];
static int fds[2];
static struct vring_desc *desc;
static struct vring_avail *avail;
static struct vring_used *used;
static struct vq vq;
static struct iovec iov[IOV_MAX_ENTRIES];
static struct vq_chain chain;

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
	avail = (void *)(ram[0] + AVAIL_GPA);
	used = (void *)(ram[0] + USED_GPA);
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
		.features = features,
		.size = SIZE,
		.desc_uva = UVA + DESC_GPA,
		.avail_uva = UVA + AVAIL_GPA,
		.used_uva = UVA + USED_GPA,
		.base = base,
	};
}

static void start(u64 features, u16 base)
{
	const struct vq_setup s = ring_setup(features, base);

	avail->idx = cpu_to_le16(base);
	used->idx = cpu_to_le16(base);
	assert_int_equal(vq_start(&vq, &s), 0);
}

static void put_desc(struct vring_desc *d, u64 addr, u32 len, u16 flags,
		     u16 next)
{
	*d = (struct vring_desc){
		.addr = cpu_to_le64(addr),
		.len = cpu_to_le32(len),
		.flags = cpu_to_le16(flags),
		.next = cpu_to_le16(next),
	};
}

static void make_available(u16 head)
{
	u16 idx = le16_to_cpu(avail->idx);

	avail->ring[idx % SIZE] = cpu_to_le16(head);
	avail->idx = cpu_to_le16((u16)(idx + 1));
}

static void expect_fault(enum vq_fault fault)
{
	assert_int_equal(vq_pop(&vq, &chain), -EPROTO);
	assert_int_equal(vq.fault, fault);
	/* Broken for good: nothing moves, nothing is signalled. */
	assert_int_equal(vq_pop(&vq, &chain), -EPROTO);
	vq_push(&vq, 0, 0);
	assert_false(vq_publish(&vq));
	assert_int_equal(used->idx, 0);
	assert_false(vq_pending(&vq));
	assert_false(vq_notify_on(&vq));
}

/* Setting up */

static void start_checks(void **state)
{
	static const u32 sizes[] = { 0, 3, 7, 24, 32769, 65536, UINT32_MAX };
	struct vq_setup s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		s = ring_setup(0, 0);
		s.size = sizes[i];
		assert_int_equal(vq_start(&vq, &s), -EINVAL);
	}
	s = ring_setup(0, 65536);
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s = ring_setup(0, 0);
	s.desc_uva += 8;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s = ring_setup(0, 0);
	s.avail_uva += 1;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	s = ring_setup(0, 0);
	s.used_uva += 2;
	assert_int_equal(vq_start(&vq, &s), -EINVAL);
	/* Untouched on failure. */
	assert_null(vq.ops);
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
	s.avail_uva = end - (4 + SIZE * 2 + 2);
	assert_int_equal(vq_start(&vq, &s), 0);
	s.avail_uva += 2;
	assert_int_equal(vq_start(&vq, &s), -EFAULT);

	s = ring_setup(0, 0);
	s.used_uva = (end - (4 + SIZE * 8 + 2)) & ~3ull;
	assert_int_equal(vq_start(&vq, &s), 0);
	s.used_uva += 4;
	assert_int_equal(vq_start(&vq, &s), -EFAULT);

	s = ring_setup(0, 0);
	s.desc_uva = UINT64_MAX - 15;
	assert_int_equal(vq_start(&vq, &s), -EFAULT);
}

/* Good chains */

static void empty_ring(void **state)
{
	start(0, 0);
	assert_int_equal(vq_pop(&vq, &chain), 0);
	assert_false(vq_pending(&vq));
	assert_false(vq_publish(&vq));
}

static void plain_chain(void **state)
{
	start(0, 0);
	put_desc(&desc[3], BUF_GPA, 16, VRING_DESC_F_NEXT, 5);
	put_desc(&desc[5], BUF_GPA + 0x100, 512,
		 VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	put_desc(&desc[1], BUF_GPA + 0x400, 1, VRING_DESC_F_WRITE, 0);
	make_available(3);
	assert_true(vq_pending(&vq));
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 3);
	assert_int_equal(chain.out_num, 1);
	assert_int_equal(chain.in_num, 2);
	assert_int_equal(chain.out_len, 16);
	assert_int_equal(chain.in_len, 513);
	assert_int_equal(iov[1].iov_len, 512);
	/* The same memory, mapped elsewhere. */
	ram[0][BUF_GPA + 0x100] = 0x5a;
	assert_int_equal(*(u8 *)iov[1].iov_base, 0x5a);

	vq_push(&vq, chain.id, 513);
	assert_int_equal(used->idx, 0);
	assert_true(vq_publish(&vq));
	assert_int_equal(le16_to_cpu(used->idx), 1);
	assert_int_equal(le32_to_cpu(used->ring[0].id), 3);
	assert_int_equal(le32_to_cpu(used->ring[0].len), 513);
	assert_int_equal(vq_pop(&vq, &chain), 0);
}

static void empty_parts_are_skipped(void **state)
{
	start(0, 0);
	put_desc(&desc[0], BUF_GPA, 0, VRING_DESC_F_NEXT, 1);
	put_desc(&desc[1], BUF_GPA, 4, VRING_DESC_F_NEXT, 2);
	put_desc(&desc[2], 0xdeadbeef000, 0, VRING_DESC_F_WRITE, 0);
	make_available(0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.out_num, 1);
	assert_int_equal(chain.in_num, 0);
}

static void chain_of_ring_length(void **state)
{
	u16 i;

	start(0, 0);
	for (i = 0; i < SIZE; i++)
		put_desc(&desc[i], BUF_GPA + i, 1,
			 i < SIZE - 1 ? VRING_DESC_F_NEXT : 0, (u16)(i + 1));
	make_available(0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.out_num, SIZE);
}

static void buffer_over_border(void **state)
{
	start(0, 0);
	put_desc(&desc[0], BORDER - 3, 10, VRING_DESC_F_WRITE, 0);
	make_available(0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.in_num, 2);
	assert_int_equal(chain.in_len, 10);
	assert_int_equal(iov[0].iov_len, 3);
	assert_int_equal(iov[1].iov_len, 7);
	memset(iov[1].iov_base, 0x33, 7);
	assert_int_equal(ram[1][6], 0x33);

	/* The other region from now on, then back: hints must not mislead. */
	put_desc(&desc[1], BORDER, 4, 0, 0);
	make_available(1);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	ram[1][0] = 0x44;
	assert_int_equal(*(u8 *)iov[0].iov_base, 0x44);
	put_desc(&desc[2], BUF_GPA, 4, 0, 0);
	make_available(2);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	ram[0][BUF_GPA] = 0x55;
	assert_int_equal(*(u8 *)iov[0].iov_base, 0x55);
}

/* Bad chains, a function for each enum vq_fault */

static void fault_avail_jump(void **state)
{
	start(0, 0);
	avail->idx = cpu_to_le16(SIZE + 1);
	expect_fault(VQ_FAULT_AVAIL_JUMP);
}

static void fault_avail_backwards(void **state)
{
	start(0, 0);
	put_desc(&desc[0], BUF_GPA, 1, 0, 0);
	make_available(0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	avail->idx = 0;
	expect_fault(VQ_FAULT_AVAIL_JUMP);
}

static void full_ring_is_no_jump(void **state)
{
	u16 i;

	start(0, 0);
	put_desc(&desc[0], BUF_GPA, 1, 0, 0);
	for (i = 0; i < SIZE; i++)
		make_available(0);
	for (i = 0; i < SIZE; i++)
		assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(vq_pop(&vq, &chain), 0);
}

static void fault_head(void **state)
{
	start(0, 0);
	make_available(SIZE);
	expect_fault(VQ_FAULT_HEAD);
}

static void fault_next(void **state)
{
	start(0, 0);
	put_desc(&desc[0], BUF_GPA, 1, VRING_DESC_F_NEXT, SIZE);
	make_available(0);
	expect_fault(VQ_FAULT_NEXT);
}

static void fault_loop(void **state)
{
	start(0, 0);
	put_desc(&desc[0], BUF_GPA, 1, VRING_DESC_F_NEXT, 1);
	put_desc(&desc[1], BUF_GPA, 1, VRING_DESC_F_NEXT, 0);
	make_available(0);
	expect_fault(VQ_FAULT_LOOP);
}

static void fault_loop_of_nothing(void **state)
{
	start(0, 0);
	put_desc(&desc[0], BUF_GPA, 0, VRING_DESC_F_NEXT, 0);
	make_available(0);
	expect_fault(VQ_FAULT_LOOP);
}

static void fault_order(void **state)
{
	start(0, 0);
	put_desc(&desc[0], BUF_GPA, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
		 1);
	put_desc(&desc[1], BUF_GPA, 1, 0, 0);
	make_available(0);
	expect_fault(VQ_FAULT_ORDER);
}

static void fault_address(void **state)
{
	static const struct {
		u64 addr;
		u32 len;
	} bad[] = {
		{ 2 * REGION, 1 },
		{ 2 * REGION - 1, 2 },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX, 2 },
		{ BUF_GPA, UINT32_MAX },
		{ UINT64_MAX - 0xfff, 0x2000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(0, 0);
		put_desc(&desc[0], bad[i].addr, bad[i].len, 0, 0);
		make_available(0);
		expect_fault(VQ_FAULT_ADDRESS);
		vq_stop(&vq);
	}
}

static void fault_iov(void **state)
{
	start(0, 0);
	chain.iov_max = 2;
	put_desc(&desc[0], BUF_GPA, 1, VRING_DESC_F_NEXT, 1);
	put_desc(&desc[1], BUF_GPA, 1, VRING_DESC_F_NEXT, 2);
	put_desc(&desc[2], BUF_GPA, 1, 0, 0);
	make_available(0);
	expect_fault(VQ_FAULT_IOV);
}

static void fault_iov_at_border(void **state)
{
	start(0, 0);
	chain.iov_max = 1;
	put_desc(&desc[0], BORDER - 1, 2, 0, 0);
	make_available(0);
	expect_fault(VQ_FAULT_IOV);
}

static void fault_empty(void **state)
{
	start(0, 0);
	put_desc(&desc[0], BUF_GPA, 0, VRING_DESC_F_NEXT, 1);
	put_desc(&desc[1], BUF_GPA, 0, VRING_DESC_F_WRITE, 0);
	make_available(0);
	expect_fault(VQ_FAULT_EMPTY);
}

/* Indirect descriptors */

static struct vring_desc *indirect(u32 count, u16 flags)
{
	put_desc(&desc[0], TABLE_GPA, count * 16,
		 (u16)(VRING_DESC_F_INDIRECT | flags), 1);
	make_available(0);
	return (void *)(ram[0] + TABLE_GPA);
}

static void indirect_good(void **state)
{
	struct vring_desc *t;
	u16 i;

	start(INDIRECT, 0);
	t = indirect(SIZE + 4, 0);
	/* Longer than the ring, in an order of its own. */
	for (i = 0; i < SIZE + 4; i++)
		put_desc(&t[i], BUF_GPA + i, 1,
			 (u16)(VRING_DESC_F_WRITE |
			       (i < SIZE + 3 ? VRING_DESC_F_NEXT : 0)),
			 (u16)(i + 1));
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 0);
	assert_int_equal(chain.in_num, SIZE + 4);
}

/* virtio 1.3, 2.7.5.3.2: normal ones first, then one that is indirect */
static void indirect_after_direct(void **state)
{
	struct vring_desc *t = (void *)(ram[0] + TABLE_GPA);

	start(INDIRECT, 0);
	put_desc(&desc[2], BUF_GPA, 16, VRING_DESC_F_NEXT, 4);
	put_desc(&desc[4], TABLE_GPA, 16, VRING_DESC_F_INDIRECT, 0);
	put_desc(&t[0], BUF_GPA + 16, 8, VRING_DESC_F_WRITE, 0);
	make_available(2);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 2);
	assert_int_equal(chain.out_len, 16);
	assert_int_equal(chain.in_len, 8);
}

static void indirect_not_negotiated(void **state)
{
	start(0, 0);
	put_desc(indirect(1, 0), BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_INDIRECT);
}

static void indirect_nested(void **state)
{
	start(INDIRECT, 0);
	put_desc(indirect(1, 0), TABLE_GPA, 16, VRING_DESC_F_INDIRECT, 0);
	expect_fault(VQ_FAULT_INDIRECT);
}

static void indirect_with_next(void **state)
{
	start(INDIRECT, 0);
	put_desc(indirect(1, VRING_DESC_F_NEXT), BUF_GPA, 1, 0, 0);
	expect_fault(VQ_FAULT_INDIRECT);
}

static void indirect_lengths(void **state)
{
	static const u32 bad[] = { 0, 1, 15, 17, 16 * 32768 + 16, UINT32_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start(INDIRECT, 0);
		put_desc(&desc[0], TABLE_GPA, bad[i], VRING_DESC_F_INDIRECT, 0);
		make_available(0);
		expect_fault(VQ_FAULT_INDIRECT);
	}
}

static void indirect_table_over_border(void **state)
{
	start(INDIRECT, 0);
	put_desc(&desc[0], BORDER - 16, 32, VRING_DESC_F_INDIRECT, 0);
	make_available(0);
	expect_fault(VQ_FAULT_ADDRESS);
}

static void indirect_table_unaligned(void **state)
{
	start(INDIRECT, 0);
	put_desc(&desc[0], TABLE_GPA + 1, 16, VRING_DESC_F_INDIRECT, 0);
	make_available(0);
	expect_fault(VQ_FAULT_INDIRECT);
}

static void indirect_next_and_loop(void **state)
{
	struct vring_desc *t;

	start(INDIRECT, 0);
	t = indirect(2, 0);
	put_desc(&t[0], BUF_GPA, 1, VRING_DESC_F_NEXT, 2);
	expect_fault(VQ_FAULT_NEXT);

	start(INDIRECT, 0);
	t = indirect(2, 0);
	put_desc(&t[0], BUF_GPA, 1, VRING_DESC_F_NEXT, 1);
	put_desc(&t[1], BUF_GPA, 1, VRING_DESC_F_NEXT, 1);
	expect_fault(VQ_FAULT_LOOP);
}

static void indirect_too_long_for_us(void **state)
{
	struct vring_desc *t = (void *)ram[1];
	u16 i;

	start(INDIRECT, 0);
	put_desc(&desc[0], BORDER, (VQ_CHAIN_IOV_MAX + 1) * 16,
		 VRING_DESC_F_INDIRECT, 0);
	for (i = 0; i <= VQ_CHAIN_IOV_MAX; i++)
		put_desc(&t[i], BUF_GPA, 1,
			 i < VQ_CHAIN_IOV_MAX ? VRING_DESC_F_NEXT : 0,
			 (u16)(i + 1));
	make_available(0);
	expect_fault(VQ_FAULT_IOV);
}

/* Positions */

static void one_round(u16 head)
{
	put_desc(&desc[head], BUF_GPA + head, 1, 0, 0);
	make_available(head);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, head);
	vq_push(&vq, chain.id, head);
	vq_publish(&vq);
}

static void indices_wrap(void **state)
{
	u32 i;

	start(0, 65530);
	for (i = 0; i < 20; i++) {
		one_round((u16)(i % SIZE));
		assert_int_equal(le16_to_cpu(used->idx), (u16)(65531 + i));
	}
	assert_int_equal(vq_base(&vq), 14);
}

static void base_goes_on(void **state)
{
	struct vq_setup s;

	start(0, 0);
	one_round(0);
	one_round(1);
	assert_int_equal(vq_base(&vq), 2);
	s = ring_setup(0, vq_base(&vq));
	vq_stop(&vq);
	assert_int_equal(vq_start(&vq, &s), 0);
	one_round(2);
	assert_int_equal(le16_to_cpu(used->idx), 3);
}

static void unpop_gives_back(void **state)
{
	u16 i;

	start(0, 0);
	for (i = 0; i < 3; i++) {
		put_desc(&desc[i], BUF_GPA + i, 1, 0, 0);
		make_available(i);
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(vq_base(&vq), 3);
	vq_unpop(&vq, 2);
	vq_unpop(&vq, 1);
	assert_int_equal(vq_base(&vq), 1);
	assert_true(vq_pending(&vq));
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 1);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 2);
	assert_int_equal(vq_pop(&vq, &chain), 0);
}

static void published_once(void **state)
{
	u16 i;

	start(0, 0);
	for (i = 0; i < 4; i++) {
		put_desc(&desc[i], BUF_GPA, 1, 0, 0);
		make_available(i);
		assert_int_equal(vq_pop(&vq, &chain), 1);
		vq_push(&vq, chain.id, 0);
	}
	assert_int_equal(used->idx, 0);
	assert_int_equal(vq.staged, 4);
	assert_true(vq_publish(&vq));
	assert_int_equal(le16_to_cpu(used->idx), 4);
	assert_int_equal(vq.staged, 0);
	assert_false(vq_publish(&vq));
}

#define IN_ORDER BIT_ULL(VIRTIO_F_IN_ORDER)

/*
 * virtio 1.3, 2.7.9: the entry for a batch is where the first one's would be,
 * the index moves by all of them.
 */
static void in_order_batch(void **state)
{
	u16 i;

	start(IN_ORDER, 6);
	for (i = 0; i < 4; i++) {
		put_desc(&desc[i], BUF_GPA, 16, VRING_DESC_F_WRITE, 0);
		make_available(i);
		assert_int_equal(vq_pop(&vq, &chain), 1);
	}
	memset(used->ring, 0xff, sizeof(used->ring[0]) * SIZE);
	vq_push(&vq, 2, 5);
	vq_push(&vq, 1, 16);
	assert_false(vq_publish(&vq));
	assert_int_equal(le16_to_cpu(used->idx), 6);
	vq_push(&vq, 0, 16);
	assert_true(vq_publish(&vq));
	assert_int_equal(le16_to_cpu(used->idx), 9);
	assert_int_equal(le32_to_cpu(used->ring[6].id), 2);
	assert_int_equal(le32_to_cpu(used->ring[6].len), 5);
	assert_int_equal(le32_to_cpu(used->ring[7].id), UINT32_MAX);
	vq_push(&vq, 3, 1);
	vq_publish(&vq);
	assert_int_equal(le32_to_cpu(used->ring[1].id), 3);
	assert_int_equal(le16_to_cpu(used->idx), 10);
}

/* Its turn could not be told from the other's. */
static void in_order_id_in_use(void **state)
{
	start(IN_ORDER, 0);
	put_desc(&desc[0], BUF_GPA, 1, 0, 0);
	make_available(0);
	make_available(0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	expect_fault(VQ_FAULT_ID);
}

static void in_order_unpop(void **state)
{
	u16 i;

	start(IN_ORDER, 0);
	for (i = 0; i < 3; i++) {
		put_desc(&desc[i], BUF_GPA, 1, 0, 0);
		make_available(i);
		assert_int_equal(vq_pop(&vq, &chain), 1);
	}
	vq_unpop(&vq, 2);
	vq_unpop(&vq, 1);
	vq_push(&vq, 0, 0);
	vq_publish(&vq);
	assert_int_equal(le16_to_cpu(used->idx), 1);
	assert_int_equal(vq_base(&vq), 1);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.id, 1);
}

/* Notifications */

static bool round_calls(u16 head)
{
	put_desc(&desc[head], BUF_GPA, 1, 0, 0);
	make_available(head);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_push(&vq, chain.id, 0);
	return vq_publish(&vq);
}

static void call_by_flag(void **state)
{
	start(0, 0);
	assert_true(round_calls(0));
	avail->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	assert_false(round_calls(1));
	avail->flags = 0;
	assert_true(round_calls(2));
}

/* What the driver had asked for when we were not there cannot be known. */
static void first_call_always(void **state)
{
	start(0, 0);
	avail->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	assert_true(round_calls(0));
	assert_false(round_calls(1));

	start(EVENT, 0);
	avail->ring[SIZE] = cpu_to_le16(1000);
	assert_true(round_calls(0));
	assert_false(round_calls(1));
}

static void set_used_event(u16 idx)
{
	avail->ring[SIZE] = cpu_to_le16(idx);
}

static void call_by_event(void **state)
{
	start(EVENT, 0);
	set_used_event(0);
	assert_true(round_calls(0));
	set_used_event(3);
	assert_false(round_calls(1));
	assert_false(round_calls(2));
	assert_true(round_calls(3));
	/* Not asked for again. */
	assert_false(round_calls(4));
	/* Flags mean nothing now. */
	avail->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	set_used_event(5);
	assert_true(round_calls(5));
}

static void call_by_event_at_wrap(void **state)
{
	start(EVENT, 65533);
	set_used_event(65533);
	assert_true(round_calls(0));
	set_used_event(0);
	assert_false(round_calls(1)); /* used 65535 */
	assert_false(round_calls(2)); /* used 0 */
	assert_true(round_calls(3)); /* used 1 passes 0 */
	set_used_event(65535);
	assert_false(round_calls(4));
}

/* One publish that jumps over the event. */
static void call_by_event_in_batch(void **state)
{
	u16 i;

	start(EVENT, 65534);
	set_used_event(65534);
	assert_true(round_calls(0));
	set_used_event(1);
	for (i = 0; i < 5; i++) {
		put_desc(&desc[i], BUF_GPA, 1, 0, 0);
		make_available(i);
		assert_int_equal(vq_pop(&vq, &chain), 1);
		vq_push(&vq, chain.id, 0);
	}
	assert_true(vq_publish(&vq));
	assert_int_equal(le16_to_cpu(used->idx), 4);
}

static void notify_by_flag(void **state)
{
	start(0, 0);
	vq_notify_off(&vq);
	assert_int_equal(le16_to_cpu(used->flags), VRING_USED_F_NO_NOTIFY);
	assert_false(vq_notify_on(&vq));
	assert_int_equal(le16_to_cpu(used->flags), 0);
	put_desc(&desc[0], BUF_GPA, 1, 0, 0);
	make_available(0);
	assert_true(vq_notify_on(&vq));
}

static u16 avail_event(void)
{
	u16 event;

	memcpy(&event, &used->ring[SIZE], sizeof(event));
	return event;
}

static void notify_by_event(void **state)
{
	start(EVENT, 65535);
	vq_notify_off(&vq);
	assert_int_equal(le16_to_cpu(used->flags), 0);
	assert_false(vq_notify_on(&vq));
	assert_int_equal(avail_event(), 65535);
	one_round(0);
	assert_false(vq_notify_on(&vq));
	assert_int_equal(avail_event(), 0);
	/* The driver passes avail_event with its next buffer: it will kick. */
	assert_true(vring_need_event(avail_event(), 1, 0));
}

/* Double fetch: what is checked is what is used */

static int flipping;

/* Another CPU writes good and bad values in turn, as fast as it can. */
static void *flip(void *arg)
{
	struct vring_desc *t = (void *)(ram[0] + TABLE_GPA);
	u32 i;

	for (i = 0; __atomic_load_n(&flipping, __ATOMIC_RELAXED); i++) {
		bool bad = i & 1;

		WRITE_ONCE(desc[0].len, cpu_to_le32(bad ? 0xfffffff0 : 32));
		WRITE_ONCE(t[0].next, cpu_to_le16(bad ? 60000 : 1));
		WRITE_ONCE(t[1].len, cpu_to_le32(bad ? 0x7fffffff : 64));
	}
	return NULL;
}

static void iov_inside_ram(const struct vq_chain *c)
{
	u64 sum = 0;
	unsigned int i;

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
	struct vring_desc *t = (void *)(ram[0] + TABLE_GPA);
	time_t end = time(NULL) + FLIP_MAX_S;
	unsigned int good = 0, bad = 0;
	pthread_t thread;

	put_desc(&desc[0], TABLE_GPA, 32, VRING_DESC_F_INDIRECT, 0);
	put_desc(&t[0], BUF_GPA, 8, VRING_DESC_F_NEXT, 1);
	put_desc(&t[1], BORDER - 32, 64, VRING_DESC_F_WRITE, 0);
	__atomic_store_n(&flipping, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_create(&thread, NULL, flip, NULL), 0);
	while (time(NULL) < end && (good + bad < FLIP_ROUNDS ||
				    good < FLIP_SEEN || bad < FLIP_SEEN)) {
		start(INDIRECT, 0);
		make_available(0);
		if (vq_pop(&vq, &chain) == 1) {
			iov_inside_ram(&chain);
			good++;
		} else {
			assert_true(vq.fault == VQ_FAULT_ADDRESS ||
				    vq.fault == VQ_FAULT_NEXT ||
				    vq.fault == VQ_FAULT_INDIRECT);
			bad++;
		}
	}
	__atomic_store_n(&flipping, 0, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(good >= FLIP_SEEN && bad >= FLIP_SEEN);
}

/* The dirty log */

#define LOG_PAGE 4096ull
#define LOG_AT	 (20 * LOG_PAGE)

static u8 log_bits[8];
static struct dirty_log ring_log = { .bits = log_bits, .size = 8 };

/* The page of LOG_AT lies @off bytes into the device area. */
static void start_logged(u64 features, u16 base, u64 off)
{
	struct vq_setup s = ring_setup(features, base);

	s.dirty = &ring_log;
	s.log_ring = true;
	s.ring_log = LOG_AT - off;
	avail->idx = cpu_to_le16(base);
	used->idx = cpu_to_le16(base);
	assert_int_equal(vq_start(&vq, &s), 0);
}

/* What was logged since the last call: the page before LOG_AT, that page */
static void expect_logged(bool before, bool at)
{
	assert_int_equal(log_bits[2], before << 3 | at << 4);
	memset(log_bits, 0, sizeof(log_bits));
}

static void use_one(void)
{
	put_desc(&desc[0], BUF_GPA, 8, VRING_DESC_F_WRITE, 0);
	make_available(0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_push(&vq, 0, 8);
}

/* Each used entry for itself, also where a batch goes round the end. */
static void used_entries_are_logged(void **state)
{
	unsigned int slot, i;

	for (slot = 1; slot < SIZE; slot++) {
		start_logged(0, 0, 4 + slot * 8);
		for (i = 0; i < SIZE; i++) {
			use_one();
			vq_publish(&vq);
			/* The index is always before the page. */
			expect_logged(true, i >= slot);
		}
		use_one();
		vq_publish(&vq);
		expect_logged(true, false);
	}
	start_logged(0, SIZE - 1, 4 + 8);
	use_one();
	use_one();
	vq_publish(&vq);
	/* The last slot and the first one. */
	expect_logged(true, true);
}

static void used_words_are_logged(void **state)
{
	start_logged(0, 0, 2);
	vq_notify_off(&vq);
	expect_logged(true, false);
	vq_notify_on(&vq);
	expect_logged(true, false);
	use_one();
	vq_publish(&vq);
	expect_logged(false, true);

	start_logged(EVENT, 0, 4 + SIZE * 8);
	vq_notify_off(&vq);
	expect_logged(false, false);
	vq_notify_on(&vq);
	expect_logged(false, true);
	use_one();
	vq_publish(&vq);
	expect_logged(true, false);
}

static void log_must_cover_the_ring(void **state)
{
	struct vq_setup s = ring_setup(0, 0);
	const u64 len = 4 + SIZE * 8 + 2;
	const u64 end = sizeof(log_bits) * 8 * LOG_PAGE;

	s.dirty = &ring_log;
	s.log_ring = true;
	s.ring_log = end - len;
	assert_int_equal(vq_start(&vq, &s), 0);
	s.ring_log = end - len + 1;
	assert_int_equal(vq_start(&vq, &s), -ERANGE);
	s.ring_log = UINT64_MAX;
	assert_int_equal(vq_start(&vq, &s), -ERANGE);
	s.log_ring = false;
	assert_int_equal(vq_start(&vq, &s), 0);
	use_one();
	vq_publish(&vq);
	expect_logged(false, false);
}

static void buffers_are_logged(void **state)
{
	start_logged(0, 0, 0);
	memset(log_bits, 0, sizeof(log_bits));
	put_desc(&desc[0], BORDER - 8, 16, VRING_DESC_F_WRITE, 0);
	make_available(0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_wrote_iov(&vq, chain.iov, chain.in_num, 8);
	assert_int_equal(log_bits[1], 1 << 7);
	vq_wrote(&vq, chain.iov[1].iov_base, 1);
	assert_int_equal(log_bits[2], 1);
	memset(log_bits, 0, sizeof(log_bits));
}

static void faults_have_names(void **state)
{
	int fault;

	for (fault = 0; fault < VQ_FAULT_MAX; fault++)
		assert_true(strlen(vq_fault_name((enum vq_fault)fault)) > 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(start_checks),
		TEST(start_area_ends),
		TEST(empty_ring),
		TEST(plain_chain),
		TEST(empty_parts_are_skipped),
		TEST(chain_of_ring_length),
		TEST(buffer_over_border),
		TEST(fault_avail_jump),
		TEST(fault_avail_backwards),
		TEST(full_ring_is_no_jump),
		TEST(fault_head),
		TEST(fault_next),
		TEST(fault_loop),
		TEST(fault_loop_of_nothing),
		TEST(fault_order),
		TEST(fault_address),
		TEST(fault_iov),
		TEST(fault_iov_at_border),
		TEST(fault_empty),
		TEST(indirect_good),
		TEST(indirect_after_direct),
		TEST(indirect_not_negotiated),
		TEST(indirect_nested),
		TEST(indirect_with_next),
		TEST(indirect_lengths),
		TEST(indirect_table_over_border),
		TEST(indirect_table_unaligned),
		TEST(indirect_next_and_loop),
		TEST(indirect_too_long_for_us),
		TEST(indices_wrap),
		TEST(base_goes_on),
		TEST(unpop_gives_back),
		TEST(published_once),
		TEST(in_order_batch),
		TEST(in_order_id_in_use),
		TEST(in_order_unpop),
		TEST(call_by_flag),
		TEST(first_call_always),
		TEST(call_by_event),
		TEST(call_by_event_at_wrap),
		TEST(call_by_event_in_batch),
		TEST(notify_by_flag),
		TEST(notify_by_event),
		TEST(double_fetch),
		TEST(used_entries_are_logged),
		TEST(used_words_are_logged),
		TEST(log_must_cover_the_ring),
		TEST(buffers_are_logged),
		TEST(faults_have_names),
	};

	return cmocka_run_group_tests_name("vq_split", tests, NULL, NULL);
}
