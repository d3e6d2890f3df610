//! Names the shared object, keeps it free of any particular C library, and generates the C header where a test can
//! compare it with the committed one.

use std::path::PathBuf;

#[path = "build/link.rs"]
mod link;

fn main() {
    println!("cargo::rerun-if-changed=src/abi");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    // cargo-c passes one of its own.
    if std::env::var_os("CARGO_FEATURE_CAPI").is_none() {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libpartage.so.0");
    }
    // Fork handlers stay registered: the object must never be unloaded under them.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = link::to_no_c_library(&out.join("empty")) {
        println!("cargo::error=no empty archives: {error}");
    }
    let header = out.join("partage.h");
    match cbindgen::generate(
        std::env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .unwrap_or_default(),
    ) {
        Ok(bindings) => {
            bindings.write_to_file(header);
        }
        Err(error) => println!("cargo::error=no header: {error}"),
    }
}
