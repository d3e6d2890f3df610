# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where this package put the `partage` command. What the command does is in `man partage`."""

import os
import shutil
import sysconfig
from importlib import metadata
from pathlib import Path

__all__ = ["__version__", "command"]

__version__ = metadata.version("partage")


def command() -> str:
    """The path of the `partage` command: `PARTAGE_COMMAND`, else the one that was installed with this package, else one in PATH.

    Raises FileNotFoundError if there is none.
    """
    named = os.environ.get("PARTAGE_COMMAND")
    if named:
        return named
    for scheme in (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")):
        path = Path(sysconfig.get_path("scripts", scheme)) / "partage"
        if path.is_file():
            return str(path)
    found = shutil.which("partage")
    if found is None:
        raise FileNotFoundError("the partage command is neither beside this Python nor in PATH")
    return found
