//! Kept pages: if this process attaches a segment again and again, one page of it stays mapped, out of the program's
//! way. From it the kernel makes a second mapping in one call, without a name and without a descriptor.
//!
//! A kept page is no attachment and is not counted. Its holding says that it is kept, so that a process that destroys
//! the segment frees its memory. A child drops the pages that it inherits. A page is kept from a mapping that the
//! program has not got yet, so the program cannot have changed its protection, or what a fork does with it.
//! Tested by `c_tests/process/costs.c` and `c_tests/sysv`.

use crate::error::Result;
use crate::os::memory::{self, page_size};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Most pages that a process keeps. The oldest is dropped first.
const PLACES: usize = 16;

/// Which mapping a page makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wanted {
    pub(crate) shmid: u32,
    pub(crate) len: usize,
    pub(crate) read_only: bool,
}

/// On the page that is wiped in children.
#[repr(C)]
pub(crate) struct Kept {
    places: [Place; PLACES],
    next: AtomicU32,
    /// Segments that were attached lately.
    recent: [AtomicU32; PLACES],
    next_recent: AtomicU32,
}

#[repr(C)]
struct Place {
    state: AtomicU32,
    read_only: AtomicU32,
    shmid: AtomicU32,
    holding: AtomicU32,
    len: AtomicU64,
}

const EMPTY: u32 = 0;
/// A thread maps from it, or changes it.
const IN_USE: u32 = 1;
const READY: u32 = 2;

/// Address space for one page each; 0 until there is one. It is at a known place, for a child.
static AREA: AtomicUsize = AtomicUsize::new(0);

/// While this is set, nothing is kept.
static FORBIDDEN: AtomicU32 = AtomicU32::new(0);

pub(super) fn forbid(forbidden: bool) {
    FORBIDDEN.store(forbidden.into(), Ordering::Release);
}

impl Place {
    fn is_for(&self, wanted: &Wanted) -> bool {
        self.shmid.load(Ordering::Relaxed) == wanted.shmid
            && self.len.load(Ordering::Relaxed) == wanted.len as u64
            && self.read_only.load(Ordering::Relaxed) == u32::from(wanted.read_only)
    }

    fn enter(&self, from: u32) -> bool {
        self.state
            .compare_exchange(from, IN_USE, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    fn leave(&self, to: u32) {
        self.state.store(to, Ordering::Release);
    }
}

impl Kept {
    /// Whether the segment was attached lately; notes that it was.
    pub(crate) fn is_attached_again(&self, shmid: u32) -> bool {
        if FORBIDDEN.load(Ordering::Acquire) != 0 {
            return false;
        }
        if self
            .recent
            .iter()
            .any(|recent| recent.load(Ordering::Relaxed) == shmid)
        {
            return true;
        }
        let next = self.next_recent.fetch_add(1, Ordering::Relaxed) as usize % PLACES;
        if let Some(place) = self.recent.get(next) {
            place.store(shmid, Ordering::Relaxed);
        }
        false
    }

    /// A new mapping from a kept page, at any address. `None` if there is none for it, or another thread uses it.
    pub(crate) fn map(&self, wanted: &Wanted) -> Option<usize> {
        let (number, place) = self.places.iter().enumerate().find(|(_, place)| {
            place.state.load(Ordering::Relaxed) == READY && place.is_for(wanted)
        })?;
        if !place.enter(READY) {
            return None;
        }
        // It may have become another segment's page meanwhile.
        let mapped = place.is_for(wanted).then(|| {
            let from = self.address(number);
            // SAFETY: an old size of 0 leaves the page alone; the kernel chooses a free range for the second mapping.
            unsafe { memory::mremap(from, 0, wanted.len, libc::MREMAP_MAYMOVE, 0) }.ok()
        });
        place.leave(READY);
        mapped.flatten()
    }

    /// Drops the page of a segment that goes.
    pub(super) fn drop_for(&self, shmid: u32) {
        self.drop_if(|place| place.shmid.load(Ordering::Relaxed) == shmid);
    }

    /// Drops all kept pages.
    pub(super) fn drop_all(&self) {
        self.drop_if(|_| true);
    }

    /// Keeps a page of a mapping at `start`, if it can be had; `holding` is one of this process's for the segment.
    pub(crate) fn keep(&self, wanted: &Wanted, start: usize, holding: u32) {
        let is_there = self
            .places
            .iter()
            .any(|place| place.state.load(Ordering::Relaxed) == READY && place.is_for(wanted));
        if is_there || self.reserve().is_err() {
            return;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed) as usize % PLACES;
        let Some(place) = self.places.get(number) else {
            return;
        };
        if place.enter(READY) {
            self.empty(number, place);
        } else if !place.enter(EMPTY) {
            return;
        }
        place.shmid.store(wanted.shmid, Ordering::Relaxed);
        place.len.store(wanted.len as u64, Ordering::Relaxed);
        place
            .read_only
            .store(wanted.read_only.into(), Ordering::Relaxed);
        place.holding.store(holding, Ordering::Relaxed);
        // Noted before it is there: a process that destroys the segment looks for the note.
        say(wanted.shmid, holding, true);
        let at = self.address(number);
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: an old size of 0 leaves the mapping alone; the new place is in the area, which is ours alone.
        let made = unsafe { memory::mremap(start, 0, page_size(), flags, at) };
        if made.is_err() {
            self.empty(number, place);
            place.leave(EMPTY);
        } else {
            place.leave(READY);
        }
    }

    /// Drops the page in a place that this thread has in use.
    fn empty(&self, number: usize, place: &Place) {
        let _ = memory::reserve_addresses(self.address(number), page_size(), libc::MAP_FIXED);
        say(
            place.shmid.swap(0, Ordering::Relaxed),
            place.holding.load(Ordering::Relaxed),
            false,
        );
    }

    fn drop_if(&self, is_it: impl Fn(&Place) -> bool) {
        for (number, place) in self.places.iter().enumerate() {
            if place.state.load(Ordering::Relaxed) == READY && is_it(place) && place.enter(READY) {
                if is_it(place) {
                    self.empty(number, place);
                    place.leave(EMPTY);
                } else {
                    place.leave(READY);
                }
            }
        }
    }

    fn reserve(&self) -> Result<()> {
        if AREA.load(Ordering::Acquire) != 0 {
            return Ok(());
        }
        let area = memory::reserve_addresses(0, PLACES * page_size(), 0)?;
        let swap = AREA.compare_exchange(0, area, Ordering::AcqRel, Ordering::Relaxed);
        if swap.is_err() {
            // SAFETY: nobody else knows of it.
            let _ = unsafe { memory::munmap(area, PLACES * page_size()) };
        }
        Ok(())
    }

    fn address(&self, place: usize) -> usize {
        AREA.load(Ordering::Acquire) + place * page_size()
    }

    /// What the kernel does where it can.
    pub(super) fn wipe(&self) {
        for place in &self.places {
            place.state.store(EMPTY, Ordering::Relaxed);
        }
        for recent in &self.recent {
            recent.store(0, Ordering::Relaxed);
        }
    }
}

/// Notes in the registry that a page is kept, or no longer is.
fn say(shmid: u32, holding: u32, is_kept: bool) {
    if shmid != 0
        && let Ok(slot) = super::registry::REGISTRY.slot_for(shmid)
    {
        slot.set_kept(holding, is_kept);
    }
}

/// In a child: the pages that its parent kept would keep the memory of segments that are gone.
pub(super) fn drop_inherited() {
    let area = AREA.load(Ordering::Relaxed);
    if area != 0 {
        let _ = memory::reserve_addresses(area, PLACES * page_size(), libc::MAP_FIXED);
    }
}

/// Whether a page is kept at this address.
pub(super) fn is_kept_at(address: usize) -> bool {
    let area = AREA.load(Ordering::Acquire);
    area != 0 && (area..area + PLACES * page_size()).contains(&address)
}
