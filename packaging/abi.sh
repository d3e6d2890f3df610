#!/bin/sh
# The C interface as abidiff sees it: every function of the header with its prototype and the structures in it. The record
# is made from the header, in C's types, which do not change with the Rust compiler.
#   abi.sh record FILE     writes the record
#   abi.sh check FILE      compares with the record: 0 if nothing changed, 4 or 12 if something did, see abidiff(1)
#   abi.sh agree OBJECT    whether an object with full debug information has those functions, with arguments and results of
#                          the same sizes
set -eu
step=$1
file=$(realpath -m "$2")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A body for every prototype; each is one line.
{
    echo '#include "partage.h"'
    sed -n '/^[a-z].*partage_[a-z0-9_]*(.*;$/s/;$/ { __builtin_trap(); }/p' include/partage.h
} >"$work/interface.c"
include=$PWD/include
(cd "$work" && "${CC:-gcc}" -g "-fdebug-prefix-map=$work=." -fPIC -shared -nostdlib "-I$include" \
    -Wl,-soname,libpartage.so.0 -o interface.so interface.c)

case $step in
record) abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --out-file "$file" "$work/interface.so" ;;
agree)
    for object in "$work/interface.so" "$file"; do
        abidw --no-show-locs "$object" >"$work/$(basename "$object").xml"
    done
    python3 packaging/abi-agree.py "$work/interface.so.xml" "$work/$(basename "$file").xml"
    ;;
check) abidiff "$file" "$work/interface.so" ;;
*) exit 2 ;;
esac
