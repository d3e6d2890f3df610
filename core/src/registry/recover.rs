//! What a process left half-done when it died with a lock is put in order by the next to take that lock. Nothing is
//! replayed: the derived part is computed anew from slots and records, each of which is whole at every instant.

use super::Registry;
use super::format::MAX_SEGMENTS;
use super::guard::SegmentGuard;
use super::members::Prober;
use super::segment::{Segment, State};
use crate::log::{self, Level};
use crate::os::memory;
use crate::sync::Ordering;

impl SegmentGuard<'_> {
    /// The slot's lock came from a dead owner: its list may be in pieces, its count may not fit its records.
    pub(crate) fn recover(&self) {
        log::write(Level::Info, |line| {
            line.str("putting segment slot ")
                .number(self.index.into())
                .str(" in order after a crash")
        });
        self.rebuild_list();
        let mut segment = self.read();
        if segment.state == State::Live {
            let left = self.retain(&segment, |_| true, |_, _| {});
            if left != segment.nattch {
                segment.nattch = left;
                self.write(&segment);
            }
            // A change of owner or mode may not have reached the file.
            self.registry.restore_access(&segment);
            self.reap(&mut Prober::new(self.registry, Some(self.me)));
        }
    }
}

impl Registry {
    /// The namespace's lock came from a dead owner: key index, bitmap and totals are computed anew. The caller
    /// holds the lock.
    pub(crate) fn recover_namespace(&self) {
        log::write(Level::Info, |line| {
            line.str("putting the namespace in order after a crash")
        });
        let header = self.header();
        let index = self.key_index();
        // Readers take no lock: an entry that is right must not be missing for a moment.
        index.retain(|slot| {
            self.read_slot(slot)
                .is_some_and(|segment| segment.state == State::Live && segment.key != 0)
        });
        let (mut used, mut pages, mut pending, mut marked) = (0u32, 0u64, 0u32, 0u32);
        let high = header
            .segments_high
            .load(Ordering::Acquire)
            .min(MAX_SEGMENTS);
        for slot in 0..high {
            let Some(segment) = self.read_slot(slot) else {
                continue;
            };
            self.set_used(slot, segment.state != State::Free);
            if segment.state == State::Free {
                continue;
            }
            used += 1;
            pages = pages.saturating_add(segment.pages());
            match segment.state {
                State::Live if segment.key != 0 => {
                    if index.find(segment.key, |found| found == slot).is_none() {
                        index.insert(segment.key, slot);
                    }
                }
                State::Live => {}
                _ => pending += 1,
            }
            if segment.state == State::Live && segment.is_removed() {
                marked += 1;
            }
        }
        header.used.store(used, Ordering::Relaxed);
        header.pages.store(pages, Ordering::Relaxed);
        header.pending.store(pending, Ordering::Relaxed);
        header.marked.store(marked, Ordering::Relaxed);
    }
}

impl Segment {
    /// Pages that the segment is charged with.
    pub(crate) fn pages(&self) -> u64 {
        self.size.div_ceil(memory::page_size() as u64)
    }
}
