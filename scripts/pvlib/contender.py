# SPDX-License-Identifier: GPL-2.0-or-later
"""contender - who takes part in the disk benchmark, and one run of each.

pvbackend and qemu-storage-daemon's vhost-user-blk export are driven by
build/frontend/pvfe-blk; fio works on the file itself.
"""

import contextlib
import json
import os
import resource
import shutil
import subprocess
import time
from pathlib import Path

from . import paths, process

FRONTEND = paths.BUILD / "frontend" / "pvfe-blk"
QSD = "qemu-storage-daemon"
START_SECONDS = 20
MARGIN_SECONDS = 30
NULL_BYTES = 1 << 30


class Pvbackend:
    """Our daemon."""

    name = "pvbackend"
    is_daemon = True

    def commands(self, run, disks):
        """The command that serves @disks, (socket, image or None) each."""
        text = ""
        for number, (socket, image) in enumerate(disks):
            store = (f"blk-file = {image}" if image
                     else f"store = null\nsize = {NULL_BYTES}")
            text += f"[blk disk{number}]\nsocket-path = {socket}\n{store}\n"
        conf = Path(run, "conf")
        conf.write_text(text)
        return [paths.PVBACKEND, "run", f"--config={conf}"]

    def measure(self, run, case, image, seconds, wrap=()):
        with serving(self, run, [(Path(run, "s"), image)]) as daemon:
            wrap = [word.format(pid=daemon.pid) for word in wrap]
            return load(Path(run, "s"), case, seconds, wrap)


class StorageDaemon(Pvbackend):
    """QEMU's own vhost-user-blk back end."""

    name = "qemu-storage-daemon"

    def commands(self, run, disks):
        words = [QSD]
        for number, (socket, image) in enumerate(disks):
            node = (f"driver=file,filename={image},cache.direct=on,aio=io_uring"
                    if image else f"driver=null-co,size={NULL_BYTES},read-zeroes=off")
            words += ["--blockdev", f"{node},node-name=f{number}", "--export",
                      f"type=vhost-user-blk,id=e{number},node-name=f{number},"
                      f"writable=on,addr.type=unix,addr.path={socket}"]
        return words


class NativeFio:
    """No virtio at all: fio on the file."""

    name = "native fio io_uring"
    is_daemon = False

    def measure(self, run, case, image, seconds, wrap=()):
        result = Path(run, "fio.json")
        command = [*wrap, "fio", "--name=native", f"--filename={image}",
                   "--ioengine=io_uring", "--direct=1", f"--rw={case['rw']}",
                   f"--bs={case['bs']}", f"--iodepth={case['iodepth']}",
                   f"--runtime={seconds}", "--time_based",
                   "--output-format=json", f"--output={result}"]
        child = process.spawn(command, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise paths.PvError(f"fio ended with status {child.returncode}")
        job = json.loads(result.read_text())["jobs"][0]
        side = job["write" if "write" in case["rw"] else "read"]
        percentiles = side["clat_ns"]["percentile"]
        cpu = usage.ru_utime + usage.ru_stime
        return {
            "ios": side["total_ios"],
            "iops": side["iops"],
            "mbps": side["bw_bytes"] / 1e6,
            "cpu_us_per_io": cpu * 1e6 / max(side["total_ios"], 1),
            "lat_p50_us": percentiles["50.000000"] / 1000,
            "lat_p99_us": percentiles["99.000000"] / 1000,
        }


ALL = {c.name: c for c in (Pvbackend(), StorageDaemon(), NativeFio())}


def raise_fd_limit():
    process.die_with_parent()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wait_for_sockets(child, disks, log):
    deadline = time.monotonic() + START_SECONDS
    while not all(Path(socket).exists() for socket, _ in disks):
        if child.poll() is not None:
            said = Path(log).read_text(errors="replace").strip()
            raise paths.PvError(f"{child.args[0]} ended at once: {said}")
        if time.monotonic() > deadline:
            raise paths.PvError(f"{child.args[0]} made no socket in {START_SECONDS} s")
        time.sleep(0.01)


@contextlib.contextmanager
def serving(contender, run, disks):
    """A fresh daemon with @disks, for as long as the context lasts."""
    for socket, _ in disks:
        Path(socket).unlink(missing_ok=True)
    log = Path(run, "log")
    with open(log, "wb") as out:
        child = subprocess.Popen(
            [str(word) for word in contender.commands(run, disks)], stdout=out,
            stderr=out, stdin=subprocess.DEVNULL, preexec_fn=raise_fd_limit)
    try:
        wait_for_sockets(child, disks, log)
        yield child
    finally:
        process.end(child)


def load_command(socket, case, seconds):
    return [str(FRONTEND), f"--socket={socket}", "--json", f"--rw={case['rw']}",
            f"--bs={case['bs']}", f"--iodepth={case['iodepth']}",
            f"--ring={case.get('ring', 'split')}", f"--runtime={seconds}",
            f"--ramp={case.get('ramp', 0)}", f"--wait={case.get('wait', 'adaptive')}"]


def load(socket, case, seconds, wrap=()):
    """One run of the load tool; what it said, a request."""
    try:
        done = subprocess.run([*wrap, *load_command(socket, case, seconds)],
                              capture_output=True, text=True, check=False,
                              timeout=seconds + MARGIN_SECONDS)
    except subprocess.TimeoutExpired as hung:
        raise paths.PvError(f"no end of the load on {socket}") from hung
    if done.returncode:
        raise paths.PvError(f"load on {socket}: {done.stderr.strip()}")
    said = json.loads(done.stdout)
    ios = max(said["ios"], 1)
    return {
        "ios": said["ios"],
        "iops": said["iops"],
        "mbps": said["mbps"],
        "cpu_us_per_io": said["peer_cpu_us_per_io"],
        "lat_p50_us": said["lat_us"]["p50"],
        "lat_p99_us": said["lat_us"]["p99"],
        "kicks_per_io": said["kicks"] / ios,
        "calls_per_io": said["calls"] / ios,
    }


def can_count_syscalls():
    if not shutil.which("perf"):
        return False
    probe = subprocess.run(["perf", "stat", "-e", "raw_syscalls:sys_enter", "true"],
                           capture_output=True, check=False)
    return probe.returncode == 0


def count_syscalls(contender, run, case, image):
    """System calls per request in a run of its own, since counting costs time.

    None where they cannot be counted.
    """
    counts = Path(run, "perf")
    counts.unlink(missing_ok=True)
    wrap = ["perf", "stat", "-x,", "-o", str(counts), "-e", "raw_syscalls:sys_enter"]
    if contender.is_daemon:
        wrap += ["-p", "{pid}"]
    result = contender.measure(run, case, image, 1, (*wrap, "--"))
    for line in counts.read_text().splitlines():
        if "sys_enter" in line:
            return int(line.split(",")[0]) / max(result["ios"], 1)
    return None
