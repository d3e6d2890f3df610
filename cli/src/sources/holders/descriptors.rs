//! Regular files that a process has open.

use super::traces::{Seen, Traces};
use super::{FileId, Hold};
use crate::sources::process;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// The files open in a process, looked at as `who`, and in those of its threads that have tables
/// of descriptors of their own.
pub(super) fn of(
    pid: i32,
    who: &str,
    traces: &mut HashMap<FileId, Traces>,
    here: Option<u64>,
) -> io::Result<Vec<(FileId, Hold)>> {
    let mut found = HashMap::new();
    // The reason is worth having: a directory that is closed to us is not empty.
    fs::read_dir(format!("/proc/{who}/fd"))?;
    add_table(pid, who, &mut found, (traces, here));
    let threads = process::threads(pid);
    if threads.len() > 1 {
        let first = who
            .rsplit('/')
            .next()
            .and_then(|number| number.parse().ok());
        let first = first.unwrap_or(pid);
        for thread in threads.into_iter().filter(|thread| *thread != first) {
            if !process::share_descriptors(first, thread) {
                add_table(
                    pid,
                    &format!("{pid}/task/{thread}"),
                    &mut found,
                    (traces, here),
                );
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// One entry for each file, however often it is open.
fn add_table(
    pid: i32,
    who: &str,
    found: &mut HashMap<FileId, Hold>,
    (traces, here): (&mut HashMap<FileId, Traces>, Option<u64>),
) {
    for descriptor in process::numbers_in(&format!("/proc/{who}/fd")) {
        let link = format!("/proc/{who}/fd/{descriptor}");
        let Ok(path) = fs::read_link(&link) else {
            continue;
        };
        let path = path.as_os_str().as_bytes();
        // Sockets, pipes and the like have names without a slash; most devices are in /dev.
        if !path.starts_with(b"/") || is_device(path) {
            continue;
        }
        let Some(data) = fs::metadata(&link).ok().filter(fs::Metadata::is_file) else {
            continue;
        };
        let file = FileId::of(&data);
        let seen = Seen {
            who,
            path,
            link: &link,
        };
        Traces::note_descriptor(traces, file, seen, &data, here);
        let (read_only, locked) = flags(&format!("/proc/{who}/fdinfo/{descriptor}"));
        let hold = found.entry(file).or_insert(Hold {
            pid,
            address: 0,
            read_only,
            mappings: 0,
            descriptor: Some(descriptor),
            locked,
            private: false,
        });
        hold.read_only &= read_only;
        hold.locked |= locked;
    }
}

fn is_device(path: &[u8]) -> bool {
    path.starts_with(b"/dev/") && !path.starts_with(b"/dev/shm/") && !path.ends_with(b" (deleted)")
}

/// Whether the descriptor is for reading only, and whether there is a lock by it.
fn flags(info: &str) -> (bool, bool) {
    let text = fs::read_to_string(info).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
    let read_only = flags.is_some_and(|flags| flags & libc::O_ACCMODE == libc::O_RDONLY);
    (
        read_only,
        text.lines().any(|line| line.starts_with("lock:")),
    )
}
