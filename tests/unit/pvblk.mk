# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of pvblk's PURE files need besides their own source.
# drivers/blk has a limits.h, which must not be taken for the system's.
pvblk-cflags := -I../kstub -I../../drivers/include -iquote ../../drivers/blk

test_pvblk_req-srcs := ../../drivers/blk/req.c
test_pvblk_req-cflags := $(pvblk-cflags)

test_pvblk_limits-srcs := ../../drivers/blk/limits.c
test_pvblk_limits-cflags := $(pvblk-cflags)

test_pvblk_name-srcs := ../../drivers/blk/name.c
test_pvblk_name-cflags := $(pvblk-cflags)
