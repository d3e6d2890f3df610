//! One trace file: the bytes of it that are in use, read at once or bit by bit while it is written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use partage_trace_format::{
    Clock, Damage, FormatError, HEADER_SIZE, Header, Record, SLOT_SIZE, Trace,
};

/// The file of one process image.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    bytes: Vec<u8>,
    /// The first ticket that was not given out by `take`.
    position: u64,
    /// Tickets that the ring overwrote before they were read.
    overtaken: u64,
}

impl Image {
    /// A file that was not read yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Image {
            path,
            bytes: Vec::new(),
            position: 0,
            overtaken: 0,
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

    /// The file's contents as far as they were read.
    ///
    /// # Errors
    /// [`FormatError`] if it is no trace.
    pub fn trace(&self) -> Result<Trace<'_>, FormatError> {
        Trace::parse(&self.bytes)
    }

    /// The header, if the file has one that is whole.
    #[must_use]
    pub fn header(&self) -> Option<Header<'_>> {
        Header::parse(&self.bytes).ok()
    }

    /// Reads the header and the slots from the first one that was not taken yet.
    ///
    /// # Errors
    /// As open(2) and read(2).
    pub fn refresh(&mut self) -> io::Result<()> {
        let file = File::open(&self.path)?;
        let held = slots_in(file.metadata()?.len());
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
        if ring == 0 {
            let end = cursor.min(header.reserved).min(held);
            self.read_slots(&file, self.position, end)
        } else {
            let start = self.position.max(cursor.saturating_sub(ring));
            self.read_ring(&file, start, cursor, ring.min(held))
        }
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

    /// Every record that was read, oldest first, and what is missing.
    pub fn records(&self) -> (Vec<Record>, Damage) {
        let Ok(trace) = self.trace() else {
            return (Vec::new(), Damage::default());
        };
        let mut walk = trace.records();
        let records = walk.by_ref().collect();
        (records, walk.damage())
    }

    /// Hands the records that were not taken yet to `each`. Stops at a slot that is being written, unless `pass_gaps`;
    /// whether it stopped there.
    pub fn take(&mut self, pass_gaps: bool, mut each: impl FnMut(&Record)) -> bool {
        let Ok(trace) = Trace::parse(&self.bytes) else {
            return false;
        };
        let mut walk = trace.records_from(self.position);
        self.overtaken += walk.position().saturating_sub(self.position);
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
        self.position = if pass_gaps { walk.position() } else { position };
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
        let Ok(trace) = self.trace() else {
            return true;
        };
        trace.records_from(self.position).next().is_none()
    }

    /// Turns the file's ticks into time.
    #[must_use]
    pub fn clock(&self) -> Option<Clock> {
        self.header().map(|header| header.clock)
    }

    /// Whether the process image still runs: it did not say that it ended, and its process has the file mapped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        use partage_trace_format::header::State;
        let Some(header) = self.header() else {
            return false;
        };
        let Some(name) = self.path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        if header.state == State::Executed {
            return false;
        }
        // An exit that runs its handlers is still on its way.
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", header.pid));
        let tail = format!("/{name}");
        maps.is_ok_and(|maps| {
            maps.lines()
                .any(|line| line.trim_end_matches(" (deleted)").ends_with(&tail))
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

/// Fills `into` from the file as far as that goes; how far.
fn read_at(file: &File, into: Option<&mut [u8]>, offset: u64) -> io::Result<usize> {
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
