//! What each call does to the model: System V calls and names here, descriptors and memory beside.

use partage_trace_format::Call;

use super::naming::{canonical, name_of_path};
use super::object::{HoldKind, Kind, ObjectId, Origin};
use super::process::{Module, Piece};
use super::{Model, Scene};
use crate::event::Detail;

const PAGE: u64 = 4096;

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

/// `IPC_CREAT`, `IPC_EXCL` and `SHM_REMAP`.
pub(crate) const IPC_CREAT: i32 = 0o1000;
pub(crate) const IPC_EXCL: i32 = 0o2000;
pub(crate) const SHM_REMAP: i32 = 0o40000;
/// `O_CREAT`, `O_EXCL`, `O_TRUNC`, `O_CLOEXEC`.
pub(crate) const O_CREAT: i32 = 0o100;
pub(crate) const O_EXCL: i32 = 0o200;
pub(crate) const O_TRUNC: i32 = 0o1000;
pub(crate) const O_CLOEXEC: i32 = 0o2000000;
const MFD_CLOEXEC: i32 = 1;

/// Whole pages.
pub(super) fn pages(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(PAGE).unwrap_or(bytes)
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
            Call::MemfdCreate => self.memfd_create(scene),
            Call::Fork | Call::Vfork | Call::UnderscoreFork => self.forked(scene),
            Call::Module => self.module(scene),
            Call::FoundFd => self.found(scene),
            Call::Mmap | Call::Munmap | Call::Mremap | Call::Mprotect => {
                self.memory_call(scene, call)
            }
            _ => self.descriptor_call(scene, call),
        }
    }

    fn shmget(&mut self, scene: &mut Scene<'_>) {
        let (key, size, flags) = (scene.event.int(0), scene.event.arg(1), scene.event.int(2));
        if scene.event.failed() {
            scene.applied.object = self.segment_of_key(key);
            return;
        }
        let shmid = scene.event.result as i32;
        let creates = key == 0 || flags & IPC_CREAT != 0;
        let surely = key == 0 || creates && flags & IPC_EXCL != 0;
        let known = self.segment(shmid).filter(|_| !surely);
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
            scene.applied.object = self.segment(shmid);
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
            scene.applied.object = self.segment(shmid);
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

    fn open_name(&mut self, scene: &mut Scene<'_>, name: String, flags: i32, close_on_exec: bool) {
        let known = self.named(&name);
        if scene.event.failed() {
            scene.applied.object = known;
            return;
        }
        let creates = flags & O_CREAT != 0;
        let surely = creates && flags & O_EXCL != 0;
        let id = known.filter(|_| !surely).unwrap_or_else(|| {
            let origin = match (surely, creates) {
                (true, _) => Origin::Created,
                (false, true) => Origin::CreatedOrFound,
                (false, false) => Origin::Found,
            };
            self.bring(scene, Kind::Named(name), origin)
        });
        if surely || flags & O_TRUNC != 0 {
            self.resize(id, 0);
        }
        scene.applied.object = Some(id);
        let fd = scene.event.result as i32;
        self.open_fd(scene, fd, id, close_on_exec || flags & O_CLOEXEC != 0);
    }

    fn unlink_name(&mut self, scene: &mut Scene<'_>, name: &str) {
        scene.applied.object = self.named(name);
        if scene.event.failed() {
            return;
        }
        let id = match scene.applied.object {
            Some(id) => id,
            None => self.bring(scene, Kind::Named(name.to_owned()), Origin::Found),
        };
        scene.applied.object = Some(id);
        self.remove(scene, id);
    }

    fn memfd_create(&mut self, scene: &mut Scene<'_>) {
        if scene.event.failed() {
            return;
        }
        let id = self.bring(scene, Kind::Memfd(text(scene)), Origin::Created);
        self.resize(id, 0);
        scene.applied.object = Some(id);
        let close_on_exec = scene.event.int(1) & MFD_CLOEXEC != 0;
        self.open_fd(scene, scene.event.result as i32, id, close_on_exec);
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

    fn module(&mut self, scene: &Scene<'_>) {
        let module = Module {
            start: scene.event.arg(0),
            end: scene.event.arg(1),
            offset: scene.event.arg(2),
            path: text(scene),
        };
        if let Some(process) = self.processes.get_mut(scene.process) {
            process.modules.push(module);
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

/// The name that the scene's call was given.
fn text(scene: &Scene<'_>) -> String {
    String::from_utf8_lossy(scene.event.name.as_deref().unwrap_or(&[])).into_owned()
}

/// What a call on nothing known is about.
pub(super) fn unknown(fd: i32) -> Kind {
    Kind::Unknown(format!("descriptor {fd}"))
}

/// The object of a hold.
pub(super) fn object_of(model: &Model, hold: usize) -> Option<ObjectId> {
    model.holds.get(hold).map(|hold| hold.object)
}
