//! Addresses of whole pages, and what is left of a mapping outside of them.

use super::entry::Mapping;
use crate::os::memory;

/// Up to two parts of a mapping, the lower one first.
pub(super) type Parts = (Option<Mapping>, Option<Mapping>);

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
    pub(super) const EMPTY: Range = Range { start: 0, end: 0 };

    pub(super) fn of(mapping: &Mapping) -> Range {
        Range {
            start: mapping.start,
            end: mapping.end(),
        }
    }

    /// Extends it so far that the other is in it.
    pub(super) fn include(&mut self, other: Range) {
        *self = if *self == Range::EMPTY {
            other
        } else {
            Range {
                start: self.start.min(other.start),
                end: self.end.max(other.end),
            }
        };
    }

    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }

    pub(crate) fn meets(self, mapping: &Mapping) -> bool {
        self.start < self.end && mapping.start < self.end && self.start < mapping.end()
    }

    /// The parts of a mapping outside of the range.
    pub(super) fn outside(self, mapping: &Mapping) -> Parts {
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

    fn parts(from: usize, pages: usize) -> [Option<(usize, usize, usize)>; 2] {
        let (lower, upper) = Range::new(from * PAGE, pages * PAGE).outside(&mapping(10, 4));
        [lower, upper]
            .map(|part| part.map(|part| (part.start / PAGE, part.len / PAGE, part.offset / PAGE)))
    }

    #[test]
    fn a_cut_leaves_what_lies_outside() {
        assert_eq!(parts(8, 12), [None, None]);
        assert_eq!(parts(11, 1), [Some((10, 1, 0)), Some((12, 2, 2))]);
        assert_eq!(parts(9, 2), [None, Some((11, 3, 1))]);
        assert_eq!(parts(13, 1), [Some((10, 3, 0)), None]);
    }
}
