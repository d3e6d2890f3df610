//! The records of a file one after another, with only a part of it in memory where it is large.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use partage_trace_format::{Damage, HEADER_SIZE, MAX_PARTS, Record, Records, SLOT_SIZE};

/// Slots of a large file that are in memory at a time.
const PART: u64 = 512;

/// Iterator over the records of a file.
#[derive(Debug, Default)]
pub struct Walk<'a>(Source<'a>);

#[derive(Debug, Default)]
enum Source<'a> {
    /// No trace.
    #[default]
    Nothing,
    Bytes(Records<'a>),
    File(Part<'a>),
}

/// A part of a file, which moves on.
#[derive(Debug)]
struct Part<'a> {
    file: &'a File,
    /// The slots of the tickets from `first` on.
    slots: Vec<u8>,
    first: u64,
    /// Records that begin before this ticket are whole in `slots`, as far as they are in the file.
    whole: u64,
    next: u64,
    end: u64,
    damage: Damage,
}

impl<'a> Walk<'a> {
    pub(crate) fn of_bytes(records: Records<'a>) -> Self {
        Walk(Source::Bytes(records))
    }

    /// Of a file that is no ring, with `written` tickets of which it holds `held`.
    pub(crate) fn of_file(file: &'a File, next: u64, written: u64, held: u64) -> Self {
        let damage = Damage {
            missing: written.saturating_sub(held),
            ..Damage::default()
        };
        Walk(Source::File(Part {
            file,
            slots: Vec::new(),
            first: next,
            whole: next,
            next,
            end: written.min(held),
            damage,
        }))
    }

    /// What was found missing so far; complete once the iterator has ended.
    #[must_use]
    pub fn damage(&self) -> Damage {
        match &self.0 {
            Source::Nothing => Damage::default(),
            Source::Bytes(records) => records.damage(),
            Source::File(part) => part.damage,
        }
    }

    /// The ticket that is looked at next.
    #[must_use]
    pub fn position(&self) -> u64 {
        match &self.0 {
            Source::Nothing => 0,
            Source::Bytes(records) => records.position(),
            Source::File(part) => part.next,
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        match &mut self.0 {
            Source::Nothing => None,
            Source::Bytes(records) => records.next(),
            Source::File(part) => part.next(),
        }
    }
}

impl Part<'_> {
    fn next(&mut self) -> Option<Record> {
        while self.next < self.end {
            if self.next >= self.whole {
                self.load();
            }
            let mut records = Records::of_part(&self.slots, self.first, self.next, self.whole);
            let record = records.next();
            let damage = records.damage();
            self.next = records.position();
            self.damage.torn = self.damage.torn.saturating_add(damage.torn);
            self.damage.missing = self.damage.missing.saturating_add(damage.missing);
            if record.is_some() {
                return record;
            }
        }
        None
    }

    /// Moves the part on to the next ticket. What cannot be read is missing.
    fn load(&mut self) {
        self.first = self.next;
        let wanted = (self.end - self.first).min(PART) as usize;
        self.slots.resize(wanted * SLOT_SIZE, 0);
        let offset = self.first.saturating_mul(SLOT_SIZE as u64);
        let offset = offset.saturating_add(HEADER_SIZE as u64);
        let read = read_at(self.file, Some(&mut self.slots), offset).unwrap_or(0);
        self.slots.truncate(read);
        let there = self.first + (read / SLOT_SIZE) as u64;
        let cut = there < self.first + wanted as u64;
        // A record that begins near the end of a part has its rest in the next.
        self.whole = if cut || there >= self.end {
            self.end
        } else {
            there - MAX_PARTS as u64
        };
    }
}

/// Fills `into` from the file as far as that goes; how far.
pub(crate) fn read_at(file: &File, into: Option<&mut [u8]>, offset: u64) -> io::Result<usize> {
    let mut rest = into.unwrap_or(&mut []);
    let mut done = 0;
    while !rest.is_empty() {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(count) => {
                done += count;
                rest = rest.get_mut(count..).unwrap_or(&mut []);
            }
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    Ok(done)
}
