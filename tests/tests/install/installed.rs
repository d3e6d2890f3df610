//! An installation, what is in it, and programs that use it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use partage_tests::artefacts::{Artefacts, run_tool};
use partage_tests::pair::run_pair;

/// An empty directory of the test's own.
pub(crate) fn directory(built: &Artefacts, name: &str) -> PathBuf {
    let directory = built.programs.join("install").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// What `make install` does.
pub(crate) fn install(built: &Artefacts, prefix: &Path, destdir: Option<&Path>) {
    let mut command = Command::new(built.root.join("packaging/install.sh"));
    command.arg(&built.release).env("PREFIX", prefix);
    command.env_remove("LIBDIR").env_remove("DESTDIR");
    if let Some(destdir) = destdir {
        command.env("DESTDIR", destdir);
    }
    run_tool(&mut command).unwrap();
}

/// Every file and link below, relative to it.
pub(crate) fn files_below(root: &Path) -> BTreeSet<String> {
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
pub(crate) fn run_examples(built: &Artefacts, directory: &Path, libraries: &Path, suffix: &str) {
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
