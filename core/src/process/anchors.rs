//! Anchors: one page of a segment that a process attaches again and again stays mapped, out of the program's way. The
//! kernel makes a second mapping from it in one call, without a name and without a descriptor.
//!
//! An anchor is no attachment and is not counted. The slot says that there may be one, so that removal gives the memory
//! back before the file goes. It is made from a mapping that the program has not had yet: nobody has changed its
//! protection.

use crate::error::Result;
use crate::os::memory::{self, page_size};

/// Most anchors of a process; the oldest goes first.
const ANCHORS: usize = 16;

/// Which mapping an anchor makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Anchored {
    pub(crate) shmid: u32,
    /// The number of the backing file, which is never used twice.
    pub(crate) file: u64,
    pub(crate) len: usize,
    pub(crate) read_only: bool,
}

pub(crate) struct Anchors {
    /// Address space for one page each; 0 until there is one.
    area: usize,
    kept: [Option<Anchored>; ANCHORS],
    next: usize,
    /// Segments that were attached lately.
    recent: [u32; ANCHORS],
    next_recent: usize,
}

impl Anchors {
    pub(crate) const fn new() -> Anchors {
        Anchors {
            area: 0,
            kept: [None; ANCHORS],
            next: 0,
            recent: [0; ANCHORS],
            next_recent: 0,
        }
    }

    /// Whether the segment was attached lately; from now on it was.
    pub(crate) fn is_attached_again(&mut self, shmid: u32) -> bool {
        if self.recent.contains(&shmid) {
            return true;
        }
        if let Some(place) = self.recent.get_mut(self.next_recent) {
            *place = shmid;
        }
        self.next_recent = (self.next_recent + 1) % ANCHORS;
        false
    }

    /// A new mapping from an anchor, anywhere; `None` when there is no anchor for it.
    pub(crate) fn map(&self, wanted: &Anchored) -> Option<usize> {
        let place = self
            .kept
            .iter()
            .position(|kept| kept.as_ref() == Some(wanted))?;
        // SAFETY: an old size of 0 leaves the anchor alone; the kernel chooses a free range for the second mapping.
        unsafe { memory::remap(self.address(place), 0, wanted.len, libc::MREMAP_MAYMOVE, 0) }.ok()
    }

    /// Makes an anchor from a mapping at `start`, if it can be had.
    pub(crate) fn keep(&mut self, anchored: &Anchored, start: usize) {
        if self.kept.contains(&Some(*anchored)) || self.reserve().is_err() {
            return;
        }
        let place = self.next;
        self.next = (self.next + 1) % ANCHORS;
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: an old size of 0 leaves the mapping alone; the new place is in the area, which is ours alone.
        let made = unsafe { memory::remap(start, 0, page_size(), flags, self.address(place)) };
        if let Some(kept) = self.kept.get_mut(place) {
            *kept = made.is_ok().then_some(*anchored);
        }
    }

    fn reserve(&mut self) -> Result<()> {
        if self.area == 0 {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            // SAFETY: the kernel chooses a free range.
            self.area =
                unsafe { memory::map(0, ANCHORS * page_size(), libc::PROT_NONE, flags, -1, 0) }?;
        }
        Ok(())
    }

    fn address(&self, place: usize) -> usize {
        self.area + place * page_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared_page() -> usize {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: the kernel chooses a free range.
        unsafe {
            memory::map(
                0,
                page_size(),
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        }
        .unwrap()
    }

    fn anchored(shmid: u32) -> Anchored {
        Anchored {
            shmid,
            file: shmid.into(),
            len: page_size(),
            read_only: false,
        }
    }

    #[test]
    fn a_mapping_from_an_anchor_is_the_same_memory() {
        let mut anchors = Anchors::new();
        let page = shared_page();
        anchors.keep(&anchored(1), page);
        let again = anchors.map(&anchored(1)).unwrap();
        assert_ne!(again, page);
        // SAFETY: both are mapped for reading and writing.
        unsafe {
            *(page as *mut u8) = 7;
            assert_eq!(*(again as *const u8), 7);
        }
        assert_eq!(
            anchors.map(&Anchored {
                read_only: true,
                ..anchored(1)
            }),
            None
        );
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut anchors = Anchors::new();
        for shmid in 0..=ANCHORS as u32 {
            anchors.keep(&anchored(shmid), shared_page());
        }
        assert_eq!(anchors.map(&anchored(0)), None);
        assert!(
            anchors.map(&anchored(1)).is_some() && anchors.map(&anchored(ANCHORS as u32)).is_some()
        );
    }

    #[test]
    fn the_second_attach_is_again() {
        let mut anchors = Anchors::new();
        assert!(!anchors.is_attached_again(5));
        assert!(anchors.is_attached_again(5));
        assert!(!anchors.is_attached_again(6));
    }
}
