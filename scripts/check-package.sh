#!/bin/sh
# Installs a Debian package in a root of its own, uses it there, and removes it: no part of this system is touched but the
# processor. Needs root, debootstrap, and a mirror or an archive of packages that was fetched before.
#   check-package.sh PACKAGE [ROOT]     ROOT is a root made before by debootstrap; a copy of it is used
set -eu
package=$(realpath "$1")
base=${2:-}
[ "$(id -u)" = 0 ] || { echo "check-package: needs root" >&2; exit 77; }
root=$(mktemp -d "${TMPDIR:-/var/tmp}/partage-root.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT

if [ -n "$base" ]; then
    cp -a "$base/." "$root"
else
    command -v debootstrap >/dev/null || { echo "check-package: debootstrap is not installed" >&2; exit 77; }
    # shellcheck disable=SC1091 # what the system says of itself
    debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" \
        "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; rm -f "$root.log"; exit 1; }
    rm -f "$root.log"
fi
cp "$package" "$root/partage.deb"
cat >"$root/program.c" <<'PROGRAM'
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
int main(void)
{
    int id = shmget(0x7061, 100, IPC_CREAT | 0600);
    char *memory = shmat(id, NULL, 0);
    if (id == -1 || memory == (void *)-1)
        return 1;
    strcpy(memory, "written in the root");
    return puts(memory) < 0 || shmdt(memory) != 0;
}
PROGRAM
# Compiled out here, where there is a compiler, for the C library in there: the same release's.
gcc -o "$root/program" "$root/program.c"

# Mounts, processes and the kernel's segments are the chroot's own, and gone with it.
unshare --mount --ipc --pid --fork sh -eu -c '
    root=$1
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o size=64m none "$root/dev/shm" 2>/dev/null || { mkdir -p "$root/dev/shm"; mount -t tmpfs none "$root/dev/shm"; }
    exec chroot "$root" /bin/sh -eu' sh "$root" <<'INSIDE'
list() { find / -xdev \( -path /proc -o -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /etc/ld.so.cache \) -prune -o -print | sort; }
touch /before
list >/tmp/listed && mv /tmp/listed /before
sed -i '/^\/tmp\/listed$/d' /before
dpkg --install /partage.deb >/dev/null
test "$(dpkg-query -W -f '${db:Status-Status}' partage)" = installed
dpkg --verify partage
ldconfig -p | grep -q 'libpartage.so.0 '
partage run --private --without-kernel-sysv -- sh -c '/program && ipcs -m && ipcrm -M 0x7061' >/used
grep -q 'written in the root' /used
grep -q '^0x00007061 .* 100 ' /used
partage doctor >/dev/null
dpkg --purge partage >/dev/null
rm -f /used
list | diff /before -
! ldconfig -p | grep -q libpartage
! dpkg-query -W partage 2>/dev/null
INSIDE
echo "the package comes, works and goes"
