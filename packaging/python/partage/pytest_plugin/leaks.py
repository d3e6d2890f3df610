# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fails a test that leaves something behind, and a fixture of a wider scope that does.

What appears while a fixture is set up belongs to that fixture, for as long as its scope lasts; all else to the test.
"""

import os

import pytest

from . import doors, existing
from .makers import Makers


class Leaks:
    def __init__(self, config):
        doors.watch()
        #: Others make things meanwhile: other workers of pytest-xdist, other programs.
        self.is_alone = not hasattr(config, "workerinput")
        self.is_apart = config.option.shm_private
        #: What belongs to a fixture that is still in force.
        self.owners = {}
        self.before = set()
        self.at_start = existing.now()
        #: What was told already, so that one leak fails one test.
        self.told = set()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item):
        self.before = existing.now()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        if fixturedef.scope == "function":
            return (yield)
        before = existing.now()
        try:
            return (yield)
        finally:
            for thing in existing.now() - before - self.owners.keys():
                self.owners[thing] = fixturedef

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item, nextitem):
        # What the teardown raises goes its way; what leaked is then told by the run's last words.
        result = yield
        left = self.left_behind()
        if left:
            self.told |= left.keys()
            pytest.fail("\n".join(["shared memory left behind:", *left.values()]), pytrace=False)
        return result

    def left_behind(self):
        """What this test, or a fixture that ended with it, made and did not remove: each with what is to be said of it."""
        there = existing.now()
        ended = {thing for thing, owner in self.owners.items() if owner.cached_result is None}
        suspects = (there - self.before - self.owners.keys()) | (there & ended)
        suspects -= self.told
        fixtures = {thing: self.owners.pop(thing).argname for thing in ended}
        if not suspects:
            return {}
        makers = Makers()
        found = {}
        for thing in sorted(suspects, key=str):
            maker = makers.of(thing)
            if self.is_of_this_test(thing, maker):
                found[thing] = described(thing, maker, fixtures.get(thing))
        return found

    def is_of_this_test(self, thing, maker):
        if self.is_apart and thing.namespace:
            return True  # Nobody else is in the test's namespace.
        return maker.is_ours if maker else self.is_alone or existing.is_mapped_here(thing)

    def pytest_terminal_summary(self, terminalreporter):
        """What is new and was not told of any test: made outside of one, by processes that outlived theirs, or unseen by the
        recorder while other workers ran."""
        if not self.is_alone or os.environ.get("PYTEST_XDIST_WORKER"):
            return
        charged = "\n".join(str(report.longrepr) for report in terminalreporter.getreports("error"))
        left = [thing for thing in existing.now() - self.at_start if thing.name not in charged]
        if left:
            terminalreporter.section("shared memory that appeared and is still there")
            for thing in sorted(left, key=str):
                terminalreporter.line(str(thing))


def described(thing, maker, fixture):
    by = f", by fixture {fixture}" if fixture else ""
    if maker is None:
        return f"  {thing}{by}"
    line = f"  {thing}{by}, made by pid {maker.pid}"
    if maker.program:
        line += f" ({maker.program})"
    return f"{line}\n    at {maker.place}" if maker.place else line
