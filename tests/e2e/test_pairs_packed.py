# SPDX-License-Identifier: GPL-2.0-or-later
"""test_pairs_packed - packed virtqueues between either driver and our back end.

One boot per driver, two queues each.  What does not depend on the ring's layout
is test_pairs.py's business.
"""

import pytest

from pvlib import pair, work

QUEUES = 2
RING_PACKED = 34
PAIRS = [(driver, "pvbackend") for driver in pair.DRIVERS]


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def booted(request):
    driver, backend = request.param
    with pair.Pair(driver, backend, queues=QUEUES, packed=("disk", "nic")) as running:
        running.raise_interface()
        yield running


def test_packed_rings_are_negotiated(booted):
    assert booted.bound_drivers() == pair.DRIVERS[booted.driver]
    for address in (booted.disk_address, booted.nic_address):
        bits = booted.guest.run(
            f"cat /sys/bus/pci/devices/{address}/virtio*/features").out.strip()
        assert bits[RING_PACKED] == "1", bits


def test_packed_disk_verified_random_io(booted):
    work.fio(booted.guest, "rw", filename="/dev/vda", rw="randrw", bsrange="4k-64k",
             iodepth=32, size="64m", fsync=32, verify="crc32c", verify_fatal=1,
             numjobs=1)


def test_packed_nic_transfers(booted):
    work.transfer_to_host(booted, 8)
    work.transfer_to_guest(booted, 8)


def test_packed_suspend_and_resume(booted):
    """The rings begin anew, at position 0 with wrap counter 1."""
    booted.guest.run("echo devices > /sys/power/pm_test && echo mem > /sys/power/state",
                     timeout=120)
    work.fio(booted.guest, "resumed", filename="/dev/vda", rw="randwrite", bs="4k",
             iodepth=8, size="4m", verify="crc32c", verify_fatal=1)
    booted.guest.run(f"ping -c 2 -W 5 {pair.HOST_ADDRESS}")
    work.assert_clean(booted.guest.dmesg())
