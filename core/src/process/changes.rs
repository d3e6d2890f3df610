//! Attaching and detaching: the entry, the holding and the mapping, in the order that never makes the count too low. An
//! attachment counts before it is mapped, and is unmapped before its count ends.
//! Tested by `c_tests/process` and `reliability/tests/crash`.

use super::entry::{Entry, Mapping, NO_HOLDING};
use super::fork;
use super::overlap;
use super::own::{self, Member};
use super::registry::REGISTRY;
use super::share::Share;
use super::stamp::{Stage, Stamp};
use super::table::TABLE;
use crate::error::{Errno, Result};
use crate::registry::{Change, LivenessCache, Registry, SlotRef, Stamps, slot_of};

/// How often an attach begins anew because another thread has settled it meanwhile.
const TRIES: u32 = 64;

/// An attach under way: it counts, and is not mapped yet.
pub(crate) struct Attaching {
    member: Member,
    slot: SlotRef<'static>,
    index: u32,
    entry: &'static Entry,
    stamp: Stamp,
    before: u32,
    /// As they were, for an attach that fails.
    stamps: Stamps,
    overlap: overlap::Attach,
    /// What it counts for, once it does.
    share: Share,
}

/// What an attach needs to know of its segment.
#[derive(Clone, Copy)]
pub(crate) struct Attached {
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) read_only: bool,
    pub(crate) huge_log2: u8,
}

impl Attaching {
    /// Counts one more attachment of a segment, for a call at this depth of the stack. From here on nobody destroys it.
    ///
    /// # Errors
    /// - `EINVAL` there is no such segment any more
    /// - `ENOMEM`, `ENOSPC` it cannot be counted
    pub(crate) fn begin(member: Member, shmid: u32, frame: usize) -> Result<Attaching> {
        let slot = member.registry.slot_for(shmid)?;
        let overlap = overlap::Attach::begin();
        let (index, entry, stamp) = TABLE.claim_idle(shmid, Stage::Attaching, frame)?;
        let before = TABLE.begin(index);
        entry.set_aim(0, 0);
        let mut attaching = Attaching {
            member,
            slot,
            index,
            entry,
            stamp,
            before,
            stamps: slot.stamps(),
            overlap,
            share: Share::of(entry),
        };
        match attaching.count(shmid) {
            Ok(()) => Ok(attaching),
            Err(error) => {
                attaching.leave();
                Err(error)
            }
        }
    }

    fn count(&mut self, shmid: u32) -> Result<()> {
        let Member {
            registry,
            token,
            pid,
        } = self.member;
        let mut liveness = LivenessCache::new(registry, Some(token));
        for _ in 0..TRIES {
            let holding = self.holding_for(shmid, &mut liveness)?;
            match self.slot.attach(shmid, holding - 1, token, pid) {
                Ok(number) => {
                    self.entry.set_number(number);
                    self.share = Share {
                        shmid,
                        holding,
                        number,
                    };
                    fork::count_for_children(self.slot, shmid, pid, &mut liveness);
                    return Ok(());
                }
                // Not free after all: another one.
                Err(Errno::ESTALE) => self.entry.set_share(NO_HOLDING, 0),
                Err(error) => return Err(error),
            }
        }
        Err(Errno::EAGAIN)
    }

    /// A holding of this member in the segment's slot, plus one: the one that the entry has, or one that it takes.
    fn holding_for(&self, shmid: u32, liveness: &mut LivenessCache<'_>) -> Result<u32> {
        let (own, _) = self.entry.share();
        let old = self.entry.shmid();
        if own != NO_HOLDING {
            if slot_of(old) == slot_of(shmid) && self.slot.is_of(own - 1, self.member.token) {
                self.entry.set_shmid(shmid);
                return Ok(own);
            }
            give_back(&self.member, old, own);
        }
        self.entry.set_share(NO_HOLDING, 0);
        self.entry.set_shmid(shmid);
        let holding = self.slot.take(self.member.token, liveness)? + 1;
        self.entry.set_share(holding, 0);
        Ok(holding)
    }

    /// The holding that counts.
    pub(crate) fn holding(&self) -> u32 {
        self.share.holding.saturating_sub(1)
    }

    /// It is mapped. Whether that could be noted.
    pub(super) fn finish(&self, attached: &Attached) -> bool {
        let mapping = Mapping {
            start: attached.start,
            len: attached.len,
            offset: 0,
            shmid: self.share.shmid,
            read_only: attached.read_only,
            huge_log2: attached.huge_log2,
            group: TABLE.new_group(),
        };
        self.publish(&mapping)
    }

    /// Whether others met it; asked once it has noted what it mapped.
    pub(super) fn has_met(&self) -> bool {
        self.overlap.has_met()
    }

    /// It will be mapped there, and not where the kernel chooses.
    pub(crate) fn aim(&self, start: usize, len: usize) {
        self.entry.set_aim(start, len);
        TABLE.note_bounds(start, start.saturating_add(len));
    }

    pub(crate) fn registry(&self) -> &'static Registry {
        self.member.registry
    }

    /// The depth of the stack at which its call began.
    pub(crate) fn frame(&self) -> usize {
        self.entry.owner().1
    }

    pub(super) fn index(&self) -> u32 {
        self.index
    }

    /// From here on no other thread takes the entry over, so it describes this attachment.
    fn publish(&self, mapping: &Mapping) -> bool {
        let publishing = self.entry.change(self.stamp, Stage::Publishing);
        if let Some(stamp) = publishing {
            self.slot
                .set_address(self.holding(), mapping.start, mapping.read_only);
            self.entry.set_mapping(mapping);
            TABLE.note_attached(self.index, mapping);
            let _ = self.entry.change(stamp, Stage::Attached);
        } else {
            // Mostly it was settled by another thread that took this one for gone.
            self.share.end(self.member.registry, Change::Cancel);
        }
        TABLE.finish(self.before);
        publishing.is_some()
    }

    /// The segment.
    pub(super) fn shmid(&self) -> u32 {
        self.share.shmid
    }

    /// It is another part of an attachment that exists.
    pub(super) fn finish_as(self, part: &Mapping) {
        self.publish(part);
    }

    /// It was mapped and is unmapped again.
    pub(super) fn end(self) {
        self.share.end(self.member.registry, Change::Detach);
        self.leave();
    }

    /// It could not be mapped: the attach changes nothing.
    pub(crate) fn cancel(self) {
        self.share.end(self.member.registry, Change::Cancel);
        self.slot.put_back(self.stamps);
        self.leave();
    }

    fn leave(&self) {
        if TABLE.make_idle(self.entry, self.stamp) {
            TABLE.note_idle(self.index, self.share.shmid);
        }
        TABLE.finish(self.before);
    }
}

/// Gives a holding of this process back that an idle entry kept.
fn give_back(member: &Member, shmid: u32, holding: u32) {
    if let Ok(slot) = member.registry.slot_for(shmid) {
        slot.give_back(holding - 1, member.token);
    }
}

/// The making of a segment, as an entry. If its thread jumps out of it or ends, a later call finishes it.
pub(crate) struct Creation {
    entry: &'static Entry,
    stamp: Stamp,
    before: u32,
}

impl Creation {
    /// For a call at this depth of the stack.
    ///
    /// # Errors
    /// - `ENOMEM` the kernel has no memory for a larger table
    pub(crate) fn begin(frame: usize) -> Result<Creation> {
        let (index, entry, stamp) = TABLE.claim_idle(0, Stage::Creating, frame)?;
        let before = TABLE.begin(index);
        let (holding, _) = entry.share();
        if holding != NO_HOLDING
            && let Ok(member) = own::join(&REGISTRY)
        {
            give_back(&member, entry.shmid(), holding);
        }
        entry.set_share(NO_HOLDING, 0);
        entry.set_shmid(u32::MAX);
        Ok(Creation {
            entry,
            stamp,
            before,
        })
    }

    /// The slot that is, or will be, claimed.
    pub(crate) fn note(&self, slot: u32) {
        self.entry.set_shmid(slot);
    }
}

impl Drop for Creation {
    fn drop(&mut self) {
        TABLE.make_idle(self.entry, self.stamp);
        TABLE.finish(self.before);
    }
}
