//! Beginning and ending of attachments, mappings and descriptors, with the bytes they account for.

use super::object::{Hold, HoldId, HoldKind, Kind, Object, ObjectId, Release, Site};
use super::process::{Descriptor, Holdings, Memory, Piece};
use super::store::Over;
use super::{Applied, Model, Scene};
use crate::stream::Ending;

impl Model {
    /// Where the scene's call was made.
    pub(super) fn site(&self, scene: &Scene<'_>) -> Site {
        let modules = self
            .processes
            .get(scene.process)
            .map_or(0, |process| process.modules.len());
        Site {
            process: scene.process,
            modules,
            callers: scene.event.callers.clone(),
            stack: scene.event.stack,
            call: scene.event.call_name(),
        }
    }

    /// The scene's process begins to hold an object.
    pub(super) fn begin(
        &mut self,
        scene: &mut Scene<'_>,
        object: ObjectId,
        kind: HoldKind,
    ) -> HoldId {
        let hold = Hold {
            object,
            process: scene.process,
            kind,
            from: scene.time(),
            to: None,
            bytes: 0,
            left: 0,
            inherited: scene.event.call.is_ok_and(|call| !call.is_function()),
            site: self.site(scene),
        };
        self.add_hold(hold, &mut scene.applied)
    }

    fn add_hold(&mut self, hold: Hold, applied: &mut Applied) -> HoldId {
        let object = hold.object;
        let id = self.holds.push(hold);
        if let Some(object) = self.objects.get_mut(object) {
            object.holders += 1;
            if self.over.is_none() {
                object.holds.push(id);
            }
        }
        applied.began.push(id);
        id
    }

    /// A hold is over.
    pub(super) fn finish(&mut self, id: HoldId, time: u64, how: Release, applied: &mut Applied) {
        let Some(hold) = self.holds.get_mut(id).filter(|hold| hold.to.is_none()) else {
            return;
        };
        hold.to = Some((time, how));
        let object = hold.object;
        applied.ended.push(id);
        // What was held to the end says what a process left, and why it died.
        if let (Some(over), Release::Call | Release::PassedOn) = (&mut self.over, how) {
            over.holds.push_back(id);
        }
        if let Some(object) = self.objects.get_mut(object) {
            object.holders = object.holders.saturating_sub(1);
        }
        self.settle(object, time);
    }

    /// An object that is removed and held by nobody is gone, and its bytes with it.
    pub(super) fn settle(&mut self, id: ObjectId, time: u64) {
        let Some(object) = self.objects.get_mut(id) else {
            return;
        };
        let nameless = !object.kind.outlives_processes();
        if object.gone.is_none() && object.holders == 0 && (nameless || object.is_removed()) {
            object.gone = Some(time);
            self.existing.remove(object.size.unwrap_or(0));
            if let Some(over) = &mut self.over {
                over.objects.push_back(id);
            }
        }
    }

    /// Of a model that forgets: lets go of what has been over for long. Objects are handed out once more.
    pub(super) fn forget(&mut self) -> Vec<(ObjectId, Object)> {
        let mut forgotten = Vec::new();
        let Some(over) = &mut self.over else {
            return forgotten;
        };
        let forks = !self.forks.is_empty();
        while let Some(id) = Over::surplus(&mut over.holds, forks) {
            let hold = self.holds.remove(id);
            let to = hold.and_then(|hold| hold.to);
            self.forgotten_to = self.forgotten_to.max(to.map_or(0, |(time, _)| time));
        }
        while let Some(id) = Over::surplus(&mut over.objects, forks) {
            // It may have come back since.
            let gone = self
                .objects
                .get(id)
                .is_some_and(|object| object.gone.is_some());
            let Some(object) = gone.then(|| self.objects.remove(id)).flatten() else {
                continue;
            };
            if let Kind::Segment { shmid, .. } = object.kind
                && self.segments.get(&(object.ipc, shmid)) == Some(&id)
            {
                self.segments.remove(&(object.ipc, shmid));
            }
            if let Some(inode) = object.inode
                && self.inodes.get(&inode) == Some(&id)
            {
                self.inodes.remove(&inode);
            }
            forgotten.push((id, object));
        }
        forgotten
    }

    /// Address space of a hold comes to the scene's process.
    pub(super) fn add_memory(&mut self, process: usize, piece: Piece) {
        let bytes = piece.end.saturating_sub(piece.start);
        if let Some(process) = self.processes.get_mut(process) {
            process.holdings.memory.insert(piece);
            process.mapped.add(bytes);
        }
        self.mapped.add(bytes);
        if let Some(hold) = self.holds.get_mut(piece.hold) {
            hold.left = hold.left.saturating_add(bytes);
            hold.bytes = hold.bytes.max(hold.left);
        }
    }

    /// Address space that was cut out of a process's memory is accounted for; holds without any are over.
    pub(super) fn lose_memory(
        &mut self,
        process: usize,
        pieces: &[Piece],
        (time, how): (u64, Release),
        applied: &mut Applied,
    ) {
        for piece in pieces {
            let bytes = piece.end.saturating_sub(piece.start);
            if let Some(process) = self.processes.get_mut(process) {
                process.mapped.remove(bytes);
            }
            self.mapped.remove(bytes);
            // What the end of a process takes stays on record as what was left.
            let by_call = how == Release::Call;
            let over = self.holds.get_mut(piece.hold).is_some_and(|hold| {
                if by_call {
                    hold.left = hold.left.saturating_sub(bytes);
                }
                hold.left == 0 || !by_call
            });
            if over {
                self.finish(piece.hold, time, how, applied);
            }
        }
    }

    /// A forked child holds what its parent held.
    pub(super) fn inherit(
        &mut self,
        process: usize,
        parents: Holdings,
        time: u64,
        applied: &mut Applied,
    ) {
        let mut copies = std::collections::HashMap::new();
        if let Some(process) = self.processes.get_mut(process) {
            process.holdings.semaphores = parents.semaphores;
        }
        for (number, descriptor) in parents.descriptors {
            let Some(hold) = self.copy_hold(process, descriptor.hold, time, applied) else {
                continue;
            };
            if let Some(process) = self.processes.get_mut(process) {
                let copy = Descriptor { hold, ..descriptor };
                process.holdings.descriptors.insert(number, copy);
            }
        }
        for piece in parents.memory.pieces() {
            let copy = match copies.get(&piece.hold) {
                Some(copy) => Some(*copy),
                None => self.copy_hold(process, piece.hold, time, applied),
            };
            if let Some(hold) = copy {
                copies.insert(piece.hold, hold);
                self.add_memory(process, Piece { hold, ..piece });
            }
        }
    }

    fn copy_hold(
        &mut self,
        process: usize,
        id: HoldId,
        time: u64,
        applied: &mut Applied,
    ) -> Option<HoldId> {
        let original = self.holds.get(id)?;
        let copy = Hold {
            process,
            from: time,
            to: None,
            bytes: 0,
            left: 0,
            inherited: true,
            ..original.clone()
        };
        Some(self.add_hold(copy, applied))
    }

    /// A process image is over: the kernel lets go of everything for it.
    pub(super) fn release_all(
        &mut self,
        index: usize,
        time: u64,
        ending: Ending,
        applied: &mut Applied,
    ) {
        let Some(process) = self.processes.get_mut(index) else {
            return;
        };
        let holdings = std::mem::take(&mut process.holdings);
        let executed = ending == Ending::Executed;
        let how = if executed {
            Release::Exec
        } else {
            Release::Exit
        };
        for descriptor in holdings.descriptors.values() {
            let how = if executed && !descriptor.close_on_exec {
                Release::PassedOn
            } else {
                how
            };
            self.finish(descriptor.hold, time, how, applied);
        }
        let pieces: Vec<Piece> = holdings.memory.pieces().collect();
        self.lose_memory(index, &pieces, (time, how), applied);
    }

    pub(super) fn holdings(&mut self, process: usize) -> Option<&mut Holdings> {
        let process = self.processes.get_mut(process)?;
        Some(&mut process.holdings)
    }

    pub(super) fn memory(&mut self, process: usize) -> Option<&mut Memory> {
        Some(&mut self.holdings(process)?.memory)
    }
}
