# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the daemon's core.
core := ../../host-backend


test_mem-srcs := $(core)/mem.c

test_vq_split-srcs := $(core)/vq.c $(core)/vq_split.c $(core)/mem.c





