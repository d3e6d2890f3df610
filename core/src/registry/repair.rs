//! Repairing the registry after damage: what breaks its invariants (`check`) is computed anew from the rest. Tested by
//! `reliability/tests/hostile`.

use super::check::{Finding, own_id};
use super::{Registry, holdings};
use crate::error::{Errno, Result};
use crate::sync::Ordering;

impl Registry {
    /// Repairs, after damage, what can be computed from the rest. The repair of one slot may break another one that
    /// seemed right, so this goes over all slots again, a few times at most.
    ///
    /// # Errors
    /// - what touching the registry says
    pub(crate) fn repair(&self) -> Result<()> {
        const ROUNDS: u32 = 4;
        for _ in 0..ROUNDS {
            for index in 0..self.segments_high() {
                self.repair_slot(index)?;
            }
            self.count_used()?;
            let behind = self.behind_all_runs();
            self.header().holdings.fetch_max(behind, Ordering::AcqRel);
            let mut is_whole = true;
            self.check_invariants(|finding| {
                is_whole &= matches!(finding, Finding::File { .. });
            });
            if is_whole {
                break;
            }
        }
        Ok(())
    }

    /// Gives the slot an id that names it, a total that is the number of its holdings, and an entry of its key.
    fn repair_slot(&self, index: u32) -> Result<()> {
        let slot = self.slot(index)?;
        if !slot.word_now().state.has_segment() {
            slot.end_all()?;
        }
        holdings::update(&slot, |word| {
            let total = self.recorded(index).unwrap_or(word.total);
            let is_wrong = word.total != total;
            Ok(is_wrong.then(|| super::word::Word {
                total,
                ..word.to_state(word.state)
            }))
        })?;
        let Some(segment) = slot.read().filter(|segment| segment.state.has_segment()) else {
            return Ok(());
        };
        let mut facts = slot.facts_of(&segment);
        if let Some(shmid) = own_id(segment.shmid, index) {
            facts.shmid = shmid;
        }
        // If two segments have one key, the one that the index leads to keeps it.
        if segment.key != 0 && self.enter_key(segment.key, index) == Err(Errno::EEXIST) {
            facts.key = 0;
        }
        if (facts.shmid, facts.key) != (segment.shmid, slot.fact_key()) {
            // The member with the claim may write the wrong value once more. The next repair mends that.
            slot.write_facts(&facts);
        }
        Ok(())
    }
}
