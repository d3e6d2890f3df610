//! The registry's invariants, verified from outside. `docs/registry-format.md` names them; this is the same list.

use super::format::{MAX_SEGMENTS, MemberSlot};
use super::guard::SegmentGuard;
use super::ids::SLOT_BITS;
use super::members::{Prober, Token};
use super::segment::State;
use super::{Registry, Segment, layout, sequence_of, slot_of};
use crate::os::files;
use crate::sync::Ordering;

/// What does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are what the variant's text says")]
pub enum Finding {
    /// A slot holds a segment whose id names another slot.
    ForeignId { slot: u32, shmid: u32 },
    /// A slot is in use and the bitmap says free, or the other way round.
    Bitmap { slot: u32 },
    /// A live segment's key does not lead to it.
    KeyLost { slot: u32, key: i32 },
    /// Two live segments have the same key.
    KeyDoubled { slot: u32, key: i32 },
    /// `nattch` is not the number of mappings in the records.
    Count {
        slot: u32,
        nattch: u32,
        recorded: u32,
    },
    /// A live segment's file is missing, or not as large as it should be.
    File { slot: u32 },
    /// A record is committed to a segment that is not there.
    RecordLost { record: u32, shmid: u32 },
    /// A total in the header is wrong.
    Total {
        name: &'static str,
        says: u64,
        is: u64,
    },
}

/// A process that uses the namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemberView {
    /// Process, as it numbers itself.
    pub pid: i32,
    /// Effective user when it joined.
    pub uid: u32,
    /// When it joined, in seconds since the epoch.
    pub since: i64,
}

#[derive(Default)]
struct Totals {
    used: u64,
    pages: u64,
    pending: u64,
    marked: u64,
}

impl Registry {
    pub(crate) fn check_invariants(&self, mut report: impl FnMut(Finding)) {
        let mut totals = Totals::default();
        let high = self
            .header()
            .segments_high
            .load(Ordering::Acquire)
            .min(MAX_SEGMENTS);
        for slot in 0..high {
            self.check_slot(slot, &mut totals, &mut report);
        }
        let header = self.header();
        let said = [
            (
                "used",
                u64::from(header.used.load(Ordering::Relaxed)),
                totals.used,
            ),
            ("pages", header.pages.load(Ordering::Relaxed), totals.pages),
            (
                "pending",
                u64::from(header.pending.load(Ordering::Relaxed)),
                totals.pending,
            ),
            (
                "marked",
                u64::from(header.marked.load(Ordering::Relaxed)),
                totals.marked,
            ),
        ];
        for (name, says, is) in said.into_iter().filter(|(_, says, is)| says != is) {
            report(Finding::Total { name, says, is });
        }
        for record in 0..self.records_high() {
            if let Some(shmid) = self.shmid_of_record(record)
                && !self
                    .read_slot(slot_of(shmid))
                    .is_some_and(|segment| segment.is_live(shmid))
            {
                report(Finding::RecordLost { record, shmid });
            }
        }
    }

    fn check_slot(&self, slot: u32, totals: &mut Totals, report: &mut impl FnMut(Finding)) {
        let Some(segment) = self.read_slot(slot) else {
            return;
        };
        let is_used = segment.state != State::Free;
        if (self.next_used(slot, slot + 1) == Some(slot)) != is_used {
            report(Finding::Bitmap { slot });
        }
        if !is_used {
            return;
        }
        totals.used += 1;
        totals.pages += segment.pages();
        totals.pending += u64::from(segment.state != State::Live);
        if segment.state != State::Live {
            return;
        }
        totals.marked += u64::from(segment.is_removed());
        if slot_of(segment.shmid) != slot || segment.shmid == 0 {
            report(Finding::ForeignId {
                slot,
                shmid: segment.shmid,
            });
        }
        match (segment.key != 0).then(|| self.find_key(segment.key)) {
            Some(None) => report(Finding::KeyLost {
                slot,
                key: segment.key,
            }),
            Some(Some(found)) if found.shmid != segment.shmid => report(Finding::KeyDoubled {
                slot,
                key: segment.key,
            }),
            _ => {}
        }
        let mut recorded = 0u32;
        self.each_attachment(segment.shmid, |_, attachment| {
            recorded = recorded.saturating_add(attachment.fragments)
        });
        if recorded != segment.nattch {
            report(Finding::Count {
                slot,
                nattch: segment.nattch,
                recorded,
            });
        }
        let size = self
            .memory_path(&segment)
            .and_then(|path| files::status(path.as_c_str()))
            .map(|status| status.size);
        if size.ok() != segment.bytes().map(|bytes| bytes as u64) {
            report(Finding::File { slot });
        }
    }

    /// When the registry was made.
    pub(crate) fn born(&self) -> i64 {
        self.header().born.load(Ordering::Relaxed) as i64
    }

    pub(crate) fn each_member(&self, mut visit: impl FnMut(Token, MemberView)) {
        let limit = self
            .header()
            .member_limit
            .load(Ordering::Relaxed)
            .clamp(64, super::MAX_MEMBERS);
        for index in 0..limit {
            let Some(slot) = self.member(index) else {
                return;
            };
            let MemberSlot {
                token,
                pid,
                uid,
                since,
                ..
            } = slot;
            let bits = token.load(Ordering::Acquire);
            if bits != 0 {
                visit(
                    Token::from_bits(bits),
                    MemberView {
                        pid: pid.load(Ordering::Relaxed) as i32,
                        uid: uid.load(Ordering::Relaxed),
                        since: since.load(Ordering::Relaxed) as i64,
                    },
                );
            }
        }
    }

    /// Whether another member lives.
    pub(crate) fn has_others(&self, me: Token) -> bool {
        let mut prober = Prober::new(self, Some(me));
        let mut found = false;
        self.each_member(|token, _| found = found || (token != me && prober.is_alive(token)));
        found
    }

    /// Computes everything anew that is derived. The caller holds neither lock.
    pub(crate) fn repair(&self, me: Token) -> crate::Result<()> {
        let namespace = self.lock(me)?;
        self.restore_bounds();
        self.recover_namespace();
        drop(namespace);
        let high = self
            .header()
            .segments_high
            .load(Ordering::Acquire)
            .min(MAX_SEGMENTS);
        for index in 0..high {
            if self
                .read_slot(index)
                .is_some_and(|segment| segment.state != State::Free)
            {
                let slot = self.lock_slot(index, me)?;
                slot.restore_id();
                slot.give_up_doubled_key();
                slot.recover();
            }
        }
        self.free_lost_records();
        Ok(())
    }

    /// The marks below which slots and records are looked for, where damage has lowered them. What lies in the first
    /// window counts; and no slot above the mark is in use.
    fn restore_bounds(&self) {
        let header = self.header();
        let is_used = |&slot: &u32| {
            self.read_slot(slot)
                .is_some_and(|segment| segment.state != State::Free)
        };
        if let Some(last) = (0..layout::SEGMENTS.first_window()).rev().find(is_used) {
            header.segments_high.fetch_max(last + 1, Ordering::AcqRel);
        }
        let is_taken = |&record: &u32| self.shmid_of_record(record).is_some();
        if let Some(last) = (0..layout::RECORDS.first_window()).rev().find(is_taken) {
            header.records_high.fetch_max(last + 1, Ordering::AcqRel);
        }
        for slot in header.segments_high.load(Ordering::Acquire)..MAX_SEGMENTS {
            self.set_used(slot, false);
        }
    }
}

impl SegmentGuard<'_> {
    /// An id names its slot; where damage has it name another, the sequence number in it stands. No id is 0: nobody
    /// would find it.
    fn restore_id(&self) {
        let segment = self.read();
        let right = match sequence_of(segment.shmid) << SLOT_BITS | self.index {
            0 => 1 << SLOT_BITS,
            right => right,
        };
        if segment.state == State::Live && segment.shmid != right {
            self.write(&Segment {
                shmid: right,
                ..segment
            });
        }
    }

    /// Of two segments with one key the first keeps it; the other is found by its id only.
    fn give_up_doubled_key(&self) {
        let segment = self.read();
        let is_live = segment.state == State::Live && segment.key != 0;
        let first = is_live
            .then(|| self.registry.find_key(segment.key))
            .flatten();
        if first.is_some_and(|first| first.shmid != segment.shmid) {
            self.write(&Segment { key: 0, ..segment });
        }
    }
}
