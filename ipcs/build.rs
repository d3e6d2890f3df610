//! Names the shared object and keeps it free of any particular C library.

#[path = "../build/link.rs"]
mod link;

fn main() {
    println!("cargo::rerun-if-changed=../build/link.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libpartage_ipcs.so");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = link::to_no_c_library(&out.join("empty")) {
        println!("cargo::error=no empty archives: {error}");
    }
}
