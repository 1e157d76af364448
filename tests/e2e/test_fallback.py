# SPDX-License-Identifier: GPL-2.0-or-later
"""test_fallback - the in-tree drivers take over, and both can work side by side.

That they do so where our modules are missing is seen in test_pairs.
"""

import pytest

from pvlib import pair, work

PV = pair.DRIVERS["pv"]
# name: (kernel command line, modules cut in half, drivers that must be bound)
CASES = {
    "disk-off": ("pvblk.off=1", (), ("virtio_blk", "pvnet")),
    "nic-off-disk-corrupt": ("pvnet.off=1", ("pvblk",), ("virtio_blk", "virtio_net")),
    "nic-corrupt": ("", ("pvnet",), ("pvblk", "virtio_net")),
}


@pytest.mark.parametrize("case", CASES)
def test_in_tree_driver_binds(case):
    append, broken, bound = CASES[case]
    with pair.Pair("pv", "qemu", append=append, broken=broken) as booted:
        assert booted.bound_drivers() == bound
        booted.raise_interface()
        work.fio(booted.guest, "w", filename="/dev/vda", rw="randwrite", bs="4k",
                 iodepth=8, size="4m", verify="crc32c", verify_fatal=1)
        booted.guest.run(f"ping -c 2 -W 5 {pair.HOST_ADDRESS}")
        work.assert_clean(booted.guest.dmesg())


def test_disks_side_by_side():
    """With a prefix of its own for our disks both drivers work in one guest."""
    with pair.Pair("pv", "qemu", append="pvblk.disk_prefix=pv",
                   read_only_disk=True) as booted:
        guest = booted.guest
        assert guest.run("ls /sys/block").out.split() == ["pva", "pvb"]
        device = guest.run("basename $(readlink -f /sys/block/pva/device)").out.strip()
        guest.run(f"echo {device} > /sys/bus/virtio/drivers/pvblk/unbind && "
                  f"echo {device} > /sys/bus/virtio/drivers/virtio_blk/bind")
        assert guest.run("ls /sys/block").out.split() == ["pvb", "vda"]
        work.fio(guest, "w", filename="/dev/vda", rw="randwrite", bs="4k",
                 iodepth=8, size="4m", verify="crc32c", verify_fatal=1)
        work.assert_clean(guest.dmesg())
