# SPDX-License-Identifier: GPL-2.0-or-later
"""demo - the table of paravirtualized against emulated devices.

Three guests run side by side, of which only the one that is measured works:

	pv		our modules on our daemon, disk and NIC
	in-tree		the kernel's virtio drivers on QEMU's own back ends
	emulated	four disks and four NICs that imitate hardware

Every round measures every device once, one after the other, so that a slow
moment of the host hits all alike; the table shows medians of all rounds.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pvlib import (accel, devices, guest, initramfs, machine, measure,  # noqa: E402
                   netns, pair, paths, process, report, work)

PV = "pvpack"
INTREE = "virtio in-tree"
DISK_MB = 512
# (name, controller or None for the board's, QEMU's disk model)
EMULATED_DISKS = [
    ("IDE", None, "ide-hd"),
    ("AHCI", "ahci", "ide-hd"),
    ("NVMe", None, "nvme"),
    ("pvscsi (VMware)", "pvscsi", "scsi-hd"),
]
EMULATED_NICS = [
    ("e1000", "e1000"),
    ("e1000e", "e1000e"),
    ("rtl8139", "rtl8139"),
    ("vmxnet3 (VMware)", "vmxnet3"),
]


class Progress:
    """One line on a terminal, nothing elsewhere."""

    def __init__(self, steps):
        self.steps = steps
        self.done = 0
        self.start = time.monotonic()
        self.shown = sys.stderr.isatty()

    def step(self, what):
        self.done += 1
        if not self.shown:
            return
        passed = time.monotonic() - self.start
        left = passed / self.done * (self.steps - self.done)
        print(f"\r[{self.done}/{self.steps}, {left:.0f} s left] {what}\033[K",
              end="", file=sys.stderr, flush=True)

    def end(self):
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def boot_pair(stack, name, driver, backend):
    """(disk, NIC) of a guest on one driver and back end."""
    running = stack.enter_context(pair.Pair(driver, backend, disk_mb=DISK_MB))
    if running.bound_drivers() != pair.DRIVERS[driver]:
        raise paths.PvError(f"the {name} guest runs on {running.bound_drivers()}, "
                            f"not on {pair.DRIVERS[driver]}")
    running.raise_interface()
    station = measure.Station(running.guest, running.network,
                              list(running.daemons.values()))
    serve_round_trips(stack, station)
    return (measure.Disk(name, station, running.disk_address, "/dev/vda", True),
            measure.Nic(name, station, running.nic_address, pair.HOST_ADDRESS, True))


def serve_round_trips(stack, station):
    server = station.network.spawn(work.TCPTEST, "echo", str(measure.RR_PORT))
    stack.callback(server.wait)
    stack.callback(server.kill)
    work.wait_listening(station, measure.RR_PORT)


def add_emulated_disks(hardware, directory):
    """[(name, PCI address)] of all emulated disks."""
    direct = pair.can_open_direct(directory)
    added = []
    for number, (name, controller, model) in enumerate(EMULATED_DISKS):
        ident = f"disk{number}"
        image = pair.make_disk(directory, f"{ident}.img", DISK_MB)
        if model == "nvme":
            address = devices.add_disk(hardware, ident, image, model, direct,
                                       serial="pvpack-nvme")
        else:
            address = devices.add_disk_behind(hardware, ident, image, controller,
                                              model, direct)
        added.append((name, address))
    return added


def add_emulated_nics(hardware, network):
    """[(name, PCI address, host's address)] of all emulated NICs."""
    added = []
    for number, (name, model) in enumerate(EMULATED_NICS):
        tap, host = f"pvemu{number}", f"10.78.{number}.1"
        network.add_tap(tap, host)
        added.append((name, devices.add_nic(hardware, f"nic{number}", tap, model),
                      host))
    return added


def find_disk(running, address):
    found = running.run("for d in /sys/block/*; do echo $(readlink -f $d); done").out
    names = [path.rpartition("/")[2] for path in found.split() if f"/{address}/" in path]
    return f"/dev/{names[0]}" if names else None


def disk_node(running, address):
    """The block device that hangs below a PCI address, once it is there."""
    try:
        return process.wait_until(lambda: find_disk(running, address), 30,
                                  f"a disk at {address}", step=0.5)
    except TimeoutError as error:
        raise paths.PvError(f"{error}; {running.tell('the guest:')}") from None


def raise_nic(running, address, host):
    name = running.run(f"ls /sys/bus/pci/devices/{address}/net").out.strip()
    mine = host.rpartition(".")[0] + ".2"
    running.run(f"ip addr add {mine}/24 dev {name}; ip link set {name} up")


def boot_emulated(stack):
    """(disks, NICs) of the guest whose devices imitate hardware."""
    kernel = paths.stock_kernel()
    directory = stack.enter_context(tempfile.TemporaryDirectory(
        prefix="pvpack-", dir=pair.scratch_directory()))
    network = stack.enter_context(netns.Network())
    image = initramfs.build(kernel, modules=initramfs.EMULATED_MODULES +
                            initramfs.EXTRA_MODULES)
    hardware = machine.Machine(kernel, image, memory_mb=640)
    disks = add_emulated_disks(hardware, directory)
    nics = add_emulated_nics(hardware, network)
    running = stack.enter_context(guest.Guest(hardware, network.prefix))
    # Disks behind controllers show only after the first drivers have bound.
    running.run(guest.COLDPLUG)
    station = measure.Station(running, network, [])
    for _, address, host in nics:
        raise_nic(running, address, host)
    serve_round_trips(stack, station)
    return ([measure.Disk(name, station, address, disk_node(running, address))
             for name, address in disks],
            [measure.Nic(name, station, address, host) for name, address, host in nics])


def measure_all(targets, options):
    """{target name: {column: [values of all rounds]}}."""
    progress = Progress(len(targets) * (options.rounds + 1))
    results = {target.name: {} for target in targets}
    for target in targets:
        progress.step(f"counting {target.name}")
        results[target.name].update(
            {column: [value] for column, value in target.count().items()})
    for number in range(options.rounds):
        for target in targets:
            progress.step(f"round {number + 1}: {target.name}")
            for column, value in target.round(options.seconds).items():
                results[target.name].setdefault(column, []).append(value)
    progress.end()
    return results


def fill_disks(targets):
    """Blocks that were never written would be read from nowhere."""
    for target in targets:
        target.guest.run(f"dd if=/dev/zero of={target.device} bs=1M oflag=direct",
                         timeout=300, check=False)


def parse_options():
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="measure paravirtualized against emulated devices")
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="rounds of every measurement (default: 5)")
    parser.add_argument("--seconds", type=int, default=1, metavar="S",
                        help="length of one measurement (default: 1)")
    parser.add_argument("--output", type=Path, default=paths.BUILD / "report",
                        metavar="DIR", help="where to write (default: build/report)")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds want a number from 1 on")
    return options


def run(options):
    with contextlib.ExitStack() as stack:
        pv_disk, pv_nic = boot_pair(stack, PV, "pv", "pvbackend")
        tree_disk, tree_nic = boot_pair(stack, INTREE, "intree", "qemu")
        disks, nics = boot_emulated(stack)
        disks, nics = [pv_disk, tree_disk, *disks], [pv_nic, tree_nic, *nics]
        fill_disks(disks)
        return {
            "environment": report.environment(pv_disk.station.machine, options),
            "disks": measure_all(disks, options),
            "nics": measure_all(nics, options),
        }


def main():
    options = parse_options()
    accelerator = accel.choose(paths.stock_kernel())
    print(f"measuring under {accelerator.upper()}, {options.rounds} rounds",
          file=sys.stderr)
    result = run(options)
    print(report.text(result, PV, INTREE))
    for path in report.write(result, PV, INTREE, options.output):
        print(f"wrote {os.path.relpath(path)}")


if __name__ == "__main__":
    try:
        main()
    except (paths.PvError, guest.GuestError) as error:
        sys.exit(f"demo: {error}")
