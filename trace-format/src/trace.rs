//! A whole file.

use crate::bytes::{slice_at, u64_at};
use crate::clock::Clock;
use crate::commit;
use crate::header::{FormatError, Header};
use crate::record::Record;
use crate::{HEADER_SIZE, MAX_PARTS, PART_BYTES, SLOT_SIZE};

/// A trace file's bytes, header checked.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    bytes: &'a [u8],
    header: Header<'a>,
}

/// What a walk over the records found missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Slots handed out whose record was not complete: the writer was killed, is still at work, or was overtaken in the ring.
    pub torn: u64,
    /// Slots handed out that lie beyond the end of the bytes: the file was cut.
    pub missing: u64,
}

impl<'a> Trace<'a> {
    /// Checks the header of a file's bytes.
    ///
    /// # Errors
    /// [`FormatError`] if it is no trace of this version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        Ok(Trace {
            bytes,
            header: Header::parse(bytes)?,
        })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// Turns the ticks of this file into time.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.header.clock
    }

    /// The records, oldest first, by the order in which the calls returned.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        let slots = self.bytes.get(HEADER_SIZE..).unwrap_or(&[]);
        let ring_slots = self.header.ring_slots;
        let mut walk = Records {
            slots,
            first: 0,
            ring_slots,
            next: 0,
            end: self.header.cursor,
            damage: Damage::default(),
        };
        if ring_slots == 0 {
            // Whatever the header says, the walk is bounded by the bytes.
            let held = slots.len().checked_div(SLOT_SIZE).unwrap_or(0) as u64;
            let written = self.header.cursor.min(self.header.reserved);
            walk.end = written.min(held);
            walk.damage.missing = written.saturating_sub(held);
        } else {
            walk.next = walk.end.saturating_sub(ring_slots);
            walk.skip_orphans();
        }
        walk
    }

    /// The records from this ticket on, for a reader that follows a file while it is written.
    #[must_use]
    pub fn records_from(&self, ticket: u64) -> Records<'a> {
        let mut walk = self.records();
        walk.next = walk.next.max(ticket);
        walk
    }
}

/// Iterator over the records of a file.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    slots: &'a [u8],
    /// The ticket of the first slot, where it is no ring.
    first: u64,
    ring_slots: u64,
    next: u64,
    end: u64,
    damage: Damage,
}

impl<'a> Records<'a> {
    /// The records that begin from ticket `next` on and before `end`, of a file that is no ring and of which only a part is
    /// at hand: the slots of the tickets from `first` on.
    #[must_use]
    pub fn of_part(slots: &'a [u8], first: u64, next: u64, end: u64) -> Self {
        Records {
            slots,
            first,
            ring_slots: 0,
            next,
            end,
            damage: Damage::default(),
        }
    }
}

impl Records<'_> {
    /// What was found missing so far; complete once the iterator has ended.
    #[must_use]
    pub const fn damage(&self) -> Damage {
        self.damage
    }

    /// The ticket that is looked at next.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Steps over the continuations of a head that the ring has overwritten: they are no damage.
    fn skip_orphans(&mut self) {
        let orphan = |ticket| (1..MAX_PARTS).any(|part| self.complete(ticket, part).is_some());
        let count = (self.next..self.end)
            .take(MAX_PARTS)
            .take_while(|ticket| orphan(*ticket))
            .count();
        self.next = self.next.saturating_add(count as u64);
    }

    fn slot(&self, ticket: u64) -> Option<&[u8]> {
        let index = match self.ring_slots {
            0 => ticket.checked_sub(self.first)?,
            slots => ticket.checked_rem(slots)?,
        };
        let at = usize::try_from(index).ok()?.checked_mul(SLOT_SIZE)?;
        slice_at(self.slots, at, SLOT_SIZE)
    }

    /// The bytes after the commit word of `ticket`, if it is complete as part `part`; with the record's number of parts.
    fn complete(&self, ticket: u64, part: usize) -> Option<(&[u8], usize)> {
        let slot = self.slot(ticket)?;
        let word = u64_at(slot, 0)?;
        let parts = usize::from(commit::parts(word));
        let matches =
            commit::ticket(word) == Some(ticket) && usize::from(commit::part(word)) == part;
        (matches && part < parts && parts <= MAX_PARTS).then_some((slot, parts))
    }

    /// The record whose head is `ticket`, and its number of parts.
    fn record(&self, ticket: u64) -> Option<(Record, usize)> {
        let (slot, parts) = self.complete(ticket, 0)?;
        let mut record = Record::parse(ticket, slot)?;
        for part in 1..parts {
            let (slot, _) = self.complete(ticket.checked_add(part as u64)?, part)?;
            record.append(slice_at(
                slot,
                SLOT_SIZE.checked_sub(PART_BYTES)?,
                PART_BYTES,
            )?)?;
        }
        Some((record, parts))
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.next < self.end {
            let ticket = self.next;
            self.next = ticket.saturating_add(1);
            if let Some((record, parts)) = self.record(ticket) {
                self.next = ticket.saturating_add(parts as u64);
                return Some(record);
            }
            let count = if self.slot(ticket).is_some() {
                &mut self.damage.torn
            } else {
                &mut self.damage.missing
            };
            *count = count.saturating_add(1);
        }
        None
    }
}
