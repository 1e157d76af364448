# SPDX-License-Identifier: GPL-2.0-or-later
"""process - child processes that never outlive us, and what they cost."""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(command, **options):
    """A child that the kernel ends when we end, however we end."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([str(word) for word in command],
                            preexec_fn=die_with_parent, **options)


def expect_orphans():
    """Descendants whose parents end become our children from now on."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)


class Orphan:
    """A child that somebody else started: as much of Popen as is needed here."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout):
        try:
            wait_until(lambda: self.poll() is not None, timeout, f"end of {self.pid}")
        except TimeoutError:
            raise subprocess.TimeoutExpired(str(self.pid), timeout) from None
        return self.returncode

    def terminate(self):
        os.kill(self.pid, signal.SIGTERM)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)


def end(child, timeout=10):
    """SIGTERM, then SIGKILL; returns the exit status."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait(timeout)


def cpu_seconds(pid):
    """User and system time of a process with all its threads, ended ones too.

    The kernel counts in ticks of 10 ms for the process, but in nanoseconds for
    each thread that still lives; the larger of the two is nearer the truth.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = (int(fields[11]) + int(fields[12])) / TICKS
    nanoseconds = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            nanoseconds += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue  # ended between the listing and the reading
    return max(ticks, nanoseconds / 1e9)


def wait_until(condition, timeout, what, step=0.02):
    """Poll a condition; its first true value is returned."""
    end_time = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end_time:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(step)
