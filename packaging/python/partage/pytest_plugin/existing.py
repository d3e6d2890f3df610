# SPDX-License-Identifier: MIT OR Apache-2.0
"""What shared memory there is right now."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .. import command

OBJECTS = Path("/dev/shm")
SEGMENTS = Path("/proc/sysvipc/shm")
#: In the mode of a segment that goes with its last detach: nobody has to remove it any more.
REMOVED = 0o1000
#: How the C library begins the file name of a named semaphore.
SEMAPHORE = "sem."


@dataclass(frozen=True)
class Thing:
    """A segment, an object or a named semaphore. Two are equal if they are the same one."""

    kind: str
    #: `shmid 7` or `/name`, as in a recording.
    name: str
    #: Tells it from an earlier one of the same name.
    identity: int
    size: int = field(compare=False)
    #: The process that made it, where that is kept with it.
    creator: int | None = field(compare=False, default=None)
    #: The directory of the namespace, for what is on partage.
    namespace: str | None = None

    def __str__(self):
        where = f" in {self.namespace}" if self.namespace else ""
        size = f", {self.size} bytes" if self.kind != "semaphore" else ""
        return f"{self.kind} {self.name}{size}{where}"


def now():
    """The set of all there is: the kernel's segments, files of /dev/shm, and what the namespace of partage holds."""
    return {*kernel_segments(), *objects(), *namespace()}


def kernel_segments():
    try:
        lines = SEGMENTS.read_text().splitlines()
    except OSError:
        return  # A kernel without System V shared memory.
    for line in lines[1:]:
        _key, shmid, mode, size, creator = line.split()[:5]
        if not int(mode, 8) & REMOVED:
            yield Thing("segment", f"shmid {shmid}", int(shmid), int(size), int(creator))


def objects():
    try:
        entries = list(os.scandir(OBJECTS))
    except OSError:
        return
    for entry in entries:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # Gone meanwhile.
        if not entry.is_file(follow_symlinks=False):
            continue
        if entry.name.startswith(SEMAPHORE):
            name = "/" + entry.name.removeprefix(SEMAPHORE)
            yield Thing("semaphore", name, status.st_ino, status.st_size)
        else:
            yield Thing("object", "/" + entry.name, status.st_ino, status.st_size)


def identity(kind, name):
    """What tells one of `name` from those before and after it, as in a `Thing`; empty if it is not there, or in a namespace."""
    if kind == "segment":
        return name.rpartition(" ")[2]
    file = str(name).removeprefix("/")
    try:
        return str(os.stat(OBJECTS / (SEMAPHORE + file if kind == "semaphore" else file)).st_ino)
    except OSError:
        return ""


def namespace():
    """What is in the namespace that this process's environment names, if programs have used it."""
    directory = os.environ.get("PARTAGE_DIR") or f"/dev/shm/partage-{os.geteuid()}"
    if not is_used(directory):
        return
    shown = subprocess.run(
        [command(), "ls", "--json", "--dir", directory],
        stdout=subprocess.PIPE,
        check=True,
    )
    held = json.loads(shown.stdout)
    for segment in held["segments"]:
        if not segment["mode"] & REMOVED:
            name = f"shmid {segment['id']}"
            yield Thing("segment", name, segment["id"], segment["size"], segment["cpid"], directory)
    # Those of the default namespace are files of /dev/shm, which are there already.
    for made in held["objects"]:
        if Path(made["file"]).parent != OBJECTS:
            yield Thing("object", made["name"], 0, made["size"], None, directory)


def is_used(directory):
    """Whether programs on partage have left anything in the namespace, its own bookkeeping included."""
    return Path(directory, "registry").exists() or Path(directory, "posix").exists()


def is_mapped_here(thing):
    """Whether this process has a file of /dev/shm mapped. Who made it may not be known; this process may have."""
    if thing.namespace:
        return False
    with open("/proc/self/maps") as maps:
        for line in maps:
            # Of a semaphore, the C library has mapped the name that it had at first.
            inode, _, path = line.split(maxsplit=4)[4].partition(" ")
            if inode == str(thing.identity) and path.strip().startswith(f"{OBJECTS}/"):
                return True
    return False
