//! Compares the attachments of the table with the kernel's list of mappings, after calls that met at the same addresses,
//! and corrects them. What is unmapped does not count any longer; what is mapped and nobody noted counts from here on.
//!
//! An attachment at rest is changed by those who claim it only. So one that the kernel does not have, and that is the
//! same after the list has been read as before, was unmapped by a call that did not know of it.
//! Tested by `c_tests/process`, the programs about overlapping calls and forks.

use super::changes::{Attached, Attaching};
use super::entry::Mapping;
use super::leaving::Leaving;
use super::mapped;
use super::overlap::{self, Unmap};
use super::own;
use super::range::{Parts, Range};
use super::registry::REGISTRY;
use super::stamp::Stamp;
use super::table::{TABLE, frame};
use super::turn::Turn;
use crate::os::process::{sched_yield, thread_mark};
use crate::os::signals::Blocked;
use crate::sync::{AtomicU32, Ordering};

/// How often the list is read at most, while there is something to correct.
const ROUNDS: usize = 64;

/// How often calls have asked for a comparison, and how many of these are done.
static ASKED: AtomicU32 = AtomicU32::new(0);
static ANSWERED: AtomicU32 = AtomicU32::new(0);

/// Corrects all attachments, and counts what none explains. Not only at the addresses where calls have met: another call
/// may have moved what was wrong there before it could be corrected.
#[cold]
#[inline(never)]
pub(super) fn compare() {
    let _signals = Blocked::new();
    let asked = ASKED.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
    // Without it nothing is corrected: counts that are too high are better than ones that are too low.
    let Some(_turn) = Turn::take() else {
        return;
    };
    // Another call has begun to compare after this one asked, and found everything right.
    if ANSWERED.load(Ordering::Acquire).wrapping_sub(asked) as i32 >= 0 {
        return;
    }
    let answered = ASKED.load(Ordering::Acquire);
    if correct_all() {
        ANSWERED.store(answered, Ordering::Release);
    } else {
        // A call that may still note what it maps was under way all the time: it has to compare when it is done.
        overlap::tell_all();
    }
}

/// Returns whether all is right now.
fn correct_all() -> bool {
    let mut sighting = None;
    for _ in 0..ROUNDS {
        let found = mapped::cover(
            sighting
                .as_ref()
                .map(|sighting: &Sighting| &sighting.mapping),
        );
        let mut is_right = true;
        for (index, entry) in TABLE.all() {
            if let Some((stamp, mapping)) = entry.attached()
                && entry.covered() != mapping.len
            {
                is_right &= !correct(index, stamp, &mapping);
            }
        }
        sighting = found.map(|found| Sighting::again(sighting, &found));
        match &sighting {
            None if is_right => return true,
            Some(sighting) if sighting.times >= TIMES => {
                count(&Mapping {
                    group: TABLE.new_group(),
                    ..sighting.mapping
                });
            }
            // That one does not go on before this returns.
            Some(sighting) if is_right && sighting.is_of_interrupted_call() => return false,
            Some(_) => sched_yield(),
            None => {}
        }
    }
    false
}

/// A range has been unmapped or replaced of which nobody knew that attachments meet it.
#[cold]
#[inline(never)]
pub(crate) fn look_after(range: Range) {
    let mut overlap = Unmap::begin(frame());
    overlap.look(&[range]);
    if overlap.has_met() {
        compare();
    }
}

/// The segment is mapped: the attach is done. False if another thread took it for gone and settled the entry. Then
/// nothing counts any more.
pub(crate) fn finish(attaching: Attaching, attached: &Attached) -> bool {
    let is_done = attaching.finish(attached);
    if attaching.has_met() {
        compare();
    }
    is_done
}

/// A mapping that nobody has noted, and how often it was seen while no attach under way could have made it.
struct Sighting {
    mapping: Mapping,
    times: u32,
}

/// How often one is seen before it is counted. Each time, a detach may have ended after the list was read; another may
/// have mapped the same there since.
const TIMES: u32 = 4;

impl Sighting {
    fn again(before: Option<Sighting>, mapping: &Mapping) -> Sighting {
        let before = before
            .filter(|before| before.mapping == *mapping)
            .map_or(0, |before| before.times);
        let sighting = Sighting {
            mapping: *mapping,
            times: before,
        };
        let may_be_noted = sighting.may_be_noted_by(|_| true);
        Sighting {
            times: before + u32::from(!may_be_noted),
            ..sighting
        }
    }

    /// Whether a thread may be about to note it, of those with the marks that are asked for.
    fn may_be_noted_by(&self, is_asked: impl Fn(usize) -> bool) -> bool {
        let Mapping { shmid, start, .. } = self.mapping;
        TABLE
            .all()
            .any(|(_, entry)| entry.may_be_attaching(shmid, start) && is_asked(entry.owner().0))
    }

    /// Whether this is a handler's call, and the one that it interrupts may be about to note the mapping.
    fn is_of_interrupted_call(&self) -> bool {
        self.may_be_noted_by(|mark| mark == thread_mark())
    }
}

/// Corrects one attachment; returns whether it was wrong.
fn correct(index: u32, stamp: Stamp, mapping: &Mapping) -> bool {
    let parts = if is_noted_twice(index, mapping) {
        Parts::default()
    } else {
        mapped::parts_of(mapping)
    };
    if parts.iter().eq([mapping]) {
        return false;
    }
    let Some(leaving) = Leaving::claim(index, stamp, frame()) else {
        return false;
    };
    leaving.becomes(parts.first(count), &REGISTRY);
    true
}

/// Whether two entries stand for one mapping; true for one of them only.
fn is_noted_twice(index: u32, mapping: &Mapping) -> bool {
    TABLE.all().any(|(other_index, entry)| {
        entry.attached().is_some_and(|(_, other)| {
            other.shmid == mapping.shmid
                && other.base() == mapping.base()
                && other.start <= mapping.start
                && mapping.end() <= other.end()
                && (other.len > mapping.len || other_index < index)
        })
    })
}

/// Counts a mapping that is no attachment yet.
fn count(mapping: &Mapping) -> bool {
    let attaching =
        own::join(&REGISTRY).and_then(|member| Attaching::begin(member, mapping.shmid, frame()));
    if let Ok(attaching) = attaching {
        attaching.aim(mapping.start, mapping.len);
        attaching.finish_as(mapping);
        return true;
    }
    false
}
