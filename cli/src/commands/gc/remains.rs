//! What the dead left in a namespace: what of it goes, and what stays.

use crate::failure::Failure;
use crate::name;
use crate::sources::{self, Location};
use partage_core::inspect::{Namespace, Segment, State};
use serde::Serialize;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

/// What the dead left in a namespace, or what there is of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Remains {
    /// Attachments of members that have died.
    pub(super) attachments: u64,
    /// Segments that nobody but the dead keep, and half-made or half-removed ones.
    pub(super) segments: Vec<Slot>,
    /// Files that belong to no segment.
    #[serde(serialize_with = "name::paths")]
    pub(super) files: Vec<PathBuf>,
}

/// A segment, by what is worth saying of it here.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Slot {
    pub(super) id: u32,
    pub(super) size: u64,
    /// Bytes of memory in use.
    pub(super) resident: u64,
}

impl Slot {
    fn of(namespace: &Namespace, segment: &Segment) -> Self {
        Self {
            id: segment.shmid,
            size: segment.size,
            resident: namespace.resident_bytes(segment),
        }
    }
}

/// What goes, but for the files, and what only nobody uses: that stays.
pub(super) fn look(namespace: &Namespace) -> (Remains, Vec<Slot>) {
    let (mut remains, mut orphans) = (Remains::default(), Vec::new());
    let forced = namespace.limits().rmid_forced;
    namespace.each_slot(|_, segment| {
        let mut dead = 0;
        namespace.each_attachment(segment.shmid, |attachment| {
            dead += if attachment.alive {
                0
            } else {
                u64::from(attachment.mappings)
            };
        });
        remains.attachments += dead;
        let removed = segment.mode & partage_core::inspect::SHM_DEST != 0;
        let waits = segment.nattch == 0 && (removed || (forced && dead > 0));
        if segment.state == State::Doomed
            || (matches!(segment.state, State::Live | State::Removed) && waits)
        {
            remains.segments.push(Slot::of(namespace, segment));
        } else if segment.state == State::Live && segment.nattch == 0 {
            orphans.push(Slot::of(namespace, segment));
        }
    });
    (remains, orphans)
}

/// The files of segments in the directory, and registries that were never finished.
pub(super) fn segment_files(location: &Location) -> Vec<PathBuf> {
    let entries = fs::read_dir(&location.directory)
        .into_iter()
        .flatten()
        .flatten();
    let named = entries.filter(|entry| match entry.file_name().as_bytes() {
        name if name.starts_with(b"segment-") => true,
        name if name.starts_with(b"registry.") => is_old(entry),
        _ => false,
    });
    named.map(|entry| entry.path()).collect()
}

/// Whether nobody can be about to finish a file: making a registry takes no time.
fn is_old(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|data| data.modified()).ok();
    let age = modified.and_then(|modified| modified.elapsed().ok());
    age.is_some_and(|age| age > Duration::from_secs(60))
}

/// Those of `files` that belong to no slot: this user's, and those of others, who may be at work.
pub(super) fn strays(
    location: &Location,
    files: Vec<PathBuf>,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let mut owned = BTreeSet::new();
    if let Some(namespace) = sources::open(location)? {
        namespace.each_slot(|_, segment| {
            let path = |path: &[u8]| PathBuf::from(OsStr::from_bytes(path));
            owned.insert(sources::segment_of(&namespace.with_file(segment, path)));
        });
    }
    let me = nix::unistd::Uid::effective().as_raw();
    let mine = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|data| data.uid() == me);
    let strays = files
        .into_iter()
        .filter(|path| !owned.contains(&sources::segment_of(path)));
    Ok(strays.partition(mine))
}
