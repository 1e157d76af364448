# SPDX-License-Identifier: GPL-2.0-or-later
"""pair - a guest with one disk and one NIC for a choice of driver and back end.

	with Pair("pv", "pvbackend") as pair:
	    pair.guest.run("lsblk")

driver: "pv" is our modules, "intree" the kernel's own.  backend: "pvbackend"
is our daemon over vhost-user, "qemu" is QEMU's own device.  The disk is
/dev/vda; the NIC talks to HOST_ADDRESS in a network namespace of the pair's.
"""

import contextlib
import os
import tempfile
from pathlib import Path

from . import daemon, devices, guest, initramfs, machine, netns, paths

DRIVERS = {"pv": ("pvblk", "pvnet"), "intree": ("virtio_blk", "virtio_net")}
BACKENDS = ("pvbackend", "qemu")
HOST_ADDRESS = "10.77.0.1"
GUEST_ADDRESS = "10.77.0.2"
TAP = "pvtap0"
SERIAL = "pvpack-test-disk"


def scratch_directory():
    """For disk images: memory where it can do O_DIRECT, else the build tree."""
    shared = Path("/dev/shm")
    return shared if can_open_direct(shared) else paths.BUILD


def can_open_direct(directory):
    """Whether a file system takes O_DIRECT (tmpfs does since Linux 6.6)."""
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        try:
            os.close(os.open(file.name, os.O_RDWR | os.O_DIRECT))
        except OSError:
            return False
    return True


def make_disk(directory, name, megabytes):
    path = Path(directory, name)
    with open(path, "wb") as file:
        file.truncate(megabytes << 20)
    return path


class Pair:
    """Everything that one scenario needs, built on entry and undone on exit."""

    def __init__(self, driver, backend, queues=1, disk_mb=256, append="",
                 read_only=False, own=None, broken=(), memory_mb=640):
        self.driver = driver
        self.backend = backend
        self.queues = queues
        self.disk_mb = disk_mb
        self.append = append
        self.read_only = read_only
        self.own = own if own is not None else \
            DRIVERS["pv"] if driver == "pv" else ()
        self.broken = broken
        self.memory_mb = memory_mb
        self.kernel = paths.stock_kernel()
        self.stack = contextlib.ExitStack()
        self.disk_daemon = self.nic_daemon = self.guest = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.enter(stack)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def enter(self, stack):
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(
            prefix="pvpack-", dir=scratch_directory())))
        self.network = stack.enter_context(netns.Network())
        self.network.add_tap(TAP, HOST_ADDRESS, self.queues)
        self.disk = make_disk(self.directory, "disk.img", self.disk_mb)
        image = initramfs.build(
            self.kernel, own=self.own, broken=self.broken,
            modules=initramfs.VIRTIO_MODULES + initramfs.EXTRA_MODULES)
        self.machine = machine.Machine(self.kernel, image, append=self.append,
                                       memory_mb=self.memory_mb)
        add = {"pvbackend": self.add_pvbackend, "qemu": self.add_qemu}
        add[self.backend](stack)
        self.guest = stack.enter_context(guest.Guest(self.machine, self.network.prefix))

    def add_qemu(self, stack):
        direct = can_open_direct(self.directory)
        self.disk_address = devices.add_disk(
            self.machine, "disk0", self.disk, direct=direct, serial=SERIAL,
            read_only=self.read_only, num_queues=self.queues)
        self.nic_address = devices.add_nic(self.machine, "nic0", TAP,
                                           queues=self.queues)

    def add_pvbackend(self, stack):
        self.disk_socket = self.directory / "disk.sock"
        self.nic_socket = self.directory / "nic.sock"
        self.disk_daemon = stack.enter_context(daemon.pvbackend_blk(
            self.disk_socket, self.disk, self.queues, self.read_only,
            [f"--serial={SERIAL}"]))
        self.nic_daemon = stack.enter_context(daemon.pvbackend_net(
            self.nic_socket, TAP, self.queues, prefix=self.network.prefix))
        self.disk_address = devices.add_vhost_disk(
            self.machine, "disk0", self.disk_socket, self.queues)
        self.nic_address = devices.add_vhost_nic(
            self.machine, "nic0", self.nic_socket, self.queues)

    def bound_drivers(self):
        """(disk's, NIC's) as the guest's sysfs names them."""
        return (guest.driver_of(self.guest, self.disk_address),
                guest.driver_of(self.guest, self.nic_address))

    def interface(self):
        """The guest's name of the NIC."""
        path = f"/sys/bus/pci/devices/{self.nic_address}"
        return self.guest.run(f"ls {path}/virtio*/net").out.strip()

    def raise_interface(self):
        """Give the NIC its address; its name is returned."""
        name = self.interface()
        self.guest.run(f"ip addr add {GUEST_ADDRESS}/24 dev {name}; "
                       f"ip link set {name} up")
        return name

    def report(self):
        """One line for people."""
        disk, nic = self.bound_drivers()
        return (f"{self.machine.accelerator}: disk on {disk}, "
                f"NIC on {nic}, back end {self.backend}")
