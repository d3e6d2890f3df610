//! Calls with paths: which of them lead to shared memory. What the path itself does not tell is told by the directory
//! where it begins, or afterwards by the descriptor.

use super::stop;
use partage_trace_format::Call;
use partage_trace_format::payload::NAME_MAX;
use std::fs;
use std::os::unix::ffi::OsStrExt;

const DEV_SHM: &[u8] = b"/dev/shm/";

/// A call that begins: its arguments as a record has them, and its names.
pub(super) struct Seen {
    pub(super) call: Call,
    pub(super) args: [u64; 6],
    pub(super) name: Option<Vec<u8>>,
    pub(super) second_name: Option<Vec<u8>>,
    /// Whether only its result will tell that it concerns shared memory.
    pub(super) doubtful: bool,
}

impl Seen {
    /// One without a name.
    pub(super) fn plain(call: Call, args: [u64; 6]) -> Self {
        Self {
            call,
            args,
            name: None,
            second_name: None,
            doubtful: false,
        }
    }

    pub(super) fn named(call: Call, args: [u64; 6], name: Vec<u8>) -> Self {
        Self {
            name: Some(name),
            ..Self::plain(call, args)
        }
    }
}

/// Where a path is: the descriptor of the directory where it begins, and its address.
pub(super) type Place = (u64, u64);

/// The place of a path that begins at the working directory.
#[cfg(target_arch = "x86_64")]
pub(super) fn here(path: u64) -> Place {
    (libc::AT_FDCWD as u64, path)
}

pub(super) fn is_shared(path: &[u8]) -> bool {
    path.starts_with(DEV_SHM)
}

/// Whether a path may lead to shared memory, though it does not say so.
fn may_lead_there(path: &[u8]) -> bool {
    const STARTS: [&[u8]; 6] = [
        b"/dev/",
        b"/run/shm",
        b"/var/run/shm",
        b"/proc/",
        b"//",
        b"../",
    ];
    STARTS.iter().any(|start| path.starts_with(start))
}

/// The path at this place, from the root if its directory is known.
fn path(tid: i32, (directory, at): Place) -> Vec<u8> {
    let text = stop::text(tid, at, NAME_MAX);
    if text.is_empty() || text.starts_with(b"/") {
        return text;
    }
    let link = match directory as i32 {
        libc::AT_FDCWD => format!("/proc/{tid}/cwd"),
        fd => format!("/proc/{tid}/fd/{fd}"),
    };
    let Ok(directory) = fs::read_link(link) else {
        return text;
    };
    let rest = text.strip_prefix(b"./").unwrap_or(&text);
    let whole = [directory.as_os_str().as_bytes(), b"/", rest].concat();
    if is_shared(&whole) { whole } else { text }
}

/// An open with these flags; None if it has nothing to do with shared memory.
pub(super) fn open(tid: i32, call: Call, args: [u64; 6], place: Place, flags: u64) -> Option<Seen> {
    let name = path(tid, place);
    let nameless = flags as i32 & libc::O_TMPFILE == libc::O_TMPFILE;
    let shared = is_shared(&name) && !nameless;
    let doubtful = nameless || may_lead_there(&name);
    (shared || doubtful).then(|| Seen {
        doubtful: !shared,
        ..Seen::named(call, args, name)
    })
}

/// An unlink; None if it has nothing to do with shared memory.
pub(super) fn unlink(tid: i32, call: Call, args: [u64; 6], place: Place) -> Option<Seen> {
    let name = path(tid, place);
    is_shared(&name).then(|| Seen::named(call, args, name))
}

/// A rename or link; None if it has nothing to do with shared memory.
pub(super) fn moved(tid: i32, call: Call, flags: u64, from: Place, to: Place) -> Option<Seen> {
    let (old, new) = (path(tid, from), path(tid, to));
    is_shared(&new).then(|| Seen {
        second_name: Some(new),
        ..Seen::named(call, [from.1, to.1, flags, 0, 0, 0], old)
    })
}
