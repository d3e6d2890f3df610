//! A slot's word: one atomic decides whether a segment is there and which holdings count.
//!
//! `{state 3 | change 3 | total 17 | holding 17 | parity 1 | version 23}`, from the lowest bit on. A change of a holding
//! is announced here together with its effect on the total, see `holdings`.

#![forbid(unsafe_code)]

use super::format::MAX_SHARES;

/// What a slot is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum State {
    /// Nothing.
    #[default]
    Free,
    /// A process is making the segment's file; the id does not work yet.
    Creating,
    /// A segment.
    Live,
    /// A segment that was removed and waits for its last detach. Its id still works.
    Removed,
    /// What is left of a segment: its file may still have a name. The id works no more.
    Doomed,
}

impl State {
    const ALL: [State; 5] = [
        State::Free,
        State::Creating,
        State::Live,
        State::Removed,
        State::Doomed,
    ];

    /// Whether the id works.
    #[must_use]
    pub fn has_segment(self) -> bool {
        matches!(self, State::Live | State::Removed)
    }
}

/// A change of one holding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// No change is announced.
    None,
    /// It counts from now on.
    Attach,
    /// It counts no more: its member has unmapped it.
    Detach,
    /// It counts no more: the attach failed.
    Cancel,
    /// It counts no more: its member is dead.
    Drop,
}

impl Change {
    const ALL: [Change; 5] = [
        Change::None,
        Change::Attach,
        Change::Detach,
        Change::Cancel,
        Change::Drop,
    ];

    /// Whether the holding counts after it.
    pub(crate) fn counts(self) -> bool {
        self == Change::Attach
    }
}

const VERSION_BITS: u32 = 23;
const TOTAL: u32 = 6;
const HOLDING: u32 = TOTAL + 17;
const PARITY: u32 = HOLDING + 17;
const VERSION: u32 = PARITY + 1;

/// The word in parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Word {
    /// What the slot is used for.
    pub state: State,
    /// The change that is announced.
    pub change: Change,
    /// Holdings that count, the announced change included.
    pub total: u32,
    /// The holding that the change is of.
    pub holding: u32,
    /// The lowest bit of the holding's number once the change is applied.
    pub parity: u64,
    /// Grows with every change of the word.
    pub version: u32,
}

impl Word {
    /// Bits that no member writes are read as a free slot, so that they stop nobody.
    #[must_use]
    pub fn from_bits(bits: u64) -> Word {
        Word {
            state: *State::ALL.get((bits & 7) as usize).unwrap_or(&State::Free),
            change: *Change::ALL
                .get((bits >> 3 & 7) as usize)
                .unwrap_or(&Change::None),
            total: (bits >> TOTAL) as u32 & MAX_SHARES,
            holding: (bits >> HOLDING) as u32 & MAX_SHARES,
            parity: bits >> PARITY & 1,
            version: (bits >> VERSION) as u32,
        }
    }

    /// The word in one.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.state as u64
            | (self.change as u64) << 3
            | u64::from(self.total & MAX_SHARES) << TOTAL
            | u64::from(self.holding & MAX_SHARES) << HOLDING
            | (self.parity & 1) << PARITY
            | u64::from(self.version & ((1 << VERSION_BITS) - 1)) << VERSION
    }

    /// The word after a change of the slot's state only.
    #[must_use]
    pub fn to_state(self, state: State) -> Word {
        Word {
            state,
            change: Change::None,
            version: self.version.wrapping_add(1),
            ..self
        }
    }

    /// The word after it announces `change` of a holding whose number is `number` now. If nothing counts any more, the
    /// same step dooms a removed segment, and with `forced` any segment.
    pub(crate) fn announce(self, change: Change, holding: u32, number: u64, forced: bool) -> Word {
        let total = if change.counts() {
            self.total + 1
        } else {
            self.total.saturating_sub(1)
        };
        let is_last = total == 0 && !change.counts();
        let goes = self.state == State::Removed || (forced && self.state == State::Live);
        Word {
            state: if is_last && goes {
                State::Doomed
            } else {
                self.state
            },
            change,
            total,
            holding,
            parity: (number & 1) ^ 1,
            version: self.version.wrapping_add(1),
        }
    }
}

/// Whether `version` is as new as `other` or newer, as far as a counter that wraps can tell.
pub(crate) fn is_as_new(version: u32, other: u32) -> bool {
    const LATELY: u32 = 1 << 16;
    version.wrapping_sub(other) & ((1 << VERSION_BITS) - 1) < LATELY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        for state in State::ALL {
            for change in Change::ALL {
                let word = Word {
                    state,
                    change,
                    total: MAX_SHARES,
                    holding: 77,
                    parity: 1,
                    version: (1 << VERSION_BITS) - 1,
                };
                assert_eq!(Word::from_bits(word.bits()), word);
            }
        }
        assert_eq!(Word::from_bits(0).state, State::Free);
        assert_eq!(Word::from_bits(7 | 7 << 3).change, Change::None);
    }

    #[test]
    fn versions_wrap() {
        let last = Word {
            version: (1 << VERSION_BITS) - 1,
            ..Word::from_bits(0)
        };
        let next = Word::from_bits(last.to_state(State::Live).bits());
        assert_eq!(next.version, 0);
        assert!(is_as_new(next.version, last.version) && !is_as_new(last.version, next.version));
    }

    #[test]
    fn the_last_detach_dooms_what_was_removed() {
        let one = Word {
            state: State::Removed,
            total: 1,
            ..Word::from_bits(0)
        };
        assert_eq!(
            one.announce(Change::Detach, 0, 3, false).state,
            State::Doomed
        );
        assert_eq!(
            one.announce(Change::Attach, 0, 3, false).state,
            State::Removed
        );
        let live = Word {
            state: State::Live,
            ..one
        };
        assert_eq!(live.announce(Change::Drop, 0, 3, false).state, State::Live);
        assert_eq!(live.announce(Change::Drop, 0, 3, true).state, State::Doomed);
    }
}
