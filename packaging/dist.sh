#!/bin/sh
# Builds the release from nothing and makes its archive: the same bytes wherever the sources and cargo's files lie.
#   dist.sh OUT [TARGET]     TARGET is another processor, as cross.sh has it
set -eu
mkdir -p "$1"
out=$(realpath "$1")
target=${2:-}
cd "$(dirname "$0")/.."
cargo=${CARGO_HOME:-$HOME/.cargo}
export CARGO_TARGET_DIR="$out/build"
export RUSTFLAGS="--remap-path-prefix=$PWD=/partage --remap-path-prefix=$cargo=/cargo --remap-path-prefix=$CARGO_TARGET_DIR=/build"
if [ -n "$target" ]; then
    export STRIP="${target%%-*}-linux-gnu-strip"
    release=$(packaging/cross.sh "$target" "$CARGO_TARGET_DIR")
else
    release=$CARGO_TARGET_DIR/release
    for package in partage partage-preload partage-ipcs partage-trace partage-cli; do
        cargo build --quiet --release --locked -p "$package"
    done
fi
packaging/archive.sh "$release" "$out"
rm -rf "$CARGO_TARGET_DIR"
