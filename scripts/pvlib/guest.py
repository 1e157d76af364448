# SPDX-License-Identifier: GPL-2.0-or-later
"""guest - a booted Linux guest that runs commands.

	with Guest(Machine(kernel, initramfs)) as guest:
	    print(guest.run("uname -r").out)

tests/guest/init.c serves the other end of the command port and describes the
frames.  A thread reads them; callers wait on a condition, always with a limit.
"""

import threading
import time

BOOT_SECONDS = {"kvm": 60, "tcg": 120}
SERIAL_LINES = 25
# Binds drivers as an installed system does: one modprobe by every device's
# alias, so that modprobe.d decides who goes first.
COLDPLUG = ("find /sys/devices -name modalias -exec cat {} + | sort -u | "
            "xargs -r modprobe -abq; true")


class GuestError(Exception):
    """A command failed, or the guest is gone."""


class Job:
    """A command running in the guest."""

    def __init__(self, guest, number, command):
        self.guest = guest
        self.number = number
        self.command = command
        self.pieces = {"out": [], "err": []}
        self.status = None

    @property
    def out(self):
        return b"".join(self.pieces["out"]).decode(errors="replace")

    @property
    def err(self):
        return b"".join(self.pieces["err"]).decode(errors="replace")

    def wait(self, timeout=60, check=True):
        """Wait for the end; with check, a status other than 0 is an error."""
        if not self.guest.wait_for(lambda: self.status is not None, timeout):
            self.kill()
            raise GuestError(self.guest.tell(
                f"not done within {timeout:g} s: {self.command}\n"
                f"{self.out[-2000:]}{self.err[-2000:]}"))
        if check and self.status:
            raise GuestError(f"status {self.status}: {self.command}\n"
                             f"{self.out[-4000:]}{self.err[-4000:]}")
        return self

    def kill(self):
        self.guest.send("kill", self.number, b"")


class Guest:
    """Boots a Machine on entry and ends it on exit."""

    def __init__(self, machine, prefix=()):
        self.machine = machine
        self.prefix = prefix
        self.release = None
        self.jobs = {}
        self.changed = threading.Condition()
        self.gone = False
        self.reader = None

    def __enter__(self):
        try:
            self.machine.start(self.prefix)
            self.listen()
            self.boot()
        except BaseException:
            self.machine.stop()
            raise
        return self

    def __exit__(self, *exception):
        self.machine.stop()

    def listen(self):
        """Read what comes out of the machine's command port from now on."""
        self.reader = threading.Thread(target=self.read_frames, args=[self.machine],
                                       daemon=True)
        self.reader.start()

    def move(self, machine):
        """The guest has migrated: another QEMU has its command port now."""
        with self.changed:
            self.machine = machine
        self.listen()

    def boot(self):
        limit = BOOT_SECONDS[self.machine.accelerator]
        if not self.wait_for(lambda: self.release, limit):
            raise GuestError(self.tell(f"the guest did not boot within {limit} s"))
        self.run("ip link set lo up")
        self.run(COLDPLUG)

    def tell(self, what):
        """A message with all that helps to find the cause."""
        tail = "\n".join(self.machine.serial().splitlines()[-SERIAL_LINES:])
        return f"{what}\n{self.machine.tell()}\nserial console:\n{tail}"

    def wait_for(self, condition, timeout):
        """False when the time is over; GuestError when the guest is gone."""
        end_time = time.monotonic() + timeout
        with self.changed:
            while not condition():
                if self.gone:
                    raise GuestError(self.tell("the guest is gone"))
                left = end_time - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(left)
        return True

    def send(self, kind, number, data):
        self.machine.port.sendall(b"%s %d %d\n" % (kind.encode(), number, len(data))
                                  + data)

    def start(self, command):
        """Start a shell command; returns at once."""
        with self.changed:
            job = Job(self, len(self.jobs) + 1, command)
            self.jobs[job.number] = job
        self.send("run", job.number, command.encode())
        return job

    def run(self, command, timeout=60, check=True):
        """Run a shell command to its end."""
        return self.start(command).wait(timeout, check)

    def read(self, path):
        """A small text file of the guest, without the line end."""
        return self.run(f"cat {path}").out.rstrip("\n")

    def wait_usable(self, addresses, timeout=30):
        """Wait until the virtio devices at PCI addresses are disks and interfaces."""
        end_time = time.monotonic() + timeout
        while not all(usable(self, address) for address in addresses):
            if time.monotonic() > end_time:
                raise GuestError(self.tell(f"no disk or interface at {addresses}"))
            self.run(COLDPLUG)

    def dmesg(self):
        return self.run("dmesg").out

    def read_frames(self, machine):
        """Runs in the thread until QEMU closes the port."""
        file = machine.port.makefile("rb")
        try:
            for head in file:
                kind, number, length = head.decode().split()
                self.take_frame(kind, int(number), file.read(int(length)))
        except (OSError, ValueError):
            pass  # the port was closed under us: the same as its end
        with self.changed:
            self.gone = self.machine is machine
            self.changed.notify_all()

    def take_frame(self, kind, number, data):
        with self.changed:
            if kind == "hello":
                self.release = data.decode()
            elif kind == "exit":
                self.jobs[number].status = int(data)
            else:
                self.jobs[number].pieces[kind].append(data)
            self.changed.notify_all()


def usable(guest, address):
    """Has the driver finished?  It is bound, in sysfs, before it has begun."""
    path = f"/sys/bus/pci/devices/{address}/virtio*"
    return guest.run(f"test -b /dev/$(ls {path}/block) || test -e {path}/net/*/address",
                     check=False).status == 0


def driver_of(guest, address):
    """The name of the driver bound to the virtio device of a PCI address."""
    path = f"/sys/bus/pci/devices/{address}"
    found = guest.run(f"readlink -f {path}/virtio*/driver", check=False).out.strip()
    return found.rpartition("/")[2] if "/drivers/" in found else ""
