//! The header of the trace file, as the recorder writes it.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use partage_trace_format::clock::{ClockKind, ClockReading};
use partage_trace_format::header::{
    Arch, CMDLINE_MAX, EXE_MAX, MAGIC, Origin, State, VERSION, flag, offset,
};
use partage_trace_format::{HEADER_SIZE, SLOT_SIZE};

use crate::{clock, options, sys};

/// What is known of a process image when its file is made.
pub(crate) struct Image {
    pub(crate) pid: u32,
    pub(crate) origin: Origin,
    pub(crate) clock: ClockKind,
}

/// Ticks after which the clocks are read together again: some 20 ms by a processor's counter.
const REFRESH_TICKS: u64 = 1 << 26;

static REFRESHED_AT: AtomicU64 = AtomicU64::new(0);
static REFRESHING: AtomicBool = AtomicBool::new(false);

#[cfg(target_arch = "x86_64")]
const ARCH: Arch = Arch::X86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: Arch = Arch::Aarch64;

/// The mapped header.
pub(crate) struct Header(*mut u8);

impl Header {
    /// # Safety
    /// `HEADER_SIZE` bytes at `base` are mapped writable, 8-aligned, for as long as this lives.
    #[inline(always)]
    pub(crate) unsafe fn new(base: *mut u8) -> Self {
        Header(base)
    }

    /// Where it is mapped.
    pub(crate) fn base(&self) -> *mut u8 {
        self.0
    }

    #[inline(always)]
    fn word(&self, at: usize) -> &AtomicU32 {
        debug_assert!(at + 4 <= HEADER_SIZE && at.is_multiple_of(4));
        // SAFETY: the offsets are constants of the format, inside the header and aligned; all writers use atomics.
        unsafe { &*self.0.add(at).cast() }
    }

    #[inline(always)]
    fn long(&self, at: usize) -> &AtomicU64 {
        debug_assert!(at + 8 <= HEADER_SIZE && at.is_multiple_of(8));
        // SAFETY: as in `word`.
        unsafe { &*self.0.add(at).cast() }
    }

    /// Lets `fill` write into a part of the header; keeps the length that it returns.
    fn fill_text(
        &self,
        at: usize,
        max: usize,
        length_at: usize,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) {
        debug_assert!(at + max <= HEADER_SIZE);
        // SAFETY: inside the header, and used only before the header is published: nobody else looks at it.
        let len = fill(unsafe { core::slice::from_raw_parts_mut(self.0.add(at), max) });
        self.word(length_at).store(len as u32, Ordering::Relaxed);
    }

    /// Fills the header of a new file; the magic comes last and makes it one.
    /// `parents` is that of the parent of a fork: the program is the same.
    pub(crate) fn write(
        &self,
        image: &Image,
        seq: u32,
        ring_slots: u64,
        reserved: u64,
        parents: Option<&Header>,
    ) {
        let words = [
            (offset::VERSION, VERSION),
            (offset::HEADER_SIZE, HEADER_SIZE as u32),
            (offset::SLOT_SIZE, SLOT_SIZE as u32),
            (offset::ARCH, ARCH.number()),
            (offset::PID, image.pid),
            (offset::PPID, sys::parent_pid()),
            (offset::SEQ, seq),
            (offset::UID, sys::uid()),
            (offset::ORIGIN, image.origin.number()),
            (offset::CLOCK_KIND, image.clock.number()),
            (offset::DEPTH, options::depth() as u32),
        ];
        for (at, value) in words {
            self.word(at).store(value, Ordering::Relaxed);
        }
        self.long(offset::RING_SLOTS)
            .store(ring_slots, Ordering::Relaxed);
        self.long(offset::RESERVED)
            .store(reserved, Ordering::Relaxed);
        let now = clock::reading();
        self.write_reading(offset::FIRST_CLOCK, &now);
        self.write_reading(offset::LAST_CLOCKS, &now);
        match parents {
            Some(parents) => self.copy_program(parents),
            None => self.write_program(),
        }
        REFRESHING.store(false, Ordering::Relaxed);
        self.refresh_clock();
        self.long(offset::MAGIC)
            .store(u64::from_ne_bytes(MAGIC), Ordering::Release);
    }

    fn copy_program(&self, parents: &Header) {
        for at in [offset::EXE_LEN, offset::CMDLINE_LEN] {
            let len = parents.word(at).load(Ordering::Relaxed);
            self.word(at).store(len, Ordering::Relaxed);
        }
        for (at, max) in [(offset::EXE, EXE_MAX), (offset::CMDLINE, CMDLINE_MAX)] {
            // SAFETY: both headers are mapped, and no two of them overlap; the texts lie inside.
            unsafe { core::ptr::copy_nonoverlapping(parents.0.add(at), self.0.add(at), max) };
        }
    }

    fn write_program(&self) {
        self.fill_text(offset::EXE, EXE_MAX, offset::EXE_LEN, |buf| {
            sys::read_link(c"/proc/self/exe", buf).map_or(0, <[u8]>::len)
        });
        self.fill_text(offset::CMDLINE, CMDLINE_MAX, offset::CMDLINE_LEN, |buf| {
            sys::read_proc(c"/proc/self/cmdline", buf).len()
        });
    }

    fn write_reading(&self, at: usize, reading: &ClockReading) {
        let values = [reading.ticks, reading.monotonic, reading.realtime];
        for (index, value) in values.into_iter().enumerate() {
            self.long(at + index * 8).store(value, Ordering::Relaxed);
        }
    }

    /// The next ticket, for `slots` slots.
    #[inline(always)]
    pub(crate) fn take_tickets(&self, slots: u64) -> u64 {
        self.long(offset::CURSOR)
            .fetch_add(slots, Ordering::Relaxed)
    }

    /// Tickets handed out.
    #[inline(always)]
    pub(crate) fn tickets(&self) -> u64 {
        self.long(offset::CURSOR).load(Ordering::Relaxed)
    }

    /// Raises a count to at least `value`.
    pub(crate) fn raise(&self, at: usize, value: u64) {
        self.long(at).fetch_max(value, Ordering::Release);
    }

    /// Counts records given up.
    pub(crate) fn add_dropped(&self, count: u64) {
        self.long(offset::DROPPED)
            .fetch_add(count, Ordering::Relaxed);
    }

    /// Bits of the format's flags.
    pub(crate) fn flags(&self) -> u32 {
        self.word(offset::FLAGS).load(Ordering::Relaxed)
    }

    /// Sets bits of the format's flags.
    pub(crate) fn set_flags(&self, bits: u32) {
        self.word(offset::FLAGS).fetch_or(bits, Ordering::Relaxed);
    }

    /// Says that recording has stopped, and why.
    pub(crate) fn stop(&self, errno: i32) {
        self.word(offset::STOP_ERRNO)
            .store(errno as u32, Ordering::Relaxed);
        self.set_flags(flag::STOPPED);
    }

    /// Says what becomes of the image.
    pub(crate) fn set_state(&self, state: State) {
        self.word(offset::STATE)
            .store(state.number(), Ordering::Relaxed);
    }

    /// Says that the process exits, and how.
    pub(crate) fn set_exited(&self, status: i32) {
        self.word(offset::EXIT_STATUS)
            .store(status as u32, Ordering::Relaxed);
        self.set_state(State::Exited);
    }

    /// Reads the clocks together again from time to time.
    #[inline(always)]
    pub(crate) fn keep_clock(&self, now: u64) {
        if now.wrapping_sub(REFRESHED_AT.load(Ordering::Relaxed)) >= REFRESH_TICKS {
            self.refresh_clock();
        }
    }

    /// Fills the reading that is not the valid one, then makes it valid: a kill in between leaves the other.
    #[cold]
    #[inline(never)]
    fn refresh_clock(&self) {
        if REFRESHING.swap(true, Ordering::Acquire) {
            return;
        }
        let reading = clock::reading();
        let other = 1 - self.word(offset::LATEST).load(Ordering::Relaxed).min(1);
        self.write_reading(
            offset::LAST_CLOCKS + other as usize * size_of::<ClockReading>(),
            &reading,
        );
        self.word(offset::LATEST).store(other, Ordering::Release);
        REFRESHED_AT.store(reading.ticks, Ordering::Relaxed);
        REFRESHING.store(false, Ordering::Release);
    }
}
