//! Where things lie. The beginning of every table lies in the prefix of the file. All memory of the prefix is allocated
//! when the registry is made, and a small namespace never needs more. The rest of each table follows. There the file is
//! sparse.

use super::format::{
    Header, Holding, KEY_CELLS, MAX_HOLDINGS, MAX_MEMBERS, MAX_SEGMENTS, MemberSlot, SegmentSlot,
};
use core::mem::size_of;

/// A table of equal items: `first` of them in the prefix, the others from `rest` on.
pub(crate) struct Table {
    /// Which table it is, for what a process remembers of each.
    pub(crate) number: usize,
    item: usize,
    total: usize,
    first: usize,
    offset: usize,
    rest: usize,
}

const PAGE: usize = 4096;
/// Beginnings of the parts behind the prefix: a multiple of every page size.
const PART: usize = 65536;

impl Table {
    const fn end_in_prefix(&self) -> usize {
        self.offset + self.first * self.item
    }

    const fn end(&self) -> usize {
        self.rest + ((self.total - self.first) * self.item).next_multiple_of(PART)
    }

    /// Whether an item lies in the prefix.
    pub(crate) const fn is_in_prefix(&self, index: u32) -> bool {
        (index as usize) < self.first
    }

    /// Where item `index` lies; `None` beyond the end of the table.
    pub(crate) const fn place(&self, index: u32) -> Option<usize> {
        let index = index as usize;
        if index >= self.total {
            None
        } else if index < self.first {
            Some(self.offset + index * self.item)
        } else {
            Some(self.rest + (index - self.first) * self.item)
        }
    }

    /// Where the part behind the prefix begins.
    pub(crate) const fn rest(&self) -> usize {
        self.rest
    }
}

/// Tables, for what is kept for each.
pub(crate) const TABLES: usize = 5;

const _: () = assert!(size_of::<Header>() <= PAGE);

/// One word for each segment slot, see `word`.
pub(crate) const WORDS: Table = Table {
    number: 0,
    item: 8,
    total: MAX_SEGMENTS as usize,
    first: 512,
    offset: PAGE,
    rest: PREFIX,
};
pub(crate) const KEYS: Table = Table {
    number: 1,
    item: 8,
    total: KEY_CELLS as usize,
    first: 8192,
    offset: WORDS.end_in_prefix(),
    rest: WORDS.end(),
};
pub(crate) const SEGMENTS: Table = Table {
    number: 2,
    item: size_of::<SegmentSlot>(),
    total: MAX_SEGMENTS as usize,
    first: 160,
    offset: KEYS.end_in_prefix(),
    rest: KEYS.end(),
};
pub(crate) const MEMBERS: Table = Table {
    number: 3,
    item: size_of::<MemberSlot>(),
    total: MAX_MEMBERS as usize,
    first: 192,
    offset: SEGMENTS.end_in_prefix(),
    rest: SEGMENTS.end(),
};
pub(crate) const HOLDINGS: Table = Table {
    number: 4,
    item: size_of::<Holding>(),
    total: MAX_HOLDINGS as usize,
    first: 4096,
    offset: MEMBERS.end_in_prefix(),
    rest: MEMBERS.end(),
};

/// Bytes of the prefix.
pub(crate) const PREFIX: usize = 262_144;
/// Bytes of the file.
pub(crate) const SIZE: usize = HOLDINGS.end();

const _: () = assert!(HOLDINGS.end_in_prefix() <= PREFIX && PREFIX.is_multiple_of(PART));

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn no_two_items_overlap() {
        let mut ends = BTreeMap::new();
        for table in [&WORDS, &KEYS, &SEGMENTS, &MEMBERS, &HOLDINGS] {
            for index in 0..table.total as u32 {
                let place = table.place(index).unwrap();
                assert!(place + table.item <= SIZE);
                assert_eq!(place % 8, 0);
                assert_eq!(table.is_in_prefix(index), place < PREFIX);
                ends.insert(place, table.item);
            }
            assert_eq!(table.place(table.total as u32), None);
        }
        let mut last_end = PAGE;
        for (start, len) in ends {
            assert!(start >= last_end);
            last_end = start + len;
        }
    }
}
