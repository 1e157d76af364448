# SPDX-License-Identifier: GPL-2.0-or-later
"""pair - a guest with one disk and one NIC for a choice of driver and back end.

	with Pair("pv", "pvbackend") as pair:
	    pair.guest.run("lsblk")

driver: "pv" is our modules, "intree" the kernel's own.  backend: "pvbackend"
is our daemon over vhost-user, "qemu" is QEMU's own device.  packed: which of
"disk" and "nic" have packed rings instead of split ones.  directory: where the
image is.  control: our daemons listen at self.control(name).  The disk is /dev/vda; the NIC talks to HOST_ADDRESS in a network
namespace of the pair's.
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
                 read_only_disk=False, own=None, broken=(), memory_mb=640,
                 packed=(), directory=None, control=False):
        self.driver = driver
        self.backend = backend
        self.queues = queues
        self.disk_mb = disk_mb
        self.append = append
        self.read_only_disk = read_only_disk
        self.own = own if own is not None else \
            DRIVERS["pv"] if driver == "pv" else ()
        self.broken = broken
        self.memory_mb = memory_mb
        self.rings = {name: {"packed": "on"} if name in packed else {}
                      for name in ("disk", "nic")}
        self.has_control = control
        self.scratch = directory or scratch_directory()
        self.kernel = paths.stock_kernel()
        self.stack = contextlib.ExitStack()
        self.daemons = {}
        self.plugs = {}
        self.guest = None
        self.interface = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.enter(stack)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def enter(self, stack):
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(
            prefix="pvpack-", dir=self.scratch)))
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

    def disks(self):
        """(name, file, read only) of every disk; disk0 is /dev/vda."""
        yield "disk0", self.disk, False
        if self.read_only_disk:
            yield "disk1", make_disk(self.directory, "readonly.img", 64), True

    def add_qemu(self, stack):
        del stack  # QEMU's own devices need no process
        direct = can_open_direct(self.directory)
        for name, disk, read_only in self.disks():
            self.plugs[name] = devices.add_disk(
                self.machine, name, disk, direct=direct, serial=SERIAL,
                read_only=read_only, num_queues=self.queues, **self.rings["disk"])
        self.plugs["nic0"] = devices.add_nic(self.machine, "nic0", TAP,
                                             queues=self.queues, **self.rings["nic"])

    def add_pvbackend(self, stack):
        for name, disk, read_only in self.disks():
            socket = self.directory / f"{name}.sock"
            self.daemons[name] = stack.enter_context(daemon.pvbackend_blk(
                socket, disk, self.queues, read_only,
                [f"--serial={SERIAL}", *self.control_option(name)]))
            self.plugs[name] = devices.add_vhost_disk(self.machine, name, socket,
                                                      self.queues, **self.rings["disk"])
        socket = self.directory / "nic0.sock"
        self.daemons["nic0"] = stack.enter_context(daemon.pvbackend_net(
            socket, TAP, self.queues, self.control_option("nic0"),
            self.network.prefix))
        self.plugs["nic0"] = devices.add_vhost_nic(self.machine, "nic0", socket,
                                                   self.queues, **self.rings["nic"])

    def control(self, name):
        """Where a device's daemon listens for pvctl."""
        return self.directory / f"{name}.control"

    def control_option(self, name):
        return [f"--control={self.control(name)}"] if self.has_control else []

    def upgrade(self, name):
        """Another daemon takes over a device while it works."""
        self.daemons[name].upgrade(self.control(name))

    @property
    def disk_address(self):
        return self.plugs["disk0"]

    @property
    def nic_address(self):
        return self.plugs["nic0"]

    def plug_again(self):
        """Plug disk0 and nic0 back in after both have been unplugged."""
        for name in ("disk0", "nic0"):
            self.machine.qmp.execute("device_add", **self.machine.device(name))
        self.guest.wait_usable([self.disk_address, self.nic_address])

    def evidence(self):
        """All logs, for a failed test."""
        parts = [f"== {name}\n{process.log()}" for name, process in
                 self.daemons.items()]
        return "\n".join([self.guest.tell("evidence"), *parts])

    def bound_drivers(self):
        """(disk's, NIC's) as the guest's sysfs names them."""
        return (guest.driver_of(self.guest, self.disk_address),
                guest.driver_of(self.guest, self.nic_address))

    def raise_interface(self):
        """Find the NIC's name in the guest and give it its address."""
        path = f"/sys/bus/pci/devices/{self.nic_address}"
        self.interface = self.guest.run(f"ls {path}/virtio*/net").out.strip()
        self.guest.run(f"ip addr add {GUEST_ADDRESS}/24 dev {self.interface}; "
                       f"ip link set {self.interface} up")

    def report(self):
        """One line for people."""
        disk, nic = self.bound_drivers()
        return (f"{self.machine.accelerator}: disk on {disk}, "
                f"NIC on {nic}, back end {self.backend}")
