# SPDX-License-Identifier: MIT OR Apache-2.0
"""Notes the line of Python code that makes something, at the doors through which Python code goes.

The recorder sees every process's calls, and of a Python program the interpreter's own. What goes through none of these doors -
ctypes, extension modules - is still found, and has the interpreter's function for a place.
"""

import importlib
import os
import sys
import sysconfig
import tempfile
import time

from . import existing

#: Module, function or type, and what it makes; the name is its first argument or its attribute `name` or `id`.
DOORS = (
    ("_posixshmem", "shm_open", "object"),
    ("_multiprocessing", "SemLock", "semaphore"),
    ("posix_ipc", "SharedMemory", "object"),
    ("posix_ipc", "Semaphore", "semaphore"),
    ("sysv_ipc", "SharedMemory", "segment"),
)

#: Code in here is not what somebody wrote who wants to know.
NOT_THEIRS = (sysconfig.get_path("stdlib"), os.path.dirname(__file__))

#: A file without a name. One line per thing: kind, name, identity, pid, time, place. Appended to by this process and those that it
#: forks.
_notes = None


def watch():
    """Puts itself before every door that there is."""
    start_anew()
    for module_name, name, kind in DOORS:
        try:
            module = importlib.import_module(module_name)
            original = getattr(module, name)
        except (ImportError, AttributeError):
            continue
        setattr(module, name, door(original, kind))


def start_anew():
    """Forgets what was noted, in this process and those that it forks from now on: ids mean others in another namespace."""
    global _notes
    if _notes is not None:
        os.close(_notes)
    path = tempfile.mktemp(prefix="partage-pytest-")
    _notes = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(path)


def door(original, kind):
    if not isinstance(original, type):

        def opened(*arguments, **named):
            result = original(*arguments, **named)
            note(kind, arguments[0] if arguments else named.get("path"))
            return result

        return opened

    class Door(original):
        __doc__ = original.__doc__

        def __init__(self, *arguments, **named):
            # Types that take their arguments in __new__ have object's, which takes none.
            if original.__init__ is not object.__init__:
                super().__init__(*arguments, **named)
            made = getattr(self, "id" if kind == "segment" else "name", None)
            note(kind, f"shmid {made}" if kind == "segment" else made)

    Door.__name__, Door.__qualname__, Door.__module__ = (
        original.__name__,
        original.__qualname__,
        original.__module__,
    )
    return Door


def note(kind, name):
    frame = sys._getframe(2)
    while frame.f_back and frame.f_code.co_filename.startswith((*NOT_THEIRS, "<frozen")):
        frame = frame.f_back
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    identity = existing.identity(kind, name)
    line = f"{kind}\t{name}\t{identity}\t{os.getpid()}\t{time.monotonic_ns()}\t{place}\n"
    os.write(_notes, line.encode())


def noted(thing, first):
    """The line that made it: of those that name it, the earliest by the process that made it and after it did, where `first`, the
    recorded call, tells which and when; else the last. Empty if none is noted."""
    if _notes is None:
        return ""
    text = os.pread(_notes, os.fstat(_notes).st_size, 0).decode()
    found = ""
    for line in text.splitlines():
        kind, name, identity, pid, time_, place = line.split("\t", 5)
        # Another process may have made one of the same name since. In a namespace of partage nobody else does.
        is_same = thing.namespace or identity == str(thing.identity)
        if (kind, name) != (thing.kind, thing.name) or not is_same:
            continue
        if not first:
            found = place
        elif int(pid) == first["pid"] and int(time_) >= first["time"]:
            return place
    return found
