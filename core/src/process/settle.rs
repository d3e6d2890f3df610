//! Calls that no thread will finish: their thread has jumped out of them (`siglongjmp` from a handler) or ended
//! (cancellation), or it was of another process that shared this memory and is gone. The next call settles them.
//!
//! It cannot always be proven that an owner is gone. What is done without proof does no harm to an owner that comes
//! back. An attach that counts and is not mapped is taken back; its owner would notice and begin anew. A detach that
//! has unmapped is counted, once. An attachment is given back to the program only if its owner is known not to come
//! back. Tested by `c_tests/process`, the programs about jumps and cancellation.

use super::compare::compare;
use super::entry::{Entry, Mapping};
use super::leaving::Leaving;
use super::mapped::{Answer, mapping_at, name_of, part_at, still_maps, surely_maps, unexplained};
use super::own;
use super::registry::REGISTRY;
use super::share::Share;
use super::stamp::{Stage, Stamp};
use super::table::{Explained, SAME_DEPTH, TABLE, frame};
use super::turn::Turn;
use crate::os::descriptors;
use crate::os::files::File;
use crate::os::process::{are_threads_gone, is_on_alternate_stack, is_thread_gone, thread_mark};
use crate::os::signals::Blocked;
use crate::registry::{Change, State, slot_of};
use crate::sync::Ordering;

/// And at most this far above (see [`SAME_DEPTH`]).
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
        } else {
            settle_one(entry, stamp, here, false);
        }
    });
}

/// Settles calls that no thread will finish: those on the segment in a slot and those that make one, or all. For each that
/// another thread is in the middle of, it asks the kernel whether that thread has ended.
#[inline(never)]
pub(crate) fn settle_thoroughly(slot: Option<u32>) {
    let here = frame();
    let mut ended = None;
    TABLE.each_busy(|entry, stamp| {
        let is_of_interest = stamp.stage() == Stage::Creating
            || slot.is_none_or(|slot| slot_of(entry.shmid()) == slot);
        // It may have been settled with another entry of the same owner; or been left as it is.
        let mark = entry.owner().0;
        if is_of_interest
            && entry.stamp() == stamp
            && ended != Some(mark)
            && settle_one(entry, stamp, here, true)
        {
            ended = Some(mark);
        }
    });
}

/// Returns whether that was done for all entries of the owner.
fn settle_one(entry: &Entry, stamp: Stamp, here: usize, thoroughly: bool) -> bool {
    if stamp.is_taken() {
        take_back(entry, stamp, thoroughly);
        return false;
    }
    let is_left = owner_of(entry, stamp, here, thoroughly) != Owner::There;
    if is_left {
        // A call on a range changes several entries at once.
        end_all_of(entry.owner().0, here, thoroughly);
    }
    is_left
}

#[cold]
#[inline(never)]
fn end_all_of(mark: usize, here: usize, thoroughly: bool) {
    let _signals = Blocked::new();
    let turn = if thoroughly {
        Some(Turn::take_over())
    } else {
        Turn::take_now()
    };
    if turn.is_none() {
        return;
    }
    let mut has_ended = false;
    // What detaches have left is known first. All other mappings that no entry explains are those of attaches.
    for detaches in [true, false] {
        for (index, entry) in TABLE.all() {
            let stamp = entry.stamp();
            if !stamp.is_busy()
                || stamp.is_taken()
                || entry.owner().0 != mark
                || (stamp.stage() == Stage::Detaching) != detaches
            {
                continue;
            }
            match owner_of(entry, stamp, here, thoroughly) {
                Owner::There => {}
                owner => {
                    // An owner that may come back compares for itself.
                    has_ended |= owner != Owner::Old;
                    end(index, entry, stamp, owner, here);
                }
            }
        }
    }
    drop(turn);
    // It has not looked for others that it met.
    if has_ended {
        compare();
    }
}

/// Who owns an entry that is in the middle of a call.
fn owner_of(entry: &Entry, stamp: Stamp, here: usize, thoroughly: bool) -> Owner {
    let (mark, depth) = entry.owner();
    // It has just been taken over by a thread that settles it, and still names its earlier owner.
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

/// Takes an entry back that a thread has taken, and does not name yet, if that thread will not go on. If it is this one, a
/// handler interrupted it there, and it may never come back; if it does, it begins anew. Another one that lives goes on.
pub(super) fn take_back(entry: &Entry, stamp: Stamp, thoroughly: bool) {
    if stamp.may_be_of(thread_mark())
        || thoroughly && are_threads_gone(|mark| stamp.may_be_of(mark))
    {
        TABLE.untake(entry, stamp);
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
    let opened = File::ever_opened();
    if owner != Owner::Old && File::any_open() && !is_being_attached(entry.shmid(), here) {
        descriptors::close_all_of(name_of(entry.shmid()).bytes(), -1, Some(opened));
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
        let left = |other: &Entry, stamp| being_left(other, stamp, here);
        match unexplained(entry.shmid(), &left) {
            Ok(Answer::NotYet) if owner != Owner::Old => continue,
            // An owner that may come back has to note what it counts first. After that it does not read the entry
            // again, until it publishes.
            Ok(Answer::No)
                if owner != Owner::Old
                    || stamp.stage() == Stage::Attaching && Share::counts(entry, &REGISTRY) =>
            {
                give_up(entry, stamp, here, Change::Cancel);
            }
            Ok(Answer::Yes(start, end, base)) if owner != Owner::Old => {
                let is_others = is_being_attached(entry.shmid(), here);
                if is_others || TABLE.fingerprint() != before {
                    continue;
                }
                if let Some(stamp) = entry.change(stamp, Stage::Publishing) {
                    entry.set_mapping(&mapping_at(entry, (start, end), base));
                    Share::as_it_is(entry, &REGISTRY).note(entry, &REGISTRY);
                    let _ = entry.change(stamp, Stage::Attached);
                }
            }
            _ => {}
        }
        return;
    }
}

/// How far an entry that is being detached explains a mapping at its addresses: not once it has been counted off. Before,
/// it may have been unmapped already, and its addresses be another's; its thread will tell soon, if there is one.
fn being_left(entry: &Entry, stamp: Stamp, here: usize) -> Explained {
    if !Share::counts(entry, &REGISTRY) {
        Explained::Not
    } else if matches!(
        owner_of(entry, stamp, here, true),
        Owner::Gone | Owner::JumpedOut
    ) {
        // One mapping for two entries: whichever is settled last has it.
        Explained::Surely
    } else {
        Explained::Perhaps
    }
}

/// Whether a thread that may come back attaches the segment: a mapping that no attachment explains may be its.
fn is_being_attached(shmid: u32, here: usize) -> bool {
    TABLE.all().any(|(_, entry)| {
        let stamp = entry.stamp();
        stamp.stage().is_attach()
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
        let left = |other: &Entry, stamp| being_left(other, stamp, here);
        let answer = if Share::counts(entry, &REGISTRY) {
            still_maps(entry, &mapping, &left)
        } else {
            Answer::No
        };
        match answer {
            Answer::NotYet if owner != Owner::Old => continue,
            Answer::No => {
                if give_up(entry, stamp, here, Change::Detach) {
                    TABLE.note_idle(index, mapping.shmid);
                }
            }
            Answer::Yes(start, end, base) if owner != Owner::Old => {
                if is_being_attached(mapping.shmid, here) || TABLE.fingerprint() != before {
                    continue;
                }
                // Its call may have cut it, or mapped over a part: what else is left of it is found as an attach.
                if let Some(stamp) = entry.claim(stamp, Stage::Detaching, here) {
                    let part = part_at(&mapping, (start, end), base);
                    Leaving::claimed(index, entry, stamp).stays(&part);
                }
            }
            Answer::Yes(..) | Answer::NotYet => {}
        }
        return;
    }
}

/// Claims an attachment at `address` that a call left on another stack, which may come back: the program may detach it all
/// the same, as the kernel would. If that call does come back, an attach begins anew, and a detach has detached what was
/// detached before.
pub(super) fn take_over_at(address: usize, frame: usize) -> Option<(Leaving, Mapping)> {
    TABLE.all().find_map(|(index, entry)| {
        let stamp = entry.stamp();
        if !stamp.is_busy()
            || stamp.is_taken()
            || owner_of(entry, stamp, frame, true) != Owner::Old
            || !Share::counts_at_all(entry, &REGISTRY)
        {
            return None;
        }
        let mapping = match stamp.stage() {
            Stage::Detaching => entry.mapping(),
            Stage::Attaching | Stage::Publishing => {
                let len = REGISTRY.bytes_of(entry.shmid())?;
                mapping_at(entry, (address, address.saturating_add(len)), address)
            }
            _ => return None,
        };
        if mapping.base() != address {
            return None;
        }
        let left = |other: &Entry, stamp| being_left(other, stamp, frame);
        let place = surely_maps(entry, &mapping, &left)?;
        let stamp = entry.claim(stamp, Stage::Detaching, frame)?;
        let part = part_at(&mapping, place, address);
        entry.set_mapping(&part);
        Share::as_it_is(entry, &REGISTRY).note(entry, &REGISTRY);
        Some((Leaving::claimed(index, entry, stamp), part))
    })
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
