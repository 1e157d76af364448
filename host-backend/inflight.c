// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inflight - the record of what is in flight: memory made, mapped, divided
 *
 * inflight.h has the theory of operation.
 */
#include "inflight.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static_assert(sizeof(struct inflight_split) == 16,
	      "vhost-user: QueueRegionSplit");
static_assert(sizeof(struct inflight_split_desc) == 16,
	      "vhost-user: DescStateSplit");
static_assert(sizeof(struct inflight_packed) == 32 &&
		      offsetof(struct inflight_packed, used) == 16,
	      "vhost-user: QueueRegionPacked");
static_assert(sizeof(struct inflight_packed_desc) == 32,
	      "vhost-user: DescStatePacked");

static const char *const fault_names[] = {
	[INFLIGHT_FAULT_NONE] = "none",
	[INFLIGHT_FAULT_LEN] = "it is shorter than its descriptors",
	[INFLIGHT_FAULT_VERSION] = "its version or features are unknown",
	[INFLIGHT_FAULT_SIZE] = "it is for another number of descriptors",
	[INFLIGHT_FAULT_USED] = "its used index is not near the ring's",
	[INFLIGHT_FAULT_LIST] = "a list in it is broken",
	[INFLIGHT_FAULT_MARK] = "its marks are neither 0 nor 1",
	[INFLIGHT_FAULT_COUNTER] = "its counters cannot be",
	[INFLIGHT_FAULT_ID] = "a buffer id in it is out of range or twice there",
};
static_assert(ARRAY_SIZE(fault_names) == INFLIGHT_FAULT_MAX,
	      "every fault has a name");

/* Ours; an own cache line at the end of the memory. */
struct note {
	char magic[7];
	u8 value;
	u8 reserved[INFLIGHT_ALIGN - 8];
};
static_assert(sizeof(struct note) == INFLIGHT_ALIGN, "padded like a queue");

static const char note_magic[7] = "pvpack";

const char *inflight_fault_name(enum inflight_fault fault)
{
	return fault_names[fault];
}

static u64 align_up(u64 len)
{
	return (len + INFLIGHT_ALIGN - 1) & ~(u64)(INFLIGHT_ALIGN - 1);
}

static size_t part_len(u16 queue_size, bool packed)
{
	if (packed)
		return sizeof(struct inflight_packed) +
		       queue_size * sizeof(struct inflight_packed_desc);
	return sizeof(struct inflight_split) +
	       queue_size * sizeof(struct inflight_split_desc);
}

int inflight_create(struct inflight_shape *shape, bool packed, u8 note)
{
	struct note n = { .value = note };
	const struct iovec iov = { .iov_base = &n, .iov_len = sizeof(n) };
	u64 queues = shape->num_queues *
		     align_up(part_len(shape->queue_size, packed));
	int err, fd;

	memcpy(n.magic, note_magic, sizeof(n.magic));
	shape->offset = 0;
	shape->len = queues + sizeof(n);
	fd = memfd_create("vhost-user-inflight",
			  MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)shape->len) ||
	    pwritev(fd, &iov, 1, (off_t)queues) != sizeof(n) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		err = errno ? -errno : -EIO;
		close(fd);
		return err;
	}
	return fd;
}

/* What must hold before a byte of it is touched, and for as long as it is. */
static int file_check(const struct inflight_shape *shape, int fd)
{
	struct stat st;
	int seals;
	u64 end;

	if (!shape->len || !shape->num_queues || !shape->queue_size ||
	    __builtin_add_overflow(shape->offset, shape->len, &end))
		return -EINVAL;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (!(seals & F_SEAL_SHRINK) &&
			  fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)))
		return -EPERM;
	if (fstat(fd, &st))
		return -errno;
	return end > (u64)st.st_size ? -EINVAL : 0;
}

int inflight_map(struct inflight *inf, const struct inflight_shape *shape,
		 int fd)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 start = shape->offset & ~(page - 1);
	size_t len = shape->offset - start + shape->len;
	void *map;
	int err;

	err = file_check(shape, fd);
	if (err)
		return err;
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   (off_t)start);
	if (map == MAP_FAILED)
		return -errno;
	inflight_unmap(inf);
	*inf = (struct inflight){
		.map = map,
		.map_len = len,
		.hva = (u8 *)map + (shape->offset - start),
		.shape = *shape,
	};
	return 0;
}

void inflight_unmap(struct inflight *inf)
{
	if (inf->map)
		munmap(inf->map, inf->map_len);
	*inf = (struct inflight){ 0 };
}

int inflight_part(const struct inflight *inf, unsigned int index, bool packed,
		  struct inflight_part *part)
{
	size_t len = part_len(inf->shape.queue_size, packed);
	u64 first = index * align_up(len);

	*part = (struct inflight_part){ 0 };
	if (!inf->map)
		return 0;
	if (index >= inf->shape.num_queues || first + len > inf->shape.len ||
	    (uintptr_t)inf->hva % __alignof__(u64))
		return -EBADMSG;
	*part = (struct inflight_part){
		.hva = inf->hva + first,
		.len = len,
		.queue_size = inf->shape.queue_size,
	};
	return 0;
}

/* NULL where there is no room for one behind queues of either layout. */
static struct note *note_of(const struct inflight *inf)
{
	const struct inflight_shape *shape = &inf->shape;
	u64 queues = shape->num_queues *
		     align_up(part_len(shape->queue_size, false));
	struct note *note;

	if (!inf->map || shape->len < queues + sizeof(*note))
		return NULL;
	note = (struct note *)(inf->hva + shape->len - sizeof(*note));
	return memcmp(note->magic, note_magic, sizeof(note->magic)) ? NULL :
								      note;
}

u8 inflight_note(const struct inflight *inf)
{
	const struct note *note = note_of(inf);

	return note ? READ_ONCE(note->value) : 0;
}

void inflight_set_note(struct inflight *inf, u8 value)
{
	struct note *note = note_of(inf);

	if (note)
		WRITE_ONCE(note->value, value);
}
