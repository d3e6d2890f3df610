#!/bin/sh
# Installs the newest wheel into an environment of its own and uses it there: the command, the manual, the plugin's tests, and a public
# suite that the plugin must not disturb.
#   check-wheel.sh WHEELS
set -eu
wheel=$(ls -t "$1"/*.whl | head -n 1)
wheel=$(realpath "$wheel")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
export PATH="$work/env/bin:$PATH"
pip install --quiet --disable-pip-version-check "$wheel" 'pytest>=8' pytest-xdist sysv_ipc==1.2.0

partage run --private -- ipcmk -M 100 >"$work/said"
grep -q '^Shared memory id: ' "$work/said"
python -m partage --version
test -e "$work/env/share/man/man1/partage.1"

pytest -q -p no:cacheprovider -c /dev/null --rootdir="$work" packaging/python/tests

# A module's own tests, which leave nothing behind.
(cd "$work" && pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: sysv_ipc==1.2.0 && tar xf sysv_ipc-*.tar.gz)
for options in --shm-leaks --shm-private; do
    (cd "$work"/sysv_ipc-1.2.0 && pytest -q -p no:cacheprovider "$options" -k 'memory or Memory' tests)
done
echo "the wheel works"
