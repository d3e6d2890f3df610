//! Attachment records: who is attached to which segment, and where.
//!
//! A record is free, or committed to one segment and one member by a single word. It is taken by changing that word
//! from zero, without a lock; it is let go under the segment's lock. The records of a segment form a list, in which
//! every change that a reader can meet is one store; the list is derived, and recovery builds it anew.

use super::format::{MAX_RECORDS, Record, SegmentSlot};
use super::guard::SegmentGuard;
use super::members::Token;
use super::segment::{Segment, State};
use super::{Prober, Registry, slot_of};
use crate::error::{Errno, Result};
use crate::sync::Ordering;

/// Whose attachment a record is: the record's commit word in parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Commit {
    pub(super) shmid: u32,
    token: Token,
}

impl Commit {
    /// The member's slot, which says where its records are looked for.
    pub(super) fn member(self) -> u32 {
        self.token.index()
    }

    pub(super) fn word(self) -> u64 {
        u64::from(self.shmid) << 32 | u64::from(self.token.bits())
    }

    pub(super) fn of(record: &Record) -> Option<Commit> {
        match record.commit.load(Ordering::Acquire) {
            0 => None,
            word => Some(Commit {
                shmid: (word >> 32) as u32,
                token: Token::from_bits(word as u32),
            }),
        }
    }
}

/// What is written into a record for people to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attachment {
    pub(crate) address: usize,
    pub(crate) since: i64,
    pub(crate) pid: i32,
    pub(crate) flags: u32,
    pub(crate) fragments: u32,
}

/// How many attachments a segment has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    /// Those of members that live.
    pub(crate) nattch: u32,
    /// Whether there are others.
    pub(crate) has_dead: bool,
    /// The process of one of the dead.
    pub(crate) dead_pid: i32,
}

/// Why attachments could not be counted without the lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Uncounted {
    /// The segment was changed meanwhile.
    Changed,
    /// The list does not hold together.
    Damaged,
}

impl SegmentGuard<'_> {
    /// Takes a free record for a member and enters it in the segment's list. The caller updates the segment.
    ///
    /// # Errors
    /// - `ENOMEM` all records of the namespace are taken
    pub(crate) fn attach(&self, shmid: u32, token: Token, attachment: &Attachment) -> Result<u32> {
        let (index, record) = self
            .registry
            .take_record(Commit { shmid, token })
            .ok_or(Errno::ENOMEM)?;
        record
            .address
            .store(attachment.address as u64, Ordering::Relaxed);
        record
            .since
            .store(attachment.since as u64, Ordering::Relaxed);
        record.pid.store(attachment.pid as u32, Ordering::Relaxed);
        record.flags.store(attachment.flags, Ordering::Relaxed);
        record
            .fragments
            .store(attachment.fragments, Ordering::Relaxed);
        self.link(index, record);
        Ok(index)
    }

    /// Says how many mappings an attachment consists of by now, and brings `nattch` of `segment` up to date, which the
    /// caller writes; with none left, the record is taken out of the list and let go. Nothing is changed where the record
    /// is not that member's and this segment's: then it is not for this member to count.
    pub(crate) fn recount(&self, segment: &mut Segment, token: Token, index: u32, fragments: u32) {
        let commit = Commit {
            shmid: segment.shmid,
            token,
        };
        let Some(record) = self.registry.record(index) else {
            return;
        };
        if Commit::of(record) != Some(commit) {
            return;
        }
        let before = fragments_of(record);
        if fragments == 0 {
            self.unlink(record);
            record.commit.store(0, Ordering::Release);
            self.registry
                .hints
                .freed
                .store(index + 1, Ordering::Relaxed);
        } else {
            record.fragments.store(fragments, Ordering::Relaxed);
        }
        let growth = fragments as i32 - before as i32;
        segment.nattch = segment.nattch.saturating_add_signed(growth);
    }

    /// Whether any attachment is recorded, of the living or the dead.
    pub(crate) fn has_records(&self) -> bool {
        self.slot.head.load(Ordering::Relaxed) != 0
    }

    /// Puts a record in front of the list. Readers meet it with its `next` already right.
    fn link(&self, index: u32, record: &Record) {
        let head = self.slot.head.load(Ordering::Relaxed);
        record.next.store(head, Ordering::Relaxed);
        record.previous.store(0, Ordering::Relaxed);
        if let Some(first) = self.registry.linked(head) {
            first.previous.store(index + 1, Ordering::Relaxed);
        }
        self.slot.head.store(index + 1, Ordering::Release);
    }

    /// Leads the list past a record. Its own `next` stays, for readers that are on it.
    fn unlink(&self, record: &Record) {
        let next = record.next.load(Ordering::Relaxed);
        let previous = record.previous.load(Ordering::Relaxed);
        match self.registry.linked(previous) {
            Some(before) => before.next.store(next, Ordering::Release),
            None => self.slot.head.store(next, Ordering::Release),
        }
        if let Some(after) = self.registry.linked(next) {
            after.previous.store(previous, Ordering::Relaxed);
        }
    }

    /// Lets go of the records of members that `is_alive` denies, calling `gone` with pid and number of mappings for
    /// each, and returns how many mappings are left. A list that somebody damaged is built anew first.
    pub(crate) fn retain(
        &self,
        segment: &Segment,
        mut is_alive: impl FnMut(Token) -> bool,
        mut gone: impl FnMut(i32, u32),
    ) -> u32 {
        if !self.is_list_sound(segment.shmid) {
            self.rebuild_list();
        }
        let mut left = 0u32;
        let mut link = self.slot.head.load(Ordering::Relaxed);
        for _ in 0..MAX_RECORDS {
            let Some(record) = self.registry.linked(link) else {
                break;
            };
            link = record.next.load(Ordering::Relaxed);
            let Some(commit) = Commit::of(record) else {
                continue;
            };
            let fragments = fragments_of(record);
            if is_alive(commit.token) {
                left = left.saturating_add(fragments);
            } else {
                gone(record.pid.load(Ordering::Relaxed) as i32, fragments);
                self.unlink(record);
                record.commit.store(0, Ordering::Release);
            }
        }
        left
    }

    /// Whether the list ends, and holds only records of this segment.
    fn is_list_sound(&self, shmid: u32) -> bool {
        let mut before = 0;
        let mut link = self.slot.head.load(Ordering::Relaxed);
        for _ in 0..MAX_RECORDS {
            if link == 0 {
                return true;
            }
            let Some(record) = self.registry.linked(link) else {
                return false;
            };
            if Commit::of(record).is_none_or(|commit| commit.shmid != shmid)
                || record.previous.load(Ordering::Relaxed) != before
            {
                return false;
            }
            before = link;
            link = record.next.load(Ordering::Relaxed);
        }
        false
    }

    /// Builds the list anew from the records that are committed to the segment in this slot.
    pub(crate) fn rebuild_list(&self) {
        let segment = self.read();
        self.slot.head.store(0, Ordering::Release);
        for index in 0..self.registry.records_high() {
            let Some(record) = self.registry.record(index) else {
                break;
            };
            if segment.state != State::Free
                && Commit::of(record).is_some_and(|commit| commit.shmid == segment.shmid)
            {
                self.link(index, record);
            }
        }
    }
}

impl Registry {
    /// The record that a link of a list names; `None` at the end, and for a link that leads out of the table.
    fn linked(&self, link: u32) -> Option<&Record> {
        self.record(link.checked_sub(1)?)
    }

    /// Counts a segment's attachments without a lock: the mappings of members that live.
    pub(crate) fn count(
        &self,
        slot: &SegmentSlot,
        version: u32,
        segment: &Segment,
        prober: &mut Prober<'_>,
    ) -> core::result::Result<Count, Uncounted> {
        // Where nothing was written meanwhile, it is the list that is wrong.
        let give_up = || {
            if slot.is_still(version) {
                Uncounted::Damaged
            } else {
                Uncounted::Changed
            }
        };
        let mut count = Count {
            nattch: 0,
            has_dead: false,
            dead_pid: 0,
        };
        let mut link = slot.head.load(Ordering::Acquire);
        // A record stands for one mapping at least; one more may be there before the segment says so.
        for _ in 0..=segment.nattch.saturating_add(1).min(MAX_RECORDS) {
            if link == 0 && slot.is_still(version) {
                return Ok(count);
            }
            let record = self.linked(link).ok_or_else(give_up)?;
            let commit = Commit::of(record)
                .filter(|commit| commit.shmid == segment.shmid)
                .ok_or_else(give_up)?;
            if prober.is_alive(commit.token) {
                count.nattch = count.nattch.saturating_add(fragments_of(record));
            } else {
                count.has_dead = true;
                count.dead_pid = record.pid.load(Ordering::Relaxed) as i32;
            }
            link = record.next.load(Ordering::Acquire);
        }
        Err(give_up())
    }

    /// Calls `visit` with every attachment of a segment, for showing.
    pub(crate) fn each_attachment(&self, shmid: u32, mut visit: impl FnMut(Token, Attachment)) {
        let Some(slot) = self.segment(slot_of(shmid)) else {
            return;
        };
        let mut link = slot.head.load(Ordering::Acquire);
        for _ in 0..MAX_RECORDS {
            let Some(record) = self.linked(link) else {
                return;
            };
            let Some(commit) = Commit::of(record).filter(|commit| commit.shmid == shmid) else {
                return;
            };
            visit(
                commit.token,
                Attachment {
                    address: record.address.load(Ordering::Relaxed) as usize,
                    since: record.since.load(Ordering::Relaxed) as i64,
                    pid: record.pid.load(Ordering::Relaxed) as i32,
                    flags: record.flags.load(Ordering::Relaxed),
                    fragments: fragments_of(record),
                },
            );
            link = record.next.load(Ordering::Acquire);
        }
    }
}

/// At most as many mappings as a process can have: what a damaged record says beyond counts as one.
fn fragments_of(record: &Record) -> u32 {
    match record.fragments.load(Ordering::Relaxed) {
        count @ 1..=65536 => count,
        _ => 1,
    }
}
