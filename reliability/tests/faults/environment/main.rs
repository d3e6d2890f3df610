//! Surroundings in which files, descriptors or memory cannot be had: the right errno, nothing left half-made, and all is
//! well once the fault is gone. See `docs/reliability.md`.
//!
//! What needs mounts is done by root in a mount namespace of its own, and skipped otherwise.

mod boot;
mod limits;
mod places;
mod space;

use partage_reliability::calls;
use partage_reliability::examine;
use partage_reliability::preload::{self, Directory};
use partage_reliability::report::Report;
use partage_reliability::steady::in_child;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

type Findings = Vec<String>;
/// A fault, what it needs, and what it finds in an empty directory.
type Check = (&'static str, Needs, fn(&Path) -> Findings);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Mounts,
}

/// A finding that begins like this says why something was not tried.
const SKIPPED: &str = "skipped: ";

fn main() -> ExitCode {
    preload::main("environment", |_| {
        let mut report = Report::default();
        let checks: [Check; 14] = [
            ("no descriptor", Needs::Nothing, limits::no_descriptor),
            ("few descriptors", Needs::Nothing, limits::few_descriptors),
            ("address space", Needs::Nothing, limits::address_space),
            ("file size", Needs::Nothing, limits::file_size),
            (
                "file size, a larger registry",
                Needs::Nothing,
                limits::file_size_of_registry,
            ),
            ("small file system", Needs::Mounts, space::small),
            ("full file system", Needs::Mounts, space::full),
            (
                "full file system, a larger registry",
                Needs::Mounts,
                space::registry_grows,
            ),
            ("few inodes", Needs::Mounts, space::few_inodes),
            ("no /dev/shm", Needs::Mounts, places::no_dev_shm),
            ("read-only file system", Needs::Mounts, places::read_only),
            (
                "read-only directory",
                Needs::Mounts,
                places::directory_without_write,
            ),
            ("overlayfs", Needs::Mounts, places::overlay),
            ("another boot", Needs::Mounts, boot::another),
        ];
        let mut tried = 0;
        for (name, needs, check) in checks {
            let findings = in_surroundings(needs, check);
            match findings.iter().find(|finding| finding.starts_with(SKIPPED)) {
                Some(reason) => println!("{name}: {reason}"),
                None => tried += 1,
            }
            for finding in findings
                .iter()
                .filter(|finding| !finding.starts_with(SKIPPED))
            {
                report.finding(format!("{name}: {finding}"));
            }
        }
        report.end(
            "environment",
            &format!("{tried} of {} faults", checks.len()),
        )
    })
}

/// Runs a check in a child with an empty directory; with mounts of its own where it needs them.
fn in_surroundings(needs: Needs, check: fn(&Path) -> Findings) -> Findings {
    let directory = match Directory::new_in(Path::new("/tmp"), "environment") {
        Ok(directory) => directory,
        Err(error) => return vec![error.to_string()],
    };
    in_child(|| {
        if needs == Needs::Mounts
            && let Err(error) = own_mounts()
        {
            return vec![format!("{SKIPPED}mounts of its own: {error}")];
        }
        check(directory.path())
    })
}

fn done(result: i32) -> std::io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

fn own_mounts() -> std::io::Result<()> {
    // SAFETY: a plain number.
    done(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    mount(
        "none",
        Path::new("/"),
        "",
        libc::MS_REC | libc::MS_PRIVATE,
        "",
    )
}

/// mount(2).
fn mount(source: &str, target: &Path, kind: &str, flags: u64, data: &str) -> std::io::Result<()> {
    let [source, kind, data] =
        [source, kind, data].map(|text| CString::new(text).unwrap_or_default());
    let target = CString::new(target.as_os_str().as_bytes()).unwrap_or_default();
    // SAFETY: strings that outlive the call.
    done(unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            data.as_ptr().cast(),
        )
    })
}

/// The check cannot go on: its process ends without having said that it found nothing.
fn give_up(what: &str, error: &std::io::Error) {
    eprintln!("{what}: {error}");
    std::process::exit(1);
}

fn mount_tmpfs(place: &Path, options: &str) {
    mount("none", place, "tmpfs", 0, options).unwrap_or_else(|error| give_up("mount", &error));
}

fn remount(place: &Path, flags: u64, options: &str) {
    mount("none", place, "tmpfs", libc::MS_REMOUNT | flags, options)
        .unwrap_or_else(|error| give_up("remount", &error));
}

/// What a new process finds whose namespace is `place`.
fn with_namespace(place: &Path, look: impl FnOnce() -> Findings) -> Findings {
    in_child(|| {
        // SAFETY: this program has one thread.
        unsafe { std::env::set_var("PARTAGE_DIR", place) };
        look()
    })
}

/// `Ok` or the name of what a new process gets that makes a segment.
fn first_call(place: &Path) -> Result<(), i32> {
    let answer = with_namespace(place, || {
        let made = calls::get(libc::IPC_PRIVATE, 8192, 0o600).and_then(calls::remove);
        vec![made.err().unwrap_or(0).to_string()]
    });
    match answer.concat().parse() {
        Ok(0) => Ok(()),
        Ok(errno) => Err(errno),
        Err(_) => Err(-1),
    }
}

/// A finding unless two values are the same.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, right: T) -> Findings {
    if got == right {
        Vec::new()
    } else {
        vec![format!("{what}: {got:?}, not {right:?}")]
    }
}

/// Names of all that lies in a directory.
fn names(place: &Path) -> Vec<String> {
    let entries = place.read_dir().into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Every call works, counts are exact through fork and SIGKILL, and there is nothing in the namespace that should not be.
fn works(place: &Path) -> Findings {
    let mut findings = with_namespace(place, || {
        life_cycle().map_or_else(
            |errno| vec![format!("a call fails: errno {errno}")],
            |counts| {
                same(
                    "counts with a child, after its death, at the end",
                    counts,
                    [2, 1, 0],
                )
            },
        )
    });
    findings.extend(examine::namespace(place));
    findings
}

/// nattch with an attachment inherited by a child, after that was killed, and after the detach.
fn life_cycle() -> calls::Result<[u64; 3]> {
    let id = calls::get(libc::IPC_PRIVATE, 8192, 0o600)?;
    let address = calls::attach(id, 0)?;
    // SAFETY: this program has one thread; the child waits to be killed.
    let child = unsafe { libc::fork() };
    if child == 0 {
        loop {
            // SAFETY: no arguments.
            unsafe { libc::pause() };
        }
    }
    let with_child = calls::stat(id)?.shm_nattch;
    // SAFETY: the process is a child of ours that nobody has waited for.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
    let without = calls::stat(id)?.shm_nattch;
    calls::set_mode(id, 0o640)?;
    calls::detach(address)?;
    let at_end = calls::stat(id)?.shm_nattch;
    calls::remove(id)?;
    Ok([with_child, without, at_end])
}
