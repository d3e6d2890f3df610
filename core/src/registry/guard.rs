//! The two locks, taken on behalf of a member. A guard lets go when it is dropped.

use super::members::Token;
use super::reap;
use super::segment::{Segment, State};
use super::{Prober, Registry, slot_of};
use crate::error::{Errno, Result};
use crate::log;
use crate::options;
use crate::registry::format::SegmentSlot;
use crate::registry::lock::{Acquired, RobustLock};

/// The namespace's lock is held: segments may be made and removed.
pub(crate) struct NamespaceGuard<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) me: Token,
}

/// A slot's lock is held: its segment and attachments may be changed.
pub(crate) struct SegmentGuard<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) me: Token,
    pub(crate) index: u32,
    pub(crate) slot: &'a SegmentSlot,
}

impl Registry {
    /// Takes the namespace's lock; puts in order what a dead owner left.
    ///
    /// # Errors
    /// - `EDEADLK` its owner lives but does not move, see [`options::patience_ms`]
    pub(crate) fn lock(&self, me: Token) -> Result<NamespaceGuard<'_>> {
        let acquired = self.wait_for(&self.header().lock, me)?;
        let guard = NamespaceGuard { registry: self, me };
        if acquired == Acquired::OwnerDied {
            self.recover_namespace();
        }
        Ok(guard)
    }

    /// Takes the lock of slot `index`; puts in order what a dead owner left.
    ///
    /// # Errors
    /// - `EINVAL` no such slot
    /// - `EDEADLK` its owner lives but does not move, see [`options::patience_ms`]
    pub(crate) fn lock_slot(&self, index: u32, me: Token) -> Result<SegmentGuard<'_>> {
        let slot = self.segment(index).ok_or(Errno::EINVAL)?;
        let acquired = self.wait_for(&slot.lock, me)?;
        let guard = SegmentGuard {
            registry: self,
            me,
            index,
            slot,
        };
        if acquired == Acquired::OwnerDied {
            guard.recover();
        }
        Ok(guard)
    }

    /// [`Registry::lock_slot`] of the slot that an id names.
    pub(crate) fn lock_id(&self, shmid: u32, me: Token) -> Result<SegmentGuard<'_>> {
        self.lock_slot(slot_of(shmid), me)
    }

    /// The slot's lock if nobody who lives has it; puts in order what a dead owner left.
    pub(crate) fn try_lock_slot(&self, index: u32, me: Token) -> Option<SegmentGuard<'_>> {
        let slot = self.segment(index)?;
        let is_alive = |owner| self.is_alive(owner, Some(me));
        let acquired = slot.lock.try_lock_or_inherit(me, is_alive)?;
        let guard = SegmentGuard {
            registry: self,
            me,
            index,
            slot,
        };
        if acquired == Acquired::OwnerDied {
            guard.recover();
        }
        Some(guard)
    }

    /// Whether somebody died with the namespace's lock, or with that of `slot`. Waits for nobody.
    pub(crate) fn has_dead_owner(&self, slot: &SegmentSlot, me: Option<Token>) -> bool {
        [&self.header().lock, &slot.lock]
            .into_iter()
            .filter_map(RobustLock::owner)
            .any(|owner| !self.is_alive(owner, me))
    }

    /// Puts the namespace in order if somebody died with its lock. Waits for nobody.
    pub(crate) fn recover_if_owner_died(&self, me: Token) {
        let lock = &self.header().lock;
        let is_alive = |owner| self.is_alive(owner, Some(me));
        if lock.owner().is_none_or(is_alive) {
            return;
        }
        if let Some(acquired) = lock.try_lock_or_inherit(me, is_alive) {
            let _guard = NamespaceGuard { registry: self, me };
            if acquired == Acquired::OwnerDied {
                self.recover_namespace();
            }
        }
    }

    fn is_alive(&self, member: Token, me: Option<Token>) -> bool {
        Prober::new(self, me).is_alive(member)
    }

    fn wait_for(&self, word: &RobustLock, me: Token) -> Result<Acquired> {
        if word.try_lock(me) {
            return Ok(Acquired::Clean);
        }
        self.wait_in_turn(word, me)
    }

    #[cold]
    fn wait_in_turn(&self, word: &RobustLock, me: Token) -> Result<Acquired> {
        // Another thread of this very process may own it: that is for the process's own lock to know, and the owner
        // named is alive either way.
        let is_alive = |owner| self.is_alive(owner, Some(me));
        word.lock(me, options::patience_ms(), is_alive)
            .map_err(|error| {
                log::refuse(error, |line| {
                    line.str("a lock of the namespace did not come free in ")
                        .number(options::patience_ms())
                        .str(" ms; member slot ")
                        .number(word.owner().map_or(0, |owner| owner.index().into()))
                        .str(" holds it: is that process stopped?")
                })
            })
    }
}

impl SegmentGuard<'_> {
    /// What the slot holds.
    pub(crate) fn read(&self) -> Segment {
        self.slot.read_locked()
    }

    /// Makes `segment` what the slot holds, in one step.
    pub(crate) fn write(&self, segment: &Segment) {
        self.slot.write_locked(segment);
    }

    /// The live segment with this id, its dead attachments taken off if it only waits for its last detach.
    ///
    /// # Errors
    /// - `EINVAL` there is none, or nobody but the dead kept it
    pub(crate) fn live(&self, shmid: u32) -> Result<Segment> {
        let mut segment = self.read();
        if !segment.is_live(shmid) {
            return Err(Errno::EINVAL);
        }
        if segment.is_removed() {
            segment = self.reap(&mut Prober::new(self.registry, Some(self.me)));
            if segment.nattch == 0 {
                return Err(Errno::EINVAL);
            }
        }
        Ok(segment)
    }

    /// Whether the segment should be destroyed now: nobody is attached, and it was removed or goes with its last
    /// attachment.
    pub(crate) fn is_finished(&self, segment: &Segment) -> bool {
        segment.state == State::Live
            && segment.nattch == 0
            && (segment.is_removed() || self.registry.limits().rmid_forced)
    }

    /// Takes dead members' attachments off, as their detaches; returns the segment after it.
    pub(crate) fn reap(&self, prober: &mut Prober<'_>) -> Segment {
        reap::reap(self, prober)
    }
}

impl Drop for SegmentGuard<'_> {
    fn drop(&mut self) {
        self.slot.lock.unlock();
    }
}

impl Drop for NamespaceGuard<'_> {
    fn drop(&mut self) {
        self.registry.header().lock.unlock();
    }
}
