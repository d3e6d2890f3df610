//! Calls that no thread will finish: their thread has jumped out of them (`siglongjmp` from a handler) or ended
//! (cancellation), or it was of another process that shared this memory and is gone. The next call settles them.
//!
//! It cannot always be proven that an owner is gone. What is done without proof does no harm to an owner that comes
//! back. An attach that counts and is not mapped is taken back; its owner would notice and begin anew. A detach that
//! has unmapped is counted, once. An attachment is given back to the program only if its owner is known not to come
//! back.

use super::entry::{Entry, Mapping, Stage, Stamp};
use super::own;
use super::registry::REGISTRY;
use super::share::Share;
use super::table::{TABLE, frame};
use crate::error::Errno;
use crate::os::files::File;
use crate::os::futex;
use crate::os::process::{is_on_alternate_stack, is_thread_gone, thread_mark};
use crate::os::signals::Blocked;
use crate::os::{descriptors, maps, memory};
use crate::registry::{Change, State, slot_of};
use crate::sync::{AtomicU32, Ordering};
use crate::text::Text;

/// A call on the same stack that is not nested in another begins at most this far below where the other began. Between
/// a call and one nested in it lies a signal frame, which is larger.
const SAME_DEPTH: usize = 1024;
/// And at most this far above.
const SAME_STACK: usize = 1 << 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// It may come back.
    There,
    /// It may come back. Until then its wrong count must not show.
    Old,
    /// It has ended.
    Gone,
    /// This thread has jumped out of it.
    JumpedOut,
}

/// Settles calls of this thread that it will not finish, as far as that takes no system call.
#[inline(never)]
pub(crate) fn settle() {
    let here = frame();
    TABLE.each_begun(|index, place| {
        let Some(entry) = TABLE.entry(index) else {
            return;
        };
        let stamp = entry.stamp();
        if !stamp.is_busy() {
            let _ = place.compare_exchange(index + 1, 0, Ordering::AcqRel, Ordering::Relaxed);
        } else if owner_of(entry, stamp, here, false) != Owner::There {
            // A call on a range changes several entries at once.
            end_all_of(entry.owner().0, here, false);
        }
    });
}

/// Settles calls that no thread will finish: those on the segment in a slot and those that make one, or all. For each that
/// another thread is in the middle of, it asks the kernel whether that thread has ended.
#[inline(never)]
pub(crate) fn settle_thoroughly(slot: Option<u32>) {
    let here = frame();
    TABLE.each_busy(|entry, stamp| {
        let is_of_interest = stamp.stage() == Stage::Creating
            || slot.is_none_or(|slot| slot_of(entry.shmid()) == slot);
        // It may have been settled with another entry of the same owner.
        if is_of_interest
            && entry.stamp() == stamp
            && owner_of(entry, stamp, here, true) != Owner::There
        {
            end_all_of(entry.owner().0, here, true);
        }
    });
}

/// One thread settles at a time: two would take one mapping for the result of two calls.
struct Turn;

static TURN: AtomicU32 = AtomicU32::new(0);

/// How long another thread's turn lasts at most, in milliseconds, if that thread lives.
const TURN_MS: u32 = 1000;

impl Turn {
    fn take(thoroughly: bool) -> Option<Turn> {
        let mut tries = if thoroughly { TURN_MS } else { 0 };
        loop {
            if TURN
                .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return Some(Turn);
            }
            if tries == 0 {
                // A process that shared this memory had the turn, and was killed.
                return thoroughly.then_some(Turn);
            }
            tries -= 1;
            let _ = futex::wait(&TURN, 1, 1);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.store(0, Ordering::Release);
    }
}

#[cold]
#[inline(never)]
fn end_all_of(mark: usize, here: usize, thoroughly: bool) {
    let _signals = Blocked::new();
    let Some(_turn) = Turn::take(thoroughly) else {
        return;
    };
    // What detaches have left is known first. All other mappings that no entry explains are those of attaches.
    for detaches in [true, false] {
        for (index, entry) in TABLE.all() {
            let stamp = entry.stamp();
            if !stamp.is_busy()
                || entry.owner().0 != mark
                || (stamp.stage() == Stage::Detaching) != detaches
            {
                continue;
            }
            match owner_of(entry, stamp, here, thoroughly) {
                Owner::There => {}
                owner => end(index, entry, stamp, owner, here),
            }
        }
    }
}

fn owner_of(entry: &Entry, stamp: Stamp, here: usize, thoroughly: bool) -> Owner {
    let (mark, depth) = entry.owner();
    // It has just been claimed, and still names its earlier owner.
    if !stamp.may_be_of(mark) {
        return Owner::There;
    }
    if mark == thread_mark() {
        // A handler's on a stack of its own, which cannot tell: it is nested in another call, or one was jumped out of. What
        // that counts wrongly shows until the next call on the thread's own stack; asking the kernel each time would keep
        // a timer's handler busy until its next signal, and the thread from coming back.
        if is_on_alternate_stack() {
            return Owner::There;
        }
        let is_out =
            here.saturating_add(SAME_DEPTH) >= depth && here < depth.saturating_add(SAME_STACK);
        if is_out {
            return Owner::JumpedOut;
        }
        // The same thread pointer on another stack: that of a process that shares this memory. On the same stack, but
        // deeper, it is mostly a handler's call within the other.
        let is_far = here.abs_diff(depth) >= SAME_STACK;
        return if thoroughly && is_far {
            Owner::Old
        } else {
            Owner::There
        };
    }
    if thoroughly && is_thread_gone(mark, own::own_pid()) {
        Owner::Gone
    } else {
        Owner::There
    }
}

fn end(index: u32, entry: &'static Entry, stamp: Stamp, owner: Owner, here: usize) {
    match stamp.stage() {
        Stage::Attaching | Stage::Publishing => end_attach(entry, stamp, owner, here),
        Stage::Detaching => end_detach(index, entry, stamp, owner, here),
        Stage::Creating if owner != Owner::Old => end_creation(entry, stamp),
        _ => {}
    }
}

/// Closes the file that an attach had open when its thread jumped out or ended, if no other thread may have it open.
fn close_left(entry: &Entry, owner: Owner, here: usize) {
    if owner != Owner::Old && File::any_open() && !is_being_attached(entry.shmid(), here) {
        descriptors::close_all_of(name_of(entry.shmid()).bytes(), -1);
    }
}

/// How often the kernel's list of mappings is read for one entry, while other threads attach and detach.
const READS: u32 = 100;

/// An attach that is not mapped is taken back. One that is mapped is an attachment from here on.
fn end_attach(entry: &'static Entry, stamp: Stamp, owner: Owner, here: usize) {
    close_left(entry, owner, here);
    // It counts before it maps: what does not count has mapped nothing.
    if !Share::counts_at_all(entry, &REGISTRY) {
        if owner != Owner::Old {
            give_up(entry, stamp, here, Change::Cancel);
        }
        return;
    }
    for _ in 0..READS {
        let before = TABLE.fingerprint();
        match unexplained(entry.shmid()) {
            // An owner that may come back has to note what it counts first. After that it does not read the entry
            // again.
            Ok(None)
                if stamp.stage() == Stage::Attaching
                    && (owner != Owner::Old || Share::counts(entry, &REGISTRY)) =>
            {
                give_up(entry, stamp, here, Change::Cancel);
            }
            Ok(Some(found)) if owner != Owner::Old => {
                let is_others = is_being_attached(entry.shmid(), here);
                if is_others || TABLE.fingerprint() != before {
                    continue;
                }
                if let Some(stamp) = entry.change(stamp, Stage::Publishing) {
                    entry.set_mapping(&mapping_at(entry, found));
                    Share::as_it_is(entry, &REGISTRY).note(entry, &REGISTRY);
                    let _ = entry.change(stamp, Stage::Attached);
                }
            }
            _ => {}
        }
        return;
    }
}

/// Whether a thread that may come back attaches the segment: a mapping that no attachment explains may be its.
fn is_being_attached(shmid: u32, here: usize) -> bool {
    TABLE.all().any(|(_, entry)| {
        let stamp = entry.stamp();
        matches!(stamp.stage(), Stage::Attaching | Stage::Publishing)
            && entry.shmid() == shmid
            && owner_of(entry, stamp, here, true) == Owner::There
    })
}

/// This thread claims the entry first, so that its owner can change it no more.
fn give_up(entry: &'static Entry, stamp: Stamp, here: usize, change: Change) -> bool {
    let Some(stamp) = entry.claim(stamp, Stage::Detaching, here) else {
        return false;
    };
    Share::as_it_is(entry, &REGISTRY).end(&REGISTRY, change);
    TABLE.make_idle(entry, stamp)
}

/// A detach that has unmapped is counted. One that has not is undone, if its thread is known not to come back.
fn end_detach(index: u32, entry: &'static Entry, stamp: Stamp, owner: Owner, here: usize) {
    let mapping = entry.mapping();
    for _ in 0..READS {
        let before = TABLE.fingerprint();
        let is_gone = !Share::counts(entry, &REGISTRY)
            || !is_still_mapped(entry, &mapping, |other| Share::counts(other, &REGISTRY));
        if is_gone {
            if give_up(entry, stamp, here, Change::Detach) {
                TABLE.note_idle(index, mapping.shmid);
            }
        } else if owner != Owner::Old {
            if is_being_attached(mapping.shmid, here) || TABLE.fingerprint() != before {
                continue;
            }
            let _ = entry.change(stamp, Stage::Attached);
        }
        return;
    }
}

/// A segment half-made is removed. One that is whole stays, as if the call had ended just then.
fn end_creation(entry: &'static Entry, stamp: Stamp) {
    let slot = entry.shmid();
    if let Some(token) = own::current_token()
        && slot != u32::MAX
        && REGISTRY.is_claimed_by(slot, token)
    {
        let is_half_made = REGISTRY
            .read_slot(slot)
            .is_some_and(|segment| segment.state == State::Creating);
        if is_half_made {
            let _ = REGISTRY.finish_creation(slot);
        }
        REGISTRY.unclaim(slot, token);
    }
    TABLE.make_idle(entry, stamp);
}

/// Whether the kernel still has a part of an entry's mapping that no other entry explains.
pub(super) fn is_still_mapped(
    entry: &Entry,
    mapping: &Mapping,
    counts: impl Fn(&Entry) -> bool,
) -> bool {
    let name = name_of(mapping.shmid);
    let mut found = false;
    let read = maps::each_own(&mut |other| {
        let start = other.start.max(mapping.start);
        found |= start < other.end.min(mapping.end())
            && is_part(&other, mapping, &name)
            && !TABLE.is_explained(entry, mapping.shmid, start, &counts);
        !found
    });
    // If the kernel cannot be asked, it is taken to be there: better counted too long than too short.
    found || read.is_err()
}

/// A mapping of the segment that no attachment explains: its start and end.
fn unexplained(shmid: u32) -> Result<Option<(usize, usize, bool)>, Errno> {
    let name = name_of(shmid);
    let mut found = None;
    let kept = memory::page_size();
    maps::each_own(&mut |mapping| {
        let is_it = is_of(mapping.name(), &name)
            && !(mapping.end - mapping.start == kept && super::kept::is_kept_at(mapping.start));
        if is_it {
            let mut is_explained = false;
            TABLE.each_in(mapping.start, mapping.end, |_| is_explained = true);
            is_explained |= TABLE.is_being_left(mapping.start, mapping.end, |entry| {
                Share::counts(entry, &REGISTRY)
            });
            if !is_explained {
                found = Some((mapping.start, mapping.end, false));
            }
        }
        found.is_none()
    })?;
    Ok(found)
}

/// In a child: finds the mapping that an attach of its parent was making, if it is here.
pub(super) fn find_mapping(entry: &Entry) -> bool {
    let Ok(Some((start, end, read_only))) = unexplained(entry.shmid()) else {
        return false;
    };
    entry.set_mapping(&mapping_at(entry, (start, end, read_only)));
    true
}

fn mapping_at(entry: &Entry, (start, end, read_only): (usize, usize, bool)) -> Mapping {
    Mapping {
        start,
        len: end - start,
        offset: 0,
        shmid: entry.shmid(),
        read_only,
        huge_log2: 0,
        group: TABLE.new_group(),
    }
}

/// Whether a mapping of the kernel's list is part of one of ours: another attachment of the segment may have come to lie
/// over some of the addresses, but then its pages are not where they would be.
fn is_part(other: &maps::Mapping, mapping: &Mapping, name: &Text<64>) -> bool {
    other.start.wrapping_sub(other.offset as usize) == mapping.base()
        && (is_of(other.name(), name) || mapping.huge_log2 != 0)
}

/// What the kernel still has of a mapping: the first part, and the last if there are several. If the kernel cannot be
/// asked, all of it.
pub(super) fn parts_of(mapping: &Mapping) -> (Option<Mapping>, Option<Mapping>) {
    let name = name_of(mapping.shmid);
    let (mut first, mut last) = (None::<Mapping>, None::<Mapping>);
    let read = maps::each_own(&mut |other| {
        let start = other.start.max(mapping.start);
        let end = other.end.min(mapping.end());
        if start < end && is_part(&other, mapping, &name) {
            let part = Mapping {
                start,
                len: end - start,
                offset: mapping.offset + (start - mapping.start),
                ..*mapping
            };
            match &mut first {
                None => first = Some(part),
                // The kernel may have split a mapping that is one to us.
                Some(before) if before.end() == start && last.is_none() => before.len += part.len,
                Some(_) => last = Some(part),
            }
        }
        true
    });
    if read.is_err() {
        return (Some(*mapping), None);
    }
    (first, last)
}

/// Whether a mapping's name is that of a segment's file. Behind its beginning may come the size, and a note that it was
/// removed.
fn is_of(name: &[u8], segment: &Text<64>) -> bool {
    name.strip_prefix(segment.bytes())
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'-' | b' ')))
}

/// What the name of a segment's file begins with.
fn name_of(shmid: u32) -> Text<64> {
    let mut name = Text::new();
    REGISTRY.push_segment_name(shmid, &mut name);
    name
}
