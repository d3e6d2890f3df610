//! Every program of `c_tests` built for musl: the same shared object preloaded, and the archive in programs without any
//! shared object.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use partage_tests::artefacts::{artefacts, run_tool};
use partage_tests::mode::Mode;
use partage_tests::suite::run_suite;

/// Builds the programs with musl's compiler; `false` if there is none, which with `PARTAGE_TEST_ALL` is a failure.
fn build(goal: &str) -> bool {
    let there = Command::new("musl-gcc").arg("--version").output().is_ok();
    if !there {
        assert!(
            std::env::var_os("PARTAGE_TEST_ALL").is_none(),
            "musl-gcc is not installed"
        );
        return false;
    }
    let built = artefacts().unwrap();
    run_tool(
        Command::new("make")
            .args(["--silent", "--no-print-directory", "-j2", "-C"])
            .arg(built.root.join("c_tests"))
            .args([
                "CC=musl-gcc",
                "FOLDERS=sysv posix process abi deviations",
                goal,
            ])
            .arg(format!("OUT={}", built.programs.join("musl").display()))
            .arg(format!("LIB={}", built.release.display())),
    )
    .unwrap();
    true
}

fn run(mode: Mode, goal: &str) {
    if !build(goal) {
        return;
    }
    if let Err(failures) = run_suite(mode) {
        panic!("{}: {failures}", mode.name());
    }
}

#[test]
fn preloaded() {
    run(Mode::MuslPreload, "plain");
}

#[test]
fn linked_statically() {
    run(Mode::MuslStatic, "static");
}
