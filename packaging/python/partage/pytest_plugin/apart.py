# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs every test in a process of its own, with a namespace of its own: the library looks for its namespace once in a process."""

import os
import pickle
import shutil
import tempfile
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from . import doors

#: In the namespace of a whole run that nobody has used: who started it.
UNUSED = {"starter"}


class Apart:
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports_of(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def reports_of(item):
    """Runs the test, with all fixtures that it needs, in a fork; its reports."""
    run = Path(os.environ["PARTAGE_DIR"])
    used = {entry.name for entry in os.scandir(run)} - UNUSED
    used = {name for name in used if not name.startswith("test-")}
    if used:
        raise pytest.UsageError(
            "--shm-private: shared memory was used before the first test, while modules were imported; "
            "the tests could not have namespaces of their own"
        )
    namespace = tempfile.mkdtemp(prefix="test-", dir=run)
    os.chmod(namespace, 0o711)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        in_the_child(item, namespace, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        sent = file.read()
    _, status = os.waitpid(child, 0)
    shutil.rmtree(namespace, ignore_errors=True)
    if status != 0 or not sent:
        return [crashed(item, os.waitstatus_to_exitcode(status))]
    return [
        item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
        for data in pickle.loads(sent)
    ]


def in_the_child(item, namespace, writer):
    """Runs the test and ends the process, without what the session has to do at its end."""
    status = 1
    try:
        os.environ["PARTAGE_DIR"] = namespace
        doors.start_anew()
        reports = runtestprotocol(item, log=False, nextitem=None)
        to_data = item.config.hook.pytest_report_to_serializable
        with os.fdopen(writer, "wb") as file:
            pickle.dump([to_data(config=item.config, report=report) for report in reports], file)
        status = 0
    finally:
        os._exit(status)


def crashed(item, code):
    how = f"signal {-code}" if code < 0 else f"status {code}"
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=f"the process of {item.nodeid} ended by {how}",
        when="call",
    )
