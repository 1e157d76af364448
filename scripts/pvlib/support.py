#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""support - the README's table of what works, from the end-to-end run's results

  scripts/pvlib/support.py		write it into README.md
  scripts/pvlib/support.py --check	TAP: does README.md hold what the run says?
"""

import re
import sys
import xml.etree.ElementTree
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
RESULTS = REPO / "build" / "check" / "e2e.xml"
README = REPO / "README.md"
START = "<!-- support table: made by scripts/pvlib/support.py -->\n"
END = "<!-- end of support table -->"
PAIRS = {"pv-pvbackend": "ours + pvbackend", "pv-qemu": "ours + QEMU's",
         "intree-pvbackend": "in-tree + pvbackend", "intree-qemu": "in-tree + QEMU's"}
# The pair is one of the test's parameters; another one names a variant.
CASE = re.compile(rf"test_(?P<name>\w+)\[(?P<before>.*?-)??(?P<pair>{'|'.join(PAIRS)})"
                  r"(?P<after>-.*)?\]")

# Of the tests themselves, not of what works.
LEFT_OUT = ["drivers are bound", "probe tells features", "nothing went wrong so far",
            "packed rings are negotiated"]


def verdict(case):
    if case.find("skipped") is not None:
        return "-"
    bad = case.find("failure") is not None or case.find("error") is not None
    return "no" if bad else "yes"


def results():
    """{scenario: {pair: verdict}} in the order of the run."""
    table = {}
    for case in xml.etree.ElementTree.parse(RESULTS).iter("testcase"):
        match = CASE.fullmatch(case.get("name"))
        if match:
            variant = ((match["before"] or "") + (match["after"] or "")).strip("-")
            name = match["name"].replace("_", " ") + (variant and f" ({variant})")
            if name not in LEFT_OUT:
                table.setdefault(name, {})[match["pair"]] = verdict(case)
    return table


def markdown():
    lines = ["| driver + back end | " + " | ".join(PAIRS.values()) + " |",
             "|---" * (len(PAIRS) + 1) + "|"]
    for name, row in results().items():
        cells = " | ".join(row.get(pair, "-") for pair in PAIRS)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines) + "\n"


def split_readme():
    text = README.read_text()
    start, end = text.index(START) + len(START), text.index(END)
    return text[:start], text[start:end], text[end:]


def check():
    if not RESULTS.exists():
        print("ok 1 - support table # SKIP the end-to-end tests have not run")
        return 0
    same = split_readme()[1] == markdown()
    print(f"{'ok' if same else 'not ok'} 1 - the README's support table is this run's")
    if not same:
        print("# run scripts/pvlib/support.py; the run says:")
        print("\n".join("# " + line for line in markdown().splitlines()))
    return 0 if same else 1


def main():
    if sys.argv[1:] == ["--check"]:
        return check()
    before, _, after = split_readme()
    README.write_text(before + markdown() + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
