# SPDX-License-Identifier: GPL-2.0-or-later
"""targets - what the figures of the disk benchmark are to be, and by how much not.

  scripts/pvlib/targets.py	write the figures of build/report/bench.json into
				docs/performance.md
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parents[2]
REPORT = REPO / "build" / "report" / "bench.json"
DOC = REPO / "docs" / "performance.md"
START = "<!-- figures: made by scripts/pvlib/targets.py -->\n"
END = "<!-- end of figures -->"
OURS, QSD, FIO = "pvbackend", "qemu-storage-daemon", "native fio io_uring"


class Target(NamedTuple):
    """A figure that is to be at least, or at most, so much."""

    text: str
    value: float
    bound: float
    at_least: bool
    unit: str

    def met(self):
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def verdict(self):
        if self.met():
            return "met"
        if not self.value or not self.bound:
            return "not met"
        short = self.value / self.bound if self.at_least else self.bound / self.value
        return f"{100 * short:.0f} % of the way"

    def figure(self):
        digits = 0 if self.value >= 1000 else 2 if self.value >= 0.2 else 4
        return f"{self.value:,.{digits}f}"

    def wanted(self):
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


def median(case, who, key):
    try:
        return case["results"][who][key]["median"]
    except KeyError:
        return None


def ratio(case, key, who):
    ours, theirs = median(case, OURS, key), median(case, who, key)
    return ours / theirs if ours is not None and theirs else None


# (kind of case, what, of whom or None for our own figure, bound, at least?, unit)
CASE_TARGETS = [
    ("qd32", "iops", QSD, 5, True, "x IOPS of qemu-storage-daemon"),
    ("qd32", "cpu_us_per_io", QSD, 0.2, False, "x CPU per I/O of qemu-storage-daemon"),
    ("qd32", "iops", FIO, 0.8, True, "x IOPS of native fio"),
    ("qd32", "syscalls_per_io", None, 0.1, False, "system calls per I/O"),
    ("qd1", "iops", QSD, 3, True, "x IOPS of qemu-storage-daemon"),
    ("qd1", "iops", FIO, 1, True, "x IOPS of native fio"),
    ("null32", "iops", QSD, 2, True, "x IOPS of null-co"),
    ("null32", "cpu_us_per_io", None, 0.5, False, "us CPU per I/O"),
    ("null32", "syscalls_per_io", None, 0.1, False, "system calls per I/O"),
    ("sequential", "mbps", FIO, 0.9, True, "x MB/s of native fio"),
]


def case_targets(case):
    for kind, key, who, bound, at_least, unit in CASE_TARGETS:
        if kind != case["kind"]:
            continue
        value = ratio(case, key, who) if who else median(case, OURS, key)
        if value is not None:
            yield Target(case["case"], value, bound, at_least, unit)


def idle_targets(rows):
    if not rows:
        return
    first, last = rows[0], rows[-1]
    yield Target("idle, connected disks", sum(row["cpu_seconds"] for row in rows), 0,
                 False, "s of CPU")
    yield Target("first connected disk", first["private_kib"], 1024, False,
                 "KiB private")
    if len(rows) > 1:
        further = ((last["private_kib"] - first["private_kib"]) /
                   (last["disks"] - first["disks"]))
        yield Target(f"each further of {last['disks']} disks", further, 64, False,
                     "KiB private")


def active_targets(rows):
    if len(rows) < 2:
        return
    worst = min(row["ios_per_cpu_second"] for row in rows[1:])
    yield Target(f"1 to {rows[-1]['disks']} active disks",
                 worst / rows[0]["ios_per_cpu_second"], 0.8, True,
                 "x throughput per core of one")


def targets(report):
    for case in report["cases"]:
        yield from case_targets(case)
    yield from idle_targets(report.get("idle", {}).get(OURS, []))
    yield from active_targets(report.get("active", {}).get(OURS, []))


def show(report):
    print("\nTargets")
    for target in targets(report):
        print(f"  {target.text:40} {target.figure():>8} {target.unit:36} wanted "
              f"{target.wanted():8} {target.verdict()}")


# docs/performance.md


def cell(case, who, key, digits):
    try:
        result = case["results"][who][key]
    except KeyError:
        return "-"
    text = f"{result['median']:,.{digits}f}"
    if key in ("iops", "mbps") and result["min"] != result["max"]:
        text += f" ({result['min']:,.{digits}f}..{result['max']:,.{digits}f})"
    return text


def case_rows(report):
    yield "| case | who | IOPS (min..max) | MB/s | CPU us/IO | p50 us | p99 us | " \
          "syscalls/IO | kicks/IO | calls/IO |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    keys = [("iops", 0), ("mbps", 0), ("cpu_us_per_io", 2), ("lat_p50_us", 1),
            ("lat_p99_us", 1), ("syscalls_per_io", 3), ("kicks_per_io", 4),
            ("calls_per_io", 4)]
    for case in report["cases"]:
        for who in case["results"]:
            cells = " | ".join(cell(case, who, key, digits) for key, digits in keys)
            yield f"| {case['case']} | {who} | {cells} |"


def density_rows(report):
    yield "| idle, connected disks | who | private KiB | page tables KiB | CPU s in s |"
    yield "|---|---|---|---|---|"
    for who, rows in report.get("idle", {}).items():
        for row in rows:
            yield (f"| {row['disks']} | {who} | {row['private_kib']:,} | "
                   f"{row['page_tables_kib']:,} | {row['cpu_seconds']:.3f} in "
                   f"{row['seconds']} |")
    yield ""
    yield "| disks at work | who | IOPS | CPU us/IO |"
    yield "|---|---|---|---|"
    for who, rows in report.get("active", {}).items():
        for row in rows:
            yield (f"| {row['disks']} | {who} | {row['iops']:,.0f} | "
                   f"{row['cpu_us_per_io']:.2f} |")


def target_rows(report):
    yield "| figure | measured | | wanted | |"
    yield "|---|---|---|---|---|"
    for target in targets(report):
        yield (f"| {target.text} | {target.figure()} | {target.unit} | "
               f"{target.wanted()} | {target.verdict()} |")


def markdown(report):
    env = report["environment"]
    lines = [f"Measured {env['date'][:10]} on {env['cpus']} CPUs ({env['cpu']}), Linux "
             f"{env['kernel']}, {env['qemu_storage_daemon']}, {env['fio']}; medians of "
             f"{env['rounds']} alternated rounds of {env['seconds']} s.", "",
             *target_rows(report), "", *case_rows(report), "", *density_rows(report)]
    return "\n".join(lines) + "\n"


def main():
    text = DOC.read_text()
    start, end = text.index(START) + len(START), text.index(END)
    report = json.loads(REPORT.read_text())
    DOC.write_text(text[:start] + markdown(report) + text[end:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
