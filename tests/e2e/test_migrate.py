# SPDX-License-Identifier: GPL-2.0-or-later
"""test_migrate - live migration between two daemons, under load that verifies.

`tests/campaign migrate` is the long form.
"""

import pytest

from pvlib import migrant, pair, process, work

RINGS = {"split": {}, "packed": {"packed": "on"}}


@pytest.fixture(scope="module", params=RINGS)
def moving(request):
    with migrant.Migrant(**RINGS[request.param]) as running:
        running.raise_interface()
        running.start_load()
        yield running


def test_there_and_back(moving):
    """Two rounds: either daemon is once the source and once the target."""
    for _ in range(2):
        moving.wait_load()
        moving.migrate()
    moving.wait_load()


def test_given_up(moving):
    """A migration that is cancelled: logging ends, and the load goes on."""
    moving.cancelled_migration()
    moving.wait_load()


def test_the_network_is_told(moving):
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
