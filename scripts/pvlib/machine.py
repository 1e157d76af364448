# SPDX-License-Identifier: GPL-2.0-or-later
"""machine - the QEMU process of a guest: command line, monitor, logs, counts.

Memory is a shared memfd, as vhost-user needs it.  The monitor and the guest's
command port are socket pairs that QEMU inherits, so that there is no path to
clash or to be left behind.  QEMU's standard error is drained by a thread that
counts trace lines by region and keeps everything else as the log.
"""

import collections
import fcntl
import re
import socket
import struct
import subprocess
import tempfile
import termios
import threading
from pathlib import Path

from . import accel, paths, process, qmp

# i440fx: IDE is built in, and PCI devices unplug through ACPI at once.
MACHINE = "pc"
# How a back end sees the guest's memory: as it is, as a private copy (a common
# mistake), or not at all (the commonest).
MEMORY_OPTION = {"shared": ",memory-backend=ram", "private": ",memory-backend=ram",
                 "plain": ""}
# Nothing in the tests depends on these; without them TCG boots a third faster.
QUIET_KERNEL = ("console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off "
                "tsc=reliable no_timer_check random.trust_cpu=on "
                "cryptomgr.notests audit=0 rdinit=/init")
TRACE_LINE = re.compile(rb"memory_region_ops_(?:read|write) .* name '([^']*)'")
TRACE_EVENTS = ["memory_region_ops_read", "memory_region_ops_write"]


def memory_backend(kind, megabytes):
    if kind == "plain":
        return []
    share = "on" if kind == "shared" else "off"
    return ["-object", f"memory-backend-memfd,id=ram,size={megabytes}M,share={share}"]


class ErrorStream(threading.Thread):
    """Drains QEMU's standard error: trace lines become counts, the rest log."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe = pipe
        self.regions = collections.Counter()
        self.log = b""
        self.busy = False
        self.start()

    def run(self):
        rest = b""
        while True:
            data = self.pipe.read1(1 << 20)
            if not data:
                self.log += rest
                return
            self.busy = True
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.take(line)
            self.busy = False

    def take(self, line):
        match = TRACE_LINE.match(line)
        if match:
            self.regions[match.group(1).decode()] += 1
        else:
            self.log += line + b"\n"

    def unread_bytes(self):
        return struct.unpack("i", fcntl.ioctl(self.pipe, termios.FIONREAD, b"1234"))[0]

    def settle(self):
        """Wait until all that QEMU has written is counted."""
        process.wait_until(lambda: not self.unread_bytes() and not self.busy,
                           30, "trace of QEMU")


class Machine:
    """A QEMU process; add devices, then start().

    Device lines are added as they stand on a QEMU command line, for example
    add("-device", "virtio-rng-pci").
    """

    def __init__(self, kernel, initramfs, accelerator=None, memory_mb=512,
                 cpus=2, append="", memory="shared"):
        self.accelerator = accelerator or accel.choose(kernel)
        self.directory = Path(tempfile.mkdtemp(prefix="pvpack-"))
        self.serial_path = self.directory / "serial.log"
        self.child = None
        self.qmp = None
        self.errors = None
        self.arguments = [
            "-accel", self.accelerator, "-machine", MACHINE + MEMORY_OPTION[memory],
            "-cpu", accel.CPUS[self.accelerator],
            "-smp", str(cpus), "-m", f"{memory_mb}M",
            *memory_backend(memory, memory_mb),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", f"file:{self.serial_path}",
            "-kernel", str(kernel.image), "-initrd", str(initramfs),
            "-append", f"{QUIET_KERNEL} {append}".strip(),
        ]
        self.files = []
        self.port = self.add_socket("port")
        self.add("-device", "virtio-serial-pci,id=serial0",
                 "-device", "virtserialport,bus=serial0.0,chardev=port,"
                            "name=org.pvpack.guest")
        self.monitor = self.add_socket("monitor")
        self.add("-mon", "chardev=monitor,mode=control")

    def add(self, *arguments):
        self.arguments += arguments

    def add_socket(self, name):
        """A character device connected to the socket that is returned."""
        ours, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        self.files.append(theirs)
        self.add("-chardev", f"socket,id={name},fd={theirs.fileno()}")
        return ours

    def device(self, name):
        """The properties of a device as they stand on our command line."""
        for word in self.arguments:
            model, *pairs = word.split(",")
            if f"id={name}" in pairs and "." not in model and "=" not in model:
                found = dict(pair.split("=", 1) for pair in pairs)
                if "addr" in found:
                    return {"driver": model, **found}
        raise KeyError(name)

    def command(self):
        return [paths.QEMU, *self.arguments]

    def start(self, prefix=()):
        """Run QEMU, below a prefix such as a network namespace's command."""
        self.child = process.spawn(
            [*prefix, *self.command()], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, pass_fds=[f.fileno() for f in self.files])
        for file in self.files:
            file.close()
        self.errors = ErrorStream(self.child.stderr)
        try:
            self.qmp = qmp.Qmp(self.monitor)
        except (OSError, qmp.QmpError) as error:
            process.end(self.child)
            raise paths.PvError(f"QEMU did not start: {self.log()}") from error

    def log(self):
        """What QEMU said on its standard error."""
        self.errors.join(1 if self.child.poll() is not None else 0)
        return self.errors.log.decode(errors="replace").strip()

    def tell(self):
        """Whether QEMU runs, and what it said."""
        try:
            state = f"ended with status {self.child.wait(1)}"
        except subprocess.TimeoutExpired:
            state = "runs"
        return f"QEMU {state} and said: {self.log() or 'nothing'}"

    def serial(self):
        if not self.serial_path.exists():
            return ""
        return self.serial_path.read_bytes().decode(errors="replace")

    def trace(self, on):
        """Switch counting of device register accesses on or off."""
        for event in TRACE_EVENTS:
            self.qmp.execute("trace-event-set-state", name=event, enable=on)
        self.errors.settle()

    def regions(self):
        return collections.Counter(self.errors.regions)

    def cpu_seconds(self):
        return process.cpu_seconds(self.child.pid)

    def stop(self):
        """End QEMU and remove its files; what it had to say is returned."""
        if not self.child:
            return ""
        self.child.kill()
        self.child.wait(10)
        said = self.log()
        for sock in (self.port, self.monitor):
            sock.close()
        self.serial_path.unlink(missing_ok=True)
        self.directory.rmdir()
        self.child = None
        return said
