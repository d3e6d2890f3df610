//! The fields of a slot, without their layout: modelled atomics have none.

use super::lock::RobustLock;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use std::cell::Cell;

/// As many as share a lock file.
pub const MAX_MEMBERS: u32 = 64;

macro_rules! copy {
    ($($name:ident: $kind:ident = $made:expr,)*) => {
        pub(crate) struct SegmentCopy {
            $(pub(crate) $name: $kind,)*
        }

        impl SegmentCopy {
            fn new() -> SegmentCopy {
                SegmentCopy { $($name: $made,)* }
            }
        }
    };
}

copy! {
    state: AtomicU32 = AtomicU32::plain(0),
    shmid: AtomicU32 = AtomicU32::modelled(0),
    key: AtomicU32 = AtomicU32::plain(0),
    mode: AtomicU32 = AtomicU32::plain(0),
    uid: AtomicU32 = AtomicU32::plain(0),
    gid: AtomicU32 = AtomicU32::plain(0),
    cuid: AtomicU32 = AtomicU32::plain(0),
    cgid: AtomicU32 = AtomicU32::plain(0),
    size: AtomicU64 = AtomicU64::modelled(0),
    file: AtomicU64 = AtomicU64::plain(0),
    atime: AtomicU64 = AtomicU64::plain(0),
    dtime: AtomicU64 = AtomicU64::plain(0),
    ctime: AtomicU64 = AtomicU64::plain(0),
    cpid: AtomicU32 = AtomicU32::plain(0),
    lpid: AtomicU32 = AtomicU32::plain(0),
    nattch: AtomicU32 = AtomicU32::plain(0),
    flags: AtomicU32 = AtomicU32::plain(0),
    owner: AtomicU32 = AtomicU32::plain(0),
}

pub(crate) struct SegmentSlot {
    pub(crate) lock: RobustLock,
    pub(crate) version: AtomicU32,
    pub(crate) copies: [SegmentCopy; 2],
}

impl SegmentSlot {
    pub(crate) fn new() -> SegmentSlot {
        SegmentSlot {
            lock: RobustLock::new(),
            version: AtomicU32::modelled(0),
            copies: [SegmentCopy::new(), SegmentCopy::new()],
        }
    }
}

loom::thread_local! {
    static TURN: Cell<u32> = Cell::new(0);
}

/// Every process looks at the first slot first and at the second one then: so they meet.
pub(crate) struct Turns;

impl Turns {
    pub(crate) fn fetch_add(&self, _: u32, _: Ordering) -> u32 {
        TURN.with(|turn| turn.replace(turn.get() + 1))
    }
}

pub(crate) struct Header {
    pub(crate) nonce: AtomicU64,
    pub(crate) next_member: Turns,
    pub(crate) member_limit: AtomicU32,
}

impl Header {
    pub(crate) fn new() -> Header {
        Header {
            nonce: AtomicU64::plain(0),
            next_member: Turns,
            member_limit: AtomicU32::plain(0),
        }
    }
}

pub(crate) struct MemberSlot {
    pub(crate) token: AtomicU32,
    pub(crate) pid: AtomicU32,
    pub(crate) uid: AtomicU32,
    pub(crate) since: AtomicU64,
}

impl MemberSlot {
    pub(crate) fn new() -> MemberSlot {
        MemberSlot {
            token: AtomicU32::modelled(0),
            pid: AtomicU32::plain(0),
            uid: AtomicU32::plain(0),
            since: AtomicU64::plain(0),
        }
    }
}
