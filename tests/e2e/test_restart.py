# SPDX-License-Identifier: GPL-2.0-or-later
"""test_restart - daemons that are killed with -9 while their guest runs.

QEMU connects again by itself, and keeps the disk's record of what was in flight,
so a disk's daemon may be killed under load (tests/campaign does so longer).  What
a NIC's daemon had taken is lost, as frames may be.  What the guest asks for while
nobody serves it must be done after the return.
"""

import random
import time

import pytest

from pvlib import campaign_kill, pair, paths, work

WRITTEN = dict(filename="/dev/vda", rw="randwrite", bs="4k", iodepth=16, size="16m",
               verify="crc32c", verify_fatal=1)


@pytest.fixture(scope="module", params=pair.DRIVERS)
def booted(request):
    # A disk that takes time, so that something is in flight when a daemon dies.
    # A NIC's packed ring loses its place with its daemon (docs/interop.md).
    with pair.Pair(request.param, "pvbackend", queues=2, directory=paths.BUILD,
                   packed=("disk",) if request.param == "intree" else ()) as running:
        running.raise_interface()
        yield running


def kill_all(booted):
    for daemon in booted.daemons.values():
        daemon.kill()


def start_all(booted):
    for daemon in booted.daemons.values():
        daemon.start()


def assert_net_works(booted):
    # The first packets may fall into the second that QEMU waits.
    booted.guest.run(f"for i in $(seq 15); do ping -c 1 -W 1 {pair.HOST_ADDRESS} && "
                     "exit 0; done; exit 1")


def test_data_survive(booted):
    """What was written before the kill is read back, and writing goes on."""
    work.fio(booted.guest, "kept", do_verify=0, **WRITTEN)
    kill_all(booted)
    start_all(booted)
    work.fio(booted.guest, "kept", verify_only=1, **WRITTEN)
    work.fio(booted.guest, "new", **WRITTEN)
    assert_net_works(booted)
    work.transfer_to_host(booted, 2)
    work.transfer_to_guest(booted, 2)


def test_requests_wait_for_the_daemon(booted):
    """Nobody serves the disk when they are made; all of them are served later."""
    kill_all(booted)
    writer = booted.guest.start(
        "cd /tmp && fio --name=wait --filename=/dev/vda --rw=randwrite --bs=4k "
        "--iodepth=16 --size=4m --direct=1 --ioengine=libaio --verify=crc32c "
        "--verify_fatal=1")
    time.sleep(3)
    assert writer.status is None
    start_all(booted)
    writer.wait(60)
    assert_net_works(booted)


def test_killed_under_load(booted):
    """fio writes and verifies all the time: nothing is lost, late or wrong."""
    tally = campaign_kill.kill_under_fio(booted, 4, random.Random(1))
    assert tally.rounds == 4
    assert tally.hits, tally
    assert_net_works(booted)


def test_many_restarts(booted):
    for _ in range(4):
        kill_all(booted)
        start_all(booted)
        work.fio(booted.guest, "again", **{**WRITTEN, "size": "1m"})
    assert_net_works(booted)


def test_an_orderly_end_is_no_different(booted):
    """SIGTERM, as systemd sends it; the daemons say that all went well."""
    assert [daemon.stop() for daemon in booted.daemons.values()] == [0, 0]
    start_all(booted)
    work.fio(booted.guest, "after", **{**WRITTEN, "size": "1m"})
    assert_net_works(booted)


def test_the_guest_saw_no_error(booted):
    work.assert_clean(booted.guest.dmesg())
