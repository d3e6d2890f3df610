# SPDX-License-Identifier: MIT OR Apache-2.0
"""`python -m partage ...` is `partage ...`."""

import os
import sys

from . import command

os.execv(command(), ["partage", *sys.argv[1:]])
