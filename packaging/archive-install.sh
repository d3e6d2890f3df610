#!/bin/sh
# Installs this archive: sh install.sh, or PREFIX=$HOME/.local sh install.sh. PREFIX is /usr/local otherwise; DESTDIR and LIBDIR are
# honoured.
set -eu
cd "$(dirname "$0")"
sha256sum --quiet --check SHA256SUMS || { echo "install.sh: the archive is damaged: nothing was installed" >&2; exit 1; }
# There is no debugging information in it.
STRIP=: exec packaging/install.sh release
