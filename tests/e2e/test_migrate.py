# SPDX-License-Identifier: GPL-2.0-or-later
"""test_migrate - live migration between two daemons, under load that verifies.

With packed rings, whose positions QEMU carries along.  `tests/campaign migrate`
is the long form, with both layouts.
"""

import pytest

from pvlib import migrant, pair, process, work


@pytest.fixture(scope="module")
def moving():
    with migrant.Migrant(packed="on") as running:
        running.raise_interface()
        running.start_load()
        yield running


def test_under_load(moving):
    """Once, and once more that is cancelled: logging ends, and the load goes on."""
    moving.wait_load()
    moving.migrate()
    moving.cancelled_migration()
    moving.wait_load()


def test_back_and_the_network_is_told(moving):
    """No frame of the guest's own: the daemon's RARP moves it to the other port."""
    moving.guest.run(f"ping -c 1 -W 5 {pair.HOST_ADDRESS}")
    assert moving.port_of_guest() == migrant.TAPS[moving.side]
    moving.migrate()
    process.wait_until(lambda: moving.port_of_guest() == migrant.TAPS[moving.side],
                       30, "the bridge to hear of the guest's new port")
    moving.guest.run(f"ping -c 3 -W 5 {pair.HOST_ADDRESS}")


def test_nothing_is_lost(moving):
    """Ends the load: all that was written is there, in the guest and in the file."""
    passes = moving.finish()
    assert all(passes)
    work.assert_clean(moving.guest.dmesg())
