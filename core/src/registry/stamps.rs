//! When a segment was attached and detached last, and by whom: `shm_atime`, `shm_dtime`, `shm_lpid`.
//!
//! Each is in a word of its own, with the version of the slot's word that it came with. Every process that applies a
//! change writes the same stamp, but for the clock's last second, and never over a newer one.

use super::word::{Word, is_as_new};
use crate::sync::{AtomicU64, Ordering};

/// The last changes of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stamps {
    /// Last attach, seconds since the epoch, 0 for never.
    pub atime: i64,
    /// Last detach, likewise.
    pub dtime: i64,
    /// Process of the last attach or detach, 0 for none.
    pub lpid: i32,
}

const VERSION_BITS: u32 = 23;
/// Of the value: 41 bits.
const SIGN: u32 = 64 - VERSION_BITS;

/// The value of such a word.
pub(super) fn value(stamp: &AtomicU64) -> i64 {
    // The shift keeps the sign: a clock can stand before 1970.
    stamp.load(Ordering::Relaxed) as i64 >> VERSION_BITS
}

/// Notes a value that came with a change of the slot's word.
pub(super) fn note(stamp: &AtomicU64, value: i64, word: Word) {
    let _ = stamp.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
        let seen = old as u32 & ((1 << VERSION_BITS) - 1);
        let is_first = old == 0;
        (is_first || !is_as_new(seen, word.version)).then(|| join(value, word.version))
    });
}

/// Restores an older value, if nothing newer came than the change that is undone.
pub(super) fn put_back(stamp: &AtomicU64, value: i64, undone: u32, word: Word) {
    let _ = stamp.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
        let seen = old as u32 & ((1 << VERSION_BITS) - 1);
        (seen == undone).then(|| join(value, word.version))
    });
}

fn join(value: i64, version: u32) -> u64 {
    debug_assert!(value >> (SIGN - 1) == 0 || value >> (SIGN - 1) == -1);
    (value << VERSION_BITS) as u64 | u64::from(version & ((1 << VERSION_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: u32) -> Word {
        Word {
            version,
            ..Word::from_bits(0)
        }
    }

    #[test]
    fn the_newest_stays() {
        let stamp = AtomicU64::new(0);
        note(&stamp, 5, at(10));
        note(&stamp, 4, at(9));
        assert_eq!(value(&stamp), 5);
        note(&stamp, -7, at(11));
        assert_eq!(value(&stamp), -7);
        put_back(&stamp, 5, 10, at(12));
        assert_eq!(value(&stamp), -7);
        put_back(&stamp, 5, 11, at(12));
        assert_eq!(value(&stamp), 5);
        note(&stamp, -7, at(11));
        assert_eq!(value(&stamp), 5);
    }
}
