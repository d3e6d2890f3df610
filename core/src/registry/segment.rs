//! A segment as plain values, and its facts: what it is, apart from whether it is there and who is attached.
//!
//! A slot has two copies of the facts. The lowest bit of its version says which one counts. A writer, which has the
//! claim of the slot, fills the other copy and then steps the version. So there are whole facts to read at every
//! instant, even if a writer is stopped or killed, and a reader never waits.

use super::format::{Facts, SegmentSlot};
pub use super::word::State;
use crate::os::memory;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// In [`Segment::mode`]: removed, and waiting for the last detach (`SHM_DEST`).
pub const SHM_DEST: u32 = 0o1000;
/// In [`Segment::mode`]: memory is to be kept from swapping (`SHM_LOCKED`).
pub const SHM_LOCKED: u32 = 0o2000;

/// In [`Segment::flags`]: made with `SHM_NORESERVE`, so no room is set aside for it.
pub(crate) const NO_RESERVE: u32 = 1;

/// What is known of one segment, but for its [`super::Stamps`].
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
    /// Creation or last `IPC_SET`, seconds since the epoch.
    pub ctime: i64,
    /// Process that created it.
    pub cpid: i32,
    /// Attachments. Those of dead members that were not reaped yet are among them.
    pub nattch: u32,
    pub(crate) flags: u32,
}

/// It goes from hand to hand in every call, and as large as a cache line it is copied by a few instructions.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Option<Segment>>() == 64);

/// How often a read is tried. It fails only if a writer got through.
const TRIES: u32 = 1000;

fn get(word: &AtomicU32) -> u32 {
    word.load(Ordering::Relaxed)
}

fn get64(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

impl Facts {
    fn load(&self) -> Segment {
        Segment {
            shmid: get(&self.shmid),
            key: get(&self.key) as i32,
            mode: get(&self.mode) & (0o777 | SHM_LOCKED),
            uid: get(&self.uid),
            gid: get(&self.gid),
            cuid: get(&self.cuid),
            cgid: get(&self.cgid),
            cpid: get(&self.cpid) as i32,
            size: get64(&self.size),
            ctime: get64(&self.ctime) as i64,
            flags: get(&self.flags),
            ..Segment::default()
        }
    }

    fn store(&self, segment: &Segment) {
        let put = |word: &AtomicU32, value: u32| word.store(value, Ordering::Relaxed);
        let put64 = |word: &AtomicU64, value: u64| word.store(value, Ordering::Relaxed);
        put(&self.shmid, segment.shmid);
        put(&self.key, segment.key as u32);
        put(&self.mode, segment.mode & (0o777 | SHM_LOCKED));
        put(&self.uid, segment.uid);
        put(&self.gid, segment.gid);
        put(&self.cuid, segment.cuid);
        put(&self.cgid, segment.cgid);
        put(&self.cpid, segment.cpid as u32);
        put64(&self.size, segment.size);
        put64(&self.ctime, segment.ctime as u64);
        put(&self.flags, segment.flags);
    }
}

impl SegmentSlot {
    /// The facts that count, and their version. `None` if writers kept coming.
    #[inline(always)]
    pub(crate) fn facts(&self) -> Option<(u32, Segment)> {
        for _ in 0..TRIES {
            let version = self.version.load(Ordering::Acquire);
            let segment = self.copy(version).load();
            if self.is_still(version) {
                return Some((version, segment));
            }
        }
        None
    }

    /// The id in the facts that count.
    pub(crate) fn shmid(&self) -> u32 {
        let version = self.version.load(Ordering::Acquire);
        self.copy(version).shmid.load(Ordering::Acquire)
    }

    /// Whether no facts were written since `version` was read.
    pub(crate) fn is_still(&self, version: u32) -> bool {
        fence(Ordering::Acquire);
        self.version.load(Ordering::Relaxed) == version
    }

    /// Makes these the facts that count, in one step. Only the member with the claim of the slot may call it.
    pub(crate) fn write_facts(&self, segment: &Segment) {
        let next = self.version.load(Ordering::Relaxed).wrapping_add(1);
        // Readers of the version before this one must not see the copy change without seeing a newer version.
        fence(Ordering::Release);
        self.copy(next).store(segment);
        self.version.store(next, Ordering::Release);
    }

    fn copy(&self, version: u32) -> &Facts {
        let [even, odd] = &self.facts;
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
        memory::page_round(size)
    }

    /// Pages that the segment is charged with.
    pub(crate) fn pages(&self) -> u64 {
        self.size.div_ceil(memory::page_size() as u64)
    }

    /// Whether the id of a caller names this segment.
    pub(crate) fn has_id(&self, shmid: u32) -> bool {
        self.state.has_segment() && self.shmid == shmid
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
        self.state == State::Removed
    }
}

#[cfg(test)]
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
        let segment = Segment {
            shmid: 77,
            key: -5,
            size: 1 << 40,
            ctime: -1,
            ..Segment::default()
        };
        slot.write_facts(&segment);
        assert_eq!(slot.facts(), Some((1, segment)));
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
                        if let Some((_, segment)) = slot.facts() {
                            assert_eq!(
                                (segment.size, segment.cpid),
                                (u64::from(segment.shmid), segment.shmid as i32)
                            );
                        }
                    }
                })
            })
            .collect();
        for number in 0..200_000u32 {
            slot.write_facts(&Segment {
                shmid: number,
                size: number.into(),
                cpid: number as i32,
                ..Segment::default()
            });
        }
        done.store(true, Ordering::Relaxed);
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    }
}
