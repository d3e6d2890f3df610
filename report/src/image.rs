//! One trace file: the bytes of it that are in use, read at once or bit by bit while it is written.

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use partage_trace_format::{
    Clock, Damage, FormatError, HEADER_SIZE, Header, Record, SLOT_SIZE, Trace,
};

use crate::alive;
use crate::walk::{Walk, read_at};

/// Files up to this size are read whole; of others each part when it is walked over.
const SMALL: u64 = 1 << 20;

/// The file of one process image.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    /// The header; of a small file and of a ring the slots, too.
    bytes: Vec<u8>,
    /// A large file, which stays readable whatever becomes of its name.
    large: Option<Large>,
    /// The first ticket that was not given out by `take`.
    position: u64,
    /// Tickets that the ring overwrote before they were read.
    overtaken: u64,
    /// What is missing, once somebody has asked.
    damage: OnceCell<Damage>,
}

/// A file that is not kept in memory.
#[derive(Debug)]
struct Large {
    file: File,
    /// Slots that were there when it was last looked at.
    held: u64,
}

impl Image {
    /// A file that was not read yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Image {
            path,
            bytes: Vec::new(),
            large: None,
            position: 0,
            overtaken: 0,
            damage: OnceCell::new(),
        }
    }

    /// A file's bytes that are in memory already.
    #[must_use]
    pub fn from_bytes(path: PathBuf, bytes: Vec<u8>) -> Self {
        Image {
            bytes,
            ..Self::new(path)
        }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The header.
    ///
    /// # Errors
    /// [`FormatError`] if it is no trace.
    pub fn check(&self) -> Result<Header<'_>, FormatError> {
        Header::parse(&self.bytes)
    }

    /// The header, if the file has one that is whole.
    #[must_use]
    pub fn header(&self) -> Option<Header<'_>> {
        self.check().ok()
    }

    /// Whether the file was made and its header never was completed: it is filled last, before the first call.
    #[must_use]
    pub fn is_unborn(&self) -> bool {
        self.bytes.len() >= HEADER_SIZE && self.bytes.iter().take(8).all(|byte| *byte == 0)
    }

    /// Whether the file is held open, to be read when it is walked over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.large.is_some()
    }

    /// Looks at the file anew: reads the header, and of a small one and a ring the slots from the first one that was not
    /// taken yet. A large one is kept open, if it `may_stay_open`.
    ///
    /// # Errors
    /// As open(2) and read(2).
    pub fn refresh(&mut self, may_stay_open: bool) -> io::Result<()> {
        self.damage.take();
        let file = File::open(&self.path)?;
        let size = file.metadata()?.len();
        let held = slots_in(size);
        self.bytes.resize(self.bytes.len().max(HEADER_SIZE), 0);
        let read = read_at(&file, self.bytes.get_mut(..HEADER_SIZE), 0)?;
        if read < HEADER_SIZE {
            self.bytes.truncate(read);
            return Ok(());
        }
        let Some(header) = self.header() else {
            return Ok(());
        };
        let (cursor, ring) = (header.cursor, header.ring_slots);
        if ring != 0 {
            let start = self.position.max(cursor.saturating_sub(ring));
            return self.read_ring(&file, start, cursor, ring.min(held));
        }
        if self.is_open() || may_stay_open && size > SMALL {
            self.bytes = self.bytes.get(..HEADER_SIZE).unwrap_or_default().to_vec();
            self.large = Some(Large { file, held });
            return Ok(());
        }
        let end = cursor.min(header.reserved).min(held);
        self.read_slots(&file, self.position, end)
    }

    fn read_slots(&mut self, file: &File, start: u64, end: u64) -> io::Result<()> {
        if start >= end {
            return Ok(());
        }
        let (from, to) = (offset_of(start), offset_of(end));
        self.bytes.resize(self.bytes.len().max(to), 0);
        read_at(file, self.bytes.get_mut(from..to), from as u64).map(drop)
    }

    /// Reads the tickets from `start` to `end` of a ring, which may lie around its end.
    fn read_ring(&mut self, file: &File, start: u64, end: u64, ring: u64) -> io::Result<()> {
        if ring == 0 || start >= end {
            return Ok(());
        }
        let (first, last) = (start % ring, (end - 1) % ring + 1);
        if end - start >= ring || first >= last {
            self.read_slots(file, 0, last)?;
            self.read_slots(file, first.min(last), ring)
        } else {
            self.read_slots(file, first, last)
        }
    }

    /// Slots that there are to read.
    #[must_use]
    pub fn slots(&self) -> u64 {
        let Some(header) = self.header() else {
            return 0;
        };
        match header.ring_slots {
            0 => header.cursor.min(header.reserved),
            ring => header.cursor.min(ring),
        }
    }

    /// The records from this ticket on, oldest first.
    #[must_use]
    pub fn walk(&self, ticket: u64) -> Walk<'_> {
        let Ok(trace) = Trace::parse(&self.bytes) else {
            return Walk::default();
        };
        match &self.large {
            Some(Large { file, held }) => {
                let written = trace.header().cursor.min(trace.header().reserved);
                Walk::of_file(file, ticket, written, *held)
            }
            None => Walk::of_bytes(trace.records_from(ticket)),
        }
    }

    /// What is missing of the file as far as it was looked at.
    #[must_use]
    pub fn damage(&self) -> Damage {
        *self.damage.get_or_init(|| {
            let mut walk = self.walk(0);
            walk.by_ref().for_each(drop);
            walk.damage()
        })
    }

    /// Every record, oldest first, and what is missing.
    #[must_use]
    pub fn records(&self) -> (Vec<Record>, Damage) {
        let mut walk = self.walk(0);
        let records = walk.by_ref().collect();
        (records, walk.damage())
    }

    /// Hands the records that were not taken yet to `each`. Stops at a slot that is being written, unless `pass_gaps`;
    /// whether it stopped there.
    pub fn take(&mut self, pass_gaps: bool, mut each: impl FnMut(&Record)) -> bool {
        if self.header().is_none() {
            return false;
        }
        let mut walk = self.walk(self.position);
        let overtaken = walk.position().saturating_sub(self.position);
        let mut position = walk.position();
        let mut stopped = false;
        while let Some(record) = walk.next() {
            if record.ticket != position && !pass_gaps {
                stopped = true;
                break;
            }
            position = walk.position();
            each(&record);
        }
        stopped |= !pass_gaps && walk.damage().torn > 0;
        let reached = walk.position();
        self.position = if pass_gaps { reached } else { position };
        self.overtaken += overtaken;
        stopped
    }

    /// Tickets that a ring overwrote before they could be followed.
    #[must_use]
    pub fn overtaken(&self) -> u64 {
        self.overtaken
    }

    /// Whether every record that was read has been taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.walk(self.position).next().is_none()
    }

    /// Turns the file's ticks into time.
    #[must_use]
    pub fn clock(&self) -> Option<Clock> {
        self.header().map(|header| header.clock)
    }

    /// Whether the process image still runs: it did not say that it ended, and its process has the file mapped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        use partage_trace_format::header::{State, flag::OUTSIDE};
        let Some(header) = self.header() else {
            return false;
        };
        let Some(name) = self.path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        if header.state == State::Executed {
            return false;
        }
        if header.flags & OUTSIDE != 0 {
            return header.state == State::Running && alive::is_alive(header.pid);
        }
        // An exit that runs its handlers is still on its way.
        let tail = format!("/{name}");
        let maps = alive::maps(header.pid);
        let mut lines = maps.split(|byte| *byte == b'\n');
        lines.any(|line| {
            let path = line.strip_suffix(b" (deleted)").unwrap_or(line);
            path.ends_with(tail.as_bytes())
        })
    }
}

fn slots_in(len: u64) -> u64 {
    len.saturating_sub(HEADER_SIZE as u64) / SLOT_SIZE as u64
}

fn offset_of(slot: u64) -> usize {
    let slot = usize::try_from(slot).unwrap_or(usize::MAX);
    slot.saturating_mul(SLOT_SIZE).saturating_add(HEADER_SIZE)
}
