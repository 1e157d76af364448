# SPDX-License-Identifier: GPL-2.0-or-later
# The disk side of the daemon.

B := ../../host-backend

test_iov-srcs := $(B)/iov.c
test_blk_req-srcs := $(B)/blk_req.c $(B)/iov.c
test_store_null-srcs := $(B)/store_null.c $(B)/store.c $(B)/conf_given.c
test_store_file-srcs := $(B)/store_file.c $(B)/image.c $(B)/inherit.c $(B)/image_map.c $(B)/sigbus.c $(B)/conf_given.c $(B)/iov.c $(B)/worker.c $(B)/window.c \
	$(B)/soft_ring.c $(B)/pool.c
test_store_file-libs := -luring -Wl,--wrap=worker_sqe
test_store_file-cflags := -Wno-unused-parameter
test_blk-srcs := $(B)/blk.c $(B)/blk_report.c $(B)/blk_track.c \
	$(B)/hist.c $(B)/pages.c $(B)/throttle.c $(B)/conf_given.c
test_image_map-srcs := $(B)/image_map.c $(B)/sigbus.c $(B)/iov.c
test_image_map-cflags := -Wno-unused-parameter
test_blk-cflags := -Wno-unused-parameter
test_blk-libs := -ljansson
