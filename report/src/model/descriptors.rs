//! What calls on descriptors do to the model.

use std::collections::BTreeMap;

use partage_trace_format::Call;

use super::arguments::{O_CLOEXEC, object_of};
use super::object::{HoldKind, ObjectId, Release};
use super::process::Descriptor;
use super::{Model, Scene};

/// Commands of fcntl.
pub(crate) mod fcntl {
    pub(crate) const F_DUPFD: i32 = 0;
    pub(crate) const F_SETFD: i32 = 2;
    pub(crate) const F_DUPFD_CLOEXEC: i32 = 1030;
    pub(crate) const F_ADD_SEALS: i32 = 1033;
}

/// Marks the descriptors of `close_range` close-on-exec instead of closing them.
const CLOSE_RANGE_CLOEXEC: i32 = 4;
const FD_CLOEXEC: i32 = 1;
const FALLOC_FL_KEEP_SIZE: i32 = 1;
const EBADF: i32 = 9;

impl Model {
    /// Applies a call whose subject is a descriptor; others mean nothing here.
    pub(super) fn descriptor_call(&mut self, scene: &mut Scene<'_>, call: Call) {
        let event = scene.event;
        match call {
            Call::Ftruncate => self.set_size(scene, event.arg(1), false),
            Call::Fallocate if event.int(1) & FALLOC_FL_KEEP_SIZE == 0 => {
                self.set_size(scene, event.arg(2).saturating_add(event.arg(3)), true);
            }
            Call::Fallocate => scene.applied.object = self.object_at(scene, event.int(0)),
            Call::Close => self.close(scene, event.int(0)),
            Call::Fclose => self.close(scene, event.int(1)),
            Call::Dup => self.duplicate(scene, false),
            Call::Dup2 => self.duplicate(scene, false),
            Call::Dup3 => self.duplicate(scene, event.int(2) & O_CLOEXEC != 0),
            Call::Fcntl => self.fcntl(scene),
            Call::CloseRange => {
                let marks = event.int(2) & CLOSE_RANGE_CLOEXEC != 0;
                self.close_range(scene, event.arg(0), event.arg(1), marks);
            }
            Call::Closefrom => {
                self.close_range(scene, event.int(0).max(0) as u64, u64::MAX, false);
            }
            _ => {}
        }
    }

    /// The descriptors that the scene's call is about: a vfork child has its own.
    pub(super) fn table(&mut self, scene: &Scene<'_>) -> Option<&mut BTreeMap<i32, Descriptor>> {
        let process = self.processes.get_mut(scene.process)?;
        let own = &mut process.holdings.descriptors;
        if scene.event.by_vfork_child() {
            let shared = || own.clone();
            return Some(
                process
                    .vforked
                    .entry(scene.event.pid)
                    .or_insert_with(shared),
            );
        }
        Some(own)
    }

    /// The object behind a descriptor.
    pub(super) fn object_at(&mut self, scene: &Scene<'_>, fd: i32) -> Option<ObjectId> {
        let hold = self.table(scene)?.get(&fd)?.hold;
        object_of(self, hold)
    }

    /// A descriptor stands for an object from now on.
    pub(super) fn open_fd(
        &mut self,
        scene: &mut Scene<'_>,
        fd: i32,
        object: ObjectId,
        close_on_exec: bool,
    ) {
        // What it stood for was closed behind the recorder's back.
        self.forget_fd(scene, fd);
        if scene.event.by_vfork_child() {
            // Gone with the child's exec: nobody else will ever see it.
            return;
        }
        let hold = self.begin(scene, object, HoldKind::Descriptor(fd));
        if let Some(table) = self.table(scene) {
            table.insert(
                fd,
                Descriptor {
                    hold,
                    close_on_exec,
                },
            );
        }
    }

    /// A descriptor stands for nothing from now on.
    fn forget_fd(&mut self, scene: &mut Scene<'_>, fd: i32) {
        let removed = self.table(scene).and_then(|table| table.remove(&fd));
        if let Some(descriptor) = removed.filter(|_| !scene.event.by_vfork_child()) {
            let time = scene.time();
            self.finish(descriptor.hold, time, Release::Call, &mut scene.applied);
        }
    }

    fn set_size(&mut self, scene: &mut Scene<'_>, size: u64, grows_only: bool) {
        let object = self.object_at(scene, scene.event.int(0));
        scene.applied.object = object;
        let Some(id) = object.filter(|_| !scene.event.failed()) else {
            return;
        };
        let old = self
            .objects
            .get(id)
            .and_then(|object| object.size)
            .unwrap_or(0);
        self.resize(id, if grows_only { size.max(old) } else { size });
    }

    fn close(&mut self, scene: &mut Scene<'_>, fd: i32) {
        scene.applied.object = self.object_at(scene, fd);
        // Linux closes it whatever else it answers.
        if scene.event.errno != EBADF {
            self.forget_fd(scene, fd);
        }
    }

    fn duplicate(&mut self, scene: &mut Scene<'_>, close_on_exec: bool) {
        let (old, new) = (scene.event.int(0), scene.event.result as i32);
        let object = self.object_at(scene, old);
        scene.applied.object = object;
        if scene.event.failed() || old == new {
            return;
        }
        match object {
            Some(object) => self.open_fd(scene, new, object, close_on_exec),
            None => {
                scene.applied.object = self.object_at(scene, new);
                self.forget_fd(scene, new);
            }
        }
    }

    fn fcntl(&mut self, scene: &mut Scene<'_>) {
        let (fd, command, argument) = (scene.event.int(0), scene.event.int(1), scene.event.int(2));
        match command {
            fcntl::F_DUPFD => self.duplicate(scene, false),
            fcntl::F_DUPFD_CLOEXEC => self.duplicate(scene, true),
            _ => {
                scene.applied.object = self.object_at(scene, fd);
                if command == fcntl::F_SETFD
                    && !scene.event.failed()
                    && let Some(descriptor) = self.table(scene).and_then(|table| table.get_mut(&fd))
                {
                    descriptor.close_on_exec = argument & FD_CLOEXEC != 0;
                }
            }
        }
    }

    fn close_range(&mut self, scene: &mut Scene<'_>, first: u64, last: u64, marks: bool) {
        let inside = |fd: &i32| u64::try_from(*fd).is_ok_and(|fd| first <= fd && fd <= last);
        let Some(table) = self.table(scene) else {
            return;
        };
        let fds: Vec<i32> = table.keys().copied().filter(inside).collect();
        if let [only] = fds.as_slice() {
            scene.applied.object = self.object_at(scene, *only);
        }
        if scene.event.failed() {
            return;
        }
        for fd in fds {
            if !marks {
                self.forget_fd(scene, fd);
            } else if let Some(found) = self.table(scene).and_then(|table| table.get_mut(&fd)) {
                found.close_on_exec = true;
            }
        }
    }
}
