# SPDX-License-Identifier: GPL-2.0-or-later
"""accel - KVM where it can really run a guest, TCG elsewhere.

/dev/kvm may open and still not be able to run a stock kernel (nested, emulated
or crippled by policy), so the probe boots one: the kernel under test with our
init, which greets on the serial console.  The answer holds for this boot of
the host and this QEMU, and is kept in the cache.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import paths, process

CPUS = {"kvm": "host", "tcg": "max,la57=off"}
PROBE_SECONDS = 12
GREETING = "init: hello from"
_told = []


def probe_key(kernel):
    """The answer changes with the host's boot, QEMU, and the kernel."""
    qemu = os.stat(shutil.which(paths.QEMU))
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return [boot_id, qemu.st_size, qemu.st_mtime_ns, kernel.release,
            os.access("/dev/kvm", os.R_OK | os.W_OK)]


def boot_greets(kernel, initramfs, directory):
    """Boot under KVM and tell in words why not, or nothing if it greeted."""
    serial = Path(directory, "serial.log")
    child = process.spawn(
        [paths.QEMU, "-accel", "kvm", "-cpu", CPUS["kvm"], "-m", "256M",
         "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
         "-serial", f"file:{serial}", "-kernel", kernel.image,
         "-initrd", initramfs, "-append", "console=ttyS0 panic=-1 rdinit=/init"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    end_time = time.monotonic() + PROBE_SECONDS
    reason = f"a stock kernel does not boot within {PROBE_SECONDS} s"
    while time.monotonic() < end_time:
        if serial.exists() and GREETING in serial.read_text(errors="replace"):
            reason = ""
            break
        if child.poll() is not None:
            said = child.stderr.read().decode(errors="replace").strip()
            reason = said.splitlines()[-1] if said else "the guest stopped at once"
            break
        time.sleep(0.05)
    child.kill()
    child.wait(10)
    child.stderr.close()
    return reason


def probe(kernel):
    """Why KVM cannot be used here, or an empty string."""
    if not os.path.exists("/dev/kvm"):
        return "there is no /dev/kvm"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "/dev/kvm may not be opened by this user"
    from . import initramfs
    image = initramfs.build(kernel, tools=False)
    with tempfile.TemporaryDirectory(prefix="pvpack-") as directory:
        return boot_greets(kernel, image, directory)


def reason_against_kvm(kernel):
    """probe(), remembered."""
    cache = paths.CACHE / "accel.json"
    key = probe_key(kernel)
    try:
        saved = json.loads(cache.read_text())
        if saved["key"] == key:
            return saved["reason"]
    except (OSError, ValueError, KeyError):
        pass  # no answer yet, or one of another time
    reason = probe(kernel)
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({"key": key, "reason": reason}))
    partial.rename(cache)
    return reason


def choose(kernel):
    """"kvm" or "tcg"; a fall back is told once on standard error."""
    wish = os.environ.get("PVPACK_ACCEL")
    if wish in CPUS:
        return wish
    if wish:
        raise paths.PvError(f"PVPACK_ACCEL={wish}: must be kvm or tcg")
    reason = reason_against_kvm(kernel)
    if reason and not _told:
        print(f"accelerator: TCG, because KVM cannot be used: {reason}",
              file=sys.stderr)
        _told.append(reason)
    return "tcg" if reason else "kvm"
