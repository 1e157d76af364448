# SPDX-License-Identifier: GPL-2.0-or-later
"""density - what many disks in one daemon cost, idle and at work."""

import contextlib
import json
import re
import subprocess
import time
from pathlib import Path

from . import contender, paths, process

IDLE_TOOL = paths.BUILD / "frontend" / "pvfe-idle"
SETTLE_SECONDS = 1
ACTIVE = {"rw": "randread", "bs": 4096, "iodepth": 8, "ramp": 1, "wait": "event"}


@contextlib.contextmanager
def sparse_disks(run, directory, count, size):
    """(socket, image) for each of @count disks; the images are holes."""
    images = [Path(directory, f"pvbench-{Path(run).name}-{n}") for n in range(count)]
    try:
        for image in images:
            with open(image, "wb") as file:
                file.truncate(size)
        yield [(Path(run, f"s{n}"), image) for n, image in enumerate(images)]
    finally:
        for image in images:
            image.unlink(missing_ok=True)


def private_kib(pid):
    """Memory that is the process's alone."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kib) for kib in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.M))


def page_tables_kib(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmPTE:\s+(\d+) kB", text, re.M)[1])


@contextlib.contextmanager
def connected(run, count):
    """A front end on each disk that has read one block."""
    tool = process.spawn([IDLE_TOOL, f"--sockets={run}/s@", f"--count={count}"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    try:
        if tool.stdout.readline() != "ready\n":
            raise paths.PvError(f"idle front ends: {tool.stderr.read().strip()}")
        yield
    finally:
        process.end(tool)


def idle(who, run, directory, count, seconds):
    """Memory and CPU time of a daemon with @count connected disks."""
    with sparse_disks(run, directory, count, 64 << 20) as disks, \
            contender.serving(who, run, disks) as daemon, connected(run, count):
        time.sleep(SETTLE_SECONDS)
        before = process.cpu_seconds(daemon.pid)
        time.sleep(seconds)
        return {
            "disks": count,
            "private_kib": private_kib(daemon.pid),
            "page_tables_kib": page_tables_kib(daemon.pid),
            "cpu_seconds": process.cpu_seconds(daemon.pid) - before,
            "seconds": seconds,
        }


def active(who, run, directory, count, seconds):
    """CPU time a request where @count disks are read at once."""
    with sparse_disks(run, directory, count, 16 << 20) as disks:
        for _, image in disks:
            image.write_bytes(b"\xa5" * (16 << 20))
        with contender.serving(who, run, disks):
            tools = [process.spawn(contender.load_command(socket, ACTIVE, seconds),
                                   stdout=subprocess.PIPE, text=True)
                     for socket, _ in disks]
            said = [json.loads(tool.communicate()[0]) for tool in tools]
    # Each has measured the whole daemon, over the same time but for a moment.
    cpu = sum(s["peer_cpu_us_per_io"] * s["ios"] for s in said) / count
    ios = sum(s["ios"] for s in said)
    return {
        "disks": count,
        "iops": sum(s["iops"] for s in said),
        "cpu_us_per_io": cpu / ios,
        "ios_per_cpu_second": 1e6 * ios / cpu,
    }
