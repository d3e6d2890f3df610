#!/bin/sh
# Makes a Debian package of what was built.
#   debian.sh RELEASE DIRECTORY     writes DIRECTORY/partage_VERSION_ARCHITECTURE.deb and prints its name
set -eu
release=$(realpath "$1")
directory=$(realpath "$2")
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
architecture=$(dpkg --print-architecture)
triplet=$(gcc -print-multiarch)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

DESTDIR=$root PREFIX=/usr LIBDIR=/usr/lib/$triplet packaging/install.sh "$release"
find "$root/usr/share/man" -name '*.1' -exec gzip -9n {} +
find "$root/usr/lib" -name '*.so*' -type f -exec strip --strip-unneeded {} +
strip "$root/usr/bin/partage"
strip --strip-debug "$root/usr/lib/$triplet/libpartage.a"
mkdir -p "$root/usr/share/zsh/vendor-completions"
mv "$root/usr/share/zsh/site-functions/_partage" "$root/usr/share/zsh/vendor-completions/"
rmdir "$root/usr/share/zsh/site-functions"
install -D -m 644 LICENSE "$root/usr/share/doc/partage/copyright"
cat LICENSE-MIT >>"$root/usr/share/doc/partage/copyright"

install -d "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<CONTROL
Package: partage
Version: $version
Architecture: $architecture
Maintainer: partage developers <partage@localhost>
Section: libs
Priority: optional
Depends: libc6 (>= 2.34), libgcc-s1
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Description: System V and POSIX shared memory in user space
 A library that answers shmget, shmat, shmdt, shmctl, shm_open and shm_unlink
 without the kernel's System V calls, for linking and for preloading, and a
 command that runs programs with it and shows their segments.
CONTROL
echo 'activate-noawait ldconfig' >"$root/DEBIAN/triggers"
(cd "$root" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
package=$directory/partage_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
echo "$package"
