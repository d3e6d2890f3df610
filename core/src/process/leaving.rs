//! An entry that is being detached, or of which a part goes: what becomes of it.
//! Tested by `c_tests/process/exit_while_used.c`.

use super::entry::{Entry, Mapping};
use super::share::Share;
use super::stamp::{Stage, Stamp};
use super::table::TABLE;
use crate::registry::{Change, Registry};

/// An entry whose mapping is to go.
pub(super) struct Leaving {
    pub(super) index: u32,
    pub(super) entry: &'static Entry,
    pub(super) stamp: Stamp,
    share: Share,
}

impl Leaving {
    /// One that this thread has claimed before.
    pub(super) fn claimed(index: u32, entry: &'static Entry, stamp: Stamp) -> Leaving {
        Leaving {
            index,
            entry,
            stamp,
            share: Share::of(entry),
        }
    }

    /// Claims an attachment for unmapping. `None` if another thread does so already.
    pub(super) fn claim(index: u32, from: Stamp, frame: usize) -> Option<Leaving> {
        let entry = TABLE.entry(index)?;
        let stamp = entry.claim(from, Stage::Detaching, frame)?;
        Some(Leaving::claimed(index, entry, stamp))
    }

    /// From here on it stands for the part that stays, or for none.
    pub(super) fn becomes(&self, part: Option<Mapping>, registry: &'static Registry) {
        match part {
            Some(part) => self.stays(&part),
            None => self.gone(registry),
        }
    }

    /// It is unmapped: ends its count.
    pub(super) fn gone(&self, registry: &'static Registry) {
        self.share.end(registry, Change::Detach);
        if TABLE.make_idle(self.entry, self.stamp) {
            TABLE.note_idle(self.index, self.share.shmid);
        }
    }

    /// It stays, whole or another part of it.
    pub(super) fn stays(&self, mapping: &Mapping) {
        self.entry.set_mapping(mapping);
        TABLE.note_attached(self.index, mapping);
        let _ = self.entry.change(self.stamp, Stage::Attached);
    }
}
