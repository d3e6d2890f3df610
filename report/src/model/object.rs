//! Shared memory objects, and who holds them.

use crate::words;

/// Index of an [`Object`] in the model.
pub type ObjectId = usize;
/// Index of a [`Hold`] in the model.
pub type HoldId = usize;

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A System V segment.
    Segment {
        /// Its id.
        shmid: i32,
        /// Its key, once known; 0 is `IPC_PRIVATE`.
        key: Option<i32>,
    },
    /// A POSIX object, by its name with the leading slash.
    Named(String),
    /// A memfd, by its name.
    Memfd(String),
    /// A shared anonymous mapping.
    Anonymous,
    /// Whatever an unknown descriptor stands for.
    Unknown(String),
}

impl Kind {
    /// The kind in one word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Segment { .. } => "segment",
            Kind::Named(_) => "object",
            Kind::Memfd(_) => "memfd",
            Kind::Anonymous => "anonymous",
            Kind::Unknown(_) => "unknown",
        }
    }

    /// Whether it stays in the system when nobody holds it, until it is removed.
    #[must_use]
    pub fn outlives_processes(&self) -> bool {
        matches!(self, Kind::Segment { .. } | Kind::Named(_))
    }
}

/// How an object came into the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A call made it.
    Created,
    /// A call made it, or found it: it allowed both (`IPC_CREAT` without `IPC_EXCL`).
    CreatedOrFound,
    /// It was there before, or made by somebody who is not recorded.
    Found,
}

/// A call that did something to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Index of the process in the model.
    pub process: usize,
    /// When the call ended, in nanoseconds of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// Where it was made.
    pub site: Site,
}

/// Where a call was made: return addresses, to be looked up in an image's modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Index of the process whose modules hold.
    pub process: usize,
    /// How many of its modules were known then.
    pub modules: usize,
    /// Return addresses, innermost first.
    pub callers: Vec<u64>,
    /// The stack, by its ticket among those of the process.
    pub stack: Option<u64>,
    /// The C function that was called.
    pub call: &'static str,
}

/// One object.
#[derive(Clone, Debug)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Of a segment: the IPC namespace that it is in, by its inode; 0 is the one that the run began in.
    pub ipc: u64,
    /// Size in bytes, once known.
    pub size: Option<u64>,
    /// How it came into the recording.
    pub origin: Origin,
    /// The call that brought it.
    pub first: Deed,
    /// The call that removed or unlinked it.
    pub removed: Option<Deed>,
    /// Whether it was gone when the run was over, though no recorded call removed it.
    pub removed_elsewhere: bool,
    /// When it ceased to be: removed, and let go by everybody who is recorded.
    pub gone: Option<u64>,
    /// Device and inode, once known.
    pub inode: Option<(u64, u64)>,
    /// Who holds it at this moment.
    pub holders: usize,
    /// Who held it, in the order in which they began, of a model that forgets nothing.
    pub holds: Vec<HoldId>,
    /// Failed calls about it.
    pub failures: u64,
    /// Their moments, of a model that forgets nothing.
    pub errors: Vec<u64>,
}

impl Object {
    /// The object in words: `shmid 7 "key 0x5eed" 64 KiB`, `/name 4 KiB`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.size {
            Some(size) => format!("{} {}", self.name(), words::size(size)),
            None => self.name(),
        }
    }

    /// The object in words, without its size.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.kind {
            Kind::Segment { shmid, key } => {
                let mut name = format!("shmid {shmid}");
                name += &match key {
                    None => String::new(),
                    Some(0) => " \"private\"".to_owned(),
                    Some(key) => format!(" \"key {key:#x}\""),
                };
                if self.ipc != 0 {
                    name += &format!(" of ipc:[{}]", self.ipc);
                }
                name
            }
            Kind::Named(name) => words::printable(name),
            Kind::Memfd(name) => format!("memfd:{}", words::printable(name)),
            Kind::Anonymous => "anonymous".to_owned(),
            Kind::Unknown(link) => format!("unknown {}", words::printable(link)),
        }
    }

    /// Whether it can still be opened by its name or id.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.removed.is_some()
    }
}

/// In what way a process holds an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldKind {
    /// By shmat, at this address.
    Attachment(u64),
    /// By mmap, at this address.
    Mapping(u64),
    /// By this descriptor.
    Descriptor(i32),
}

/// What ended a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// A call.
    Call,
    /// An exec, which unmaps everything and closes what is close-on-exec.
    Exec,
    /// A descriptor that an exec passed on.
    PassedOn,
    /// The end of the process.
    Exit,
}

/// A process holds an object: an attachment, a mapping, a descriptor.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The object.
    pub object: ObjectId,
    /// Index of the process in the model.
    pub process: usize,
    /// In what way.
    pub kind: HoldKind,
    /// Since when, in nanoseconds of `CLOCK_MONOTONIC`.
    pub from: u64,
    /// Until when, and what ended it.
    pub to: Option<(u64, Release)>,
    /// Bytes of address space, at first.
    pub bytes: u64,
    /// Bytes of address space that are left.
    pub left: u64,
    /// Whether a fork or an exec brought it.
    pub inherited: bool,
    /// The call that began it; of an inherited one, the ancestor's.
    pub site: Site,
}
