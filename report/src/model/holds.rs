//! Beginning and ending of attachments, mappings and descriptors, with the bytes they account for.

use super::object::{Hold, HoldId, HoldKind, ObjectId, Release, Site};
use super::process::{Descriptor, Holdings, Memory, Piece};
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
        let id = self.holds.len();
        if let Some(object) = self.objects.get_mut(hold.object) {
            object.holders += 1;
            object.holds.push(id);
        }
        self.holds.push(hold);
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
        }
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

    pub(super) fn memory(&mut self, process: usize) -> Option<&mut Memory> {
        let process = self.processes.get_mut(process)?;
        Some(&mut process.holdings.memory)
    }
}
