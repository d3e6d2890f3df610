//! The programs of `examples/` that need nothing installed; `install/` has those that find an installed library.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use partage_tests::artefacts::{Artefacts, artefacts, run_tool};
use partage_tests::pair::run_pair;
use partage_tests::process::run_bounded;

const BOUND: Duration = Duration::from_secs(120);

/// A directory of the test's own with an empty namespace in it.
fn directory(built: &Artefacts, name: &str) -> (PathBuf, PathBuf) {
    let directory = built.programs.join("examples").join(name);
    let _ = fs::remove_dir_all(&directory);
    let namespace = directory.join("namespace");
    fs::create_dir_all(&namespace).unwrap();
    (directory, namespace)
}

/// `program` under the command, where the kernel refuses its System V calls.
fn partage_run(built: &Artefacts, namespace: &Path, program: &Path) -> Command {
    let mut command = Command::new(built.command());
    command
        .args(["run", "--without-kernel-sysv", "--dir"])
        .arg(namespace)
        .arg("--")
        .arg(program);
    command
}

fn python(name: &str, interpreter: &Path) -> String {
    let built = artefacts().unwrap();
    let (directory, namespace) = directory(built, name);
    let mut command = partage_run(built, &namespace, interpreter);
    command.arg(built.root.join("examples/python").join(name));
    let ended = run_bounded(&mut command, &directory.join("log"), BOUND).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    ended.output
}

#[test]
fn c_programs_preloaded() {
    let built = artefacts().unwrap();
    let (directory, namespace) = directory(built, "c");
    for name in ["producer", "consumer"] {
        run_tool(
            Command::new("gcc")
                .args(["-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
                .arg(directory.join(name))
                .arg(built.root.join(format!("examples/c/{name}.c"))),
        )
        .unwrap();
    }
    let command = |name: &str| partage_run(built, &namespace, &directory.join(name));
    run_pair(command, &directory.join("log")).unwrap();
}

#[test]
fn python_posix() {
    let said = python("posix.py", Path::new("/usr/bin/python3"));
    assert_eq!(said.trim(), "from the child");
}

#[test]
fn python_sysv() {
    let built = artefacts().unwrap();
    // The set-up puts the module beside the build.
    let target = built.programs.parent().unwrap();
    let interpreter = [target.join("venv"), built.root.join("target/venv")]
        .map(|venv| venv.join("bin/python"))
        .into_iter()
        .find(|python| python.exists());
    let Some(interpreter) = interpreter else {
        let wanted = std::env::var_os("PARTAGE_TEST_ALL").is_some();
        assert!(!wanted, "Python's sysv_ipc (scripts/setup.sh installs it)");
        return;
    };
    let said = python("sysv.py", &interpreter);
    assert_eq!(said.trim(), "from the child - 1 attached");
}

#[test]
fn rust() {
    let built = artefacts().unwrap();
    let (_, namespace) = directory(built, "rust");
    let out = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "-p", "partage-core", "--example", "share"])
        .arg("--target-dir")
        .arg(built.programs.parent().unwrap())
        .current_dir(&built.root)
        .env("PARTAGE_DIR", &namespace)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{errors}");
    assert_eq!(said.trim(), "from the second process - 1 attached");
}
