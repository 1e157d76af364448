# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks in User-mode Linux, served by the daemon."""

import contextlib

import pytest

import uml
from pvlib import daemon, pair, paths

DISK_MB = 64
SERIAL = "pvpack-uml-disk"
MODULES = {"intree": [uml.intree_module("drivers/block/virtio_blk")],
           "pv": [uml.own_module("pvblk")]}


class Disk:
    """A guest with /dev/vda."""

    def __init__(self, driver, directory, options=()):
        self.image = pair.make_disk(directory, "disk.img", DISK_MB)
        socket = directory / "disk.sock"
        self.daemon = daemon.pvbackend_blk(socket, self.image,
                                           options=[f"--serial={SERIAL}", *options])
        self.guest = uml.Uml(uml.KERNEL[driver], directory, MODULES[driver])
        self.guest.add_device(socket, uml.DISK_ID)
        self.run = self.guest.run

    @contextlib.contextmanager
    def serve(self):
        with self.daemon:
            yield self


@pytest.fixture
def disk(driver, directory):
    with Disk(driver, directory).serve() as running:
        yield running


def test_data_reaches_the_image(disk, driver):
    name = {"intree": "virtio_blk", "pv": "pvblk"}[driver]
    out = disk.run(f"""
        [ "$(basename "$(readlink /sys/block/vda/device/driver)")" = {name} ]
        [ "$(cat /sys/block/vda/serial)" = {SERIAL} ]
        [ "$(blockdev --getsize64 /dev/vda)" = {DISK_MB << 20} ]
        head -c 20M /dev/urandom >/tmp/data
        sha256sum </tmp/data
        dd if=/tmp/data of=/dev/vda bs=256k oflag=direct conv=fsync
        dd if=/dev/vda bs=64k count=320 iflag=direct of=/tmp/back
        cmp /tmp/data /tmp/back
        """)
    want = next(line for line in out.splitlines() if line.endswith("  -")).split()[0]
    got = paths.output_of("sh", "-c", f"head -c 20M {disk.image} | sha256sum").split()[0]
    assert got == want


def test_image_reaches_the_guest(disk):
    with open(disk.image, "r+b") as file:
        file.write(b"".join(b"%15d\n" % number for number in range(1 << 20)))
    want = paths.output_of("sh", "-c", f"head -c 16M {disk.image} | sha256sum").split()[0]
    disk.run(f"""
        dd if=/dev/vda bs=1M count=16 iflag=direct of=/tmp/data
        [ "$(sha256sum </tmp/data)" = "{want}  -" ]
        """)


def test_fio_verifies_random_writes(disk):
    disk.run("""
        fio --name=verify --filename=/dev/vda --size=24M --rw=randwrite \\
            --bsrange=512-64k --blockalign=512 --ioengine=libaio --iodepth=16 \\
            --direct=1 --verify=crc32c --do_verify=1 --verify_fatal=1 \\
            --fsync=64 --randrepeat=0 --output=/tmp/log || { cat /tmp/log; exit 1; }
        grep -q 'err= 0' /tmp/log
        """)


def test_discard_and_zeroes(disk):
    disk.run("""
        head -c 4M /dev/urandom >/tmp/data
        dd if=/tmp/data of=/dev/vda bs=1M oflag=direct
        blkdiscard -z -o 1M -l 1M /dev/vda
        blkdiscard -o 2M -l 1M /dev/vda
        dd if=/dev/vda bs=1M count=4 iflag=direct of=/tmp/back
        part() { dd if=/tmp/$1 bs=1M skip=$2 count=1 status=none; }
        part back 1 | cmp -n 1048576 - /dev/zero
        for i in 0 3; do part data $i >/tmp/x; part back $i | cmp - /tmp/x; done
        """)


def test_file_system(disk):
    disk.run("""
        mkdir /tmp/files /tmp/disk
        for i in $(seq 100); do
            head -c $((i * 997)) /dev/urandom >/tmp/files/$i
        done
        mkfs.ext4 -q /dev/vda
        mount -t ext4 -o discard /dev/vda /tmp/disk
        cp -r /tmp/files /tmp/disk/gone
        cp -r /tmp/files /tmp/disk/kept
        sync
        rm -r /tmp/disk/gone
        umount /tmp/disk
        e2fsck -fn /dev/vda
        mount -t ext4 -o ro /dev/vda /tmp/disk
        diff -r /tmp/files /tmp/disk/kept
        umount /tmp/disk
        """)


def test_read_only(driver, directory):
    with Disk(driver, directory, ["--read-only"]).serve() as disk:
        disk.run("""
            [ "$(cat /sys/block/vda/ro)" = 1 ]
            dd if=/dev/vda of=/dev/null bs=1M count=4 iflag=direct
            ! dd if=/dev/zero of=/dev/vda bs=4k count=1 oflag=direct
            """)


def test_unplug_under_load(directory):
    """I/O ends with errors, not hang; what binds again works, nothing leaks.

    One CPU never sees a request of the quick daemon in flight: KUnit's fake
    device (pvblk_device.c) holds some.
    """
    with Disk("pv", directory).serve() as disk:
        disk.run("""
            cd /sys/bus/virtio/drivers/pvblk
            device=$(basename "$(readlink /sys/block/vda/device)")
            for i in 1 2 3; do
                fio --name=load --filename=/dev/vda --rw=randrw --bs=4k \\
                    --ioengine=libaio --iodepth=16 --direct=1 --time_based \\
                    --runtime=60 --output=/tmp/log 2>/dev/null &
                load=$!
                done=0
                until [ "$done" -gt 1000 ]; do
                    kill -0 $load
                    sleep 0.1
                    read -r done rest </sys/block/vda/stat
                done
                echo "$device" >unbind
                if wait $load; then cat /tmp/log; exit 1; fi
                [ ! -e /sys/block/vda ]
                echo "$device" >bind
                dd if=/dev/vda of=/dev/null bs=1M count=16 iflag=direct
            done
            """, leaks=True)
