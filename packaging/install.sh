#!/bin/sh
# Installs what was built, without debugging information, and says what is left to set.
#   install.sh RELEASE     the directory with libpartage.so, libpartage.a, partage and the other objects
# DESTDIR is put before every path. PREFIX (/usr/local) is where the files will be used; LIBDIR (PREFIX/lib) is where
# the libraries go. PARTS is `all`, or `command` for what runs programs and nothing to link them with. STRIP names the
# program that takes debugging information out; `:` leaves it in. RUNNER runs the command, if it is for another processor.
set -eu
release=$(realpath "$1")
cd "$(dirname "$0")/.."
PREFIX=${PREFIX:-/usr/local}
LIBDIR=${LIBDIR:-$PREFIX/lib}
PARTS=${PARTS:-all}
STRIP=${STRIP:-strip}
RUNNER=${RUNNER:-}
root=${DESTDIR:-}
version=$(sed -n 's/^#define PARTAGE_VERSION "\(.*\)"/\1/p' include/partage.h)

put() { install -D -m "$1" "$2" "$root$3"; }

# The same, without what `strip` is told to take out.
put_stripped() {
    put 755 "$2" "$3"
    "$STRIP" "$1" "$root$3"
}

# Puts a file in which @NAME@ stands for what is known here only.
put_filled() {
    install -d "$(dirname "$root$2")"
    sed -e "s|@VERSION@|$version|g" -e "s|@PREFIX@|$PREFIX|g" -e "s|@LIBDIR@|$LIBDIR|g" \
        -e "s|@TO_LIBDIR@|$(realpath -ms --relative-to="$LIBDIR/cmake/partage" "$LIBDIR")|g" \
        -e "s|@TO_INCLUDE@|$(realpath -ms --relative-to="$LIBDIR/cmake/partage" "$PREFIX/include")|g" \
        "$1" >"$root$2"
    chmod 644 "$root$2"
}

put_command() {
    put_stripped --strip-all "$release/partage" "$PREFIX/bin/partage"
    # Preloaded by the command, linked by nobody: no versions.
    for name in preload ipcs trace; do
        put_stripped --strip-unneeded "$release/libpartage_$name.so" "$LIBDIR/libpartage_$name.so"
    done
    share=$root$PREFIX/share
    install -d "$share/bash-completion/completions" "$share/zsh/site-functions" \
        "$share/fish/vendor_completions.d"
    # shellcheck disable=SC2086 # a program and its options
    told() { $RUNNER "$release/partage" "$@"; }
    told man "$share/man" >/dev/null
    told completions bash >"$share/bash-completion/completions/partage"
    told completions zsh >"$share/zsh/site-functions/_partage"
    told completions fish >"$share/fish/vendor_completions.d/partage.fish"
}

put_library() {
    put 644 include/partage.h "$PREFIX/include/partage.h"
    put 644 "$release/libpartage.a" "$LIBDIR/libpartage.a"
    "$STRIP" --strip-debug "$root$LIBDIR/libpartage.a"
    put_stripped --strip-unneeded "$release/libpartage.so" "$LIBDIR/libpartage.so.$version"
    ln -sf "libpartage.so.$version" "$root$LIBDIR/libpartage.so.0"
    ln -sf libpartage.so.0 "$root$LIBDIR/libpartage.so"
    put_filled packaging/partage.pc.in "$LIBDIR/pkgconfig/partage.pc"
    for file in partageConfig partageConfigVersion; do
        put_filled "packaging/$file.cmake.in" "$LIBDIR/cmake/partage/$file.cmake"
    done
}

# Whether `word` is one of the words of a list with colons.
listed() { case ":$2:" in *":$1:"*) true ;; *) false ;; esac; }

# What has to be set for the files to be found where they are, if anything, and how to see that they are.
say_how_to_use() {
    echo "partage $version is in $PREFIX."
    listed "$PREFIX/bin" "$PATH" || echo "  PATH=$PREFIX/bin:\$PATH          so that the command is found"
    searched=$(pkg-config --variable pc_path pkg-config 2>/dev/null || true)
    if ! listed "$LIBDIR/pkgconfig" "$searched:${PKG_CONFIG_PATH:-}"; then
        echo "  export PKG_CONFIG_PATH=$LIBDIR/pkgconfig     so that pkg-config finds the library"
    fi
    if [ -z "$root" ] && ! PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -qF "$LIBDIR/libpartage.so.0"; then
        echo "  for programs that are linked with it: run ldconfig if it searches $LIBDIR, else link with"
        echo "  -Wl,-rpath,$LIBDIR"
    fi
    echo "To see that it works:"
    echo "  $PREFIX/bin/partage run --private -- ipcmk -M 100"
    echo "  $PREFIX/bin/partage check PROGRAM      whether a program, or a running process, has its shared memory from here"
}

case $PARTS in
all)
    put_command
    put_library
    say_how_to_use
    ;;
command) put_command ;;
*)
    echo "install.sh: PARTS is all or command, not $PARTS" >&2
    exit 2
    ;;
esac
