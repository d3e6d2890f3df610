//! Whether the objects compile for Android's processors. Types are checked and nothing is linked, so that neither a compiler for
//! Android nor its C library is needed: what runs there is in `bionic.rs`.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use partage_tests::artefacts::run_tool;
use partage_tests::cross::cargo_for;

/// `partage-abi` is all of `libpartage.so` and of the archive.
const OBJECTS: [&str; 3] = ["partage-abi", "partage-ipcs", "partage-android-shmem"];

/// Those with entry points that are written for processors of 64 bits.
const WITH_ENTRY_POINTS: [&str; 2] = ["partage-preload", "partage-trace"];

fn compile(target: &str, packages: &[&str]) {
    let mut cargo = match cargo_for(target, "core") {
        Ok(cargo) => cargo,
        Err(why) => {
            // Where a kit is named, the set-up has brought the sources.
            let is_set_up = ["PARTAGE_TEST_ALL", "BIONIC_KIT"]
                .iter()
                .all(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
            assert!(!is_set_up, "{why}");
            eprintln!("skipped {target}: {why}");
            return;
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    run_tool(
        cargo
            .args(["check", "--quiet", "--target", target, "--target-dir"])
            .arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/android"))
            .args(packages.iter().flat_map(|package| ["-p", package]))
            .current_dir(root),
    )
    .unwrap_or_else(|error| panic!("{target}: {error}"));
}

fn all_compile(wide: &str, narrow: &str) {
    compile(wide, &[&OBJECTS[..], &WITH_ENTRY_POINTS].concat());
    compile(narrow, &OBJECTS);
}

#[test]
fn the_objects_compile_for_arm() {
    all_compile("aarch64-linux-android", "armv7-linux-androideabi");
}

#[test]
#[ignore = "compiles Rust's library for two processors more: make test-bionic"]
fn the_objects_compile_for_x86() {
    all_compile("x86_64-linux-android", "i686-linux-android");
}
