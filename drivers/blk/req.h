/* SPDX-License-Identifier: GPL-2.0 */
/*
 * req - what goes into a virtio-blk request and what comes out of it: PURE
 */
#ifndef PVBLK_REQ_H
#define PVBLK_REQ_H

#include "pv_types.h"
#include <linux/blk_types.h>
#include <linux/virtio_blk.h>

/*
 * Written into the status byte before a request is offered.  No device may
 * answer with it, so finding it afterwards means nothing was written.
 */
#define PVBLK_STATUS_UNSET 0xff

/**
 * enum pvblk_outcome - how a request ended
 * @PVBLK_OK: the device did it
 * @PVBLK_IOERR: the device failed
 * @PVBLK_UNSUPP: the device does not know the operation
 * @PVBLK_SHORT: reported as done, but less data arrived than was asked for
 * @PVBLK_ABORTED: the device was reset with the request in flight
 * @PVBLK_LIE_LEN: the device claims more bytes than it was given room for
 * @PVBLK_LIE_STATUS: the status byte is unwritten or no status at all
 *
 * From the first lie on the device is not believed any more; such a request
 * ends only after a reset, since the device may still be using its buffers.
 */
enum pvblk_outcome {
	PVBLK_OK,
	PVBLK_IOERR,
	PVBLK_UNSUPP,
	PVBLK_SHORT,
	PVBLK_ABORTED,
	PVBLK_LIE_LEN,
	PVBLK_LIE_STATUS,
	PVBLK_OUTCOMES,
};

static inline bool pvblk_outcome_is_lie(enum pvblk_outcome outcome)
{
	return outcome >= PVBLK_LIE_LEN;
}

/**
 * struct pvblk_answer - what the device said about one request
 * @used_bytes: length in the used ring
 * @room_bytes: device-writable bytes of the request, its status byte included
 * @least_bytes: what a success must have written: @room_bytes for a read, and
 *	nothing in particular for all others
 * @status: the status byte
 * @len_counts: false for legacy devices, whose lengths mean nothing
 *	(virtio 1.3, 2.7.8.1)
 */
struct pvblk_answer {
	u32 used_bytes;
	u32 room_bytes;
	u32 least_bytes;
	u8 status;
	bool len_counts;
};

int pvblk_req_fill_header(struct virtio_blk_outhdr *hdr, enum req_op op,
			  u64 sector, bool little_endian);
void pvblk_req_fill_range(struct virtio_blk_discard_write_zeroes *range,
			  u64 sector, u32 sectors, bool unmap);
enum pvblk_outcome pvblk_req_judge(const struct pvblk_answer *answer);
blk_status_t pvblk_outcome_status(enum pvblk_outcome outcome);
const char *pvblk_outcome_name(enum pvblk_outcome outcome);

#endif /* PVBLK_REQ_H */
