# SPDX-License-Identifier: GPL-2.0-or-later
"""campaign_soak - one daemon with hundreds of devices, connected again and again."""

import subprocess

from . import paths

PVFE_SOAK = paths.BUILD / "frontend" / "pvfe-soak"


def add_options(parser):
    parser.add_argument("--devices", type=int, default=64,
                        help="of the daemon, all connected at a time (default: 64)")
    parser.add_argument("--rounds", type=int, default=5,
                        help="times they are (default: 5)")
    parser.add_argument("--ios", type=int, default=4,
                        help="blocks or frames of each in a round (default: 4)")


def run(options):
    for directory in "host-backend", "tests/frontend":
        subprocess.run(["make", "-s", "-C", paths.REPO / directory], check=True)
    return subprocess.run([PVFE_SOAK, f"--devices={options.devices}",
                           f"--rounds={options.rounds}", f"--ios={options.ios}"]).returncode
