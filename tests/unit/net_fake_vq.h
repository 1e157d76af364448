/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net_fake_vq - a virtqueue whose driver is the test
 *
 * Buffers are given as arrays of iov; what the device pushes is recorded.
 */
#ifndef NET_FAKE_VQ_H
#define NET_FAKE_VQ_H

#include "queue.h"

#define FAKE_RING 16
#define FAKE_IOV  8
#define FAKE_BUFS 1500

struct fake_buf {
	struct iovec iov[FAKE_IOV];
	unsigned int out_num;
	unsigned int in_num;
};

struct fake_vq {
	struct queue q;
	struct fake_buf bufs[FAKE_BUFS];
	unsigned int avail;
	unsigned int next;
	unsigned int pushed;
	u16 push_id[FAKE_BUFS];
	u32 push_len[FAKE_BUFS];
	unsigned int flushes;
	unsigned int failures;
};

void fake_vq_init(struct fake_vq *f, u64 features);

/** fake_vq_add() - make a buffer available; entries of @iov: first @out read ones */
void fake_vq_add(struct fake_vq *f, const struct iovec *iov, unsigned int out,
		 unsigned int in);

#endif /* NET_FAKE_VQ_H */
