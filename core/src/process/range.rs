//! Addresses of whole pages, and what is left of a mapping outside of them.

use super::entry::Mapping;
use crate::os::memory;

/// Up to three parts of a mapping, the lowest first: what two ranges leave of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Parts([Option<Mapping>; 3]);

impl Parts {
    /// The parts of a mapping outside of the ranges.
    pub(super) fn outside(ranges: &[Range], mapping: &Mapping) -> Parts {
        let mut parts = Parts::default();
        parts.add(mapping);
        for range in ranges {
            let before = core::mem::take(&mut parts);
            for part in before.iter() {
                if range.meets(part) {
                    let (lower, upper) = range.outside(part);
                    lower.iter().chain(&upper).for_each(|part| parts.add(part));
                } else {
                    parts.add(part);
                }
            }
        }
        parts
    }

    /// One more, above all others. If there are too many, the last is extended to it: what lies between is counted as well.
    pub(super) fn add(&mut self, part: &Mapping) {
        match self.0.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(*part),
            None => self.extend(part.end()),
        }
    }

    /// The last one reaches to `end`.
    pub(super) fn extend(&mut self, end: usize) {
        if let Some(last) = self.0.iter_mut().rev().flatten().next() {
            last.len = end - last.start;
        }
    }

    /// The first, if each of the others can be counted by itself. One that cannot is counted with the first: as long as
    /// one attachment for both is there, the segment is.
    #[inline(never)]
    pub(super) fn first(&self, mut counts: impl FnMut(&Mapping) -> bool) -> Option<Mapping> {
        let mut parts = self.iter();
        let mut first = *parts.next()?;
        for part in parts {
            if !counts(part) {
                first.len = part.end() - first.start;
            }
        }
        Some(first)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.0.iter().flatten()
    }

    pub(super) fn count(&self) -> usize {
        self.iter().count()
    }
}

/// Addresses from `start` to below `end`, in whole pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Range {
    /// Whole pages. An empty range stands for its first page.
    pub(crate) fn new(start: usize, len: usize) -> Range {
        let len = memory::page_round(len.max(1)).unwrap_or(usize::MAX);
        Range {
            start,
            end: start.saturating_add(len),
        }
    }

    /// None at all.
    pub(crate) const EMPTY: Range = Range { start: 0, end: 0 };

    pub(super) fn of(mapping: &Mapping) -> Range {
        Range {
            start: mapping.start,
            end: mapping.end(),
        }
    }

    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }

    pub(crate) fn meets(self, mapping: &Mapping) -> bool {
        self.start < self.end && mapping.start < self.end && self.start < mapping.end()
    }

    /// The parts of a mapping outside of the range.
    fn outside(self, mapping: &Mapping) -> (Option<Mapping>, Option<Mapping>) {
        let lower = (self.start > mapping.start).then(|| Mapping {
            len: self.start.min(mapping.end()) - mapping.start,
            ..*mapping
        });
        let upper = (self.end < mapping.end()).then(|| {
            let skip = self.end.max(mapping.start) - mapping.start;
            Mapping {
                start: mapping.start + skip,
                len: mapping.len - skip,
                offset: mapping.offset + skip,
                ..*mapping
            }
        });
        (lower, upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 4096;

    fn mapping(page: usize, pages: usize) -> Mapping {
        Mapping {
            start: page * PAGE,
            len: pages * PAGE,
            offset: 0,
            shmid: 1,
            read_only: false,
            huge_log2: 0,
            group: 1,
        }
    }

    fn parts(from: usize, pages: usize) -> Vec<(usize, usize, usize)> {
        outside(&[Range::new(from * PAGE, pages * PAGE)])
    }

    fn outside(ranges: &[Range]) -> Vec<(usize, usize, usize)> {
        Parts::outside(ranges, &mapping(10, 4))
            .iter()
            .map(|part| (part.start / PAGE, part.len / PAGE, part.offset / PAGE))
            .collect()
    }

    #[test]
    fn a_cut_leaves_what_lies_outside() {
        assert_eq!(parts(8, 12), []);
        assert_eq!(parts(11, 1), [(10, 1, 0), (12, 2, 2)]);
        assert_eq!(parts(9, 2), [(11, 3, 1)]);
        assert_eq!(parts(13, 1), [(10, 3, 0)]);
        assert_eq!(parts(14, 1), [(10, 4, 0)]);
        let page = |page| Range::new(page * PAGE, PAGE);
        assert_eq!(outside(&[page(12), page(13)]), [(10, 2, 0)]);
        assert_eq!(outside(&[page(12), page(10)]), [(11, 1, 1), (13, 1, 3)]);
    }
}
