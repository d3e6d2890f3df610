//! The header: the first 4096 bytes of a file.

use crate::bytes::{slice_at, u32_at, u64_at};
use crate::clock::{Clock, ClockKind, ClockReading};
use crate::{HEADER_SIZE, SLOT_SIZE};

/// First bytes of every file.
pub const MAGIC: [u8; 8] = *b"PTGTRACE";
/// Version of the layout. A reader refuses any other.
pub const VERSION: u32 = 1;

/// Byte offsets of the header's fields.
#[allow(missing_docs)]
pub mod offset {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 8;
    pub const HEADER_SIZE: usize = 12;
    pub const SLOT_SIZE: usize = 16;
    pub const ARCH: usize = 20;
    pub const PID: usize = 24;
    pub const PPID: usize = 28;
    pub const SEQ: usize = 32;
    pub const UID: usize = 36;
    pub const ORIGIN: usize = 40;
    pub const CLOCK_KIND: usize = 44;
    pub const DEPTH: usize = 48;
    pub const EXE_LEN: usize = 52;
    pub const CMDLINE_LEN: usize = 56;
    pub const RING_SLOTS: usize = 64;
    /// Changed while recording, from here on; one cache line each where it is hot.
    pub const CURSOR: usize = 128;
    pub const RESERVED: usize = 192;
    pub const DROPPED: usize = 200;
    pub const STATE: usize = 208;
    pub const FLAGS: usize = 212;
    pub const EXIT_STATUS: usize = 216;
    pub const STOP_ERRNO: usize = 220;
    pub const LATEST: usize = 224;
    pub const FIRST_CLOCK: usize = 256;
    pub const LAST_CLOCKS: usize = 280;
    pub const EXE: usize = 512;
    pub const CMDLINE: usize = 1536;
}

/// Most slots of a ring (2 GiB).
pub const RING_SLOTS_MAX: u64 = 1 << 24;
/// Room for the program's path.
pub const EXE_MAX: usize = 1024;
/// Room for the command line.
pub const CMDLINE_MAX: usize = HEADER_SIZE - offset::CMDLINE;

/// Bits of [`Header::flags`].
pub mod flag {
    /// Recording stopped because no space could be reserved; `stop_errno` says why.
    pub const STOPPED: u32 = 1;
    /// More mappings were live than the recorder tracks: calls on unrelated memory may be recorded too.
    pub const UNTRACKED_MAPPINGS: u32 = 2;
    /// A descriptor too high to be tracked was used for shared memory.
    pub const UNTRACKED_DESCRIPTORS: u32 = 4;
    /// The process returned from main, and its C library does not tell with what status.
    pub const STATUS_UNKNOWN: u32 = 8;
    /// Another process writes the file, by ptrace(2).
    pub const OUTSIDE: u32 = 16;
    /// Objects were loaded into a link-map namespace of their own: their calls are not recorded.
    pub const NAMESPACES: u32 = 32;
}

/// The machine that wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86-64
    X86_64,
    /// 64-bit ARM
    Aarch64,
}

impl Arch {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Arch::X86_64 => 1,
            Arch::Aarch64 => 2,
        }
    }
}

/// How the process image came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Started by an exec.
    Exec,
    /// Forked from a traced process: it inherits its parent's attachments and descriptors.
    Fork,
}

impl Origin {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Origin::Exec => 0,
            Origin::Fork => 1,
        }
    }
}

/// What became of the process image, as far as it could say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Still running, or ended without a word: by a signal or a raw system call.
    Running,
    /// Called exit or `_exit`; `exit_status` is set.
    Exited,
    /// Called an exec function that did not return.
    Executed,
}

impl State {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            State::Running => 0,
            State::Exited => 1,
            State::Executed => 2,
        }
    }
}

/// Why bytes are no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// Shorter than a header.
    TooShort,
    /// The magic is missing. An empty header means that the process ended while it made the file.
    NotATrace,
    /// A version this reader does not know.
    Version(u32),
    /// A field holds what the recorder never writes.
    Field(&'static str),
}

impl core::fmt::Display for FormatError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            FormatError::TooShort => write!(f, "shorter than a header"),
            FormatError::NotATrace => write!(f, "not a trace file"),
            FormatError::Version(version) => {
                write!(f, "format version {version}, this reader knows {VERSION}")
            }
            FormatError::Field(name) => write!(f, "damaged header field {name}"),
        }
    }
}

impl core::error::Error for FormatError {}

/// The header, decoded.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The machine.
    pub arch: Arch,
    /// Process.
    pub pid: u32,
    /// Its parent when the file was made.
    pub ppid: u32,
    /// Number of this image among those of the same pid in the directory.
    pub seq: u32,
    /// Real user.
    pub uid: u32,
    /// How the image came to be.
    pub origin: Origin,
    /// Most return addresses kept per record.
    pub depth: u32,
    /// Slots of the ring; 0 if the file grows.
    pub ring_slots: u64,
    /// Slots handed out so far, also those for which there was no space.
    pub cursor: u64,
    /// Slots that the file has space for.
    pub reserved: u64,
    /// Records given up for another reason than space: a ring writer overtaken, a signal during start-up.
    pub dropped: u64,
    /// What became of the image.
    pub state: State,
    /// Bits of [`flag`].
    pub flags: u32,
    /// Status of exit or `_exit`, when `state` is `Exited`.
    pub exit_status: i32,
    /// errno of the failed reservation, when [`flag::STOPPED`] is set.
    pub stop_errno: i32,
    /// Time base of the records.
    pub clock: Clock,
    /// Clocks when the file was made.
    pub started: ClockReading,
    /// Path of the program.
    pub exe: &'a [u8],
    /// Arguments, each ended by a NUL, cut to the room there is.
    pub cmdline: &'a [u8],
}

impl<'a> Header<'a> {
    /// Decodes the header at the start of a file.
    ///
    /// # Errors
    /// [`FormatError`] if the bytes are no header of this version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let bytes = bytes.get(..HEADER_SIZE).ok_or(FormatError::TooShort)?;
        if !bytes.starts_with(&MAGIC) {
            return Err(FormatError::NotATrace);
        }
        let word = |offset| u32_at(bytes, offset).ok_or(FormatError::TooShort);
        let long = |offset| u64_at(bytes, offset).ok_or(FormatError::TooShort);
        check_sizes(bytes)?;
        let kind =
            ClockKind::from_number(word(offset::CLOCK_KIND)?).ok_or(FormatError::Field("clock"))?;
        let started = reading(bytes, offset::FIRST_CLOCK)?;
        Ok(Header {
            arch: arch(word(offset::ARCH)?)?,
            pid: word(offset::PID)?,
            ppid: word(offset::PPID)?,
            seq: word(offset::SEQ)?,
            uid: word(offset::UID)?,
            origin: origin(word(offset::ORIGIN)?)?,
            depth: word(offset::DEPTH)?,
            ring_slots: long(offset::RING_SLOTS)?,
            cursor: long(offset::CURSOR)?,
            reserved: long(offset::RESERVED)?,
            dropped: long(offset::DROPPED)?,
            state: state(word(offset::STATE)?)?,
            flags: word(offset::FLAGS)?,
            exit_status: word(offset::EXIT_STATUS)? as i32,
            stop_errno: word(offset::STOP_ERRNO)? as i32,
            clock: Clock::new(kind, started, latest(bytes)?),
            started,
            exe: text(bytes, offset::EXE, word(offset::EXE_LEN)?, EXE_MAX)?,
            cmdline: text(
                bytes,
                offset::CMDLINE,
                word(offset::CMDLINE_LEN)?,
                CMDLINE_MAX,
            )?,
        })
    }

    /// The arguments of the command line.
    pub fn arguments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let line = self.cmdline;
        line.strip_suffix(&[0])
            .unwrap_or(line)
            .split(|byte| *byte == 0)
    }

    /// Whether recording stopped for want of space.
    #[must_use]
    pub const fn stopped(&self) -> bool {
        self.flags & flag::STOPPED != 0
    }

    /// Slots asked for after the space had run out.
    #[must_use]
    pub const fn unrecorded_slots(&self) -> u64 {
        if self.stopped() {
            self.cursor.saturating_sub(self.reserved)
        } else {
            0
        }
    }
}

fn check_sizes(bytes: &[u8]) -> Result<(), FormatError> {
    match u32_at(bytes, offset::VERSION) {
        Some(VERSION) => {}
        other => return Err(FormatError::Version(other.unwrap_or(0))),
    }
    if u32_at(bytes, offset::HEADER_SIZE) != u32::try_from(HEADER_SIZE).ok() {
        return Err(FormatError::Field("header size"));
    }
    if u32_at(bytes, offset::SLOT_SIZE) != u32::try_from(SLOT_SIZE).ok() {
        return Err(FormatError::Field("slot size"));
    }
    match u64_at(bytes, offset::RING_SLOTS) {
        Some(slots) if slots == 0 || (slots.is_power_of_two() && slots <= RING_SLOTS_MAX) => Ok(()),
        _ => Err(FormatError::Field("ring slots")),
    }
}

fn arch(number: u32) -> Result<Arch, FormatError> {
    match number {
        1 => Ok(Arch::X86_64),
        2 => Ok(Arch::Aarch64),
        _ => Err(FormatError::Field("arch")),
    }
}

fn origin(number: u32) -> Result<Origin, FormatError> {
    match number {
        0 => Ok(Origin::Exec),
        1 => Ok(Origin::Fork),
        _ => Err(FormatError::Field("origin")),
    }
}

fn state(number: u32) -> Result<State, FormatError> {
    match number {
        0 => Ok(State::Running),
        1 => Ok(State::Exited),
        2 => Ok(State::Executed),
        _ => Err(FormatError::Field("state")),
    }
}

fn reading(bytes: &[u8], at: usize) -> Result<ClockReading, FormatError> {
    let bytes = slice_at(bytes, at, size_of::<ClockReading>()).ok_or(FormatError::TooShort)?;
    let long = |offset| u64_at(bytes, offset).ok_or(FormatError::TooShort);
    Ok(ClockReading {
        ticks: long(0)?,
        monotonic: long(8)?,
        realtime: long(16)?,
    })
}

/// The latest complete reading: the recorder fills the other of two places and then flips `LATEST`.
fn latest(bytes: &[u8]) -> Result<ClockReading, FormatError> {
    match u32_at(bytes, offset::LATEST) {
        Some(0) => reading(bytes, offset::LAST_CLOCKS),
        Some(1) => reading(
            bytes,
            offset::LAST_CLOCKS.saturating_add(size_of::<ClockReading>()),
        ),
        _ => Err(FormatError::Field("latest clock")),
    }
}

fn text(bytes: &[u8], at: usize, len: u32, max: usize) -> Result<&[u8], FormatError> {
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(max);
    slice_at(bytes, at, len).ok_or(FormatError::TooShort)
}
