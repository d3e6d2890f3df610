//! What `make install` puts where, whether other projects find it by pkg-config and by CMake, and the Debian package.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use partage_tests::artefacts::{Artefacts, artefacts, run_tool};
use partage_tests::pair::run_pair;

/// An empty directory of the test's own.
fn directory(built: &Artefacts, name: &str) -> PathBuf {
    let directory = built.programs.join("install").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn install(built: &Artefacts, prefix: &Path, destdir: Option<&Path>) {
    let mut command = Command::new(built.root.join("packaging/install.sh"));
    command.arg(&built.release).env("PREFIX", prefix);
    command.env_remove("LIBDIR").env_remove("DESTDIR");
    if let Some(destdir) = destdir {
        command.env("DESTDIR", destdir);
    }
    run_tool(&mut command).unwrap();
}

/// Every file and link below, relative to it.
fn files_below(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap();
                found.insert(name.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// Runs the two example programs of `directory` against the library installed in `libraries`.
fn run_examples(built: &Artefacts, directory: &Path, libraries: &Path, suffix: &str) {
    let namespace = directory.join(format!("namespace{suffix}"));
    fs::create_dir(&namespace).unwrap();
    let program = |name: &str| {
        let mut command = Command::new(directory.join(format!("{name}{suffix}")));
        command.env("PARTAGE_DIR", &namespace);
        command
            .env("LD_LIBRARY_PATH", libraries)
            .env_remove("LD_PRELOAD");
        command
    };
    run_pair(program, &directory.join("log")).unwrap();
    // The programs used the library: its registry is there, and nothing else is left.
    assert!(
        namespace.join("registry").exists(),
        "not run on {}",
        built.release.display()
    );
    fs::remove_dir_all(namespace).unwrap();
}

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

#[test]
fn found_by_pkg_config() {
    let built = artefacts().unwrap();
    let prefix = directory(built, "pkg-config");
    install(built, &prefix, None);
    run_tool(
        Command::new("make")
            .current_dir(&prefix)
            .arg("-f")
            .arg(built.root.join("examples/pkg-config/Makefile"))
            .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")),
    )
    .unwrap();
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
    self::install(built, &by_make, None);
    assert_eq!(files_below(&prefix), files_below(&by_make));

    fs::write(place.join("release/libpartage_ipcs.so"), "damaged").unwrap();
    let empty = directory(built, "from-damaged");
    let said = install(&empty).unwrap_err();
    assert!(said.contains("the archive is damaged"), "{said}");
    assert!(files_below(&empty).is_empty());
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
