//! Calls that meet: several threads change what is mapped at the same addresses. The kernel has one lock for all of
//! them. Here, the call that comes last may unmap or replace what another has just mapped, and has not noted, or is
//! about to note.
//!
//! So a call that unmaps or replaces a range looks for others there, besides the attachments that it has claimed: before
//! its system call for those that detach, which may unmap what it is going to map; after it for those that attach, and
//! for attachments that have come. If it finds one, it says so by two numbers, and compares the table with the kernel's
//! list once it is done (`compare`). A call that was under way sees that the number has changed, and compares as well. So
//! the last of those that meet compares when nothing of the others' is still to come.
//! Tested by `c_tests/process/overlapping_calls.c`.

use super::entry::{self, Entry, Place};
use super::range::Range;
use super::table::{SAME_DEPTH, TABLE};
use crate::os::process::{sched_yield, thread_mark};
use crate::sync::{AtomicU32, Ordering};

/// How often calls have met one that detaches, or an attachment.
static MET: AtomicU32 = AtomicU32::new(0);
/// How often calls have met one that attaches, or may have. It is a number of its own since a `shmdt` that was met says
/// so to attaches: if it said so to others that detach, they would say so to each other for ever.
static MET_ATTACHING: AtomicU32 = AtomicU32::new(0);

/// All calls under way compare when they are done.
pub(super) fn tell_all() {
    MET.fetch_add(1, Ordering::AcqRel);
    MET_ATTACHING.fetch_add(1, Ordering::AcqRel);
}

/// Calls under way that unmap or replace ranges. It stays too high if one is jumped out of.
static UNDER_WAY: AtomicU32 = AtomicU32::new(0);

/// One of them, until it is dropped.
pub(super) struct UnderWay(());

impl UnderWay {
    pub(super) fn begin() -> UnderWay {
        UNDER_WAY.fetch_add(1, Ordering::AcqRel);
        UnderWay(())
    }

    /// Whether another one may be under way besides the caller's.
    pub(super) fn is_another() -> bool {
        UNDER_WAY.load(Ordering::Acquire) > 1
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::AcqRel);
    }
}

/// In a child: whether calls of threads that are not here may have left something to compare.
pub(super) fn may_be_left() -> bool {
    UNDER_WAY.load(Ordering::Acquire) != 0 || MET.load(Ordering::Acquire) != 0
}

/// An attach under way.
#[derive(Clone, Copy)]
pub(super) struct Attach {
    met: u32,
}

impl Attach {
    pub(super) fn begin() -> Attach {
        Attach {
            met: MET_ATTACHING.load(Ordering::Acquire),
        }
    }

    /// Whether others met it; asked once it has noted what it mapped.
    pub(super) fn has_met(self) -> bool {
        MET_ATTACHING.load(Ordering::Acquire) != self.met
    }
}

/// How often a call lets other threads run that it would meet.
const YIELDS: usize = 64;

/// Whether a place is in one of the ranges, as far as it is known.
fn is_in(place: Place, ranges: &[Range]) -> bool {
    matches!(place, Place::At(start, end)
        if ranges.iter().any(|range| start < range.end && range.start < end))
}

/// A call under way that unmaps or replaces something.
#[derive(Clone, Copy)]
pub(super) struct Unmap {
    met: u32,
    met_attaching: u32,
    meets: bool,
    frame: usize,
}

impl Unmap {
    /// Before it claims anything.
    #[inline(always)]
    pub(super) fn begin(frame: usize) -> Unmap {
        Unmap {
            met: MET.load(Ordering::Acquire),
            met_attaching: MET_ATTACHING.load(Ordering::Acquire),
            meets: false,
            frame,
        }
    }

    /// Before anything is claimed: gives other threads the time to end what they do in the ranges. A call that waits has
    /// claimed nothing that others wait for, except an attach the entry at `own`; of two attaches one waits.
    pub(super) fn wait(ranges: &[Range], own: Option<u32>) {
        for _ in 0..YIELDS {
            let is_met = entry::any_may_be_busy()
                && TABLE.all().any(|(index, entry)| {
                    let (stamp, place) = entry.place();
                    stamp.is_busy()
                        && (stamp.is_taken() || entry.owner().0 != thread_mark())
                        && is_in(place, ranges)
                        && !own.is_some_and(|own| own < index && stamp.stage().is_attach())
                });
            if !is_met {
                return;
            }
            sched_yield();
        }
    }

    /// Before the system call.
    pub(super) fn look_before(&mut self, ranges: &[Range]) {
        if entry::any_may_be_busy() {
            self.look(ranges);
        }
    }

    /// Looks for others in the ranges that this call will unmap, or has unmapped.
    pub(super) fn look(&mut self, ranges: &[Range]) {
        let (mut meets, may_meet) = self.look_once(ranges);
        if may_meet {
            // An attach that is not done after this sees the number, and one that is done has noted where it is.
            MET_ATTACHING.fetch_add(1, Ordering::AcqRel);
            meets |= self.look_once(ranges).0;
        }
        if meets {
            self.meet();
        }
    }

    /// It has met another.
    pub(super) fn meet(&mut self) {
        tell_all();
        self.meets = true;
    }

    /// Whether others are in the ranges, and whether any may be.
    fn look_once(&self, ranges: &[Range]) -> (bool, bool) {
        let (mut meets, mut may_meet) = (false, false);
        for (_, entry) in TABLE.all() {
            let place = self.place_of(entry);
            meets |= is_in(place, ranges);
            may_meet |= place == Place::Anywhere;
        }
        (meets, may_meet)
    }

    /// Where another call's entry, or one at rest, is mapped.
    fn place_of(&self, entry: &Entry) -> Place {
        let (stamp, place) = entry.place();
        let (mark, depth) = entry.owner();
        // One that has just been taken may still name its earlier owner; this call has claimed its own.
        let is_own = stamp.is_busy()
            && !stamp.is_taken()
            && mark == thread_mark()
            && depth.abs_diff(self.frame) < SAME_DEPTH;
        if is_own { Place::Nowhere } else { place }
    }

    /// Whether it met others, or they it; asked once it has noted what it unmapped.
    pub(super) fn has_met(self) -> bool {
        self.meets
            || MET.load(Ordering::Acquire) != self.met
            || MET_ATTACHING.load(Ordering::Acquire) != self.met_attaching
    }

    /// The same of shmdt(2), which unmaps only what it has claimed. If others have unmapped that before, it may have
    /// unmapped what an attach has not noted yet.
    pub(super) fn has_met_detaching(mut self, range: Range) -> bool {
        let met = MET.load(Ordering::Acquire);
        if met == 0 {
            return false;
        }
        if met != self.met {
            MET_ATTACHING.fetch_add(1, Ordering::AcqRel);
            self.meets = true;
        }
        self.look(&[range]);
        self.meets
    }
}
