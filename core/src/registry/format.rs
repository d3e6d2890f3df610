//! The bytes of a registry: fixed-width atomics, no pointers, no padding. `docs/registry-format.md` describes them.
//!
//! Every field is an atomic because another process may change it at any moment; nothing read from here is used
//! as an index or a length before it has been checked.

use super::lock::RobustLock;
use crate::sync::{AtomicU32, AtomicU64};
use core::mem::{offset_of, size_of};

/// The first eight bytes of a registry.
pub const MAGIC: u64 = u64::from_le_bytes(*b"PARTAGE\x01");
/// The version of the layout described here; a registry with another one is left alone.
pub const VERSION: u32 = 1;

/// Bytes that are mapped at once; the file grows by as much.
pub(crate) const WINDOW: usize = 1 << 20;

/// Most segments in a namespace: an id has fifteen bits for the slot.
pub const MAX_SEGMENTS: u32 = 1 << 15;
/// Most members of a namespace at one time.
pub const MAX_MEMBERS: u32 = 1 << 14;
/// Most attachments in a namespace at one time.
pub const MAX_RECORDS: u32 = 1 << 20;
/// Cells of the key index: twice as many as there can be keys.
pub(crate) const KEY_CELLS: usize = 1 << 16;
/// Words of the bitmap of used slots.
pub(crate) const BITMAP_WORDS: usize = MAX_SEGMENTS as usize / 64;

/// The first page.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU32,
    pub(crate) window: AtomicU32,
    /// The boot that the registry was made in: elsewhere than on tmpfs it does not outlive it.
    pub(crate) boot: [AtomicU64; 2],
    /// Part of the names of the lock files, so that nobody outside finds them.
    pub(crate) nonce: AtomicU64,
    /// When the registry was made, in seconds since the epoch.
    pub(crate) born: AtomicU64,
    /// The user namespace of whoever made the registry, by inode number: capabilities count in it.
    pub(crate) user_namespace: AtomicU64,
    pub(crate) shmmax: AtomicU64,
    pub(crate) shmall: AtomicU64,
    pub(crate) shmmni: AtomicU32,
    pub(crate) rmid_forced: AtomicU32,
    /// Cursor, last index and sequence of the id allocator in one word, see `ids`.
    pub(crate) id_state: AtomicU64,
    /// Room found on the file system, see `room`.
    pub(crate) room: AtomicU64,
    /// The number in the name of the next backing file.
    pub(crate) next_file: AtomicU64,
    /// Guards creation and removal: the key index, the bitmap and the totals below.
    pub(crate) lock: RobustLock,
    /// Derived: slots that are not free.
    pub(crate) used: AtomicU32,
    /// Derived: pages of all slots that are not free.
    pub(crate) pages: AtomicU64,
    /// Derived: slots in creation or destruction.
    pub(crate) pending: AtomicU32,
    /// Derived: segments that wait for their last detach.
    pub(crate) marked: AtomicU32,
    /// No slot at or above was ever used.
    pub(crate) segments_high: AtomicU32,
    /// No record at or above was ever used.
    pub(crate) records_high: AtomicU32,
    /// Where the next process looks for a member slot, and below which bound.
    pub(crate) next_member: AtomicU32,
    pub(crate) member_limit: AtomicU32,
    /// Where the next sweep goes on.
    pub(crate) sweep: AtomicU32,
    /// Set when somebody met bytes that no member writes.
    pub(crate) damaged: AtomicU32,
}

/// One of the two copies of what a slot says of its segment.
#[repr(C)]
pub(crate) struct SegmentCopy {
    pub(crate) state: AtomicU32,
    pub(crate) shmid: AtomicU32,
    pub(crate) key: AtomicU32,
    pub(crate) mode: AtomicU32,
    pub(crate) uid: AtomicU32,
    pub(crate) gid: AtomicU32,
    pub(crate) cuid: AtomicU32,
    pub(crate) cgid: AtomicU32,
    pub(crate) size: AtomicU64,
    pub(crate) file: AtomicU64,
    pub(crate) atime: AtomicU64,
    pub(crate) dtime: AtomicU64,
    pub(crate) ctime: AtomicU64,
    pub(crate) cpid: AtomicU32,
    pub(crate) lpid: AtomicU32,
    pub(crate) nattch: AtomicU32,
    pub(crate) flags: AtomicU32,
    pub(crate) owner: AtomicU32,
    pub(crate) spare: AtomicU32,
}

/// A segment's slot. `version` is the commit word: its lowest bit chooses the copy that counts.
#[repr(C)]
pub(crate) struct SegmentSlot {
    pub(crate) lock: RobustLock,
    pub(crate) version: AtomicU32,
    /// Derived: the first attachment record of this segment, plus one.
    pub(crate) head: AtomicU32,
    /// Derived: look for dead members when `nattch` reaches this.
    pub(crate) reap_at: AtomicU32,
    pub(crate) copies: [SegmentCopy; 2],
    pub(crate) spare: [AtomicU64; 6],
}

/// A member's slot. The member lives as long as the lock on its byte of its lock file is held.
#[repr(C)]
pub(crate) struct MemberSlot {
    /// Index and generation; a token with another generation is that of a dead predecessor.
    pub(crate) token: AtomicU32,
    pub(crate) pid: AtomicU32,
    pub(crate) uid: AtomicU32,
    pub(crate) spare: AtomicU32,
    /// When it joined, in seconds since the epoch.
    pub(crate) since: AtomicU64,
    pub(crate) spare2: AtomicU64,
}

/// One attachment. `commit` is `shmid << 32 | token`, or zero for a free record.
#[repr(C)]
pub(crate) struct Record {
    pub(crate) commit: AtomicU64,
    /// Derived: neighbours in the segment's list, plus one.
    pub(crate) next: AtomicU32,
    pub(crate) previous: AtomicU32,
    pub(crate) address: AtomicU64,
    pub(crate) since: AtomicU64,
    pub(crate) pid: AtomicU32,
    /// Mappings that the attachment consists of: more than one after part of it was unmapped.
    pub(crate) fragments: AtomicU32,
    pub(crate) flags: AtomicU32,
    pub(crate) spare: AtomicU32,
    pub(crate) spare2: [AtomicU64; 2],
}

/// In `Record::flags`: attached for reading only.
pub(crate) const RECORD_READ_ONLY: u32 = 1;

const _: () = {
    assert!(size_of::<Header>() == 152);
    assert!(
        offset_of!(Header, boot) == 16
            && offset_of!(Header, nonce) == 32
            && offset_of!(Header, shmmax) == 56
    );
    assert!(
        offset_of!(Header, shmmni) == 72
            && offset_of!(Header, id_state) == 80
            && offset_of!(Header, lock) == 104
    );
    assert!(
        offset_of!(Header, pages) == 112
            && offset_of!(Header, next_member) == 136
            && offset_of!(Header, damaged) == 148
    );
    assert!(size_of::<SegmentCopy>() == 96);
    assert!(
        offset_of!(SegmentCopy, size) == 32
            && offset_of!(SegmentCopy, cpid) == 72
            && offset_of!(SegmentCopy, owner) == 88
    );
    assert!(size_of::<SegmentSlot>() == 256 && offset_of!(SegmentSlot, copies) == 16);
    assert!(size_of::<MemberSlot>() == 32 && offset_of!(MemberSlot, since) == 16);
    assert!(
        size_of::<Record>() == 64
            && offset_of!(Record, address) == 16
            && offset_of!(Record, fragments) == 36
    );
};
