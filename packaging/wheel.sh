#!/bin/sh
# Makes a Python wheel of what was built, with the tags of the systems that it runs on, and checks it.
#   wheel.sh OUT RELEASE
# The tags follow from how the command was built: linked to nothing, it runs with glibc and musl; else with the glibc that it asks for.
set -eu
mkdir -p "$1"
out=$(realpath "$1")
release=$(realpath "$2")
cd "$(dirname "$0")/.."
tools=$(realpath "${WHEEL_TOOLS:-${CARGO_TARGET_DIR:-target}/wheel-tools}/bin")

processor=$(readelf -h "$release/libpartage.so" | sed -n 's/^ *Machine: *//p')
case $processor in
*X86-64) processor=x86_64 ;;
AArch64) processor=aarch64 ;;
*) echo "wheel.sh: not made for $processor" >&2; exit 1 ;;
esac
if readelf -lW "$release/partage" | grep -q INTERP; then
    # The newest version of glibc's symbols that anything asks for.
    needed=$(readelf -VW "$release/partage" | grep -o 'GLIBC_2\.[0-9]*' | sort -uV | tail -n 1)
    tag=manylinux_2_${needed#GLIBC_2.}_$processor
else
    tag=manylinux2014_$processor.musllinux_1_1_$processor
fi

PARTAGE_RELEASE=$release PARTAGE_WHEEL_TAG=$tag "$tools/python" -m build --wheel --no-isolation --outdir "$out" . >"$out/build.log" 2>&1 ||
    { tail -n 20 "$out/build.log" >&2; exit 1; }
wheel=$(sed -n 's/^Successfully built //p' "$out/build.log")
"$tools/twine" check --strict "$out/$wheel" >&2
# What it finds needed must not be newer than the tag says; of files that are linked to nothing it finds nothing.
case $tag in
manylinux_*)
    "$tools/auditwheel" show "$out/$wheel" >"$out/audit.log" 2>&1
    grep -qF "\"$tag\"" "$out/audit.log" || { cat "$out/audit.log" >&2; exit 1; }
    echo "auditwheel: consistent with $tag" >&2
    ;;
esac
echo "$out/$wheel"
