#!/bin/sh
# Installs into a temporary directory and uses what was installed: the command finds its library,
# a program links by pkg-config, the manual pages are there.
set -eu
cd "$(dirname "$0")/.."
root=$(mktemp -d /tmp/partage-install.XXXXXX)
trap 'rm -rf "$root"' EXIT
${MAKE:-make} --no-print-directory install PREFIX="$root"

cat >"$root/program.c" <<'PROGRAM'
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <partage.h>
int main(void)
{
    int id = partage_shmget(IPC_PRIVATE, 100, 0600);
    return id == -1 || partage_shmctl(id, IPC_RMID, NULL) == -1;
}
PROGRAM
export PKG_CONFIG_PATH="$root/lib/pkgconfig"
# shellcheck disable=SC2046 # a list of words
cc -o "$root/program" "$root/program.c" $(pkg-config --cflags --libs partage)
mkdir "$root/namespace"
PARTAGE_DIR="$root/namespace" LD_LIBRARY_PATH="$root/lib" "$root/program"

"$root/bin/partage" run --private --without-kernel-sysv -- sh -c 'ipcmk -M 100 >/dev/null && ipcs -m' |
    grep -q '^0x.* 100 '
ls "$root/share/man/man1/partage-run.1" "$root/share/zsh/site-functions/_partage" >/dev/null
echo "the installation works"
