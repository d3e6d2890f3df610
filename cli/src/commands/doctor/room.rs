//! Room for shared memory: how much there is, and who fills it.

use super::fills::{self, Fill, NAMED, holders};
use super::finding::{DEV_SHM, Finding, on_tmpfs};
use crate::failure::reason;
use crate::model::Snapshot;
use crate::name::{quoted, shown};
use crate::output::format;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, Statvfs, statvfs};
use nix::unistd::{AccessFlags, Uid, faccessat};
use std::io;
use std::path::Path;

/// A container's `/dev/shm` is often this large and no larger.
const SMALL: u64 = 64 << 20;
/// A file system with less than one part in so many free is full.
const FULL: u64 = 50;

const ELSEWHERE: &str = "name a directory on a tmpfs in PARTAGE_DIR, or mount one";

/// Android's C library asks about the effective user in no way; an app has one user.
#[cfg(target_os = "android")]
const AS_EFFECTIVE: AtFlags = AtFlags::empty();
#[cfg(not(target_os = "android"))]
const AS_EFFECTIVE: AtFlags = AtFlags::AT_EACCESS;

/// The directory `/dev/shm`, or a namespace's, judged as the effective user.
pub(super) fn look(path: &Path, fills: &[Fill]) -> Finding {
    let system = match statvfs(path) {
        Ok(system) => system,
        Err(why) => return unseen(path, why),
    };
    let wanted = AccessFlags::W_OK | AccessFlags::X_OK;
    // The effective user is asked about: `--user` changes that one.
    if let Err(why) = faccessat(nix::fcntl::AT_FDCWD, path, wanted, AS_EFFECTIVE) {
        return closed(path, why);
    }
    let room = of(path, &system);
    judged(path, &room, fills)
}

/// Whether there is so little room that it matters who has it.
pub(super) fn is_full(path: &Path) -> bool {
    statvfs(path).is_ok_and(|system| of(path, &system).is_full())
}

fn of(path: &Path, system: &Statvfs) -> Room {
    let unit = system.fragment_size();
    Room {
        size: system.blocks() * unit,
        free: system.blocks_available() * unit,
        takes_files: system.files() == 0 || system.files_available() != 0,
        is_tmpfs: statfs(path).is_ok_and(|system| system.filesystem_type() == TMPFS_MAGIC),
        is_noexec: system.flags().contains(FsFlags::ST_NOEXEC),
    }
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
    let user = format::user(Uid::effective().as_raw());
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

impl Room {
    fn is_full(&self) -> bool {
        let is_short = self.size != 0 && self.free < self.size / FULL;
        is_short || !self.takes_files
    }
}

pub(super) fn judged(path: &Path, room: &Room, fills: &[Fill]) -> Finding {
    let Room { size, free, .. } = *room;
    let what = format!(
        "{} has {}, {} free",
        shown(path),
        format::size(size),
        format::size(free)
    );
    if room.is_full() {
        let files = match room.takes_files {
            true => "",
            false => ", but no room for another file (inodes)",
        };
        return full(&format!("{what}{files}"), room, fills);
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

/// Somebody who is full up wants to know by whom, and what of it could go.
fn full(what: &str, room: &Room, fills: &[Fill]) -> Finding {
    let largest = fills.iter().rev().take(NAMED).map(Fill::words);
    let mut largest: Vec<String> = largest.collect();
    let unseen = unseen_in(room, fills);
    if unseen > 0 {
        largest.push(format!(
            "{} in other files, or not to be seen here",
            format::size(unseen)
        ));
    }
    let who = match largest.is_empty() {
        true => String::new(),
        false => format!("; the largest: {}", largest.join("; ")),
    };
    let what = format!("{what}: it is full{who}");
    let consequence = "programs get ENOSPC or die of SIGBUS";
    match fills::freed(fills) {
        Some((command, bytes)) => {
            let free = format::size(bytes);
            let advice = format!("{consequence}: orphans have {free}");
            Finding::problem(what, advice, command)
        }
        None => {
            let as_whom = match unseen > 0 && !Uid::effective().is_root() {
                true => ", as root",
                false => "",
            };
            let advice = format!("{consequence}: see who holds what{as_whom}");
            Finding::problem(what, advice, "partage ls --all-memory --sort resident")
        }
    }
}

/// What is used and belongs to nothing that was found, where that is much: others hold it, or it is in files of
/// something else.
fn unseen_in(room: &Room, fills: &[Fill]) -> u64 {
    /// One part in so many is not worth a word: bookkeeping takes as much.
    const SLIGHT: u64 = 8;
    let seen = fills.iter().map(|fill| fill.bytes);
    let used = room.size.saturating_sub(room.free);
    let unseen = used.saturating_sub(seen.fold(0, u64::saturating_add));
    match unseen > room.size / SLIGHT {
        true => unseen,
        false => 0,
    }
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
