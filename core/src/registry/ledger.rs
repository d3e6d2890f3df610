//! Changes of what all slots share: which are in use, which key leads where, which slot has which holdings. Each is
//! announced in one word of the header, and every process that meets it applies it, like changes of holdings
//! (`holdings`). What a change depends on (a free slot, a key that no segment has, a limit) is read after the word. It
//! still holds if the swap works, because all of it changes through this word only.
//!
//! `{operation 3 | slot 16 | run 5 | used 16 | version 24}`, from the lowest bit on.

use super::Registry;
use super::format::{FIRST_RUN, MAX_HOLDINGS, MAX_SEGMENTS, RUNS};
use super::holdings;
use super::ids::IdState;
use super::word::{State, Word};
use crate::error::{Errno, Result};
use crate::sync::Ordering;

/// A change of the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    /// No change is announced.
    None,
    /// A free slot is in creation from now on.
    Reserve,
    /// A slot that has no segment is free.
    Release,
    /// A segment's key leads to it.
    Enter,
    /// The key leads to it no more.
    Strike,
    /// A slot has one more run of holdings.
    Grow,
}

const ALL: [Operation; 6] = [
    Operation::None,
    Operation::Reserve,
    Operation::Release,
    Operation::Enter,
    Operation::Strike,
    Operation::Grow,
];

const TRIES: u32 = 1 << 22;

/// The word in parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ledger {
    operation: Operation,
    slot: u32,
    run: u32,
    /// Slots in use.
    pub(crate) used: u32,
    pub(super) version: u32,
}

impl Ledger {
    pub(super) fn from_bits(bits: u64) -> Ledger {
        Ledger {
            operation: *ALL.get((bits & 7) as usize).unwrap_or(&Operation::None),
            slot: (bits >> 3 & 0xffff) as u32,
            run: (bits >> 19 & 31) as u32,
            used: (bits >> 24 & 0xffff) as u32,
            version: (bits >> 40) as u32,
        }
    }

    fn bits(self) -> u64 {
        self.operation as u64
            | u64::from(self.slot & 0xffff) << 3
            | u64::from(self.run & 31) << 19
            | u64::from(self.used & 0xffff) << 24
            | u64::from(self.version & 0xff_ffff) << 40
    }

    fn announce(self, operation: Operation, slot: u32) -> Ledger {
        Ledger {
            operation,
            slot,
            run: 0,
            used: match operation {
                Operation::Reserve => self.used + 1,
                Operation::Release => self.used.saturating_sub(1),
                _ => self.used,
            },
            version: self.version.wrapping_add(1),
        }
    }
}

impl Registry {
    /// The ledger as it is, whether or not its last announcement was applied.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::from_bits(self.header().ledger.load(Ordering::Acquire))
    }

    fn is_still(&self, ledger: Ledger) -> bool {
        self.header().ledger.load(Ordering::Acquire) == ledger.bits()
    }

    /// Swaps the ledger for the result of `decide` until that works. `None` leaves it alone.
    fn write_ledger(
        &self,
        mut decide: impl FnMut(Ledger) -> Result<Option<Ledger>>,
    ) -> Result<bool> {
        let cell = &self.header().ledger;
        for _ in 0..TRIES {
            let bits = cell.load(Ordering::Acquire);
            let ledger = Ledger::from_bits(bits);
            if ledger.bits() != bits {
                // No member writes this, so a swap that expects the value as it is read would never work.
                let read = ledger.bits();
                let _ = cell.compare_exchange(bits, read, Ordering::AcqRel, Ordering::Relaxed);
                continue;
            }
            if !self.apply(ledger)? {
                continue;
            }
            let Some(next) = decide(ledger)? else {
                return Ok(false);
            };
            let swapped =
                cell.compare_exchange(bits, next.bits(), Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                self.apply(next)?;
                return Ok(true);
            }
        }
        Err(Errno::EUCLEAN)
    }

    /// Applies all that was announced so far.
    ///
    /// # Errors
    /// - what applying it says
    pub(super) fn settle_ledger(&self) -> Result<()> {
        self.write_ledger(|_| Ok(None)).map(drop)
    }

    /// Applies what the ledger announces. False when it has changed since.
    ///
    /// # Errors
    /// - `ENOSPC` and others: a part of the registry cannot be had now
    #[inline(never)]
    fn apply(&self, ledger: Ledger) -> Result<bool> {
        match ledger.operation {
            Operation::None => Ok(true),
            Operation::Reserve => {
                let ids = &self.header().ids;
                let before = IdState::from_word(ids.load(Ordering::Acquire));
                if !before.is_of(ledger.version) {
                    if !self.is_still(ledger) {
                        return Ok(false);
                    }
                    let after = before.after(ledger.slot, ledger.version);
                    let _ = ids.compare_exchange(
                        before.to_word(),
                        after.to_word(),
                        Ordering::AcqRel,
                        Ordering::Relaxed,
                    );
                }
                self.apply_state(ledger, |state| state == State::Free, State::Creating)
            }
            Operation::Release => {
                let is_over = |state| matches!(state, State::Creating | State::Doomed);
                self.apply_state(ledger, is_over, State::Free)
            }
            Operation::Enter => self.apply_enter(ledger),
            Operation::Strike => self.apply_strike(ledger),
            Operation::Grow => self.apply_grow(ledger),
        }
    }

    fn apply_state(&self, ledger: Ledger, from: impl Fn(State) -> bool, to: State) -> Result<bool> {
        match self.slot(ledger.slot) {
            Ok(slot) => holdings::pass_on(&slot, from, to, || self.is_still(ledger)),
            // No member writes the number of a slot that does not exist.
            Err(Errno::EINVAL) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn apply_enter(&self, ledger: Ledger) -> Result<bool> {
        let Some(key) = self.key_of(ledger.slot) else {
            return Ok(true);
        };
        let index = self.key_index();
        let Some(place) = index.place_for(key, ledger.slot)? else {
            return Ok(true);
        };
        if !self.is_still(ledger) {
            return Ok(false);
        }
        place.enter(ledger.slot);
        Ok(true)
    }

    fn apply_strike(&self, ledger: Ledger) -> Result<bool> {
        let Some(key) = self.key_of(ledger.slot) else {
            return Ok(true);
        };
        let index = self.key_index();
        let Some(place) = index.place_of(key, ledger.slot)? else {
            return Ok(true);
        };
        let is_end = index.is_empty_behind(&place)?;
        if !self.is_still(ledger) {
            return Ok(false);
        }
        place.strike(is_end);
        Ok(true)
    }

    fn apply_grow(&self, ledger: Ledger) -> Result<bool> {
        let next = self.header().holdings.load(Ordering::Acquire);
        let Some(slot) = self.segment_slot(ledger.slot)? else {
            return Ok(true);
        };
        // Behind the last holding there is nothing to give.
        if next >= MAX_HOLDINGS.into() {
            return Ok(true);
        }
        let Some(run) = slot.runs.get(ledger.run as usize) else {
            return Ok(true);
        };
        if !self.is_still(ledger) {
            return Ok(false);
        }
        let mine = next as u32 + 1;
        if run.load(Ordering::Acquire) == 0 {
            let _ = run.compare_exchange(0, mine, Ordering::AcqRel, Ordering::Relaxed);
        }
        if run.load(Ordering::Acquire) == mine {
            let behind = next + u64::from(length_of_run(ledger.run));
            let holdings = &self.header().holdings;
            let _ = holdings.compare_exchange(next, behind, Ordering::AcqRel, Ordering::Relaxed);
        }
        Ok(true)
    }

    /// Reserves a slot for a new segment. `choose` gets the number of slots in use, and finds a slot that no other
    /// member has claimed, whose id it returns.
    pub(super) fn reserve(&self, mut choose: impl FnMut(Ledger) -> Result<u32>) -> Result<u32> {
        let mut slot = 0;
        self.write_ledger(|ledger| {
            slot = choose(ledger)?;
            Ok(Some(ledger.announce(Operation::Reserve, slot)))
        })?;
        Ok(slot)
    }

    /// Frees a slot if `is_over` says so for its word.
    #[inline(never)]
    pub(super) fn release(&self, slot: u32, is_over: impl Fn(Word) -> bool) -> Result<bool> {
        self.write_ledger(|ledger| {
            let over = self.word(slot)?.is_some_and(&is_over);
            Ok(over.then(|| ledger.announce(Operation::Release, slot)))
        })
    }

    /// Makes a key lead to a slot that is being created, unless another segment has the key.
    ///
    /// # Errors
    /// - `EEXIST` one has
    #[inline(never)]
    pub(super) fn enter_key(&self, key: i32, slot: u32) -> Result<()> {
        self.write_ledger(|ledger| match self.holder_of(key)? {
            Some(holder) if holder == slot => Ok(None),
            Some(_) => Err(Errno::EEXIST),
            None => Ok(Some(ledger.announce(Operation::Enter, slot))),
        })
        .map(drop)
    }

    /// Takes the key of what was the segment `shmid` out of the index.
    #[inline(never)]
    pub(super) fn strike_key(&self, key: i32, slot: u32, shmid: u32) -> Result<()> {
        let index = self.key_index();
        self.write_ledger(|ledger| {
            let is_gone = self.word(slot)?.is_some_and(|word| {
                matches!(word.state, State::Removed | State::Doomed | State::Creating)
            });
            let is_same = self.facts_id(slot) == Some(shmid);
            if !is_gone || !is_same || index.place_of(key, slot)?.is_none() {
                return Ok(None);
            }
            Ok(Some(ledger.announce(Operation::Strike, slot)))
        })
        .map(drop)
    }

    /// Counts the slots in use anew, to repair the number.
    ///
    /// # Errors
    /// - what touching the registry says
    pub(super) fn count_used(&self) -> Result<()> {
        self.write_ledger(|ledger| {
            let used = (0..self.segments_high()).filter(|&index| self.is_used(index));
            let used = used.count() as u32;
            Ok((used != ledger.used).then(|| Ledger {
                used,
                ..ledger.announce(Operation::None, 0)
            }))
        })
        .map(drop)
    }

    /// Gives a slot the run `run` of holdings, if it does not have it yet.
    ///
    /// # Errors
    /// - `ENOSPC` the namespace has no holdings left, or no room for them
    #[inline(never)]
    pub(super) fn grow(&self, slot: u32, run: u32) -> Result<()> {
        self.write_ledger(|ledger| {
            let there = self
                .segment_slot(slot)?
                .and_then(|slot| slot.runs.get(run as usize))
                .ok_or(Errno::ENOSPC)?;
            if there.load(Ordering::Acquire) != 0 {
                return Ok(None);
            }
            let first = self.header().holdings.load(Ordering::Acquire);
            let behind = first.saturating_add(length_of_run(run).into());
            if behind > MAX_HOLDINGS.into() {
                return Err(Errno::ENOSPC);
            }
            // The memory first: if it cannot be had, nothing has changed.
            for index in first as u32..behind as u32 {
                self.new_holding(index)?;
            }
            Ok(Some(Ledger {
                run,
                ..ledger.announce(Operation::Grow, slot)
            }))
        })
        .map(drop)
    }
}

/// Holdings in a run.
pub(super) fn length_of_run(run: u32) -> u32 {
    FIRST_RUN << run.min(RUNS as u32 - 1)
}

/// Which run a slot's holding is in, and where in it.
pub(super) fn run_of(index: u32) -> (u32, u32) {
    let run = 31 - (index / FIRST_RUN + 1).leading_zeros();
    (run, index - FIRST_RUN * ((1 << run) - 1))
}

const _: () = assert!(MAX_SEGMENTS <= 1 << 16 && RUNS <= 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let ledger = Ledger {
            operation: Operation::Grow,
            slot: 32767,
            run: 15,
            used: 32768,
            version: 0xff_ffff,
        };
        assert_eq!(Ledger::from_bits(ledger.bits()), ledger);
    }

    #[test]
    fn runs_hold_every_index_once() {
        let mut expected = (0, 0);
        for index in 0..100_000 {
            assert_eq!(run_of(index), expected);
            expected.1 += 1;
            if expected.1 == length_of_run(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
    }
}
