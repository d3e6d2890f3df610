#!/bin/sh
# The C interface as abidiff sees it: every function of the header with its prototype and the structures in it. The Rust
# object's debug information says too little; that header and object agree is tested elsewhere.
#   abi.sh record FILE     writes the record
#   abi.sh check FILE      compares with the record: 0 if nothing changed, 4 or 12 if something did, see abidiff(1)
set -eu
step=$1
file=$(realpath -m "$2")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A body for every prototype.
{
    echo '#include "partage.h"'
    sed -n '/^[a-z].*partage_[a-z0-9_]*(/,/;$/p' include/partage.h | sed 's/;$/ { __builtin_trap(); }/'
} >"$work/interface.c"
include=$PWD/include
(cd "$work" && "${CC:-gcc}" -g "-fdebug-prefix-map=$work=." -fPIC -shared -nostdlib "-I$include" \
    -Wl,-soname,libpartage.so.0 -o interface.so interface.c)

case $step in
record) abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --out-file "$file" "$work/interface.so" ;;
check) abidiff "$file" "$work/interface.so" ;;
*) exit 2 ;;
esac
