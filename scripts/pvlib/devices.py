# SPDX-License-Identifier: GPL-2.0-or-later
"""devices - QEMU's lines for disks and NICs, emulated and paravirtualized.

Each function adds one device to a Machine in the next free PCI slot and
returns its address as the guest's sysfs writes it, for example 0000:00:09.0.
"""

import functools
import re

from . import paths

FIRST_SLOT = 8


def next_address(machine):
    """The next free slot of the root bus."""
    used = sum("addr=0x" in word for word in machine.arguments)
    return f"0000:00:{FIRST_SLOT + used:02x}.0"


def suffix(address):
    return f",addr=0x{address.split(':')[2]}"


@functools.lru_cache()
def qemu_version():
    text = paths.output_of(paths.QEMU, "--version")
    return tuple(map(int, re.search(r"version (\d+)\.(\d+)", text).groups()))


def reconnect_option():
    """A back end may be restarted: QEMU retries every second."""
    return "reconnect-ms=1000" if qemu_version() >= (9, 2) else "reconnect=1"


def vhost_nic_needs_intx(machine):
    """Before 9.1 QEMU crashes where vhost-user-net meets MSI-X without KVM.

    It takes the irqfd of a vector, which only KVM gives, when the guest starts
    the device (qemu-project issue 2334).  Nothing else than MSI-X leads there.
    """
    return machine.accelerator != "kvm" and qemu_version() < (9, 1)


def properties(values):
    return "".join(f",{key.replace('_', '-')}={value}" for key, value in values.items())


def add_blockdev(machine, name, disk, direct=True, read_only=False):
    """QEMU's own back end for a disk, in its quickest form."""
    flags = f"cache.direct={'on' if direct else 'off'},aio=io_uring"
    read_only = "on" if read_only else "off"
    machine.add(
        "-blockdev", f"driver=file,node-name={name}-file,filename={disk},{flags},"
                     f"discard=unmap,read-only={read_only}",
        "-blockdev", f"driver=raw,node-name={name}-disk,file={name}-file,"
                     f"discard=unmap,read-only={read_only}")


def add_disk(machine, name, disk, model="virtio-blk-pci", direct=True,
             read_only=False, **props):
    """A disk served by QEMU itself, for models that are PCI devices."""
    address = next_address(machine)
    add_blockdev(machine, name, disk, direct, read_only)
    machine.add("-device", f"{model},id={name},drive={name}-disk{properties(props)}"
                           f"{suffix(address)}")
    return address


def add_disk_behind(machine, name, disk, controller, model, direct=True):
    """A disk on a controller of its own (AHCI, pvscsi) or on the board's IDE."""
    add_blockdev(machine, name, disk, direct)
    if not controller:
        machine.add("-device", f"{model},id={name},drive={name}-disk,bus=ide.0")
        return "0000:00:01.1"  # where i440fx has its IDE
    address = next_address(machine)
    machine.add("-device", f"{controller},id={name}-bus{suffix(address)}",
                "-device", f"{model},id={name},drive={name}-disk,bus={name}-bus.0")
    return address


def add_vhost_disk(machine, name, socket, queues=1, **props):
    """A disk served by a vhost-user back end."""
    address = next_address(machine)
    machine.add("-chardev", f"socket,id={name}-socket,path={socket},"
                            f"{reconnect_option()}",
                "-device", f"vhost-user-blk-pci,id={name},chardev={name}-socket,"
                           f"num-queues={queues}{properties(props)}{suffix(address)}")
    return address


def add_nic(machine, name, tap, model="virtio-net-pci", queues=1, **props):
    """A NIC on a tap, served by QEMU itself."""
    address = next_address(machine)
    machine.add("-netdev", f"tap,id={name}-net,ifname={tap},script=no,"
                           f"downscript=no,vhost=off,queues={queues}",
                "-device", f"{model},id={name},netdev={name}-net,romfile="
                           f"{multiqueue(queues)}{properties(props)}{suffix(address)}")
    return address


def add_vhost_nic(machine, name, socket, queues=1, **props):
    """A NIC served by a vhost-user back end."""
    address = next_address(machine)
    vectors = multiqueue(queues)
    if vhost_nic_needs_intx(machine):
        vectors = ",vectors=0" + (",mq=on" if queues > 1 else "")
    machine.add("-chardev", f"socket,id={name}-socket,path={socket},"
                            f"{reconnect_option()}",
                "-netdev", f"vhost-user,id={name}-net,chardev={name}-socket,"
                           f"queues={queues}",
                "-device", f"virtio-net-pci,id={name},netdev={name}-net,romfile="
                           f"{vectors}{properties(props)}{suffix(address)}")
    return address


def multiqueue(queues):
    return f",mq=on,vectors={2 * queues + 2}" if queues > 1 else ""
