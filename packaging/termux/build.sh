# A recipe for Termux's package tree: copy this folder to packages/partage there. TERMUX_PKG_SRCURL and _SHA256 are those of
# a release's archive, which `make dist` makes.
TERMUX_PKG_HOMEPAGE= # where the project is published
TERMUX_PKG_DESCRIPTION="System V and POSIX shared memory in user space, under the names that Termux's packages call"
TERMUX_PKG_LICENSE="Apache-2.0, MIT"
TERMUX_PKG_MAINTAINER="@termux"
TERMUX_PKG_VERSION=0.1.0
TERMUX_PKG_BUILD_IN_SRC=true
# It takes the place of this file of theirs.
TERMUX_PKG_PROVIDES="libandroid-shmem"
TERMUX_PKG_REPLACES="libandroid-shmem"
TERMUX_PKG_CONFLICTS="libandroid-shmem"

# Objects without std, built apart from the rest as in the Makefile.
objects="partage partage-preload partage-ipcs partage-trace partage-android-shmem"

termux_step_make() {
    termux_setup_rust
    # Termux's own flags name a directory to search, which these objects do without.
    unset RUSTFLAGS
    for object in $objects; do
        cargo build --release --target "$CARGO_TARGET_NAME" -p "$object" || return
    done
    cargo build --release --target "$CARGO_TARGET_NAME" -p partage-cli
}

termux_step_make_install() {
    built=target/$CARGO_TARGET_NAME/release
    install -Dm700 "$built/partage" "$TERMUX_PREFIX/bin/partage"
    for name in libpartage libpartage_preload libpartage_ipcs libpartage_trace; do
        install -Dm600 "$built/$name.so" "$TERMUX_PREFIX/lib/$name.so"
    done
    ln -sf libpartage.so "$TERMUX_PREFIX/lib/libpartage.so.0"
    install -Dm600 "$built/libandroid_shmem.so" "$TERMUX_PREFIX/lib/libandroid-shmem.so"
    install -Dm600 "$built/libpartage.a" "$TERMUX_PREFIX/lib/libpartage.a"
    install -Dm600 include/partage.h "$TERMUX_PREFIX/include/partage.h"
}
