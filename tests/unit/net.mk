# SPDX-License-Identifier: GPL-2.0-or-later
# The network side of the daemon.

N := ../../host-backend

test_net_hdr-srcs := $(N)/net_hdr.c
test_net_rx-srcs := $(N)/net_rx.c $(N)/net_hdr.c $(N)/iov.c $(N)/dirty.c \
	$(N)/sigbus.c net_fake_vq.c
test_net_tx-srcs := $(N)/net_tx.c $(N)/net_hdr.c $(N)/iov.c net_fake_vq.c
test_net_echo-srcs := $(N)/net_echo.c $(N)/net_hdr.c $(N)/iov.c

# cmocka hands every test a state that few of them want.
$(foreach t,net_hdr net_rx net_tx net_echo,\
	$(eval test_$(t)-cflags := -Wno-unused-parameter))
