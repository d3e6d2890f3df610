//! Where shared memory is mapped in this process, so that a `munmap` of something else is told apart in a few nanoseconds.
//!
//! The table is an unordered set of ranges. A slot belongs to the thread that set its bit in `OCCUPIED`, so no lock is needed and a
//! signal handler may interrupt any thread. A filter of counters, by the hash of 64 KiB granules, answers for most other
//! memory without a look at the table: no counter, no mapping. It is raised before a range is entered and lowered after
//! it is gone, so it never misses one that a caller can know of.

use core::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};

const SLOTS: usize = 4096;
const BITS: usize = u64::BITS as usize;
const WORDS: usize = SLOTS / BITS;
const GRANULES: usize = 4096;
const GRANULE_SHIFT: u32 = 16;
/// A question about more granules than this goes to the table at once.
const FILTERED: usize = 16;
const PAGE: usize = 4096;

/// One mapping; `start` 0 while the slot is being filled or emptied.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
}

static OCCUPIED: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
static TABLE: [Slot; SLOTS] = [const {
    Slot {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
    }
}; SLOTS];
static FILTER: [AtomicU16; GRANULES] = [const { AtomicU16::new(0) }; GRANULES];
/// Mappings that found no slot: from then on every range may be one of them.
static UNTRACKED: AtomicUsize = AtomicUsize::new(0);

/// A range of addresses, whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Range {
    /// The pages of `len` bytes at `start`.
    pub(crate) fn new(start: usize, len: usize) -> Self {
        let end = start.saturating_add(len).saturating_add(PAGE - 1) & !(PAGE - 1);
        Range {
            start,
            end: end.max(start),
        }
    }

    /// Length in bytes.
    pub(crate) fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    fn meets(self, other: Range) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Counters of the filter that stand for this range.
    fn counters(self) -> impl Iterator<Item = &'static AtomicU16> {
        let first = self.start >> GRANULE_SHIFT;
        let last = self.end.saturating_sub(1) >> GRANULE_SHIFT;
        let count = last.saturating_sub(first).saturating_add(1).min(GRANULES);
        (first..first.saturating_add(count)).filter_map(|granule| FILTER.get(granule % GRANULES))
    }
}

/// Enters a mapping; false if the table is full.
pub(crate) fn insert(range: Range) -> bool {
    if range.len() == 0 {
        return true;
    }
    for counter in range.counters() {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    let Some(slot) = claim(range.start / PAGE) else {
        UNTRACKED.fetch_add(1, Ordering::Relaxed);
        return false;
    };
    slot.end.store(range.end, Ordering::Relaxed);
    slot.start.store(range.start, Ordering::Release);
    true
}

/// Takes a free slot, looking first where `hash` says.
fn claim(hash: usize) -> Option<&'static Slot> {
    for step in 0..WORDS {
        let index = hash.wrapping_add(step) % WORDS;
        let word = OCCUPIED.get(index)?;
        let mut seen = word.load(Ordering::Relaxed);
        while seen != u64::MAX {
            let bit = (!seen).trailing_zeros();
            let before = word.fetch_or(1 << bit, Ordering::Acquire);
            if before & (1 << bit) == 0 {
                return TABLE.get(index * BITS + bit as usize);
            }
            seen = before;
        }
    }
    None
}

/// Occupied slots of one word of the bit set.
fn slots_of(index: usize, word: &'static AtomicU64) -> impl Iterator<Item = (&'static Slot, u32)> {
    let mut bits = word.load(Ordering::Acquire);
    core::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (bit < u64::BITS).then_some(bit)
    })
    .filter_map(move |bit| {
        TABLE
            .get(index * BITS + bit as usize)
            .map(|slot| (slot, bit))
    })
}

/// Takes the range out of its slot, if it still starts where the caller saw it start.
fn take(slot: &'static Slot, word: &'static AtomicU64, bit: u32, start: usize) -> Option<Range> {
    slot.start
        .compare_exchange(start, 0, Ordering::AcqRel, Ordering::Relaxed)
        .ok()?;
    // Start 0 makes the slot ours until its bit is cleared.
    let range = Range {
        start,
        end: slot.end.load(Ordering::Relaxed),
    };
    word.fetch_and(!(1 << bit), Ordering::Release);
    for counter in range.counters() {
        counter.fetch_sub(1, Ordering::Relaxed);
    }
    Some(range)
}

fn read(slot: &Slot) -> Option<Range> {
    let start = slot.start.load(Ordering::Acquire);
    (start != 0).then(|| Range {
        start,
        end: slot.end.load(Ordering::Relaxed),
    })
}

/// Takes out the mapping that starts at `start`.
pub(crate) fn remove_at(start: usize) -> Option<Range> {
    if is_clear(Range {
        start,
        end: start.saturating_add(1),
    }) {
        return None;
    }
    let hash = start / PAGE;
    for step in 0..WORDS {
        let index = hash.wrapping_add(step) % WORDS;
        let word = OCCUPIED.get(index)?;
        for (slot, bit) in slots_of(index, word) {
            if slot.start.load(Ordering::Acquire) == start
                && let Some(range) = take(slot, word, bit, start)
            {
                return Some(range);
            }
        }
    }
    None
}

/// Whether the filter rules out that shared memory is mapped in `range`.
#[inline(always)]
fn is_clear(range: Range) -> bool {
    let few = range.len() >> GRANULE_SHIFT < FILTERED;
    few && range
        .counters()
        .all(|counter| counter.load(Ordering::Relaxed) == 0)
}

/// Whether shared memory is mapped somewhere in `range`.
#[inline]
pub(crate) fn any_in(range: Range) -> bool {
    !is_clear(range) && search(range)
}

#[cold]
fn search(range: Range) -> bool {
    let table = || {
        OCCUPIED
            .iter()
            .enumerate()
            .flat_map(|(index, word)| slots_of(index, word))
    };
    UNTRACKED.load(Ordering::Relaxed) != 0
        || table().any(|(slot, _)| read(slot).is_some_and(|held| held.meets(range)))
}

/// Takes `range` out of every mapping that it meets: what is left of those at either side stays.
pub(crate) fn remove(range: Range) {
    for (index, word) in OCCUPIED.iter().enumerate() {
        for (slot, bit) in slots_of(index, word) {
            let Some(seen) = read(slot).filter(|seen| seen.meets(range)) else {
                continue;
            };
            let Some(held) = take(slot, word, bit, seen.start) else {
                continue;
            };
            insert(Range {
                start: held.start,
                end: range.start.max(held.start),
            });
            insert(Range {
                start: range.end.min(held.end),
                end: held.end,
            });
        }
    }
}
