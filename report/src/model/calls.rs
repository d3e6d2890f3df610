//! What each call does to the model: System V calls and names here, descriptors and memory beside.

use partage_trace_format::Call;

use super::arguments::{IPC_CREAT, IPC_EXCL, SHM_REMAP, object_of, pages, text};
use super::naming::{canonical, name_of_path};
use super::object::{HoldKind, Kind, Origin};
use super::process::Piece;
use super::semaphores;
use super::{Model, Scene};
use crate::event::{Detail, Event};
use crate::module::Module;

/// Commands of shmctl.
pub(crate) mod command {
    pub(crate) const IPC_RMID: i32 = 0;
    pub(crate) const IPC_SET: i32 = 1;
    pub(crate) const IPC_STAT: i32 = 2;
    pub(crate) const IPC_INFO: i32 = 3;
    pub(crate) const SHM_LOCK: i32 = 11;
    pub(crate) const SHM_UNLOCK: i32 = 12;
    pub(crate) const SHM_STAT: i32 = 13;
    pub(crate) const SHM_INFO: i32 = 14;
    pub(crate) const SHM_STAT_ANY: i32 = 15;
}

impl Model {
    /// Applies the scene's call.
    pub(super) fn call(&mut self, scene: &mut Scene<'_>) {
        let Ok(call) = scene.event.call else { return };
        match call {
            Call::Shmget => self.shmget(scene),
            Call::Shmat => self.shmat(scene),
            Call::Shmdt => self.shmdt(scene),
            Call::Shmctl => self.shmctl(scene),
            Call::ShmOpen => {
                let name = canonical(&text(scene));
                self.open_name(scene, name, scene.event.int(1), true);
            }
            Call::Open => {
                let name = name_of_path(scene.event.name.as_deref().unwrap_or(&[]));
                self.open_name(scene, name, scene.event.int(1), false);
            }
            Call::Openat => {
                let name = name_of_path(scene.event.name.as_deref().unwrap_or(&[]));
                self.open_name(scene, name, scene.event.int(2), false);
            }
            Call::ShmUnlink => {
                let name = canonical(&text(scene));
                self.unlink_name(scene, &name);
            }
            Call::Unlink | Call::Unlinkat => {
                let name = name_of_path(scene.event.name.as_deref().unwrap_or(&[]));
                self.unlink_name(scene, &name);
            }
            Call::Rename => self.rename(scene),
            Call::Link => self.link(scene),
            Call::SemOpen => self.sem_open(scene),
            Call::SemClose => self.sem_close(scene),
            Call::SemUnlink => self.sem_unlink(scene),
            Call::MemfdCreate => self.memfd_create(scene),
            Call::Fork | Call::Vfork | Call::UnderscoreFork => self.forked(scene),
            Call::Module => self.module(scene),
            Call::Stack => self.stack(scene),
            Call::FoundFd => self.found(scene),
            Call::Death => self.death(scene),
            Call::IpcNamespace => self.moved_to_ipc(scene),
            Call::Mmap | Call::Munmap | Call::Mremap | Call::Mprotect => {
                self.memory_call(scene, call)
            }
            _ => self.descriptor_call(scene, call),
        }
    }

    fn shmget(&mut self, scene: &mut Scene<'_>) {
        let (key, size, flags) = (scene.event.int(0), scene.event.arg(1), scene.event.int(2));
        if scene.event.failed() {
            scene.applied.object = self.segment_of_key(scene, key);
            return;
        }
        let shmid = scene.event.result as i32;
        let creates = key == 0 || flags & IPC_CREAT != 0;
        let surely = key == 0 || creates && flags & IPC_EXCL != 0;
        let known = self.segment(scene, shmid).filter(|_| !surely);
        let id = known.unwrap_or_else(|| {
            let origin = match (surely, creates && size != 0) {
                (true, _) => Origin::Created,
                (false, true) => Origin::CreatedOrFound,
                (false, false) => Origin::Found,
            };
            let key = Some(key);
            self.bring(scene, Kind::Segment { shmid, key }, origin)
        });
        if let Some(object) = self.objects.get_mut(id)
            && let Kind::Segment { key: known, .. } = &mut object.kind
        {
            known.get_or_insert(key);
        }
        // A segment that was found may be larger than asked for.
        if known.is_none() && creates {
            self.learn_size(id, size);
        }
        scene.applied.object = Some(id);
    }

    fn shmat(&mut self, scene: &mut Scene<'_>) {
        let (shmid, flags, size) = (scene.event.int(0), scene.event.int(2), scene.event.arg(3));
        if scene.event.failed() {
            scene.applied.object = self.segment(scene, shmid);
            return;
        }
        let id = self.segment_or_found(scene, shmid);
        scene.applied.object = Some(id);
        if size != 0 && self.objects.get(id).and_then(|object| object.size) != Some(size) {
            self.resize(id, size);
        }
        let known = self.objects.get(id).and_then(|object| object.size);
        let start = scene.event.result as u64;
        let end = start.saturating_add(pages(known.unwrap_or(1)));
        if flags & SHM_REMAP != 0 {
            self.unmap(scene, start, end);
        }
        let hold = self.begin(scene, id, HoldKind::Attachment(start));
        self.add_memory(scene.process, Piece { start, end, hold });
    }

    fn shmdt(&mut self, scene: &mut Scene<'_>) {
        let address = scene.event.arg(0);
        let piece = self
            .memory(scene.process)
            .and_then(|memory| memory.at(address));
        let Some(piece) = piece else { return };
        scene.applied.object = object_of(self, piece.hold);
        if !scene.event.failed() {
            let memory = self.memory(scene.process);
            let pieces = memory.map_or_else(Vec::new, |memory| memory.cut_hold(piece.hold));
            self.lose(scene, &pieces);
        }
    }

    fn shmctl(&mut self, scene: &mut Scene<'_>) {
        let (mut shmid, cmd) = (scene.event.int(0), scene.event.int(1));
        match cmd {
            command::IPC_INFO | command::SHM_INFO => return,
            command::SHM_STAT | command::SHM_STAT_ANY if scene.event.failed() => return,
            command::SHM_STAT | command::SHM_STAT_ANY => shmid = scene.event.result as i32,
            _ => {}
        }
        if scene.event.failed() {
            scene.applied.object = self.segment(scene, shmid);
            return;
        }
        let id = self.segment_or_found(scene, shmid);
        scene.applied.object = Some(id);
        if cmd == command::IPC_RMID {
            self.remove(scene, id);
        }
        if cmd != command::IPC_SET
            && let Some(Detail::ShmidDs(data)) = scene.event.detail
        {
            self.learn_size(id, data.segsz);
            if let Some(object) = self.objects.get_mut(id)
                && let Kind::Segment { key, .. } = &mut object.kind
            {
                key.get_or_insert(data.key as i32);
            }
        }
    }

    /// A fork returned to the parent: what the child inherits is what the parent holds now.
    fn forked(&mut self, scene: &Scene<'_>) {
        let child = u32::try_from(scene.event.result).unwrap_or(0);
        let started = |pid| {
            let process = self
                .by_pid
                .get(&pid)
                .and_then(|index| self.processes.get(*index));
            process.is_some_and(|process| process.start.time >= scene.event.time)
        };
        if child != 0
            && scene.event.call != Ok(Call::Vfork)
            && !started(child)
            && let Some(parent) = self.processes.get(scene.process)
        {
            self.forks
                .insert(child, (scene.process, parent.holdings.clone()));
        }
        if scene.event.call == Ok(Call::Vfork)
            && let Some(process) = self.processes.get_mut(scene.process)
        {
            if child == 0 {
                let copy = process.holdings.descriptors.clone();
                process.vforked.insert(scene.event.pid, copy);
            } else {
                process.vforked.remove(&child);
            }
        }
    }

    /// A process was ended by a signal: a child, or this one by its own word.
    fn death(&mut self, scene: &Scene<'_>) {
        let (pid, address) = (scene.event.arg(0) as u32, scene.event.arg(2));
        self.killed(pid, scene.event.int(1));
        if pid == scene.event.pid
            && address != 0
            && let Some(process) = self.processes.get_mut(scene.process)
        {
            let piece = process.holdings.memory.at(address);
            process.fault = Some((address, piece.map(|piece| piece.hold)));
        }
    }

    fn moved_to_ipc(&mut self, scene: &Scene<'_>) {
        if let Some(process) = self.processes.get_mut(scene.process) {
            process.ipc = scene.event.arg(0);
        }
    }

    fn module(&mut self, scene: &Scene<'_>) {
        let module = Module::of(scene.event);
        if let Some(process) = self.processes.get_mut(scene.process) {
            process.modules.push(module);
        }
    }

    fn stack(&mut self, scene: &Scene<'_>) {
        if let Some(stack) = &scene.event.copied
            && let Some(process) = self.processes.get_mut(scene.process)
        {
            process.stacks.insert(scene.event.ticket, (**stack).clone());
        }
    }

    fn found(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let inode = (event.arg(1), event.arg(2));
        let id = self.of_link(scene, &text(scene), inode, event.arg(3));
        scene.applied.object = Some(id);
        self.open_fd(scene, event.int(0), id, false);
    }
}

/// The object's name that a call on a name was given.
pub(crate) fn name_of_call(event: &Event) -> Option<String> {
    let name = event.name.as_deref()?;
    let text = crate::words::text(name);
    match event.call.ok()? {
        Call::ShmOpen | Call::ShmUnlink => Some(canonical(&text)),
        Call::SemOpen | Call::SemUnlink => Some(semaphores::object_name(&text)),
        Call::Open | Call::Openat | Call::Unlink | Call::Unlinkat => Some(name_of_path(name)),
        _ => None,
    }
}

/// What a call on nothing known is about.
pub(super) fn unknown(fd: i32) -> Kind {
    Kind::Unknown(format!("descriptor {fd}"))
}
