//! The library under proot: the C suite preloaded, beside the same programs on the kernel's calls. Where a program fails under
//! proot in the same words without the library, that is proot's. Termux's proot comes with a kit, see `src/bionic.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use partage_tests::mode::Mode;
use partage_tests::proot::Proot;
use partage_tests::suite::run_suite_where;

/// What proot could get wrong: who is a child, who has ended, whose memory it is. The rest of the suite is not run: a fake root
/// changes to no other user, and signals by the thousand take proot too long.
const CONCERNED: [&str; 18] = [
    "process/at_exit",
    "process/client_postgresql",
    "process/daemon",
    "process/descriptors_closed",
    "process/ended",
    "process/exec",
    "process/fork",
    "process/fork_many",
    "process/fork_nested",
    "process/fork_removed",
    "process/key_race",
    "process/last_user_killed",
    "process/raw_clone",
    "process/spawned",
    "process/strangers",
    "process/vfork",
    "sysv/munmap_whole",
    "sysv/removal",
];

fn suite(proot: Proot) {
    if proot.program().is_none() {
        let wanted = std::env::var_os("PARTAGE_TEST_ALL").is_some();
        let is_kits = matches!(proot, Proot::Termux | Proot::TermuxLinks);
        assert!(!wanted || is_kits, "proot is not installed");
        eprintln!("skipped: no {}", proot.name());
        return;
    }
    if let Err(failures) = run_suite_where(Mode::Proot(proot, true), |program| {
        CONCERNED.contains(&program)
    }) {
        panic!("{}: {failures}", proot.name());
    }
}

#[test]
fn debians() {
    suite(Proot::Debian);
}

#[test]
fn debians_with_a_fake_root() {
    suite(Proot::DebianRoot);
}

#[test]
fn termuxs() {
    suite(Proot::Termux);
}

#[test]
fn termuxs_with_a_fake_root_and_copies_for_links() {
    suite(Proot::TermuxLinks);
}
