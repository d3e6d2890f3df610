//! The registry's lock, segment slot and member slots, the very files of the core, with atomics that a model checker watches.
//!
//! What they need beside the atomics is here: a clock that stands still, a futex whose every sleep may time out, and as
//! much of a kernel as keeps the locks of files.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "the files are used in part"
)]

extern crate std;

#[path = "../../../core/src/error.rs"]
mod error;
pub mod sync;

pub use error::{Errno, Result};

pub mod kernel;
mod os;

mod text {
    /// Paths name nothing here: there is one lock file.
    #[derive(Clone, Copy)]
    pub(crate) struct Path;

    impl Path {
        pub(crate) fn push_hex(&mut self, _: u64) -> &mut Path {
            self
        }

        pub(crate) fn push_str(&mut self, _: &str) -> &mut Path {
            self
        }

        pub(crate) fn push_decimal(&mut self, _: u64) -> &mut Path {
            self
        }

        pub(crate) fn as_c_str(&self) -> &std::ffi::CStr {
            c"members"
        }
    }
}

mod registry {
    pub(crate) mod format;
    #[path = "../../../../core/src/registry/lock.rs"]
    pub(crate) mod lock;
    #[path = "../../../../core/src/registry/members.rs"]
    pub(crate) mod members;
    #[path = "../../../../core/src/registry/segment.rs"]
    pub(crate) mod segment;
    mod shared;

    pub(crate) use shared::Registry;
}

mod member;

pub use member::{Member, Namespace};
use registry::format::SegmentSlot;
use registry::lock::{Acquired, RobustLock};
use registry::members::Token;
use registry::segment::Segment;

/// A lock, free or in somebody's hands.
pub struct Lock(RobustLock);

impl Lock {
    /// A free one.
    #[must_use]
    #[allow(
        clippy::new_without_default,
        reason = "a modelled atomic exists inside a model only"
    )]
    pub fn new() -> Lock {
        Lock(RobustLock::new())
    }

    /// Whether member `me` gets it from a dead owner; `dead` are members that do not live.
    pub fn lock(&self, me: u32, dead: &[u32]) -> bool {
        let is_alive = |owner: Token| !dead.contains(&owner.bits());
        self.0.lock(Token::from_bits(me), 1000, is_alive) == Ok(Acquired::OwnerDied)
    }

    /// As [`Lock::lock`], without waiting; `None` when somebody who lives has it.
    pub fn try_lock(&self, me: u32, dead: &[u32]) -> Option<bool> {
        let is_alive = |owner: Token| !dead.contains(&owner.bits());
        let acquired = self.0.try_lock_or_inherit(Token::from_bits(me), is_alive);
        acquired.map(|acquired| acquired == Acquired::OwnerDied)
    }

    /// Lets go.
    pub fn unlock(&self) {
        self.0.unlock();
    }
}

/// A segment's slot. Two of its fields are modelled; which two makes no difference to the others.
pub struct Slot(SegmentSlot);

impl Slot {
    /// A free one.
    #[must_use]
    #[allow(
        clippy::new_without_default,
        reason = "a modelled atomic exists inside a model only"
    )]
    pub fn new() -> Slot {
        Slot(SegmentSlot::new())
    }

    /// Writes a segment with this number in two fields, as the holder of the slot's lock.
    pub fn write(&self, number: u32) {
        self.0.write_locked(&Segment {
            shmid: number,
            size: number.into(),
            ..Segment::default()
        });
    }

    /// Reads both fields, as anybody.
    #[must_use]
    pub fn read(&self) -> Option<(u32, u64)> {
        self.0
            .read()
            .map(|(_, segment)| (segment.shmid, segment.size))
    }
}
