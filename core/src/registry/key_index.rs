//! From a key to a slot: a hash table that is read without a lock, and changed through the ledger only.
//!
//! An entry never moves while its key is there, so a reader that probes from the key's home to the first empty cell
//! finds it. Entries are hints: the slot says whether it has the key. A cell is `{slot plus one 32 | number 32}`. The
//! number grows with each change, so a change that comes late fails.
//! Tested by `c_tests/process/key_race.c` and `reliability/tests/hostile`.

use super::Registry;
use crate::error::Result;
use crate::sync::{AtomicU64, Ordering};

const EMPTY: u32 = 0;
/// An entry was struck here: readers go on.
const GONE: u32 = u32::MAX;

/// The index of a registry.
#[derive(Clone, Copy)]
pub(crate) struct KeyIndex<'a> {
    registry: &'a Registry,
    /// A power of two.
    cells: u32,
}

/// A cell as it was when it was found.
pub(crate) struct Place<'a> {
    cell: &'a AtomicU64,
    position: u32,
    bits: u64,
}

impl Place<'_> {
    fn entry(&self) -> u32 {
        self.bits as u32
    }

    fn change(&self, entry: u32) {
        let next = u64::from(entry) | ((self.bits >> 32).wrapping_add(1)) << 32;
        let _ = self
            .cell
            .compare_exchange(self.bits, next, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Makes the cell lead to `slot`, if it is still as it was.
    pub(super) fn enter(&self, slot: u32) {
        self.change(slot + 1);
    }

    /// Takes the entry out, if it is still there.
    pub(super) fn strike(&self, is_end: bool) {
        self.change(if is_end { EMPTY } else { GONE });
    }
}

impl Registry {
    pub(super) fn key_index(&self) -> KeyIndex<'_> {
        KeyIndex {
            registry: self,
            cells: self.known().key_cells,
        }
    }
}

impl<'a> KeyIndex<'a> {
    fn place(&self, position: u32) -> Result<Place<'a>> {
        let position = position & (self.cells - 1);
        let cell = self.registry.key_cell(position)?;
        Ok(Place {
            cell,
            position,
            bits: cell.load(Ordering::Acquire),
        })
    }

    /// Every cell once, beginning with the key's home. A multiplication by an odd number close to 2^32 over the golden
    /// ratio spreads keys that differ in few bits.
    fn probe(&self, key: i32) -> impl Iterator<Item = u32> {
        // The upper bits, as many as the cells' number has.
        let home = (key as u32)
            .wrapping_mul(0x9e37_79b1)
            .wrapping_shr(self.cells.leading_zeros() + 1);
        (0..self.cells).map(move |step| home.wrapping_add(step))
    }

    /// The first slot on the key's way through the cells that `is_it` accepts.
    ///
    /// # Errors
    /// - a part of the index cannot be had now
    pub(crate) fn find(&self, key: i32, mut is_it: impl FnMut(u32) -> bool) -> Result<Option<u32>> {
        for position in self.probe(key) {
            match self.place(position)?.entry() {
                EMPTY => return Ok(None),
                GONE => {}
                entry if is_it(entry - 1) => return Ok(Some(entry - 1)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Where `slot` is entered for the key.
    pub(super) fn place_of(&self, key: i32, slot: u32) -> Result<Option<Place<'a>>> {
        for position in self.probe(key) {
            let place = self.place(position)?;
            match place.entry() {
                EMPTY => return Ok(None),
                entry if entry == slot + 1 => return Ok(Some(place)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Where to enter `slot` for the key. `None` if it is entered already. The index is never full: it
    /// has twice as many cells as there may be segments.
    pub(super) fn place_for(&self, key: i32, slot: u32) -> Result<Option<Place<'a>>> {
        let mut free = None;
        for position in self.probe(key) {
            let place = self.place(position)?;
            match place.entry() {
                EMPTY => return Ok(free.or(Some(place))),
                GONE => free = free.or(Some(place)),
                entry if entry == slot + 1 => return Ok(None),
                _ => {}
            }
        }
        Ok(free)
    }

    /// Whether the next cell ends every probe.
    pub(super) fn is_empty_behind(&self, place: &Place<'_>) -> Result<bool> {
        Ok(self.place(place.position + 1)?.entry() == EMPTY)
    }
}
