# SPDX-License-Identifier: GPL-2.0-or-later
"""check - run the test suites and add up what they say.

A suite is a command.  It prints TAP ("ok", "not ok", "# SKIP reason") or, for
pytest, writes a JUnit file.  What a suite prints goes to build/check/NAME.log;
failures and skips are shown here as well.  A suite that ends badly without a
failed test, or that ran no test, counts as one failure.

Two lanes run side by side, each one suite at a time: what measures or counts
CPU time shares the machine with one neighbour at most.
"""

import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree
from pathlib import Path
from typing import List, NamedTuple

REPO = Path(__file__).resolve().parents[2]
LOGS = REPO / "build" / "check"
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"]


class Suite(NamedTuple):
    """What to run, and how long it may take (seconds) on a slow machine."""

    name: str
    command: List[str]
    limit: int
    junit: bool = False


# Lanes are balanced for two CPUs; within one, the cheapest verdict comes first.
LANES = [
    [
        Suite("unit", ["make", "-s", "-C", "tests/unit", "-j2", "check"], 600),
        Suite("frontend", ["make", "-s", "-C", "tests/frontend", "-j2", "check"], 900),
        Suite("fuzz", ["tests/fuzz/check"], 600),
        Suite("soak", ["tests/campaign", "soak"], 300),
        Suite("docs", ["tests/docs/check"], 300),
        Suite("campaign",
              ["tests/campaign", "kill", "--rounds=10", "--where=frontend"], 300),
        Suite("e2e", PYTEST + ["tests/e2e"], 2400, junit=True),
        Suite("support", ["scripts/pvlib/support.py", "--check"], 60),
    ],
    [
        Suite("kunit", ["scripts/kernels/check-kunit"], 1800),
        Suite("uml", ["scripts/kernels/check-uml"], 1200),
        Suite("kvmguest", ["scripts/kernels/check-kvmguest"], 1800),
        Suite("lint", ["scripts/lint"], 1200),
        Suite("measure", ["tests/measure/check"], 1800),
    ],
]


class Verdict(NamedTuple):
    """What one suite came to."""

    passed: int
    failed: List[str]
    skipped: List[str]


TAP_LINE = re.compile(
    r"^(?P<no>not )?ok\b(?: \d+)?(?: -)? *(?P<name>.*?)"
    r"(?:\s+# *(?i:skip)\S*\s*(?P<why>.*))?$")


def judge_tap(text):
    passed, failed, skipped = 0, [], []
    for line in text.splitlines():
        match = TAP_LINE.match(line)
        if not match:
            continue
        if match["why"] is not None:
            skipped.append(f"{match['name']}: {match['why']}")
        elif match["no"]:
            failed.append(match["name"])
        else:
            passed += 1
    return Verdict(passed, failed, skipped)


def judge_junit(path):
    passed, failed, skipped = 0, [], []
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif skip is not None:
            skipped.append(f"{name}: {skip.get('message')}")
        else:
            passed += 1
    return Verdict(passed, failed, skipped)


def run_logged(suite, log):
    """Exit status, or a sentence where it was too slow."""
    command = suite.command
    if suite.junit:
        command = command + [f"--junitxml={LOGS / suite.name}.xml"]
    with open(log, "wb") as file:
        process = subprocess.Popen(command, cwd=REPO, stdin=subprocess.DEVNULL,
                                   stdout=file, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try:
            return process.wait(timeout=suite.limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 15)
            process.wait()
            return f"stopped after {suite.limit} s"


def judge(suite, status, log):
    junit = LOGS / f"{suite.name}.xml"
    if not suite.junit:
        verdict = judge_tap(log.read_text(errors="replace"))
    elif junit.exists():
        verdict = judge_junit(junit)
    else:
        verdict = Verdict(0, [], [])
    if status != 0 and not verdict.failed:
        verdict.failed.append(f"the suite ended with status {status}")
    if not verdict.passed and not verdict.failed and not verdict.skipped:
        verdict.failed.append("the suite ran no test")
    return verdict


def run_suite(suite):
    log = LOGS / f"{suite.name}.log"
    (LOGS / f"{suite.name}.xml").unlink(missing_ok=True)
    start = time.monotonic()
    status = run_logged(suite, log)
    verdict = judge(suite, status, log)
    lines = [f"{suite.name}: {verdict.passed} passed, {len(verdict.failed)} failed, "
             f"{len(verdict.skipped)} skipped ({time.monotonic() - start:.0f} s)"]
    lines += [f"  skipped: {text}" for text in verdict.skipped]
    lines += [f"  FAILED: {text}" for text in verdict.failed]
    if verdict.failed:
        tail = log.read_text(errors="replace").splitlines()[-200:]
        lines += [f"  the end of {log.relative_to(REPO)}:"]
        lines += [f"  | {line}" for line in tail]
    print("\n".join(lines), flush=True)
    return verdict


def run_lane(suites, verdicts):
    for suite in suites:
        verdicts.append(run_suite(suite))


def chosen_lanes(names):
    known = [suite.name for lane in LANES for suite in lane]
    for name in names:
        if name not in known:
            sys.exit(f"check: no suite '{name}'; there are: {', '.join(known)}")
    return [[suite for suite in lane if not names or suite.name in names]
            for lane in LANES]


def main(names):
    if names == ["--list"]:
        print("\n".join(suite.name for lane in LANES for suite in lane))
        return 0
    lanes = chosen_lanes(names)
    LOGS.mkdir(parents=True, exist_ok=True)
    verdicts = []
    threads = [threading.Thread(target=run_lane, args=(lane, verdicts))
               for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = sum(verdict.passed for verdict in verdicts)
    failed = sum(len(verdict.failed) for verdict in verdicts)
    skipped = sum(len(verdict.skipped) for verdict in verdicts)
    total = f"{passed} passed, {failed} failed"
    print(total + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
