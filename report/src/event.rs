//! One record, owned, and with times in nanoseconds.

use partage_trace_format::record::flag;
use partage_trace_format::structs::{File, ShmInfo, ShmLimits, ShmidDs};
use partage_trace_format::{Call, Clock, Item, Record};

/// A structure that a call filled in or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Of `IPC_STAT`, `IPC_SET`, `SHM_STAT`, `SHM_STAT_ANY`.
    ShmidDs(ShmidDs),
    /// Of `IPC_INFO`.
    Limits(ShmLimits),
    /// Of `SHM_INFO`.
    Usage(ShmInfo),
}

/// A stack as far as it was copied, and what an interpreter said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// The stack pointer when the call was made.
    pub stack_pointer: u64,
    /// The frame pointer register.
    pub frame_pointer: u64,
    /// The return address.
    pub return_address: u64,
    /// Words by address, in order: return addresses, stack addresses, and what looks like them.
    pub words: Vec<(u64, u64)>,
    /// An interpreter's name, a line feed, its own words.
    pub script: Option<Box<str>>,
}

impl Stack {
    fn of(record: &Record) -> Self {
        let [stack_pointer, frame_pointer, return_address, ..] = record.args;
        let mut stack = Stack {
            stack_pointer,
            frame_pointer,
            return_address,
            ..Stack::default()
        };
        let (mut places, mut words) = (&[][..], &[][..]);
        for item in record.items() {
            match item {
                Item::Places(bytes) => places = bytes,
                Item::Words(bytes) => words = bytes,
                Item::Script(text) => {
                    stack.script = Some(String::from_utf8_lossy(text).into());
                }
                _ => {}
            }
        }
        let (places, _) = places.as_chunks::<2>();
        let (words, _) = words.as_chunks::<8>();
        let address =
            |place: &[u8; 2]| stack_pointer.wrapping_add(u64::from(u16::from_le_bytes(*place)) * 8);
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        stack.words = places.iter().map(address).zip(words).collect();
        stack
    }

    /// The word at an address: 0 for one that was looked at and not kept, None beyond what was looked at.
    #[must_use]
    pub fn word(&self, address: u64) -> Option<u64> {
        let (last, _) = self.words.last()?;
        if address < self.stack_pointer || address > *last {
            return None;
        }
        let found = self.words.binary_search_by_key(&address, |(at, _)| *at);
        let kept = found.ok().and_then(|index| self.words.get(index));
        Some(kept.map_or(0, |(_, word)| *word))
    }

    /// The words from an address on, with their addresses.
    pub(crate) fn words_from(&self, from: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let before = move |(at, _): &(u64, u64)| *at < from;
        self.words.iter().copied().skip_while(before)
    }
}

/// One record of a trace file.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which image's file it is from: its place in the recording.
    pub image: usize,
    /// Its number in that file.
    pub ticket: u64,
    /// When the call ended, in ticks: what events are put in order by.
    pub end_ticks: u64,
    /// When the call began, in nanoseconds of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// When it began, in nanoseconds since 1970.
    pub wall: u64,
    /// How long it took, in nanoseconds.
    pub duration: u64,
    /// The call, or the number that this reader does not know.
    pub call: Result<Call, u16>,
    /// Bits of [`flag`].
    pub flags: u16,
    /// errno of a failed call, else 0.
    pub errno: i32,
    /// Process.
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// The result; -1 for a failed call.
    pub result: i64,
    /// The arguments; see [`Call::arg_names`].
    pub args: [u64; 6],
    /// The name or path that the call was given.
    pub name: Option<Box<[u8]>>,
    /// The second one of a call that takes two.
    pub second_name: Option<Box<[u8]>>,
    /// What the descriptor that it returned stands for.
    pub file: Option<File>,
    /// The structure that it was given or filled in.
    pub detail: Option<Detail>,
    /// Return addresses, innermost first.
    pub callers: Vec<u64>,
    /// The ticket of the stack that the call was made on, if it was copied.
    pub stack: Option<u64>,
    /// Of a record that is a copied stack: the stack.
    pub copied: Option<Box<Stack>>,
    /// Of a module: its file's build id.
    pub build_id: Option<Box<[u8]>>,
}

impl Event {
    /// Converts a record. `clock` may be another file's: the one that knows the scale best.
    pub(crate) fn new(image: usize, record: &Record, clock: &Clock) -> Self {
        Event {
            image,
            ticket: record.ticket,
            end_ticks: record.time.saturating_add(record.duration),
            time: clock.monotonic_ns(record.time),
            wall: clock.realtime_ns(record.time),
            duration: clock.duration_ns(record.duration),
            call: record.call,
            flags: record.flags,
            errno: record.errno,
            pid: record.pid,
            tid: record.tid,
            result: record.result,
            args: record.args,
            name: record.name().map(Box::from),
            second_name: record.items().find_map(|item| match item {
                Item::SecondName(name) => Some(Box::from(name)),
                _ => None,
            }),
            file: record.items().find_map(|item| match item {
                Item::File(file) => Some(file),
                _ => None,
            }),
            detail: record.items().find_map(detail),
            callers: record.callers().collect(),
            stack: record.stack(),
            copied: (record.call == Ok(Call::Stack)).then(|| Box::new(Stack::of(record))),
            build_id: record.items().find_map(|item| match item {
                Item::BuildId(id) => Some(id.into()),
                _ => None,
            }),
        }
    }

    /// When the call ended, in nanoseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.time.saturating_add(self.duration)
    }

    /// Whether it was recorded on entry and has no result.
    #[must_use]
    pub fn entered(&self) -> bool {
        self.flags & flag::ENTERED != 0
    }

    /// Whether the call failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.errno != 0
    }

    /// Whether a vfork child made it, in its parent's memory.
    #[must_use]
    pub fn by_vfork_child(&self) -> bool {
        self.flags & flag::VFORK_CHILD != 0
    }

    /// Whether this is a fork as its child saw it: the parent's record tells of the same call.
    #[must_use]
    pub fn is_childs_side(&self) -> bool {
        use Call::{Fork, UnderscoreFork, Vfork};
        let forks = matches!(self.call, Ok(Fork | UnderscoreFork | Vfork));
        forks && self.result == 0 && !self.failed()
    }

    /// The argument at `index`.
    pub(crate) fn arg(&self, index: usize) -> u64 {
        self.args.get(index).copied().unwrap_or(0)
    }

    /// The argument at `index`, a C `int`.
    pub(crate) fn int(&self, index: usize) -> i32 {
        self.arg(index) as i32
    }

    /// The name of the C function.
    #[must_use]
    pub fn call_name(&self) -> &'static str {
        self.call.map_or("<unknown>", Call::name)
    }

    /// Whether this is a call that the program made, not a finding of the recorder.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.call.is_ok_and(Call::is_function)
    }

    /// Whether this is a call about shared memory: not one that begins or ends a process.
    #[must_use]
    pub fn concerns_memory(&self) -> bool {
        use Call::{Exec, Exit, Fork, PosixSpawn, UnderscoreExit, UnderscoreFork, Vfork};
        let of_process = matches!(
            self.call,
            Ok(Exec | Exit | Fork | PosixSpawn | UnderscoreExit | UnderscoreFork | Vfork)
        );
        self.is_call() && !of_process
    }
}

fn detail(item: Item<'_>) -> Option<Detail> {
    match item {
        Item::ShmidDs(data) => Some(Detail::ShmidDs(data)),
        Item::ShmLimits(data) => Some(Detail::Limits(data)),
        Item::ShmInfo(data) => Some(Detail::Usage(data)),
        _ => None,
    }
}
