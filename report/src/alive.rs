//! Processes that run, as /proc tells. The main thread of a process can end before the others; what stands below its number
//! is empty from then on, and stands below theirs.

use std::fs;
use std::path::PathBuf;

/// The directory of a process in /proc: that of a thread which lives, if its main thread does not.
#[must_use]
pub fn directory(pid: u32) -> PathBuf {
    let own = PathBuf::from(format!("/proc/{pid}"));
    if state(&own).is_none_or(lives) {
        return own;
    }
    let threads = fs::read_dir(own.join("task")).into_iter().flatten();
    let mut directories = threads.flatten().map(|entry| entry.path());
    let living = directories.find(|directory| state(directory).is_some_and(lives));
    living.unwrap_or(own)
}

/// Whether a process has a thread that has not ended, be it waited for or not.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    state(&directory(pid)).is_some_and(lives)
}

/// The address space of a process as /proc tells it; empty if that may not be read. Paths in it can have any bytes.
#[must_use]
pub fn maps(pid: u32) -> Vec<u8> {
    let plain = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    if !plain.is_empty() {
        return plain;
    }
    fs::read(directory(pid).join("maps")).unwrap_or_default()
}

fn state(directory: &std::path::Path) -> Option<u8> {
    let stat = fs::read(directory.join("stat")).ok()?;
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(name_end + 2).copied()
}

fn lives(state: u8) -> bool {
    !b"ZX".contains(&state)
}
