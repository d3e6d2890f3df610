# SPDX-License-Identifier: MIT OR Apache-2.0
"""A suite that leaks on purpose; test_plugin.py runs it. Tests whose names begin with `test_leaks` leave something behind, in a line
that ends with `# here` where the plugin can tell a line."""

import ctypes
import os
import subprocess
import sys
from multiprocessing import Process, resource_tracker, shared_memory

import pytest

IPC_CREATE = 0o1600
NAME = "partage-planted-" + os.environ["PLANTED"]

FORGETS = """
from multiprocessing import resource_tracker, shared_memory
made = shared_memory.SharedMemory("%s-spawned", create=True, size=10)
resource_tracker.unregister(made._name, "shared_memory")
""" % NAME


def forgotten(name):
    """An object that Python's own tracker does not remove either."""
    made = shared_memory.SharedMemory(f"{NAME}-{name}", create=True, size=100)  # here
    resource_tracker.unregister(made._name, "shared_memory")
    made.close()


def test_clean():
    made = shared_memory.SharedMemory(create=True, size=100)
    made.close()
    made.unlink()


def test_clean_segment():
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 100, IPC_CREATE)
    assert segment >= 0
    assert libc.shmctl(segment, 0, None) == 0


def test_leaks_an_object():
    forgotten("object")


def test_leaks_a_segment():
    assert ctypes.CDLL(None).shmget(0, 100, IPC_CREATE) >= 0


def test_leaks_a_semaphore():
    libc = ctypes.CDLL(None)
    assert libc.sem_open(f"/{NAME}-semaphore".encode(), os.O_CREAT | os.O_EXCL, 0o600, 0) != 0


def test_leaks_in_a_fork():
    child = Process(target=forgotten, args=("fork",))
    child.start()
    child.join()
    assert child.exitcode == 0


def test_leaks_by_a_program():
    subprocess.run(["ipcmk", "-M", "100"], check=True)


def test_leaks_by_a_python_that_it_starts():
    subprocess.run([sys.executable, "-c", FORGETS], check=True)


@pytest.fixture(scope="module")
def wide():
    made = shared_memory.SharedMemory(create=True, size=100)
    yield made
    made.close()
    made.unlink()


@pytest.fixture(scope="module")
def careless():
    forgotten(f"fixture-{os.getpid()}")
    yield


def test_with_a_fixture(wide):
    assert wide.size >= 100


def test_with_the_same_fixture(wide):
    assert wide.size >= 100


def test_leaks_by_its_fixture(careless):
    pass
