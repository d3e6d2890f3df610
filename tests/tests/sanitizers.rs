//! The C suite under AddressSanitizer, ThreadSanitizer and valgrind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use partage_tests::instrument::{Tool, Way};
use partage_tests::mode::Mode;
use partage_tests::suite::run_suite_where;

/// Handlers that call the library.
const LATE: &str =
    "the tool runs handlers late: in the library's calls of memmove, where signals are blocked";

const NO_CLONE: &str =
    "the tool has no state for such a child; fails on the kernel's own calls too";

/// Programs that count or forbid what a process does, of which the tool does most.
const COUNTED: &[&str] = &["process/costs", "process/trapped_calls"];

/// Programs that leave a process no address space, of which the tools take terabytes.
const NO_SPACE: &[&str] = &[
    "process/fork_outlived",
    "process/out_of_reach",
    "process/out_of_reach_lookup",
    "sysv/attach_limits",
    "sysv/detach_without_room",
    "sysv/replace_fails",
];

const COUNTS: &str = "counts or forbids system calls and instructions, the tool's own among them";

/// Programs that a tool cannot run, and why.
const LEFT_OUT: &[(Tool, &str, &[&str])] = &[
    (
        Tool::Address,
        "limits its address space, of which the tool takes terabytes",
        NO_SPACE,
    ),
    (
        Tool::Thread,
        "limits its address space, of which the tool takes terabytes",
        NO_SPACE,
    ),
    (
        Tool::Valgrind,
        "limits its address space, of which the tool takes a part",
        &[
            "process/fork_outlived",
            "process/out_of_reach",
            "process/out_of_reach_lookup",
            "sysv/detach_without_room",
            "sysv/replace_fails",
        ],
    ),
    (Tool::Address, COUNTS, COUNTED),
    (Tool::Thread, COUNTS, COUNTED),
    (Tool::Valgrind, COUNTS, COUNTED),
    (
        Tool::Thread,
        LATE,
        &[
            "sysv/signals_arriving",
            "process/signal_storm",
            "process/signal_handler",
            "process/signal_jumps_counted",
            "process/signal_storm_one_segment",
        ],
    ),
    (
        Tool::Thread,
        "the tool does not see an attachment end, and takes the next one at its address for the same memory",
        &["process/cancelled_threads"],
    ),
    (
        Tool::Thread,
        NO_CLONE,
        &[
            "process/clone_vm",
            "process/clone_vm_killed",
            "process/raw_clone_calls",
            "deviations/clone_vm_pid",
        ],
    ),
    (
        Tool::Thread,
        "the tool makes a fork of vfork, and refuses an address by itself; on the kernel's own calls too",
        &["process/vfork", "posix/map_arguments"],
    ),
    (
        Tool::Thread,
        "starts a shell, which is not built for the tool and crashes with it preloaded",
        &["process/spawned"],
    ),
    (
        Tool::Valgrind,
        NO_CLONE,
        &[
            "process/clone_vm",
            "process/clone_vm_killed",
            "process/raw_clone_calls",
            "deviations/clone_vm_pid",
        ],
    ),
    (
        Tool::Valgrind,
        "the tool makes a fork of vfork",
        &["process/vfork"],
    ),
    (
        Tool::Valgrind,
        "starts /proc/self/exe, which is the tool",
        &[
            "deviations/id_zero",
            "deviations/limits_from_environment",
            "posix/descriptor_exec",
            "posix/names_first",
            "process/another_boot",
            "process/environment_id",
            "process/exec",
            "process/other_mounts",
            "process/overlay",
            "process/spawned",
            "process/strangers",
            "sysv/control_info",
            "sysv/control_stat_index",
            "sysv/ids",
            "sysv/keys",
            "sysv/limit_races",
            "sysv/limit_shmall",
            "sysv/limit_shmmax",
            "sysv/limit_shmmni",
            "sysv/rmid_forced",
        ],
    ),
    (
        Tool::Valgrind,
        "the tool answers by itself, with another errno, where mappings may not lie or have no room",
        &[
            "posix/map_arguments",
            "sysv/attach_failures",
            "sysv/attach_order",
            "sysv/get_create",
            "sysv/mremap_attachment",
            "sysv/munmap_whole",
        ],
    ),
    (
        Tool::Valgrind,
        "counts on what lies beside an attachment, where the tool has its own",
        &["process/fork_dontfork", "sysv/attach_memory"],
    ),
    (
        Tool::Valgrind,
        "the tool has another limit of descriptors than the program sets",
        &["deviations/descriptor_limit", "posix/descriptor_limit"],
    ),
    (
        Tool::Valgrind,
        "the tool does not know the call by which the program waits",
        &["process/daemon"],
    ),
    (
        Tool::Valgrind,
        "passes pointers that cannot be read or written, which is what the tool reports, or dies of",
        &["posix/name_pointer", "sysv/control_fault"],
    ),
    (
        Tool::Valgrind,
        "more mappings than the tool can remember",
        &["sysv/attach_map_count"],
    ),
    (
        Tool::Valgrind,
        "threads run one at a time and may keep a lock that others want for ever: those that fork do not get on",
        &["process/fork_in_threads"],
    ),
    (
        Tool::Valgrind,
        "does not come to its end with the tool in the time there is; not looked into",
        &["process/client_postgresql"],
    ),
];

fn run_where(tool: Tool, way: Way, is_wanted: impl Fn(&str) -> bool) {
    let mode = Mode::Watched(tool, way);
    let is_left_out = |program: &str| {
        LEFT_OUT
            .iter()
            .any(|(other, _, programs)| *other == tool && programs.contains(&program))
    };
    if let Err(failures) =
        run_suite_where(mode, |program| is_wanted(program) && !is_left_out(program))
    {
        panic!("{}: {failures}", mode.name());
    }
}

fn run(tool: Tool, way: Way) {
    for (_, reason, programs) in LEFT_OUT.iter().filter(|(other, _, _)| *other == tool) {
        eprintln!("left out: {}: {reason}", programs.join(", "));
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
