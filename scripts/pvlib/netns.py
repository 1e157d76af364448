# SPDX-License-Identifier: GPL-2.0-or-later
"""netns - a network namespace of our own, with the taps of the guests in it.

A sleeping process holds the namespace, so that nothing is left behind when we
end.  Root gets a plain one; anybody else gets it inside a user namespace, where
taps need no rights on the host.
"""

import os
import subprocess

from . import paths, process

NETMASK = 24


class Network:
    """Use as a context; prefix is what puts a command inside."""

    def __init__(self):
        self.holder = None
        self.prefix = []

    def __enter__(self):
        enter = ["unshare", "--net"]
        if os.geteuid():
            enter += ["--user", "--map-root-user"]
        self.holder = process.spawn([*enter, "sh", "-c", "echo; exec sleep infinity"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if not self.holder.stdout.readline():
            said = self.holder.stderr.read().decode().strip()
            raise paths.PvError(f"cannot make a network namespace: {said}")
        self.prefix = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]
        if os.geteuid():
            self.prefix += [f"--user=/proc/{self.holder.pid}/ns/user",
                            "--preserve-credentials"]
        self.prefix.append("--")
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *exception):
        self.holder.kill()
        self.holder.wait(10)
        self.holder.stdout.close()
        self.holder.stderr.close()

    def run(self, *command, timeout=30, check=True):
        """Run a short command inside; its output is returned."""
        done = subprocess.run([*self.prefix, *map(str, command)], timeout=timeout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode:
            raise paths.PvError(f"{' '.join(command)}: {done.stdout.strip()}")
        return done.stdout

    def spawn(self, *command, **options):
        return process.spawn([*self.prefix, *command], **options)

    def add_tap(self, name, address, queues=1, mtu=1500):
        """A tap with a virtio-net header, up, with an address of ours."""
        multi = ["multi_queue"] if queues > 1 else []
        self.run("ip", "tuntap", "add", "dev", name, "mode", "tap", "vnet_hdr", *multi)
        self.run("ip", "link", "set", name, "mtu", str(mtu), "up")
        self.run("ip", "addr", "add", f"{address}/{NETMASK}", "dev", name)
        return name
