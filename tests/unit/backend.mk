# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the daemon's core.

core := ../../host-backend

test_mem-srcs := $(core)/mem.c $(core)/sigbus.c
test_dirty-srcs := $(core)/dirty.c $(core)/mem.c $(core)/sigbus.c
vq-srcs := $(core)/vq.c $(core)/vq_split.c $(core)/vq_packed.c \
	   $(core)/vq_layout.c $(core)/vq_order.c $(core)/mem.c $(core)/dirty.c \
	   $(core)/sigbus.c $(core)/inflight.c $(core)/inflight_track.c \
	   $(core)/inflight_split.c $(core)/inflight_packed.c
test_vq_split-srcs := $(vq-srcs)
test_vq_packed-srcs := $(vq-srcs)
test_vq_order-srcs := $(vq-srcs)
test_sigbus-srcs := $(core)/sigbus.c
test_vu_msg-srcs := $(core)/vu_msg.c
test_evloop-srcs := $(core)/evloop.c
test_window-srcs := $(core)/window.c
worker-srcs := $(core)/worker.c $(core)/window.c $(core)/soft_ring.c $(core)/pool.c
test_worker-srcs := $(worker-srcs) $(core)/log.c
test_worker-libs := -luring
test_soft_ring-srcs := $(worker-srcs) $(core)/log.c
test_soft_ring-libs := -luring
test_conf-srcs := $(patsubst %,$(core)/%.c,conf conf_args conf_device \
	conf_file conf_given conf_set conf_table suggest activation)
test_conf-libs := -linih

test_sandbox-srcs := $(core)/syscalls.c $(core)/landlock.c
test_sandbox-libs := -lseccomp

# As the daemon is built: callbacks need not use all that they are given.
$(foreach t,list mem dirty sigbus vq_split vq_packed vq_order vu_msg evloop window worker soft_ring conf sandbox,\
	$(eval test_$(t)-cflags := -Wno-unused-parameter))
