# SPDX-License-Identifier: MIT OR Apache-2.0
"""Who made what, and in which line."""

import json
import os
import shlex
import subprocess
from dataclasses import dataclass

from .. import command
from . import doors, restart


@dataclass
class Maker:
    pid: int
    #: Its command line; empty if that is the same as this process's, which is a test's own or a fork of it.
    program: str
    #: Where it was made: a line of Python code, or of a program with debugging information. Empty if nothing tells.
    place: str
    #: Whether it is this process, or one that it started, or one that those started.
    is_ours: bool


class Makers:
    """The makers of things, as far as the recording of this run and the noted lines of Python code tell."""

    def __init__(self):
        self.processes = {}
        self.first = {}
        directory = os.environ.get(restart.RECORDING)
        if directory:
            self.read(directory)

    def read(self, directory):
        shown = subprocess.run(
            [command(), "report", "--format", "json", directory],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for line in shown.stdout.splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if told["type"] == "process":
                self.processes[told["pid"]] = (told["ppid"], shlex.join(told["arguments"] or ()))
            elif told["type"] == "object" and told["leak"]:
                # The last of that name: those before it are gone.
                name = f"shmid {told['shmid']}" if told["kind"] == "segment" else told["name"]
                self.first[told["kind"], name] = told["first"]

    def of(self, thing):
        """Who made it; `None` if that was not recorded."""
        kind = "object" if thing.kind == "semaphore" else thing.kind
        first = self.first.get((thing.kind, thing.name)) or self.first.get((kind, thing.name))
        place = doors.noted(thing, first)
        pid = first["pid"] if first else thing.creator
        if pid is None and place:
            pid = os.getpid()
        if pid is None:
            return None
        if not place and first:
            place = best_place(first["callers"])
        command_line = self.command_line(pid)
        if command_line == self.command_line(os.getpid()):
            command_line = ""
        return Maker(pid, shortened(command_line), place, self.is_ours(pid))

    def command_line(self, pid):
        return self.processes.get(pid, (0, ""))[1] or name_of(pid)

    def is_ours(self, pid):
        seen = set()
        while pid and pid not in seen:
            if pid == os.getpid():
                return True
            seen.add(pid)
            pid = self.processes[pid][0] if pid in self.processes else parent_of(pid)
        return False


def best_place(callers):
    """The innermost caller in Python code, else in a file of source code that is here, else the innermost that has a name."""
    lines = [f"{caller['file']}:{caller['line']}" for caller in callers if is_here(caller)]
    named = [caller for caller in callers if caller["function"]]
    for line in lines:
        if ".py:" in line:
            return line
    if lines:
        return lines[0]
    if named:
        return f"{named[0]['function']} in {os.path.basename(named[0]['module'] or '')}"
    return ""


def is_here(caller):
    return bool(caller["file"] and caller["line"]) and os.path.exists(caller["file"])


def shortened(text, most=70):
    return text if len(text) <= most else text[: most - 3] + "..."


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""
