# SPDX-License-Identifier: MIT OR Apache-2.0
"""The fixture `private_shm`: a namespace for the programs that one test starts."""

import json
import os
import shutil
import subprocess
import tempfile

import pytest

from .. import command


class PrivateShm:
    """A namespace that is removed with everything in it when the test ends."""

    def __init__(self, directory, environment):
        #: The directory that is the namespace.
        self.directory = directory
        #: The variables that put a program into it, by name.
        self.environment = environment

    def segments(self):
        """The System V segments in it, as `partage ls --json` has them: `id`, `key`, `size`, `nattch`, ..."""
        return self._held()["segments"]

    def objects(self):
        """The POSIX objects in it: `name`, `size`, ..."""
        return self._held()["objects"]

    def _held(self):
        shown = subprocess.run(
            [command(), "ls", "--json", "--dir", self.directory],
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(shown.stdout)


@pytest.fixture
def private_shm(monkeypatch):
    """Programs that the test starts have their System V and POSIX shared memory in a namespace of the test's own.

    The test's own process does not: its C library was bound when it started. `--shm-private` does that.
    """
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = tempfile.mkdtemp(prefix="partage-pytest-", dir=parent)
    os.chmod(directory, 0o711)
    # What `partage run` would set, asked of itself.
    shown = subprocess.run(
        [command(), "run", "--dir", directory, "--", "env", "-0"],
        stdout=subprocess.PIPE,
        check=True,
    )
    environment = {}
    for entry in shown.stdout.decode(errors="surrogateescape").split("\0"):
        name, _, value = entry.partition("=")
        if name == "LD_PRELOAD" or name.startswith("PARTAGE_"):
            environment[name] = value
            monkeypatch.setenv(name, value)
    yield PrivateShm(directory, environment)
    shutil.rmtree(directory, ignore_errors=True)
