//! Which holding of a slot a member gets: a free one, a dead member's, or a new one.
//! Tested by the models in `reliability/model`.

use super::format::MAX_SHARES;
use super::holdings::{self, Ended};
use super::ledger::run_of;
use super::liveness::LivenessCache;
use super::members::Token;
use super::slot::{SlotRef, worse};
use crate::error::{Errno, Result};
use crate::sync::Ordering;

/// Holdings that are taken before the first reaping.
const FIRST_LOOK: u32 = 8;

impl SlotRef<'_> {
    /// Takes a free holding for a member: one given back lately, a dead member's, or a new one.
    ///
    /// # Errors
    /// - `ENOMEM` the segment has as many attachments as can be counted
    /// - `ENOSPC` the namespace has no holdings left, or no room for them
    pub(crate) fn take(&self, token: Token, liveness: &mut LivenessCache<'_>) -> Result<u32> {
        let hint = self.slot.free.swap(0, Ordering::Relaxed);
        if let Some(index) = hint.checked_sub(1)
            && holdings::take(self, index, token.bits(), &mut |held| {
                liveness.is_dead_bits(held)
            })?
        {
            return Ok(index);
        }
        if let Some(index) = self.take_vacant(token)? {
            return Ok(index);
        }
        let length = self.slot.length.load(Ordering::Acquire).min(MAX_SHARES);
        if length >= self.slot.reap_at.load(Ordering::Relaxed).max(FIRST_LOOK) {
            self.reap_and_free(Some(token), liveness)?;
            if let Some(index) = self.take_vacant(token)? {
                return Ok(index);
            }
        }
        self.append(token)
    }

    /// One of those that the last reaping left free.
    #[inline(never)]
    fn take_vacant(&self, token: Token) -> Result<Option<u32>> {
        if self.slot.vacant.load(Ordering::Relaxed) == 0 {
            return Ok(None);
        }
        let length = self.length();
        let start = self.slot.cursor.load(Ordering::Relaxed);
        for step in 0..length {
            let index = start.wrapping_add(step) % length;
            let is_free = self
                .holding_at(index)
                .is_some_and(|holding| holding.token.load(Ordering::Relaxed) == 0);
            if is_free && holdings::take(self, index, token.bits(), &mut |_| false)? {
                self.slot.cursor.store(index + 1, Ordering::Relaxed);
                let _ =
                    self.slot
                        .vacant
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |vacant| {
                            vacant.checked_sub(1)
                        });
                return Ok(Some(index));
            }
        }
        self.slot.vacant.store(0, Ordering::Relaxed);
        Ok(None)
    }

    #[inline(never)]
    fn append(&self, token: Token) -> Result<u32> {
        loop {
            let index = self.slot.length.load(Ordering::Acquire);
            if index >= MAX_SHARES {
                return Err(Errno::ENOMEM);
            }
            let (run, _) = run_of(index);
            self.registry.grow(self.index, run)?;
            let taken = holdings::take(self, index, token.bits(), &mut |_| false)?;
            // Readers from here on look as far as this holding, before it counts.
            self.slot.length.fetch_max(index + 1, Ordering::AcqRel);
            if taken {
                return Ok(index);
            }
            if self.holding_at(index).is_none() {
                return Err(Errno::EUCLEAN);
            }
        }
    }

    /// Holdings that were ever taken.
    pub(crate) fn length(&self) -> u32 {
        let mut length = self.slot.length.load(Ordering::Acquire).min(MAX_SHARES);
        // A length that no member writes must not cost more time than there are holdings.
        let mut run = run_of(length.saturating_sub(1)).0;
        while length > 0
            && self
                .slot
                .runs
                .get(run as usize)
                .is_none_or(|run| run.load(Ordering::Relaxed) == 0)
        {
            length = (super::format::FIRST_RUN * ((1 << run) - 1)).min(length);
            if run == 0 {
                return 0;
            }
            run -= 1;
        }
        length
    }

    /// Reaps the holdings of the dead, and frees them by way of the member `me`, if there is one. Returns whether one of them
    /// was the segment's last.
    #[inline(never)]
    pub(crate) fn reap_and_free(
        &self,
        me: Option<Token>,
        liveness: &mut LivenessCache<'_>,
    ) -> Result<Ended> {
        let length = self.length();
        let (mut freed, mut ended) = (0u32, Ended::Before);
        for index in 0..length {
            let Some(holding) = self.holding_at(index) else {
                continue;
            };
            let token = holding.token.load(Ordering::Acquire);
            if token == 0 {
                freed += 1;
            } else if liveness.is_dead_bits(token) {
                ended = worse(
                    ended,
                    holdings::reap(self, index, &mut |held| liveness.is_dead_bits(held))?,
                );
                if let Some(me) = me {
                    let mut is_dead = |held| liveness.is_dead_bits(held);
                    freed += u32::from(holdings::free(self, index, me.bits(), &mut is_dead)?);
                }
            }
        }
        let many = freed >= length.div_ceil(4);
        self.slot
            .vacant
            .store(if many { freed } else { 0 }, Ordering::Relaxed);
        self.slot.reap_at.store(
            if many {
                length
            } else {
                length + length / 2 + FIRST_LOOK
            },
            Ordering::Relaxed,
        );
        Ok(ended)
    }
}
