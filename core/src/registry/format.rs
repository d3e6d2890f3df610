//! The bytes of a registry: fixed-width atomics, no pointers, no padding. `docs/registry-format.md` describes them.
//!
//! Every field is an atomic because another process may change it at any moment; nothing read from here is used
//! as an index or a length before it has been checked. Tested by `reliability/tests/hostile`.

use crate::sync::{AtomicU32, AtomicU64};

/// The first eight bytes of a registry. Only the last of them differs between versions: it is the version.
pub const MAGIC: u64 = u64::from_le_bytes(*b"PARTAGE\x02");
/// The version of the layout described here; a registry with another one is left alone.
pub const VERSION: u32 = 2;

/// Most segments in a namespace: an id has fifteen bits for the slot.
pub const MAX_SEGMENTS: u32 = 1 << 15;
/// Most members of a namespace at one time.
pub const MAX_MEMBERS: u32 = 1 << 14;
/// Most holdings in a namespace.
pub const MAX_HOLDINGS: u32 = 1 << 20;
/// Most holdings of one segment: what a word has bits for.
pub(crate) const MAX_SHARES: u32 = (1 << 17) - 1;
/// Cells of the key index.
pub(crate) const KEY_CELLS: u32 = 1 << 16;
/// Members share lock files, this many to a file: the kernel keeps the locks of a file in a list.
pub(crate) const MEMBERS_PER_FILE: u32 = 64;
/// Lock files.
pub(crate) const LOCK_FILES: usize = (MAX_MEMBERS / MEMBERS_PER_FILE) as usize;
/// Members from this index on have no lock. Whether they live is asked of their process.
pub(crate) const FIRST_WITHOUT_LOCK: u32 = MAX_MEMBERS / 4 * 3;
/// The members of this lock file have no lock either. They lie in the prefix.
pub(crate) const FILE_WITHOUT_LOCKS: u32 = 1;
/// Runs of holdings that a segment can have, each twice as long as the one before.
pub(crate) const RUNS: usize = 16;
/// Holdings in the first run.
pub(crate) const FIRST_RUN: u32 = 4;

/// The first page.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU32,
    /// Cells of the key index that are used: a power of two.
    pub(crate) key_cells: AtomicU32,
    /// The boot that the registry was made in. Except on tmpfs, the file could outlive it.
    pub(crate) boot: [AtomicU64; 2],
    /// Milliseconds since that boot, and seconds between the epoch and that boot, when the registry was made.
    pub(crate) made_at: AtomicU64,
    pub(crate) booted_at: AtomicU64,
    /// Part of the names of all files. So outsiders cannot find them, and files of another namespace are not taken for
    /// them.
    pub(crate) nonce: AtomicU64,
    /// When the registry was made, in seconds since the epoch.
    pub(crate) born: AtomicU64,
    /// The user namespace of the maker, by inode number: capabilities count in it.
    pub(crate) user_namespace: AtomicU64,
    pub(crate) shmmax: AtomicU64,
    pub(crate) shmall: AtomicU64,
    pub(crate) shmmni: AtomicU32,
    pub(crate) rmid_forced: AtomicU32,
    /// How many slots are in use, and the change to the tables that is announced, see `ledger`.
    pub(crate) ledger: AtomicU64,
    /// Cursor, last index and sequence of the id allocator in one word, see `ids`.
    pub(crate) ids: AtomicU64,
    /// The first holding that belongs to no slot.
    pub(crate) holdings: AtomicU64,
    /// Room found on the file system, see `room`.
    pub(crate) room: AtomicU64,
    /// Where the next process looks for a member slot, and the upper bound of that.
    pub(crate) next_member: AtomicU32,
    pub(crate) member_limit: AtomicU32,
    /// Where the next sweep goes on.
    pub(crate) sweep: AtomicU32,
    /// No slot from this one on was ever used.
    pub(crate) segments_high: AtomicU32,
    /// The inode of each lock file that was made, 0 for none.
    pub(crate) lock_files: [AtomicU64; LOCK_FILES],
}

/// What a segment is, apart from what its word says: one of two copies.
#[repr(C)]
pub(crate) struct Facts {
    pub(crate) shmid: AtomicU32,
    pub(crate) key: AtomicU32,
    pub(crate) mode: AtomicU32,
    pub(crate) uid: AtomicU32,
    pub(crate) gid: AtomicU32,
    pub(crate) cuid: AtomicU32,
    pub(crate) cgid: AtomicU32,
    pub(crate) cpid: AtomicU32,
    pub(crate) size: AtomicU64,
    pub(crate) ctime: AtomicU64,
    pub(crate) flags: AtomicU32,
    pub(crate) spare: AtomicU32,
}

/// A segment's slot, apart from its word. The lowest bit of `version` says which copy of the facts counts.
#[repr(C)]
pub(crate) struct SegmentSlot {
    /// Token of the member that makes the segment or changes its facts; 0 for none.
    pub(crate) claim: AtomicU64,
    pub(crate) version: AtomicU32,
    /// Some process may keep a page of the segment mapped for its next attach.
    pub(crate) kept: AtomicU32,
    pub(crate) facts: [Facts; 2],
    /// Values with the version of the word that they came with, see `stamps`.
    pub(crate) atime: AtomicU64,
    pub(crate) dtime: AtomicU64,
    pub(crate) lpid: AtomicU64,
    /// How many holdings were ever taken.
    pub(crate) length: AtomicU32,
    /// Hint: a holding that is free, plus one.
    pub(crate) free: AtomicU32,
    /// Hint: a holding whose member lived lately.
    pub(crate) lived: AtomicU32,
    /// Reap before the list of holdings grows beyond this.
    pub(crate) reap_at: AtomicU32,
    /// First holding of each run, plus one; 0 for a run that is not there yet.
    pub(crate) runs: [AtomicU32; RUNS],
    /// How many holdings the last reaping left free, and where to look for the next of them.
    pub(crate) vacant: AtomicU32,
    pub(crate) cursor: AtomicU32,
    /// Token of the creator.
    pub(crate) owner: AtomicU64,
    pub(crate) spare: AtomicU64,
}

/// A member's slot. One with a lock lives as long as the lock on its byte of its lock file is held.
#[repr(C)]
pub(crate) struct MemberSlot {
    /// Index and generation; a token with a smaller generation is that of a dead predecessor.
    pub(crate) token: AtomicU64,
    /// The process, with the lower half of the generation that wrote it; 0 while it is not born, -1 if its parent is done
    /// with the fork and it has not said its number.
    pub(crate) process: AtomicU64,
    /// Of a child that is not born: its parent's token.
    pub(crate) parent: AtomicU64,
    /// The process's pid namespace, by inode number; 0 where it is not known.
    pub(crate) pid_namespace: AtomicU64,
    /// When it joined, in seconds since the epoch.
    pub(crate) since: AtomicU64,
    pub(crate) uid: AtomicU32,
    /// What shows that it lives, see `members`.
    pub(crate) witness: AtomicU32,
    /// Of a child without a lock: milliseconds since the boot before it was born; 0 where that is not known.
    pub(crate) born_after: AtomicU64,
    /// The time namespace in which that was read, by inode number; 0 where there are none.
    pub(crate) time_namespace: AtomicU64,
}

/// One member's share in one segment: nothing, or one mapping. A model checker puts atomics of its own in.
#[repr(C)]
#[derive(Debug)]
pub struct Holding<A = AtomicU64> {
    /// Whether it counts, in the lowest bit; above it a number that grows with each change.
    pub count: A,
    /// The token of its member; 0 if it is free.
    pub token: A,
    /// Where the mapping lies in that process. The lowest bit says that it is read-only.
    pub address: A,
    /// Lower half: process id that made the last change. Upper half: when, in seconds since the registry's `born`.
    pub change: A,
}

const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(size_of::<Header>() == 144 + 8 * LOCK_FILES && size_of::<Header>() <= 4096);
    assert!(offset_of!(Header, boot) == 16 && offset_of!(Header, nonce) == 48);
    assert!(offset_of!(Header, shmmni) == 88 && offset_of!(Header, ledger) == 96);
    assert!(offset_of!(Header, next_member) == 128 && offset_of!(Header, lock_files) == 144);
    assert!(size_of::<Facts>() == 56 && offset_of!(Facts, size) == 32);
    assert!(size_of::<SegmentSlot>() == 256 && offset_of!(SegmentSlot, facts) == 16);
    assert!(offset_of!(SegmentSlot, atime) == 128 && offset_of!(SegmentSlot, runs) == 168);
    assert!(size_of::<MemberSlot>() == 64 && offset_of!(MemberSlot, since) == 32);
    assert!(size_of::<Holding>() == 32);
};
