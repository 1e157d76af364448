# SPDX-License-Identifier: GPL-2.0-or-later
"""pytest_tap - results of pytest as TAP on standard output, as they come.

	python3 -m pytest -p no:terminal -p pytest_tap tests/uml
"""

import pytest


class Tap:
    """Numbers and prints; a test that fails anywhere fails once."""

    def __init__(self):
        self.number = self.failed = 0

    @staticmethod
    def note(text):
        for line in text.splitlines():
            print(f"# {line}", flush=True)

    def explain(self, report):
        """Where it failed and what the exception says: guests' logs are in it."""
        crash = getattr(report.longrepr, "reprcrash", None)
        self.note(f"{crash.path}:{crash.lineno}: {crash.message}" if crash
                  else report.longreprtext)

    def result(self, passed, name, directive=""):
        self.number += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.number} - {name}{directive}",
              flush=True)

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.rpartition("/")[2]
        if report.skipped:
            self.result(True, name, f" # SKIP {report.longrepr[2]}")
        elif report.failed:
            self.result(False, f"{name} ({report.when})")
            self.explain(report)
        elif report.when == "call":
            self.result(True, name)

    def pytest_collectreport(self, report):
        if report.failed:
            self.result(False, f"{report.nodeid} (collection)")
            self.note(report.longreprtext)

    def pytest_sessionfinish(self, session):
        print(f"1..{self.number}", flush=True)
        if not self.number:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


def pytest_configure(config):
    config.pluginmanager.register(Tap())
