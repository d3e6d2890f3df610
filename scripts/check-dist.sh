#!/bin/sh
# Makes the release archive twice, from copies of the sources in two places, and compares; then installs it and runs a program on it.
#   check-dist.sh OUT [TARGET]     TARGET is another processor, as packaging/cross.sh has it: what is run is emulated
set -eu
mkdir -p "$1"
out=$(realpath "$1")
target=${2:-}
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/var/tmp}/partage-dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
for place in first second/and-longer; do
    mkdir -p "$work/$place"
    git ls-files --cached --others --exclude-standard | while read -r file; do if [ -e "$file" ]; then echo "$file"; fi; done |
        tar --create --files-from=- | tar --extract --directory="$work/$place"
    "$work/$place/packaging/dist.sh" "$work/$place/out" ${target:+"$target"} >/dev/null
done
for archive in "$work"/first/out/*.tar.gz; do
    cmp "$archive" "$work/second/and-longer/out/$(basename "$archive")"
    cp "$archive" "$archive.sha256" "$out"
    echo "the same twice: $out/$(basename "$archive")"
done

mkdir "$work/unpacked" "$work/namespace"
tar --extract --file="$archive" --directory="$work/unpacked"
processor=${target%%-*}
compiler=cc
[ -z "$target" ] || {
    compiler=$processor-linux-gnu-gcc
    export RUNNER="qemu-$processor-static -L /usr/$processor-linux-gnu"
}
DESTDIR=$work/root "$work"/unpacked/*/install.sh >/dev/null
cat >"$work/program.c" <<'PROGRAM'
#include <stdio.h>
#include <sys/shm.h>
int main(void)
{
    int id = shmget(IPC_PRIVATE, 100, 0600);
    char *memory = shmat(id, NULL, 0);
    if (id == -1 || memory == (void *)-1)
        return 1;
    snprintf(memory, 100, "segment %d", id);
    return puts(memory) < 0 || shmdt(memory) != 0;
}
PROGRAM
lib=$work/root/usr/local/lib
$compiler -o "$work/program" "$work/program.c" -L"$lib" -Wl,-rpath,"$lib" -lpartage
PARTAGE_DIR=$work/namespace ${RUNNER:-} "$work/program" >"$work/said"
grep -q '^segment ' "$work/said"
# What the program made is there for the command.
${RUNNER:-} "$work/root/usr/local/bin/partage" ls --dir "$work/namespace" >"$work/said"
grep -q ' 100B ' "$work/said" || { cat "$work/said" >&2; exit 1; }
echo "installed and used: $(basename "$archive")"
