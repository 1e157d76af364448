# SPDX-License-Identifier: GPL-2.0-or-later
"""uml - User-mode Linux as a guest of the daemon: one boot, one script.

UML is a real Linux that runs as a process, at the host's speed, and speaks
vhost-user itself.  It has one CPU, so its devices have one queue.  Kernels:
Debian's, with the drivers of the tree as modules, and our own (config), with
lockdep, KASAN and kmemleak, where ours are modules (BARE) or built in (OWN, for
KUnit).
"""

import os
import re
import signal
import subprocess
from pathlib import Path

from pvlib import paths, process

INIT = Path(__file__).with_name("init")
DEBIAN = Path("/usr/bin/linux.uml")
OWN = paths.BUILD / "kernels" / "uml"
BARE = paths.BUILD / "kernels" / "uml-bare"
KERNEL = {"intree": DEBIAN, "pv": BARE}
DISK_ID, NIC_ID = 2, 1  # virtio 1.3, 5: device types
BOOT_SECONDS = 300

# Each is a report of a kernel that checks itself.
TROUBLE = re.compile(r"BUG:|WARNING:|KASAN|INFO: |Oops|Kernel panic|Bad page|"
                     r"unreferenced object|possible recursive|UBSAN|stack-out-of")


def intree_module(name):
    """By its path below Debian's tree."""
    return f"/usr/lib/uml/modules/$(uname -r)/kernel/{name}.ko"


def own_module(name):
    return str(paths.BUILD / "modules" / "uml" / f"{name}.ko")


class Uml:
    """A kernel and its devices; run() boots it once.

    modules are loaded first, in order.
    """

    def __init__(self, kernel, directory, modules=(), memory="256M"):
        self.kernel = kernel
        self.directory = Path(directory)
        self.modules = modules
        self.arguments = [f"mem={memory}", "con=null", "con0=null,fd:1", "ssl=null",
                          f"uml_dir={directory}/"]
        self.console = ""
        self.output = ""

    def add_device(self, socket, device_id):
        self.arguments.append(f"virtio_uml.device={socket}:{device_id}")

    def boot(self, *arguments, timeout=BOOT_SECONDS):
        """Boot with these on the command line too; the console is returned."""
        child = process.spawn([self.kernel, *self.arguments, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              start_new_session=True)
        try:
            said, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            said, _ = child.communicate()
            said += f"\nnot finished in {timeout} s".encode()
        self.console = said.decode(errors="replace")
        return self.console

    def run(self, script, leaks=False, timeout=BOOT_SECONDS):
        """Run a shell script as the only thing; output of it is returned."""
        load = "".join(f"insmod {name}\n" for name in self.modules)
        (self.directory / "script").write_text(load + script)
        status = self.directory / "status"
        status.unlink(missing_ok=True)
        more = ["PVPACK_LEAKS=1"] if leaks else []
        self.boot("root=none", "rootfstype=hostfs", "rootflags=/", "ro",
                  f"init={INIT}", f"PVPACK_DIR={self.directory}", *more,
                  timeout=timeout)
        try:
            self.output = (self.directory / "output").read_text(errors="replace")
            code = status.read_text().strip()
        except FileNotFoundError:
            code = "none: the script did not end"
        assert code == "0", f"status {code}\n{self.evidence()}"
        assert not self.trouble(), f"{self.trouble()}\n{self.evidence()}"
        return self.output

    def trouble(self):
        """The console's lines that no healthy kernel prints."""
        return "\n".join(line for line in self.console.splitlines()
                         if TROUBLE.search(line))

    def evidence(self):
        return f"--- script ---\n{self.output}\n--- console ---\n{self.console}"
