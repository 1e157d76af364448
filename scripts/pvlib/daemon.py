# SPDX-License-Identifier: GPL-2.0-or-later
"""daemon - vhost-user back ends: ours, and QEMU's storage daemon as its peer."""

import re
import subprocess
import tempfile
from pathlib import Path

from . import paths, process

START_SECONDS = 20


class Daemon:
    """A back-end process that listens on one socket or several.

    command is complete; sockets are the paths it will listen on.  On entry it
    runs and listens; on exit it is ended.
    """

    def __init__(self, command, sockets, prefix=()):
        self.command = [*prefix, *(str(word) for word in command)]
        self.prefix = list(prefix)
        self.sockets = [Path(path) for path in sockets]
        self.directory = Path(tempfile.mkdtemp(prefix="pvpack-"))
        self.log_path = self.directory / "log"
        self.child = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.remove()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.child = process.spawn(self.command, stdout=log, stderr=log)
        try:
            process.wait_until(self.is_up, START_SECONDS,
                               f"{self.command[0]} listening")
        except TimeoutError as error:
            process.end(self.child)
            raise paths.PvError(f"{error}; it said: {self.log()}") from None

    def is_up(self):
        if self.child.poll() is not None:
            raise paths.PvError(f"{' '.join(self.command)} ended with status "
                                f"{self.child.returncode}: {self.log()}")
        return all(is_listening(self.child.pid, path) for path in self.sockets)

    def log(self):
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(errors="replace").strip()

    def cpu_seconds(self):
        return process.cpu_seconds(self.child.pid)

    def kill(self):
        """kill -9: no clean-up of any kind happens inside."""
        self.child.kill()
        self.child.wait(10)

    def upgrade(self, control):
        """Another process takes over (docs/operations.md); it is ours to end."""
        process.expect_orphans()
        done = subprocess.run([*self.prefix, paths.PVCTL, f"--socket={control}",
                               "upgrade"], timeout=60, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        match = re.match(r"process (\d+) has taken over from (\d+)\n", done.stdout)
        if done.returncode or not match or int(match[2]) != self.child.pid:
            raise paths.PvError(f"upgrade: {done.stdout.strip()}; {self.log()}")
        old, self.child = self.child, process.Orphan(int(match[1]))
        if old.wait(10):
            raise paths.PvError(f"the old daemon ended with {old.returncode}")

    def stop(self):
        """SIGTERM; the exit status is returned."""
        return process.end(self.child)

    def remove(self):
        if self.child:
            self.stop()
        self.log_path.unlink(missing_ok=True)
        self.directory.rmdir()
        for path in self.sockets:
            path.unlink(missing_ok=True)


def is_listening(pid, path):
    """Whether a process's socket listens, found without becoming a client.

    The kernel lists sockets by network namespace, so that of the process.
    """
    accepts = 0x10000  # __SO_ACCEPTCON in the flags of /proc/net/unix
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) == 8 and fields[7] == str(path) and int(fields[3], 16) & accepts:
            return True
    return False


def pvbackend_blk(path, disk, queues=1, read_only=False, options=(), prefix=()):
    """build/pvbackend serving one disk."""
    command = [paths.PVBACKEND, "blk", f"--socket-path={path}",
               f"--blk-file={disk}", f"--num-queues={queues}", *options]
    if read_only:
        command.append("--read-only")
    return Daemon(command, [path], prefix)


def pvbackend_net(path, tap, queues=1, options=(), prefix=()):
    """build/pvbackend serving one NIC on a tap."""
    command = [paths.PVBACKEND, "net", f"--socket-path={path}", f"--tap={tap}",
               f"--num-queues={queues}", *options]
    return Daemon(command, [path], prefix)


def storage_daemon(path, disk, queues=1, direct=True):
    """QEMU's own vhost-user-blk back end."""
    direct = "on" if direct else "off"
    return Daemon(
        ["qemu-storage-daemon",
         "--blockdev", f"driver=file,node-name=f,filename={disk},"
                       f"cache.direct={direct},aio=io_uring,discard=unmap",
         "--blockdev", "driver=raw,node-name=d,file=f",
         "--export", "type=vhost-user-blk,id=e,node-name=d,writable=on,"
                     f"num-queues={queues},addr.type=unix,addr.path={path}"],
        [path])


def run_failing(command, prefix=(), timeout=10):
    """Run a back end that should refuse; (status, what it said)."""
    done = subprocess.run([*prefix, *(str(word) for word in command)],
                          timeout=timeout, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.strip()
