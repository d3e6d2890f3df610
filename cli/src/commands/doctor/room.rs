//! Room for shared memory: how much there is, and who fills it.

use super::finding::{DEV_SHM, Finding, on_tmpfs};
use crate::failure::reason;
use crate::model::{Attachment, Snapshot};
use crate::name::{quoted, shown};
use crate::output::format;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, faccessat};
use std::io;
use std::path::Path;

/// A container's `/dev/shm` is often this large and no larger.
const SMALL: u64 = 64 << 20;
/// A file system with less than one part in so many free is full.
const FULL: u64 = 50;
/// So many of the largest are named.
const NAMED: usize = 3;

const ELSEWHERE: &str = "name a directory on a tmpfs in PARTAGE_DIR, or mount one";

/// Android's C library asks about the effective user in no way; an app has one user.
#[cfg(target_os = "android")]
const AS_EFFECTIVE: AtFlags = AtFlags::empty();
#[cfg(not(target_os = "android"))]
const AS_EFFECTIVE: AtFlags = AtFlags::AT_EACCESS;

/// The directory `/dev/shm`, or a namespace's, judged as the effective user.
pub(super) fn look(path: &Path, snapshot: Option<&Snapshot>) -> Finding {
    let system = match statvfs(path) {
        Ok(system) => system,
        Err(why) => return unseen(path, why),
    };
    let wanted = AccessFlags::W_OK | AccessFlags::X_OK;
    // The effective user is asked about: `--user` changes that one.
    if let Err(why) = faccessat(nix::fcntl::AT_FDCWD, path, wanted, AS_EFFECTIVE) {
        return closed(path, why);
    }
    let unit = system.fragment_size();
    let room = Room {
        size: system.blocks() * unit,
        free: system.blocks_available() * unit,
        takes_files: system.files() == 0 || system.files_available() != 0,
        is_tmpfs: statfs(path).is_ok_and(|system| system.filesystem_type() == TMPFS_MAGIC),
        is_noexec: system.flags().contains(FsFlags::ST_NOEXEC),
    };
    judged(path, &room, snapshot)
}

/// It is not there, or tells nothing.
pub(super) fn unseen(path: &Path, why: Errno) -> Finding {
    let shown = shown(path);
    match why {
        Errno::ENOENT => Finding::note(format!("{shown} is not there"), ELSEWHERE, on_tmpfs(path)),
        why => {
            let what = format!("{shown} cannot be looked at: {}", why.desc());
            Finding::problem(what, ELSEWHERE, on_tmpfs(path))
        }
    }
}

/// It takes no file of this user's.
pub(super) fn closed(path: &Path, why: Errno) -> Finding {
    let shown = shown(path);
    if why == Errno::EROFS {
        return Finding::problem(
            format!("{shown} is mounted read-only"),
            "nothing can be made in it: mount it anew",
            remount(path, "rw"),
        );
    }
    let why = reason(&io::Error::from(why));
    let user = format::user(nix::unistd::Uid::effective().as_raw());
    let what = format!("{shown} cannot be written to by {user}: {why}");
    match path == Path::new(DEV_SHM) {
        true => Finding::note(what, "it is meant for everybody", "chmod 1777 /dev/shm"),
        false => Finding::note(what, ELSEWHERE, on_tmpfs(path)),
    }
}

/// What a file system has, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) size: u64,
    pub(super) free: u64,
    pub(super) takes_files: bool,
    pub(super) is_tmpfs: bool,
    pub(super) is_noexec: bool,
}

pub(super) fn judged(path: &Path, room: &Room, snapshot: Option<&Snapshot>) -> Finding {
    let Room { size, free, .. } = *room;
    let what = format!(
        "{} has {}, {} free",
        shown(path),
        format::size(size),
        format::size(free)
    );
    if size != 0 && free < size / FULL {
        return full(&what, snapshot);
    }
    if !room.takes_files {
        return full(
            &format!("{what}, but no room for another file (inodes)"),
            snapshot,
        );
    }
    if !room.is_tmpfs {
        return Finding::note(
            format!("{what}; it is on a disk"),
            ELSEWHERE,
            on_tmpfs(path),
        );
    }
    if size != 0 && size <= SMALL {
        return Finding::note(
            what,
            "that is little, as in a container: give it more, here or with --shm-size of docker run",
            remount(path, "size=1g"),
        );
    }
    if room.is_noexec {
        return Finding::note(
            what,
            "it is mounted noexec: SHM_EXEC will fail with EPERM",
            remount(path, "exec"),
        );
    }
    Finding::good(what)
}

/// Changes the mount that a directory is on.
fn remount(path: &Path, option: &str) -> String {
    match path == Path::new(DEV_SHM) {
        true => format!("mount -o remount,{option} {DEV_SHM}"),
        false => format!(
            "mount -o remount,{option} \"$(findmnt -no TARGET -T {})\"",
            quoted(path)
        ),
    }
}

/// Somebody who is full up wants to know by whom.
fn full(what: &str, snapshot: Option<&Snapshot>) -> Finding {
    let fills = fills(snapshot);
    let largest = fills.iter().rev().take(NAMED).map(Fill::words);
    let largest: Vec<String> = largest.collect();
    let who = match largest.is_empty() {
        true => String::new(),
        false => format!("; the largest: {}", largest.join("; ")),
    };
    let free: u64 = fills
        .iter()
        .filter(|fill| fill.is_orphan)
        .map(|fill| fill.bytes)
        .sum();
    let what = format!("{what}: it is full{who}");
    match free {
        0 => Finding::problem(
            what,
            "programs get ENOSPC or die of SIGBUS: see who holds what",
            "partage ls --all-memory --sort resident",
        ),
        _ => {
            let free = format::size(free);
            let advice = format!("programs get ENOSPC or die of SIGBUS: orphans have {free}");
            Finding::problem(what, advice, "partage rm --orphans --posix --all-users")
        }
    }
}

/// Something that takes room.
struct Fill {
    name: String,
    bytes: u64,
    holders: String,
    is_orphan: bool,
}

impl Fill {
    fn words(&self) -> String {
        format!(
            "{} {} ({})",
            format::size(self.bytes),
            self.name,
            self.holders
        )
    }
}

/// The smallest first.
fn fills(snapshot: Option<&Snapshot>) -> Vec<Fill> {
    let mut fills = Vec::new();
    for object in snapshot.iter().flat_map(|snapshot| &snapshot.objects) {
        let is_orphan = object.is_orphan();
        fills.push(Fill {
            name: object.name.to_string(),
            bytes: object.resident,
            holders: match (is_orphan, object.attached.is_empty()) {
                (true, _) => format!("orphan of {}", format::user(object.owner.uid)),
                (false, true) => format!("of {}", format::user(object.owner.uid)),
                (false, false) => holders(&object.attached),
            },
            is_orphan,
        });
    }
    for memory in snapshot.iter().flat_map(|snapshot| &snapshot.nameless) {
        fills.push(Fill {
            name: format!("{}, unlinked", memory.name),
            bytes: memory.resident.unwrap_or(memory.size),
            holders: holders(&memory.attached),
            is_orphan: false,
        });
    }
    fills.retain(|fill| fill.bytes > 0);
    fills.sort_by_key(|fill| fill.bytes);
    fills
}

/// Memory that no list of names shows.
pub(super) fn unlinked(snapshot: &Snapshot) -> Option<Finding> {
    let memory = &snapshot.nameless;
    let bytes: u64 = memory
        .iter()
        .map(|memory| memory.resident.unwrap_or(memory.size))
        .sum();
    let largest = memory.iter().max_by_key(|memory| memory.size)?;
    let what = format!(
        "{} in {} unlinked, most of it {} held by {}",
        format::size(bytes),
        match memory.len() {
            1 => "1 object that is".to_owned(),
            several => format!("{several} objects that are"),
        },
        largest.name,
        holders(&largest.attached)
    );
    let advice = "the room in /dev/shm is free again when they close it or end";
    Some(Finding::note(what, advice, "partage ls --sort size"))
}

/// The first few processes, by name and number.
fn holders(attached: &[Attachment]) -> String {
    let mut names: Vec<String> = attached
        .iter()
        .map(|hold| format!("{} {}", format::command(hold), format::pid(hold)))
        .collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    match more {
        0 => names.join(", "),
        _ => format!("{} and {more} more", names.join(", ")),
    }
}
