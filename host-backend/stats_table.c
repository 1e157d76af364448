// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats_table - every counter: name, meaning, unit, where it is kept
 */
#include "stats_table.h"

#include "blk_io.h"
#include "nbd_stats.h"
#include "net_stats.h"
#include "port.h"
#include "queue.h"

#define QUEUE(name, unit, help)                           \
	{                                                 \
		STATS_QUEUE, #name, help, STATS_##unit,   \
			offsetof(struct queue_stats, name) \
	}
#define BLK(name, field, unit, help)                     \
	{                                                \
		STATS_BLK, name, help, STATS_##unit,     \
			offsetof(struct blk_stats, field) \
	}
#define NBD(name, help)                                      \
	{                                                    \
		STATS_NBD, "nbd_" #name, help, STATS_EVENTS, \
			offsetof(struct nbd_stats, name)     \
	}
#define NET(name, field, unit, help)                     \
	{                                                \
		STATS_NET, name, help, STATS_##unit,     \
			offsetof(struct net_stats, field) \
	}
#define PORT(name, help)                                 \
	{                                                \
		STATS_PORT, #name, help, STATS_EVENTS,   \
			offsetof(struct port_stats, name) \
	}
#define WORKER(name, help)                                 \
	{                                                  \
		STATS_WORKER, #name, help, STATS_EVENTS,   \
			offsetof(struct worker_stats, name) \
	}
#define DONE(name, op, help)   BLK(name, ops[BLK_OP_##op], EVENTS, help)
#define PATH(name, path, help) BLK(name, paths[STORE_PATH_##path], EVENTS, help)
#define REJECT(name, reason, help) \
	BLK("rejected_" name, rejects[BLK_REJECT_##reason], EVENTS, help)
#define DROP(name, reason, help) \
	NET("drop_" name, drops[NET_DROP_##reason], EVENTS, help)

const struct stats_row stats_table[] = {
	QUEUE(chains, EVENTS, "buffers given back to the driver"),
	QUEUE(kicks, EVENTS, "wake-ups by the driver"),
	QUEUE(calls, EVENTS, "interrupts asked for"),
	QUEUE(calls_suppressed, EVENTS,
	      "batches for which the driver wanted no interrupt"),
	QUEUE(faults, EVENTS, "times the ring broke the specification"),

	DONE("reads", READ, "reads that succeeded"),
	DONE("writes", WRITE, "writes that succeeded"),
	DONE("flushes", FLUSH, "flushes that succeeded"),
	DONE("get_ids", GET_ID, "requests for the serial number"),
	DONE("discards", DISCARD, "discards that succeeded"),
	DONE("write_zeroes", WRITE_ZEROES, "write-zeroes that succeeded"),
	BLK("bytes_read", bytes_read, BYTES, "read by the guest"),
	BLK("bytes_written", bytes_written, BYTES, "written by the guest"),
	BLK("errors", errors, EVENTS, "requests that failed"),
	BLK("unsupported", unsupported, EVENTS,
	    "requests that the store cannot do"),
	BLK("lost_memory", lost_memory, EVENTS,
	    "requests whose memory was taken away"),
	BLK("too_many_segments", segments, EVENTS,
	    "requests in more pieces than are taken"),
	BLK("retries", retries, EVENTS,
	    "short or interrupted transfers gone on with"),
	BLK("throttled", throttled, EVENTS, "waits for the rate limits"),
	BLK("stuck", stuck, EVENTS, "requests out for too long"),
	PATH("mapped", MAPPED, "copied without a call, file in memory"),
	PATH("inline", INLINE, "copied by a system call at once"),
	PATH("direct", DIRECT, "done past the page cache"),
	PATH("bounced", BOUNCE, "done past the page cache through a copy"),
	PATH("buffered", BUFFERED, "done through the page cache"),
	REJECT("short_header", HEADER, "fewer than 16 readable bytes"),
	REJECT("unknown_type", TYPE, "operation unknown or not negotiated"),
	REJECT("bad_length", LENGTH, "no multiple of a sector, or too much"),
	REJECT("past_end", CAPACITY, "past the end of the disk"),
	REJECT("read_only", READ_ONLY, "would change a read-only disk"),
	REJECT("range_count", RANGE_COUNT, "no range, or too many"),
	REJECT("range_size", RANGE_SIZE, "range longer than allowed"),
	REJECT("range_flags", RANGE_FLAGS, "unknown flag of a range"),

	NBD(connects, "connections made to the server"),
	NBD(losses, "connections to the server given up"),
	NBD(interrupted, "requests in flight when a connection was given up"),
	NBD(timeouts, "requests that the server left unanswered"),

	NET("frames", frames, EVENTS, "passed on"),
	NET("bytes", bytes, BYTES, "of these frames"),
	NET("starved", starved, EVENTS,
	    "times a frame waited for the guest's buffers"),
	DROP("runt", RUNT, "shorter than its headers"),
	DROP("oversize", OVERSIZE, "longer than any frame, or too many pieces"),
	DROP("csum_range", CSUM_RANGE, "checksum field outside the frame"),
	DROP("csum_feature", CSUM_FEATURE, "checksum offload not negotiated"),
	DROP("gso_type", GSO_TYPE, "unknown segmentation"),
	DROP("gso_feature", GSO_FEATURE, "segmentation not negotiated"),
	DROP("gso_size", GSO_SIZE, "segments of no byte"),
	DROP("gso_csum", GSO_CSUM, "segmentation without its checksum"),
	DROP("no_room", NO_ROOM, "the guest's buffers can never hold it"),
	DROP("disabled", DISABLED, "the queue is disabled"),
	DROP("stopped", STOPPED, "the queue stopped while it waited"),
	DROP("link_down", LINK_DOWN, "the port is not up"),
	DROP("refused", REFUSED, "the port refused it"),
	DROP("port_full", PORT_FULL, "no room in the port"),

	PORT(full, "times the port had no room"),
	PORT(empty_reads, "reads that found nothing"),
	PORT(in_place, "frames read straight into the guest's buffers"),
	PORT(cut, "frames longer than the port's buffers, dropped"),

	WORKER(turns, "rounds of the loop"),
	WORKER(enters, "io_uring_enter() calls"),
	WORKER(sleeps, "of these, the ones that waited"),
	WORKER(spins, "looks at a queue that found nothing"),
	WORKER(stolen, "times the CPU was taken away while looking"),
	WORKER(overflow_submits, "submissions before the end of a round"),
};
const unsigned int stats_table_len = ARRAY_SIZE(stats_table);
