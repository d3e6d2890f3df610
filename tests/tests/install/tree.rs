//! What `make install` puts where, and what it says at the end.

use std::fs;
use std::path::Path;
use std::process::Command;

use partage_tests::artefacts::artefacts;

use crate::installed::{directory, files_below, install};

#[test]
fn the_tree_is_complete() {
    let built = artefacts().unwrap();
    let root = directory(built, "tree");
    install(built, Path::new("/usr"), Some(&root));
    let version = env!("CARGO_PKG_VERSION");
    let files = files_below(&root.join("usr"));
    for file in [
        "bin/partage",
        "include/partage.h",
        "lib/libpartage.a",
        "lib/libpartage.so",
        "lib/libpartage.so.0",
        &format!("lib/libpartage.so.{version}"),
        "lib/libpartage_preload.so",
        "lib/pkgconfig/partage.pc",
        "lib/cmake/partage/partageConfig.cmake",
        "lib/cmake/partage/partageConfigVersion.cmake",
        "share/man/man1/partage.1",
        "share/man/man1/partage-run.1",
        "share/man/man3/partage_shmget.3",
        "share/man/man7/partage.7",
        "share/bash-completion/completions/partage",
        "share/zsh/site-functions/_partage",
        "share/fish/vendor_completions.d/partage.fish",
    ] {
        assert!(files.contains(file), "{file} is missing from {files:#?}");
    }
    let link = fs::read_link(root.join("usr/lib/libpartage.so.0")).unwrap();
    assert_eq!(link, Path::new(&format!("libpartage.so.{version}")));
    let found = fs::read_to_string(root.join("usr/lib/pkgconfig/partage.pc")).unwrap();
    assert!(
        found.contains("prefix=/usr\n") && !found.contains('@'),
        "{found}"
    );
}

/// What is left to set is said at the end, and nothing that is set already; the command is stripped.
#[test]
fn an_installation_says_what_to_set() {
    let built = artefacts().unwrap();
    let prefix = directory(built, "said");
    let said = |path: &str, pkg_config: &Path| {
        let mut command = Command::new(built.root.join("packaging/install.sh"));
        command.arg(&built.release).env("PREFIX", &prefix);
        command.env_remove("LIBDIR").env_remove("DESTDIR");
        command.env("PATH", path).env("PKG_CONFIG_PATH", pkg_config);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let libraries = prefix.join("lib");
    let path = std::env::var("PATH").unwrap();
    let unset = said(&path, Path::new(""));
    for word in [
        format!("PATH={}/bin:$PATH", prefix.display()),
        format!("PKG_CONFIG_PATH={}/pkgconfig", libraries.display()),
        format!("-Wl,-rpath,{}", libraries.display()),
        "partage check PROGRAM".to_owned(),
    ] {
        assert!(unset.contains(&word), "{word} is missing from {unset}");
    }
    let path = format!("{}:{path}", prefix.join("bin").display());
    let set = said(&path, &libraries.join("pkgconfig"));
    assert!(!set.contains("PATH="), "{set}");

    let sections = Command::new("readelf")
        .args(["--sections", "--wide"])
        .arg(prefix.join("bin/partage"))
        .output()
        .unwrap();
    let sections = String::from_utf8(sections.stdout).unwrap();
    assert!(
        sections.contains(".text") && !sections.contains(".symtab") && !sections.contains(".debug"),
        "{sections}"
    );
}
