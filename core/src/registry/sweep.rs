//! Looking after what the dead left behind: segments that only wait for a last detach that will not come, and files
//! half-made or half-removed. Whoever joins, creates or removes does a little of it.

use super::format::MAX_SEGMENTS;
use super::members::{Prober, Token};
use super::segment::{Segment, State};
use super::{Registry, reap};
use crate::error::Result;
use crate::sync::Ordering;

/// Slots that one call looks into, so that its cost does not grow with the number of removed segments in use.
pub(crate) const A_FEW: u32 = 16;

impl Registry {
    /// Looks after slots that may need it, but not more than `at_most`. The caller holds no lock.
    pub(crate) fn sweep(&self, me: Token, at_most: u32) {
        // The counters that say whether there is work may be among what the dead left.
        self.recover_if_owner_died(me);
        let header = self.header();
        let forced = self.limits().rmid_forced;
        let waiting = header
            .marked
            .load(Ordering::Relaxed)
            .saturating_add(header.pending.load(Ordering::Relaxed));
        if waiting == 0 && !forced {
            return;
        }
        let mut prober = Prober::new(self, Some(me));
        let mut left = if forced {
            at_most
        } else {
            waiting.min(at_most)
        };
        let start = header.sweep.load(Ordering::Relaxed) % MAX_SEGMENTS;
        for (from, below) in [(start, MAX_SEGMENTS), (0, start)] {
            let mut from = from;
            while let Some(index) = self.next_used(from, below) {
                from = index + 1;
                let Some(segment) = self.read_slot(index) else {
                    continue;
                };
                if !needs_care(&segment, forced) {
                    continue;
                }
                let _ = self.care_for(index, &segment, me, &mut prober);
                header.sweep.store(from, Ordering::Relaxed);
                left -= 1;
                if left == 0 {
                    return;
                }
            }
        }
    }

    /// Whether there may be something to look after.
    pub(crate) fn needs_sweep(&self) -> bool {
        let header = self.header();
        header.lock.owner().is_some()
            || header.marked.load(Ordering::Relaxed) != 0
            || header.pending.load(Ordering::Relaxed) != 0
            || self.limits().rmid_forced
    }

    /// Looks after every slot, and gives back every record of a dead member. For `gc`, and for when records run out.
    pub(crate) fn sweep_all(&self, me: Token) {
        let mut prober = Prober::new(self, Some(me));
        let mut from = 0;
        while let Some(index) = self.next_used(from, MAX_SEGMENTS) {
            from = index + 1;
            if let Some(segment) = self.read_slot(index) {
                let _ = self.care_for(index, &segment, me, &mut prober);
            }
        }
    }

    fn care_for(
        &self,
        index: u32,
        segment: &Segment,
        me: Token,
        prober: &mut Prober<'_>,
    ) -> Result<()> {
        match segment.state {
            State::Free => Ok(()),
            State::Live => {
                let slot = self.lock_slot(index, me)?;
                let now = reap::reap(&slot, prober);
                let finished = slot.is_finished(&now)
                    && (now.is_removed()
                        || now.atime != 0
                        || !prober.is_alive(Token::from_bits(now.owner)));
                drop(slot);
                if finished {
                    self.destroy_if_finished(now.shmid, me)
                } else {
                    Ok(())
                }
            }
            State::Creating | State::Doomed => self.finish_for_the_dead(index, segment, me, prober),
        }
    }

    /// A file half-made or half-removed: if who was at it is dead, it is removed for good.
    fn finish_for_the_dead(
        &self,
        index: u32,
        segment: &Segment,
        me: Token,
        prober: &mut Prober<'_>,
    ) -> Result<()> {
        if prober.is_alive(Token::from_bits(segment.owner)) {
            return Ok(());
        }
        let namespace = self.lock(me)?;
        let slot = self.lock_slot(index, me)?;
        let mut now = slot.read();
        if now != *segment {
            return Ok(());
        }
        // From here on it is ours to finish, should we die as well.
        now.state = State::Doomed;
        now.owner = me.bits();
        slot.write(&now);
        drop(slot);
        drop(namespace);
        self.finish_destruction(&now, me)
    }
}

fn needs_care(segment: &Segment, forced: bool) -> bool {
    match segment.state {
        State::Free => false,
        State::Live => segment.is_removed() || forced,
        State::Creating | State::Doomed => true,
    }
}
