//! The Debian packages and the release archive install what they hold.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use partage_tests::artefacts::{artefacts, run_tool};

use crate::installed::{self, directory, files_below};

fn dpkg(root: &Path, arguments: &[&str]) {
    run_tool(
        Command::new("dpkg")
            .arg(format!("--root={}", root.display()))
            .args(["--log=/dev/null", "--force-depends", "--force-not-root"])
            .args(["--force-script-chrootless"])
            .args(arguments),
    )
    .unwrap();
}

/// What a script prints: the names of the files that it made.
fn made(script: &Path, arguments: &[&OsStr]) -> Vec<PathBuf> {
    let out = Command::new(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{}: {said}", script.display());
    let names = String::from_utf8(out.stdout).unwrap();
    names.lines().map(PathBuf::from).collect()
}

#[test]
fn the_debian_packages_come_and_go() {
    let built = artefacts().unwrap();
    let root = directory(built, "debian");
    fs::create_dir_all(root.join("var/lib/dpkg/updates")).unwrap();
    fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let packages = made(
        &built.root.join("packaging/deb.sh"),
        &[
            OsStr::new("binary"),
            directory(built, "packages").as_os_str(),
            built.release.as_os_str(),
        ],
    );
    assert_eq!(packages.len(), 2, "the command's and the headers'");

    for package in &packages {
        dpkg(&root, &["--install", package.to_str().unwrap()]);
    }
    let files = files_below(&root.join("usr"));
    for file in ["bin/partage", "include/partage.h"] {
        assert!(files.contains(file), "{file} is missing from {files:#?}");
    }
    let command = root.join("usr/bin/partage");
    run_tool(
        Command::new(&command)
            .args(["run", "--without-kernel-sysv", "--private", "--"])
            .args(["ipcmk", "-M", "100"])
            .env_remove("PARTAGE_LIB"),
    )
    .unwrap();
    dpkg(&root, &["--purge", "libpartage-dev", "partage"]);
    let left: Vec<_> = files_below(&root)
        .into_iter()
        .filter(|name| !name.starts_with("var/lib/dpkg/"))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    assert!(!root.join("usr").exists(), "directories are left behind");
}

/// The same archive from the same build, and an installation from it; a damaged one installs nothing.
#[test]
fn the_archive_is_the_same_twice_and_installs() {
    let built = artefacts().unwrap();
    let script = built.root.join("packaging/archive.sh");
    let archives = ["archive-1", "archive-2"].map(|name| {
        let out = directory(built, name);
        let [archive] = &made(&script, &[built.release.as_os_str(), out.as_os_str()])[..] else {
            panic!("one archive")
        };
        archive.clone()
    });
    let [first, second] = archives
        .each_ref()
        .map(|archive| fs::read(archive).unwrap());
    assert!(first == second, "two archives of one build differ");

    let place = directory(built, "unpacked");
    run_tool(
        Command::new("tar")
            .args(["--extract", "--strip-components=1", "--file"])
            .arg(&archives[0])
            .arg("--directory")
            .arg(&place),
    )
    .unwrap();
    let prefix = directory(built, "from-archive");
    let install = |prefix: &Path| {
        let mut command = Command::new("sh");
        command.arg(place.join("install.sh")).env("PREFIX", prefix);
        command.env_remove("DESTDIR").env_remove("LIBDIR");
        run_tool(&mut command)
    };
    install(&prefix).unwrap();
    run_tool(
        Command::new(prefix.join("bin/partage"))
            .args(["run", "--private", "--", "ipcmk", "-M", "100"])
            .env_remove("PARTAGE_LIB"),
    )
    .unwrap();
    let by_make = directory(built, "beside-archive");
    installed::install(built, &by_make, None);
    assert_eq!(files_below(&prefix), files_below(&by_make));

    fs::write(place.join("release/libpartage_ipcs.so"), "damaged").unwrap();
    let empty = directory(built, "from-damaged");
    let said = install(&empty).unwrap_err();
    assert!(said.contains("the archive is damaged"), "{said}");
    assert!(files_below(&empty).is_empty());
}

/// The recipes for packages name the version that is built.
#[test]
fn the_recipes_name_the_version() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    for (recipe, line) in [
        ("debian/changelog", format!("partage ({version}) ")),
        (
            "termux/build.sh",
            format!("\nTERMUX_PKG_VERSION={version}\n"),
        ),
    ] {
        let text = fs::read_to_string(root.join("packaging").join(recipe)).unwrap();
        assert!(text.contains(&line), "{recipe} is not of {version}");
    }
}
