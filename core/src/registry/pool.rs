//! The pool of attachment records: where a free one is looked for, and how it is taken without a lock.

use super::format::{MAX_RECORDS, Record};
use super::layout::RECORDS;
use super::records::Commit;
use super::{Registry, slot_of};
use crate::error::Result;
use crate::sync::{AtomicU32, Ordering};

/// Records that a member tries first: neighbours of its own, so that members rarely meet.
const HOME: u32 = 64;

/// Where this process looks for a free record first. Private to the process; any value is right.
pub(super) struct Hints {
    /// The record given back last, plus one.
    pub(super) freed: AtomicU32,
    cursor: AtomicU32,
    span: AtomicU32,
}

impl Hints {
    pub(super) const fn new() -> Hints {
        Hints {
            freed: AtomicU32::new(0),
            cursor: AtomicU32::new(0),
            span: AtomicU32::new(HOME),
        }
    }
}

impl Registry {
    pub(crate) fn records_high(&self) -> u32 {
        self.header()
            .records_high
            .load(Ordering::Acquire)
            .min(MAX_RECORDS)
    }

    /// Takes a free record: the one given back last, or the next one in this member's range, which grows as needed.
    pub(super) fn take_record(&self, commit: Commit) -> Option<(u32, &Record)> {
        if let Some(taken) = self
            .hints
            .freed
            .swap(0, Ordering::Relaxed)
            .checked_sub(1)
            .and_then(|index| self.try_take(commit, index).ok()?)
        {
            return Some(taken);
        }
        let home = commit.member() * HOME;
        loop {
            let span = self
                .hints
                .span
                .load(Ordering::Relaxed)
                .clamp(HOME, MAX_RECORDS);
            let cursor = self.hints.cursor.load(Ordering::Relaxed);
            for step in 0..span {
                let index = (home + (cursor.wrapping_add(step)) % span) % MAX_RECORDS;
                let Ok(tried) = self.try_take(commit, index) else {
                    return self.take_of_first_window(commit);
                };
                if let Some(taken) = tried {
                    self.hints
                        .cursor
                        .store(cursor.wrapping_add(step + 1) % span, Ordering::Relaxed);
                    return Some(taken);
                }
            }
            if span == MAX_RECORDS {
                return None;
            }
            self.hints.span.store(span * 2, Ordering::Relaxed);
        }
    }

    /// Where the registry cannot grow, what is there already is shared by all.
    fn take_of_first_window(&self, commit: Commit) -> Option<(u32, &Record)> {
        (0..RECORDS.first_window()).find_map(|index| self.try_take(commit, index).ok()?)
    }

    /// `None` when the record is taken.
    ///
    /// # Errors
    /// - `ENOSPC` and others: the registry cannot grow
    fn try_take(&self, commit: Commit, index: u32) -> Result<Option<(u32, &Record)>> {
        let record = self.new_record(index)?;
        if record.commit.load(Ordering::Relaxed) != 0 {
            return Ok(None);
        }
        // Whoever builds a list anew must look as far as this record before it can be committed.
        self.header()
            .records_high
            .fetch_max(index + 1, Ordering::AcqRel);
        let taken =
            record
                .commit
                .compare_exchange(0, commit.word(), Ordering::AcqRel, Ordering::Relaxed);
        Ok(taken.ok().map(|_| (index, record)))
    }

    /// The segment that a record is committed to; `None` for a free one.
    pub(crate) fn shmid_of_record(&self, index: u32) -> Option<u32> {
        Commit::of(self.record(index)?).map(|commit| commit.shmid)
    }

    /// Gives back records that are committed to no segment.
    pub(crate) fn free_lost_records(&self) {
        for index in 0..self.records_high() {
            let Some(record) = self.record(index) else {
                return;
            };
            // The word as it stands: damaged, it need not be one that a member writes.
            let word = record.commit.load(Ordering::Acquire);
            let shmid = (word >> 32) as u32;
            let is_lost = !self
                .read_slot(slot_of(shmid))
                .is_some_and(|segment| segment.is_live(shmid));
            if word != 0 && is_lost {
                let commit = &record.commit;
                let _ = commit.compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// Lets a record that its owner committed know where the attachment lies.
    pub(crate) fn set_address(&self, index: u32, address: usize) {
        if let Some(record) = self.record(index) {
            record.address.store(address as u64, Ordering::Relaxed);
        }
    }

    /// Lets records of a child that was not born yet know its pid.
    pub(crate) fn set_pid(&self, index: u32, pid: i32) {
        if let Some(record) = self.record(index) {
            record.pid.store(pid as u32, Ordering::Relaxed);
        }
    }
}
