//! Where segments are mapped in this process: a table of its own memory, which no other process can damage.
//!
//! One `shmat` makes one fragment; unmapping part of it leaves several, of the same record. Fragments are sorted by
//! address, highest first: the kernel maps downwards, so that a new one mostly goes to the end.

use crate::error::{Errno, Result};
use crate::os::memory;
use core::mem::size_of;

/// In [`Fragment::record`]: the registry had no record left for an attachment that a child inherited, so it is not
/// counted.
pub(crate) const UNCOUNTED: u32 = u32::MAX;

/// One mapping of part of a segment, or all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fragment {
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// Where in the segment it begins.
    pub(crate) offset: usize,
    pub(crate) shmid: u32,
    /// The attachment record in the registry, which tells one `shmat` from another.
    pub(crate) record: u32,
    /// While a fork is under way: the record that was made for the child.
    pub(crate) child_record: u32,
    pub(crate) read_only: bool,
    /// The logarithm of the size of its pages if they are huge, else 0.
    pub(crate) huge_log2: u8,
    /// There are, or were, others of the same attachment.
    pub(crate) has_siblings: bool,
}

/// What is left of a fragment after a cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// Nothing.
    Whole,
    /// Its lower or its upper part.
    End,
    /// Both its lower and its upper part.
    Middle,
}

impl Fragment {
    pub(crate) const NONE: Fragment = Fragment {
        start: 0,
        len: 0,
        offset: 0,
        shmid: 0,
        record: 0,
        child_record: 0,
        read_only: false,
        huge_log2: 0,
        has_siblings: false,
    };

    pub(crate) fn end(&self) -> usize {
        self.start.saturating_add(self.len)
    }

    /// The address that the start of the segment has, or would have, in this attachment.
    pub(crate) fn base(&self) -> usize {
        self.start.wrapping_sub(self.offset)
    }

    /// Whether the other one is of the same attachment.
    pub(crate) fn is_sibling(&self, other: &Fragment) -> bool {
        self.record == other.record
    }

    fn overlaps(&self, start: usize, end: usize) -> bool {
        self.start < end && start < self.end()
    }

    /// The parts outside of `start..end`.
    fn outside(&self, start: usize, end: usize) -> (Option<Fragment>, Option<Fragment>) {
        let lower = (start > self.start).then(|| Fragment {
            len: start - self.start,
            ..*self
        });
        let upper = (end < self.end()).then(|| {
            let skip = end - self.start;
            Fragment {
                start: end,
                len: self.len - skip,
                offset: self.offset + skip,
                ..*self
            }
        });
        (lower, upper)
    }
}

/// Room for these without asking the kernel for memory.
const BUILT_IN: usize = 16;

pub(crate) struct Attachments {
    few: [Fragment; BUILT_IN],
    /// Memory of our own for more than a few; 0 when there is none.
    many: usize,
    capacity: usize,
    len: usize,
}

impl Attachments {
    pub(crate) const fn new() -> Attachments {
        Attachments {
            few: [Fragment::NONE; BUILT_IN],
            many: 0,
            capacity: BUILT_IN,
            len: 0,
        }
    }

    pub(crate) fn all(&self) -> &[Fragment] {
        self.room().get(..self.len).unwrap_or(&[])
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Fragment] {
        let len = self.len;
        self.room_mut().get_mut(..len).unwrap_or(&mut [])
    }

    /// Fragments that the range meets.
    pub(crate) fn overlapping(&self, start: usize, end: usize) -> &[Fragment] {
        let all = self.all();
        let first = all.partition_point(|fragment| fragment.start >= end);
        let behind = all.partition_point(|fragment| fragment.end() > start);
        all.get(first..behind).unwrap_or(&[])
    }

    /// The fragment that ends exactly here.
    pub(crate) fn ending_at(&mut self, end: usize) -> Option<&mut Fragment> {
        self.all_mut()
            .iter_mut()
            .find(|fragment| fragment.end() == end)
    }

    /// How many fragments there are of the attachment that `part` is, or was, of. Mostly there is one, and it is found
    /// where it was; only one that was split or doubled has to be looked for everywhere.
    pub(crate) fn fragments_of(&self, part: &Fragment) -> u32 {
        let parts = if part.has_siblings {
            self.all()
        } else {
            self.overlapping(part.start, part.end())
        };
        parts.iter().filter(|other| other.is_sibling(part)).count() as u32
    }

    /// The attachment that shmdt(2) of `address` means: going upwards, the first fragment that lies where it would if
    /// the segment's start were there.
    pub(crate) fn at(&self, address: usize) -> Option<&Fragment> {
        let all = self.all();
        let below = all.partition_point(|fragment| fragment.start >= address);
        all.get(..below)?
            .iter()
            .rev()
            .find(|fragment| fragment.base() == address)
    }

    /// Makes sure that `more` fragments can be added without failing.
    ///
    /// # Errors
    /// - `ENOMEM` the kernel has no memory for a larger table
    pub(crate) fn make_room(&mut self, more: usize) -> Result<()> {
        if self.len + more <= self.capacity {
            return Ok(());
        }
        let bytes = (self.capacity * 4).max(self.len + more) * size_of::<Fragment>();
        let bytes = memory::page_round(bytes).ok_or(Errno::ENOMEM)?;
        let new = memory::map_private(bytes)?;
        // SAFETY: the new memory holds at least `capacity * 4` fragments, is aligned to pages, and overlaps nothing.
        unsafe {
            core::ptr::copy_nonoverlapping(self.room().as_ptr(), new as *mut Fragment, self.len)
        };
        if self.many != 0 {
            // SAFETY: nobody refers to the old table: `self` is borrowed mutably.
            let _ = unsafe { memory::unmap(self.many, self.capacity * size_of::<Fragment>()) };
        }
        self.many = new;
        self.capacity = bytes / size_of::<Fragment>();
        Ok(())
    }

    /// Adds a fragment; room for it was made before.
    pub(crate) fn insert(&mut self, fragment: Fragment) {
        let place = self.place_of(fragment.start);
        let len = self.len;
        if let Some(tail @ [_, ..]) = self.room_mut().get_mut(place..len + 1) {
            tail.rotate_right(1);
            if let [free, ..] = tail {
                *free = fragment;
                self.len += 1;
            }
        }
    }

    /// Takes a fragment out.
    pub(crate) fn remove(&mut self, start: usize) {
        let place = self.place_of(start);
        let is_there = |found: &Fragment| found.start == start;
        if self.all().get(place).is_some_and(is_there) {
            if let Some(tail @ [_, ..]) = self.all_mut().get_mut(place..) {
                tail.rotate_left(1);
            }
            self.len -= 1;
        }
    }

    /// The fragment that begins exactly here, to be changed.
    pub(crate) fn starting_at(&mut self, start: usize) -> Option<&mut Fragment> {
        let place = self.place_of(start);
        self.all_mut()
            .get_mut(place)
            .filter(|fragment| fragment.start == start)
    }

    /// Where a fragment that begins here is, or would be.
    fn place_of(&self, start: usize) -> usize {
        self.all().partition_point(|other| other.start > start)
    }

    /// Takes one fragment's part in `start..end` out; returns the fragment and what was left of it. `None` when the
    /// range meets none (any more). Room for one more fragment was made before.
    pub(crate) fn cut(&mut self, start: usize, end: usize) -> Option<(Fragment, Cut)> {
        let fragment = *self.overlapping(start, end).first()?;
        debug_assert!(fragment.overlaps(start, end));
        self.remove(fragment.start);
        let (lower, upper) = fragment.outside(start, end);
        let splits = lower.is_some() && upper.is_some();
        for part in lower.into_iter().chain(upper) {
            self.insert(Fragment {
                has_siblings: part.has_siblings || splits,
                ..part
            });
        }
        let cut = match (lower, upper) {
            (None, None) => Cut::Whole,
            (Some(_), Some(_)) => Cut::Middle,
            _ => Cut::End,
        };
        Some((fragment, cut))
    }

    fn room(&self) -> &[Fragment] {
        if self.many == 0 {
            return &self.few;
        }
        // SAFETY: `many` is memory of our own for `capacity` fragments; zero bytes are valid ones.
        unsafe { core::slice::from_raw_parts(self.many as *const Fragment, self.capacity) }
    }

    fn room_mut(&mut self) -> &mut [Fragment] {
        if self.many == 0 {
            return &mut self.few;
        }
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(self.many as *mut Fragment, self.capacity) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 4096;

    fn table(ranges: &[(usize, usize)]) -> Attachments {
        let mut table = Attachments::new();
        for (record, &(page, pages)) in ranges.iter().enumerate() {
            table.make_room(1).unwrap();
            table.insert(Fragment {
                start: page * PAGE,
                len: pages * PAGE,
                record: record as u32,
                ..Fragment::NONE
            });
        }
        table
    }

    fn pages(table: &Attachments) -> Vec<(usize, usize, usize)> {
        table
            .all()
            .iter()
            .rev()
            .map(|f| (f.start / PAGE, f.len / PAGE, f.offset / PAGE))
            .collect()
    }

    #[test]
    fn stays_sorted_and_grows() {
        let ranges: Vec<_> = (0..500).map(|n| ((n * 7919) % 1009 * 2, 1)).collect();
        let table = table(&ranges);
        assert_eq!(table.all().len(), 500);
        assert!(
            table
                .all()
                .windows(2)
                .all(|pair| pair[0].start > pair[1].start)
        );
    }

    #[test]
    fn a_cut_leaves_what_lies_outside() {
        let mut whole = table(&[(10, 4)]);
        assert_eq!(whole.cut(8 * PAGE, 20 * PAGE).unwrap().1, Cut::Whole);
        assert!(whole.all().is_empty());

        let mut middle = table(&[(10, 4), (20, 1)]);
        assert_eq!(middle.cut(11 * PAGE, 12 * PAGE).unwrap().1, Cut::Middle);
        assert_eq!(pages(&middle), [(10, 1, 0), (12, 2, 2), (20, 1, 0)]);
        assert_eq!(middle.fragments_of(&middle.all()[1]), 2);
        assert_eq!(middle.fragments_of(&middle.all()[2]), 2);
        assert_eq!(middle.cut(11 * PAGE, 12 * PAGE), None);

        let mut head = table(&[(10, 4)]);
        assert_eq!(head.cut(9 * PAGE, 11 * PAGE).unwrap().1, Cut::End);
        assert_eq!(pages(&head), [(11, 3, 1)]);
        assert_eq!(head.at(10 * PAGE).map(|f| f.start), Some(11 * PAGE));
        assert_eq!(head.at(11 * PAGE), None);
    }

    #[test]
    fn overlaps_are_found_at_their_edges() {
        let table = table(&[(10, 4), (14, 2), (20, 1)]);
        let hits = |from: usize, to: usize| table.overlapping(from * PAGE, to * PAGE).len();
        assert_eq!(
            (
                hits(0, 10),
                hits(0, 11),
                hits(13, 15),
                hits(16, 20),
                hits(0, 99)
            ),
            (0, 1, 2, 0, 3)
        );
    }
}
