//! Other projects find an installation: by pkg-config, and by CMake.

use std::path::Path;
use std::process::Command;

use partage_tests::artefacts::{artefacts, run_tool};

use crate::installed::{directory, install, run_examples};

#[test]
fn found_by_pkg_config() {
    let built = artefacts().unwrap();
    let prefix = directory(built, "pkg-config");
    install(built, &prefix, None);
    let make = |variables: &[String]| {
        run_tool(
            Command::new("make")
                .current_dir(&prefix)
                .env_remove("PKG_CONFIG_PATH")
                .arg("-f")
                .arg(built.root.join("examples/pkg-config/Makefile"))
                .args(variables),
        )
    };
    // Without the library there is no program, rather than one on the kernel's calls.
    let empty = format!("PKG_CONFIG_LIBDIR={}", prefix.join("share").display());
    make(&[empty]).unwrap_err();
    let path = prefix.join("lib/pkgconfig");
    make(&[format!("PKG_CONFIG_PATH={}", path.display())]).unwrap();
    run_examples(built, &prefix, &prefix.join("lib"), "");
}

#[test]
fn found_by_cmake() {
    if Command::new("cmake").arg("--version").output().is_err() {
        let wanted = std::env::var_os("PARTAGE_TEST_ALL").is_some();
        assert!(!wanted, "cmake is not installed");
        return;
    }
    let built = artefacts().unwrap();
    let prefix = directory(built, "cmake");
    install(built, &prefix, None);
    let build = prefix.join("build");
    run_tool(
        Command::new("cmake")
            .arg("-S")
            .arg(built.root.join("examples/cmake"))
            .arg("-B")
            .arg(&build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())),
    )
    .unwrap();
    run_tool(Command::new("cmake").arg("--build").arg(&build)).unwrap();
    run_examples(built, &build, &prefix.join("lib"), "");
    run_examples(built, &build, Path::new("/"), "-static");
}
