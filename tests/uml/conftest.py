# SPDX-License-Identifier: GPL-2.0-or-later
"""conftest - User-mode Linux against the daemon: paths and fixtures."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import pytest  # noqa: E402  (needs the path above to find what it tests)

import uml  # noqa: E402
from pvlib import pair  # noqa: E402


@pytest.fixture
def directory():
    """The test's own: for sockets, images, scripts and what comes of them."""
    with tempfile.TemporaryDirectory(prefix="pvpack-",
                                     dir=pair.scratch_directory()) as path:
        yield Path(path)


@pytest.fixture(params=["intree", "pv"])
def driver(request):
    """Whose drivers, as modules: the tree's in Debian's kernel, or ours in our own."""
    if request.param == "intree" and not uml.DEBIAN.exists():
        pytest.fail(f"{uml.DEBIAN} is missing: install user-mode-linux")
    if request.param == "pv" and not uml.BARE.exists():
        pytest.fail(f"{uml.BARE} is missing: run scripts/kernels/build uml")
    return request.param
