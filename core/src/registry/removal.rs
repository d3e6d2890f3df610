//! How a segment goes: `Live` → `Removed` → `Doomed` → `Free`. The very change that leaves a segment without
//! attachments dooms it, so no process can attach a segment that is being destroyed. Any process can do the rest, and
//! several at once: the file's name is never used again, and the ledger frees the slot once.
//!
//! Sweeping is spread over other calls, a few slots in each. Tested by `c_tests/process` and `reliability/tests/crash`.

use super::Registry;
use super::format::MAX_SEGMENTS;
use super::holdings::Ended;
use super::liveness::LivenessCache;
use super::members::Token;
use super::segment::Segment;
use super::word::State;
use crate::error::{Errno, Result};
use crate::sync::Ordering;

/// Slots in which one call asks whether members live, so that its cost does not grow with the number of removed
/// segments in use.
pub(crate) const A_FEW: u32 = 4;
/// Words that one call reads.
const A_STRETCH: u32 = 64;

impl Registry {
    /// `IPC_RMID`: the key is free, and the segment goes with its last attachment, now if there is none.
    ///
    /// # Errors
    /// - `EINVAL` there is no such segment
    #[inline(never)]
    pub(crate) fn remove(&self, segment: &Segment, me: Option<Token>) -> Result<()> {
        let shmid = segment.shmid;
        let slot = self.slot_for(shmid)?;
        slot.change_state(|word| {
            if !word.state.has_segment() || slot.slot.shmid() != shmid {
                return Err(Errno::EINVAL);
            }
            Ok(Some(if word.total == 0 {
                State::Doomed
            } else {
                State::Removed
            })
            .filter(|&state| state != word.state))
        })?;
        self.strike_key(slot.fact_key(), slot.index, shmid)?;
        // The id works no more. A process with the right to remove the file does so in its next sweep.
        let _ = self.destroy(shmid, me);
        Ok(())
    }

    /// Removes what is left of a doomed segment. Does nothing if it is not doomed.
    ///
    /// # Errors
    /// - `EPERM`, `EACCES` the file is another user's, in a directory where only owners remove
    #[inline(never)]
    pub(crate) fn destroy(&self, shmid: u32, me: Option<Token>) -> Result<()> {
        let slot = self.slot_for(shmid)?;
        let Some(segment) = slot.read() else {
            return Ok(());
        };
        if segment.state != State::Doomed || segment.shmid != shmid {
            return Ok(());
        }
        self.give_memory_back(&slot, &segment, me);
        self.remove_file(&segment)?;
        self.strike_key(slot.fact_key(), slot.index, shmid)?;
        self.release(slot.index, |word| {
            word.state == State::Doomed && slot.slot.shmid() == shmid
        })
        .map(drop)
    }

    /// Removes the file of a removed segment whose attachments are all of `me`, which has `own`. Where another member
    /// keeps a page, the file stays: who destroys the segment empties it.
    pub(crate) fn remove_file_of_last(&self, shmid: u32, own: u32, me: Token) {
        if let Ok(slot) = self.slot_for(shmid)
            && let Some(segment) = slot.read()
            && segment.state == State::Removed
            && segment.shmid == shmid
            && segment.nattch == own
            && segment.huge_page().is_none()
            && !slot.is_kept_by_others(Some(me), &mut LivenessCache::new(self, Some(me)))
        {
            let _ = self.remove_file(&segment);
        }
    }

    /// Reaps a segment, and destroys it if that was its last attachment.
    ///
    /// # Errors
    /// - what [`Registry::destroy`] says
    #[inline(never)]
    pub(crate) fn reap(&self, shmid: u32, me: Option<Token>) -> Result<()> {
        let slot = self.slot_for(shmid)?;
        if slot.reap_all(&mut LivenessCache::new(self, me))? == Ended::Last {
            self.destroy(shmid, me)?;
        }
        Ok(())
    }

    /// Whether a living member keeps a removed segment. If only the dead kept it, it is destroyed.
    ///
    /// # Errors
    /// - `EINVAL` nobody does
    #[inline(never)]
    pub(crate) fn check_held(&self, shmid: u32, me: Option<Token>) -> Result<()> {
        let slot = self.slot_for(shmid)?;
        if slot.is_held(&mut LivenessCache::new(self, me))? {
            return Ok(());
        }
        let _ = self.destroy(shmid, me);
        Err(Errno::EINVAL)
    }

    /// Sweeps slots that may need it, but not more than `at_most`.
    #[inline(never)]
    pub(crate) fn sweep(&self, me: Option<Token>, at_most: u32) {
        // The ledger may have announced a slot that is to be created, and its maker may be dead.
        let _ = self.settle_ledger();
        if self.ledger().used == 0 {
            return;
        }
        let high = self.segments_high();
        let forced = self.limits().rmid_forced;
        let mut liveness = LivenessCache::new(self, me);
        let sweep = &self.header().sweep;
        let start = sweep.load(Ordering::Relaxed);
        let stretch = if at_most > A_FEW {
            MAX_SEGMENTS
        } else {
            A_STRETCH
        };
        let mut left = at_most;
        for step in 0..stretch.min(high) {
            let index = start.wrapping_add(step) % high;
            let state = self.state_at(index);
            let may_need_it = match state {
                None | Some(State::Free) => false,
                Some(State::Live) => forced,
                // A doomed segment needs no question whether members live.
                Some(State::Doomed) => {
                    let _ = self.sweep_slot(index, me, &mut liveness);
                    false
                }
                Some(_) => true,
            };
            if may_need_it {
                if left == 0 {
                    sweep.store(index, Ordering::Relaxed);
                    return;
                }
                left -= 1;
                let _ = self.sweep_slot(index, me, &mut liveness);
            }
        }
        sweep.store(
            start.wrapping_add(stretch.min(high)) % high.max(1),
            Ordering::Relaxed,
        );
    }

    /// Sweeps every slot.
    #[inline(never)]
    pub(crate) fn sweep_all(&self, me: Option<Token>) {
        let mut liveness = LivenessCache::new(self, me);
        for index in 0..self.segments_high() {
            if self.is_used(index) {
                let _ = self.sweep_slot(index, me, &mut liveness);
            }
            if let Ok(slot) = self.slot(index) {
                let _ = slot.reap_and_free(me, &mut liveness);
            }
        }
    }

    #[inline(never)]
    fn sweep_slot(
        &self,
        index: u32,
        me: Option<Token>,
        liveness: &mut LivenessCache<'_>,
    ) -> Result<()> {
        let slot = self.slot(index)?;
        let Some(segment) = slot.read() else {
            return Ok(());
        };
        match segment.state {
            State::Free => Ok(()),
            State::Creating => {
                if liveness.is_dead_bits(slot.slot.claim.load(Ordering::Acquire)) {
                    self.finish_creation(index)?;
                }
                Ok(())
            }
            State::Doomed => self.destroy(segment.shmid, me),
            State::Removed => {
                if slot.is_held(liveness)? {
                    return Ok(());
                }
                self.destroy(segment.shmid, me)
            }
            State::Live => {
                if slot.reap_all(liveness)? == Ended::Last {
                    return self.destroy(segment.shmid, me);
                }
                self.drop_forced(&segment, me, liveness)
            }
        }
    }

    /// With `shm_rmid_forced`, a segment without attachments goes with its last detach, or when its creator dies.
    #[inline(never)]
    fn drop_forced(
        &self,
        segment: &Segment,
        me: Option<Token>,
        liveness: &mut LivenessCache<'_>,
    ) -> Result<()> {
        let slot = self.slot_for(segment.shmid)?;
        let is_over = self.limits().rmid_forced
            && (slot.stamps().atime != 0
                || liveness.is_dead_bits(slot.slot.owner.load(Ordering::Relaxed)));
        if !is_over {
            return Ok(());
        }
        slot.change_state(|word| {
            let is_same = word.state == State::Live && slot.slot.shmid() == segment.shmid;
            Ok((is_same && word.total == 0).then_some(State::Doomed))
        })?;
        self.destroy(segment.shmid, me)
    }

    /// Pages that live segments were promised and may not have touched yet, except those that need no room.
    pub(crate) fn unfilled_promises(&self) -> u64 {
        let mut bytes = 0u64;
        let mut from = 0;
        while let Some(index) = self.next_used(from, MAX_SEGMENTS) {
            from = index + 1;
            if let Some(segment) = self.read_slot(index)
                && segment.state != State::Doomed
                && segment.needs_room()
            {
                let promised = segment.bytes().unwrap_or(0) as u64;
                bytes =
                    bytes.saturating_add(promised.saturating_sub(self.resident_bytes(&segment)));
            }
        }
        bytes
    }
}
