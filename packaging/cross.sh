#!/bin/sh
# Builds the objects and the command for another processor, and prints the directory that has them.
#   cross.sh TARGET OUT [static]     TARGET as Rust calls it: aarch64-unknown-linux-gnu; `static`: the command is linked to nothing
# Where the compiler has no library for it, that is built from its sources: Debian's cargo-web and rust-web-src have those.
set -eu
target=$1
mkdir -p "$2"
out=$(realpath "$2")
kind=${3:-}
cd "$(dirname "$0")/.."

upper=$(echo "$target" | tr a-z- A-Z_)
compiler=${target%%-*}-linux-gnu-gcc
command -v "$compiler" >/dev/null || { echo "cross.sh: $compiler is missing: scripts/setup.sh cross" >&2; exit 1; }
export "CARGO_TARGET_${upper}_LINKER=$compiler"

cargo=cargo
with_sources=
if [ ! -e "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    with_sources=yes
    if [ ! -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ]; then
        cargo=/usr/bin/cargo
        export RUSTC=/usr/bin/rustc
        unset RUSTUP_TOOLCHAIN
        [ -e "$("$RUSTC" --print sysroot)/lib/rustlib/src/rust/library" ] ||
            { echo "cross.sh: neither a library for $target nor the library's sources: scripts/setup.sh cross" >&2; exit 1; }
    fi
    export RUSTC_BOOTSTRAP=1
fi

build() { # PACKAGE, what of the library it needs
    "$cargo" ${with_sources:+"-Zbuild-std=$2"} build --quiet --release --locked --target "$target" --target-dir "$out" -p "$1"
}

for package in partage partage-preload partage-ipcs partage-trace; do
    build "$package" core
done
[ "$kind" != static ] || export RUSTFLAGS="${RUSTFLAGS:-} -Ctarget-feature=+crt-static"
build partage-cli std,panic_abort
echo "$out/$target/release"
