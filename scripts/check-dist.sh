#!/bin/sh
# Makes the release archive twice, from copies of the sources in two places, and compares.
#   check-dist.sh OUT
set -eu
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/var/tmp}/partage-dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
for place in first second/and-longer; do
    mkdir -p "$work/$place"
    git ls-files --cached --others --exclude-standard | while read -r file; do if [ -e "$file" ]; then echo "$file"; fi; done |
        tar --create --files-from=- | tar --extract --directory="$work/$place"
    "$work/$place/packaging/dist.sh" "$work/$place/out" >/dev/null
done
for archive in "$work"/first/out/*.tar.gz; do
    cmp "$archive" "$work/second/and-longer/out/$(basename "$archive")"
    cp "$archive" "$archive.sha256" "$out"
    echo "the same twice: $out/$(basename "$archive")"
done
