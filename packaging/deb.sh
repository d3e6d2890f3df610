#!/bin/sh
# Makes Debian packages by dpkg-buildpackage and prints their names.
#   deb.sh binary OUT RELEASE     partage and libpartage-dev, from what was built in RELEASE
#   deb.sh source OUT             the source package, with every crate that it is built from in vendor/
set -eu
kind=$1
mkdir -p "$2"
out=$(realpath "$2")
[ "$kind" != binary ] || release=$(realpath "$3")
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
tree=$out/partage-$version

# What is committed, or changed since: nothing that was built.
rm -rf "$tree"
mkdir "$tree"
{ git ls-files --cached --others --exclude-standard 2>/dev/null || find . -path ./target -prune -o -type f -print; } |
    while read -r file; do if [ -e "$file" ]; then echo "$file"; fi; done |
    tar --create --files-from=- | tar --extract --directory="$tree"
cp -r packaging/debian "$tree/debian"

case $kind in
binary)
    log=$out/build.log
    # Tools that the build needs are those of this system: the packages that Debian has them in need not be installed.
    (cd "$tree" && PARTAGE_RELEASE=$release dpkg-buildpackage --no-check-builddeps --build=binary --no-sign) \
        >"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }
    sed -n "s|^dpkg-deb: building package '[^']*' in '\.\./\(.*\.deb\)'.*|$out/\1|p" "$log" | grep -v dbgsym
    ;;
source)
    cargo vendor --locked --quiet "$tree/vendor" >/dev/null
    # Without prebuilt libraries for another system and copies of manifests, from which nothing here is built, and without what
    # dpkg-source leaves out. The lists of files are emptied, so that cargo misses none of them.
    find "$tree/vendor" \( -name '*.a' -o -name '*.lib' -o -name '*.dll' -o -name '*.exe' -o -name '*.orig' \) -type f -delete
    find "$tree/vendor" -name .cargo-checksum.json -exec sed -i 's/"files":{[^}]*}/"files":{ }/' {} +
    (cd "$out" && dpkg-source --compression-level=1 --build "$tree") >"$out/source.log" 2>&1 || { cat "$out/source.log" >&2; exit 1; }
    echo "$out/partage_$version.dsc"
    ;;
*) exit 2 ;;
esac
rm -rf "$tree"
