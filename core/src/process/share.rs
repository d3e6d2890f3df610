//! What an entry counts for: one holding of its segment, under one number. Tested by the models in `reliability/model`.

use super::entry::{Entry, NO_HOLDING};
use super::own;
use crate::registry::{Change, Ended, Registry};

/// What an entry counts for: segment, holding and number. Read while the entry certainly belongs to this thread.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) shmid: u32,
    pub(super) holding: u32,
    pub(super) number: u64,
}

impl Share {
    pub(super) fn of(entry: &Entry) -> Share {
        let (holding, number) = entry.share();
        Share {
            shmid: entry.shmid(),
            holding,
            number,
        }
    }

    /// [`Share::of`] an entry whose owner may not have noted the number.
    pub(super) fn as_it_is(entry: &Entry, registry: &'static Registry) -> Share {
        let share = Share::of(entry);
        Share {
            number: share.number_now(registry).unwrap_or(share.number),
            ..share
        }
    }

    /// The number under which this process's holding counts; `None` if it does not.
    fn number_now(self, registry: &'static Registry) -> Option<u64> {
        let holding = self.holding.checked_sub(1)?;
        let token = own::current_token()?;
        let slot = registry.slot_for(self.shmid).ok()?;
        slot.number_of(holding, token)
    }

    /// Whether an entry counts for something, noted or not.
    pub(super) fn counts_at_all(entry: &Entry, registry: &'static Registry) -> bool {
        Share::of(entry).number_now(registry).is_some()
    }

    /// Whether an entry still counts for what it says. If a detach has ended its count, it has unmapped before.
    pub(super) fn counts(entry: &Entry, registry: &'static Registry) -> bool {
        let share = Share::of(entry);
        share.holding == NO_HOLDING || share.number_now(registry) == Some(share.number)
    }

    /// The entry, and its holding, say what it counts for.
    pub(super) fn note(self, entry: &Entry, registry: &'static Registry) {
        entry.set_number(self.number);
        let mapping = entry.mapping();
        if let Ok(slot) = registry.slot_for(self.shmid)
            && let Some(holding) = self.holding.checked_sub(1)
        {
            slot.set_address(holding, mapping.start, mapping.read_only);
        }
    }

    /// Ends the count, and destroys the segment if it was the last. Does nothing if the count has ended before.
    pub(super) fn end(self, registry: &'static Registry, change: Change) {
        if self.holding == NO_HOLDING {
            return;
        }
        let ended = registry
            .slot_for(self.shmid)
            .and_then(|slot| slot.end(self.holding - 1, self.number, change, own::own_pid()));
        if ended == Ok(Ended::Last) {
            own::destroy(registry, self.shmid);
        }
    }
}
