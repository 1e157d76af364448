# SPDX-License-Identifier: GPL-2.0-or-later
# The disk side of the daemon.

B := ../../host-backend

test_iov-srcs := $(B)/iov.c
test_blk_req-srcs := $(B)/blk_req.c $(B)/iov.c
