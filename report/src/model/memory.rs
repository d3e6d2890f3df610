//! What calls on address space do to the model.

use partage_trace_format::Call;

use super::arguments::{object_of, pages};
use super::calls::unknown;
use super::object::{HoldId, HoldKind, Kind, ObjectId, Origin, Release};
use super::process::Piece;
use super::{Model, Scene};

pub(crate) const MAP_SHARED: i32 = 1;
pub(crate) const MAP_ANONYMOUS: i32 = 0x20;
const MAP_FIXED: i32 = 0x10;
const MAP_FIXED_NOREPLACE: i32 = 0x0010_0000;
const MREMAP_DONTUNMAP: i32 = 4;

impl Model {
    /// Applies mmap, munmap, mremap or mprotect.
    pub(super) fn memory_call(&mut self, scene: &mut Scene<'_>, call: Call) {
        match call {
            Call::Mmap => self.mmap(scene),
            Call::Mremap => self.mremap(scene),
            _ => {
                let start = scene.event.arg(0);
                let end = start.saturating_add(pages(scene.event.arg(1)));
                scene.applied.object = self.object_in(scene, start, end);
                if call == Call::Munmap && !scene.event.failed() {
                    self.unmap(scene, start, end);
                }
            }
        }
    }

    /// The object mapped in a range.
    fn object_in(&mut self, scene: &Scene<'_>, start: u64, end: u64) -> Option<ObjectId> {
        let piece = self.memory(scene.process)?.meeting(start, end)?;
        object_of(self, piece.hold)
    }

    /// The scene's call has unmapped a range.
    pub(super) fn unmap(&mut self, scene: &mut Scene<'_>, start: u64, end: u64) {
        let memory = self.memory(scene.process);
        let pieces = memory.map_or_else(Vec::new, |memory| memory.cut(start, end));
        self.lose(scene, &pieces);
    }

    /// The scene's call has let go of these pieces.
    pub(super) fn lose(&mut self, scene: &mut Scene<'_>, pieces: &[Piece]) {
        let when = (scene.time(), Release::Call);
        self.lose_memory(scene.process, pieces, when, &mut scene.applied);
    }

    fn mmap(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let (flags, fd, length) = (event.int(3), event.int(4), event.arg(1));
        let anonymous = flags & MAP_ANONYMOUS != 0;
        scene.applied.object = if anonymous {
            None
        } else {
            self.object_at(scene, fd)
        };
        if event.failed() {
            return;
        }
        let start = event.result as u64;
        let end = start.saturating_add(pages(length));
        if flags & MAP_FIXED != 0 && flags & MAP_FIXED_NOREPLACE == 0 {
            // What it replaces is what it is about, if it maps something else.
            let replaced = self.object_in(scene, start, end);
            scene.applied.object = scene
                .applied
                .object
                .or(replaced.filter(|_| flags & MAP_SHARED == 0));
            self.unmap(scene, start, end);
        }
        let Some(object) = self.mapped_object(scene, flags, fd, length) else {
            return;
        };
        scene.applied.object = Some(object);
        self.identify(scene, object);
        let hold = self.begin(scene, object, HoldKind::Mapping(start));
        self.add_memory(scene.process, Piece { start, end, hold });
    }

    /// What a successful mmap has mapped; None if it is no shared memory.
    fn mapped_object(
        &mut self,
        scene: &mut Scene<'_>,
        flags: i32,
        fd: i32,
        length: u64,
    ) -> Option<ObjectId> {
        let (shared, anonymous) = (flags & MAP_SHARED != 0, flags & MAP_ANONYMOUS != 0);
        if anonymous {
            return shared.then(|| {
                let id = self.bring(scene, Kind::Anonymous, Origin::Created);
                self.resize(id, length);
                id
            });
        }
        match self.object_at(scene, fd) {
            Some(id) => Some(id),
            None => shared.then(|| self.bring(scene, unknown(fd), Origin::Found)),
        }
    }

    fn mremap(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let (old, old_size, new_size) = (event.arg(0), pages(event.arg(1)), pages(event.arg(2)));
        let piece = self.memory(scene.process).and_then(|memory| memory.at(old));
        scene.applied.object = piece.and_then(|piece| object_of(self, piece.hold));
        if event.failed() {
            return;
        }
        let start = event.result as u64;
        let end = start.saturating_add(new_size);
        let moves = old_size != 0 && event.int(3) & MREMAP_DONTUNMAP == 0;
        let hold = piece.map(|piece| piece.hold);
        let kept = hold.filter(|_| moves);
        let taken = self.cut_at(
            scene,
            start,
            end,
            kept.map(|_| (old, old.saturating_add(old_size))),
        );
        // One byte keeps the hold alive while it has neither place.
        self.keep(kept, 1);
        self.lose(scene, &taken);
        let hold = match (kept, scene.applied.object) {
            (Some(hold), _) => Some(hold),
            (None, Some(object)) => Some(self.begin(scene, object, HoldKind::Mapping(start))),
            (None, None) => None,
        };
        if let Some(hold) = hold {
            self.keep(kept, 0);
            self.add_memory(scene.process, Piece { start, end, hold });
        }
    }

    /// Adds to a hold's bytes, or takes that one byte back.
    fn keep(&mut self, hold: Option<HoldId>, byte: u64) {
        if let Some(hold) = hold.and_then(|hold| self.holds.get_mut(hold)) {
            hold.left = if byte == 0 {
                hold.left.saturating_sub(1)
            } else {
                hold.left.saturating_add(1)
            };
        }
    }

    /// Takes out what lies in the new place and, if it moves, in the old one.
    fn cut_at(
        &mut self,
        scene: &Scene<'_>,
        start: u64,
        end: u64,
        old: Option<(u64, u64)>,
    ) -> Vec<Piece> {
        let Some(memory) = self.memory(scene.process) else {
            return Vec::new();
        };
        let mut taken = memory.cut(start, end);
        if let Some((from, to)) = old {
            taken.extend(memory.cut(from, to));
        }
        taken
    }
}
