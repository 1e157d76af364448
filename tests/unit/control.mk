# SPDX-License-Identifier: GPL-2.0-or-later
# The operator's side of the daemon.

C := ../../host-backend

test_command-srcs := $(C)/command.c $(C)/conf_table.c
test_command-libs := -ljansson
test_hist-srcs := $(C)/hist.c
test_throttle-srcs := $(C)/throttle.c
test_handover-srcs := $(C)/handover.c $(C)/inherit.c $(C)/vu_msg.c
test_handover-libs := -ljansson
$(foreach t,command hist throttle handover,$(eval test_$(t)-cflags := -Wno-unused-parameter))
