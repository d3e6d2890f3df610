#!/bin/sh
# Looks into the newest wheel for another processor, and runs its command under an emulator.
#   check-foreign-wheel.sh WHEELS EMULATOR     EMULATOR is qemu-PROCESSOR-static
set -eu
processor=${2#qemu-}
processor=${processor%-static}
wheel=$(ls -t "$1"/*"$processor"*.whl | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m zipfile --extract "$wheel" "$work"
scripts=$(echo "$work"/*.data/scripts) data=$(echo "$work"/*.data/data)
for file in "$scripts/partage" "$data"/lib/libpartage_preload.so "$data"/lib/libpartage_ipcs.so "$data"/lib/libpartage_trace.so; do
    readelf -h "$file" | grep -qi "machine: *$processor" || { echo "not for $processor: $file" >&2; exit 1; }
done
test -s "$data/share/man/man1/partage.1"
# zipfile does not keep the mode.
chmod +x "$scripts/partage"
mkdir "$work/namespace"
"$2" "$scripts/partage" --version
PARTAGE_DIR=$work/namespace "$2" "$scripts/partage" ls >/dev/null
echo "the wheel for $processor: $(basename "$wheel")"
