//! What a child does with what it inherited, before anything else: it takes it over, or drops it.
//!
//! Only the child knows what it really inherited. It gives the holdings of the mappings that it has to its own token, touches
//! their words, and begins the next generation in the slot that was made for it. All else that was counted for it is then
//! a dead member's. Tested by `c_tests/process`, the programs that fork.

use super::compare::compare;
use super::entry::{Entry, Mapping, NO_HOLDING};
use super::fork::{self, claim_without_lock, count_one};
use super::mapped::Answer;
use super::registry::REGISTRY;
use super::stamp::Stage;
use super::table::{Explained, TABLE};
use super::{mapped, overlap, own, turn};
use crate::log::{self, Level};
use crate::os::files::File;
use crate::os::memory;
use crate::os::process::pid;
use crate::registry::{LivenessCache, Membership, Token};

/// In a child, before anything else: takes over what it inherited, or drops it.
pub(super) fn inherit() {
    TABLE.forget_threads();
    turn::forget_turn();
    let made = fork::take_in_child();
    let page = made.and_then(|made| made.page);
    own::drop_inherited(page);
    if !made.is_some_and(|made| made.is_clean) {
        let kept = made.map_or(-1, |made| made.membership.fd);
        REGISTRY.close_descriptors(kept);
    }
    File::forget_all();
    super::kept::drop_inherited();
    // Asked first: nothing may be left of what the table has, but something that it has not.
    let may_be_left = TABLE.may_have_attachments() && overlap::may_be_left();
    let is_whole = match made {
        Some(made) => be_child(&made.membership, page),
        None => be_copy(),
    };
    if may_be_left || !is_whole {
        compare();
    }
}

/// This process is the child for which everything was made. Until its parent is back from the fork, the parent has that
/// member's lock too: if it is stopped there, this child would seem to live beyond its end. So it takes a lock of its
/// own where it can. Returns whether all of each attachment is here that it has taken over.
fn be_child(made: &Membership, page: Option<usize>) -> bool {
    // From here on it is known by its number, and nobody looks for it among all processes.
    let pid = pid();
    REGISTRY.set_process(made.token, pid);
    let own =
        own::claim_with_page(&REGISTRY, pid, made.token.bits()).and_then(|claimed| claimed.ok());
    let (membership, kept) = match own {
        Some((membership, page)) => (membership, Some(page)),
        None => {
            let token = made.token.next();
            (Membership { token, ..*made }, page)
        }
    };
    let is_whole = become_member(Some((made.token, pid)), &membership, kept);
    if own.is_some() {
        own::give_up_lock(made, page);
    }
    is_whole
}

/// Takes over what was counted `before` for this process, under a token and its id, and what it has besides, as this
/// member. Returns the same.
fn become_member(
    before: Option<(Token, i32)>,
    membership: &Membership,
    page: Option<usize>,
) -> bool {
    if let Some(page) = page {
        let _ = own::keep_from_children(membership, page);
    }
    let is_whole = adopt_all(before.map(|before| before.0), membership.token);
    if let Some((before, pid)) = before {
        REGISTRY.begin_generation(before.next(), pid);
    }
    own::set_membership(membership, page);
    is_whole
}

/// A child that was made without handlers becomes a member. What it inherited counts from here on. Returns the same.
fn be_copy() -> bool {
    let Some(parent) = own::parents_token().filter(|_| TABLE.may_have_attachments()) else {
        TABLE.forget_holdings();
        return true;
    };
    let made = match own::claim_with_page(&REGISTRY, pid(), 0) {
        Some(Ok((membership, page))) => Ok((membership, Some(page))),
        _ => claim_without_lock(parent)
            .inspect(|(membership, _)| REGISTRY.set_process(membership.token, pid())),
    };
    match made {
        Ok((membership, page)) => become_member(None, &membership, page),
        Err(error) => {
            TABLE.forget_holdings();
            log::write(Level::Error, |line| {
                line.str("inherited attachments cannot be counted: ")
                    .errno(error)
            });
            true
        }
    }
}

/// Takes over every attachment that this child really has, from those counted `before` it was born, or counts it anew. A
/// part of one is taken over as if it were all of it; returns whether there was none such.
fn adopt_all(before: Option<Token>, me: Token) -> bool {
    let mut liveness = LivenessCache::new(&REGISTRY, Some(me));
    let (mut lowest, mut highest, mut total) = (usize::MAX, 0, 0usize);
    TABLE.each_in(0, usize::MAX, |mapping| {
        lowest = lowest.min(mapping.start);
        highest = highest.max(mapping.end());
        total = total.saturating_add(mapping.len);
    });
    // Mostly they lie side by side, and one question shows that all are there. Over a hole the answer is no, and valgrind
    // takes the question for a mistake.
    let span = highest.saturating_sub(lowest);
    let all_there = span != 0 && span <= total && memory::is_mapped(lowest, span);
    let mut is_whole = true;
    // Attachments first, then what detaches have left. All other mappings are those of attaches.
    for round in [is_settled, is_detach, Stage::is_attach] {
        for (_, entry) in TABLE.all() {
            let mut stamp = entry.stamp();
            if !round(stamp.stage()) {
                continue;
            }
            if stamp.is_taken() {
                // Only the thread that forked is here. If a handler of its own did, it has to begin anew.
                TABLE.untake(entry, stamp);
                stamp = entry.stamp();
            }
            let is_here = match stamp.stage() {
                Stage::Idle | Stage::TakenIdle => {
                    entry.set_share(NO_HOLDING, 0);
                    continue;
                }
                Stage::Creating => false,
                Stage::Attached | Stage::TakenAttached => {
                    let mapping = entry.mapping();
                    let is_all = all_there || memory::is_mapped(mapping.start, mapping.len);
                    // Of others, madvise(2) with MADV_DONTFORK may have left a part out.
                    let is_part = !is_all && part_that_is_here(entry, &mapping).is_some();
                    is_whole &= !is_part;
                    is_all || is_part
                }
                Stage::Detaching => {
                    let mapping = entry.mapping();
                    let part = part_that_is_here(entry, &mapping);
                    part.inspect(|part| entry.set_mapping(part)).is_some()
                }
                Stage::Attaching | Stage::Publishing => mapped::find_mapping(entry),
            };
            if !is_here {
                entry.set_share(NO_HOLDING, 0);
                TABLE.make_idle(entry, stamp);
                continue;
            }
            adopt(entry, before, me, &mut liveness);
            if stamp.stage() != Stage::Attached {
                let _ = entry.change(stamp, Stage::Attached);
            }
        }
    }
    is_whole
}

/// A part of an entry's mapping that is here, and that no other entry explains.
fn part_that_is_here(entry: &Entry, mapping: &Mapping) -> Option<Mapping> {
    match mapped::still_maps(entry, mapping, &|_, _| Explained::Not) {
        Answer::Yes(start, end, base) => Some(mapped::part_at(mapping, (start, end), base)),
        _ => None,
    }
}

fn is_settled(stage: Stage) -> bool {
    !is_detach(stage) && !stage.is_attach()
}

fn is_detach(stage: Stage) -> bool {
    stage == Stage::Detaching
}

fn adopt(entry: &Entry, before: Option<Token>, me: Token, liveness: &mut LivenessCache<'_>) {
    let shmid = entry.shmid();
    let Ok(slot) = REGISTRY.slot_for(shmid) else {
        entry.set_share(NO_HOLDING, 0);
        return;
    };
    let handed_on = before.and_then(|before| {
        let holding = slot.find_of(before, entry.child().checked_sub(1))?;
        let number = slot.number_of(holding, before)?;
        slot.hand_on(holding, before, me)
            .then_some((holding, number))
    });
    let share = match handed_on {
        Some(share) => {
            // A process that saw the old token must not reap it.
            let _ = slot.touch();
            Some(share)
        }
        None => count_one(slot, shmid, me, own::own_pid(), liveness).ok(),
    };
    match share {
        Some((holding, number)) => {
            let Mapping {
                start, read_only, ..
            } = entry.mapping();
            slot.set_address(holding, start, read_only);
            entry.set_share(holding + 1, number);
        }
        None => entry.set_share(NO_HOLDING, 0),
    }
}
