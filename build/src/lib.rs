//! How the preloaded objects are linked: what their build scripts tell cargo.

use std::fs;
use std::path::{Path, PathBuf};

/// The name that the object has for the loader.
pub fn soname(name: &str) {
    linker_argument(&format!("-Wl,-soname,{name}"));
}

/// Fork and exit handlers stay registered: the object must never be unloaded under them.
pub fn never_unloaded() {
    linker_argument("-Wl,-z,nodelete");
}

/// One object shall serve programs of glibc, musl and bionic: it takes a few functions from whichever is there, without
/// naming a library or a symbol version. The libraries that Rust asks the linker for are found, and empty.
pub fn to_no_c_library() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = empty_archives(&out.join("empty")) {
        println!("cargo::error=no empty archives: {error}");
    }
    linker_argument("-nostdlib");
    linker_argument("-nostartfiles");
    // A table that all of Android's loaders since 6 read; and where pages have 16 KiB, they refuse what is laid out for less.
    linker_argument("-Wl,--hash-style=gnu");
    linker_argument("-Wl,-z,max-page-size=16384");
    // Asked for by programs, not by shared objects: see core/src/os/c_library.rs and c-library/errno.rs. LLVM's linker does it from
    // version 15 on; objects that an older one links ask for both names in earnest.
    let android = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "android");
    let errno = if android {
        "__errno"
    } else {
        "__errno_location"
    };
    for name in ["pthread_atfork", errno] {
        linker_argument(&format!("-Wl,--wrap={name}"));
        linker_argument(&format!("-Wl,--defsym=__wrap_{name}=0"));
    }
}

fn linker_argument(argument: &str) {
    println!("cargo::rustc-cdylib-link-arg={argument}");
}

fn empty_archives(directory: &Path) -> std::io::Result<()> {
    const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";
    fs::create_dir_all(directory)?;
    for name in ["c", "m", "rt", "pthread", "dl", "util", "gcc_s", "gcc"] {
        fs::write(directory.join(format!("lib{name}.a")), EMPTY_ARCHIVE)?;
    }
    println!("cargo::rustc-link-search=native={}", directory.display());
    Ok(())
}
