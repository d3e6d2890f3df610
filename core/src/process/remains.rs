//! A range of addresses that is unmapped, mapped over or moved. Attachments in it are detached, in whole or in part.
//!
//! For the kernel, a part that stays is a new attachment, and the old one goes. So the part that stays is counted
//! first. All attachments in the range are claimed before the system call, so that no other thread unmaps them, and
//! finished after it. Tested by `c_tests/sysv`, the programs that unmap and remap parts.

use super::changes::Attaching;
use super::compare::compare;
use super::entry::Mapping;
use super::leaving::Leaving;
use super::mapped;
use super::overlap::{UnderWay, Unmap};
use super::range::{Parts, Range};
use super::settle;
use super::stamp::{Stage, Stamp};
use super::table::TABLE;
use super::{Member, member};
use crate::error::{Errno, Result};
use crate::os::process::thread_mark;

/// Attachments that are counted in advance for parts that may stay: two ends of a range that is cut out, two of another
/// that is mapped over, and a piece that moves.
const SPARES: usize = 6;

/// The attachments that ranges meet, claimed.
pub(crate) struct Remains<'a> {
    member: Member,
    frame: usize,
    hint: u32,
    spares: [Option<Attaching>; SPARES],
    overlap: Unmap,
    _under_way: UnderWay,
    ranges: &'a [Range],
    is_attach: bool,
}

impl<'a> Remains<'a> {
    /// Claims what a system call on the ranges will unmap or move, for a call at this depth of the stack, and for an attach
    /// if it is its `own`.
    ///
    /// # Errors
    /// - `ENOMEM` what is left cannot be counted
    pub(crate) fn claim(
        ranges: &'a [Range],
        own: Option<&Attaching>,
        frame: usize,
    ) -> Result<Remains<'a>> {
        let mut remains = Remains {
            overlap: Unmap::begin(frame),
            _under_way: UnderWay::begin(),
            member: member().map_err(|_| Errno::ENOMEM)?,
            frame,
            hint: TABLE.hint(),
            spares: [const { None }; SPARES],
            ranges,
            is_attach: own.is_some(),
        };
        Unmap::wait(ranges, own.map(Attaching::index));
        for (index, entry) in TABLE.all() {
            let stamp = entry.stamp();
            if stamp.is_taken() {
                settle::take_back(entry, stamp, true);
            }
            if let Some((stamp, mapping)) = entry.attached()
                && let Err(error) = remains.claim_one(index, stamp, &mapping)
            {
                remains.undo();
                return Err(error);
            }
        }
        remains.overlap.look_before(ranges);
        Ok(remains)
    }

    /// Claims an attachment if a range meets it.
    fn claim_one(&mut self, index: u32, stamp: Stamp, mapping: &Mapping) -> Result<()> {
        if !self.ranges.iter().any(|range| range.meets(mapping)) {
            return Ok(());
        }
        if Leaving::claim(index, stamp, self.frame).is_none() {
            return Ok(());
        }
        let _ = TABLE.begin(index);
        self.spare_for(self.parts_staying(mapping), mapping.shmid)
    }

    /// How many parts of a mapping stay at most. Of a range that is moved, either all goes or its end.
    fn parts_staying(&self, mapping: &Mapping) -> usize {
        let count = |ranges: &[Range]| Parts::outside(ranges, mapping).count();
        match self.ranges {
            [moved, end, others @ ..] => {
                let other = others.first().copied().unwrap_or(Range::EMPTY);
                let without_end = if end.meets(mapping) {
                    count(&[*end, other])
                } else {
                    0
                };
                count(&[*moved, other]).max(without_end)
            }
            ranges => count(ranges),
        }
    }

    /// Counts the parts that may stay of a cut. A single part needs no count of its own: that of the whole counts for
    /// it. If a new one cannot be had, it only lacks the times of a new attachment.
    ///
    /// # Errors
    /// - `ENOMEM` another part cannot be counted
    fn spare_for(&mut self, cuts: usize, shmid: u32) -> Result<()> {
        let needed = cuts.saturating_sub(1);
        for number in 0..cuts {
            match self.spare(shmid) {
                Err(error) if number < needed => return Err(error),
                Err(_) => break,
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Counts one more attachment of a segment, for a part that may come.
    ///
    /// # Errors
    /// - `ENOMEM` it cannot be counted
    pub(crate) fn spare(&mut self, shmid: u32) -> Result<()> {
        let place = self
            .spares
            .iter_mut()
            .find(|place| place.is_none())
            .ok_or(Errno::ENOMEM)?;
        *place = Some(Attaching::begin(self.member, shmid, self.frame).map_err(|_| Errno::ENOMEM)?);
        Ok(())
    }

    fn take_spare(&mut self, shmid: u32) -> Option<Attaching> {
        self.spares
            .iter_mut()
            .find(|place| place.as_ref().is_some_and(|spare| spare.shmid() == shmid))?
            .take()
    }

    /// Right after the system call, before others can claim what this has claimed: looks for those that it met.
    pub(crate) fn look(&mut self) {
        self.overlap.look(self.ranges);
    }

    /// Before the system call moves something, `to` a place if that is known: what [`Remains::look_at_moved`] compares with.
    pub(crate) fn begin_to_move(&self, to: Option<Range>) -> u64 {
        if let Some(Range { start, end }) = to {
            // Whoever unmaps it before it is noted there looks for this call.
            TABLE.note_bounds(start, end);
        }
        TABLE.fingerprint()
    }

    /// [`Remains::look`], and whether it may have moved something else than what this has claimed. What was noted as attached
    /// there may have been unmapped by a call that is still under way. And where nothing was, another thread may have
    /// attached meanwhile, and replaced that since, so that no later look finds it.
    pub(crate) fn look_at_moved(&mut self, before: u64, is_noted: bool) {
        let may_be_another = if is_noted {
            UnderWay::is_another()
        } else {
            TABLE.fingerprint() != before
        };
        if may_be_another {
            self.overlap.meet();
        }
        self.look();
    }

    /// Calls `visit` with each claimed attachment that is still being changed.
    fn each(&mut self, mut visit: impl FnMut(&mut Remains<'a>, Leaving, Mapping)) {
        for (index, entry) in TABLE.all() {
            let stamp = entry.stamp();
            if stamp.stage() == Stage::Detaching && entry.owner() == (thread_mark(), self.frame) {
                let mapping = entry.mapping();
                let leaving = Leaving::claimed(index, entry, stamp);
                visit(self, leaving, mapping);
            }
        }
    }

    /// The one claimed attachment at an address.
    pub(crate) fn at(&mut self, address: usize) -> Option<Mapping> {
        let mut found = None;
        self.each(|_, _, mapping| {
            if (mapping.start..mapping.end()).contains(&address) {
                found = Some(mapping);
            }
        });
        found
    }

    /// The ranges are unmapped: finishes the attachments that they met.
    pub(crate) fn unmapped(&mut self, ranges: &[Range]) {
        self.each(|remains, leaving, mapping| {
            if ranges.iter().any(|range| range.meets(&mapping)) {
                remains.cut(&leaving, &mapping, ranges);
            }
        });
    }

    fn cut(&mut self, leaving: &Leaving, mapping: &Mapping, ranges: &[Range]) {
        let parts = Parts::outside(ranges, mapping);
        let first = parts.first(|part| self.added(part));
        // A part that stays is counted as a new attachment, and the old one ends.
        if first.is_some()
            && let Some(spare) = self.take_spare(mapping.shmid)
        {
            spare.end();
        }
        leaving.becomes(first, self.member.registry);
    }

    /// A second mapping of a part of an attachment was made; false if it was not counted before.
    pub(crate) fn added(&mut self, part: &Mapping) -> bool {
        let spare = self.take_spare(part.shmid);
        let is_counted = spare.is_some();
        if let Some(spare) = spare {
            spare.finish_as(part);
        }
        is_counted
    }

    /// The attachment that ended at `end` has grown in its place.
    pub(crate) fn grown(&mut self, end: usize, more: usize) {
        self.each(|_, leaving, mapping| {
            if mapping.end() == end {
                leaving.stays(&Mapping {
                    len: mapping.len + more,
                    ..mapping
                });
            }
        });
    }

    /// The system call failed. It may have unmapped something all the same, so the kernel's list is read.
    pub(crate) fn failed(mut self) {
        self.each(|remains, leaving, mapping| {
            let parts = mapped::parts_of(&mapping);
            let first = parts.first(|part| remains.added(part));
            leaving.becomes(first, remains.member.registry);
        });
        self.close();
        self.end();
    }

    /// No system call was made.
    fn undo(mut self) {
        self.each(|_, leaving, mapping| leaving.stays(&mapping));
        self.close();
    }

    /// Attachments that were not touched stay as they were.
    pub(crate) fn done(mut self) {
        self.each(|_, leaving, mapping| leaving.stays(&mapping));
        self.close();
        self.end();
    }

    fn end(self) {
        // An attach compares once it has noted what it maps.
        if !self.is_attach && self.overlap.has_met() {
            compare();
        }
    }

    fn close(&mut self) {
        // The last first: each restores the times that were before it.
        for spare in self.spares.iter_mut().rev() {
            if let Some(spare) = spare.take() {
                spare.cancel();
            }
        }
        TABLE.finish(self.hint);
    }
}
