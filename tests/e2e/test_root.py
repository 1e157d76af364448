# SPDX-License-Identifier: GPL-2.0-or-later
"""test_root - an installed Debian boots with its root on our driver and daemon.

The same image boots twice: first on pvblk, then with the rescue switch
pvblk.off=1, where the in-tree driver must find what the first boot wrote.
"""

import pytest

from pvlib import daemon, devices, guest, machine, paths, rootdisk

SYSTEM_BOOT_SECONDS = 300
MARK = "/root/written-by-the-first-boot"


class SystemGuest(guest.Guest):
    """An installed system: its own init binds drivers and takes its time."""

    def boot(self):
        if not self.wait_for(lambda: self.release, SYSTEM_BOOT_SECONDS):
            raise guest.GuestError(self.tell(
                f"the system did not boot within {SYSTEM_BOOT_SECONDS} s"))

    def power_off(self):
        """As an administrator would; the machine must end by itself."""
        self.start("systemctl poweroff")
        assert self.machine.child.wait(120) == 0


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return rootdisk.RootDisk(paths.stock_kernel(), tmp_path_factory.mktemp("root"))


@pytest.fixture
def booted(request, disk, tmp_path):
    """The system, with request.param on its kernel command line."""
    socket = tmp_path / "root.sock"
    hardware = machine.Machine(disk.kernel, disk.initrd, memory_mb=768,
                               append=f"root=/dev/vda rw {request.param}")
    with daemon.pvbackend_blk(socket, disk.image, 2, False, []):
        devices.add_vhost_disk(hardware, "root0", socket, 2)
        with SystemGuest(hardware) as system:
            yield system


def root_driver(system):
    assert system.run("findmnt -no SOURCE /").out.strip() == "/dev/vda"
    link = system.run("readlink -f /sys/block/vda/device/driver").out.strip()
    return link.rpartition("/")[2]


def test_initramfs_tools_take_our_modules(disk):
    files = disk.initramfs_files
    assert "updates/pvblk.ko" in files
    assert "modprobe.d/pvpack.conf" in files


@pytest.mark.parametrize("booted", [""], indirect=True, ids=["ours"])
def test_root_is_on_pvblk(booted):
    assert root_driver(booted) == "pvblk"
    booted.run(f"echo kept > {MARK} && sync")
    booted.power_off()


@pytest.mark.parametrize("booted", ["pvblk.off=1"], indirect=True, ids=["off"])
def test_in_tree_driver_takes_over(booted):
    assert root_driver(booted) == "virtio_blk"
    assert booted.read(MARK) == "kept"
    booted.power_off()
