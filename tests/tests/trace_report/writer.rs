//! Trace files written by hand, slot by slot.

use partage_report::image::Image;
use partage_trace_format::header::{self, MAGIC, Origin, State, VERSION};
use partage_trace_format::payload::{item_size, tag};
use partage_trace_format::record::{RawRecord, flag, offset};
use partage_trace_format::{Call, HEADER_SIZE, PART_BYTES, SLOT_SIZE, commit};

/// Nanoseconds since 1970 at monotonic 0: 2026-01-02 03:04:05 UTC.
const WALL: u64 = 1_767_323_045_000_000_000;

/// One file under construction. Time is CLOCK_MONOTONIC in nanoseconds.
pub(crate) struct TraceFile {
    pid: u32,
    bytes: Vec<u8>,
    now: u64,
    /// Nanoseconds that each call takes.
    pub(crate) took: u64,
    /// Return address of the next calls.
    pub(crate) caller: u64,
    pub(crate) tid: u32,
}

impl TraceFile {
    /// A process that started at `time`.
    pub(crate) fn new(pid: u32, ppid: u32, origin: Origin, time: u64, exe: &str) -> Self {
        let mut file = TraceFile {
            pid,
            bytes: vec![0; HEADER_SIZE],
            now: time,
            took: 1_500,
            caller: 0x40_1136,
            tid: pid,
        };
        file.put(header::offset::MAGIC, &MAGIC);
        let words = [
            (header::offset::VERSION, VERSION),
            (header::offset::HEADER_SIZE, HEADER_SIZE as u32),
            (header::offset::SLOT_SIZE, SLOT_SIZE as u32),
            (header::offset::ARCH, 1),
            (header::offset::PID, pid),
            (header::offset::PPID, ppid),
            (header::offset::ORIGIN, origin.number()),
            (header::offset::DEPTH, 1),
        ];
        for (at, value) in words {
            file.word(at, value);
        }
        for at in [header::offset::FIRST_CLOCK, header::offset::LAST_CLOCKS] {
            file.long(at, time);
            file.long(at + 8, time);
            file.long(at + 16, WALL + time);
        }
        file.text(header::offset::EXE, header::offset::EXE_LEN, exe.as_bytes());
        let line = format!("{exe}\0--fast\0");
        file.text(
            header::offset::CMDLINE,
            header::offset::CMDLINE_LEN,
            line.as_bytes(),
        );
        file
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn word(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    pub(crate) fn long(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    fn text(&mut self, at: usize, len_at: usize, text: &[u8]) {
        self.put(at, text);
        self.word(len_at, text.len() as u32);
    }

    fn ticket(&self) -> u64 {
        ((self.bytes.len() - HEADER_SIZE) / SLOT_SIZE) as u64
    }

    /// The next call begins at this time.
    pub(crate) fn at(&mut self, time: u64) -> &mut Self {
        self.now = time;
        self
    }

    /// A call that succeeded.
    pub(crate) fn call(&mut self, call: Call, args: &[u64], result: i64) -> &mut Self {
        self.record(call, args, result, 0, 0, &[])
    }

    /// A call with a name that succeeded.
    pub(crate) fn named(&mut self, call: Call, args: &[u64], result: i64, name: &str) -> &mut Self {
        self.record(call, args, result, 0, 0, &[(tag::NAME, name.as_bytes())])
    }

    /// A call that failed.
    pub(crate) fn failed(&mut self, call: Call, args: &[u64], errno: i32, name: &str) -> &mut Self {
        let name = [(tag::NAME, name.as_bytes())];
        let pieces = if name[0].1.is_empty() { &[][..] } else { &name };
        self.record(call, args, -1, errno, 0, pieces)
    }

    /// A call that is recorded on entry.
    pub(crate) fn entered(&mut self, call: Call, args: &[u64], name: &str) -> &mut Self {
        let name = [(tag::NAME, name.as_bytes())];
        let pieces = if name[0].1.is_empty() { &[][..] } else { &name };
        self.record(call, args, 0, 0, flag::ENTERED, pieces)
    }

    /// Any record; the clock goes on by what the call took.
    pub(crate) fn record(
        &mut self,
        call: Call,
        args: &[u64],
        result: i64,
        errno: i32,
        flags: u16,
        pieces: &[(u16, &[u8])],
    ) -> &mut Self {
        let mut raw = RawRecord {
            time: self.now,
            duration: if flags & flag::ENTERED == 0 {
                self.took
            } else {
                0
            },
            call: call as u16,
            flags,
            errno,
            pid: self.pid,
            tid: self.tid,
            result,
            ..RawRecord::default()
        };
        raw.args[..args.len()].copy_from_slice(args);
        raw.callers[0] = if call.is_function() { self.caller } else { 0 };
        let mut payload = Vec::new();
        for (tag, data) in pieces {
            let end = payload.len() + item_size(data.len());
            payload.extend(tag.to_le_bytes());
            payload.extend((data.len() as u16).to_le_bytes());
            payload.extend(*data);
            payload.resize(end, 0);
        }
        let (ticket, parts) = (self.ticket(), 1 + payload.len().div_ceil(PART_BYTES));
        self.head(ticket, parts as u8, &raw);
        for (part, chunk) in payload.chunks(PART_BYTES).enumerate() {
            let word = commit::word(ticket + part as u64 + 1, part as u8 + 1, parts as u8);
            let at = self.bytes.len();
            self.bytes.resize(at + SLOT_SIZE, 0);
            self.long(at, word);
            self.put(at + SLOT_SIZE - PART_BYTES, chunk);
        }
        self.now += self.took;
        self
    }

    fn head(&mut self, ticket: u64, parts: u8, raw: &RawRecord) {
        let at = self.bytes.len();
        self.bytes.resize(at + SLOT_SIZE, 0);
        self.long(at + offset::COMMIT, commit::word(ticket, 0, parts));
        self.long(at + offset::TIME, raw.time);
        self.long(at + offset::DURATION, raw.duration);
        self.put(at + offset::CALL, &raw.call.to_le_bytes());
        self.put(at + offset::FLAGS, &raw.flags.to_le_bytes());
        self.put(at + offset::ERRNO, &raw.errno.to_le_bytes());
        self.word(at + offset::PID, raw.pid);
        self.word(at + offset::TID, raw.tid);
        self.put(at + offset::RESULT, &raw.result.to_le_bytes());
        for (index, value) in raw.args.iter().enumerate() {
            self.long(at + offset::ARGS + index * 8, *value);
        }
        for (index, value) in raw.callers.iter().enumerate() {
            self.long(at + offset::CALLERS + index * 8, *value);
        }
    }

    /// An executable mapping of a program that is not there any more.
    pub(crate) fn module(&mut self, start: u64, path: &str) -> &mut Self {
        self.named(
            Call::Module,
            &[start, start + 0x10000, 0x1000, 0, 0],
            0,
            path,
        )
    }

    /// A slot whose writer was killed.
    pub(crate) fn torn(&mut self) -> &mut Self {
        let (at, ticket) = (self.bytes.len(), self.ticket());
        self.bytes.resize(at + SLOT_SIZE, 0);
        self.long(at, commit::word(ticket, 0, 0));
        self
    }

    /// The file's bytes.
    pub(crate) fn bytes(mut self, state: State, status: i32) -> Vec<u8> {
        let slots = self.ticket();
        self.long(header::offset::CURSOR, slots);
        self.long(header::offset::RESERVED, slots.next_multiple_of(512));
        self.word(header::offset::STATE, state.number());
        self.word(header::offset::EXIT_STATUS, status as u32);
        self.bytes
    }

    /// The file's name.
    pub(crate) fn name(&self) -> String {
        format!("{}-0.ptrace", self.pid)
    }

    /// The file as the report reads it.
    pub(crate) fn image(self, state: State, status: i32) -> Image {
        let name = self.name();
        Image::from_bytes(name.into(), self.bytes(state, status))
    }
}
