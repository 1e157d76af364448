# SPDX-License-Identifier: GPL-2.0-or-later
"""campaign_fuzz - long runs of the fuzz targets (tests/fuzz)."""

import subprocess

from . import paths

TARGETS = sorted(path.stem[len("fuzz_"):]
                 for path in (paths.REPO / "tests" / "fuzz").glob("fuzz_*.c"))


def add_options(parser):
    parser.add_argument("--target", choices=TARGETS, action="append",
                        help="which; may be repeated (default: every one)")
    parser.add_argument("--runs", type=int, default=10_000_000,
                        help="executions of each (default: 10,000,000)")


def run(options):
    failed = 0
    targets = options.target or TARGETS
    print(f"1..{len(targets)}", flush=True)
    for number, target in enumerate(targets, 1):
        child = subprocess.run([paths.REPO / "tests" / "fuzz" / "fuzz", "run", target,
                                f"--runs={options.runs}"], stdout=subprocess.PIPE, text=True)
        failed += bool(child.returncode)
        print(f"{'not ok' if child.returncode else 'ok'} {number} - fuzz: {target}")
        print("# " + child.stdout.strip().replace("\n", "\n# "), flush=True)
    return bool(failed)
