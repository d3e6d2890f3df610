//! What `cargo cinstall` installs.

use std::fs;
use std::path::Path;
use std::process::Command;

use partage_tests::artefacts::{artefacts, run_tool};

use crate::installed::{directory, files_below, install, run_examples};

/// `cargo cinstall` puts the same library, archive, header and pkg-config file where `make install` does, and a program
/// links to them. The rest of an installation, see the list, is the command's and comes from `make install` only.
#[test]
#[ignore = "needs cargo-c, which takes a quarter of an hour to install: make test-cinstall"]
fn cargo_cinstall_installs_the_library_likewise() {
    let has_it = Command::new(env!("CARGO"))
        .args(["cinstall", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    assert!(
        has_it,
        "cargo cinstall is not there: cargo install cargo-c --locked"
    );
    let built = artefacts().unwrap();
    let by_make = directory(built, "by-make");
    install(built, Path::new("/usr"), Some(&by_make));
    let by_cargo = directory(built, "by-cargo");
    run_tool(
        Command::new(env!("CARGO"))
            .args(["cinstall", "--release", "--prefix", "/usr"])
            .args(["--libdir", "/usr/lib", "--destdir"])
            .arg(&by_cargo)
            .arg("--target-dir")
            .arg(built.programs.join("install/cinstall"))
            .current_dir(&built.root),
    )
    .unwrap();

    let (made, cargos) = (files_below(&by_make), files_below(&by_cargo));
    let more: Vec<_> = cargos.difference(&made).collect();
    assert!(more.is_empty(), "only cargo cinstall has {more:?}");
    let not_the_librarys = |file: &&String| {
        let rest = ["usr/bin/", "usr/share/", "usr/lib/cmake/"];
        let preloads = ["preload", "trace", "ipcs"].map(|name| format!("libpartage_{name}.so"));
        !rest.iter().any(|start| file.starts_with(start))
            && !preloads.iter().any(|name| file.ends_with(name))
    };
    let missing: Vec<_> = made.difference(&cargos).filter(not_the_librarys).collect();
    assert!(missing.is_empty(), "cargo cinstall has no {missing:?}");
    for file in ["usr/include/partage.h", "usr/lib/libpartage.so.0"] {
        // Of the links, where they lead.
        let content = |root: &Path| {
            fs::read_link(root.join(file)).map_or_else(
                |_| fs::read(root.join(file)).unwrap(),
                |link| link.into_os_string().into_encoded_bytes(),
            )
        };
        assert!(content(&by_make) == content(&by_cargo), "{file} differs");
    }
    let answers = |root: &Path| {
        let ask = |of: &str| {
            let output = Command::new("pkg-config")
                .args([of, "partage"])
                .env("PKG_CONFIG_PATH", root.join("usr/lib/pkgconfig"))
                .env("PKG_CONFIG_SYSROOT_DIR", root)
                .output()
                .unwrap();
            assert!(output.status.success());
            String::from_utf8(output.stdout)
                .unwrap()
                .replace(root.to_str().unwrap(), "")
                .trim()
                .to_owned()
        };
        ["--cflags", "--libs", "--modversion"].map(ask)
    };
    assert_eq!(answers(&by_make), answers(&by_cargo));
    let soname = |root: &Path| {
        let output = Command::new("readelf")
            .args(["-d"])
            .arg(root.join("usr/lib/libpartage.so"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let wanted = |line: &&str| {
            ["SONAME", "NEEDED", "FLAGS"]
                .iter()
                .any(|tag| line.contains(tag))
        };
        text.lines()
            .filter(wanted)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(soname(&by_make), soname(&by_cargo));

    run_tool(
        Command::new("make")
            .current_dir(&by_cargo)
            .arg("-f")
            .arg(built.root.join("examples/pkg-config/Makefile"))
            .env("PKG_CONFIG_PATH", by_cargo.join("usr/lib/pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", &by_cargo),
    )
    .unwrap();
    run_examples(built, &by_cargo, &by_cargo.join("usr/lib"), "");
}
