//! Which slot and sequence number the next segment gets: the kernel's rule, as a pure function.
//!
//! The search is cyclic, so that a freed id does not come back at once; the sequence number grows whenever the
//! search has wrapped around. An id of 0 is never issued: programs pass 0 by mistake.

#![forbid(unsafe_code)]

use super::format::MAX_SEGMENTS;

pub(super) const SLOT_BITS: u32 = 15;
const SEQUENCES: u32 = 65535;
const SMALLEST_RANGE: u32 = 64;

/// The slot that an id names.
pub(crate) fn slot(shmid: u32) -> u32 {
    shmid & (MAX_SEGMENTS - 1)
}

/// The sequence number in an id, as `shm_perm.seq` shows it.
pub(crate) fn sequence(shmid: u32) -> u32 {
    shmid >> SLOT_BITS
}

/// The allocator's state, kept in one word of the registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IdState {
    /// Where the search for a free slot begins.
    cursor: u32,
    /// One more than the slot chosen last; 0 before the first.
    after_last: u32,
    sequence: u32,
    /// Of the ledger that announced the last change.
    version: u32,
}

impl IdState {
    /// Before the first segment. Slot 0 comes last in the first round, so that its id is not 0.
    pub(crate) const START: IdState = IdState {
        cursor: 1,
        after_last: 0,
        sequence: 0,
        version: 0,
    };

    pub(crate) fn from_word(word: u64) -> IdState {
        IdState {
            cursor: (word & 0xffff) as u32,
            after_last: (word >> 16 & 0xffff) as u32,
            sequence: (word >> 32 & 0xffff) as u32 % SEQUENCES,
            version: (word >> 48) as u32,
        }
    }

    pub(crate) fn to_word(self) -> u64 {
        u64::from(self.cursor)
            | u64::from(self.after_last) << 16
            | u64::from(self.sequence) << 32
            | u64::from(self.version & 0xffff) << 48
    }

    /// Whether this is the state after the change that a ledger of this version announced.
    pub(crate) fn is_of(self, version: u32) -> bool {
        self.version == version & 0xffff
    }

    /// The state after `index` was chosen.
    pub(crate) fn after(self, index: u32, version: u32) -> IdState {
        IdState {
            cursor: index + 1,
            after_last: index + 1,
            sequence: self.sequence_for(index),
            version: version & 0xffff,
        }
    }

    /// The id of a new segment when `live` others are there. `next_free(from, below)` is the lowest free slot in a range.
    pub(crate) fn next(
        self,
        live: u32,
        mut next_free: impl FnMut(u32, u32) -> Option<u32>,
    ) -> Option<u32> {
        let range = (live.saturating_mul(3) / 2).clamp(SMALLEST_RANGE, MAX_SEGMENTS);
        let mut index = next_free(self.cursor.min(range), range).or_else(|| next_free(0, range))?;
        if index == 0 && self.sequence_for(0) == 0 {
            index = next_free(1, range)?;
        }
        Some(self.sequence_for(index) << SLOT_BITS | index)
    }

    fn sequence_for(self, index: u32) -> u32 {
        if index < self.after_last {
            (self.sequence + 1) % SEQUENCES
        } else {
            self.sequence
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    struct Ids {
        state: IdState,
        used: BTreeSet<u32>,
    }

    impl Ids {
        fn new() -> Ids {
            Ids {
                state: IdState::START,
                used: BTreeSet::new(),
            }
        }

        fn create(&mut self) -> u32 {
            let used = &self.used;
            let free = |from: u32, below: u32| (from..below).find(|index| !used.contains(index));
            let id = self.state.next(used.len() as u32, free).unwrap();
            self.state = self.state.after(slot(id), self.state.version + 1);
            assert_eq!(IdState::from_word(self.state.to_word()), self.state);
            self.used.insert(slot(id));
            id
        }
    }

    #[test]
    fn create_and_remove_in_a_loop_walks_the_slots() {
        let mut ids = Ids::new();
        let mut seen = Vec::new();
        for _ in 0..130 {
            let id = ids.create();
            ids.used.clear();
            seen.push(id);
        }
        assert_eq!(seen[..3], [1, 2, 3]);
        assert_eq!(seen[62], 63);
        assert_eq!(seen[63..66], [32768, 32769, 32770]);
        assert_eq!(seen[127], 65536);
    }

    #[test]
    fn zero_is_never_issued() {
        let mut ids = Ids {
            state: IdState {
                cursor: 64,
                after_last: 64,
                sequence: SEQUENCES - 1,
                version: 7,
            },
            used: BTreeSet::new(),
        };
        assert_eq!(ids.create(), 1);
        assert_eq!(ids.create(), 2);
    }

    #[test]
    fn live_ones_are_kept_apart() {
        let mut ids = Ids::new();
        let all: BTreeSet<u32> = (0..4096).map(|_| ids.create()).collect();
        assert_eq!(all.len(), 4096);
        assert_eq!(ids.used.len(), 4096);
    }

    #[test]
    fn a_full_table_has_no_id() {
        assert_eq!(IdState::START.next(MAX_SEGMENTS, |_, _| None), None);
    }
}
