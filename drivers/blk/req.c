// SPDX-License-Identifier: GPL-2.0
/*
 * req - what goes into a virtio-blk request and what comes out of it: PURE
 */
#include "req.h"

#include <linux/virtio_byteorder.h>

/**
 * pvblk_req_fill_header() - translate a block operation
 * @hdr: receives the request header
 * @op: REQ_OP_*; REQ_OP_DRV_IN stands for GET_ID, this driver's only
 *	passthrough
 * @sector: first sector of 512 bytes
 * @little_endian: byte order of the header; false only for legacy devices of
 *	a big-endian guest
 *
 * The header's sector is zero where the operation carries its ranges as data
 * or has none (virtio 1.3, 5.2.6).
 *
 * Return: 0, or -EOPNOTSUPP for an operation virtio-blk does not have; @hdr is
 * untouched then.
 */
int pvblk_req_fill_header(struct virtio_blk_outhdr *hdr, enum req_op op,
			  u64 sector, bool little_endian)
{
	u64 header_sector = 0;
	u32 type;

	switch (op) {
	case REQ_OP_READ:
		type = VIRTIO_BLK_T_IN;
		header_sector = sector;
		break;
	case REQ_OP_WRITE:
		type = VIRTIO_BLK_T_OUT;
		header_sector = sector;
		break;
	case REQ_OP_FLUSH:
		type = VIRTIO_BLK_T_FLUSH;
		break;
	case REQ_OP_DISCARD:
		type = VIRTIO_BLK_T_DISCARD;
		break;
	case REQ_OP_WRITE_ZEROES:
		type = VIRTIO_BLK_T_WRITE_ZEROES;
		break;
	case REQ_OP_DRV_IN:
		type = VIRTIO_BLK_T_GET_ID;
		break;
	default:
		return -EOPNOTSUPP;
	}

	hdr->type = __cpu_to_virtio32(little_endian, type);
	hdr->ioprio = 0;
	hdr->sector = __cpu_to_virtio64(little_endian, header_sector);
	return 0;
}

/**
 * pvblk_req_fill_range() - one range of a discard or write-zeroes request
 * @range: receives the range; little-endian with every device
 * @sector: first sector of 512 bytes
 * @sectors: number of sectors
 * @unmap: the device may deallocate; must be false for a discard
 *	(virtio 1.3, 5.2.6.2)
 */
void pvblk_req_fill_range(struct virtio_blk_discard_write_zeroes *range,
			  u64 sector, u32 sectors, bool unmap)
{
	u32 flags = unmap ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	range->sector = cpu_to_le64(sector);
	range->num_sectors = cpu_to_le32(sectors);
	range->flags = cpu_to_le32(flags);
}

/**
 * pvblk_req_judge() - decide how a request ended
 * @answer: what the device said
 *
 * The used length has an upper bound that only a broken device exceeds.  It
 * also has a lower one: a successful request whose data was not all written
 * would hand stale memory of the guest to the reader, so it fails.  A length
 * too short for anything else does no harm, and devices do report those.
 */
enum pvblk_outcome pvblk_req_judge(const struct pvblk_answer *answer)
{
	if (answer->len_counts && answer->used_bytes > answer->room_bytes)
		return PVBLK_LIE_LEN;

	switch (answer->status) {
	case VIRTIO_BLK_S_OK:
		break;
	case VIRTIO_BLK_S_IOERR:
		return PVBLK_IOERR;
	case VIRTIO_BLK_S_UNSUPP:
		return PVBLK_UNSUPP;
	default:
		return PVBLK_LIE_STATUS;
	}

	if (answer->len_counts && answer->used_bytes < answer->least_bytes)
		return PVBLK_SHORT;
	return PVBLK_OK;
}

/* pvblk_outcome_status() - the block layer's word for @outcome */
blk_status_t pvblk_outcome_status(enum pvblk_outcome outcome)
{
	switch (outcome) {
	case PVBLK_OK:
		return BLK_STS_OK;
	case PVBLK_UNSUPP:
		return BLK_STS_NOTSUPP;
	default:
		return BLK_STS_IOERR;
	}
}

/* pvblk_outcome_name() - @outcome for messages */
const char *pvblk_outcome_name(enum pvblk_outcome outcome)
{
	static const char *const names[PVBLK_OUTCOMES] = {
		[PVBLK_OK] = "ok",
		[PVBLK_IOERR] = "I/O error",
		[PVBLK_UNSUPP] = "not supported",
		[PVBLK_SHORT] = "short data",
		[PVBLK_ABORTED] = "aborted",
		[PVBLK_LIE_LEN] = "used length exceeds the request's buffers",
		[PVBLK_LIE_STATUS] = "invalid status byte",
	};

	return outcome < PVBLK_OUTCOMES ? names[outcome] : "unknown";
}
