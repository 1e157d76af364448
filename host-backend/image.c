// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image - the file or block device behind a disk: opened, locked, measured
 */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "conf.h"
#include "inherit.h"
#include "log.h"

#define SECTOR 512u
#define PAGE   4096u

/* How long a file may be held by a process that is no more, and between looks. */
#define OWNER_GONE_MS 1000u
#define OWNER_POLL_MS 5u

/* Linux 6.1; absent from the headers of some C libraries. */
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x00002000U
#endif

/* One line about what is wrong with the file, and the errno to return. */
static int refuse(const struct conf_device *conf, int err, const char *why)
{
	conf_err(conf, "blk-file", "%s", why);
	return err;
}

/*
 * The kernel lets go of a killed daemon's files when its last I/O has ended,
 * moments after the process itself is gone; a new one must not trip over that.
 */
static bool wait_for_owner(unsigned int *waited_ms)
{
	if (*waited_ms >= OWNER_GONE_MS)
		return false;
	usleep(OWNER_POLL_MS * 1000);
	*waited_ms += OWNER_POLL_MS;
	return true;
}

static int open_file(const struct conf_device *conf, mode_t type)
{
	int flags = O_CLOEXEC | (conf->read_only ? O_RDONLY : O_RDWR);
	unsigned int waited_ms = 0;
	int err, fd;

	if (S_ISBLK(type) && !conf->read_only && !conf->incoming)
		flags |= O_EXCL;
	do {
		fd = open(conf->blk_file, flags);
		if (fd >= 0)
			return fd;
	} while (errno == EBUSY && wait_for_owner(&waited_ms));
	if (errno == EBUSY)
		return refuse(
			conf, -EBUSY,
			"in use: mounted, swap, or opened by another program");
	err = -errno;
	if (!conf->read_only &&
	    (err == -EACCES || err == -EROFS || err == -EPERM)) {
		conf_err(
			conf, "blk-file",
			"cannot be written to: %s; read-only would only read it",
			strerror(-err));
		return err;
	}
	return refuse(conf, err, strerror(-err));
}

static int check_type(const struct conf_device *conf, mode_t type)
{
	if (S_ISREG(type) || S_ISBLK(type))
		return 0;
	if (S_ISDIR(type))
		return refuse(
			conf, -EISDIR,
			"is a directory; expected a file or block device");
	return refuse(conf, -EINVAL, "is neither a file nor a block device");
}

/*
 * Open file description locks on the whole file: they belong to this open and
 * conflict with QEMU's, which are of the same kind on single bytes.
 */
static int set_lock(const struct image *img, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(img->fd, F_OFD_SETLK, &lock) ? -errno : 0;
}

static bool lock_is_taken(int err)
{
	return err == -EAGAIN || err == -EACCES;
}

int image_lock(struct image *img)
{
	int err;

	if (img->locked)
		return 0;
	err = set_lock(img, img->writable ? F_WRLCK : F_RDLCK);
	if (lock_is_taken(err))
		return -EBUSY;
	/* No locks here, or no lock service: image_open() has warned of it. */
	img->locked = true;
	return 0;
}

void image_unlock(struct image *img)
{
	if (img->locked)
		set_lock(img, F_UNLCK);
	img->locked = false;
}

static int lock_image(struct image *img, const struct conf_device *conf)
{
	short type = conf->read_only ? F_RDLCK : F_WRLCK;
	unsigned int waited_ms = 0;
	int err;

	/* The other daemon has it until the guest is here: image_lock(). */
	if (conf->incoming)
		return 0;
	do {
		err = set_lock(img, type);
	} while (lock_is_taken(err) && wait_for_owner(&waited_ms));
	if (lock_is_taken(err))
		return refuse(conf, -EBUSY,
			      conf->read_only ? "another program writes to it" :
						"another program uses it");
	/* NFS without a lock service and the like: warn, but work. */
	if (err)
		conf_log(LOG_WARNING, conf, "blk-file",
			 "cannot be locked against other users: %s",
			 strerror(-err));
	img->locked = true;
	return 0;
}

int image_measure(const struct image *img, u64 *size)
{
	struct stat st;

	if (img->block_device)
		return ioctl(img->fd, BLKGETSIZE64, size) ? -errno : 0;
	if (fstat(img->fd, &st))
		return -errno;
	*size = (u64)st.st_size;
	return 0;
}

int image_grow(const struct image *img, u64 size)
{
	u64 now = 0;
	int err;

	if (img->block_device)
		return -EOPNOTSUPP;
	err = image_measure(img, &now);
	if (err)
		return err;
	if (size < now || size > INT64_MAX)
		return -EINVAL;
	return ftruncate(img->fd, (off_t)size) ? -errno : 0;
}

static int measure(struct image *img, const struct conf_device *conf)
{
	int err = image_measure(img, &img->size);

	if (err)
		return refuse(conf, err, strerror(-err));
	if (img->size >= SECTOR && img->size % SECTOR == 0)
		return 0;
	conf_err(conf, "blk-file",
		 "is %llu bytes; a disk is a multiple of %u, at least %u",
		 (unsigned long long)img->size, SECTOR, SECTOR);
	return -EINVAL;
}

/* A number out of the block queue's sysfs directory; 0 where there is none. */
static u32 queue_value(dev_t dev, const char *name)
{
	static const char *const directories[] = { "queue", "../queue" };
	char path[128];
	u32 value = 0;
	FILE *f;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s",
			 major(dev), minor(dev), directories[i], name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%u", &value) != 1)
			value = 0;
		fclose(f);
		break;
	}
	return value;
}

static u32 power_of_two_or(u32 value, u32 instead)
{
	return value && (value & (value - 1)) == 0 ? value : instead;
}

/*
 * Kernels from 6.1 on tell what O_DIRECT needs.  Before that, it is the block
 * size of the device below, for addresses too.
 */
static void find_direct_align(struct image *img, dev_t dev)
{
	struct statx stx;
	u32 block;

	if (statx(img->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
	    (stx.stx_mask & STATX_DIOALIGN) && stx.stx_dio_offset_align) {
		img->mem_align = power_of_two_or(stx.stx_dio_mem_align, PAGE);
		img->offset_align =
			power_of_two_or(stx.stx_dio_offset_align, PAGE);
		return;
	}
	block = power_of_two_or(queue_value(dev, "logical_block_size"), SECTOR);
	img->mem_align = block;
	img->offset_align = block;
}

static int set_flag(const struct image *img, int flag, bool on)
{
	int flags = fcntl(img->fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | flag : flags & ~flag;
	return fcntl(img->fd, F_SETFL, flags) ? -errno : 0;
}

static void use_page_cache(struct image *img)
{
	img->mem_align = 1;
	img->offset_align = 1;
	img->page_fd = -1;
}

static int open_page_fd(struct image *img, const struct conf_device *conf)
{
	char path[32];

	img->page_fd = inherit_take(conf->name, IMAGE_PAGE_ROLE);
	if (img->page_fd >= 0)
		return 0;
	/* By descriptor: the name may point elsewhere by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", img->fd);
	img->page_fd =
		open(path, O_CLOEXEC | (conf->read_only ? O_RDONLY : O_RDWR));
	if (img->page_fd < 0)
		return refuse(
			conf, -errno,
			"cannot be opened a second time, for the page cache");
	return 0;
}

/* O_DIRECT, unless it is not wanted, not possible or makes no difference. */
static int choose_cache(struct image *img, const struct conf_device *conf,
			dev_t dev)
{
	int err;

	use_page_cache(img);
	if (!conf->direct || img->in_memory)
		return 0;
	err = set_flag(img, O_DIRECT, true);
	if (err) {
		conf_log(LOG_NOTICE, conf, "blk-file",
			 "no O_DIRECT here (%s), using the page cache",
			 strerror(-err));
		return 0;
	}
	find_direct_align(img, dev);
	if (conf->block_size && conf->block_size < img->offset_align) {
		conf_log(
			LOG_NOTICE, conf, "block-size",
			"O_DIRECT on %s needs blocks of %u bytes: using the page cache",
			conf->blk_file, img->offset_align);
		use_page_cache(img);
		return set_flag(img, O_DIRECT, false);
	}
	return open_page_fd(img, conf);
}

/* Past the end and keeping the size: changes nothing, only asks. */
static bool can_punch(const struct image *img)
{
	return fallocate(img->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)img->size, PAGE) == 0;
}

static void find_geometry(struct image *img, const struct conf_device *conf,
			  const struct stat *st)
{
	if (img->block_device) {
		img->physical_size = power_of_two_or(
			queue_value(st->st_rdev, "physical_block_size"), PAGE);
		if (queue_value(st->st_rdev, "discard_max_bytes"))
			img->discard_align = max(
				queue_value(st->st_rdev, "discard_granularity"),
				SECTOR);
	} else {
		img->physical_size = power_of_two_or((u32)st->st_blksize, PAGE);
		if (!conf->read_only && can_punch(img))
			img->discard_align = img->physical_size;
	}
	if (conf->read_only)
		img->discard_align = 0;
}

static bool is_in_memory(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return false;
	return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
}

static int prepare(struct image *img, const struct conf_device *conf)
{
	struct stat st;
	int err;

	if (fstat(img->fd, &st))
		return refuse(conf, -errno, strerror(errno));
	err = check_type(conf, st.st_mode);
	if (err)
		return err;
	img->block_device = S_ISBLK(st.st_mode);
	img->writable = !conf->read_only;
	img->in_memory = !img->block_device && is_in_memory(img->fd);
	err = lock_image(img, conf);
	if (err)
		return err;
	/* A disk's every read would be noted; only the owner may say no. */
	set_flag(img, O_NOATIME, true);
	err = measure(img, conf);
	if (err)
		return err;
	err = choose_cache(img, conf,
			   img->block_device ? st.st_rdev : st.st_dev);
	if (err)
		return err;
	find_geometry(img, conf, &st);
	return 0;
}

int image_open(struct image *img, const struct conf_device *conf)
{
	struct image opened = { .page_fd = -1 };
	struct stat st;
	int err;

	/* Asked before opening, since opening a fifo or tape has effects. */
	if (stat(conf->blk_file, &st))
		return refuse(conf, -errno, strerror(errno));
	err = check_type(conf, st.st_mode);
	if (err)
		return err;
	opened.fd = inherit_take(conf->name, IMAGE_ROLE);
	if (opened.fd < 0)
		opened.fd = open_file(conf, st.st_mode);
	if (opened.fd < 0)
		return opened.fd;
	err = prepare(&opened, conf);
	if (err)
		goto err_close;
	*img = opened;
	return 0;

err_close:
	image_close(&opened);
	return err;
}

void image_close(struct image *img)
{
	if (img->page_fd >= 0)
		close(img->page_fd);
	close(img->fd);
	img->page_fd = -1;
	img->fd = -1;
}
