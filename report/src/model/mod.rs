//! One model of objects, processes and who holds what, kept up to date event by event.
//!
//! Objects are found by what a call names them with: a segment by its id, a POSIX object by its name, all by the
//! descriptor or address that stands for them in one process, memfds and received descriptors by device and inode.

mod arguments;
mod calls;
mod descriptors;
mod holds;
mod memory;
mod naming;
mod object;
mod paths;
mod process;
mod semaphores;
mod store;

pub(crate) use arguments::SHM_REMAP;
pub(crate) use calls::{command, name_of_call};
pub(crate) use descriptors::fcntl;
pub use object::{Deed, Hold, HoldId, HoldKind, Kind, Object, ObjectId, Origin, Release, Site};
pub use process::{Gauge, Process};
pub use store::Store;

use std::collections::{HashMap, HashSet};

use crate::afterwards::Afterwards;
use crate::event::Event;
pub use crate::module::Module;
use crate::stream::{Ending, Item, Start};
use process::Holdings;
use store::Over;

/// What is known so far.
#[derive(Debug, Default)]
pub struct Model {
    objects: Store<Object>,
    holds: Store<Hold>,
    /// Of a model that forgets: what is over and not forgotten yet.
    over: Option<Over>,
    /// The end of the last hold that was forgotten.
    forgotten_to: u64,
    processes: Vec<Process>,
    /// Shared memory mapped by all processes together.
    mapped: Gauge,
    /// Bytes of all objects that are there.
    existing: Gauge,
    /// Image of the recording → process.
    by_image: HashMap<usize, usize>,
    /// The latest image of each pid.
    by_pid: HashMap<u32, usize>,
    /// By IPC namespace and id.
    segments: HashMap<(u64, i32), ObjectId>,
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
    /// Objects that are gone for good, of a model that forgets them.
    pub forgotten: Vec<(ObjectId, Object)>,
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
        Model::default().with(recording)
    }

    /// The same of a model that forgets: what there is at the end, and the processes.
    #[must_use]
    pub fn in_short(recording: &crate::Recording) -> Self {
        Model::forgetful().with(recording)
    }

    fn with(mut self, recording: &crate::Recording) -> Self {
        let model = &mut self;
        for item in crate::stream::Stream::new(recording) {
            model.apply(&item);
        }
        model.hold_against(recording.afterwards());
        self
    }

    /// Takes in what the system held when the run was over: what is gone though no recorded call removed it, what was there
    /// before though a recorded call might have made it, and the sizes of what is left.
    pub fn hold_against(&mut self, afterwards: Option<&Afterwards>) {
        let Some(afterwards) = afterwards else {
            return;
        };
        for death in &afterwards.deaths {
            self.killed(death.pid, death.signal);
        }
        let segments = afterwards.segments.iter();
        let segments: HashMap<i32, bool> = segments.map(|left| (left.shmid, left.new)).collect();
        let objects = afterwards.objects.iter();
        let objects: HashMap<&str, (bool, u64)> = objects
            .map(|left| (left.name.as_str(), (left.new, left.size)))
            .collect();
        let lived_in = |ipc: u64| {
            let running =
                |process: &Process| matches!(process.end, None | Some((_, Ending::Running)));
            let mut processes = self.processes.iter();
            processes.any(|process| process.ipc == ipc && running(process))
        };
        let foreign = self.processes.iter().map(|process| process.ipc);
        let living: HashSet<u64> = foreign
            .filter(|ipc| afterwards.ipc_namespaces.contains(ipc) || lived_in(*ipc))
            .collect();
        for object in self.objects.iter_mut() {
            let mut size = None;
            let new = match &object.kind {
                // What is in another namespace could not be looked at. It goes with the namespace.
                Kind::Segment { .. } if living.contains(&object.ipc) && object.ipc != 0 => continue,
                Kind::Segment { .. } if object.ipc != 0 => None,
                Kind::Segment { shmid, .. } => segments.get(shmid).copied(),
                Kind::Named(name) => objects.get(name.as_str()).map(|(new, bytes)| {
                    size = Some(*bytes);
                    *new
                }),
                Kind::Memfd(_) | Kind::Anonymous | Kind::Unknown(_) => continue,
            };
            // What was made later by those who ran on could not be there.
            let later = afterwards.time != 0 && object.first.time > afterwards.time;
            let kept = object.origin != Origin::Found && !object.is_removed() && !later;
            object.removed_elsewhere = kept && new.is_none();
            if kept && size.is_some() {
                // What write(2) and those who are not recorded made of it.
                object.size = size;
            }
            if object.origin == Origin::CreatedOrFound && new == Some(false) {
                object.origin = Origin::Found;
            }
        }
    }

    /// A model that forgets what is over and cannot matter any more: its size does not grow with the number of calls.
    #[must_use]
    pub fn forgetful() -> Self {
        Model {
            over: Some(Over::default()),
            ..Model::default()
        }
    }

    /// Takes in what happened next.
    pub fn apply(&mut self, item: &Item) -> Applied {
        let forgotten = self.forget();
        let applied = match item {
            Item::Start(start) => self.start(start),
            Item::Event(event) => self.event(event),
            Item::End(image, time, ending) => self.end(*image, *time, *ending),
        };
        Applied {
            forgotten,
            ..applied
        }
    }

    /// The latest process of this pid was ended by this signal.
    fn killed(&mut self, pid: u32, signal: i32) {
        let process = self.by_pid.get(&pid).copied();
        if let Some(process) = process.and_then(|index| self.processes.get_mut(index)) {
            process.killed = Some(signal);
        }
    }

    /// The attachment that holds an address in the process of an event: its start and object.
    pub(crate) fn attachment_around(&self, event: &Event, address: u64) -> Option<(u64, ObjectId)> {
        let process = self.process(*self.by_image.get(&event.image)?)?;
        let hold = self.hold(process.holdings.memory.at(address)?.hold)?;
        match hold.kind {
            HoldKind::Attachment(start) => Some((start, hold.object)),
            _ => None,
        }
    }

    /// The objects, in the order in which they appeared.
    #[must_use]
    pub fn objects(&self) -> &Store<Object> {
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
    pub fn holds(&self) -> &Store<Hold> {
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
        let last = ends.chain(releases).max().unwrap_or(0);
        last.max(self.forgotten_to)
    }

    /// Children of forks that have recorded nothing so far.
    pub(crate) fn silent_children(&self) -> impl Iterator<Item = u32> {
        self.forks.keys().copied()
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
            let known = parent.and_then(|parent| {
                let parent = self.processes.get(parent)?;
                Some((parent.modules.clone(), parent.ipc))
            });
            if let (Some((mut code, ipc)), Some(child)) = (known, self.processes.get_mut(process)) {
                code.append(&mut child.modules);
                child.modules = code;
                child.ipc = ipc;
            }
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
            object.failures += 1;
            if self.over.is_none() {
                object.errors.push(event.end());
            }
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
