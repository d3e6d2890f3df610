//! Link arguments of the shared object.

use std::path::PathBuf;

#[path = "../build/link.rs"]
mod link;

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libpartage_trace.so");
    // Exit handlers and a wiped page refer to the object for as long as the process lives.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = link::to_no_c_library(&out.join("empty")) {
        println!("cargo::error=no empty archives: {error}");
    }
}
