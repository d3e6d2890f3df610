//! What another user can plant, and what that does; see `docs/security.md`. Needs root, to be two users.

mod modes;
mod planted;
mod privileged;

use partage_reliability::calls;
use partage_reliability::preload;
use partage_reliability::report::Report;
use partage_reliability::steady::in_child;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Findings = Vec<String>;
/// An attack, and what it finds in a directory.
type Check = (&'static str, fn(&Path) -> Findings);

/// Plants.
const STRANGER: u32 = 54_321;
/// Uses the library.
const USER: u32 = 54_323;

fn main() -> ExitCode {
    if let Some(code) = privileged::answer() {
        return code;
    }
    // SAFETY: no arguments.
    if unsafe { libc::geteuid() } != 0 {
        println!("security: skipped, needs root");
        return ExitCode::SUCCESS;
    }
    preload::main("security", |directory| {
        let mut report = Report::default();
        let checks: [Check; 16] = [
            ("modes and owners under umasks", modes::under_umasks),
            ("a directory whose maker died", modes::half_made),
            ("posix/ whose maker died", modes::half_made_posix),
            ("a directory that a stranger made", planted::directory),
            (
                "a link in the place of the directory",
                planted::linked_directory,
            ),
            (
                "a link in the place of the registry",
                planted::linked_registry,
            ),
            (
                "a hard link in the place of the registry",
                planted::hard_linked_registry,
            ),
            ("links in the place of a lock file", planted::lock_file),
            (
                "files in the place of the next segment's",
                planted::next_segment,
            ),
            ("links in the place of a segment's file", planted::segment),
            ("a second name for a segment's file", planted::second_name),
            ("a link in the place of posix/", planted::linked_posix),
            ("posix/ that a stranger made", planted::strangers_posix),
            ("temporary names", planted::temporary_names),
            ("a set-user-ID program", privileged::set_user_id),
            ("a program with file capabilities", privileged::capabilities),
        ];
        for (name, check) in checks {
            let place = directory.join(format!("attack-{}", name.replace(['/', ' '], "-")));
            let findings = match open_to_all(&place) {
                Ok(()) => in_child(|| check(&place)),
                Err(error) => vec![error.to_string()],
            };
            for finding in findings {
                report.finding(format!("{name}: {finding}"));
            }
        }
        report.end("security", &format!("{} attacks", checks.len()))
    })
}

/// A directory where anybody can make files.
fn open_to_all(place: &Path) -> std::io::Result<()> {
    fs::create_dir(place)?;
    fs::set_permissions(place, fs::Permissions::from_mode(0o1777))
}

/// What a new process finds that is `user` and whose namespace is `place`.
fn as_user(user: u32, place: &Path, look: impl FnOnce() -> Findings) -> Findings {
    in_child(|| {
        // SAFETY: plain numbers; this program has one thread.
        unsafe {
            std::env::set_var("PARTAGE_DIR", place);
            if user != 0 {
                libc::setgroups(0, std::ptr::null());
                libc::setresgid(user, user, user);
                libc::setresuid(user, user, user);
            }
        }
        look()
    })
}

/// What a user gets who makes a segment: 0 or an errno; -1 when his process died.
fn create_as(user: u32, place: &Path) -> i32 {
    let answer = as_user(user, place, || {
        let made = calls::get(libc::IPC_PRIVATE, 8192, 0o640);
        vec![made.err().unwrap_or(0).to_string()]
    });
    answer.concat().parse().unwrap_or(-1)
}

/// A finding unless the value is one of those.
fn one_of(what: &str, got: i32, right: &[i32]) -> Findings {
    if right.contains(&got) {
        Vec::new()
    } else {
        vec![format!("{what} answered {got}, not one of {right:?}")]
    }
}

/// Files in a directory whose name begins like this.
fn files(place: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = place.read_dir().into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
