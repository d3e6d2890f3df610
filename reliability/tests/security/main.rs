//! What another user can plant, and what that does; see `docs/security.md`. Needs root, to be two users.

use partage_reliability::calls;
use partage_reliability::preload::{self, Directory};
use partage_reliability::report::Report;
use partage_reliability::steady::in_child;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

const STRANGER: u32 = 54_321;
/// Asks a program that runs with more rights than who started it which directory it would use.
const ASK: &str = "PARTAGE_SECURITY_ASK";

/// An attack, and what it finds.
type Check = (&'static str, fn(&Path) -> Vec<String>);

fn main() -> ExitCode {
    if std::env::var_os(ASK).is_some() {
        let _ = partage_core::inspect::with_default_directory(|path| {
            println!("{}", String::from_utf8_lossy(path))
        });
        return ExitCode::SUCCESS;
    }
    // SAFETY: no arguments.
    if unsafe { libc::geteuid() } != 0 {
        println!("security: skipped, needs root");
        return ExitCode::SUCCESS;
    }
    preload::main("security", |directory| {
        let mut report = Report::default();
        let checks: [Check; 5] = [
            ("modes and owners", modes),
            ("a directory that a stranger made", squatted),
            ("a link in the place of the directory", linked_directory),
            ("a link in the place of the registry", linked_registry),
            ("a program with more rights", privileged_start),
        ];
        for (name, check) in checks {
            for finding in check(directory) {
                report.finding(format!("{name}: {finding}"));
            }
        }
        report.end("security", &format!("{} attacks", checks.len()))
    })
}

/// Makes a segment in a child whose namespace is `place`; what shmget answers.
fn create_in(place: &Path) -> String {
    let answers = in_child(|| {
        // SAFETY: this program has one thread.
        unsafe { std::env::set_var("PARTAGE_DIR", place) };
        vec![format!(
            "{:?}",
            calls::get(libc::IPC_PRIVATE, 8192, 0o640).map(drop)
        )]
    });
    answers.concat()
}

fn expect(answer: &str, allowed: &[i32]) -> Option<String> {
    let is_right = allowed
        .iter()
        .any(|errno| answer == format!("Err({errno})"));
    (!is_right).then(|| format!("shmget answered {answer}"))
}

fn modes(directory: &Path) -> Vec<String> {
    let place = directory.join("new");
    let mut findings: Vec<String> = (create_in(&place) != "Ok(())")
        .then(|| "cannot create".to_owned())
        .into_iter()
        .collect();
    let mut check = |path: &Path, right: u32| match path.metadata() {
        Ok(status) if status.mode() & 0o7777 == right && status.uid() == 0 => {}
        other => findings.push(format!(
            "{}: {:?}, not mode {right:o}",
            path.display(),
            other.map(|status| status.mode())
        )),
    };
    check(&place, 0o711);
    for entry in place.read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Lock files are for every process that drops privileges; their names cannot be guessed or listed.
        let right = if name == "registry" {
            0o600
        } else if name.starts_with("members-") {
            0o666
        } else {
            0o640
        };
        check(&entry.path(), right);
    }
    findings
}

/// A parent where anybody can make directories.
fn open_parent(directory: &Path, name: &str) -> std::path::PathBuf {
    let parent = directory.join(name);
    let _ = fs::create_dir(&parent);
    let _ = fs::set_permissions(&parent, fs::Permissions::from_mode(0o1777));
    parent
}

fn squatted(directory: &Path) -> Vec<String> {
    let place = open_parent(directory, "squatted").join("partage-0");
    let _ = fs::create_dir(&place).and_then(|()| chown(&place, Some(STRANGER), Some(STRANGER)));
    expect(&create_in(&place), &[libc::EACCES])
        .into_iter()
        .collect()
}

fn linked_directory(directory: &Path) -> Vec<String> {
    let parent = open_parent(directory, "linked");
    let (victim, place) = (parent.join("victim"), parent.join("partage-0"));
    let _ = fs::create_dir(&victim).and_then(|()| symlink(&victim, &place));
    let mut findings: Vec<String> = expect(&create_in(&place), &[libc::ELOOP, libc::ENOTDIR])
        .into_iter()
        .collect();
    if victim
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        findings.push("something was made behind the link".to_owned());
    }
    findings
}

fn linked_registry(directory: &Path) -> Vec<String> {
    let place = open_parent(directory, "planted");
    let victim = directory.join("precious");
    let _ = fs::write(&victim, vec![7; 1 << 20])
        .and_then(|()| symlink(&victim, place.join("registry")));
    let mut findings: Vec<String> = expect(&create_in(&place), &[libc::ELOOP])
        .into_iter()
        .collect();
    if fs::read(&victim).is_ok_and(|bytes| bytes != vec![7; 1 << 20]) {
        findings.push("the file behind the link was changed".to_owned());
    }
    findings
}

/// This program with the set-user-ID bit, started by a stranger who sets every variable.
fn privileged_start(directory: &Path) -> Vec<String> {
    let Ok(home) = Directory::new_in(Path::new("/tmp"), "security") else {
        return vec!["no directory".to_owned()];
    };
    let program = home.path().join("program");
    let copied = std::env::current_exe().and_then(|exe| fs::copy(exe, &program));
    let _ = copied.and_then(|_| fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)));
    let asked = Command::new(&program)
        .env_clear()
        .env(ASK, "1")
        .env("PARTAGE_DIR", directory)
        .env("TMPDIR", directory)
        .env("XDG_RUNTIME_DIR", directory)
        .uid(STRANGER)
        .gid(STRANGER)
        .output();
    match asked {
        Ok(output)
            if !String::from_utf8_lossy(&output.stdout).contains("partage-test")
                && output.status.success() =>
        {
            Vec::new()
        }
        other => vec![format!("it would use what the environment says: {other:?}")],
    }
}
