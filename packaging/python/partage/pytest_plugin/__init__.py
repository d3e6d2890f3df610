# SPDX-License-Identifier: MIT OR Apache-2.0
"""The pytest plugin: `--shm-leaks`, `--shm-private`, and the fixture `private_shm`.

    existing    what shared memory there is right now
    makers      who made it, and in which line: from the recording of `partage trace`
    doors       the lines of Python code that make some, which the recording cannot see
    leaks       fails a test, or the fixture of a wider scope, that leaves some behind
    apart       runs a test in a process and a namespace of its own
    fixture     private_shm
    restart     starts pytest again on the recorder or in a private namespace
"""

import pytest

from . import apart, leaks, restart
from .fixture import private_shm

__all__ = ["private_shm"]


def pytest_addoption(parser):
    group = parser.getgroup("shared memory")
    group.addoption(
        "--shm-leaks",
        action="store_true",
        help="fail a test that leaves segments, shared memory objects or named semaphores behind",
    )
    group.addoption(
        "--shm-private",
        action="store_true",
        help="run every test in a process and a shared memory namespace of its own, on partage",
    )


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_load_initial_conftests(early_config):
    # Before pytest begins to capture output: afterwards its descriptors would be in the way.
    restart.if_needed(early_config.known_args_namespace)
    return (yield)


def pytest_configure(config):
    if config.option.shm_private:
        config.pluginmanager.register(apart.Apart(), "partage-apart")
    if config.option.shm_leaks:
        config.pluginmanager.register(leaks.Leaks(config), "partage-leaks")
