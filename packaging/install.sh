#!/bin/sh
# Installs what was built.
#   install.sh RELEASE     the directory with libpartage.so, libpartage.a, partage and the other objects
# DESTDIR is put before every path. PREFIX (/usr/local) is where the files will be used; LIBDIR (PREFIX/lib) is where
# the libraries go.
set -eu
release=$(realpath "$1")
cd "$(dirname "$0")/.."
PREFIX=${PREFIX:-/usr/local}
LIBDIR=${LIBDIR:-$PREFIX/lib}
root=${DESTDIR:-}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

put() { install -D -m "$1" "$2" "$root$3"; }

# Puts a file in which @NAME@ stands for what is known here only.
put_filled() {
    install -d "$(dirname "$root$2")"
    sed -e "s|@VERSION@|$version|g" -e "s|@PREFIX@|$PREFIX|g" -e "s|@LIBDIR@|$LIBDIR|g" \
        -e "s|@TO_LIBDIR@|$(realpath -ms --relative-to="$LIBDIR/cmake/partage" "$LIBDIR")|g" \
        -e "s|@TO_INCLUDE@|$(realpath -ms --relative-to="$LIBDIR/cmake/partage" "$PREFIX/include")|g" \
        "$1" >"$root$2"
    chmod 644 "$root$2"
}

put 755 "$release/partage" "$PREFIX/bin/partage"
put 644 include/partage.h "$PREFIX/include/partage.h"
put 644 "$release/libpartage.a" "$LIBDIR/libpartage.a"
put 755 "$release/libpartage.so" "$LIBDIR/libpartage.so.$version"
ln -sf "libpartage.so.$version" "$root$LIBDIR/libpartage.so.0"
ln -sf libpartage.so.0 "$root$LIBDIR/libpartage.so"
# Preloaded by the command, linked by nobody: no versions.
for name in preload ipcs trace; do
    put 755 "$release/libpartage_$name.so" "$LIBDIR/libpartage_$name.so"
done
put_filled packaging/partage.pc.in "$LIBDIR/pkgconfig/partage.pc"
for file in partageConfig partageConfigVersion; do
    put_filled "packaging/$file.cmake.in" "$LIBDIR/cmake/partage/$file.cmake"
done

share=$root$PREFIX/share
install -d "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" \
    "$share/fish/vendor_completions.d"
"$release/partage" man "$share/man/man1" >/dev/null
"$release/partage" completions bash >"$share/bash-completion/completions/partage"
"$release/partage" completions zsh >"$share/zsh/site-functions/_partage"
"$release/partage" completions fish >"$share/fish/vendor_completions.d/partage.fish"
