//! A call that changes something: the process's lock is held, signals are blocked, the process is a member.

use super::anchors::Anchors;
use super::attachments::{Attachments, Cut, Fragment, UNCOUNTED};
use super::{Entered, PROCESS};
use crate::error::Result;
use crate::log::{self, Level};
use crate::os::signals::Blocked;
use crate::os::{clock, memory};
use crate::registry::{A_FEW, Prober, Registry, Segment, SegmentGuard, Token};

pub(crate) struct Session {
    entered: Entered,
    pub(crate) registry: &'static Registry,
    pub(crate) me: Token,
    pub(crate) pid: i32,
}

/// What a change of mappings is to the segment: which of its times move. By how much `nattch` changes is for the records
/// to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    atime: bool,
    dtime: bool,
}

impl Change {
    /// A mapping went.
    pub(crate) const DETACH: Change = Change {
        atime: false,
        dtime: true,
    };
    /// A mapping was split, and a part went.
    pub(crate) const SPLIT: Change = Change {
        atime: true,
        dtime: true,
    };
    /// A mapping was doubled.
    pub(crate) const DOUBLE: Change = Change {
        atime: true,
        dtime: false,
    };

    fn of(cut: Cut) -> Change {
        match cut {
            Cut::Whole => Change::DETACH,
            Cut::End | Cut::Middle => Change::SPLIT,
        }
    }
}

impl Session {
    /// # Errors
    /// What [`Registry::open`] and [`Registry::claim_member`] say; `EDEADLK` when another thread never comes back.
    pub(crate) fn begin() -> Result<Session> {
        let mut entered = PROCESS.enter()?;
        let (registry, me) = entered.join()?;
        let pid = entered.inner.pid;
        Ok(Session {
            entered,
            registry,
            me,
            pid,
        })
    }

    /// The blocked signals, for calls that may raise one.
    pub(crate) fn signals(&self) -> Option<&Blocked> {
        self.entered.signals.as_ref()
    }

    pub(crate) fn attachments(&mut self) -> &mut Attachments {
        &mut self.entered.inner.attachments
    }

    pub(crate) fn anchors(&mut self) -> &mut Anchors {
        &mut self.entered.inner.anchors
    }

    /// Locks the slot of a live segment. One that only the dead kept is destroyed.
    ///
    /// # Errors
    /// - `EINVAL` there is none
    pub(crate) fn lock_live(&self, shmid: u32) -> Result<(SegmentGuard<'static>, Segment)> {
        let slot = self.registry.lock_id(shmid, self.me)?;
        match slot.live(shmid) {
            Ok(segment) => Ok((slot, segment)),
            Err(error) => {
                drop(slot);
                let _ = self.registry.destroy_if_finished(shmid, self.me);
                self.registry.sweep(self.me, A_FEW);
                Err(error)
            }
        }
    }

    /// Enters a fragment that was mapped; room for it was made before.
    pub(crate) fn add(&mut self, fragment: Fragment) {
        self.attachments().insert(fragment);
        self.entered.note_bounds();
    }

    /// The table was changed otherwise.
    pub(crate) fn note_bounds(&self) {
        self.entered.note_bounds();
    }

    /// Takes a fragment out that was unmapped. The registry is not told, see [`Session::account`].
    pub(crate) fn forget(&mut self, fragment: &Fragment) {
        self.attachments().remove(fragment.start);
        self.entered.note_bounds();
    }

    /// The range was unmapped, or mapped over: attachments in it are detached, in whole or in part. Room for one more
    /// fragment was made before.
    pub(crate) fn drop_range(&mut self, start: usize, len: usize) {
        let end = start.saturating_add(memory::page_round(len).unwrap_or(usize::MAX));
        while let Some((fragment, cut)) = self.attachments().cut(start, end) {
            self.account(&fragment, Change::of(cut));
        }
        self.entered.note_bounds();
    }

    /// Tells the registry that mappings of this fragment's attachment came or went; the table of attachments already
    /// shows it. Destroys a removed segment that this was the last detach of.
    pub(crate) fn account(&mut self, fragment: &Fragment, change: Change) {
        if let Err(error) = self.try_account(fragment, change) {
            log::write(Level::Error, |line| {
                line.str("a change of attachments of segment ")
                    .number(fragment.shmid.into())
                    .str(" is not counted before this process ends: ")
                    .errno(error)
            });
        }
    }

    fn try_account(&mut self, fragment: &Fragment, change: Change) -> Result<()> {
        if fragment.record == UNCOUNTED {
            return Ok(());
        }
        let left = self.attachments().fragments_of(fragment);
        let slot = self.registry.lock_id(fragment.shmid, self.me)?;
        let mut segment = slot.read();
        if !segment.is_live(fragment.shmid) {
            return Ok(());
        }
        slot.recount(&mut segment, self.me, fragment.record, left);
        let now = clock::now();
        segment.atime = if change.atime { now } else { segment.atime };
        segment.dtime = if change.dtime { now } else { segment.dtime };
        segment.lpid = self.pid;
        slot.write(&segment);
        if segment.is_removed() && segment.nattch > 0 {
            segment = slot.reap(&mut Prober::new(self.registry, Some(self.me)));
        }
        let finished = slot.is_finished(&segment);
        drop(slot);
        if finished {
            self.registry.destroy_if_finished(fragment.shmid, self.me)
        } else {
            Ok(())
        }
    }
}
