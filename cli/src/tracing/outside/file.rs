//! A trace file, written by another process than the one it is about.

use partage_report::alive;
use partage_trace_format::clock::ClockKind;
use partage_trace_format::commit;
use partage_trace_format::header::{Arch, MAGIC, Origin, State, VERSION, flag, offset};
use partage_trace_format::payload::{ITEM_HEAD, NAME_MAX, PAYLOAD_MAX, item_size};
use partage_trace_format::record::{RawRecord, offset as slot};
use partage_trace_format::{HEADER_SIZE, PART_BYTES, SLOT_SIZE, SUFFIX};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

#[cfg(target_arch = "x86_64")]
const ARCH: Arch = Arch::X86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: Arch = Arch::Aarch64;

/// The file of one process image.
pub(super) struct TraceFile {
    file: File,
    cursor: u64,
    clock: Ticks,
    /// Set when a write failed: what comes later is counted, not written.
    stopped: bool,
}

/// A tagged piece of payload.
pub(super) type Piece<'a> = (u16, &'a [u8]);

impl TraceFile {
    /// Makes the next file of a process in the directory.
    pub(super) fn create(
        directory: &Path,
        pid: u32,
        parent: u32,
        origin: Origin,
        clock: Ticks,
    ) -> io::Result<Self> {
        let mut seq = 0;
        let file = loop {
            let path = directory.join(format!("{pid}-{seq}{SUFFIX}"));
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true).mode(0o600);
            match options.open(path) {
                Err(why) if why.kind() == io::ErrorKind::AlreadyExists => seq += 1,
                opened => break opened?,
            }
        };
        file.write_all_at(&header(pid, parent, origin, seq, clock), 0)?;
        Ok(Self {
            file,
            cursor: 0,
            clock,
            stopped: false,
        })
    }

    /// Adds a record; the slots first, then the word that makes them count. Its ticket.
    pub(super) fn add(&mut self, record: &RawRecord, pieces: &[Piece<'_>]) -> u64 {
        let ticket = self.cursor;
        let payload = payload(pieces);
        let parts = 1 + payload.len().div_ceil(PART_BYTES) as u64;
        let mut bytes = vec![0; parts as usize * SLOT_SIZE];
        put(
            &mut bytes,
            0,
            &commit::word(self.cursor, 0, parts as u8).to_le_bytes(),
        );
        put_record(&mut bytes, record);
        for (part, piece) in (1..).zip(payload.chunks(PART_BYTES)) {
            let word = commit::word(self.cursor + u64::from(part), part, parts as u8);
            let at = usize::from(part) * SLOT_SIZE;
            put(&mut bytes, at, &word.to_le_bytes());
            put(&mut bytes, at + SLOT_SIZE - PART_BYTES, piece);
        }
        let at = HEADER_SIZE as u64 + self.cursor * SLOT_SIZE as u64;
        let written = !self.stopped && self.file.write_all_at(&bytes, at).is_ok();
        self.cursor += parts;
        if written {
            self.set_long(offset::RESERVED, self.cursor);
        } else if !self.stopped {
            self.stopped = true;
            self.set_word(offset::STOP_ERRNO, libc::ENOSPC as u32);
            self.set_word(offset::FLAGS, flag::OUTSIDE | flag::STOPPED);
        }
        self.set_long(offset::CURSOR, self.cursor);
        ticket
    }

    /// Says what became of the image.
    pub(super) fn set_state(&mut self, state: State, exit_status: i32) {
        // Ticks are known by the readings at the beginning and at the end.
        let mut reading = [0; CLOCKS];
        self.clock.read_into(&mut reading, 0);
        let _ = self.file.write_all_at(&reading, offset::LAST_CLOCKS as u64);
        self.set_word(offset::EXIT_STATUS, exit_status as u32);
        self.set_word(offset::STATE, state.number());
    }

    // The header lies in the first block, which is there.
    fn set_word(&self, at: usize, value: u32) {
        let _ = self.file.write_all_at(&value.to_le_bytes(), at as u64);
    }

    fn set_long(&self, at: usize, value: u64) {
        let _ = self.file.write_all_at(&value.to_le_bytes(), at as u64);
    }
}

fn put(bytes: &mut [u8], at: usize, piece: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + piece.len()) {
        place.copy_from_slice(piece);
    }
}

fn put_record(bytes: &mut [u8], record: &RawRecord) {
    put(bytes, slot::TIME, &record.time.to_le_bytes());
    put(bytes, slot::DURATION, &record.duration.to_le_bytes());
    put(bytes, slot::CALL, &record.call.to_le_bytes());
    put(bytes, slot::FLAGS, &record.flags.to_le_bytes());
    put(bytes, slot::ERRNO, &record.errno.to_le_bytes());
    put(bytes, slot::PID, &record.pid.to_le_bytes());
    put(bytes, slot::TID, &record.tid.to_le_bytes());
    put(bytes, slot::RESULT, &record.result.to_le_bytes());
    for (index, value) in record.args.iter().enumerate() {
        put(bytes, slot::ARGS + index * 8, &value.to_le_bytes());
    }
    for (index, value) in record.callers.iter().enumerate() {
        put(bytes, slot::CALLERS + index * 8, &value.to_le_bytes());
    }
}

fn payload(pieces: &[Piece<'_>]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (tag, bytes) in pieces {
        let bytes = bytes.get(..bytes.len().min(NAME_MAX)).unwrap_or_default();
        let end = payload.len() + item_size(bytes.len());
        if end > PAYLOAD_MAX - ITEM_HEAD {
            break;
        }
        payload.extend(tag.to_le_bytes());
        payload.extend((bytes.len() as u16).to_le_bytes());
        payload.extend(bytes);
        payload.resize(end, 0);
    }
    payload
}

/// Bytes of a reading of the clocks.
const CLOCKS: usize = 24;

/// What times are counted in: as the recordings do that this one belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks(pub(crate) ClockKind);

impl Ticks {
    /// Now.
    pub(super) fn now(self) -> u64 {
        match self.0 {
            ClockKind::Monotonic => now(libc::CLOCK_MONOTONIC),
            ClockKind::Counter => counter(),
        }
    }

    /// The clocks, read together.
    fn read_into(self, bytes: &mut [u8], at: usize) {
        let clocks = [
            self.now(),
            now(libc::CLOCK_MONOTONIC),
            now(libc::CLOCK_REALTIME),
        ];
        for (index, value) in clocks.iter().enumerate() {
            put(bytes, at + index * 8, &value.to_le_bytes());
        }
    }
}

/// The processor's counter.
#[cfg(target_arch = "x86_64")]
fn counter() -> u64 {
    // SAFETY: every x86-64 processor has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The processor's counter.
#[cfg(target_arch = "aarch64")]
fn counter() -> u64 {
    let ticks;
    // SAFETY: reads a counter that Linux lets programs read.
    unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
    ticks
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn monotonic() -> u64 {
    now(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds of a clock.
fn now(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable; the clocks are there.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn header(pid: u32, parent: u32, origin: Origin, seq: u32, clock: Ticks) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_SIZE];
    put(&mut bytes, offset::MAGIC, &MAGIC);
    let uid = fs::metadata(format!("/proc/{pid}")).map_or(0, |data| data.uid());
    let exe = fs::read_link(alive::directory(pid).join("exe")).unwrap_or_default();
    let exe = exe.as_os_str().as_bytes();
    let exe = exe
        .get(..exe.len().min(offset::CMDLINE - offset::EXE))
        .unwrap_or_default();
    let line = fs::read(alive::directory(pid).join("cmdline")).unwrap_or_default();
    let line = line
        .get(..line.len().min(HEADER_SIZE - offset::CMDLINE))
        .unwrap_or_default();
    put(&mut bytes, offset::EXE, exe);
    put(&mut bytes, offset::CMDLINE, line);
    let words = [
        (offset::VERSION, VERSION),
        (offset::HEADER_SIZE, HEADER_SIZE as u32),
        (offset::SLOT_SIZE, SLOT_SIZE as u32),
        (offset::ARCH, ARCH.number()),
        (offset::PID, pid),
        (offset::PPID, parent),
        (offset::SEQ, seq),
        (offset::UID, uid),
        (offset::ORIGIN, origin.number()),
        (offset::CLOCK_KIND, clock.0.number()),
        (offset::DEPTH, 1),
        (offset::EXE_LEN, exe.len() as u32),
        (offset::CMDLINE_LEN, line.len() as u32),
        (offset::FLAGS, flag::OUTSIDE),
    ];
    for (at, value) in words {
        put(&mut bytes, at, &value.to_le_bytes());
    }
    for start in [offset::FIRST_CLOCK, offset::LAST_CLOCKS] {
        clock.read_into(&mut bytes, start);
    }
    bytes
}
