//! Names the shared object, keeps it free of any particular C library, and generates the C header where a test can
//! compare it with the committed one.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=abi/src");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    // cargo-c passes one of its own.
    if std::env::var_os("CARGO_FEATURE_CAPI").is_none() {
        partage_link::soname("libpartage.so.0");
    }
    partage_link::never_unloaded();
    partage_link::to_no_c_library();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    match header() {
        Ok(header) => {
            header.write_to_file(out.join("partage.h"));
        }
        Err(error) => println!("cargo::error=no header: {error}"),
    }
}

/// The C header as cbindgen.toml has it, with the package's version in it.
fn header() -> Result<cbindgen::Bindings, Box<dyn std::error::Error>> {
    let directory = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let mut config = cbindgen::Config::from_file(directory.join("cbindgen.toml"))?;
    let version = std::env::var("CARGO_PKG_VERSION")?;
    let mut macros = format!("#define PARTAGE_VERSION \"{version}\"");
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let number = std::env::var(format!("CARGO_PKG_VERSION_{part}"))?;
        macros += &format!("\n#define PARTAGE_VERSION_{part} {number}");
    }
    config.after_includes = config
        .after_includes
        .map(|text| text.replace("@VERSION_MACROS@", &macros));
    Ok(cbindgen::Builder::new()
        .with_crate(directory.join("abi"))
        .with_config(config)
        .generate()?)
}
