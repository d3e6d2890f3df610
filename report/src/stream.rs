//! The events of all processes, in the order in which the calls ended.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use partage_trace_format::header::{Arch, Origin, State, flag};
use partage_trace_format::{Call, Clock, Record};

use crate::event::Event;
use crate::image::Image;
use crate::module::Module;
use crate::recording::Recording;
use crate::walk::Walk;
use crate::words;

/// A process image begins.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its place in the recording.
    pub image: usize,
    /// Process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// Whether it was forked from a traced process.
    pub forked: bool,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// When, in nanoseconds since 1970.
    pub wall: u64,
    /// Path of the program.
    pub exe: String,
    /// Whether it is recorded from outside, by ptrace(2): its stacks begin where it makes system calls.
    pub outside: bool,
    /// The kind of processor that it runs on.
    pub arch: Arch,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Of a ring: the executable mappings that it still has. They hold for older calls, too.
    pub modules: Vec<Module>,
}

/// How a process image ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By exit or `_exit`, with this status.
    Exited(i32),
    /// Another image took its place.
    Executed,
    /// Without a word: by a signal, or a raw system call.
    Vanished,
    /// Not yet.
    Running,
}

/// What happens, in order.
#[derive(Clone, Debug)]
pub enum Item {
    /// A process image begins.
    Start(Start),
    /// A call, or a finding of the recorder.
    Event(Box<Event>),
    /// A process image ended: its place in the recording, when, and how.
    End(usize, u64, Ending),
}

impl Start {
    /// What an image's header says about its start.
    pub(crate) fn of(index: usize, image: &Image, clock: &Clock) -> Option<Self> {
        let header = image.header()?;
        let modules = match header.ring_slots {
            0 => Vec::new(),
            _ => modules(index, image, clock),
        };
        Some(Start {
            image: index,
            pid: header.pid,
            ppid: header.ppid,
            forked: header.origin == Origin::Fork,
            time: clock.monotonic_ns(header.started.ticks),
            wall: clock.realtime_ns(header.started.ticks),
            exe: words::text(header.exe),
            outside: header.flags & flag::OUTSIDE != 0,
            arch: header.arch,
            arguments: header.arguments().map(words::text).collect(),
            modules,
        })
    }
}

/// The executable mappings that an image tells of.
fn modules(index: usize, image: &Image, clock: &Clock) -> Vec<Module> {
    let told = image.walk(0);
    let told = told.filter(|record| record.call == Ok(Call::Module));
    told.map(|record| Module::of(&Event::new(index, &record, clock)))
        .collect()
}

/// How the image ended, as far as can be told.
#[must_use]
pub fn ending(image: &Image) -> Ending {
    let Some(header) = image.header() else {
        return Ending::Vanished;
    };
    match header.state {
        State::Executed => Ending::Executed,
        State::Exited => Ending::Exited(header.exit_status),
        State::Running if image.is_running() => Ending::Running,
        State::Running => Ending::Vanished,
    }
}

/// Where one image's walk stands.
struct Progress<'a> {
    records: Walk<'a>,
    next: Option<Record>,
    /// Order within a file goes before order by time.
    key: u64,
    started: bool,
    last_time: u64,
}

/// Merges the images of a recording that is complete, or taken as it is now.
pub struct Stream<'a> {
    recording: &'a Recording,
    clock: Option<Clock>,
    walks: Vec<Option<Progress<'a>>>,
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    /// Slots that were read, and slots in all.
    read: u64,
    slots: u64,
}

/// So many slots are read before somebody is told.
const TOLD: u64 = 1 << 14;

impl<'a> Stream<'a> {
    /// From the first event on.
    #[must_use]
    pub fn new(recording: &'a Recording) -> Self {
        let mut stream = Stream {
            recording,
            clock: recording.clock(),
            walks: Vec::new(),
            queue: BinaryHeap::new(),
            read: 0,
            slots: recording.images().iter().map(Image::slots).sum(),
        };
        for (index, image) in recording.images().iter().enumerate() {
            let walk = image.header().map(|header| {
                let key = header.started.ticks;
                stream.queue.push(Reverse((key, index)));
                Progress {
                    records: image.walk(0),
                    next: None,
                    key,
                    started: false,
                    last_time: 0,
                }
            });
            stream.walks.push(walk);
        }
        stream
    }

    fn step(&mut self, index: usize) -> Option<Item> {
        let clock = self.clock?;
        let image = self.recording.images().get(index)?;
        let walk = self.walks.get_mut(index)?.as_mut()?;
        let item = if !walk.started {
            walk.started = true;
            let start = Start::of(index, image, &clock)?;
            walk.last_time = start.time;
            Item::Start(start)
        } else if let Some(record) = walk.next.take() {
            let event = Event::new(index, &record, &clock);
            walk.last_time = walk.last_time.max(event.end());
            Item::Event(Box::new(event))
        } else {
            let end = Item::End(index, walk.last_time, ending(image));
            self.walks.get_mut(index)?.take();
            return Some(end);
        };
        let before = walk.records.position();
        walk.next = walk.records.next();
        let (read, told) = (walk.records.position() - before, self.read / TOLD);
        self.read += read;
        if self.read / TOLD != told {
            let read = self.read.min(self.slots.saturating_sub(1));
            self.recording.progressed(read, self.slots);
        }
        if let Some(record) = &walk.next {
            walk.key = walk.key.max(record.time.saturating_add(record.duration));
        }
        self.queue.push(Reverse((walk.key, index)));
        Some(item)
    }
}

impl Iterator for Stream<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let Some(Reverse((_, index))) = self.queue.pop() else {
                self.recording.progressed(self.slots, self.slots);
                return None;
            };
            if let Some(item) = self.step(index) {
                return Some(item);
            }
        }
    }
}
