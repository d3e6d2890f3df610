//! `partage check`: programs that are linked, preloaded, have the archive inside, or none of it; and processes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use partage_tests::artefacts::{Artefacts, artefacts, run_tool};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Uses shared memory, says so, and waits for the end of its input.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <sys/shm.h>
int main(void)
{
    int id = shmget(IPC_PRIVATE, 100, 0600);
    shmctl(id, IPC_RMID, 0);
    puts("ready");
    fflush(stdout);
    return getchar() == EOF ? 0 : 1;
}
"#;

/// The program, linked by `flags`.
fn program(built: &Artefacts, name: &str, flags: &[&str]) -> PathBuf {
    let directory = built.programs.join("check");
    fs::create_dir_all(&directory).unwrap();
    let (source, program) = (directory.join(format!("{name}.c")), directory.join(name));
    fs::write(&source, PROGRAM).unwrap();
    run_tool(
        Command::new("gcc")
            .arg("-o")
            .arg(&program)
            .arg(&source)
            .args(flags),
    )
    .unwrap();
    program
}

fn linked(built: &Artefacts) -> PathBuf {
    // By its soname, as an installed library is.
    let library = built.programs.join("lib/libpartage.so.0");
    program(built, "linked", &[library.to_str().unwrap()])
}

fn archive(built: &Artefacts, name: &str, more: &[&str]) -> PathBuf {
    let archive = built.release.join("libpartage.a");
    let mut flags = more.to_vec();
    flags.push(archive.to_str().unwrap());
    program(built, name, &flags)
}

/// What the command says with `library_path` in the environment, and its status.
fn check(built: &Artefacts, what: &str, library_path: Option<&Path>) -> (Option<i32>, String) {
    let mut command = Command::new(built.command());
    command.args(["check", what]).env_remove("LD_PRELOAD");
    command.env_remove("LD_LIBRARY_PATH");
    if let Some(path) = library_path {
        command.env("LD_LIBRARY_PATH", path);
    }
    ended(&mut command)
}

fn ended(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn programs() {
    let built = artefacts().unwrap();
    let says = |program: &Path, path: Option<&Path>, status: i32, words: &str| {
        let (code, said) = check(built, program.to_str().unwrap(), path);
        assert!(said.contains(words), "{words} is missing from {said}");
        assert_eq!(code, Some(status), "{said}");
    };
    let libraries = built.programs.join("lib");
    let plain = program(built, "plain", &[]);
    says(&plain, None, 1, "is not on partage\n");
    says(&plain, None, 1, "`partage run -- ");

    let linked = linked(built);
    let found = format!("is on partage {VERSION}: linked with ");
    says(&linked, Some(&libraries), 0, &found);
    says(&linked, None, 1, "the dynamic linker does not find");

    let inside = format!("is on partage {VERSION}: linked with the archive");
    let stripped = archive(built, "archive", &["-Wl,--gc-sections", "-s"]);
    says(&stripped, None, 0, &inside);
    let static_ = archive(built, "static", &["-static", "-s"]);
    says(&static_, None, 0, &inside);
    let without = program(built, "without", &["-static"]);
    says(&without, None, 1, "it is statically linked");

    // A script is its interpreter, and what is no program cannot be told.
    // Of what is no program it cannot be told, whatever the reason.
    for word in [
        "no-such-program-at-all",
        "/no/such/program",
        "/tmp",
        "/etc/passwd",
    ] {
        let (code, said) = check(built, word, None);
        assert_eq!(code, Some(2), "{word}: {said}");
    }
}

#[test]
fn an_environment_that_preloads() {
    let built = artefacts().unwrap();
    let plain = program(built, "preloaded", &[]);
    let mut command = Command::new(built.command());
    command
        .args(["run", "--private", "--"])
        .arg(built.command());
    let (code, said) = ended(command.arg("check").arg(plain));
    assert!(
        said.contains(&format!("is on partage {VERSION}: preloaded, ")),
        "{said}"
    );
    assert_eq!(code, Some(0));
}

/// A program that has used shared memory, and ends when this does.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Running(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn processes() {
    let built = artefacts().unwrap();
    let namespace = built.programs.join("check/namespace");
    fs::create_dir_all(&namespace).unwrap();
    let says = |command: &mut Command, status: i32, words: &str| {
        let running = Running::start(command.env("PARTAGE_DIR", &namespace));
        let (code, said) = check(built, &running.0.id().to_string(), None);
        assert!(said.contains(words), "{words} is missing from {said}");
        assert_eq!(code, Some(status), "{said}");
        if status == 0 {
            assert!(said.contains(namespace.to_str().unwrap()), "{said}");
        }
    };
    let plain = program(built, "runs", &[]);
    says(&mut Command::new(&plain), 1, "is not on partage\n");
    let mut run = Command::new(built.command());
    says(run.args(["run", "--"]).arg(&plain), 0, ": preloaded, ");
    let mut run = Command::new(linked(built));
    let libraries = built.programs.join("lib");
    says(run.env("LD_LIBRARY_PATH", libraries), 0, ": linked with /");
    let inside = archive(built, "runs-static", &["-static", "-s"]);
    says(&mut Command::new(inside), 0, ": linked with the archive");
    fs::remove_dir_all(namespace).unwrap();

    let (code, said) = check(built, "2147483647", None);
    assert_eq!(code, Some(2), "{said}");
}
