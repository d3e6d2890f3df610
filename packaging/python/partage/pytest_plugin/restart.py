# SPDX-License-Identifier: MIT OR Apache-2.0
"""Starts pytest again, once, under the command that a run needs around it."""

import os
import sys

import pytest

from .. import command

#: Set in the run that was started: which of the options it was started for.
STARTED = "PARTAGE_PYTEST"
#: Where the recorder writes; set by `partage trace`.
RECORDING = "PARTAGE_TRACE"


def if_needed(options):
    """Replaces this process if `options` ask for what it was not started with. Workers of pytest-xdist inherit it."""
    wanted = [
        name
        for name, is_asked in (("leaks", options.shm_leaks), ("private", options.shm_private))
        if is_asked
    ]
    if not wanted or STARTED in os.environ:
        return
    try:
        partage = command()
    except FileNotFoundError as missing:
        raise pytest.UsageError(str(missing)) from None
    words = []
    # The namespace of the whole run: tests have theirs below it, and it is removed however the run ends.
    if options.shm_private:
        words += [partage, "run", "--private", "--"]
    if options.shm_leaks and not options.shm_private:
        words += [partage, "trace", "--summary", "--to", os.devnull, "--"]
    words += [sys.executable, *python_words()]
    os.environ[STARTED] = ",".join(wanted)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execv(words[0], words)
    except OSError as error:
        del os.environ[STARTED]
        raise pytest.UsageError(f"cannot start {words[0]}: {error.strerror}") from None


def python_words():
    """The words behind `python` that started this process."""
    if hasattr(sys, "orig_argv"):
        return sys.orig_argv[1:]
    main = sys.modules["__main__"]
    if getattr(main, "__spec__", None) is not None:
        return ["-m", main.__spec__.name.removesuffix(".__main__"), *sys.argv[1:]]
    return sys.argv
