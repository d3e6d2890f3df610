//! One model of objects, processes and who holds what, kept up to date event by event.
//!
//! Objects are found by what a call names them with: a segment by its id, a POSIX object by its name, all by the
//! descriptor or address that stands for them in one process, memfds and received descriptors by device and inode.

mod calls;
mod descriptors;
mod holds;
mod memory;
mod naming;
mod object;
mod process;

pub(crate) use calls::command;
pub(crate) use descriptors::fcntl;
pub use object::{Deed, Hold, HoldId, HoldKind, Kind, Object, ObjectId, Origin, Release, Site};
pub use process::{Gauge, Module, Process};

use std::collections::HashMap;

use crate::event::Event;
use crate::stream::{Ending, Item, Start};
use process::Holdings;

/// What is known so far.
#[derive(Debug, Default)]
pub struct Model {
    objects: Vec<Object>,
    holds: Vec<Hold>,
    processes: Vec<Process>,
    /// Shared memory mapped by all processes together.
    mapped: Gauge,
    /// Bytes of all objects that are there.
    existing: Gauge,
    /// Image of the recording → process.
    by_image: HashMap<usize, usize>,
    /// The latest image of each pid.
    by_pid: HashMap<u32, usize>,
    segments: HashMap<i32, ObjectId>,
    names: HashMap<String, ObjectId>,
    inodes: HashMap<(u64, u64), ObjectId>,
    /// What the parent held when its fork returned, by the child's pid.
    forks: HashMap<u32, (usize, Holdings)>,
}

/// What an item of the stream was about.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Index of the process.
    pub process: Option<usize>,
    /// The object that the call is about.
    pub object: Option<ObjectId>,
    /// Whether the call brought this object into the recording.
    pub created: bool,
    /// Holds that began.
    pub began: Vec<HoldId>,
    /// Holds that ended.
    pub ended: Vec<HoldId>,
}

/// An event and the process that it belongs to, while it is applied.
struct Scene<'e> {
    event: &'e Event,
    process: usize,
    applied: Applied,
}

impl Scene<'_> {
    fn time(&self) -> u64 {
        self.event.end()
    }
}

impl Model {
    /// Everything in a recording, applied.
    #[must_use]
    pub fn of(recording: &crate::Recording) -> Self {
        let mut model = Model::default();
        for item in crate::stream::Stream::new(recording) {
            model.apply(&item);
        }
        model
    }

    /// Takes in what happened next.
    pub fn apply(&mut self, item: &Item) -> Applied {
        match item {
            Item::Start(start) => self.start(start),
            Item::Event(event) => self.event(event),
            Item::End(image, time, ending) => self.end(*image, *time, *ending),
        }
    }

    /// The objects, in the order in which they appeared.
    #[must_use]
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The object of this index.
    #[must_use]
    pub fn object(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(id)
    }

    /// The process images, in the order in which they appeared.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The process of this index.
    #[must_use]
    pub fn process(&self, index: usize) -> Option<&Process> {
        self.processes.get(index)
    }

    /// Attachments, mappings and descriptors, in the order in which they began.
    #[must_use]
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// The hold of this index.
    #[must_use]
    pub fn hold(&self, id: HoldId) -> Option<&Hold> {
        self.holds.get(id)
    }

    /// Shared memory mapped by all processes together, in bytes; what two processes map counts twice.
    #[must_use]
    pub fn mapped(&self) -> Gauge {
        self.mapped
    }

    /// Bytes of all objects that exist; what two processes map counts once.
    #[must_use]
    pub fn existing(&self) -> Gauge {
        self.existing
    }

    /// The time of the last thing known, in nanoseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn last_time(&self) -> u64 {
        let ends = self
            .processes
            .iter()
            .map(|process| process.end.map_or(process.start.time, |(time, _)| time));
        let releases = self
            .holds
            .iter()
            .map(|hold| hold.to.map_or(hold.from, |(time, _)| time));
        ends.chain(releases).max().unwrap_or(0)
    }

    /// The time of the first thing known, in nanoseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn first_time(&self) -> u64 {
        let starts = self.processes.iter().map(|process| process.start.time);
        starts.min().unwrap_or(0)
    }

    fn start(&mut self, start: &Start) -> Applied {
        let process = self.processes.len();
        self.processes.push(Process::new(start.clone()));
        self.by_image.insert(start.image, process);
        let mut applied = Applied {
            process: Some(process),
            ..Applied::default()
        };
        if start.forked {
            let parent = self.by_pid.get(&start.ppid).copied();
            let now = parent.and_then(|parent| {
                let held = self.processes.get(parent)?.holdings.clone();
                Some((parent, held))
            });
            if let Some((_, holdings)) = self.forks.remove(&start.pid).or(now) {
                self.inherit(process, holdings, start.time, &mut applied);
            }
        }
        self.by_pid.insert(start.pid, process);
        applied
    }

    fn event(&mut self, event: &Event) -> Applied {
        let Some(process) = self.by_image.get(&event.image).copied() else {
            return Applied::default();
        };
        let applied = Applied {
            process: Some(process),
            ..Applied::default()
        };
        let mut scene = Scene {
            event,
            process,
            applied,
        };
        if event.is_call()
            && let Some(process) = self.processes.get_mut(process)
        {
            process.calls += 1;
            process.errors += u64::from(event.failed());
            process.memory_calls += u64::from(event.concerns_memory());
        }
        self.call(&mut scene);
        if event.failed()
            && let Some(object) = scene.applied.object.and_then(|id| self.objects.get_mut(id))
        {
            object.errors.push(event.end());
        }
        scene.applied
    }

    fn end(&mut self, image: usize, time: u64, ending: Ending) -> Applied {
        let Some(process) = self.by_image.get(&image).copied() else {
            return Applied::default();
        };
        let mut applied = Applied {
            process: Some(process),
            ..Applied::default()
        };
        if ending != Ending::Running {
            self.release_all(process, time, ending, &mut applied);
        }
        if let Some(process) = self.processes.get_mut(process) {
            process.end = Some((time, ending));
        }
        applied
    }
}
