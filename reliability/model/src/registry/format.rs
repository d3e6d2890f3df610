//! The fields of a slot, without their layout: modelled atomics have none.

use super::lock::RobustLock;
use crate::sync::{AtomicU32, AtomicU64};

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
