//! Looking into a namespace without taking part in it: for the command, and for tests.

use crate::error::Result;
use crate::namespace;
use crate::options::{self, Limits};
use crate::process;
pub use crate::registry::{
    Finding, MAX_SEGMENTS, MemberView, SHM_DEST, SHM_LOCKED, Segment, State,
};
use crate::registry::{Prober, RECORD_READ_ONLY, Registry, Token};

/// A namespace, opened for looking. Nothing is made, taken or changed.
pub struct Namespace {
    registry: Registry,
}

/// Somebody's attachment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AttachmentView {
    /// Process, as it numbers itself; 0 for a child that is just being made.
    pub pid: i32,
    /// Where, in that process.
    pub address: usize,
    /// Since when, in seconds since the epoch.
    pub since: i64,
    /// For reading only.
    pub read_only: bool,
    /// Mappings it consists of: more than one after part of it was unmapped.
    pub mappings: u32,
    /// Whether the process lives; if not, nobody has noticed yet.
    pub alive: bool,
}

impl Namespace {
    /// Opens the namespace in `directory`.
    ///
    /// # Errors
    /// - `ENOENT` there is none
    /// - `EUCLEAN` its registry is damaged
    /// - `EPROTO` its registry is of another version
    /// - `ESRCH` it is from before the machine was started: the next program begins it afresh
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
                    segment.nattch += if attachment.alive {
                        attachment.mappings
                    } else {
                        0
                    };
                });
                visit(index, &segment);
            }
        }
    }

    /// Calls `visit` with every attachment of a segment.
    pub fn each_attachment(&self, shmid: u32, mut visit: impl FnMut(AttachmentView)) {
        let mut prober = Prober::new(&self.registry, None);
        self.registry.each_attachment(shmid, |token, attachment| {
            visit(AttachmentView {
                pid: attachment.pid,
                address: attachment.address,
                since: attachment.since,
                read_only: attachment.flags & RECORD_READ_ONLY != 0,
                mappings: attachment.fragments,
                alive: prober.is_alive(token),
            });
        });
    }

    /// Calls `visit` with every member that lives.
    pub fn each_member(&self, mut visit: impl FnMut(MemberView)) {
        let mut prober = Prober::new(&self.registry, None);
        self.registry.each_member(|token: Token, member| {
            if prober.is_alive(token) {
                visit(member);
            }
        });
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

    /// Verifies every invariant that the registry has, calling `report` with what does not hold. Members may be changing
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

/// What the environment asks for, as far as it is to be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// `PARTAGE_DIR`.
    pub directory: Option<&'static [u8]>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime: Option<&'static [u8]>,
    /// `TMPDIR`.
    pub temporary: Option<&'static [u8]>,
    /// Whether `PARTAGE_BACKEND` names another than the user's.
    pub other_backend: bool,
    /// `PARTAGE_LOG`, from silent (0) to `debug` (4).
    pub log_level: u32,
    /// `PARTAGE_PATIENCE`, in milliseconds.
    pub patience_ms: u64,
    /// The limits of a namespace that this process makes.
    pub limits: Limits,
}

/// What the library reads from this process's environment.
pub fn settings() -> Settings {
    Settings {
        directory: options::directory(),
        runtime: options::general("XDG_RUNTIME_DIR"),
        temporary: options::general("TMPDIR"),
        other_backend: options::backend() != options::BackendChoice::User,
        log_level: options::log_level(),
        patience_ms: options::patience_ms(),
        limits: options::limits(),
    }
}

/// Becomes a member of the namespace that the environment names, and looks after everything that the dead left in it:
/// attachments, removed segments, files half-made or half-removed.
///
/// # Errors
/// What opening and joining the namespace says.
pub fn collect() -> Result<()> {
    process::collect()
}

/// Becomes a member of the namespace that the environment names, and computes everything anew that is derived: lists,
/// counts, key index, totals.
///
/// # Errors
/// What opening and joining the namespace says; `EDEADLK` where a lock is never let go.
pub fn repair() -> Result<()> {
    process::repair()
}
