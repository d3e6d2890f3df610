//! The C suite under AddressSanitizer, ThreadSanitizer and valgrind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use partage_tests::instrument::{Tool, Way};
use partage_tests::suite::{Mode, run_suite_where};

/// Handlers that call the library.
const LATE: &str =
    "the tool runs handlers late: in the library's calls of memmove, where signals are blocked";

/// Programs that a tool cannot run, and why.
const LEFT_OUT: &[(Tool, &str, &str)] = &[
    (
        Tool::Address,
        "sysv/attach_limits",
        "limits its address space, of which the tool takes terabytes",
    ),
    (
        Tool::Thread,
        "sysv/attach_limits",
        "limits its address space, of which the tool takes terabytes",
    ),
    (Tool::Thread, "sysv/signals_arriving", LATE),
    (Tool::Thread, "process/signal_storm", LATE),
    (
        Tool::Thread,
        "process/cancelled_threads",
        "the tool does not see an attachment end, and takes the next one at its address for the same memory",
    ),
    (Tool::Thread, "process/signal_handler", LATE),
    (
        Tool::Thread,
        "process/vfork",
        "the tool makes a fork of it; fails on the kernel's own calls too",
    ),
    (
        Tool::Thread,
        "process/clone_vm",
        "the tool has no state for such a child, which it crashes; on the kernel's own calls too",
    ),
    (
        Tool::Thread,
        "deviations/clone_vm_pid",
        "the tool has no state for such a child, which it crashes; on the kernel's own calls too",
    ),
    (
        Tool::Thread,
        "posix/map_arguments",
        "the tool refuses an address by itself; on the kernel's own calls too",
    ),
    (
        Tool::Thread,
        "process/spawned",
        "starts a shell, which is not built for the tool and crashes with it preloaded",
    ),
];

fn run_where(tool: Tool, way: Way, is_wanted: impl Fn(&str) -> bool) {
    let mode = Mode::Watched(tool, way);
    let is_left_out = |program: &str| {
        LEFT_OUT
            .iter()
            .any(|(other, name, _)| *other == tool && *name == program)
    };
    if let Err(failures) =
        run_suite_where(mode, |program| is_wanted(program) && !is_left_out(program))
    {
        panic!("{}: {failures}", mode.name());
    }
}

fn run(tool: Tool, way: Way) {
    for (_, program, reason) in LEFT_OUT.iter().filter(|(other, _, _)| *other == tool) {
        eprintln!("left out: {program}: {reason}");
    }
    run_where(tool, way, |_| true);
}

#[test]
#[ignore = "long"]
fn address_linked() {
    run(Tool::Address, Way::Linked);
}

#[test]
#[ignore = "long"]
fn address_preloaded() {
    run(Tool::Address, Way::Preloaded);
}

#[test]
#[ignore = "long"]
fn threads_linked() {
    run(Tool::Thread, Way::Linked);
}

#[test]
#[ignore = "long"]
fn threads_preloaded() {
    run(Tool::Thread, Way::Preloaded);
}

#[test]
#[ignore = "long"]
fn valgrind_linked() {
    run(Tool::Valgrind, Way::Linked);
}

#[test]
#[ignore = "long"]
fn valgrind_preloaded() {
    run(Tool::Valgrind, Way::Preloaded);
}

/// A few programs of each kind.
const SAMPLE: [&str; 4] = [
    "sysv/attach_fields",
    "sysv/control_set",
    "process/fork",
    "posix/open_new",
];

#[test]
fn a_sample_of_each() {
    let is_wanted = |program: &str| SAMPLE.contains(&program);
    for tool in [Tool::Address, Tool::Thread, Tool::Valgrind] {
        for way in [Way::Linked, Way::Preloaded] {
            run_where(tool, way, is_wanted);
        }
    }
}
