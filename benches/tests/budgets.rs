//! System calls are a cost that can be counted: no operation takes more than its budget.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use partage_bench::case;
use partage_bench::count::{self, Calls};
use partage_bench::surroundings::Surroundings;
use partage_bench::way::Way;
use partage_tests::artefacts::artefacts;
use partage_tests::sandbox::Sandbox;

/// A case, and how many system calls it may take at most: changes of the signal mask, and others.
struct Budget {
    case: &'static str,
    masks: u32,
    others: u32,
}

const fn budget(case: &'static str, masks: u32, others: u32) -> Budget {
    Budget {
        case,
        masks,
        others,
    }
}

/// Whoever may become another user, as root may, is asked each time who that is: one call more.
const BUDGETS: [Budget; 20] = [
    budget("shmget, no rights asked", 0, 0),
    budget("shmget, 0600, as a user", 0, 0),
    budget("shmget, 0600, as root", 0, 1),
    budget("IPC_STAT, as a user", 0, 0),
    budget("IPC_STAT, as root", 0, 1),
    // The lock file is looked at, opened and closed, and so is each member's lock.
    budget("IPC_STAT, 1 attached", 0, 1 + 3 + 1),
    budget("IPC_STAT, 16 attached", 0, 1 + 3 + 16),
    // open, mmap, close; munmap.
    budget("attach + detach, first, as a user", 4, 3 + 1),
    budget("attach + detach, first", 4, 1 + 3 + 1),
    // mremap; munmap.
    budget("attach + detach, again, as a user", 4, 1 + 1),
    budget("attach + detach, again", 4, 1 + 1 + 1),
    // Make and size the file, and once a second look for room; attach; detach; unlink. Root: who, four times.
    budget("life cycle, as a user", 8, 3 + 1 + 3 + 1 + 1),
    budget("life cycle", 8, 4 + 3 + 1 + 3 + 1 + 1),
    // What others do costs nothing.
    budget("shmget, 100 segments", 0, 0),
    budget("shmget, 100 members", 0, 0),
    budget("again, 100 segments", 4, 3),
    budget("again, 100 members", 4, 3),
    budget("life cycle, 100 members", 8, 13),
    budget("fork + exit, nothing attached", 2, 4),
    budget("fork + exit, 1 attachment", 4, 9),
];

#[test]
fn no_operation_takes_more_system_calls_than_its_budget() {
    let library = artefacts().expect("the build").shared_object();
    let namespace = Sandbox::enter().namespace_dir().expect("a namespace");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_partage-bench"));
    let surroundings = Surroundings::new(program, library, namespace).expect("namespaces");
    let mut exceeded = Vec::new();
    for budget in BUDGETS {
        let calls = count_case(budget.case, &surroundings);
        if calls.masks() > budget.masks || calls.others() > budget.others {
            exceeded.push(format!(
                "{}: {calls}; {} + {} masks allowed",
                budget.case, budget.others, budget.masks
            ));
        }
    }
    assert!(exceeded.is_empty(), "over budget:\n{}", exceeded.join("\n"));
}

fn count_case(name: &str, surroundings: &Surroundings) -> Calls {
    let case = case::named(name).expect(name);
    let mut worker = surroundings.worker(&case, Way::Partage, "traced");
    count::count(&mut worker).expect(name)
}
