# SPDX-License-Identifier: GPL-2.0-or-later
"""test_upgrade - daemons that others take over from while their guest works.

Nobody may notice: QEMU has the same connections before and after, the disk
verifies, and TCP streams through the tap arrive whole.  What a hand-over does in
detail, and what ends one, is in tests/frontend/test_upgrade.c.
"""

import json
import os
import re
import threading
from pathlib import Path

import pytest

from pvlib import pair, process, work

MEGABYTES = 48
# fio again and again, each time written and verified, until it is told to stop.
LOAD = ("cd /tmp && rm -f enough && for i in $(seq 100); do "
        "fio --name=up --filename=/dev/vda --rw=randwrite --bs=4k --iodepth=16 "
        "--size=8m --direct=1 --ioengine=libaio --allow_file_create=0 "
        "--verify=crc32c --verify_fatal=1 --randseed=$i || exit 1; "
        "test -e enough && exit 0; done; exit 1")


@pytest.fixture(scope="module")
def booted():
    with pair.Pair("pv", "pvbackend", queues=2, control=True) as running:
        running.raise_interface()
        yield running


@pytest.fixture
def connections_stay(booted):
    """A front end that has connected anew has another socket."""
    before = qemu_sockets(booted)
    yield
    assert qemu_sockets(booted) == before
    for chardev in booted.machine.qmp.execute("query-chardev"):
        assert not chardev["filename"].startswith("disconnected"), chardev


def qemu_sockets(booted):
    fds = Path(f"/proc/{booted.machine.child.pid}/fd").iterdir()
    return sorted(link for link in map(os.readlink, fds) if link.startswith("socket:"))


def tap_bytes(booted, way):
    stats = json.loads(booted.network.run("ip", "-j", "-s", "link", "show", pair.TAP))
    return stats[0]["stats64"][way]["bytes"]


def tap_setup(booted):
    """Offloads and queues, which the first daemon set as the guest asked."""
    return [booted.network.run("ethtool", option, pair.TAP) for option in ("-k", "-l")]


class UpgradeAmid(threading.Thread):
    """Upgrades the NIC's daemon when a transfer has got under way."""

    def __init__(self, booted, way):
        super().__init__()
        self.booted = booted
        self.way = way
        self.start_bytes = tap_bytes(booted, way)
        self.moved = None
        self.start()

    def bytes(self):
        return tap_bytes(self.booted, self.way) - self.start_bytes

    def run(self):
        process.wait_until(lambda: self.bytes() > 1 << 20, 60, "bytes in the tap")
        self.booted.upgrade("nic0")
        self.moved = self.bytes()

    def assert_done(self):
        self.join()
        assert self.moved, "not upgraded"
        assert self.moved < MEGABYTES << 20, "the transfer was over before"


@pytest.mark.usefixtures("connections_stay")
def test_disk(booted):
    """Three times under fio, which reads all back that it has written."""
    load = booted.guest.start(LOAD)
    for _ in range(3):
        work.wait_for_load(booted.guest, "/sys/block/vda/stat")
        booted.upgrade("disk0")
    work.wait_for_load(booted.guest, "/sys/block/vda/stat")
    booted.guest.run("touch /tmp/enough")
    load.wait(120)


@pytest.mark.usefixtures("connections_stay")
def test_nic(booted):
    """Once amid a stream out of the guest, once amid one into it."""
    setup = tap_setup(booted)
    assert "tcp-segmentation-offload: on" in setup[0]
    ping = booted.guest.start(f"ping -i 0.2 -c 1000 {pair.HOST_ADDRESS} > /tmp/ping & "
                              "echo $! > /tmp/ping.pid; wait; true")
    out = UpgradeAmid(booted, "rx")
    work.transfer_to_host(booted, MEGABYTES)
    out.assert_done()
    into = UpgradeAmid(booted, "tx")
    work.transfer_to_guest(booted, MEGABYTES)
    into.assert_done()
    assert tap_setup(booted) == setup
    booted.guest.run("kill -INT $(cat /tmp/ping.pid)")
    ping.wait(10)
    sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+)",
                                        booted.guest.read("/tmp/ping")).groups())
    assert received >= 5
    assert sent - received <= 2, f"{sent} pings, {received} answers"


@pytest.mark.usefixtures("connections_stay")
def test_both_work_on(booted):
    """With the devices left to the last daemons alone."""
    work.fio(booted.guest, "after", filename="/dev/vda", rw="randwrite", bs="4k",
             size="1m", verify="crc32c", verify_fatal=1)
    work.transfer_to_host(booted, 2)
    work.transfer_to_guest(booted, 2)


def test_nobody_complained(booted):
    work.assert_clean(booted.guest.dmesg())
    for daemon in booted.daemons.values():
        assert daemon.stop() == 0, daemon.log()
