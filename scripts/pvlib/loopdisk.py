# SPDX-License-Identifier: GPL-2.0-or-later
"""loopdisk - an ext4 of its own on a loop device, for the time of a test."""

import contextlib
import os
import subprocess
from pathlib import Path

from . import paths


def _run(*command):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True,
                              text=True, check=False, timeout=60)
    except OSError as error:
        raise paths.PvError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise paths.PvError(f"{command[0]}: {done.stderr.strip()}")


@contextlib.contextmanager
def ext4(directory, size):
    """A mounted ext4 with @size free bytes; its device's file is in @directory.

    Where this is not possible: PvError.
    """
    if os.geteuid():
        raise paths.PvError("a loop device needs root")
    backing = Path(directory, f"pvloop-{os.getpid()}")
    mount = Path(directory, f"pvloop-{os.getpid()}.mount")
    try:
        with open(backing, "wb") as file:
            file.truncate(size + size // 4 + (64 << 20))
        mount.mkdir()
        _run("mkfs.ext4", "-q", "-F", backing)
        _run("mount", "-o", "loop", backing, mount)
        try:
            yield mount
        finally:
            _run("umount", mount)
    finally:
        backing.unlink(missing_ok=True)
        if mount.exists():
            mount.rmdir()
