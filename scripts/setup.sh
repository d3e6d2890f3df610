#!/bin/sh
# Installs what building, running and testing need on Debian 12: nothing that is there already,
# so that a second run needs no network.
#   setup.sh build   a C compiler
#   setup.sh run     what `make run` shows: PostgreSQL
#   setup.sh bench   programs that `make bench` measures: PostgreSQL, stress-ng
#   setup.sh cross   compilers and emulators for other processors, and the Rust library's sources
#   setup.sh package what makes a Debian to try the package in
#   setup.sh test    everything the tests use
#   setup.sh fuzz    the same, and cargo-fuzz
set -eu
cd "$(dirname "$0")/.."
goal=${1:-test}
target=${CARGO_TARGET_DIR:-target}

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else say "needs root for: $*"; return 1
    fi
}

installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

install_packages() {
    missing=
    for package in "$@"; do
        installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "not Debian: install what stands for$missing yourself"
        return 0
    fi
    say "installing$missing"
    # An index that cannot be refreshed may still be good enough.
    as_root apt-get update -qq || say "the package index could not be refreshed"
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends $missing >&2
}

# Debian's postgresql package starts a server; only the programs are wanted.
install_postgresql() {
    installed postgresql-15 && return 0
    install_packages postgresql-common
    if [ -d /etc/postgresql-common ]; then
        as_root sh -c 'echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf'
    fi
    install_packages postgresql-15
}

# The one Python module the tests use, beside the build and not in the system.
install_python_module() {
    python=$target/venv/bin/python
    if [ -x "$python" ] && "$python" -c 'import sysv_ipc' 2>/dev/null; then return 0; fi
    say "installing Python's sysv_ipc into $target/venv"
    mkdir -p "$target"
    /usr/bin/python3 -m venv "$target/venv"
    "$target/venv/bin/pip" install --quiet --disable-pip-version-check sysv_ipc==1.2.0
}

install_cargo_fuzz() {
    ! cargo fuzz --version >/dev/null 2>&1 || return 0
    say "installing cargo-fuzz"
    cargo install --quiet --locked cargo-fuzz --version 0.13.2
}

command -v cargo >/dev/null || { say "Rust is needed: https://rustup.rs"; exit 1; }
install_packages gcc libc6-dev make
case $goal in
build) ;;
run) install_postgresql ;;
bench)
    install_packages stress-ng
    install_postgresql
    ;;
test | fuzz)
    install_packages g++ python3-dev python3-venv strace musl-tools attr tmux pkg-config \
        bsdextrautils util-linux e2fsprogs man-db php-cli mpich libmpich-dev cmake abigail-tools valgrind
    install_postgresql
    install_python_module
    [ "$goal" != fuzz ] || install_cargo_fuzz
    ;;
package) install_packages debootstrap ;;
cross)
    install_packages rustc-web cargo-web rust-web-src qemu-user-static gcc-i686-linux-gnu libc6-dev-i386-cross \
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
    ;;
*) say "unknown goal: $goal"; exit 2 ;;
esac
