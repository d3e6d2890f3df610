//! What the subcommands show: plain values, wherever they come from.

use serde::Serialize;
use std::path::PathBuf;

/// Removed, and waiting for the last detach (`SHM_DEST` in the mode).
pub(crate) const DEST: u32 = 0o1000;
/// Kept from swapping (`SHM_LOCKED` in the mode).
pub(crate) const LOCKED: u32 = 0o2000;

/// A namespace at one moment.
#[derive(Debug, Serialize)]
pub(crate) struct Snapshot {
    /// The directory, or `None` for the kernel's own namespace.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) limits: Option<Limits>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) objects: Vec<Object>,
}

/// What a namespace is limited to.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Limits {
    /// Largest segment, in bytes.
    pub(crate) shmmax: u64,
    /// Pages of all segments together.
    pub(crate) shmall: u64,
    /// Number of segments.
    pub(crate) shmmni: u64,
    /// Whether a segment goes with its last attachment.
    pub(crate) rmid_forced: bool,
}

/// A System V segment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Segment {
    pub(crate) key: i32,
    pub(crate) id: i32,
    #[serde(flatten)]
    pub(crate) owner: Owner,
    pub(crate) cuid: u32,
    pub(crate) cgid: u32,
    /// Nine permission bits, [`DEST`] and [`LOCKED`].
    pub(crate) mode: u32,
    /// Bytes as asked for.
    pub(crate) size: u64,
    /// Bytes of memory in use; `None` when that cannot be told.
    pub(crate) resident: Option<u64>,
    pub(crate) nattch: u64,
    /// Seconds since the epoch, 0 for never, as the next two.
    pub(crate) atime: i64,
    pub(crate) dtime: i64,
    pub(crate) ctime: i64,
    pub(crate) cpid: i32,
    pub(crate) lpid: i32,
    /// The file that holds the memory.
    pub(crate) file: Option<PathBuf>,
    pub(crate) attached: Vec<Attachment>,
}

/// A POSIX shared memory object.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Object {
    /// With its leading slash.
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) owner: Owner,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) resident: u64,
    /// Last change of content or size, seconds since the epoch.
    pub(crate) mtime: i64,
    pub(crate) file: PathBuf,
    /// Who maps it, as far as this user may know.
    pub(crate) attached: Vec<Attachment>,
}

/// User and group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A process's hold on a segment or an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Attachment {
    pub(crate) pid: i32,
    /// What the process runs; empty when that cannot be told.
    pub(crate) command: String,
    pub(crate) address: u64,
    /// Seconds since the epoch; `None` when that cannot be told.
    pub(crate) since: Option<i64>,
    pub(crate) read_only: bool,
    /// Mappings it consists of, more than one after part of it was unmapped.
    pub(crate) mappings: u32,
}

impl Segment {
    /// Whether it only waits for its last detach.
    pub(crate) fn is_removed(&self) -> bool {
        self.mode & DEST != 0
    }

    /// Whether nobody is attached.
    pub(crate) fn is_orphan(&self) -> bool {
        self.nattch == 0
    }
}
