#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Does what an engine would do with examples/containers/, in a Debian root: the Dockerfile's RUN and COPY, then its ENTRYPOINT
with what compose.yaml's filter refuses refused, and its HEALTHCHECK until it is content; then the stop signal. Needs root.

check-container.py ROOT PACKAGE     a root made by debootstrap, of which a copy is used, and partage's package"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
EXAMPLE = HERE / "examples" / "containers"
BOUND = 120


def instructions():
    """The Dockerfile's instructions and what each says."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (EXAMPLE / "Dockerfile").read_text())
    text = re.sub(r"\\\n\s*", "", text)
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line]


def main(base, package):
    work = Path(tempfile.mkdtemp(prefix="partage-container-", dir="/var/tmp"))
    root = work / "root"
    try:
        subprocess.run(["cp", "-a", base, root], check=True)
        print("== built")
        environment = build(root, Path(package))
        print("== run, where the System V calls are refused")
        serve(root, work, environment)
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", work], check=True)
    print("the container is built, becomes healthy and stops")


def build(root, package):
    """Carries the Dockerfile out; the environment that it sets."""
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
    for name, rest in instructions():
        if name == "RUN":
            subprocess.run(["chroot", root, "sh", "-c", rest], env=environment, check=True, stdout=subprocess.DEVNULL)
        elif name == "COPY":
            *sources, target = rest.split()
            for source in sources:
                found = [package] if source.endswith(".deb") else EXAMPLE.glob(source)
                for file in found:
                    shutil.copy(file, root / target.lstrip("/"))
        elif name == "ENV":
            key, _, value = rest.partition("=")
            environment[key] = value
    return environment


def serve(root, work, environment):
    said = dict(instructions())
    entry, health = json.loads(said["ENTRYPOINT"]), json.loads(said["HEALTHCHECK"].partition("CMD ")[2])
    refused = json.loads((EXAMPLE / "no-sysv.json").read_text())["syscalls"][0]
    assert refused["names"] == ["shmget", "shmat", "shmdt", "shmctl"] and refused["errnoRet"] == 38
    filtered = root / "filtered"
    subprocess.run(["gcc", "-o", filtered, HERE / "c_tests/containers/filtered.c"], check=True)
    # A process is the first of its pid namespace as in a container, with a /proc and a /dev/shm of its own.
    mounts = 'mount -t proc proc "$0/proc" && mkdir -p "$0/dev/shm" && mount -t tmpfs none "$0/dev/shm" && exec chroot "$0" "$@"'
    inside = ["sh", "-c", mounts, root, "/filtered", "enosys"]
    program = root / "usr/local/bin" / entry[0]
    with open(work / "log", "w+") as log:
        server = subprocess.Popen(
            ["unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child", *inside, "/" + str(program.relative_to(root)), *entry[1:]],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            first = wait_for(lambda: children(server.pid), "the container")[0]
            check = ["nsenter", "--target", str(first), "--mount", "--ipc", "--pid", "--root", *health]
            wait_for(lambda: is_healthy(check, environment, server, log), "health")
            os.kill(first, signal.SIGINT)
            status = server.wait(timeout=BOUND)
            assert status == 0, f"the server ended with {status}"
        except BaseException:
            server.kill()
            log.seek(0)
            sys.stderr.write(log.read())
            raise


def is_healthy(check, environment, server, log):
    assert server.poll() is None, "the server has ended"
    return subprocess.run(check, env=environment, stdout=log, stderr=log).returncode == 0


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition, what):
    end = time.monotonic() + BOUND
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"no {what} after {BOUND} s")


if os.geteuid() != 0:
    sys.exit("check-container: needs root")
main(*sys.argv[1:3])
