# SPDX-License-Identifier: GPL-2.0-or-later
"""paths - where things are: the tree, its outputs, the cache, the stock kernel."""

import os
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = REPO / "build"
CACHE = Path(os.environ.get("PVPACK_CACHE") or Path.home() / ".cache" / "pvpack")
PVBACKEND = BUILD / "pvbackend"
PVCTL = BUILD / "pvctl"
QEMU = "qemu-system-x86_64"

# A user's PATH on Debian lacks these, and half of our tools live there.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


class PvError(Exception):
    """Something the user can act on: the text is the whole message."""


class Kernel:
    """A Debian kernel unpacked in the cache by scripts/setup."""

    def __init__(self, root):
        self.root = Path(root)
        self.release = self.root.name
        self.image = self.root / "boot" / f"vmlinuz-{self.release}"
        self.modules = self.root / "lib" / "modules" / self.release
        self.own_modules = BUILD / "modules" / self.release

    def own_module(self, name):
        """Our module for this kernel, or an error that says how to build it."""
        path = self.own_modules / f"{name}.ko"
        if not path.exists():
            raise PvError(f"{path} is missing: run make modules")
        return path


def stock_kernel():
    """The kernel that scripts/setup chose."""
    link = CACHE / "kernels" / "stock"
    if not link.exists():
        raise PvError(f"no kernel in {link}: run scripts/setup")
    return Kernel(link.resolve())


def output_of(*command):
    """Standard output of a short host command that must succeed."""
    return subprocess.run(command, check=True, text=True, timeout=60,
                          stdout=subprocess.PIPE).stdout
