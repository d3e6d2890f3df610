//! The C suite on aarch64: cross-compiled, linked to the archive, and run by qemu's user-mode emulator.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::Command;

use partage_tests::artefacts::{artefacts, run_tool};
use partage_tests::suite::{Mode, run_suite_without};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const COMPILER: &str = "aarch64-linux-gnu-gcc";

/// Programs that need of the system what the emulator does not do.
const NOT_EMULATED: [&str; 38] = [
    // execve of a program for another processor.
    "deviations/id_zero",
    "deviations/limits_from_environment",
    "posix/descriptor_exec",
    "posix/program",
    "process/environment_id",
    "process/exec",
    "process/spawned",
    "process/strangers",
    "sysv/control_info",
    "sysv/control_stat_index",
    "sysv/ids",
    "sysv/inherited_namespace",
    "sysv/keys",
    "sysv/limit_shmall",
    "sysv/limit_shmmax",
    "sysv/limit_shmmni",
    "sysv/rmid_forced",
    // madvise(2) is accepted and not done: children inherit what they should not, and are not told apart.
    "process/client_postgresql",
    "process/daemon",
    "process/fork_dontfork",
    "process/raw_clone",
    "sysv/advice",
    // clone(2) with shared memory, vfork(2) as such, and signals blocked across fork(2).
    "deviations/clone_vm_pid",
    "process/clone_vm",
    "process/fork_signal_mask",
    "process/vfork",
    // Addresses: what is mapped is asked for, and answered, otherwise; there is no room for 64 GB.
    "posix/map_arguments",
    "sysv/attach_failures",
    "sysv/attach_fixed",
    "sysv/attach_limits",
    "sysv/attach_maps_line",
    "sysv/attach_order",
    "sysv/get_create",
    "sysv/mremap_attachment",
    "sysv/munmap_whole",
    // Seals, and flags of open descriptors.
    "posix/descriptor",
    "posix/open_flags",
    "posix/open_new",
];

fn build(root: &Path, target: &Path) {
    run_tool(
        Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "-p", "partage"])
            .args(["--target", TARGET, "--target-dir"])
            .arg(target)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", COMPILER)
            .current_dir(root),
    )
    .unwrap();
    run_tool(
        Command::new("make")
            .args(["--silent", "--no-print-directory", "-j2", "-C"])
            .arg(root.join("c_tests"))
            .arg(format!("CC={COMPILER}"))
            .args(["CFLAGS=-O1 -static", "static"])
            .arg("FOLDERS=sysv posix process abi deviations")
            .arg(format!("OUT={}/c_tests/aarch64", target.display()))
            .arg(format!("LIB={}/{TARGET}/release", target.display())),
    )
    .unwrap();
}

#[test]
#[ignore = "needs a cross compiler and an emulator: make test-aarch64"]
fn aarch64() {
    let built = artefacts().unwrap();
    build(&built.root, built.programs.parent().unwrap());
    if let Err(failures) = run_suite_without(Mode::Aarch64, &NOT_EMULATED) {
        panic!("aarch64: {failures}");
    }
}
