//! Where segments are mapped in this process: a table of its own memory, which no other process can damage.
//!
//! One `shmat` makes one entry (`entry`); unmapping part of it leaves several, of the same group. An entry is used again,
//! with its holding, for a next attach. The table is never moved and never shrinks, so that it can be read at any instant.
//! Tested by `c_tests/sysv` and `c_tests/process/costs.c`.

use super::entry::{self, Entry, Mapping, NO_HOLDING};
use super::stamp::{Stage, Stamp};
use crate::error::{Errno, Result};
use crate::os::memory;
use crate::os::process::thread_mark;
use crate::os::signals::Blocked;
use crate::registry::slot_of;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use core::mem::size_of;

/// Entries that are built in: they need no memory from the kernel.
const BUILT_IN: usize = 16;
const RUNS: usize = 14;

/// The run of an entry that is not built in.
fn run_of(index: usize) -> usize {
    (usize::BITS - 1).saturating_sub((index / BUILT_IN).leading_zeros()) as usize
}

/// Places for hints of addresses.
const HINTS: usize = 1 << 14;
/// Places for hints of segments, and of threads.
const FEW: usize = 64;

/// The table of this process.
pub(crate) struct Table {
    few: [Entry; BUILT_IN],
    /// Memory of our own if that is not enough: each run is as long as all before it; 0 where there is none.
    runs: [AtomicUsize; RUNS],
    /// Entries that were ever used.
    used: AtomicU32,
    /// Entries that are not idle.
    active: AtomicU32,
    /// Bounds of all attachments that ever were. The lower one is stored as its complement, so that all of this is zero
    /// at first.
    not_lowest: AtomicUsize,
    highest: AtomicUsize,
    next_group: AtomicU64,
    /// Hints: the entry at an address, the entry used last for a slot, the entry that a thread changes; plus one.
    by_address: [AtomicU32; HINTS],
    by_slot: [AtomicU32; FEW],
    by_thread: [AtomicU32; FEW],
}

pub(crate) static TABLE: Table = Table {
    few: [const { Entry::new() }; BUILT_IN],
    runs: [const { AtomicUsize::new(0) }; RUNS],
    used: AtomicU32::new(0),
    active: AtomicU32::new(0),
    not_lowest: AtomicUsize::new(0),
    highest: AtomicUsize::new(0),
    next_group: AtomicU64::new(0),
    by_address: [const { AtomicU32::new(0) }; HINTS],
    by_slot: [const { AtomicU32::new(0) }; FEW],
    by_thread: [const { AtomicU32::new(0) }; FEW],
};

/// Whether an entry is known to be why the kernel lists a mapping.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Explained {
    Not,
    /// It was, a moment ago: a thread is unmapping it, or has, and another may have mapped there since.
    Perhaps,
    Surely,
}

impl Table {
    /// The entry of this number.
    pub(super) fn entry(&self, index: u32) -> Option<&Entry> {
        let index = index as usize;
        if index < BUILT_IN {
            return self.few.get(index);
        }
        let run = run_of(index);
        let first = BUILT_IN << run;
        let memory = self.runs.get(run)?.load(Ordering::Acquire);
        if memory == 0 {
            return None;
        }
        // SAFETY: the run is memory of our own for as many entries as all before it, zeroed, which is a valid value; it
        // stays.
        Some(unsafe { &*(memory as *const Entry).add(index - first) })
    }

    /// Every entry that was ever used, with its number.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let used = self.used.load(Ordering::Acquire);
        (0..used).filter_map(|index| Some((index, self.entry(index)?)))
    }

    /// An idle entry, claimed for a change by this thread: one that has a holding of the slot already, if there is one.
    ///
    /// # Errors
    /// - `ENOMEM` the kernel has no memory for a larger table
    pub(super) fn claim_idle(
        &self,
        shmid: u32,
        to: Stage,
        frame: usize,
    ) -> Result<(u32, &Entry, Stamp)> {
        let hint = self.slot_hint(shmid).load(Ordering::Relaxed);
        if let Some(found) = hint
            .checked_sub(1)
            .and_then(|index| self.try_claim_idle(index, to, frame))
        {
            return Ok(found);
        }
        // Groups of a few: idle entries are near each other, or there are none.
        let mut used = self.used.load(Ordering::Acquire);
        if self.active.load(Ordering::Relaxed) >= used {
            used = 0;
        }
        let start = hint.wrapping_sub(1).min(used);
        let near = (0..used.min(FEW as u32)).map(|step| (start.wrapping_add(step)) % used.max(1));
        for index in near {
            if let Some(found) = self.try_claim_idle(index, to, frame) {
                return Ok(found);
            }
        }
        loop {
            let index = self.used.load(Ordering::Acquire);
            self.make_room(index)?;
            let found = self.try_claim_idle(index, to, frame);
            self.used.fetch_max(index + 1, Ordering::AcqRel);
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    fn try_claim_idle(&self, index: u32, to: Stage, frame: usize) -> Option<(u32, &Entry, Stamp)> {
        let entry = self.entry(index)?;
        let stamp = entry.stamp();
        if stamp.stage() != Stage::Idle {
            return None;
        }
        self.active.fetch_add(1, Ordering::AcqRel);
        let Some(taken) = entry.take(stamp, Stage::TakenIdle, frame) else {
            self.active.fetch_sub(1, Ordering::AcqRel);
            return None;
        };
        // Who took it away meanwhile has counted it off.
        Some((index, entry, entry.change(taken, to)?))
    }

    /// Makes an entry of this thread idle again, unless another thread took it over.
    pub(super) fn make_idle(&self, entry: &Entry, from: Stamp) -> bool {
        let done = entry.change(from, Stage::Idle).is_some();
        if done {
            self.active.fetch_sub(1, Ordering::AcqRel);
        }
        done
    }

    /// Takes an entry away from a thread that has taken it and done nothing yet.
    pub(super) fn untake(&self, entry: &Entry, stamp: Stamp) {
        if stamp.stage() == Stage::TakenAttached {
            let _ = entry.change(stamp, Stage::Attached);
        } else {
            self.make_idle(entry, stamp);
        }
    }

    fn make_room(&self, index: u32) -> Result<()> {
        let index = index as usize;
        if index < BUILT_IN {
            return Ok(());
        }
        let run = run_of(index);
        let place = self.runs.get(run).ok_or(Errno::ENOMEM)?;
        if place.load(Ordering::Acquire) != 0 {
            return Ok(());
        }
        // A handler that never comes back must not lose this memory.
        let _signals = Blocked::new();
        let bytes =
            memory::page_round((BUILT_IN << run) * size_of::<Entry>()).ok_or(Errno::ENOMEM)?;
        let new = memory::map_private(bytes)?;
        if place
            .compare_exchange(0, new, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: nobody else knows of it.
            let _ = unsafe { memory::munmap(new, bytes) };
        }
        Ok(())
    }

    /// A number that differs if any entry was changed. While it stays the same, the table and the kernel's list of
    /// mappings can be compared.
    pub(super) fn fingerprint(&self) -> u64 {
        self.all().fold(0u64, |sum, (_, entry)| {
            sum.rotate_left(5).wrapping_add(entry.stamp().bits())
        })
    }

    /// A number for a new attachment.
    pub(super) fn new_group(&self) -> u64 {
        self.next_group.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn slot_hint(&self, shmid: u32) -> &AtomicU32 {
        &self.by_slot[slot_of(shmid) as usize % FEW]
    }

    /// Notes that the segment's next attach should use this entry.
    pub(super) fn note_idle(&self, index: u32, shmid: u32) {
        self.slot_hint(shmid).store(index + 1, Ordering::Relaxed);
    }

    /// This entry is attached from here on.
    pub(super) fn note_attached(&self, index: u32, mapping: &Mapping) {
        self.note_bounds(mapping.start, mapping.end());
        self.address_hint(mapping.start)
            .store(index + 1, Ordering::Relaxed);
    }

    fn address_hint(&self, start: usize) -> &AtomicU32 {
        &self.by_address[(start >> 12 ^ start >> 26) % HINTS]
    }

    /// An attachment may be here from here on.
    pub(super) fn note_bounds(&self, start: usize, end: usize) {
        self.not_lowest.fetch_max(!start, Ordering::AcqRel);
        self.highest.fetch_max(end, Ordering::AcqRel);
    }

    /// Whether the range might meet an attachment: a quick look.
    pub(crate) fn may_meet(&self, start: usize, len: usize) -> bool {
        self.active.load(Ordering::Acquire) != 0
            && start < self.highest.load(Ordering::Acquire)
            && start.saturating_add(len) > !self.not_lowest.load(Ordering::Acquire)
    }

    /// Whether there may be any attachment: a quick look.
    pub(crate) fn may_have_attachments(&self) -> bool {
        self.active.load(Ordering::Acquire) != 0
    }

    /// The attachment that shmdt(2) of `address` means. As in the kernel, it is the lowest mapping that lies where it
    /// would if the segment's start were at `address`; of a `group`, if one is given.
    pub(super) fn at(&self, address: usize, group: Option<u64>) -> Option<(u32, Stamp, Mapping)> {
        let fits = |index: u32| {
            let (stamp, mapping) = self.entry(index)?.attached()?;
            let is_it = mapping.base() == address
                && mapping.start >= address
                && group.is_none_or(|group| mapping.group == group);
            is_it.then_some((index, stamp, mapping))
        };
        let hint = self.address_hint(address).load(Ordering::Relaxed);
        if let Some(found) = hint.checked_sub(1).and_then(fits)
            && found.2.start == address
        {
            return Some(found);
        }
        self.all()
            .filter_map(|(index, _)| fits(index))
            .min_by_key(|(_, _, mapping)| mapping.start)
    }

    /// Calls `visit` with every attachment that the range meets.
    pub(crate) fn each_in(&self, start: usize, end: usize, mut visit: impl FnMut(&Mapping)) {
        for (_, entry) in self.all() {
            if let Some((_, mapping)) = entry.attached()
                && mapping.start < end
                && start < mapping.end()
            {
                visit(&mapping);
            }
        }
    }

    /// How surely entries other than `besides` explain that a segment whose start is, or would be, at `base` is mapped in
    /// a range: one is attached there, or is being detached, of which `left` says what that is worth. An entry at another
    /// base explains nothing, even if it meets the range: it was unmapped before.
    pub(super) fn explanation(
        &self,
        besides: Option<&Entry>,
        (shmid, base): (u32, usize),
        (start, end): (usize, usize),
        left: &dyn Fn(&Entry, Stamp) -> Explained,
    ) -> Explained {
        let mut explained = Explained::Not;
        for (_, entry) in self.all() {
            if besides.is_some_and(|besides| core::ptr::eq(besides, entry)) {
                continue;
            }
            let Some((stamp, mapping)) = entry.mapped() else {
                continue;
            };
            let is_it = mapping.shmid == shmid && mapping.base() == base;
            if is_it && mapping.start < end && start < mapping.end() {
                explained = explained.max(match stamp.stage() {
                    Stage::Attached | Stage::TakenAttached => Explained::Surely,
                    _ => left(entry, stamp),
                });
            }
        }
        explained
    }

    /// Calls `visit` with every attachment of a segment.
    pub(crate) fn each_of(&self, shmid: u32, mut visit: impl FnMut(&Mapping)) {
        self.each_in(0, usize::MAX, |mapping| {
            if mapping.shmid == shmid {
                visit(mapping);
            }
        });
    }

    /// Where the calling thread's hint is.
    fn thread_hint(&self) -> &AtomicU32 {
        let mark = thread_mark();
        &self.by_thread[(mark >> 6 ^ mark >> 12 ^ mark >> 20) % FEW]
    }

    /// The calling thread changes an entry from here on. Returns what it changed before, to be restored at the end.
    pub(super) fn begin(&self, index: u32) -> u32 {
        self.thread_hint().swap(index + 1, Ordering::AcqRel)
    }

    /// What the calling thread changes.
    pub(super) fn hint(&self) -> u32 {
        self.thread_hint().load(Ordering::Acquire)
    }

    /// In a child: forgets the holdings that were its parent's.
    pub(super) fn forget_holdings(&self) {
        for (_, entry) in self.all() {
            entry.set_share(NO_HOLDING, 0);
        }
    }

    /// The calling thread is done.
    pub(super) fn finish(&self, before: u32) {
        self.thread_hint().store(before, Ordering::Release);
    }

    /// Calls `visit` with every entry that a thread is changing.
    pub(super) fn each_busy(&self, mut visit: impl FnMut(&'static Entry, Stamp))
    where
        Self: 'static,
    {
        if !entry::any_may_be_busy() {
            return;
        }
        for (_, entry) in TABLE.all() {
            let stamp = entry.stamp();
            if stamp.is_busy() {
                visit(entry, stamp);
            }
        }
    }

    /// Calls `visit` with the number of every entry that some thread may be changing.
    pub(super) fn each_begun(&self, mut visit: impl FnMut(u32, &AtomicU32)) {
        for place in &self.by_thread {
            if let Some(index) = place.load(Ordering::Acquire).checked_sub(1) {
                visit(index, place);
            }
        }
    }

    /// In a child: only the calling thread exists here.
    pub(super) fn forget_threads(&self) {
        for place in &self.by_thread {
            place.store(0, Ordering::Relaxed);
        }
    }
}

/// How deep the stack of the calling thread is, just below the frame of this function's caller. A call asks in the
/// function in which it begins and ends, so that a signal that interrupts it, wherever, finds the stack this deep or deeper.
#[inline(never)]
pub(crate) fn frame() -> usize {
    let here = 0u8;
    core::hint::black_box(&raw const here) as usize
}

/// A call on the same stack that is not nested in another begins at most this far below where the other began. Between
/// a call and one nested in it lies a signal frame, which is larger: on x86-64 1144 bytes at least.
pub(super) const SAME_DEPTH: usize = 1024;
