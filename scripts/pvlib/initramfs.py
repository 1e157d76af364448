# SPDX-License-Identifier: GPL-2.0-or-later
"""initramfs - build the guest's root file system without being root.

The image is a tree staged in a temporary directory and written as "newc" cpio:
our init, busybox, the tools named below with the libraries ldd names, kernel
modules with everything they depend on, and depmod's index over them, so that
the guest's kmod sees aliases and soft dependencies just as an installed system
does.  It is not compressed: the guest would have to undo that.
"""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from . import paths

TOOLS = ["fio", "iperf3", "ethtool", "ip", "sha256sum", "blkdiscard", "mke2fs",
         "lsblk"]
KMOD_NAMES = ["modprobe", "insmod", "rmmod", "depmod", "modinfo", "lsmod"]
# Whatever a test may want that is not worth a library.  Not the shell: busybox's
# would run its own applets in place of the tools above.
BUSYBOX = "busybox"
SHELL = "dash"

BOOT_MODULES = ["virtio_pci", "virtio_console"]
VIRTIO_MODULES = ["virtio_blk", "virtio_net"]
EXTRA_MODULES = ["8021q", "ext4", "crc32c_generic", "crc32c_intel", "sch_fq"]
EMULATED_MODULES = ["e1000", "e1000e", "8139cp", "8139too", "vmxnet3",
                    "ata_piix", "ahci", "nvme", "vmw_pvscsi", "sd_mod"]
SOFTDEP = paths.REPO / "drivers" / "pvpack-modprobe.conf"
IMAGES_KEPT = 12


class Cpio:
    """Writes a "newc" archive (Linux Documentation, buffer-format.rst)."""

    def __init__(self, file):
        self.file = file
        self.inode = 0

    def add(self, name, mode, data=b"", rdev=(0, 0)):
        self.inode += 1
        raw = name.encode() + b"\0"
        fields = [self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0]
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        self.file.write(head + b"\0" * (-len(head) % 4))
        self.file.write(data + b"\0" * (-len(data) % 4))

    def add_tree(self, top):
        self.add("dev", stat.S_IFDIR | 0o755)
        self.add("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1))
        for where, dirs, files in os.walk(top):
            for name in sorted(dirs + files):
                path = Path(where, name)
                self.add_path(path, str(path.relative_to(top)))

    def add_path(self, path, name):
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            self.add(name, info.st_mode, os.readlink(path).encode())
        elif stat.S_ISREG(info.st_mode):
            self.add(name, info.st_mode, path.read_bytes())
        else:
            self.add(name, info.st_mode)

    def end(self):
        self.add("TRAILER!!!", 0)


class Modules:
    """The closure of some modules, from the kernel's own modules.dep."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.depends = {}
        self.files = {}
        for line in (kernel.modules / "modules.dep").read_text().splitlines():
            path, needs = line.split(":")
            self.depends[path] = needs.split()
            self.files[self.name_of(path)] = path
        builtin = (kernel.modules / "modules.builtin").read_text().split()
        self.builtin = {self.name_of(path) for path in builtin}

    @staticmethod
    def name_of(path):
        return re.sub(r"\.ko(\.\w+)?$", "", os.path.basename(path)).replace("-", "_")

    def closure(self, names):
        """Paths below the module directory; what is built in needs none."""
        found = set()
        for name in names:
            if name in self.files:
                path = self.files[name]
                found.update([path, *self.depends[path]])
            elif name not in self.builtin:
                raise paths.PvError(
                    f"kernel {self.kernel.release} has no module {name}")
        return sorted(found)


def index_modules(kernel):
    """modules.dep of an unpacked, never installed kernel package."""
    if not (kernel.modules / "modules.dep").exists():
        subprocess.run(["depmod", "-b", kernel.root, kernel.release], check=True)


def libraries_of(program):
    """Every file that the dynamic linker opens for a program."""
    run = subprocess.run(["ldd", program], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False)
    return re.findall(r"(/\S+) \(0x", run.stdout)


def tool_path(name):
    path = shutil.which(name)
    if not path:
        raise paths.PvError(f"program {name} is missing: run scripts/setup")
    return path


class Tree:
    """The staged root directory."""

    def __init__(self, top):
        self.top = Path(top)
        for name in ["usr/bin", "usr/lib", "usr/lib64", "etc/modprobe.d", "proc",
                     "sys", "dev", "tmp", "run", "root"]:
            (self.top / name).mkdir(parents=True)
        for name in ["bin", "lib", "lib64"]:
            (self.top / name).symlink_to(f"usr/{name}")
        # The kernel calls /sbin/modprobe.
        (self.top / "sbin").symlink_to("usr/bin")

    def copy(self, source, where, mode=0o644):
        target = self.top / where.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # never write through a link
        shutil.copyfile(source, target)
        target.chmod(mode)

    def write(self, where, text):
        (self.top / where).write_text(text)

    def add_busybox(self):
        self.copy(tool_path(BUSYBOX), "usr/bin/busybox", 0o755)
        for applet in paths.output_of(tool_path(BUSYBOX), "--list").split():
            if applet != BUSYBOX:
                (self.top / "usr/bin" / applet).symlink_to(BUSYBOX)

    def add_tool(self, name):
        program = tool_path(name)
        self.copy(program, f"usr/bin/{name}", 0o755)
        for library in libraries_of(program):
            # The merged /usr of the image makes both spellings one file.
            at = library if library.startswith("/usr") else "/usr" + library
            self.copy(library, at, 0o755)

    def add_shell(self):
        self.add_tool(SHELL)
        (self.top / "usr/bin/sh").unlink()
        (self.top / "usr/bin/sh").symlink_to(SHELL)

    def add_kmod(self):
        self.add_tool("kmod")
        for name in KMOD_NAMES:
            link = self.top / "usr/bin" / name
            link.unlink(missing_ok=True)
            link.symlink_to("kmod")

    def add_modules(self, kernel, names, own):
        base = f"usr/lib/modules/{kernel.release}"
        for path in Modules(kernel).closure(names):
            self.copy(kernel.modules / path, f"{base}/{path}")
        for name in ["modules.builtin", "modules.builtin.modinfo", "modules.order"]:
            self.copy(kernel.modules / name, f"{base}/{name}")
        for module, data in own.items():
            where = self.top / base / "updates" / f"{module}.ko"
            where.parent.mkdir(exist_ok=True)
            where.write_bytes(data)
        subprocess.run(["depmod", "-b", self.top, kernel.release], check=True,
                       stderr=subprocess.DEVNULL)


def key_of(files, words):
    """One short name for all that goes into an image."""
    key = hashlib.sha256("\n".join(words).encode())
    for path in files:
        key.update(f"{path} {path.stat().st_size}\n".encode() + path.read_bytes())
    return key.hexdigest()[:16]


def forget_old_images(directory):
    """Every new build of a module makes new images of nearly 100 MB each."""
    images = sorted(directory.glob("*.cpio"), key=lambda path: path.stat().st_mtime)
    for path in images[:-IMAGES_KEPT]:
        path.unlink(missing_ok=True)


def write_image(tree, target):
    partial = target.with_suffix(f".{os.getpid()}")
    with open(partial, "wb") as file:
        cpio = Cpio(file)
        cpio.add_tree(tree.top)
        cpio.end()
    partial.rename(target)


def own_modules(kernel, names):
    return {name: kernel.own_module(name).read_bytes() for name in names}


def build(kernel, own=(), broken=(), tools=True, modules=()):
    """An initramfs; the same wishes twice give the same file.

    own: modules of ours to put in, with the soft dependencies that let them
    go first; broken: those of them to cut in half, as a bad install would.
    """
    index_modules(kernel)
    guest_dir = paths.BUILD / "guest"
    names = [*BOOT_MODULES, *modules]
    helpers = sorted(path for path in guest_dir.iterdir() if path.is_file())
    inputs = [*helpers, *(kernel.own_module(name) for name in own), SOFTDEP,
              Path(__file__)]
    target = guest_dir / "images" / (key_of(inputs, [
        kernel.release, *names, "own", *own, "broken", *broken,
        str(tools)]) + ".cpio")
    if target.exists():
        os.utime(target)
        return target
    target.parent.mkdir(exist_ok=True)
    forget_old_images(target.parent)
    with tempfile.TemporaryDirectory(prefix="pvpack-") as top:
        tree = Tree(Path(top) / "root")
        stage(tree, kernel, own_images(kernel, own, broken), names, tools)
        for helper in helpers:
            tree.copy(helper, f"usr/bin/{helper.name}", 0o755)
        tree.copy(guest_dir / "init", "init", 0o755)
        write_image(tree, target)
    return target


def own_images(kernel, own, broken):
    images = own_modules(kernel, own)
    for name in broken:
        images[name] = images[name][:len(images[name]) // 2]
    return images


def stage(tree, kernel, own, names, tools):
    tree.add_busybox()
    tree.add_shell()
    tree.add_kmod()
    for name in TOOLS if tools else []:
        tree.add_tool(name)
    tree.add_modules(kernel, names, own)
    tree.write("etc/init.modules", " ".join(BOOT_MODULES) + "\n")
    tree.copy(SOFTDEP, "etc/modprobe.d/pvpack.conf")
    tree.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    tree.write("etc/group", "root:x:0:\n")
    tree.write("etc/hosts", "127.0.0.1 localhost\n")
