# SPDX-License-Identifier: GPL-2.0-or-later
"""Our drivers as modules of User-mode Linux: off, in, in use, out, in again."""

import uml
from pvlib import daemon, netns, pair
from test_nic import TAP

DISK_MB = 32
PVBLK, PVNET = uml.own_module("pvblk"), uml.own_module("pvnet")


def test_modules_come_and_go(directory):
    """Nothing is lost between two lives of a module, and nothing leaks."""
    disk, nic = directory / "disk.sock", directory / "nic.sock"
    image = pair.make_disk(directory, "disk.img", DISK_MB)
    guest = uml.Uml(uml.BARE, directory)
    guest.add_device(disk, uml.DISK_ID)
    guest.add_device(nic, uml.NIC_ID)
    with netns.Network() as network:
        network.add_tap(TAP, pair.HOST_ADDRESS)
        with daemon.pvbackend_blk(disk, image), \
             daemon.pvbackend_net(nic, TAP, prefix=network.prefix):
            guest.run(f"""
                ! insmod {PVBLK} off=1
                ! insmod {PVNET} off=1
                [ ! -e /sys/module/pvblk ]
                [ ! -e /sys/module/pvnet ]
                head -c 8M /dev/urandom >/tmp/data
                for life in 1 2 3; do
                    insmod {PVBLK}
                    insmod {PVNET}
                    if [ $life -gt 1 ]; then
                        dd if=/dev/vda bs=64k count=128 iflag=direct of=/tmp/back
                        cmp /tmp/data /tmp/back
                    fi
                    fio --name=verify --filename=/dev/vda --offset=16M --size=8M \\
                        --rw=randwrite --bs=4k --ioengine=libaio --iodepth=16 \\
                        --direct=1 --verify=crc32c --verify_fatal=1 \\
                        --output=/tmp/log || {{ cat /tmp/log; exit 1; }}
                    dd if=/tmp/data of=/dev/vda bs=256k oflag=direct conv=fsync
                    ip link set eth0 up
                    ip addr add {pair.GUEST_ADDRESS}/24 dev eth0
                    ping -c 20 -i 0.01 -W 5 -s 1400 {pair.HOST_ADDRESS}
                    ! rmmod pvblk 3</dev/vda
                    rmmod pvblk
                    [ ! -e /sys/block/vda ]
                    rmmod pvnet
                    [ ! -e /sys/class/net/eth0 ]
                done
                """, leaks=True)
