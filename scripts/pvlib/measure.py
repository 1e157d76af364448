# SPDX-License-Identifier: GPL-2.0-or-later
"""measure - what one disk or one NIC of a booted guest does, and what it costs.

Rates are timed.  Costs are counted in windows of their own, because counting
slows the guest:

  exits		accesses to the device's registers, from QEMU's trace, plus
		kicks, which QEMU hands to an eventfd before it would trace them
		and which the guest therefore counts itself (a probe on vp_notify)
  interrupts	the device's rows of the guest's /proc/interrupts

CPU time is QEMU's and the back end's together, less what the load generator
costs without any I/O.
"""

import contextlib
import re

from . import work

# Registers that are not the device's: interrupt controllers, timers, console.
HOUSEKEEPING = re.compile(r"^(kvm|apic|ioapic|pic|elcr|hpet|pit|acpi|rtc|serial|"
                          r"ram|rom|dma|port|fwcfg|tpm|parallel|gpe|pm|smbus)")
# The board's IDE keeps the two lines that it had on the first PCs.
IDE_ROW = "ata_piix"
KICK_PROBE = "/sys/kernel/tracing/kprobe_events"
TRACING = "/sys/kernel/tracing"
COUNTED_IOS = 3000
RR_PORT = 5011


class Station:
    """A booted guest with everything on the host that works for it."""

    def __init__(self, guest, network, processes):
        self.guest = guest
        self.machine = guest.machine
        self.network = network
        self.processes = processes

    def cpu_seconds(self):
        return sum(one.cpu_seconds() for one in [self.machine, *self.processes])


class Target:
    """One device of a station under its name in the table.

    address: where the guest sees its PCI device; paravirtual: kicks are
    counted by the guest's probe.
    """

    def __init__(self, name, station, address, paravirtual):
        self.name = name
        self.station = station
        self.guest = station.guest
        self.address = address
        self.paravirtual = paravirtual

    def interrupts(self):
        if self.pci_driver() == IDE_ROW:
            lines = self.guest.run("cat /proc/interrupts").out.splitlines()
            return sum(int(field) for line in lines if IDE_ROW in line
                       for field in line.split()[1:] if field.isdigit())
        return sum(work.interrupts(self.guest, self.address).values())

    def pci_driver(self):
        link = f"/sys/bus/pci/devices/{self.address}/driver"
        return self.guest.run(f"readlink -f {link}").out.strip().rpartition("/")[2]

    def kicks(self):
        if not self.paravirtual:
            return 0
        profile = self.guest.read(f"{TRACING}/kprobe_profile").split()
        return int(profile[profile.index("pvkick") + 1])

    @contextlib.contextmanager
    def kick_probe(self):
        if not self.paravirtual:
            yield
            return
        self.guest.run(f"echo p:pvkick vp_notify > {KICK_PROBE} && "
                       f"echo 1 > {TRACING}/events/kprobes/pvkick/enable")
        try:
            yield
        finally:
            self.guest.run(f"echo 0 > {TRACING}/events/kprobes/pvkick/enable && "
                           f"echo > {KICK_PROBE}")

    def counted(self, load):
        """(exits, interrupts) per operation; load() returns its operations."""
        with self.kick_probe():
            kicks, interrupts = self.kicks(), self.interrupts()
            before = self.station.machine.regions()
            self.station.machine.trace(True)
            operations = load()
            self.station.machine.trace(False)
            regions = self.station.machine.regions() - before
            accesses = sum(count for name, count in regions.items()
                           if not HOUSEKEEPING.match(name))
            kicks = self.kicks() - kicks
            interrupts = self.interrupts() - interrupts
        return (accesses + kicks) / operations, interrupts / operations

    def cpu_of(self, load):
        """(CPU seconds, result) of load()."""
        before = self.station.cpu_seconds()
        result = load()
        return self.station.cpu_seconds() - before, result


class Disk(Target):
    """A disk; device is its node in the guest."""

    def __init__(self, name, station, address, device, paravirtual=False):
        super().__init__(name, station, address, paravirtual)
        self.device = device

    def fio(self, name, rw, depth, block="4k", **limits):
        return work.fio(self.guest, name, filename=self.device, rw=rw, bs=block,
                        iodepth=depth, randrepeat=0, norandommap=1, **limits)

    def rate(self, name, rw, depth, seconds, block="4k", field="iops"):
        result = self.fio(name, rw, depth, block, runtime=seconds, time_based=1)
        return result["write" if "write" in rw else "read"][field]

    def cpu_per_read(self, seconds):
        """(IOPS at depth 32, CPU microseconds per read)."""
        empty, _ = self.cpu_of(lambda: self.fio("empty", "randread", 32, number_ios=1))
        cost, result = self.cpu_of(lambda: self.fio(
            "read32", "randread", 32, runtime=seconds, time_based=1))
        reads = result["read"]
        return reads["iops"], max(cost - empty, 0) * 1e6 / reads["total_ios"]

    def round(self, seconds):
        """One round of everything that is timed."""
        read32, cpu = self.cpu_per_read(seconds)
        sequential = self.rate("seq", "read", 8, seconds, "256k", "bw_bytes")
        return {
            "read1": self.rate("read1", "randread", 1, seconds),
            "read32": read32,
            "write32": self.rate("write32", "randwrite", 32, seconds),
            "sequential": sequential / 1e6,
            "cpu": cpu,
        }

    def count(self):
        """Everything that is counted."""
        def load(depth):
            self.fio("count", "randread", depth, number_ios=COUNTED_IOS)
            return COUNTED_IOS

        exits32, interrupts32 = self.counted(lambda: load(32))
        exits1, interrupts1 = self.counted(lambda: load(1))
        return {"exits": exits32, "interrupts": interrupts32,
                "exits1": exits1, "interrupts1": interrupts1}


class Nic(Target):
    """A NIC; host is the address of the host's end of it."""

    def __init__(self, name, station, address, host, paravirtual=False):
        super().__init__(name, station, address, paravirtual)
        self.host = host

    def stream(self, seconds, reverse):
        """Megabits per second of one TCP stream, out of the guest or into it."""
        server = work.iperf_server(self.station)
        try:
            return work.iperf_client(self.guest, self.host, seconds=seconds,
                                     reverse=reverse) / 1e6
        finally:
            server.kill()
            server.wait()

    def round_trips(self, seconds):
        """(round trips, seconds) of one byte there and back."""
        said = self.guest.run(f"tcptest rr {self.host} {RR_PORT} {seconds * 1000:.0f}",
                              timeout=seconds + 60).out.split()
        return int(said[0]), int(said[1]) / 1e9

    def round(self, seconds):
        cpu, (trips, took) = self.cpu_of(lambda: self.round_trips(seconds))
        return {
            "out": self.stream(seconds, reverse=False),
            "in": self.stream(seconds, reverse=True),
            "rr": trips / took,
            "cpu": cpu * 1e6 / trips,
        }

    def count(self):
        exits, interrupts = self.counted(lambda: self.round_trips(1)[0])
        return {"exits": exits, "interrupts": interrupts}
