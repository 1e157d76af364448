# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of pvnet's PURE files need besides their own source.

test_pvnet_hdr-srcs := ../../drivers/net/hdr.c
test_pvnet_hdr-cflags := -I../kstub -I../../drivers/include -iquote ../../drivers/net
