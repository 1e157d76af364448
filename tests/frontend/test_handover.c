// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_handover - one image, two disks: who may use it during a migration
 *
 * "from" is a disk like any other, "to" waits for a guest (incoming=yes).  The
 * locks belong to the open files, so that one daemon can play both hosts.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_SIZE (8u << 20)
#define LOG_SIZE (RAM_SIZE / 4096 / 8)

static struct daemon d;
static struct drv_dev from, to;
static struct drv_blk_req req;
static u64 buf;

static int setup(void **state)
{
	char text[512];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (daemon_dir(&d) || daemon_file(&d, "img", 1 << 20))
		return -1;
	snprintf(text, sizeof(text),
		 "[blk from]\nsocket-path = %s/from\nblk-file = %s/img\n"
		 "[blk to]\nsocket-path = %s/to\nblk-file = %s/img\n"
		 "incoming = yes\n",
		 d.dir, d.dir, d.dir, d.dir);
	return daemon_write(&d, "conf", text);
}

static int teardown(void **state)
{
	(void)state;
	daemon_remove(&d);
	return 0;
}

static int before(void **state)
{
	char arg[128];
	const char *const args[] = { "run", arg, NULL };

	(void)state;
	vu_fe_init(&from.fe);
	vu_fe_init(&to.fe);
	snprintf(arg, sizeof(arg), "--config=%s", daemon_path(&d, "conf"));
	if (daemon_start(&d, args))
		return -1;
	return daemon_wait_socket(&d, daemon_path(&d, "to"));
}

static int after(void **state)
{
	(void)state;
	drv_dev_close(&from);
	drv_dev_close(&to);
	return daemon_stop(&d, SIGTERM, 5000) ? -1 : 0;
}

static int open_disk(struct drv_dev *dev, const char *name)
{
	const struct drv_dev_conf conf = {
		.path = daemon_path(&d, name),
		.features = DRV_BLK_FEATURES,
		.layout = { .regions = 1, .size = RAM_SIZE },
		.ack_all = true,
	};
	int err = drv_dev_open(dev, &conf);

	if (err)
		return err;
	assert_int_equal(drv_blk_req_alloc(&req, &dev->mem), 0);
	buf = vu_mem_alloc_any(&dev->mem, 4096, 4096);
	return 0;
}

static int do_io(struct drv_dev *dev, u32 type)
{
	req.type = type;
	req.sector = 8;
	req.num_data = 1;
	req.data[0] = (struct drv_sg){ buf, 4096 };
	return drv_blk_do(dev, 0, &req, NULL);
}

/* From the first round of a migration to the last ring's end. */
static void leave(struct drv_dev *dev)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, LOG_SIZE), 0);
	fe_ok(&dev->fe, vu_fe_set_log_base(&dev->fe, fd, LOG_SIZE, 0));
	close(fd);
	fe_ok(&dev->fe,
	      vu_fe_set_u64(&dev->fe, VU_SET_FEATURES,
			    dev->fe.features | BIT_ULL(VU_F_LOG_ALL)));
	fe_ok(&dev->fe, drv_dev_stop(dev));
}

static void not_before_it_is_free(void **state)
{
	(void)state;
	fe_ok(&from.fe, open_disk(&from, "from"));
	assert_int_not_equal(open_disk(&to, "to"), 0);
	assert_non_null(strstr(daemon_log_text(&d), "in use by another program"));
	/* Stopped, but not to migrate: a guest that is paused. */
	fe_ok(&from.fe, drv_dev_stop(&from));
	assert_int_not_equal(open_disk(&to, "to"), 0);
	drv_dev_close(&from);
	assert_int_not_equal(open_disk(&to, "to"), 0);
}

/* What one wrote the other reads; then the first may not come back. */
static void handed_over_and_back(void **state)
{
	struct drv_dev *ends[] = { &from, &to };
	const char *const names[] = { "from", "to" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		struct drv_dev *here = ends[i & 1];

		fe_ok(&here->fe, open_disk(here, names[i & 1]));
		if (i) {
			assert_int_equal(do_io(here, VIRTIO_BLK_T_IN),
					 VIRTIO_BLK_S_OK);
			assert_int_equal(*(u8 *)vu_mem_hva(&here->mem, buf, 1),
					 i);
		}
		memset(vu_mem_hva(&here->mem, buf, 4096), (int)i + 1, 4096);
		assert_int_equal(do_io(here, VIRTIO_BLK_T_OUT),
				 VIRTIO_BLK_S_OK);
		if (i)
			assert_int_not_equal(open_disk(ends[~i & 1],
						       names[~i & 1]), 0);
		leave(here);
		drv_dev_close(here);
	}
}

/* The migration fails in the end: its source starts the rings once more. */
static void taken_back(void **state)
{
	(void)state;
	fe_ok(&from.fe, open_disk(&from, "from"));
	leave(&from);
	fe_ok(&from.fe, drv_dev_start(&from));
	assert_int_equal(do_io(&from, VIRTIO_BLK_T_OUT), VIRTIO_BLK_S_OK);
	assert_int_not_equal(open_disk(&to, "to"), 0);
}

/* The target runs already when the source wants it back: that is refused. */
static void too_late_to_take_back(void **state)
{
	(void)state;
	fe_ok(&from.fe, open_disk(&from, "from"));
	leave(&from);
	fe_ok(&to.fe, open_disk(&to, "to"));
	assert_int_not_equal(drv_dev_start(&from), 0);
	assert_int_equal(do_io(&to, VIRTIO_BLK_T_OUT), VIRTIO_BLK_S_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, before, after)
		T(not_before_it_is_free),
		T(handed_over_and_back),
		T(taken_back),
		T(too_late_to_take_back),
#undef T
	};

	return _cmocka_run_group_tests("handover", tests, ARRAY_SIZE(tests),
				       setup, teardown);
}
