//! Where things lie: the file is a row of windows of one mebibyte. The first holds the header and the beginning of
//! every table, so that a small namespace needs only that one; the rest of each table fills windows of its own.

use super::format::{
    BITMAP_WORDS, Header, KEY_CELLS, MAX_MEMBERS, MAX_RECORDS, MAX_SEGMENTS, MemberSlot, Record,
    SegmentSlot, WINDOW,
};
use core::mem::size_of;

/// A table of equal items: `first` of them at `offset` of window 0, the others from window `rest` on.
pub(crate) struct Table {
    item: usize,
    total: usize,
    first: usize,
    offset: usize,
    rest: usize,
}

/// A place in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) window: usize,
    pub(crate) offset: usize,
}

impl Table {
    const fn after(before: usize, item: usize, total: usize, first: usize, rest: usize) -> Table {
        Table {
            item,
            total,
            first,
            offset: before,
            rest,
        }
    }

    const fn end(&self) -> usize {
        self.offset + self.first * self.item
    }

    /// Items in window 0.
    pub(crate) const fn first_window(&self) -> u32 {
        self.first as u32
    }

    const fn windows(&self) -> usize {
        (self.total - self.first).div_ceil(WINDOW / self.item)
    }

    /// Where item `index` lies; `None` beyond the end of the table.
    pub(crate) const fn place(&self, index: u32) -> Option<Place> {
        let index = index as usize;
        if index >= self.total {
            None
        } else if index < self.first {
            Some(Place {
                window: 0,
                offset: self.offset + index * self.item,
            })
        } else {
            let beyond = index - self.first;
            let per_window = WINDOW / self.item;
            Some(Place {
                window: self.rest + beyond / per_window,
                offset: beyond % per_window * self.item,
            })
        }
    }
}

const PAGE: usize = 4096;
const _: () = assert!(size_of::<Header>() <= PAGE);

/// Offset of the key index in window 0.
pub(crate) const KEY_INDEX: usize = PAGE;
/// Offset of the bitmap of used slots in window 0.
pub(crate) const BITMAP: usize = KEY_INDEX + KEY_CELLS * 4;

pub(crate) const SEGMENTS: Table = Table::after(
    BITMAP + BITMAP_WORDS * 8,
    size_of::<SegmentSlot>(),
    MAX_SEGMENTS as usize,
    512,
    1,
);
pub(crate) const MEMBERS: Table = Table::after(
    SEGMENTS.end(),
    size_of::<MemberSlot>(),
    MAX_MEMBERS as usize,
    512,
    SEGMENTS.rest + SEGMENTS.windows(),
);
pub(crate) const RECORDS: Table = Table::after(
    MEMBERS.end(),
    size_of::<Record>(),
    MAX_RECORDS as usize,
    8192,
    MEMBERS.rest + MEMBERS.windows(),
);

/// Windows of a registry that has grown to its full size.
pub(crate) const WINDOWS: usize = RECORDS.rest + RECORDS.windows();

const _: () = assert!(RECORDS.end() <= WINDOW);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn no_two_items_overlap() {
        let mut ends = BTreeMap::new();
        for table in [&SEGMENTS, &MEMBERS, &RECORDS] {
            for index in 0..table.total as u32 {
                let place = table.place(index).unwrap();
                assert!(place.window < WINDOWS && place.offset + table.item <= WINDOW);
                assert_eq!(place.offset % 8, 0);
                ends.insert(place.window * WINDOW + place.offset, table.item);
            }
            assert_eq!(table.place(table.total as u32), None);
        }
        let mut last_end = BITMAP + BITMAP_WORDS * 8;
        for (start, len) in ends {
            assert!(start >= last_end);
            last_end = start + len;
        }
    }
}
