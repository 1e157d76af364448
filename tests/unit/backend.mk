# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the daemon's core.

core := ../../host-backend

test_mem-srcs := $(core)/mem.c
test_vq_split-srcs := $(core)/vq.c $(core)/vq_split.c $(core)/mem.c
test_vu_msg-srcs := $(core)/vu_msg.c
test_evloop-srcs := $(core)/evloop.c
test_worker-srcs := $(core)/worker.c $(core)/log.c
test_worker-libs := -luring
test_conf-srcs := $(core)/conf.c $(core)/conf_table.c $(core)/ini.c

# As the daemon is built: callbacks need not use all that they are given.
$(foreach t,list mem vq_split vu_msg evloop worker conf,\
	$(eval test_$(t)-cflags := -Wno-unused-parameter))
