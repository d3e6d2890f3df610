//! From a key to a slot: a hash table that is read without a lock.
//!
//! An entry never moves while its key is there, so a reader that probes from the key's own cell to the first empty
//! one meets it. Entries are hints: the slot says whether it has the key. Only the holder of the namespace's lock
//! writes.

use super::format::KEY_CELLS;
use crate::sync::{AtomicU32, Ordering};

const EMPTY: u32 = 0;
/// An entry was here: readers go on.
const GONE: u32 = u32::MAX;
const MASK: usize = KEY_CELLS - 1;

/// The cells, wherever they are mapped.
#[derive(Clone, Copy)]
pub(crate) struct KeyIndex<'a> {
    pub(crate) cells: &'a [AtomicU32; KEY_CELLS],
}

impl KeyIndex<'_> {
    /// The slot whose key `has_key` confirms.
    pub(crate) fn find(self, key: i32, has_key: impl Fn(u32) -> bool) -> Option<u32> {
        for place in probe(key) {
            match self.load(place) {
                EMPTY => return None,
                GONE => {}
                entry => {
                    if has_key(entry - 1) {
                        return Some(entry - 1);
                    }
                }
            }
        }
        None
    }

    /// Enters a slot for a key that no live slot has. A full table cannot be: it has twice as many cells as slots.
    pub(crate) fn insert(self, key: i32, slot: u32) {
        for place in probe(key) {
            if matches!(self.load(place), EMPTY | GONE) {
                self.store(place, slot + 1);
                return;
            }
        }
    }

    /// Takes the entry of `slot` for `key` out again, if it is there.
    pub(crate) fn remove(self, key: i32, slot: u32) {
        for place in probe(key) {
            match self.load(place) {
                EMPTY => return,
                entry if entry == slot + 1 => {
                    self.store(place, GONE);
                    self.tidy(place);
                    return;
                }
                _ => {}
            }
        }
    }

    /// A row of gone entries that ends at an empty cell is as good as empty.
    fn tidy(self, place: usize) {
        if self.load((place + 1) & MASK) != EMPTY {
            return;
        }
        let mut at = place;
        while self.load(at) == GONE {
            self.store(at, EMPTY);
            at = at.wrapping_sub(1) & MASK;
        }
    }

    /// Takes out every entry whose slot `keep` denies.
    pub(crate) fn retain(self, keep: impl Fn(u32) -> bool) {
        for (place, cell) in self.cells.iter().enumerate() {
            let entry = cell.load(Ordering::Acquire);
            if entry != EMPTY && entry != GONE && !keep(entry - 1) {
                self.store(place, GONE);
                self.tidy(place);
            }
        }
    }

    fn load(self, place: usize) -> u32 {
        self.cells
            .get(place & MASK)
            .map_or(EMPTY, |cell| cell.load(Ordering::Acquire))
    }

    fn store(self, place: usize, entry: u32) {
        if let Some(cell) = self.cells.get(place & MASK) {
            cell.store(entry, Ordering::Release);
        }
    }
}

/// Every cell once, beginning with the key's own. Multiplying by an odd number close to 2^32 over the golden ratio
/// spreads keys that differ in few bits.
fn probe(key: i32) -> impl Iterator<Item = usize> {
    let home = ((key as u32).wrapping_mul(0x9e37_79b1) >> 16) as usize;
    (0..KEY_CELLS).map(move |step| (home + step) & MASK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn behaves_like_a_map_through_many_changes() {
        let cells: Box<[AtomicU32; KEY_CELLS]> = (0..KEY_CELLS)
            .map(|_| AtomicU32::new(EMPTY))
            .collect::<Vec<_>>()
            .into_boxed_slice()
            .try_into()
            .unwrap();
        let index = KeyIndex { cells: &cells };
        let mut keys: Vec<Option<i32>> = vec![None; 512];
        let mut model: HashMap<i32, u32> = HashMap::new();
        let mut random = 1u32;
        for _ in 0..100_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let slot = random >> 8 & 511;
            // A narrow range of keys, so that they meet in the same cells.
            let key = (random >> 17 & 1023) as i32;
            match keys[slot as usize].take() {
                Some(old) => {
                    index.remove(old, slot);
                    model.remove(&old);
                }
                None if !model.contains_key(&key) => {
                    keys[slot as usize] = Some(key);
                    index.insert(key, slot);
                    model.insert(key, slot);
                }
                None => {}
            }
            let found = index.find(key, |slot| keys.get(slot as usize) == Some(&Some(key)));
            assert_eq!(found, model.get(&key).copied());
        }
        keys.iter()
            .enumerate()
            .for_each(|(slot, key)| key.iter().for_each(|&key| index.remove(key, slot as u32)));
        let left = cells
            .iter()
            .filter(|cell| cell.load(Ordering::Relaxed) != EMPTY)
            .count();
        assert!(left < 512, "removal leaves few cells behind, not {left}");
    }
}
