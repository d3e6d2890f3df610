# SPDX-License-Identifier: MIT OR Apache-2.0
"""Puts what cargo built into the wheel. PARTAGE_RELEASE names the directory that holds it, PARTAGE_WHEEL_TAG what it runs on;
without the former, cargo builds it."""

import os
import subprocess
import sysconfig
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Built apart from the command: in one call cargo would build what they share with the standard library.
OBJECTS = ("partage", "partage-preload", "partage-ipcs", "partage-trace")


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        if version == "editable":
            raise RuntimeError("an editable install has no place for the command: build a wheel")
        root = Path(self.root)
        release = os.environ.get("PARTAGE_RELEASE")
        release = Path(release) if release else built(root)
        staged = root / "target" / "wheel"
        tag = os.environ.get("PARTAGE_WHEEL_TAG")
        stage(root, release, staged)
        shared = build_data["shared_data"]
        for path in sorted(staged.rglob("*")):
            inside = path.relative_to(staged).as_posix()
            if path.is_file() and inside != "bin/partage":
                shared[str(path)] = inside
        build_data["shared_scripts"][str(staged / "bin" / "partage")] = "partage"
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + (tag or platform_tag())


def built(root):
    for package in (*OBJECTS, "partage-cli"):
        subprocess.run(["cargo", "build", "--release", "--locked", "-p", package], cwd=root, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    return root / target / "release"


def stage(root, release, staged):
    """What a wheel has of an installation: no headers and no archive, since nobody links against a wheel."""
    subprocess.run(["rm", "-rf", staged], check=True)
    subprocess.run(
        [root / "packaging" / "install.sh", release],
        env={**os.environ, "DESTDIR": str(staged), "PREFIX": "/", "LIBDIR": "/lib", "PARTS": "command"},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def platform_tag():
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
