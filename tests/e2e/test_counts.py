# SPDX-License-Identifier: GPL-2.0-or-later
"""test_counts - what scripts/demo counts is what happens, on known loads.

On QEMU's back end, for both drivers: our daemon may still be looking at a ring
when the next request comes, and then needs no kick.
"""

import pytest

from pvlib import measure, pair


@pytest.fixture(scope="module", params=pair.DRIVERS)
def booted(request):
    with pair.Pair(request.param, "qemu") as running:
        yield running


def test_counts_are_true(booted):
    """What scripts/demo counts, on loads whose counts are known.

    QEMU's back end sleeps when it has nothing to do, so each read of a queue of
    one needs a kick and an interrupt; setting the cache mode always touches the
    same registers.
    """
    disk = measure.Disk("disk", measure.Station(booted.guest, booted.network, []),
                        booted.disk_address, "/dev/vda", True)
    exits, interrupts = disk.counted(
        lambda: disk.fio("known", "randread", 1, number_ios=400) and 400)
    assert 1 <= exits < 1.1 and 1 <= interrupts < 1.1, (exits, interrupts)
    few, many = (disk.counted(lambda: set_cache_mode(booted.guest, times))[0] * times
                 for times in (50, 150))
    each = (many - few) / 100
    assert round(each) >= 1 and abs(each - round(each)) < 0.05, (few, many)


def set_cache_mode(guest, times):
    guest.run(f"for i in $(seq {times}); do "
              "echo write back > /sys/block/vda/cache_type; done")
    return times
