//! What the object made for preloading reaches and the library alone does not: programs that overwrite the System V
//! functions, plugins that prefer the C library's calls, and real programs of either kind, all where the kernel
//! refuses its System V calls.

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
use partage_tests::process::run_bounded;

const BOUND: Duration = Duration::from_secs(120);

/// A directory of the test's own beside the built programs.
fn directory(built: &Artefacts, name: &str) -> PathBuf {
    let directory = built.programs.join("preload").join(name);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn source(built: &Artefacts, name: &str) -> PathBuf {
    built.root.join("c_tests/preload").join(name)
}

fn compile(compiler: &str, built: &Artefacts, from: &str, to: &Path, options: &[&str]) {
    let mut command = Command::new(compiler);
    command
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(built.root.join("c_tests"));
    command
        .arg("-o")
        .arg(to)
        .arg(source(built, from))
        .args(options);
    run_tool(&mut command).unwrap();
}

/// Runs a program with the kernel's calls refused; returns what it printed. It must succeed.
fn run(built: &Artefacts, directory: &Path, program: &[&str]) -> String {
    let mut command = Command::new(built.command());
    command
        .args(["run", "--without-kernel-sysv", "--private", "--"])
        .args(program)
        .current_dir(directory)
        .env("PARTAGE_TEST_MODE", "nosysv")
        .env("PARTAGE_LIB", built.release.join("libpartage_preload.so"))
        .env_remove("PARTAGE_DIR");
    run_bounded(&mut command, &directory.join("log"), BOUND)
        .unwrap()
        .expect_success()
}

/// Whether a tool that not every system has is there; with `PARTAGE_TEST_ALL` it has to be.
fn has(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    assert!(
        there || std::env::var_os("PARTAGE_TEST_ALL").is_none(),
        "{tool} is not installed"
    );
    there
}

#[test]
fn functions_that_were_overwritten() {
    let built = artefacts().unwrap();
    let directory = directory(built, "patched");
    compile("gcc", built, "patched.c", &directory.join("patched"), &[]);
    run(built, &directory, &["./patched"]);
}

#[test]
fn functions_found_by_a_handle() {
    let built = artefacts().unwrap();
    let directory = directory(built, "handle");
    compile("gcc", built, "handle.c", &directory.join("handle"), &[]);
    run(built, &directory, &["./handle"]);
}

#[test]
fn ctypes() {
    if !has("python3") {
        return;
    }
    let built = artefacts().unwrap();
    let directory = directory(built, "ctypes");
    let script = "import ctypes; c = ctypes.CDLL('libc.so.6'); i = c.shmget(0, 4096, 0o600); print(i >= 0, c.shmctl(i, 0, None))";
    let printed = run(built, &directory, &["python3", "-c", script]);
    assert_eq!(printed.trim(), "True 0");
}

#[test]
fn plugins_that_prefer_the_c_library() {
    let built = artefacts().unwrap();
    let directory = directory(built, "deepbind");
    let plugins = directory.join("plugins");
    fs::create_dir_all(&plugins).unwrap();
    compile(
        "gcc",
        built,
        "plugin.c",
        &plugins.join("plugin.so"),
        &["-shared", "-fPIC"],
    );
    compile(
        "gcc",
        built,
        "deepbind.c",
        &directory.join("deepbind"),
        &["-Wl,-rpath,$ORIGIN/plugins"],
    );
    run(built, &directory, &["./deepbind"]);
}

const PHP: &str = r#"<?php
$key = 0x50480000 + getmypid() % 65536;
$memory = shmop_open($key, "n", 0600, 100) or exit(1);
shmop_write($memory, "hello", 0);
echo shmop_read($memory, 0, 5);
shmop_delete($memory);
$variables = shm_attach($key + 1, 10000, 0600) or exit(1);
shm_put_var($variables, 1, ["answer" => 42]);
echo shm_get_var($variables, 1)["answer"];
shm_remove($variables);
shm_detach($variables);
"#;

#[test]
fn php() {
    if !has("php") {
        return;
    }
    let built = artefacts().unwrap();
    let directory = directory(built, "php");
    fs::write(directory.join("memory.php"), PHP).unwrap();
    assert_eq!(run(built, &directory, &["php", "memory.php"]), "hello42");
}

#[test]
fn mpich() {
    if !has("mpicc.mpich") {
        return;
    }
    let built = artefacts().unwrap();
    let directory = directory(built, "mpich");
    compile(
        "mpicc.mpich",
        built,
        "messages.c",
        &directory.join("messages"),
        &[],
    );
    let printed = run(
        built,
        &directory,
        &["mpiexec.mpich", "-n", "2", "./messages"],
    );
    assert_eq!(printed.trim(), "2 processes, sum 524287");
}

/// What a process that is preloaded with the variables says on standard error.
fn said_with(variables: &[(&str, &str)]) -> String {
    let built = artefacts().unwrap();
    let place = directory(built, "variables");
    let mut command = Command::new("ipcmk");
    command
        .args(["-M", "4096"])
        .env("LD_PRELOAD", built.release.join("libpartage_preload.so"))
        .env("PARTAGE_DIR", place.join("namespace"))
        .envs(variables.iter().copied());
    let output = run_bounded(&mut command, &place.join("log"), BOUND)
        .unwrap()
        .expect_success();
    fs::remove_dir_all(place.join("namespace")).unwrap();
    output
}

#[test]
fn values_that_mean_nothing_are_said() {
    let wrong = [
        ("PARTAGE_SHMMAX", "lots"),
        ("PARTAGE_BACKEND", "both"),
        ("PARTAGE_SHMMNI", "40000"),
        ("PARTAGE_PATIENCE", "1000"),
    ];
    let silent = said_with(&wrong);
    assert!(!silent.contains("PARTAGE_"), "{silent}");
    let output = said_with(&[&wrong[..], &[("PARTAGE_LOG", "warn")]].concat());
    let said: Vec<&str> = output
        .lines()
        .filter(|line| line.contains("PARTAGE_"))
        .collect();
    let expected = [
        "PARTAGE_BACKEND=both",
        "PARTAGE_SHMMNI=40000",
        "PARTAGE_SHMMAX=lots",
    ];
    assert_eq!(said.len(), expected.len(), "{output}");
    for (line, value) in said.iter().zip(expected) {
        assert!(line.contains(&format!("{value} means nothing")), "{line}");
    }
}

/// `EINVAL` and `ENOENT` say too little of a name, and `PARTAGE_LOG` says the rest.
#[test]
fn names_that_are_none_are_explained() {
    if !has("python3") {
        return;
    }
    let built = artefacts().unwrap();
    let place = directory(built, "names");
    let program = "
import ctypes
library = ctypes.CDLL(None)
for name in b'a/b', b'', b'/x\\n/', b'/' + b'y' * 300:
    assert library.shm_open(name, 66, 0o600) == -1
    assert library.shm_unlink(name) == -1
assert library.shm_open(b'/not-there-%d' % __import__('os').getpid(), 0, 0) == -1
";
    let mut command = Command::new("python3");
    command
        .args(["-c", program])
        .env("LD_PRELOAD", built.release.join("libpartage_preload.so"))
        .env("PARTAGE_LOG", "debug");
    let output = run_bounded(&mut command, &place.join("log"), BOUND)
        .unwrap()
        .expect_success();
    let said: Vec<&str> = output
        .lines()
        .filter_map(|line| line.split_once("error: "))
        .map(|(_, said)| said)
        .collect();
    let slash = "has a slash inside: objects are in no directories";
    let none = "names no object: nothing is left without the slashes in front";
    let long = format!("`/{}` is longer than 255 bytes", "y".repeat(300));
    let expected = [
        format!("shm_open: `a/b` {slash}: EINVAL (22)"),
        format!("shm_unlink: `a/b` {slash}: ENOENT (2)"),
        format!("shm_open: `` {none}: EINVAL (22)"),
        format!("shm_unlink: `` {none}: ENOENT (2)"),
        format!("shm_open: `/x?/` {slash}: EINVAL (22)"),
        format!("shm_unlink: `/x?/` {slash}: ENOENT (2)"),
        format!("shm_open: {long}: EINVAL (22)"),
        format!("shm_unlink: {long}: ENOENT (2)"),
    ];
    assert_eq!(said, expected, "{output}");
}
