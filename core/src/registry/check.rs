//! The registry's invariants, checked from outside. `docs/registry-format.md` has the same list. Tested by
//! `reliability/tests/hostile`.

use super::format::{MAX_HOLDINGS, MAX_SEGMENTS};
use super::ledger::length_of_run;
use super::segment::State;
use super::{Registry, Segment, slot_of};
use crate::os::paths;
use crate::sync::Ordering;

/// An invariant that does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are what the variant's text says")]
pub enum Finding {
    /// A slot holds a segment whose id names another slot.
    ForeignId { slot: u32, shmid: u32 },
    /// A live segment's key does not lead to it.
    KeyLost { slot: u32, key: i32 },
    /// Two live segments have the same key.
    KeyDoubled { slot: u32, key: i32 },
    /// The total of a slot is not the number of its holdings that count.
    Count {
        slot: u32,
        nattch: u32,
        recorded: u32,
    },
    /// A segment's file is missing, or not as large as it should be.
    File { slot: u32 },
    /// The number of slots in use is wrong.
    Total {
        name: &'static str,
        says: u64,
        is: u64,
    },
}

/// The id that a slot's segment should have if it has another: this slot's, with the same sequence.
pub(super) fn own_id(shmid: u32, slot: u32) -> Option<u32> {
    if slot_of(shmid) == slot && shmid != 0 && shmid <= i32::MAX as u32 {
        return None;
    }
    match shmid & !(MAX_SEGMENTS - 1) & i32::MAX as u32 | slot {
        0 => Some(MAX_SEGMENTS),
        id => Some(id),
    }
}

impl Registry {
    pub(crate) fn check_invariants(&self, mut report: impl FnMut(Finding)) {
        let mut used = 0u64;
        for slot in 0..self.segments_high() {
            if let Some(segment) = self.read_slot(slot) {
                used += u64::from(segment.state != State::Free);
                self.check_count(slot, &segment, &mut report);
                self.check_slot(slot, &segment, &mut report);
            }
        }
        let mut compare = |name, says, is, is_right: bool| {
            if !is_right {
                report(Finding::Total { name, says, is });
            }
        };
        let says = u64::from(self.ledger().used);
        compare("used", says, used, says == used);
        let given_out = self.header().holdings.load(Ordering::Acquire);
        let behind = self.behind_all_runs();
        compare("holdings", given_out, behind, given_out >= behind);
    }

    /// Where the holdings that belong to slots end. The next run must not lie before it.
    pub(super) fn behind_all_runs(&self) -> u64 {
        let mut behind = 0;
        for index in 0..self.segments_high() {
            let Ok(slot) = self.slot(index) else {
                continue;
            };
            for (run, first) in (0u32..).zip(&slot.slot.runs) {
                let first = first.load(Ordering::Acquire);
                if (1..=MAX_HOLDINGS).contains(&first) {
                    behind = behind.max(u64::from(first - 1) + u64::from(length_of_run(run)));
                }
            }
        }
        behind.min(MAX_HOLDINGS.into())
    }

    /// A slot without a segment is checked too: a holding that still counts there would be taken from the next
    /// segment's total.
    fn check_count(&self, slot: u32, segment: &Segment, report: &mut impl FnMut(Finding)) {
        let recorded = self.recorded(slot);
        if recorded != Some(segment.nattch) {
            report(Finding::Count {
                slot,
                nattch: segment.nattch,
                recorded: recorded.unwrap_or(0),
            });
        }
    }

    fn check_slot(&self, slot: u32, segment: &Segment, report: &mut impl FnMut(Finding)) {
        if !segment.state.has_segment() {
            return;
        }
        if own_id(segment.shmid, slot).is_some() {
            report(Finding::ForeignId {
                slot,
                shmid: segment.shmid,
            });
        }
        match (segment.key != 0).then(|| self.find_key(segment.key)) {
            Some(Ok(None)) => report(Finding::KeyLost {
                slot,
                key: segment.key,
            }),
            Some(Ok(Some(found))) if found.shmid != segment.shmid => report(Finding::KeyDoubled {
                slot,
                key: segment.key,
            }),
            _ => {}
        }
        let size = self
            .memory_path(segment)
            .and_then(|path| paths::lstat(path.as_c_str()))
            .map(|status| status.size);
        if size.ok() != segment.bytes().map(|bytes| bytes as u64) {
            report(Finding::File { slot });
        }
    }

    /// Holdings of a slot that count.
    pub(super) fn recorded(&self, slot: u32) -> Option<u32> {
        let slot = self.slot(slot).ok()?;
        let mut recorded = 0u32;
        slot.each_holding(|_, _, _| recorded += 1);
        Some(recorded)
    }
}
