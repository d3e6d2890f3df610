//! Reads a namespace without becoming a member of it: for the command, and for tests. Tested by `tests/tests/command`.

use crate::error::Result;
use crate::namespace;
pub use crate::namespace::{DIRECTORY_MODE, UNFINISHED};
use crate::options::{self, Limits};
use crate::process;
pub use crate::registry::{
    Finding, MAX_SEGMENTS, MemberView, SHM_DEST, SHM_LOCKED, Segment, Stamps, State,
};
use crate::registry::{LivenessCache, Registry};

/// A namespace, opened for reading. Nothing is made, taken or changed.
pub struct Namespace {
    registry: Registry,
}

/// An attachment of some process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AttachmentView {
    /// Process, as it numbers itself; 0 for a child that is being made.
    pub pid: i32,
    /// Where, in that process.
    pub address: usize,
    /// Since when, in seconds since the epoch.
    pub since: i64,
    /// For reading only.
    pub read_only: bool,
    /// How many mappings it consists of: more than one after part of it was unmapped.
    pub mappings: u32,
    /// Whether the process lives; if not, its holdings were not reaped yet.
    pub alive: bool,
}

impl Namespace {
    /// Opens the namespace in `directory`. Root may read every user's. It may also read a namespace in which programs
    /// of root's refuse to work: another user's, in a place where anybody can make directories.
    ///
    /// # Errors
    /// - `ENOENT` there is none
    /// - `EUCLEAN` its registry is damaged
    /// - `EPROTO` its registry is of another version
    /// - `ESRCH` it is from an earlier boot: the next program makes it anew
    /// - `EACCES` it belongs to somebody else; and other errors of open(2)
    pub fn open(directory: &[u8]) -> Result<Namespace> {
        let registry = Registry::closed();
        registry.open_existing(directory)?;
        Ok(Namespace { registry })
    }

    /// Its directory.
    pub fn directory(&self) -> &[u8] {
        self.registry.path().bytes()
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.registry.limits()
    }

    /// When its registry was made, in seconds since the epoch.
    pub fn born(&self) -> i64 {
        self.registry.born()
    }

    /// Calls `visit` with every slot that is not free, and its number. `nattch` counts those who live.
    pub fn each_slot(&self, mut visit: impl FnMut(u32, &Segment)) {
        let mut from = 0;
        while let Some(index) = self.registry.next_used(from, MAX_SEGMENTS) {
            from = index + 1;
            if let Some(mut segment) = self
                .registry
                .read_slot(index)
                .filter(|segment| segment.state != State::Free)
            {
                segment.nattch = 0;
                self.each_attachment(segment.shmid, |attachment| {
                    segment.nattch += u32::from(attachment.alive);
                });
                visit(index, &segment);
            }
        }
    }

    /// The last changes of a segment.
    pub fn stamps(&self, segment: &Segment) -> Stamps {
        let slot = self.registry.slot_for(segment.shmid);
        slot.map_or(Stamps::default(), |slot| slot.stamps())
    }

    /// Calls `visit` with every attachment of a segment.
    pub fn each_attachment(&self, shmid: u32, mut visit: impl FnMut(AttachmentView)) {
        let mut liveness = LivenessCache::new(&self.registry, None);
        self.registry.each_holding(shmid, |holding| {
            visit(AttachmentView {
                pid: holding.pid,
                address: holding.address,
                since: holding.since,
                read_only: holding.read_only,
                mappings: 1,
                alive: !liveness.is_dead_bits(holding.token),
            });
        });
    }

    /// Calls `visit` with every member that lives.
    pub fn each_member(&self, visit: impl FnMut(MemberView)) {
        let mut liveness = LivenessCache::new(&self.registry, None);
        self.registry.each_member(&mut liveness, visit);
    }

    /// Bytes of a segment's memory that are in use.
    pub fn resident_bytes(&self, segment: &Segment) -> u64 {
        self.registry.resident_bytes(segment)
    }

    /// Calls `visit` with the path of a segment's memory: its file in the namespace, or what that leads to if its pages
    /// are huge.
    pub fn with_memory<T>(&self, segment: &Segment, visit: impl FnOnce(&[u8]) -> T) -> T {
        match self.registry.memory_path(segment) {
            Ok(path) => visit(path.bytes()),
            Err(_) => self.with_file(segment, visit),
        }
    }

    /// Calls `visit` with the path of a segment's file in the namespace.
    pub fn with_file<T>(&self, segment: &Segment, visit: impl FnOnce(&[u8]) -> T) -> T {
        visit(self.registry.segment_path(segment).bytes())
    }

    /// Checks every invariant of the registry, and calls `report` with each that does not hold. Members may change
    /// things meanwhile: what is found twice is real.
    pub fn check(&self, report: impl FnMut(Finding)) {
        self.registry.check_invariants(report);
    }
}

/// Calls `visit` with the directory that a program with this process's environment would use; nothing is made.
///
/// # Errors
/// - `ENOENT` there is none yet
/// - what looking at it says
pub fn with_default_directory<T>(visit: impl FnOnce(&[u8]) -> T) -> Result<T> {
    namespace::find(namespace::Make::Never).map(|directory| visit(directory.path.bytes()))
}

/// What the environment asks for, if it may be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// `PARTAGE_DIR`.
    pub directory: Option<&'static [u8]>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime: Option<&'static [u8]>,
    /// `TMPDIR`.
    pub temporary: Option<&'static [u8]>,
    /// Whether `PARTAGE_POSIX` asks for `/dev/shm`.
    pub shared_objects: bool,
    /// Whether `PARTAGE_BACKEND` names another than the user's.
    pub other_backend: bool,
    /// `PARTAGE_LOG`, from silent (0) to `debug` (4).
    pub log_level: u32,
    /// `PARTAGE_PATIENCE`, in milliseconds.
    pub patience_ms: u64,
    /// `PARTAGE_HUGE_DIR`.
    pub huge_directory: Option<&'static [u8]>,
    /// The limits of a namespace that this process makes.
    pub limits: Limits,
}

/// What the library reads from this process's environment.
pub fn settings() -> Settings {
    Settings {
        directory: options::directory(),
        runtime: options::general("XDG_RUNTIME_DIR"),
        temporary: options::general("TMPDIR"),
        shared_objects: options::shares_objects(),
        other_backend: options::backend() != options::BackendChoice::User,
        log_level: options::log_level(),
        patience_ms: options::patience_ms(),
        huge_directory: options::huge_directory(),
        limits: options::limits(),
    }
}

/// Tells of each variable of the library whose value in this process's environment means nothing, and the value.
pub fn each_wrong_variable(tell: impl FnMut(&'static str, &'static [u8])) {
    options::each_wrong(tell);
}

/// Becomes a member of the namespace that the environment names, and sweeps all of it: attachments of the dead, removed
/// segments, files half-made or half-removed.
///
/// # Errors
/// What opening and joining the namespace says.
pub fn sweep_all() -> Result<()> {
    process::sweep_all()
}

/// Becomes a member of the namespace that the environment names, and computes everything anew that is derived: lists,
/// counts, key index, totals.
///
/// # Errors
/// What opening and joining the namespace says; `EDEADLK` where a lock is never let go.
pub fn repair() -> Result<()> {
    process::repair()
}
