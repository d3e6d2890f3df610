#!/bin/sh
# Makes the Debian source package, builds it in a Debian of its own, looks at it with lintian, installs, uses and removes it in
# another, and runs its own tests there. No part of this system is touched but the processor. Needs root, debootstrap, lintian,
# autopkgtest, and a mirror.
#   check-package.sh OUT [ROOT]     ROOT is a root made before by debootstrap; copies of it are used
# SUITE names the Debian (this system's), DEBIAN_MIRROR where it comes from (from where this system's packages come).
set -eu
out=$(realpath -m "$1")
base=${2:-}
[ "$(id -u)" = 0 ] || { echo "check-package: needs root" >&2; exit 77; }
cd "$(dirname "$0")/.."
mkdir -p "$out"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/partage-roots.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

# Mounts, processes and the kernel's segments are a root's own, and gone with what runs in it.
inside() { # ROOT, a script on standard input
    unshare --mount --ipc --pid --fork sh -eu -c '
        root=$1
        mount -t proc proc "$root/proc"
        mkdir -p "$root/dev/shm"
        mount -t tmpfs none "$root/dev/shm"
        exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive sh -eu' sh "$1"
}

if [ -z "$base" ]; then
    base=$work/base
    # shellcheck disable=SC1091 # what the system says of itself
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    suite=${SUITE:-$codename}
    # shellcheck disable=SC2016 # apt-get's own variable
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" 'Component: main' |
        head -n 1)}
    debootstrap --variant=minbase "$suite" "$base" "$mirror" >"$out/debootstrap.log" 2>&1 ||
        { tail -n 20 "$out/debootstrap.log" >&2; exit 1; }
fi

echo "== the source package"
source=$(packaging/deb.sh source "$out")

echo "== built in a root of its own"
cp -a "$base" "$work/build"
mkdir "$work/build/src"
cp "$out"/partage_*.dsc "$out"/partage_*.tar.* "$work/build/src"
# The newer compiler is among the updates.
for file in sources.list sources.list.d; do
    [ ! -e "/etc/apt/$file" ] || [ -n "${DEBIAN_MIRROR:-}" ] || cp -r "/etc/apt/$file" "$work/build/etc/apt/"
done
inside "$work/build" >"$out/build.log" 2>&1 <<INSIDE || { tail -n 30 "$out/build.log" >&2; exit 1; }
cd /src
apt-get update -qq || true
apt-get install -y -qq --no-install-recommends dpkg-dev debhelper build-essential
dpkg-source --extract $(basename "$source") tree
cd tree
apt-get build-dep -y -qq --no-install-recommends .
# Nothing from the network: every crate is in the source package.
unshare --net dpkg-buildpackage --build=binary --no-sign
INSIDE
cp "$work/build/src"/*.deb "$work/build/src"/*.changes "$work/build/src"/*.buildinfo "$out"
rm -rf --one-file-system "$work/build"

echo "== lintian"
# There is no mailing address yet; the one who uploads puts one in.
lintian --allow-root --fail-on error --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog \
    "$out"/partage_*_*.changes "$source"

echo "== installed, used and removed"
cp -a "$base" "$work/use"
cp "$out"/partage_*.deb "$work/use/partage.deb"
cat >"$work/use/program.c" <<'PROGRAM'
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
# Compiled out here, where there is a compiler, for the C library in there: the same release's, or a newer one.
gcc -o "$work/use/program" "$work/use/program.c"
inside "$work/use" <<'INSIDE'
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
rm -rf --one-file-system "$work/use"

echo "== its own tests, with PostgreSQL"
cp -a "$base" "$work/test"
mkdir -p "$work/test/dev/shm"
# The backend for plain roots mounts nothing, and neither PostgreSQL nor partage does without.
unshare --mount sh -eu -c 'mount -t proc proc "$1/proc"; mount -t tmpfs -o mode=1777 none "$1/dev/shm"; shift; exec "$@"' sh "$work/test" \
    autopkgtest "$out"/partage_*.deb "$out"/libpartage-dev_*.deb "$source" -- chroot "$work/test" >"$out/autopkgtest.log" 2>&1 ||
    { tail -n 40 "$out/autopkgtest.log" >&2; exit 1; }
sed -n '/autopkgtest.*summary/,$p' "$out/autopkgtest.log"
echo "the package is built, comes, works and goes"
