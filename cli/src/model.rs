//! What the subcommands show: plain values, wherever they come from.

use crate::name::{self, Name};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use partage_core::inspect::{SHM_DEST as DEST, SHM_LOCKED as LOCKED};

/// A namespace at one moment.
#[derive(Debug, Serialize)]
pub(crate) struct Snapshot {
    /// The directory, or `None` for the kernel's own namespace.
    #[serde(serialize_with = "name::optional_path")]
    pub(crate) directory: Option<PathBuf>,
    pub(crate) limits: Option<Limits>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) objects: Vec<Object>,
    /// Memory without a name that somebody still holds.
    pub(crate) nameless: Vec<Nameless>,
    /// Processes that this user may not look into.
    pub(crate) unseen_processes: usize,
    /// Whether no other process can be there: in a container, and with `hidepid`, some are not listed.
    #[serde(skip)]
    pub(crate) lists_all: bool,
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
    /// The process that made it and the one that used it last, where they were found to be those.
    pub(crate) creator: Option<Process>,
    pub(crate) last_user: Option<Process>,
    /// The file that holds the memory.
    #[serde(serialize_with = "name::optional_path")]
    pub(crate) file: Option<PathBuf>,
    pub(crate) attached: Vec<Attachment>,
    /// Attachments that count, and of which no process can be seen.
    pub(crate) unseen: u64,
}

/// A POSIX shared memory object.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Object {
    pub(crate) name: Name,
    /// The name's bytes, where they are no text and `name` is therefore escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name_bytes: Option<Vec<u8>>,
    #[serde(flatten)]
    pub(crate) owner: Owner,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) resident: u64,
    /// Last change of content or size, seconds since the epoch.
    pub(crate) mtime: i64,
    #[serde(serialize_with = "name::path")]
    pub(crate) file: PathBuf,
    /// What it probably is, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    /// Who maps it or has it open, as far as this user may know.
    pub(crate) attached: Vec<Attachment>,
    /// How many more hold it at least; `None` when that cannot be told.
    pub(crate) unseen: Option<u64>,
}

/// Memory of a file that has lost its name, of one that never had one, or shared by inheritance.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Nameless {
    /// The last name, or what the kernel calls it.
    pub(crate) name: Name,
    /// The name's bytes, where they are no text and `name` is therefore escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name_bytes: Option<Vec<u8>>,
    pub(crate) kind: NamelessKind,
    pub(crate) size: u64,
    /// Bytes of memory in use; `None` when that cannot be told.
    pub(crate) resident: Option<u64>,
    pub(crate) attached: Vec<Attachment>,
    /// Tells it from others of the same name.
    #[serde(skip)]
    pub(crate) identity: [u64; 3],
    /// What the table of its IPC namespace says of a System V segment, where it may be read.
    #[serde(flatten)]
    pub(crate) segment: Option<SegmentApart>,
}

/// A System V segment of another IPC namespace.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SegmentApart {
    /// As that namespace numbers it.
    pub(crate) shmid: i32,
    /// The namespace, as lsns(8) numbers it.
    pub(crate) ipc: u64,
    /// The container that the namespace's processes are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) container: Option<String>,
    /// Attachments that count, and of which no process can be seen.
    pub(crate) unseen: u64,
}

/// Why it has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NamelessKind {
    /// An object, or another file in memory, that was unlinked.
    Unlinked,
    /// Made by memfd_create(2).
    Memfd,
    /// Mapped shared and anonymous, or `/dev/zero`.
    Anonymous,
    /// A System V segment of another IPC namespace's.
    Sysv,
    /// An object in the `/dev/shm` of another mount namespace: there it has a name.
    Elsewhere,
}

/// A process that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Process {
    /// As seen from here.
    pub(crate) pid: i32,
    pub(crate) command: String,
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
    /// As seen from here; `None` for one that cannot be seen.
    pub(crate) pid: Option<i32>,
    /// As it numbers itself, where that is another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inner_pid: Option<i32>,
    /// The container that it is in, as its control group names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) container: Option<String>,
    /// The IPC, mount and pid namespaces that it is in, and this process is not, by their numbers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) namespaces: BTreeMap<&'static str, u64>,
    /// What the process runs; empty when that cannot be told.
    pub(crate) command: String,
    /// Where it is mapped; 0 when it is only open.
    pub(crate) address: u64,
    /// The descriptor that is open on it, when it is not mapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) descriptor: Option<i32>,
    /// Whether that descriptor has locked it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) locked: bool,
    /// Whether what it writes stays its own (MAP_PRIVATE).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) private: bool,
    /// Seconds since the epoch; `None` when that cannot be told.
    pub(crate) since: Option<i64>,
    pub(crate) read_only: bool,
    /// Mappings it consists of, more than one after part of it was unmapped; 0 when it is only open.
    pub(crate) mappings: u32,
}

impl Snapshot {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.objects.is_empty() && self.nameless.is_empty()
    }
}

impl Segment {
    /// Whether it only waits for its last detach.
    pub(crate) fn is_removed(&self) -> bool {
        self.mode & DEST != 0
    }

    /// Whether nobody is attached, and nobody has its memory open.
    pub(crate) fn is_orphan(&self) -> bool {
        self.nattch == 0 && self.attached.is_empty()
    }
}

impl Object {
    /// Whether it is known that nobody maps it, has it open or has it locked.
    pub(crate) fn is_orphan(&self) -> bool {
        self.attached.is_empty() && self.unseen == Some(0)
    }
}

impl Nameless {
    /// Whether it is a segment of which its namespace says that nobody is attached. Other memory
    /// without a name goes with its last holder.
    pub(crate) fn is_orphan(&self) -> bool {
        let is_unused = |segment: &SegmentApart| segment.unseen == 0;
        self.attached.is_empty() && self.segment.as_ref().is_some_and(is_unused)
    }

    /// Holders of which no process can be seen.
    pub(crate) fn unseen(&self) -> u64 {
        self.segment.as_ref().map_or(0, |segment| segment.unseen)
    }
}
