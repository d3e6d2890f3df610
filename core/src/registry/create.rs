//! How a segment comes: `Free` → `Creating` → `Live`. Its maker claims a slot, reserves it through the ledger, writes
//! the facts, makes the file, and enters the key through the ledger. From then on the segment is whole: if its maker
//! does not make it live, the next process that meets it does.
//! Tested by `reliability/tests/crash` and `c_tests/process/key_race.c`.

use super::Registry;
use super::ids::IdState;
use super::liveness::LivenessCache;
use super::members::Token;
use super::segment::Segment;
use super::word::State;
use super::{MAX_SEGMENTS, slot_of};
use crate::error::{Errno, Result};
use crate::options::DEFAULT_LIMITS;
use crate::sync::Ordering;

impl Registry {
    /// Reserves a slot with an id for `wanted`. `note` is told of the slot before it is claimed.
    ///
    /// # Errors
    /// - `ENOSPC` `shmall` pages or `shmmni` segments would be exceeded, or the registry cannot grow
    #[inline(never)]
    pub(crate) fn reserve_segment(
        &self,
        wanted: Segment,
        me: Token,
        note: &mut dyn FnMut(u32),
    ) -> Result<Segment> {
        let is_credited = !wanted.needs_room() || self.has_credit(wanted.pages());
        let mut liveness = LivenessCache::new(self, Some(me));
        let mut claimed = None;
        let mut shmid = 0;
        let reserved = self.reserve(|ledger| {
            let limits = self.limits();
            let is_over = limits.shmall < DEFAULT_LIMITS.shmall
                && self
                    .pages_in_use()
                    .checked_add(wanted.pages())
                    .is_none_or(|total| total > limits.shmall);
            if is_over {
                return Err(Errno::ENOSPC);
            }
            // Of several at once, each sees those that came before.
            if !is_credited {
                self.check_room(&wanted)?;
            }
            if ledger.used >= limits.shmmni {
                return Err(Errno::ENOSPC);
            }
            let ids = IdState::from_word(self.header().ids.load(Ordering::Acquire));
            let mut failure = None;
            let next = ids.next(ledger.used, |from, below| {
                (from..below).find(|&index| {
                    claimed == Some(index) && !self.is_used(index)
                        || self
                            .claim_free(index, me, &mut claimed, note, &mut liveness)
                            .unwrap_or_else(|error| {
                                failure = Some(error);
                                true
                            })
                })
            });
            if let Some(error) = failure {
                return Err(error);
            }
            shmid = next.ok_or(Errno::ENOSPC)?;
            Ok(slot_of(shmid))
        });
        if let Err(error) = reserved {
            if let Some(index) = claimed {
                self.unclaim(index, me);
            }
            return Err(error);
        }
        let segment = Segment {
            state: State::Creating,
            shmid,
            ..wanted
        };
        let slot = self.slot_for(shmid)?;
        slot.forget_stamps();
        slot.slot.owner.store(me.bits(), Ordering::Relaxed);
        slot.slot.write_facts(&segment);
        Ok(segment)
    }

    /// Claims a slot if it is free. A claim on a slot that turns out not to be free is given up.
    fn claim_free(
        &self,
        index: u32,
        me: Token,
        claimed: &mut Option<u32>,
        note: &mut dyn FnMut(u32),
        liveness: &mut LivenessCache<'_>,
    ) -> Result<bool> {
        if index >= MAX_SEGMENTS || self.is_used(index) {
            return Ok(false);
        }
        // All memory that a slot needs is there before it is used.
        let slot = self.slot(index)?;
        if let Some(other) = claimed.take() {
            self.unclaim(other, me);
        }
        note(index);
        if !self.claim(index, me, liveness) {
            return Ok(false);
        }
        *claimed = Some(index);
        self.header()
            .segments_high
            .fetch_max(slot.index + 1, Ordering::AcqRel);
        Ok(!self.is_used(index))
    }

    /// Claims a slot for a change of its facts, unless a living member has its claim.
    pub(super) fn claim(&self, index: u32, me: Token, liveness: &mut LivenessCache<'_>) -> bool {
        let Ok(slot) = self.slot(index) else {
            return false;
        };
        let claim = &slot.slot.claim;
        let before = claim.load(Ordering::Acquire);
        let is_open = before == 0 || before != me.bits() && liveness.is_dead_bits(before);
        is_open
            && claim
                .compare_exchange(before, me.bits(), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Claims a slot for a change of its segment's facts.
    pub(crate) fn claim_for_change(&self, shmid: u32, me: Token) -> bool {
        self.claim(slot_of(shmid), me, &mut LivenessCache::new(self, Some(me)))
    }

    /// Whether a member has claimed a slot.
    pub(crate) fn is_claimed_by(&self, index: u32, token: Token) -> bool {
        self.slot(index)
            .is_ok_and(|slot| slot.slot.claim.load(Ordering::Acquire) == token.bits())
    }

    /// Gives a claim up.
    pub(crate) fn unclaim(&self, index: u32, me: Token) {
        if let Ok(slot) = self.slot(index) {
            let _ =
                slot.slot
                    .claim
                    .compare_exchange(me.bits(), 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// The file is there: the segment is live from here on.
    ///
    /// # Errors
    /// - `EEXIST` another segment has the key by now
    #[inline(never)]
    pub(crate) fn publish(&self, segment: &Segment, me: Token) -> Result<()> {
        let index = slot_of(segment.shmid);
        if segment.key != 0 {
            self.enter_key(segment.key, index)?;
        }
        self.make_live(index)?;
        self.unclaim(index, me);
        Ok(())
    }

    fn make_live(&self, index: u32) -> Result<()> {
        self.slot(index)?
            .change_state(|word| Ok((word.state == State::Creating).then_some(State::Live)))
            .map(drop)
    }

    /// The segment will not come to be: its slot is free again.
    ///
    /// # Errors
    /// - what the registry says
    #[inline(never)]
    pub(crate) fn abandon(&self, index: u32, me: Token) -> Result<()> {
        self.release(index, |word| word.state == State::Creating)?;
        self.unclaim(index, me);
        Ok(())
    }

    /// The segment with this key.
    ///
    /// # Errors
    /// - a part of the registry cannot be had now
    #[inline(never)]
    pub(crate) fn find_key(&self, key: i32) -> Result<Option<Segment>> {
        let mut found = None;
        self.key_index().find(key, |index| {
            found = self.entered(index, key);
            found.is_some()
        })?;
        Ok(found)
    }

    /// Whether a living member is making a segment. Before the slot is described, it does not say with which key.
    #[inline(never)]
    pub(crate) fn is_any_being_made(&self, me: Option<Token>) -> bool {
        let mut liveness = LivenessCache::new(self, me);
        (0..self.segments_high()).any(|index| {
            self.slot(index).is_ok_and(|slot| {
                slot.word_now().state == State::Creating
                    && !liveness.is_dead_bits(slot.slot.claim.load(Ordering::Acquire))
            })
        })
    }

    /// The slot whose segment has the key.
    pub(super) fn holder_of(&self, key: i32) -> Result<Option<u32>> {
        self.key_index()
            .find(key, |index| self.entered(index, key).is_some())
    }

    /// The segment in a slot that the index names for a key. An entered slot has its file: if its maker has not made it
    /// live yet, this does.
    fn entered(&self, index: u32, key: i32) -> Option<Segment> {
        let slot = self.slot(index).ok()?;
        let mut segment = slot.read()?;
        if segment.state == State::Creating && slot.fact_key() == key {
            self.make_live(index).ok()?;
            segment = slot.read()?;
        }
        (segment.state == State::Live && segment.key == key).then_some(segment)
    }

    /// Finishes a segment whose maker died or never came back. With its key in the index the segment is whole, and
    /// becomes live. Else it is removed.
    #[inline(never)]
    pub(crate) fn finish_creation(&self, index: u32) -> Result<()> {
        let slot = self.slot(index)?;
        let shmid = slot.slot.shmid();
        let key = slot.fact_key();
        self.settle_ledger()?;
        if key != 0 && self.key_index().place_of(key, index)?.is_some() {
            return self.make_live(index);
        }
        let Some(segment) = slot.read().filter(|now| now.state == State::Creating) else {
            return Ok(());
        };
        if segment.shmid == shmid {
            self.remove_file(&segment)?;
        }
        self.release(index, |word| {
            word.state == State::Creating && self.facts_id(index) == Some(shmid)
        })
        .map(drop)
    }
}
