//! A segment as plain values, and how it is read from its slot and written to it.
//!
//! A slot holds two copies; the lowest bit of its version chooses the one that counts. A writer, who holds the
//! slot's lock, fills the other copy and then steps the version: at every instant there is one whole segment to
//! read, a writer that is stopped or killed included, and a reader never waits.

use super::format::{SegmentCopy, SegmentSlot};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// In [`Segment::mode`]: removed, and waiting for the last detach (`SHM_DEST`).
pub const SHM_DEST: u32 = 0o1000;
/// In [`Segment::mode`]: memory is to be kept from swapping (`SHM_LOCKED`).
pub const SHM_LOCKED: u32 = 0o2000;

/// In [`Segment::flags`]: made with `SHM_NORESERVE`, so no room is set aside for it.
pub(crate) const NO_RESERVE: u32 = 1;
/// In [`Segment::flags`]: some process may keep an anchor to the file, which removal has to empty.
pub(crate) const ANCHORED: u32 = 2;

/// What a slot is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum State {
    /// For nothing.
    #[default]
    Free,
    /// A process is making the backing file; the segment has no id that works yet.
    Creating,
    /// For a segment.
    Live,
    /// A process is removing the backing file; the id works no more.
    Doomed,
}

impl State {
    fn from_number(number: u32) -> State {
        match number {
            1 => State::Creating,
            2 => State::Live,
            3 => State::Doomed,
            _ => State::Free,
        }
    }
}

/// Everything that is known of one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Segment {
    /// What the slot is used for.
    pub state: State,
    /// Its id.
    pub shmid: u32,
    /// Its key; 0 for a private or a removed one.
    pub key: i32,
    /// Nine permission bits, [`SHM_DEST`], [`SHM_LOCKED`].
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Owner's group.
    pub gid: u32,
    /// Creator.
    pub cuid: u32,
    /// Creator's group.
    pub cgid: u32,
    /// Bytes, as asked for.
    pub size: u64,
    /// Number in the name of the backing file.
    pub file: u64,
    /// Last attach, seconds since the epoch, 0 for never.
    pub atime: i64,
    /// Last detach, likewise.
    pub dtime: i64,
    /// Creation or last `IPC_SET`, likewise.
    pub ctime: i64,
    /// Process that created it.
    pub cpid: i32,
    /// Process of the last attach or detach.
    pub lpid: i32,
    /// Attachments by the records: those of members that have died unnoticed are still among them.
    pub nattch: u32,
    pub(crate) flags: u32,
    /// Member token of the creator.
    pub(crate) owner: u32,
}

/// How often a read is tried before the caller has to take the lock: each failure means that a writer got through.
const TRIES: u32 = if cfg!(loom) { 2 } else { 100 };

fn get(word: &AtomicU32) -> u32 {
    word.load(Ordering::Relaxed)
}

fn get64(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

impl SegmentCopy {
    fn load(&self) -> Segment {
        Segment {
            state: State::from_number(get(&self.state)),
            shmid: get(&self.shmid),
            key: get(&self.key) as i32,
            mode: get(&self.mode),
            uid: get(&self.uid),
            gid: get(&self.gid),
            cuid: get(&self.cuid),
            cgid: get(&self.cgid),
            size: get64(&self.size),
            file: get64(&self.file),
            atime: get64(&self.atime) as i64,
            dtime: get64(&self.dtime) as i64,
            ctime: get64(&self.ctime) as i64,
            cpid: get(&self.cpid) as i32,
            lpid: get(&self.lpid) as i32,
            nattch: get(&self.nattch),
            flags: get(&self.flags),
            owner: get(&self.owner),
        }
    }

    fn store(&self, segment: &Segment) {
        let put = |word: &AtomicU32, value: u32| word.store(value, Ordering::Relaxed);
        let put64 = |word: &AtomicU64, value: u64| word.store(value, Ordering::Relaxed);
        put(&self.state, segment.state as u32);
        put(&self.shmid, segment.shmid);
        put(&self.key, segment.key as u32);
        put(&self.mode, segment.mode);
        put(&self.uid, segment.uid);
        put(&self.gid, segment.gid);
        put(&self.cuid, segment.cuid);
        put(&self.cgid, segment.cgid);
        put64(&self.size, segment.size);
        put64(&self.file, segment.file);
        put64(&self.atime, segment.atime as u64);
        put64(&self.dtime, segment.dtime as u64);
        put64(&self.ctime, segment.ctime as u64);
        put(&self.cpid, segment.cpid as u32);
        put(&self.lpid, segment.lpid as u32);
        put(&self.nattch, segment.nattch);
        put(&self.flags, segment.flags);
        put(&self.owner, segment.owner);
    }
}

impl SegmentSlot {
    /// The copy that counts, and the version that it is of; `None` when writers kept coming.
    pub(crate) fn read(&self) -> Option<(u32, Segment)> {
        for _ in 0..TRIES {
            let version = self.version.load(Ordering::Acquire);
            let segment = self.copy(version).load();
            if self.is_still(version) {
                return Some((version, segment));
            }
        }
        None
    }

    /// Whether nothing was written since `version` was read.
    pub(crate) fn is_still(&self, version: u32) -> bool {
        fence(Ordering::Acquire);
        self.version.load(Ordering::Relaxed) == version
    }

    /// What counts now, for the holder of the slot's lock.
    pub(crate) fn read_locked(&self) -> Segment {
        self.copy(self.version.load(Ordering::Acquire)).load()
    }

    /// Makes `segment` what counts, in one step. Only the holder of the slot's lock may call it.
    pub(crate) fn write_locked(&self, segment: &Segment) {
        let next = self.version.load(Ordering::Relaxed).wrapping_add(1);
        // Readers of the version before this one must not see the copy change without seeing a newer version.
        fence(Ordering::Release);
        self.copy(next).store(segment);
        self.version.store(next, Ordering::Release);
    }

    fn copy(&self, version: u32) -> &SegmentCopy {
        let [even, odd] = &self.copies;
        if version & 1 == 0 { even } else { odd }
    }
}

impl Segment {
    /// Bytes of its memory: the size rounded up to pages; `None` for a size that no segment can have.
    pub(crate) fn bytes(&self) -> Option<usize> {
        let size = usize::try_from(self.size).ok().filter(|&size| size > 0)?;
        let size = match self.huge_page() {
            None => size,
            Some(page) => size.checked_next_multiple_of(usize::try_from(page).ok()?)?,
        };
        crate::os::memory::page_round(size)
    }

    /// Whether the id of a caller names this segment.
    pub(crate) fn is_live(&self, shmid: u32) -> bool {
        self.state == State::Live && self.shmid == shmid
    }

    /// Whether no room was set aside for it.
    pub(crate) fn is_unreserved(&self) -> bool {
        self.flags & NO_RESERVE != 0
    }

    /// Whether the namespace's file system has to have room for it.
    pub(crate) fn needs_room(&self) -> bool {
        !self.is_unreserved() && self.huge_page().is_none()
    }

    /// Whether it waits for its last detach.
    pub(crate) fn is_removed(&self) -> bool {
        self.mode & SHM_DEST != 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    fn slot() -> Box<SegmentSlot> {
        // SAFETY: all-zero bytes are a valid slot of atomics.
        unsafe { Box::new(core::mem::zeroed()) }
    }

    #[test]
    fn what_is_written_is_read() {
        let slot = slot();
        assert_eq!(slot.read().unwrap().1.state, State::Free);
        let segment = Segment {
            state: State::Live,
            shmid: 77,
            key: -5,
            size: 1 << 40,
            atime: -1,
            nattch: 3,
            ..Segment::default()
        };
        slot.write_locked(&segment);
        assert_eq!(slot.read(), Some((1, segment)));
    }

    #[test]
    fn readers_never_see_a_mixture() {
        let slot: Arc<SegmentSlot> = Arc::from(slot());
        let done = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (slot, done) = (slot.clone(), done.clone());
                std::thread::spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        if let Some((_, segment)) = slot.read() {
                            assert_eq!(
                                (segment.size, segment.lpid),
                                (u64::from(segment.shmid), segment.shmid as i32)
                            );
                        }
                    }
                })
            })
            .collect();
        for number in 0..200_000u32 {
            slot.write_locked(&Segment {
                shmid: number,
                size: number.into(),
                lpid: number as i32,
                ..Segment::default()
            });
        }
        done.store(true, Ordering::Relaxed);
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    }
}
