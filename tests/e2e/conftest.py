# SPDX-License-Identifier: GPL-2.0-or-later
"""conftest - end-to-end tests: real guests in QEMU, on the stock Debian kernel.

To boot a guest by hand:

	scripts/guest --driver=pv --backend=pvbackend -- 'lsblk; ip link'

Scenarios are grouped so that one boot serves many tests: a fixture of module
scope boots, the tests look and act, and what ends a device comes last.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import pytest  # noqa: E402  (needs the path above to find what it tests)

from pvlib import migrant, pair  # noqa: E402  (needs the path above to find what it tests)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the guest and the back ends had to say."""
    outcome = yield
    report = outcome.get_result()
    for value in getattr(item, "funcargs", {}).values():
        if report.failed and isinstance(value, (pair.Pair, migrant.Migrant)):
            report.sections.append(("guest", value.evidence()))
