# SPDX-License-Identifier: GPL-2.0-or-later
"""rootdisk - a small installed Debian on a disk image, with our modules in it.

The distribution part is made once by debootstrap and kept in the cache.  The
stock kernel is the one that scripts/setup unpacked; ours is put in as a person
would: make install-modules, then update-initramfs in the guest's root.  Making
device nodes and chroot need root, which sudo may lend.
"""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from . import paths

SUITE = "bookworm"
PACKAGES = ["initramfs-tools", "kmod", "systemd-sysv", "udev", "zstd"]
AGENT_UNIT = """\
[Unit]
Description=serves the commands of pvpack's tests

[Service]
ExecStart=/usr/local/sbin/pvpack-agent
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
"""
STEP_SECONDS = 900


def run_as_root(*command, **options):
    """A command that must succeed; its output is part of the error if not."""
    sudo = ["sudo", "-n", "--"] if os.geteuid() else []
    done = subprocess.run([*sudo, *map(str, command)], timeout=STEP_SECONDS, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode:
        raise paths.PvError(f"{command[0]} failed: {done.stdout[-3000:]}")
    return done.stdout


def mirror():
    """Where this host's own packages come from; debootstrap's default else."""
    listing = paths.output_of("apt-get", "indextargets", "--format",
                              "$(REPO_URI) $(CODENAME) $(COMPONENT)",
                              "Identifier: Packages")
    rows = [line.split() for line in listing.splitlines()]
    return [uri for uri, codename, component in rows
            if codename == SUITE and component == "main"][:1]


def base_archive():
    """The distribution as a tar file in the cache."""
    key = hashlib.sha256(" ".join([SUITE, *PACKAGES]).encode()).hexdigest()[:12]
    archive = paths.CACHE / "rootdisk" / f"{SUITE}-{key}.tar"
    if archive.exists():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(f".{os.getpid()}")
    with tempfile.TemporaryDirectory(prefix="pvpack-", dir=archive.parent) as top:
        root = Path(top, "root")
        run_as_root("debootstrap", "--variant=minbase",
                    f"--include={','.join(PACKAGES)}", SUITE, root, *mirror())
        run_as_root("tar", "-C", root, "--exclude=./var/cache/apt/*",
                    "--exclude=./var/lib/apt/lists/*", "-cf", partial, ".")
        run_as_root("rm", "-rf", root)
    partial.rename(archive)
    return archive


def add_kernel(root, kernel):
    run_as_root("cp", "-a", kernel.root / "lib" / "modules", root / "lib")
    run_as_root("cp", "-a", *(kernel.root / "boot").iterdir(), root / "boot")


def add_agent(root):
    """The guest's end of the command port, started by systemd."""
    agent = root / "usr/local/sbin/pvpack-agent"
    unit = "etc/systemd/system/pvpack-agent.service"
    with tempfile.NamedTemporaryFile("w", suffix=".service") as file:
        file.write(AGENT_UNIT)
        file.flush()
        run_as_root("install", "-m", "755", paths.BUILD / "guest" / "init", agent)
        run_as_root("install", "-m", "644", file.name, root / unit)
    run_as_root("chroot", root, "systemctl", "enable", "pvpack-agent.service")


def make_initramfs(root, release):
    """As a kernel's or a module package's installation does it.

    Not in a mount namespace of its own: within a chroot there can be none.
    """
    run_as_root("mount", "-t", "proc", "proc", root / "proc")
    try:
        run_as_root("chroot", root, "update-initramfs", "-c", "-k", release)
        return run_as_root("chroot", root, "lsinitramfs", f"/boot/initrd.img-{release}")
    finally:
        run_as_root("umount", root / "proc")


class RootDisk:
    """An image file with its kernel and initramfs, made on entry.

    image is an ext4 file system without partitions; initrd is a copy of the one
    in its /boot, as a boot loader would read it.
    """

    def __init__(self, kernel, directory, megabytes=1536):
        self.kernel = kernel
        self.image = Path(directory, "root.img")
        self.initrd = Path(directory, "initrd.img")
        self.initramfs_files = ""  # its listing, by Debian's own tool
        with tempfile.TemporaryDirectory(prefix="pvpack-", dir=directory) as top:
            root = Path(top, "root")
            root.mkdir()
            self.install(root)
            self.pack(root, megabytes)
            run_as_root("rm", "-rf", root)

    def install(self, root):
        run_as_root("tar", "-C", root, "-xf", base_archive())
        add_kernel(root, self.kernel)
        run_as_root("make", "-C", paths.REPO, "install-modules", f"DESTDIR={root}",
                    f"RELEASE={self.kernel.release}")
        add_agent(root)
        self.initramfs_files = make_initramfs(root, self.kernel.release)

    def pack(self, root, megabytes):
        run_as_root("cp", root / "boot" / f"initrd.img-{self.kernel.release}",
                    self.initrd)
        run_as_root("mke2fs", "-q", "-t", "ext4", "-d", root, self.image,
                    f"{megabytes}M")
        run_as_root("chown", os.getuid(), self.image, self.initrd)
