#!/bin/sh
# Makes the release archive: what was built, an install.sh for it, checksums, a bill of materials. The same bytes from the same
# sources: no times, no owners, no paths of this machine.
#   archive.sh RELEASE OUT     writes OUT/partage-VERSION-linux-PROCESSOR.tar.gz and its .sha256, prints the former's name
set -eu
release=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
version=$(sed -n 's/^#define PARTAGE_VERSION "\(.*\)"/\1/p' include/partage.h)
processor=$(readelf -h "$release/libpartage.so" | sed -n 's/^ *Machine: *//p')
case $processor in
*X86-64) processor=x86_64 ;;
AArch64) processor=aarch64 ;;
*) echo "archive.sh: not made for $processor" >&2; exit 1 ;;
esac
name=partage-$version-linux-$processor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$work/$name

put() { install -D -m "$1" "$2" "$top/$3"; }
put 755 packaging/archive-install.sh install.sh
put 755 packaging/install.sh packaging/install.sh
for file in packaging/*.in include/partage.h README.md CHANGELOG.md LICENSE LICENSE-MIT LICENSE-APACHE; do
    put 644 "$file" "$file"
done
put 755 "$release/partage" release/partage
"${STRIP:-strip}" --strip-all "$top/release/partage"
for library in libpartage libpartage_preload libpartage_trace libpartage_ipcs; do
    put 755 "$release/$library.so" "release/$library.so"
    "${STRIP:-strip}" --strip-unneeded "$top/release/$library.so"
done
put 644 "$release/libpartage.a" release/libpartage.a
"${STRIP:-strip}" --strip-debug --enable-deterministic-archives "$top/release/libpartage.a"
packaging/materials.py "$processor-unknown-linux-gnu" >"$top/partage.cdx.json"
(cd "$top" && find . -type f ! -name SHA256SUMS -print | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)

tar --create --directory="$work" --sort=name --format=ustar --mtime="@${SOURCE_DATE_EPOCH:-0}" \
    --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s "$name" | gzip -9 --no-name >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$out/$name.tar.gz"
