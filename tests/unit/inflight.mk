# SPDX-License-Identifier: GPL-2.0-or-later
# The record of what is in flight; rings write it (vq-srcs in backend.mk).

test_inflight-srcs := $(patsubst %,../../host-backend/%.c,inflight \
	inflight_track inflight_split inflight_packed)
test_inflight_crash-srcs := inflight_world.c $(vq-srcs)
test_inflight_crash-cflags := -Wno-unused-parameter
test_blk-srcs += ../../host-backend/inflight.c
