//! What is seen on the way of files that have lost their names.

use super::FileId;
use crate::model::NamelessKind;
use crate::name::Name;
use crate::sources::maps::Mapping;
use crate::sources::process;
use nix::sys::statfs::{HUGETLBFS_MAGIC, TMPFS_MAGIC, statfs};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const DELETED: &[u8] = b" (deleted)";

/// What was seen of such a file.
#[derive(Debug, Default)]
pub(in crate::sources) struct Traces {
    pub(super) path: Vec<u8>,
    pub(super) size: u64,
    pub(super) resident: Option<u64>,
    /// A link of `/proc` by which the file can be looked at.
    pub(super) link: Option<String>,
    /// It has a name after all, which ends like that.
    pub(super) has_name: bool,
    /// It is an object of another mount namespace.
    pub(super) elsewhere: bool,
}

/// A descriptor, as `/proc` tells of it.
pub(super) struct Seen<'a> {
    /// Whose it is: a process, or a thread.
    pub(super) who: &'a str,
    pub(super) path: &'a [u8],
    pub(super) link: &'a str,
}

/// Where the objects of each mount namespace are.
pub(super) const OBJECTS: &[u8] = b"/dev/shm/";

impl Traces {
    /// The device that the objects of this mount namespace are on.
    pub(super) fn device_here() -> Option<u64> {
        let directory = Path::new(OsStr::from_bytes(OBJECTS));
        fs::metadata(directory).ok().map(|data| data.dev())
    }

    pub(super) fn note_mapping(
        traces: &mut HashMap<FileId, Self>,
        who: &str,
        mapping: &Mapping,
        here: Option<u64>,
    ) {
        let elsewhere = is_elsewhere(who, mapping.file, mapping.path, here);
        if !elsewhere && !mapping.path.ends_with(DELETED) {
            return;
        }
        let known = traces.entry(mapping.file).or_default();
        known.elsewhere = elsewhere;
        let end = mapping.offset.saturating_add(mapping.end - mapping.start);
        known.path = mapping.whole_path();
        if known.link.is_none() {
            known.size = known.size.max(end);
            let link = format!("/proc/{}/map_files/{}", number(who), mapping.range());
            // Only with privileges: else a descriptor may tell, or the length of the mapping.
            if let Ok(data) = fs::metadata(&link) {
                known.fill(&data, link);
            }
        }
    }

    pub(super) fn note_descriptor(
        traces: &mut HashMap<FileId, Self>,
        file: FileId,
        Seen { who, path, link }: Seen,
        data: &Metadata,
        here: Option<u64>,
    ) {
        let elsewhere = is_elsewhere(who, file, path, here);
        if !elsewhere && !path.ends_with(DELETED) {
            return;
        }
        let known = traces.entry(file).or_default();
        known.elsewhere = elsewhere;
        known.path = path.to_vec();
        known.fill(data, link.to_owned());
    }

    pub(super) fn fill(&mut self, data: &Metadata, link: String) {
        self.size = data.len();
        self.resident = Some(data.blocks() * 512);
        self.has_name = data.nlink() > 0;
        self.link = Some(link);
    }

    pub(super) fn kind(&self) -> NamelessKind {
        let starts = |with: &[u8]| self.path.starts_with(with);
        if self.elsewhere {
            NamelessKind::Elsewhere
        } else if starts(b"/memfd:") {
            NamelessKind::Memfd
        } else if starts(b"/SYSV") {
            NamelessKind::Sysv
        } else if self.path == b"/dev/zero (deleted)" || starts(b"/anon_hugepage") {
            NamelessKind::Anonymous
        } else {
            NamelessKind::Unlinked
        }
    }

    pub(super) fn path(&self) -> &Path {
        let path = self.path.strip_suffix(DELETED).unwrap_or(&self.path);
        Path::new(OsStr::from_bytes(path))
    }

    /// Whether it is memory: only of files on tmpfs and hugetlbfs that is so.
    pub(super) fn is_memory(&self) -> bool {
        let Some(link) = &self.link else {
            return self.path.starts_with(b"/dev/shm/");
        };
        statfs(link.as_str())
            .is_ok_and(|system| [TMPFS_MAGIC, HUGETLBFS_MAGIC].contains(&system.filesystem_type()))
    }

    pub(super) fn name(&self) -> Name {
        match (self.kind(), self.path().file_name()) {
            (NamelessKind::Unlinked, Some(name)) => Name::of_file(name),
            (NamelessKind::Elsewhere, _) => {
                let path = self.path.strip_prefix(OBJECTS).unwrap_or(&self.path);
                Name::of_file(OsStr::from_bytes(path))
            }
            _ => Name::from_text(self.path().as_os_str()),
        }
    }
}

/// The number in `4711` or `4711/task/4712`: only by it alone are the files of a thread's mappings found, and a
/// main thread that has ended has none.
fn number(who: &str) -> &str {
    who.rsplit('/').next().unwrap_or(who)
}

/// Whether a file is an object, and not one of this mount namespace's. Some file systems show
/// other devices in mappings: those of this namespace are never meant.
fn is_elsewhere(who: &str, file: FileId, path: &[u8], here: Option<u64>) -> bool {
    path.starts_with(OBJECTS)
        && !path.ends_with(DELETED)
        && here != Some(file.device)
        && process::foreign_namespaces(who).contains_key("mnt")
}
